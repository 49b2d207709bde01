//! The nodes of the state tree in their table.
//!
//! ```text
//! borsh(NodeKey)   version (u64) ‖ nibbles of the path (u64) ‖ bytes of the path (u32) ‖ path, numbers little endian
//! ```
//!
//! So the nodes of one version stand together, the upper ones first, and those of one depth in the order of their paths.

use std::io;
use std::ops::Bound;

use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use redb::{ReadableTable, Table};

use super::StoreError;

/// Bytes of a key before its path.
const HEAD: usize = 8 + 8 + 4;
/// Bytes of the longest key: its path has 64 nibbles.
const MAX_KEY: usize = HEAD + 32;
/// Stale nodes with fewer places than these between them are removed in one pass over what stands there.
const NEAR: u64 = 64;

type NodeTable<'a> = Table<'a, &'static [u8], &'static [u8]>;

/// Adds nodes of one version that has none in the table yet, in the order of their keys.
///
/// They all come into one gap, and so into leaves of their own that are written once: redb would look for the place of each of
/// them, and write its leaf anew.
pub(super) fn add<'a>(
    table: &mut NodeTable<'_>,
    nodes: impl Iterator<Item = (&'a NodeKey, &'a Node)>,
) -> Result<(), StoreError> {
    let mut nodes = nodes.peekable();
    let Some((first, _)) = nodes.peek() else {
        return Ok(());
    };
    let mut gap = table.lower_bound_mut(Bound::Included(Key::of(first)?.as_bytes()))?;
    let mut bytes = Vec::new();
    for (key, node) in nodes {
        bytes.clear();
        borsh::to_writer(&mut bytes, node).map_err(|error| undecodable(&error))?;
        gap.insert_before(Key::of(key)?.as_bytes(), bytes.as_slice())?;
    }
    Ok(gap.close()?)
}

/// Removes nodes; those that are not there are none.
pub(super) fn remove<'a>(
    table: &mut NodeTable<'_>,
    stale: impl Iterator<Item = &'a NodeKey>,
) -> Result<(), StoreError> {
    let mut keys = stale.map(Key::of).collect::<Result<Vec<_>, _>>()?;
    keys.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    for run in keys.chunk_by(Key::is_near) {
        match run {
            [one] => {
                table.remove(one.as_bytes())?;
            }
            [first, .., last] => {
                let mut stale = run.iter().map(Key::as_bytes).peekable();
                let range = first.as_bytes()..=last.as_bytes();
                table.retain_in(range, |key, _| {
                    while stale.next_if(|next| *next < key).is_some() {}
                    stale.next_if_eq(&key).is_none()
                })?;
            }
            [] => {}
        }
    }
    Ok(())
}

/// Reads a node.
pub(super) fn read(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &NodeKey,
) -> anyhow::Result<Option<Node>> {
    let node = table.get(Key::of(key)?.as_bytes())?;
    node.map(|bytes| borsh::from_slice(bytes.value()))
        .transpose()
        .map_err(Into::into)
}

/// The bytes of a key.
#[derive(Clone, Copy)]
struct Key {
    bytes: [u8; MAX_KEY],
    length: usize,
}

