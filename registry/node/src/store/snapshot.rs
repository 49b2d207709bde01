//! Everything that was committed up to one moment, to be read without further locks.

use std::sync::Arc;

use chop_ledger::Decoded;
use data_encoding::HEXLOWER;
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Sha256Jmt, Version};
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata};

use super::upper::UpperNodes;
use super::{BlockRecord, Entry, StoreError, nodes, tables};

/// A consistent view of the database; later commits do not show in it.
pub struct Snapshot {
    meta: ReadOnlyTable<&'static str, &'static [u8]>,
    values: ReadOnlyTable<&'static str, &'static [u8]>,
    nodes: ReadOnlyTable<&'static [u8], &'static [u8]>,
    blocks: ReadOnlyTable<u64, &'static [u8]>,
    headers: ReadOnlyTable<u64, &'static [u8]>,
    outcomes: ReadOnlyTable<&'static [u8], &'static [u8]>,
    operations: ReadOnlyTable<(&'static str, u64), &'static [u8]>,
    decoded: Decoded,
    upper: Arc<UpperNodes>,
    /// Of later versions nothing shows here, though their upper nodes are at hand.
    newest: Version,
}

impl Snapshot {
    /// Takes one of all that was committed, which is not less than what `upper` has.
    pub(super) fn of(database: &Database, upper: &Arc<UpperNodes>) -> Result<Self, StoreError> {
        let newest = upper.newest();
        let transaction = database.begin_read()?;
        Ok(Self {
            meta: transaction.open_table(tables::META)?,
            values: transaction.open_table(tables::VALUES)?,
            nodes: transaction.open_table(tables::NODES)?,
            blocks: transaction.open_table(tables::BLOCKS)?,
            headers: transaction.open_table(tables::HEADERS)?,
            outcomes: transaction.open_table(tables::OUTCOMES)?,
            operations: transaction.open_table(tables::OPERATIONS)?,
            decoded: Decoded::default(),
            upper: Arc::clone(upper),
            newest,
        })
    }

    /// The canonical bytes of the ledger's genesis, once it was founded.
    ///
    /// # Errors
    /// When the database fails.
    pub fn genesis(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .meta
            .get(tables::GENESIS_KEY)?
            .map(|bytes| bytes.value().to_vec()))
    }

