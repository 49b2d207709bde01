use super::fixtures::{assert_holds, write_at, write_next};
use super::*;

fn fresh() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(
        &folder.path().join("ledger.redb"),
        Arc::new(DiskLimit::none()),
    )
    .unwrap();
    (folder, store)
}

#[test]
fn holds_what_every_block_left() {
    let (_folder, store) = fresh();
    for height in 1..=20 {
        assert_eq!(write_next(&store).unwrap(), height);
        assert_holds(&store, height);
    }
}

#[test]
fn keeps_everything_over_a_restart() {
    let (folder, store) = fresh();
    for _ in 0..10 {
        write_next(&store).unwrap();
    }
    drop(store);
    let store = Store::open(
        &folder.path().join("ledger.redb"),
        Arc::new(DiskLimit::none()),
    )
    .unwrap();
    assert_holds(&store, 10);
    write_next(&store).unwrap();
    assert_holds(&store, 11);
}

#[test]
fn a_snapshot_does_not_see_later_blocks() {
    let (_folder, store) = fresh();
    write_next(&store).unwrap();
    let before = store.snapshot().unwrap();
    write_next(&store).unwrap();
    assert_eq!(before.last_block().unwrap().unwrap().0, 1);
    assert_eq!(before.value("counter").unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn refuses_a_block_that_leaves_a_gap_or_comes_twice() {
    let (_folder, store) = fresh();
    for _ in 0..3 {
        write_next(&store).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    for height in [3, 1] {
        let refused = store
            .commit(&BlockWrite {
                first_height: height,
                ..BlockWrite::default()
            })
            .unwrap_err();
        assert!(
            matches!(refused, StoreError::NotNext { expected: 4, .. }),
            "{refused}"
        );
    }
    // A gap: the tree library itself would start from an empty tree without a word.
    let refused = write_at(&store, &snapshot, 5).unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::NotNext {
                found: 5,
                expected: 4
            }
        ),
        "{refused}"
    );
    assert_holds(&store, 3);
}

#[test]
fn refuses_to_write_on_a_tree_that_is_not_the_last_blocks() {
    let (_folder, store) = fresh();
    for _ in 0..3 {
        write_next(&store).unwrap();
    }
    // A block record that claims another root than the tree has.
    let wrong = BlockWrite {
        first_height: 4,
        blocks: &[BlockRecord {
            signed_header: vec![],
            txs: vec![],
            results: vec![],
            root: [9; 32],
        }],
        ..BlockWrite::default()
    };
    store.commit(&wrong).unwrap();
    let refused = store
        .commit(&BlockWrite {
            first_height: 5,
            ..BlockWrite::default()
        })
        .unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::OtherRoot { .. } | StoreError::Damaged { .. }
        ),
        "{refused}"
    );
}

#[test]
fn keeps_no_node_that_the_last_version_does_not_need() {
    let (_folder, store) = fresh();
    let mut counts = Vec::new();
    for _ in 0..60 {
        write_next(&store).unwrap();
        let snapshot = store.snapshot().unwrap();
        counts.push((
            snapshot.node_count().unwrap(),
            snapshot.value_count().unwrap(),
        ));
    }
    // A tree over n leaves has at most n leaves and, with sixteen children each, well under n inner nodes.
    for (nodes, values) in counts {
        assert!(nodes <= 2 * values + 2, "{nodes} nodes for {values} values");
    }
}

#[test]
fn refuses_a_second_opening_of_the_same_file() {
    let (folder, _store) = fresh();
    let second = Store::open(
        &folder.path().join("ledger.redb"),
        Arc::new(DiskLimit::none()),
    );
    assert!(second.is_err());
}

#[test]
fn a_full_disk_keeps_what_was_committed_and_comes_back_with_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let limit = Arc::new(DiskLimit::none());
    let store = Store::open(&path, Arc::clone(&limit)).unwrap();
    write_next(&store).unwrap();
    limit.set(path.metadata().unwrap().len());
    let mut last = 1;
    let refused = loop {
        match write_next(&store) {
            Ok(height) => last = height,
            Err(refused) => break refused,
        }
        assert!(last < 100_000, "the disk never filled");
    };
    assert!(matches!(refused, StoreError::Database(_)), "{refused}");

    store.reopen_read_only().unwrap();
    assert_holds(&store, last);
    assert!(matches!(
        write_next(&store).unwrap_err(),
        StoreError::ReadOnly
    ));
    assert!(!store.has_room(1 << 20));

    limit.set(1 << 30);
    assert!(store.has_room(1 << 20));
    store.reopen_writable().unwrap();
    assert_holds(&store, last);
    assert_eq!(write_next(&store).unwrap(), last + 1);
    assert_holds(&store, last + 1);
}