impl Key {
    fn of(key: &NodeKey) -> Result<Self, StoreError> {
        let mut bytes = [0; MAX_KEY];
        let mut left = bytes.as_mut_slice();
        borsh::to_writer(&mut left, key).map_err(|error| undecodable(&error))?;
        let length = MAX_KEY - left.len();
        Ok(Self { bytes, length })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    /// Whether a later key is of the same version and depth, and few nodes can stand between the two.
    fn is_near(&self, later: &Self) -> bool {
        self.bytes.first_chunk::<HEAD>() == later.bytes.first_chunk::<HEAD>()
            && match (self.place(), later.place()) {
                (Some(one), Some(other)) => other.saturating_sub(one) < NEAR,
                _ => false,
            }
    }

    /// The path as a number; none where it is too long for one.
    fn place(&self) -> Option<u64> {
        let (_, path) = self.bytes.split_first_chunk::<HEAD>()?;
        let nibbles = self.bytes.get(8..16)?.try_into().map(u64::from_le_bytes);
        let unused = 64_u64.checked_sub(nibbles.ok()?.checked_mul(4)?)?;
        let first = u64::from_be_bytes(*path.first_chunk()?);
        Some(first.checked_shr(unused.try_into().ok()?).unwrap_or(0))
    }
}

fn undecodable(error: &io::Error) -> StoreError {
    StoreError::Damaged {
        what: "tree",
        reason: error.to_string(),
    }
}

/// The tree as a running transaction sees it.
pub(super) struct Nodes<T> {
    pub(super) table: T,
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> TreeReader for Nodes<T> {
    fn get_node_option(&self, node_key: &NodeKey) -> anyhow::Result<Option<Node>> {
        read(&self.table, node_key)
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(None)
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jmt::Sha256Jmt;
    use redb::Database;
    use redb::backends::InMemoryBackend;

    use super::super::tables::NODES;
    use super::*;

    /// What changes in a version: keys come, change and go, many of them or few.
    fn changes(version: u64) -> Vec<(KeyHash, Option<OwnedValue>)> {
        let count = [1, 2, 700, 40, 0, 300][usize::try_from(version % 6).unwrap()];
        let change = |n: u64| {
            let seed = (version * 1_009 + n).wrapping_mul(6_364_136_223_846_793_005) >> 33;
            let key = chop_proof::key_hash(&format!("key/{}", seed % 5_000));
            let value = (seed % 7 > 1).then(|| version.to_be_bytes().to_vec());
            (key, value)
        };
        (0..count).map(change).collect()
    }

    #[test]
    fn the_table_holds_what_writing_each_node_by_itself_would_leave() {
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .unwrap();
        let mut plain: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        // On both sides of the version after which the order of the keys' bytes begins anew.
        for version in 230..300 {
            let transaction = database.begin_write().unwrap();
            let batch = {
                let table = transaction.open_table(NODES).unwrap();
                let reader = Nodes { table };
                let tree = Sha256Jmt::new(&reader);
                tree.put_value_set(changes(version), version).unwrap().1
            };
            let stale: Vec<_> = batch
                .stale_node_index_batch
                .into_iter()
                .map(|index| index.node_key)
                .collect();
            let mut table = transaction.open_table(NODES).unwrap();
            add(&mut table, batch.node_batch.nodes().iter()).unwrap();
            // In whichever order they are told.
            remove(&mut table, stale.iter().rev()).unwrap();
            for (key, node) in batch.node_batch.nodes() {
                plain.insert(borsh::to_vec(key).unwrap(), borsh::to_vec(node).unwrap());
            }
            for key in &stale {
                plain.remove(&borsh::to_vec(key).unwrap());
            }
            let held: BTreeMap<_, _> = table
                .iter()
                .unwrap()
                .map(|entry| {
                    let (key, node) = entry.unwrap();
                    (key.value().to_vec(), node.value().to_vec())
                })
                .collect();
            assert!(held == plain, "version {version}");
            drop(table);
            transaction.commit().unwrap();
        }
        assert!(plain.len() > 3_000, "{}", plain.len());
    }

    #[test]
    fn only_few_nodes_can_stand_between_two_that_are_near() {
        let database = Database::builder()
            .create_with_backend(InMemoryBackend::new())
            .unwrap();
        let transaction = database.begin_write().unwrap();
        let table = transaction.open_table(NODES).unwrap();
        let reader = Nodes { table };
        let keys = (0..3_000).map(|n| chop_proof::key_hash(&n.to_string()));
        let set = keys.map(|key| (key, Some(vec![0])));
        let (_, batch) = Sha256Jmt::new(&reader).put_value_set(set, 7).unwrap();
        let keys: Vec<Key> = batch
            .node_batch
            .nodes()
            .keys()
            .map(|key| Key::of(key).unwrap())
            .collect();
        assert!(keys.is_sorted_by(|one, other| one.as_bytes() < other.as_bytes()));
        let mut seen = [0, 0];
        for (at, one) in keys.iter().enumerate() {
            for (between, later) in keys[at + 1..].iter().take(200).enumerate() {
                let is_near = one.is_near(later);
                assert!(!is_near || (between as u64) < NEAR, "{at}, {between}");
                seen[usize::from(is_near)] += 1;
            }
        }
        assert!(seen.iter().all(|count| *count > 1_000), "{seen:?}");
    }
}
