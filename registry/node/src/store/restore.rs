//! Making a database of a snapshot's entries: beside the old one, and in its place when the tree has the right root.

mod operations;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};
use chop_did::operation::MAX_OPERATION_BYTES;
use chop_ledger::tree;
use data_encoding::HEXLOWER;
use redb::{Database, ReadableDatabase};

use super::nodes::{self, Nodes};
use super::{BlockRecord, DiskLimit, StoreError, open_writable, tables};

/// What goes into the tree at once weighs so much, or little more; 16,384 pairs at most.
const SLICE_WEIGHT: u64 = 16 * 1024 * 1024;
/// What a pair weighs beside its bytes: the nodes of the tree above it.
const PAIR_WEIGHT: u64 = 1024;
/// The heaviest slice: more than a block of 4 MiB can write, so that no state of a ledger takes a heavier one.
const MAX_SLICE_WEIGHT: u64 = 256 * 1024 * 1024;
/// The longest key with its value: with a full chunk before it, the longest chunk that a node makes.
const MAX_PAIR_BYTES: usize = 3 * 1024 * 1024;
/// Most entries of one kind that are written in one transaction.
const BATCH: usize = 65_536;

/// One entry of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Entry {
    /// A state key and its value.
    Value(String, Vec<u8>),
    /// A signed DID operation: scid, sequence number, canonical JSON.
    Operation(String, u64, Vec<u8>),
}

/// Where a snapshot ends.
#[derive(Clone, Debug)]
pub struct Goal<'a> {
    /// Height of its block.
    pub height: u64,
    /// Root of the state after that block.
    pub root: [u8; 32],
    /// The ledger's canonical genesis.
    pub genesis: &'a [u8],
    /// The operations that created its founders, which nobody signs: (scid, sequence number, canonical JSON).
    pub founding: &'a [(String, u64, Vec<u8>)],
    /// How the solo ledger ended that this one was, if it was one.
    pub handover: Option<&'a [u8]>,
}

/// A database in the making. It is removed when it is dropped unfinished.
#[derive(Debug)]
pub struct Restoring {
    path: PathBuf,
    database: Option<Database>,
}