    /// How the solo ledger ended that this one was, as [`super::BlockWrite::handover`] left it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn handover(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .meta
            .get(tables::HANDOVER_KEY)?
            .map(|bytes| bytes.value().to_vec()))
    }

    /// The current value under a state key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn value(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.values.get(key)?.map(|value| value.value().to_vec()))
    }

    /// Values of this state that the state machine has decoded.
    pub(crate) fn decoded(&self) -> &Decoded {
        &self.decoded
    }

    /// The first `limit` pairs with `from` ≤ key < `to`, in the order of the keys' bytes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn scan(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let mut pairs = Vec::new();
        for pair in self.values.range(from..to)?.take(limit) {
            let (key, value) = pair?;
            pairs.push((key.value().to_owned(), value.value().to_vec()));
        }
        Ok(pairs)
    }

    /// Goes through every entry that a state snapshot holds, in the same order at every node.
    ///
    /// # Errors
    /// When the database fails, or `take` does.
    pub fn each_entry(
        &self,
        mut take: impl FnMut(Entry) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for pair in self.values.iter()? {
            let (key, value) = pair?;
            take(Entry::Value(key.value().to_owned(), value.value().to_vec()))?;
        }
        for entry in self.operations.iter()? {
            let (key, body) = entry?;
            let (scid, seq) = key.value();
            take(Entry::Operation(
                scid.to_owned(),
                seq,
                body.value().to_vec(),
            ))?;
        }
        Ok(())
    }

    /// How many state keys there are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn value_count(&self) -> Result<u64, StoreError> {
        Ok(self.values.len()?)
    }

    /// How many nodes the state tree keeps.
    ///
    /// # Errors
    /// When the database fails.
    pub fn node_count(&self) -> Result<u64, StoreError> {
        Ok(self.nodes.len()?)
    }

    /// The keys of the nodes that the state tree keeps.
    #[cfg(test)]
    pub(super) fn node_keys(&self) -> Result<Vec<NodeKey>, StoreError> {
        let mut keys = Vec::new();
        for entry in self.nodes.iter()? {
            keys.push(borsh::from_slice(entry?.0.value())?);
        }
        Ok(keys)
    }

    /// The table of the state tree's nodes.
    #[cfg(test)]
    pub(super) fn nodes(&self) -> &ReadOnlyTable<&'static [u8], &'static [u8]> {
        &self.nodes
    }

    /// The block at a height, from 1.
    ///
    /// # Errors
    /// When the database fails or the record is damaged.
    pub fn block(&self, height: u64) -> Result<Option<BlockRecord>, StoreError> {
        let Some(bytes) = self.blocks.get(height)? else {
            return Ok(None);
        };
        let mut record = BlockRecord::decode(bytes.value())?;
        if record.signed_header.is_empty()
            && let Some(header) = self.headers.get(height)?
        {
            record.signed_header = header.value().to_vec();
        }
        Ok(Some(record))
    }

    /// The height up to which every block has its header here; headers of a block that CometBFT replays come later.
    ///
    /// # Errors
    /// When the database fails or the record is damaged.
    pub fn headers_until(&self) -> Result<u64, StoreError> {
        let bytes = self.meta.get(tables::HEADERS_KEY)?;
        bytes.map_or(Ok(0), |bytes| tables::read_u64(bytes.value()))
    }

    /// The height of the oldest block that is kept. Where a state snapshot was taken in, that is the block after it: of its own
    /// there is the root alone.
    ///
    /// # Errors
    /// When the database fails or the record is damaged.
    pub fn first_height(&self) -> Result<Option<u64>, StoreError> {
        let Some((height, bytes)) = self.blocks.first()? else {
            return Ok(None);
        };
        let height = height.value();
        let is_whole = height > self.headers_until()?
            || BlockRecord::has_header(bytes.value())
            || self.headers.get(height)?.is_some();
        Ok(Some(height + u64::from(!is_whole)))
    }

    /// Whether there is a block: the state of a snapshot alone is none.
    ///
    /// # Errors
    /// When the database fails or the record is damaged.
    pub fn has_blocks(&self) -> Result<bool, StoreError> {
        let last = self.blocks.last()?.map(|(height, _)| height.value());
        Ok(self.first_height()? <= last && last.is_some())
    }

    /// The last block with its height.
    ///
    /// # Errors
    /// When the database fails or the record is damaged.
    pub fn last_block(&self) -> Result<Option<(u64, BlockRecord)>, StoreError> {
        let Some((height, _)) = self.blocks.last()? else {
            return Ok(None);
        };
        let height = height.value();
        Ok(self.block(height)?.map(|record| (height, record)))
    }

    /// The recorded outcome of an envelope, as JSON bytes.
    ///
    /// # Errors
    /// When the database fails.
    pub fn outcome(&self, envelope: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .outcomes
            .get(envelope.as_slice())?
            .map(|bytes| bytes.value().to_vec()))
    }

    /// The signed operations of one DID from sequence number `from` on, at most `limit` of them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn operations(
        &self,
        scid: &str,
        from: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let mut operations = Vec::new();
        for entry in self
            .operations
            .range((scid, from)..=(scid, u64::MAX))?
            .take(limit)
        {
            let (key, body) = entry?;
            operations.push((key.value().1, body.value().to_vec()));
        }
        Ok(operations)
    }

    /// Height and round of the last header that was signed.
    ///
    /// # Errors
    /// When the database fails or the record is damaged.
    pub fn last_signed(&self) -> Result<Option<(u64, u16)>, StoreError> {
        let bytes = self.meta.get(tables::SIGNED_KEY)?;
        bytes
            .map(|bytes| super::write::decode_signed(bytes.value()))
            .transpose()
    }

    /// The root of the state tree at a version; an error when there is no such version.
    ///
    /// # Errors
    /// When the version was pruned or never written, or the database fails.
    pub fn root(&self, version: Version) -> Result<[u8; 32], StoreError> {
        let root = Sha256Jmt::new(self).get_root_hash(version);
        root.map(|root| root.0)
            .map_err(|error| StoreError::Damaged {
                what: "tree",
                reason: error.to_string(),
            })
    }

    /// Compares the tree at a block's height with the root that the block left: a gap in the versions would silently start an
    /// empty tree.
    ///
    /// # Errors
    /// When it is another root, or there is none.
    pub fn check_root(&self, height: u64, block: &BlockRecord) -> Result<(), StoreError> {
        let root = self.root(height)?;
        if root == block.root {
            return Ok(());
        }
        Err(StoreError::OtherRoot {
            version: height,
            found: HEXLOWER.encode(&root),
            expected: HEXLOWER.encode(&block.root),
        })
    }

    /// A reader of the tree that knows the one value which a proof about `key` asks for.
    pub fn tree_for<'a>(&'a self, key: &'a str) -> KeyedTree<'a> {
        KeyedTree {
            snapshot: self,
            key,
        }
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

impl TreeReader for Snapshot {
    fn get_node_option(&self, node_key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let is_upper = node_key.version() <= self.newest;
        match self.upper.find(node_key).filter(|_| is_upper) {
            Some(node) => Ok(Some(node)),
            None => nodes::read(&self.nodes, node_key),
        }
    }

    /// Values are kept under their text keys, which a hash does not tell: see [`Snapshot::tree_for`].
    fn get_value_option(&self, _: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        anyhow::bail!("the value under {key:?} was asked for by hash")
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("the tree is never restored from leaves")
    }
}

/// The tree of a snapshot, together with the value under one text key.
#[derive(Debug, Clone, Copy)]
pub struct KeyedTree<'a> {
    snapshot: &'a Snapshot,
    key: &'a str,
}

impl TreeReader for KeyedTree<'_> {
    fn get_node_option(&self, node_key: &NodeKey) -> anyhow::Result<Option<Node>> {
        self.snapshot.get_node_option(node_key)
    }

    fn get_value_option(
        &self,
        version: Version,
        key: KeyHash,
    ) -> anyhow::Result<Option<OwnedValue>> {
        if key == chop_proof::key_hash(self.key) {
            return Ok(self.snapshot.value(self.key)?);
        }
        self.snapshot.get_value_option(version, key)
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        self.snapshot.get_rightmost_leaf()
    }
}
