use chop_keys::Signer as _;
use chop_proof::TrustRoot;
use chop_protocol::governance::possession_input;
use chop_protocol::{
    Envelope, ExecutionResult, PossessionProof, PromotedValidator, Promotion, Propose,
};

use super::super::fixtures::{TestClock, config, envelope, founder, genesis, key, open, signed_by};
use super::super::{Health, OpenError, Sealed, Solo, verify_replay};
use super::*;

/// A promotion to four validators of the founder's, whose headers end with a key of this seed.
fn promotion(retires: u8) -> SignedEnvelope {
    let validator = |seed: u8| {
        let signer = key(seed);
        let public_key = signer.public_key().clone();
        let input = possession_input(&genesis().id(), &founder(), &public_key).unwrap();
        let signature = signer.sign_possession(&input).unwrap();
        PromotedValidator {
            public_key,
            power: 1,
            member: founder(),
            possession: PossessionProof::from_bytes(signature.as_bytes()).unwrap(),
        }
    };
    let change = Change::Promote(Promotion {
        retires: key(retires).public_key().clone(),
        validators: (21..25).map(validator).collect(),
        admit: vec![],
        fewer: false,
    });
    let propose = Propose { change, note: None };
    Envelope {
        actions: vec![Action::Propose(Box::new(propose))],
        ..signed_by(99, &key(2)).envelope().clone()
    }
    .sign(&[&key(2)])
    .unwrap()
}

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
async fn refuses_at_the_door_a_promotion_that_retires_another_key() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    let refused = solo.submit(promotion(9)).await.unwrap_err();
    assert!(
        matches!(&refused, SubmitError::NotAdmitted { rule, .. } if rule == "promotion.retired-key"),
        "{refused}"
    );
    assert_eq!(solo.health(), Health::Ready);
}