impl Restoring {
    /// Begins beside the database at `path`; what an earlier attempt left is removed.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn begin(path: &Path, limit: &Arc<DiskLimit>) -> Result<Self, StoreError> {
        let path = path.with_extension("restoring");
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let database = Some(open_writable(&path, limit)?);
        Ok(Self { path, database })
    }

    fn database(&self) -> Result<&Database, StoreError> {
        self.database.as_ref().ok_or(StoreError::Closed)
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.path.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Takes entries in; nothing about them is known yet but that they are no longer than a ledger's.
    ///
    /// # Errors
    /// When the disk does not take them, or one is too long.
    pub fn add(&self, entries: &[Entry]) -> Result<(), StoreError> {
        entries.iter().try_for_each(check_length)?;
        for batch in entries.chunks(BATCH) {
            let transaction = self.database()?.begin_write()?;
            {
                let mut values = transaction.open_table(tables::VALUES)?;
                let mut operations = transaction.open_table(tables::OPERATIONS)?;
                for entry in batch {
                    match entry {
                        Entry::Value(key, value) => {
                            values.insert(key.as_str(), value.as_slice())?;
                        }
                        Entry::Operation(scid, seq, body) => {
                            operations.insert((scid.as_str(), *seq), body.as_slice())?;
                        }
                    }
                }
            }
            transaction.commit()?;
        }
        Ok(())
    }

    /// Builds the tree, and checks that it has the right root and that every version has the operation that its record names,
    /// signed by whoever could sign it.
    ///
    /// # Errors
    /// When something differs; then the snapshot is another state than it said.
    pub fn finish(&self, goal: &Goal<'_>) -> Result<(), StoreError> {
        let root = self.build_tree(goal.height)?;
        if root != goal.root {
            return Err(StoreError::OtherRoot {
                version: goal.height,
                found: HEXLOWER.encode(&root),
                expected: HEXLOWER.encode(&goal.root),
            });
        }
        let reading = self.database()?.begin_read()?;
        operations::check(&reading, goal.founding)?;
        drop(reading);
        let transaction = self.database()?.begin_write()?;
        {
            let mut meta = transaction.open_table(tables::META)?;
            meta.insert(tables::GENESIS_KEY, goal.genesis)?;
            if let Some(handover) = goal.handover {
                meta.insert(tables::HANDOVER_KEY, handover)?;
            }
            let until = goal.height.to_be_bytes();
            meta.insert(tables::HEADERS_KEY, until.as_slice())?;
            let block = BlockRecord {
                signed_header: Vec::new(),
                txs: Vec::new(),
                results: Vec::new(),
                root,
            };
            let mut blocks = transaction.open_table(tables::BLOCKS)?;
            blocks.insert(goal.height, block.encode()?.as_slice())?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Adds the values slice by slice, each a version; the last one is that of the snapshot's height.
    fn build_tree(&self, height: u64) -> Result<[u8; 32], StoreError> {
        let mut total: u64 = 0;
        self.each_weight(|weight| total = total.saturating_add(weight))?;
        // There are as many versions as heights; a young ledger with many keys takes larger slices.
        let size = SLICE_WEIGHT.max(total.div_ceil(height.max(1)));
        if size > MAX_SLICE_WEIGHT {
            return Err(StoreError::Damaged {
                what: "snapshot",
                reason: format!("{height} blocks do not write state of weight {total}"),
            });
        }
        let (mut slices, mut slice) = (1, 0);
        self.each_weight(|weight| {
            if slice >= size {
                (slices, slice) = (slices + 1, 0);
            }
            slice += weight;
        })?;
        let mut from = String::new();
        let mut root = [0; 32];
        for version in height.saturating_sub(slices - 1)..=height {
            let pairs = self.pairs_after(&from, size)?;
            if let Some((last, _)) = pairs.last() {
                from.clone_from(last);
            }
            root = self.add_version(version, pairs)?;
        }
        Ok(root)
    }

    fn each_weight(&self, mut each: impl FnMut(u64)) -> Result<(), StoreError> {
        let values = self.database()?.begin_read()?.open_table(tables::VALUES)?;
        for pair in values.range::<&str>(..)? {
            let (key, value) = pair?;
            each(weight(key.value(), value.value()));
        }
        Ok(())
    }

    /// The pairs after a key, until they weigh `size`.
    fn pairs_after(&self, from: &str, size: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let values = self.database()?.begin_read()?.open_table(tables::VALUES)?;
        let mut pairs = Vec::new();
        let mut slice = 0;
        for pair in values.range(from..)? {
            let (key, value) = pair?;
            if slice >= size {
                break;
            }
            if key.value() != from || from.is_empty() {
                slice += weight(key.value(), value.value());
                pairs.push((key.value().to_owned(), value.value().to_vec()));
            }
        }
        Ok(pairs)
    }

    fn add_version(
        &self,
        version: u64,
        pairs: Vec<(String, Vec<u8>)>,
    ) -> Result<[u8; 32], StoreError> {
        let transaction = self.database()?.begin_write()?;
        let update = {
            let reader = Nodes {
                table: transaction.open_table(tables::NODES)?,
            };
            tree::restore(&reader, version, pairs).map_err(|error| StoreError::Damaged {
                what: "tree",
                reason: error.to_string(),
            })?
        };
        {
            let mut table = transaction.open_table(tables::NODES)?;
            nodes::add(&mut table, update.nodes.nodes().iter())?;
            nodes::remove(&mut table, update.stale.iter())?;
        }
        transaction.commit()?;
        Ok(update.root)
    }

    /// Where the finished database is; it stays there.
    pub(super) fn release(mut self) -> PathBuf {
        self.database = None;
        std::mem::take(&mut self.path)
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        self.database = None;
        if !self.path.as_os_str().is_empty() {
            // What cannot be removed is removed by the next attempt.
            let _removed = fs::remove_file(&self.path);
        }
    }
}

fn weight(key: &str, value: &[u8]) -> u64 {
    PAIR_WEIGHT + key.len() as u64 + value.len() as u64
}

fn check_length(entry: &Entry) -> Result<(), StoreError> {
    let (what, found, most) = match entry {
        Entry::Value(key, value) => ("value", key.len() + value.len(), MAX_PAIR_BYTES),
        Entry::Operation(_, _, body) => ("operation", body.len(), MAX_OPERATION_BYTES),
    };
    if found <= most {
        return Ok(());
    }
    let reason = format!("it has {found} bytes, at most {most} are allowed");
    Err(StoreError::Damaged { what, reason })
}
