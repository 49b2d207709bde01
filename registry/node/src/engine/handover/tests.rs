use chop_keys::Signer as _;
use chop_proof::TrustRoot;
use chop_protocol::ExecutionResult;

use super::super::fixtures::{TestClock, config, envelope, genesis, key, open, promotion};
use super::super::{Health, OpenError, Sealed, Solo, SubmitError, verify_replay};
use super::*;

async fn promoted(solo: &Solo) {
    solo.submit(envelope(1)).await.unwrap();
    let outcome = solo.submit(promotion(1)).await.unwrap();
    assert_eq!(outcome.result, ExecutionResult::Committed);
}

#[tokio::test]
async fn the_last_header_hands_over_and_shows_the_record() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    promoted(&solo).await;
    let view = solo.view();
    let handover = read(view.snapshot()).unwrap().unwrap();
    let last = handover.verify_last(solo.trust_root()).unwrap();
    assert_eq!(
        (last.height(), last.hash()),
        (5, tendermint::Hash::Sha256(view.head().hash))
    );
    let successors: Vec<_> = (21..25)
        .map(|seed| (key(seed).public_key().clone(), 1))
        .collect();
    let expected = TrustRoot::new(&genesis().id().to_string(), &successors).unwrap();
    assert_eq!(last.trust_root().unwrap(), expected);
    let replayed = verify_replay(view.snapshot(), &genesis(), Sealed::BySolo).unwrap();
    assert_eq!((replayed.height, replayed.root), (5, view.head().app_hash));
}

#[tokio::test]
async fn a_promoted_ledger_answers_and_signs_no_more() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    promoted(&solo).await;
    assert_eq!(solo.health(), Health::Promoted);
    let refused = solo.submit(envelope(2)).await;
    assert_eq!(refused, Err(SubmitError::Promoted));
    clock.advance(600_000);
    let fresh = solo.fresh_view(std::time::Duration::from_secs(1)).await;
    assert_eq!(fresh.head().height, 5, "no header is made for whoever asks");
    drop(solo);
    let opened = Solo::open(config(folder.path(), &clock));
    assert!(matches!(opened, Err(OpenError::Promoted { height: 5 })));
}

#[tokio::test]
async fn goes_on_after_a_promotion_that_would_retire_another_key() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    let refused = solo.submit(promotion(9)).await.unwrap().result;
    assert!(
        matches!(&refused, ExecutionResult::Refused { rule, .. } if rule == "promotion.other-key"),
        "{refused:?}"
    );
    assert_eq!(solo.health(), Health::Ready);
}
