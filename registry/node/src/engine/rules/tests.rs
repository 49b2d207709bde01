use chop_protocol::governance::RulesChange;
use chop_protocol::{Action, Change, Envelope, ExecutionResult, Propose, SignedEnvelope};

use super::super::fixtures::{TestClock, config, envelope, key, open, signed_by};
use super::super::{EngineError, OpenError, Solo, SubmitError};

/// The founder, who is the only member, decides on a version.
fn deciding(version: u32, height: u64) -> SignedEnvelope {
    let change = Change::SetRules(RulesChange { version, height });
    let propose = Propose { change, note: None };
    Envelope {
        actions: vec![Action::Propose(Box::new(propose))],
        ..signed_by(100 + u64::from(version), &key(2))
            .envelope()
            .clone()
    }
    .sign(&[&key(2)])
    .unwrap()
}

#[tokio::test]
async fn a_ledger_goes_on_under_rules_that_it_knows_and_stops_before_those_that_it_does_not() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    for envelope in [
        deciding(2, 5),
        envelope(1),
        envelope(2),
        deciding(3, 12),
        envelope(3),
    ] {
        let outcome = solo.submit(envelope).await.unwrap();
        assert_eq!(outcome.result, ExecutionResult::Committed);
    }
    assert_eq!(solo.head().height, 11);
    assert_eq!(solo.submit(envelope(4)).await, Err(SubmitError::Stopped));
    assert_eq!(solo.head().height, 11, "block 12 is for others");
    drop(solo);
    let refused = Solo::open(config(folder.path(), &clock)).unwrap_err();
    assert!(
        matches!(&refused, OpenError::Engine(EngineError::Rules { .. })),
        "{refused}"
    );
    assert!(refused.to_string().contains("version 3"), "{refused}");
}
