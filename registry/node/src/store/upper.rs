//! The upper nodes of the state tree, decoded: each block reads most of them, as the block before left them, and replaces them.

use std::sync::{PoisonError, RwLock};

use jmt::Version;
use jmt::storage::{Node, NodeKey};

/// How many shorter paths there are than those of each length that is kept.
const SHORTER: [usize; 4] = [0, 1, 17, 273];
/// How many paths are kept; when each has a node, these take about 5 MiB.
const PATHS: usize = 4_369;

/// One node of each short path, the one that was written last.
#[derive(Debug, Default)]
pub(super) struct UpperNodes(RwLock<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// The last version that was written.
    newest: Version,
    /// By path; empty before the first write.
    nodes: Vec<Option<(Version, Node)>>,
}

impl UpperNodes {
    /// Does what a commit did: superfluous nodes go, and of the added ones the upper ones come.
    pub(super) fn follow<'a>(
        &self,
        stale: impl Iterator<Item = &'a NodeKey>,
        added: impl Iterator<Item = (&'a NodeKey, &'a Node)>,
    ) {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        kept.nodes.resize(PATHS, None);
        for key in stale {
            if let Some(held) = place(key).and_then(|place| kept.nodes.get_mut(place)) {
                held.take_if(|(version, _)| *version == key.version());
            }
        }
        for (key, node) in added {
            kept.newest = kept.newest.max(key.version());
            if let Some(held) = place(key).and_then(|place| kept.nodes.get_mut(place)) {
                *held = Some((key.version(), node.clone()));
            }
        }
    }

    /// The last version whose nodes are here; what is read later shows it, or a newer one.
    pub(super) fn newest(&self) -> Version {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.newest
    }

    /// Finds a node.
    pub(super) fn find(&self, key: &NodeKey) -> Option<Node> {
        let place = place(key)?;
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match kept.nodes.get(place)? {
            Some((version, node)) if *version == key.version() => Some(node.clone()),
            _ => None,
        }
    }
}

/// The place of a path among all short ones, shorter ones first.
fn place(key: &NodeKey) -> Option<usize> {
    let path = key.nibble_path();
    let length = path.num_nibbles();
    let number = |number, at| number * 16 + path.get_nibble(at).as_usize();
    Some(SHORTER.get(length)? + (0..length).fold(0, number))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use jmt::storage::TreeReader as _;

    use super::super::fixtures::{write_next, write_next_unsynced};
    use super::super::{DiskLimit, Store, nodes};
    use super::*;

    #[test]
    fn every_snapshot_shows_the_nodes_that_its_table_holds_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.redb");
        let store = Store::open(&path, Arc::new(DiskLimit::none())).unwrap();
        let mut keys = BTreeSet::new();
        for _opening in 0..3 {
            let mut snapshots = vec![store.snapshot().unwrap()];
            for synced in [true, false].repeat(10) {
                let write = if synced {
                    write_next
                } else {
                    write_next_unsynced
                };
                write(&store).unwrap();
                let snapshot = store.snapshot().unwrap();
                keys.extend(snapshot.node_keys().unwrap());
                snapshots.push(snapshot);
            }
            for snapshot in &snapshots {
                let mut count = 0;
                for key in &keys {
                    let held = nodes::read(snapshot.nodes(), key).unwrap();
                    count += u64::from(held.is_some());
                    assert_eq!(snapshot.get_node_option(key).unwrap(), held, "{key:?}");
                }
                assert_eq!(count, snapshot.node_count().unwrap());
            }
            drop(snapshots);
            store.reopen_writable().unwrap();
        }
        assert!(keys.len() > 300, "{}", keys.len());
    }

    #[test]
    fn keeps_the_newest_node_of_each_short_path_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.redb");
        let store = Store::open(&path, Arc::new(DiskLimit::none())).unwrap();
        for _ in 0..60 {
            write_next(&store).unwrap();
        }
        let snapshot = store.snapshot().unwrap();
        let upper = UpperNodes::default();
        let keys = snapshot.node_keys().unwrap();
        let read = |key: &NodeKey| nodes::read(snapshot.nodes(), key).unwrap().unwrap();
        let all: Vec<_> = keys.iter().map(|key| (key, read(key))).collect();
        let added = all.iter().map(|(key, node)| (*key, node));
        upper.follow([].into_iter(), added);
        let mut places = BTreeSet::new();
        for (key, node) in &all {
            let is_short = key.nibble_path().num_nibbles() <= 3;
            assert_eq!(upper.find(key).as_ref(), is_short.then_some(node));
            assert_eq!(place(key).is_some(), is_short);
            assert!(place(key).is_none_or(|place| place < PATHS && places.insert(place)));
            let older = NodeKey::new(key.version() + 1, key.nibble_path().clone());
            assert_eq!(upper.find(&older), None);
        }
        assert!(places.len() > 100, "{}", places.len());
        assert_eq!(upper.newest(), 60);
    }
}
