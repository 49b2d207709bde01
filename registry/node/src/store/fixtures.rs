//! Blocks for store tests: a real tree, headers that only the store's tests can read.

use std::collections::BTreeMap;

use jmt::storage::NodeKey;
use jmt::{RootHash, Sha256Jmt};

use super::{BlockRecord, BlockWrite, Snapshot, Store, StoreError};

/// The state that block `height` leaves: some keys come, some change, some go.
pub(super) fn state_at(height: u64) -> BTreeMap<String, Vec<u8>> {
    let mut state = BTreeMap::new();
    for past in 1..=height {
        for (key, value) in delta(past) {
            match value {
                Some(value) => state.insert(key, value),
                None => state.remove(&key),
            };
        }
    }
    state
}

fn delta(height: u64) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut delta = BTreeMap::new();
    // Every third block changes nothing.
    if !height.is_multiple_of(3) {
        for n in 0..5 {
            delta.insert(
                format!("new/{height}/{n}"),
                Some(height.to_be_bytes().repeat(20)),
            );
        }
        delta.insert("counter".to_owned(), Some(height.to_string().into_bytes()));
        delta.insert(format!("new/{}/1", height.saturating_sub(2)), None);
    }
    delta
}

/// Writes the next block.
pub(super) fn write_next(store: &Store) -> Result<u64, StoreError> {
    next(store, Store::commit)
}

/// Writes the next block, not durably.
pub(super) fn write_next_unsynced(store: &Store) -> Result<u64, StoreError> {
    next(store, Store::commit_unsynced)
}

type Commit = fn(&Store, &BlockWrite<'_>) -> Result<(), StoreError>;

fn next(store: &Store, commit: Commit) -> Result<u64, StoreError> {
    let snapshot = store.snapshot()?;
    let last = snapshot.last_block()?.map_or(0, |(height, _)| height);
    write(store, &snapshot, last + 1, commit)?;
    Ok(last + 1)
}

/// Writes a block at this height, whatever comes next.
pub(super) fn write_at(store: &Store, snapshot: &Snapshot, height: u64) -> Result<(), StoreError> {
    write(store, snapshot, height, Store::commit)
}

fn write(
    store: &Store,
    snapshot: &Snapshot,
    height: u64,
    commit: Commit,
) -> Result<(), StoreError> {
    let delta = delta(height);
    let set: Vec<_> = delta
        .iter()
        .map(|(key, value)| (chop_proof::key_hash(key), value.clone()))
        .collect();
    let (RootHash(root), batch) = Sha256Jmt::new(snapshot).put_value_set(set, height).unwrap();
    let mut stale: Vec<NodeKey> = batch
        .stale_node_index_batch
        .into_iter()
        .map(|index| index.node_key)
        .collect();
    if delta.is_empty() {
        let added = batch.node_batch.nodes().keys();
        let root = { added }.find(|key| key.nibble_path().is_empty()).unwrap();
        stale.push(NodeKey::new(height - 1, root.nibble_path().clone()));
    }
    let block = BlockRecord {
        signed_header: vec![],
        txs: vec![height.to_be_bytes().to_vec()],
        results: vec![],
        root,
    };
    let operation = format!("operation {height}").into_bytes();
    let outcome = height.to_string();
    let write = BlockWrite {
        genesis: (height == 1).then_some(b"{}"),
        first_height: height,
        blocks: &[block],
        versions: vec![(&batch.node_batch, &stale)],
        values: delta
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_deref()))
            .collect(),
        outcomes: vec![(
            [u8::try_from(height % 256).unwrap(); 32],
            outcome.as_bytes(),
        )],
        operations: &[("scid".to_owned(), height, operation)],
        ..BlockWrite::default()
    };
    commit(store, &write)
}

/// Checks that the store holds exactly what block `height` left.
pub(super) fn assert_holds(store: &Store, height: u64) {
    let snapshot = store.snapshot().unwrap();
    let found = snapshot.scan("", "\u{10ffff}", usize::MAX).unwrap();
    assert_eq!(
        found.into_iter().collect::<BTreeMap<_, _>>(),
        state_at(height)
    );
    assert_eq!(
        snapshot.last_block().unwrap().map_or(0, |(last, _)| last),
        height
    );
    if height > 0 {
        let block = snapshot.block(height).unwrap().unwrap();
        assert_eq!(snapshot.root(height).unwrap(), block.root);
        assert_eq!(
            snapshot.operations("scid", 1, 10_000).unwrap().len() as u64,
            height
        );
        assert_eq!(snapshot.last_signed().unwrap(), Some((height, 0)));
        let (_, proof) = Sha256Jmt::new(&snapshot.tree_for("counter"))
            .get_with_proof(chop_proof::key_hash("counter"), height)
            .unwrap();
        let counter = snapshot.value("counter").unwrap();
        proof
            .verify(
                RootHash(block.root),
                chop_proof::key_hash("counter"),
                counter,
            )
            .unwrap();
    }
}
