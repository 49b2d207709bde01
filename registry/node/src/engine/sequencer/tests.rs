//! What the sequencer makes of a commit that failed, and reached the disk all the same.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;

use super::super::fixtures::{TestClock, config, envelope, genesis, key, open, promotion};
use super::*;

/// The sequencer of a ledger whose founding blocks are there.
fn sequencer(folder: &Path, clock: &TestClock) -> Sequencer {
    drop(open(folder, clock));
    let SoloConfig {
        path, limit, clock, ..
    } = config(folder, clock);
    let store = Store::open(&path, limit).unwrap();
    let validators = [(key(1).public_key().clone(), 1)];
    let trust_root = TrustRoot::new(&genesis().id().to_string(), &validators).unwrap();
    let view = Arc::new(View::of(&store, trust_root.validators(), None).unwrap());
    let shared = Shared {
        genesis: genesis(),
        trust_root,
        store,
        view: tokio::sync::watch::Sender::new(view),
        health: tokio::sync::watch::Sender::new(Health::Ready),
        pending: Mutex::new(HashSet::new()),
        clock,
    };
    Sequencer::resume(Arc::new(shared), Arc::new(key(1)), (None, None)).unwrap()
}

/// Writes a block with this envelope behind the sequencer's back, as a commit does that answers with an error.
fn reach_the_disk(sequencer: &Sequencer, envelope: SignedEnvelope) {
    let shared = &sequencer.shared;
    let chain = Chain {
        id: &sequencer.chain_id,
        validators: shared.trust_root.validators(),
        next_validators: shared.trust_root.validators(),
        signer: &*sequencer.signer,
        founding: &shared.genesis.terms().validators,
    };
    let view = shared.view.borrow().clone();
    let at = ((shared.clock)(), sequencer.round);
    let batch = batch::make(&chain, view.snapshot(), &sequencer.parent, &[envelope], at);
    let write = batch.unwrap();
    shared.store.commit(&write.write(None).unwrap()).unwrap();
}

fn asked(sequencer: &mut Sequencer, envelope: SignedEnvelope) -> Result<Outcome, SubmitError> {
    let (reply, mut answer) = oneshot::channel();
    sequencer.serve(Round {
        waiting: vec![Waiting { envelope, reply }],
        ..Round::default()
    });
    answer.try_recv().unwrap()
}

#[test]
fn signs_no_more_after_a_promotion_whose_commit_failed_and_reached_the_disk() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let mut sequencer = sequencer(folder.path(), &clock);
    reach_the_disk(&sequencer, promotion(1));
    sequencer.fail(&StoreError::Closed.into());
    assert_eq!(sequencer.health(), Health::Promoted);
    let height = sequencer.parent.height;
    let refused = asked(&mut sequencer, envelope(2));
    assert_eq!(refused, Err(SubmitError::Promoted));
    let snapshot = sequencer.shared.store.snapshot().unwrap();
    assert_eq!(snapshot.last_block().unwrap().unwrap().0, height);
}

#[test]
fn signs_no_more_when_it_finds_the_promotion_only_once_the_disk_has_room() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let mut sequencer = sequencer(folder.path(), &clock);
    reach_the_disk(&sequencer, promotion(1));
    // The database did not open for reading either.
    sequencer.shared.health.send_replace(Health::ReadOnly);
    let refused = asked(&mut sequencer, envelope(2));
    assert_eq!(refused, Err(SubmitError::Promoted));
    assert_eq!(sequencer.health(), Health::Promoted);
    let snapshot = sequencer.shared.store.snapshot().unwrap();
    let last = snapshot.last_block().unwrap().unwrap().0;
    assert_eq!(last, sequencer.parent.height);
}

#[test]
fn goes_on_after_another_commit_that_failed_and_reached_the_disk() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let mut sequencer = sequencer(folder.path(), &clock);
    reach_the_disk(&sequencer, envelope(1));
    sequencer.fail(&StoreError::Closed.into());
    assert_eq!(sequencer.health(), Health::ReadOnly);
    let outcome = asked(&mut sequencer, envelope(2)).unwrap();
    assert!(outcome.is_committed());
    assert_eq!(sequencer.health(), Health::Ready);
}
