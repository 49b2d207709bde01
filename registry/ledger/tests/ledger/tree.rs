use super::world::{Nodes, World};
use chop_ledger::{Delta, tree};
use chop_proof::key_hash;
use jmt::RootHash;
use jmt::proof::SparseMerkleProof;
use jmt::storage::Node;
use proptest::prelude::*;
use sha2::Sha256;
use std::collections::BTreeMap;

/// Builds one version after another, each checked against a tree of the same entries built at once.
fn grow(blocks: &[Delta]) -> (Nodes, [u8; 32], BTreeMap<String, Vec<u8>>) {
    let mut nodes = Nodes::default();
    let mut root = None;
    let mut entries = BTreeMap::new();
    for (version, delta) in (0..).zip(blocks) {
        let update = tree::update(&nodes, version, root, delta).unwrap();
        nodes.apply(&update);
        root = Some(update.root);
        for (key, value) in delta {
            match value {
                Some(value) => entries.insert(key.clone(), value.clone()),
                None => entries.remove(key),
            };
        }
        let whole = entries
            .iter()
            .map(|(key, value)| (key.clone(), Some(value.clone())))
            .collect();
        let fresh = tree::update(&Nodes::default(), 0, None, &whole).unwrap();
        assert_eq!(fresh.root, update.root, "the root depends on the way there");
        assert_eq!(tree::root(&nodes, version).unwrap(), root);
    }
    (nodes, root.unwrap(), entries)
}

fn deltas() -> impl Strategy<Value = Vec<Delta>> {
    let value = proptest::option::weighted(0.7, proptest::collection::vec(any::<u8>(), 0..6));
    let delta = proptest::collection::btree_map("[a-e]{1,2}", value, 0..8);
    proptest::collection::vec(delta, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_entry_and_every_absence_is_proven_and_stale_nodes_are_not_needed(blocks in deltas()) {
        let (nodes, root, entries) = grow(&blocks);
        let version = blocks.len() as u64 - 1;
        for key in ["a", "b", "c", "d", "e", "ab", "ba", "ee", "zz"] {
            let proven = tree::prove(&nodes, version, key).unwrap();
            prop_assert_eq!(proven.value.as_ref(), entries.get(key));
            let path: SparseMerkleProof<Sha256> = borsh::from_slice(&proven.path).unwrap();
            path.verify(RootHash(root), key_hash(key), proven.value.as_ref()).unwrap();
            path.verify(RootHash(root), key_hash(key), Some(b"another value")).unwrap_err();
        }
    }

    #[test]
    fn pruning_leaves_exactly_the_nodes_of_the_last_version(blocks in deltas()) {
        let (nodes, _, entries) = grow(&blocks);
        let version = blocks.len() as u64 - 1;
        let roots = nodes.nodes.keys().filter(|key| key.nibble_path().is_empty()).count();
        prop_assert_eq!(roots, 1);
        let leaves = nodes.nodes.values().filter(|node| matches!(node, Node::Leaf(_))).count();
        prop_assert_eq!(leaves, entries.len());
        prop_assert!(tree::root(&nodes, version).unwrap().is_some());
        if version > 0 {
            prop_assert_eq!(tree::root(&nodes, version - 1).unwrap(), None);
        }
    }
}

#[test]
fn an_empty_delta_makes_a_version_with_the_same_root() {
    let mut world = World::new();
    let before = world.root;
    world.block(&[]);
    assert_eq!(world.root, before);
    assert_eq!(
        tree::root(&world.nodes, world.height).unwrap(),
        Some(before)
    );
}

#[test]
fn refuses_to_build_on_a_gap_or_on_another_parent() {
    let world = World::new();
    let delta = Delta::from([("k".to_owned(), Some(vec![1]))]);
    let next = world.height + 1;
    assert!(tree::update(&world.nodes, next, Some(world.root), &delta).is_ok());
    for (version, parent) in [
        (next + 1, Some(world.root)),
        (next, Some([0; 32])),
        (next, None),
        (0, Some(world.root)),
    ] {
        let error = tree::update(&world.nodes, version, parent, &delta).unwrap_err();
        assert!(
            matches!(error, tree::TreeError::Parent { .. }),
            "{version} {parent:?}"
        );
    }
}

#[test]
fn refuses_to_prove_from_a_version_that_is_gone() {
    let world = World::new();
    assert!(tree::prove(&world.nodes, 0, "ledger").is_err());
    assert!(tree::prove(&world.nodes, world.height + 1, "ledger").is_err());
    assert!(
        tree::prove(&world.nodes, world.height, "ledger")
            .unwrap()
            .value
            .is_some()
    );
}
