//! One transaction: blocks and all that they changed.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;
use jmt::Sha256Jmt;
use jmt::storage::{Node, NodeBatch, NodeKey};
use redb::{Database, Durability, ReadableTable, Table, WriteTransaction};

use super::nodes::{self, Nodes};
use super::{BlockRecord, StoreError, tables};

/// Most blocks that go with one write, so that no commit takes long.
const PRUNED_AT_ONCE: usize = 256;

/// Blocks to write, in order, with everything that changes with them.
///
/// The first write brings the genesis: solo's with the first block, the other engine's without any.
#[derive(Debug, Default)]
pub struct BlockWrite<'a> {
    /// The canonical genesis, with the first write only.
    pub genesis: Option<&'a [u8]>,
    /// What a solo ledger leaves to its validators, with its last block only: JSON of `chop_proof::Handover`.
    pub handover: Option<Vec<u8>>,
    /// The oldest block that stays: those below it go, a bounded number with each write; 0 keeps all.
    pub keep_from: u64,
    /// Height of the first of the blocks.
    pub first_height: u64,
    /// The blocks; each leaves a version of the tree at its height.
    pub blocks: &'a [BlockRecord],
    /// What each version adds to the tree, in order, and which nodes it makes superfluous; the last one must be complete.
    pub versions: Vec<(&'a NodeBatch, &'a [NodeKey])>,
    /// State keys with their new values, or none where the key goes.
    pub values: Vec<(&'a str, Option<&'a [u8]>)>,
    /// Final outcomes by envelope hash.
    pub outcomes: Vec<([u8; 32], &'a [u8])>,
    /// Signed DID operations by (scid, sequence number).
    pub operations: &'a [(String, u64, Vec<u8>)],
    /// Round in which the last of the headers was signed.
    pub round: u16,
}

