//! The engine when the disk fails it, or was changed behind its back.

use std::sync::Arc;
use std::time::Duration;

use chop_proof::{Freshness, verify_absence, verify_inclusion};
use tokio::time::timeout;

use super::fixtures::{TestClock, anchor_key, config, envelope, open};
use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn fresh(clock: &TestClock) -> Freshness {
    Freshness::within(clock.now(), 60_000)
}

#[tokio::test]
async fn a_full_disk_makes_it_read_only_until_there_is_room() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let configured = config(folder.path(), &clock);
    let (path, limit) = (configured.path.clone(), Arc::clone(&configured.limit));
    let solo = Solo::open(configured).unwrap();
    solo.submit(envelope(0)).await.unwrap();
    limit.set(path.metadata().unwrap().len());
    let mut n = 1;
    let refused = loop {
        match solo.submit(envelope(n)).await {
            Ok(outcome) => assert!(outcome.is_committed()),
            Err(error) => break error,
        }
        n += 1;
        clock.advance(5);
        assert!(n < 100_000, "the disk never filled");
    };
    assert_eq!(refused, SubmitError::ReadOnly);
    assert_eq!(solo.health(), Health::ReadOnly);

    // Reads go on, with proofs; writes are refused, but known answers are given.
    let read = solo.read(&anchor_key(n - 1)).await.unwrap();
    let value = read.value.unwrap();
    verify_inclusion(
        solo.trust_root(),
        &read.proof,
        &anchor_key(n - 1),
        &value,
        &fresh(&clock),
    )
    .unwrap();
    let absent = solo.read(&anchor_key(n)).await.unwrap();
    verify_absence(
        solo.trust_root(),
        &absent.proof,
        &anchor_key(n),
        &fresh(&clock),
    )
    .unwrap();
    assert_eq!(
        solo.submit(envelope(n)).await.unwrap_err(),
        SubmitError::ReadOnly
    );
    assert!(solo.submit(envelope(n - 1)).await.unwrap().is_committed());
    solo.verify_replay().unwrap();
    let stuck = solo.head();

    limit.set(u64::MAX);
    let mut health = solo.healths();
    timeout(PATIENCE, health.wait_for(|health| *health == Health::Ready))
        .await
        .unwrap()
        .unwrap();
    let outcome = solo.submit(envelope(n)).await.unwrap();
    assert!(outcome.is_committed());
    assert_eq!(solo.verify_replay().unwrap().envelopes, n + 1);
    // The header that was signed and never committed does not meet another one of its height and round.
    let next = solo
        .view()
        .snapshot()
        .block(stuck.height + 1)
        .unwrap()
        .unwrap()
        .decode_header()
        .unwrap();
    assert_eq!(next.commit.round.value(), 1);
}

#[tokio::test]
async fn a_full_disk_leaves_a_file_that_opens_with_everything_acknowledged() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let configured = config(folder.path(), &clock);
    let (path, limit) = (configured.path.clone(), Arc::clone(&configured.limit));
    let solo = Solo::open(configured).unwrap();
    limit.set(path.metadata().unwrap().len());
    let mut n = 0;
    while solo.submit(envelope(n)).await.is_ok() {
        n += 1;
        clock.advance(5);
    }
    drop(solo);
    let solo = Solo::open(SoloConfig {
        replay: true,
        ..config(folder.path(), &clock)
    })
    .unwrap();
    for n in 0..n {
        assert!(
            solo.view()
                .outcome(&envelope(n).hash())
                .unwrap()
                .unwrap()
                .is_committed()
        );
    }
    assert!(solo.submit(envelope(n)).await.unwrap().is_committed());
}

#[tokio::test]
async fn a_replay_finds_a_value_or_a_block_that_was_changed_on_disk() {
    use redb::{Database, ReadableDatabase, TableDefinition};
    const VALUES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("values");
    const BLOCKS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("blocks");
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    solo.submit(envelope(1)).await.unwrap();
    solo.submit(envelope(2)).await.unwrap();
    drop(solo);
    let change = |change: &dyn Fn(&redb::WriteTransaction)| {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(
            folder.path().join("ledger.redb"),
            copy.path().join("ledger.redb"),
        )
        .unwrap();
        let database = Database::create(copy.path().join("ledger.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        change(&transaction);
        transaction.commit().unwrap();
        drop(database);
        Solo::open(SoloConfig {
            replay: true,
            ..config(copy.path(), &clock)
        })
    };
    change(&|_| {}).unwrap();
    let value = change(&|transaction| {
        transaction
            .open_table(VALUES)
            .unwrap()
            .insert(anchor_key(1).as_str(), &b"{}"[..])
            .unwrap();
    });
    assert!(
        matches!(value, Err(OpenError::Replay(ReplayError::Value { key })) if key == anchor_key(1))
    );
    let gone = change(&|transaction| {
        transaction.open_table(BLOCKS).unwrap().remove(2).unwrap();
    });
    assert!(matches!(
        gone,
        Err(OpenError::Replay(ReplayError::Missing { height: 2 }))
    ));
    let swapped = change(&|transaction| {
        let other = {
            let database = Database::open(folder.path().join("ledger.redb")).unwrap();
            let blocks = database.begin_read().unwrap().open_table(BLOCKS).unwrap();
            blocks.get(4).unwrap().unwrap().value().to_vec()
        };
        transaction
            .open_table(BLOCKS)
            .unwrap()
            .insert(2, other.as_slice())
            .unwrap();
    });
    assert!(matches!(
        swapped,
        Err(OpenError::Replay(ReplayError::Differs { .. }))
    ));
}