impl BlockWrite<'_> {
    pub(super) fn commit(
        &self,
        database: &Database,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let mut transaction = database.begin_write()?;
        transaction.set_durability(durability)?;
        // Saves the allocator state: opening after a kill, or for reading only, takes no walk over the file.
        transaction.set_quick_repair(matches!(durability, Durability::Immediate));
        self.check_parent(&transaction)?;
        self.write_tree(&transaction)?;
        self.write_blocks(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    /// A gap in the versions would silently start an empty tree, so the parent is looked at before every write.
    fn check_parent(&self, transaction: &WriteTransaction) -> Result<(), StoreError> {
        let blocks = transaction.open_table(tables::BLOCKS)?;
        let last = blocks.last()?;
        let Some((height, bytes)) = last else {
            let meta = transaction.open_table(tables::META)?;
            let founded = meta.get(tables::GENESIS_KEY)?.is_some();
            return if self.first_height == 1 && founded != self.genesis.is_some() {
                Ok(())
            } else {
                Err(StoreError::NotNext {
                    found: self.first_height,
                    expected: 1,
                })
            };
        };
        let height = height.value();
        if self.first_height != height + 1 || self.genesis.is_some() {
            return Err(StoreError::NotNext {
                found: self.first_height,
                expected: height + 1,
            });
        }
        let expected = BlockRecord::root_in(bytes.value())?;
        let nodes = Nodes {
            table: transaction.open_table(tables::NODES)?,
        };
        let found = Sha256Jmt::new(&nodes)
            .get_root_hash(height)
            .map_err(|error| StoreError::Damaged {
                what: "tree",
                reason: error.to_string(),
            })?
            .0;
        if found != expected {
            return Err(StoreError::OtherRoot {
                version: height,
                found: HEXLOWER.encode(&found),
                expected: HEXLOWER.encode(&expected),
            });
        }
        Ok(())
    }

    fn write_tree(&self, transaction: &WriteTransaction) -> Result<(), StoreError> {
        let mut table = transaction.open_table(tables::NODES)?;
        let passing = self.passing();
        for (added, _) in &self.versions {
            let added = added.nodes().iter();
            nodes::add(&mut table, added.filter(|(key, _)| !passing.contains(key)))?;
        }
        let stale = self.stale_nodes();
        nodes::remove(&mut table, stale.filter(|key| !passing.contains(key)))?;
        let mut values = transaction.open_table(tables::VALUES)?;
        for (key, value) in &self.values {
            match value {
                Some(value) => values.insert(*key, *value)?,
                None => values.remove(*key)?,
            };
        }
        Ok(())
    }

    /// The nodes that one of the versions makes superfluous.
    pub(super) fn stale_nodes(&self) -> impl Iterator<Item = &NodeKey> {
        self.versions.iter().flat_map(|(_, stale)| *stale)
    }

    /// The nodes that are stored, in the order of their versions.
    pub(super) fn lasting_nodes(&self) -> impl Iterator<Item = (&NodeKey, &Node)> {
        let passing = self.passing();
        let nodes = self.versions.iter().flat_map(|(added, _)| added.nodes());
        nodes.filter(move |(key, _)| !passing.contains(key))
    }

    /// Nodes of one of these versions that a later one of them makes superfluous: they are never stored.
    fn passing(&self) -> BTreeSet<&NodeKey> {
        let mut passing = BTreeSet::new();
        for (at, (_, stale)) in self.versions.iter().enumerate() {
            let is_of_these = |key: &NodeKey| {
                let mut earlier = self.versions.iter().take(at);
                earlier.any(|(added, _)| added.get_node(key).is_some())
            };
            passing.extend(stale.iter().filter(|key| is_of_these(key)));
        }
        passing
    }

    /// Moves the mark up to which every header is here, unless one is missing below.
    fn count_headers(
        &self,
        meta: &mut Table<'_, &'static str, &'static [u8]>,
    ) -> Result<(), StoreError> {
        let marked = meta.get(tables::HEADERS_KEY)?;
        let mut until = marked.map_or(Ok(0), |bytes| tables::read_u64(bytes.value()))?;
        for (height, block) in (self.first_height..).zip(self.blocks) {
            if until + 1 == height && !block.signed_header.is_empty() {
                until = height;
            }
        }
        meta.insert(tables::HEADERS_KEY, until.to_be_bytes().as_slice())?;
        Ok(())
    }

    fn write_blocks(&self, transaction: &WriteTransaction) -> Result<(), StoreError> {
        let mut blocks = transaction.open_table(tables::BLOCKS)?;
        let mut height = self.first_height;
        for block in self.blocks {
            blocks.insert(height, block.encode()?.as_slice())?;
            height += 1;
        }
        // What this write brings stays, so that there is always a last block.
        let below = self.keep_from.min(self.first_height);
        if below > 0 {
            prune(&mut blocks, below)?;
            prune(&mut transaction.open_table(tables::HEADERS)?, below)?;
        }
        let mut outcomes = transaction.open_table(tables::OUTCOMES)?;
        for (hash, outcome) in &self.outcomes {
            outcomes.insert(hash.as_slice(), *outcome)?;
        }
        if !self.operations.is_empty() {
            let mut operations = transaction.open_table(tables::OPERATIONS)?;
            for (scid, seq, body) in self.operations {
                operations.insert((scid.as_str(), *seq), body.as_slice())?;
            }
        }
        let mut meta = transaction.open_table(tables::META)?;
        if let Some(genesis) = self.genesis {
            meta.insert(tables::GENESIS_KEY, genesis)?;
        }
        if let Some(handover) = &self.handover {
            meta.insert(tables::HANDOVER_KEY, handover.as_slice())?;
        }
        self.count_headers(&mut meta)?;
        let signed = encode_signed(height.saturating_sub(1), self.round);
        meta.insert(tables::SIGNED_KEY, signed.as_slice())?;
        Ok(())
    }
}

/// Removes the oldest blocks, or the headers that came after them. State, history and outcomes stay.
fn prune(table: &mut Table<'_, u64, &'static [u8]>, below: u64) -> Result<(), StoreError> {
    let old: Vec<u64> = table
        .range(..below)?
        .take(PRUNED_AT_ONCE)
        .map(|entry| entry.map(|(height, _)| height.value()))
        .collect::<Result<_, _>>()?;
    for height in old {
        table.remove(height)?;
    }
    Ok(())
}

/// Writes nothing, durably: with it all that was committed before becomes so.
pub(super) fn sync(database: &Database) -> Result<(), StoreError> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    transaction.commit()?;
    Ok(())
}

/// Headers that came after their blocks, and how far they are complete now.
pub(super) fn add_headers(
    database: &Database,
    headers: &[(u64, Vec<u8>)],
    until: u64,
) -> Result<(), StoreError> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    {
        let mut table = transaction.open_table(tables::HEADERS)?;
        for (height, header) in headers {
            table.insert(*height, header.as_slice())?;
        }
        let mut meta = transaction.open_table(tables::META)?;
        meta.insert(tables::HEADERS_KEY, until.to_be_bytes().as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

/// What is known now of how a solo ledger ended.
pub(super) fn keep_handover(database: &Database, handover: &[u8]) -> Result<(), StoreError> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    transaction
        .open_table(tables::META)?
        .insert(tables::HANDOVER_KEY, handover)?;
    transaction.commit()?;
    Ok(())
}

/// `height (u64, big endian) ‖ round (u16, big endian)`.
fn encode_signed(height: u64, round: u16) -> Vec<u8> {
    [
        height.to_be_bytes().as_slice(),
        round.to_be_bytes().as_slice(),
    ]
    .concat()
}

pub(super) fn decode_signed(bytes: &[u8]) -> Result<(u64, u16), StoreError> {
    match bytes.split_first_chunk::<8>() {
        Some((height, [high, low])) => Ok((
            u64::from_be_bytes(*height),
            u16::from_be_bytes([*high, *low]),
        )),
        _ => Err(StoreError::Damaged {
            what: "last signed",
            reason: format!("{} bytes", bytes.len()),
        }),
    }
}
