use super::*;
use crate::fixtures::changing::{CHANGES, Changing, root_at, time_at};
use crate::fixtures::{OTHER_GENESIS, key, root_of};

const KEYS: [&str; 3] = ["did/a1", "did/a2", "did/a3"];
/// Years after the ledger began.
const NOW_MS: i64 = crate::fixtures::START_MS + 5 * 365 * 86_400_000;

/// Statements under header 12, with both changes before it.
fn evidence(ledger: &Changing) -> Evidence {
    Evidence {
        handover: None,
        headers: ledger.encoded(&CHANGES),
        proof: ledger.batch(12, &KEYS),
        checkpoint: None,
        timestamp: None,
    }
}

fn checkpoint(ledger: &Changing) -> Checkpoint {
    let links: Vec<_> = [13, 14]
        .map(|height| ledger.signed(height).header.clone())
        .to_vec();
    Checkpoint::new(&links, ledger.block(15))
}

fn code(outcome: Result<VerifiedEvidence, ProofError>) -> &'static str {
    outcome.unwrap_err().code()
}

#[test]
fn verifies_years_later_over_every_change_of_validators() {
    let ledger = Changing::new();
    let evidence = evidence(&ledger);
    let verified = evidence.verify(&root_at(1), NOW_MS).unwrap();
    assert_eq!(verified.header.height, 12);
    assert_eq!(verified.header.time_ms, time_at(12));
    assert_eq!(verified.direction, Direction::Forward);
    assert_eq!((verified.checkpoint, verified.timestamp), (None, false));
    let text = serde_json::to_string(&evidence).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
    assert!(!text.contains("null,\"timestamp\"") && !text.contains("checkpoint"));
}

#[test]
fn verifies_from_any_trust_root_on_the_way() {
    let ledger = Changing::new();
    for height in [1, 6, 10] {
        assert!(evidence(&ledger).verify(&root_at(height), NOW_MS).is_ok());
    }
    let strange = root_of(crate::fixtures::GENESIS, &[(&key(77), 1)]);
    let refused = evidence(&ledger).verify(&strange, NOW_MS);
    assert_eq!(code(refused), "proof.untrusted-validators");
    let elsewhere = root_of(OTHER_GENESIS, &[(&key(1), 1)]);
    let refused = evidence(&ledger).verify(&elsewhere, NOW_MS);
    assert_eq!(code(refused), "proof.other-chain");
}

#[test]
fn refuses_evidence_that_leaves_out_or_doubles_a_change() {
    let ledger = Changing::new();
    for (heights, refusal) in [
        (&[][..], "proof.untrusted-validators"),
        (&[5], "proof.untrusted-validators"),
        (&[9], "proof.untrusted-validators"),
        (&[9, 5], "proof.untrusted-validators"),
        (&[5, 5, 9], "proof.untrusted-validators"),
        (&[3, 5, 9], "proof.not-advancing"),
    ] {
        let mut evidence = evidence(&ledger);
        evidence.headers = ledger.encoded(heights);
        let refused = evidence.verify(&root_at(1), NOW_MS);
        assert_eq!(code(refused), refusal, "{heights:?}");
    }
}

#[test]
fn an_old_trust_root_believes_no_header_that_its_validators_sign_after_they_handed_over() {
    let ledger = Changing::new();
    let mut evidence = evidence(&ledger);
    // The first validators sign a header of their own at height 12.
    let mut forged = ledger.signed(12).header.clone();
    let old = crate::fixtures::changing::set_at(1);
    forged.validators_hash = old.hash();
    forged.next_validators_hash = old.hash();
    let keys = crate::fixtures::changing::keys_at(1);
    let signers: Vec<_> = keys
        .iter()
        .map(|key| (key, 1, crate::fixtures::Part::Signs))
        .collect();
    let signed = crate::fixtures::sign(&forged, &signers);
    let proof = StateProof::new(signed, &old, Vec::new());
    evidence.proof.signed_header = proof.signed_header;
    evidence.proof.validators = proof.validators;
    let refused = evidence.verify(&root_at(1), NOW_MS);
    assert_eq!(code(refused), "proof.untrusted-validators");
}

#[test]
fn refuses_a_wrong_and_a_repeated_statement() {
    let ledger = Changing::new();
    let mut wrong = evidence(&ledger);
    wrong.proof.statements[0].value = Some("{}".to_owned());
    assert_eq!(
        code(wrong.verify(&root_at(1), NOW_MS)),
        "proof.path-mismatch"
    );
    let mut absent = evidence(&ledger);
    absent.proof.statements[1].value = None;
    assert_eq!(
        code(absent.verify(&root_at(1), NOW_MS)),
        "proof.path-mismatch"
    );
    let mut repeated = evidence(&ledger);
    let again = repeated.proof.statements[0].clone();
    repeated.proof.statements.push(again);
    assert_eq!(
        code(repeated.verify(&root_at(1), NOW_MS)),
        "proof.repeated-key"
    );
}

#[test]
fn refuses_what_is_dated_in_the_future() {
    let ledger = Changing::new();
    for (now, refusal) in [
        (time_at(1) - 60_000, "proof.from-the-future"),
        (time_at(9) - 10_001, "proof.from-the-future"),
    ] {
        assert_eq!(code(evidence(&ledger).verify(&root_at(1), now)), refusal);
    }
}

#[test]
fn a_checkpoint_confirms_the_header_by_a_later_one() {
    let ledger = Changing::new();
    let mut evidence = evidence(&ledger);
    evidence.checkpoint = Some(checkpoint(&ledger));
    let verified = evidence.verify(&root_at(1), NOW_MS).unwrap();
    assert_eq!(verified.direction, Direction::Forward);
    assert_eq!(verified.checkpoint.unwrap().height, 15);
}

#[test]
fn a_newer_trust_root_reaches_back_through_a_checkpoint() {
    let ledger = Changing::new();
    // Header 4 is by the first validators; the root pins the second, who signed header 8.
    let links: Vec<_> = (5..8)
        .map(|height| ledger.signed(height).header.clone())
        .collect();
    let mut evidence = Evidence {
        handover: None,
        headers: Vec::new(),
        proof: ledger.batch(4, &KEYS),
        checkpoint: None,
        timestamp: None,
    };
    assert_eq!(
        code(evidence.verify(&root_at(6), NOW_MS)),
        "proof.untrusted-validators"
    );
    evidence.checkpoint = Some(Checkpoint::new(&links, ledger.block(8)));
    let verified = evidence.verify(&root_at(6), NOW_MS).unwrap();
    assert_eq!(verified.direction, Direction::Backward);
    assert_eq!(verified.header.height, 4);
    assert_eq!(verified.checkpoint.unwrap().height, 8);
}

#[test]
fn refuses_a_checkpoint_with_a_gap_or_another_parent() {
    let ledger = Changing::new();
    let honest = checkpoint(&ledger);
    let with = |links: Vec<Vec<u8>>| {
        let mut evidence = evidence(&ledger);
        evidence.checkpoint = Some(Checkpoint {
            links,
            ..honest.clone()
        });
        evidence.verify(&root_at(1), NOW_MS)
    };
    assert!(with(honest.links.clone()).is_ok());
    for links in [
        vec![],
        vec![honest.links[0].clone()],
        vec![honest.links[1].clone(), honest.links[0].clone()],
        vec![honest.links[0].clone(), honest.links[0].clone()],
    ] {
        assert_eq!(code(with(links)), "proof.checkpoint");
    }
    let mut altered = ledger.signed(13).header.clone();
    altered.app_hash = vec![7; 32].try_into().unwrap();
    let links = vec![encode_header(&altered), honest.links[1].clone()];
    assert_eq!(code(with(links)), "proof.checkpoint");
    let mut spelled = honest.links[0].clone();
    spelled.extend([0x7a, 0x01, 0x00]);
    let links = vec![spelled, honest.links[1].clone()];
    assert_eq!(code(with(links)), "proof.not-canonical");
}

#[test]
fn refuses_more_than_its_limits() {
    let ledger = Changing::new();
    let mut many = evidence(&ledger);
    many.headers = vec![many.headers[0].clone(); Evidence::MAX_HEADERS + 1];
    assert_eq!(code(many.verify(&root_at(1), NOW_MS)), "proof.too-many");
    let mut long = evidence(&ledger);
    long.checkpoint = Some(Checkpoint {
        links: vec![Vec::new(); Evidence::MAX_LINKS + 1],
        ..checkpoint(&ledger)
    });
    assert_eq!(code(long.verify(&root_at(1), NOW_MS)), "proof.too-many");
    let mut said = evidence(&ledger);
    said.proof.statements = vec![said.proof.statements[0].clone(); BatchProof::MAX_STATEMENTS + 1];
    assert_eq!(code(said.verify(&root_at(1), NOW_MS)), "proof.too-many");
    let mut stamped = evidence(&ledger);
    stamped.timestamp = Some(vec![0x30; TIMESTAMP_LIMIT + 1]);
    assert_eq!(code(stamped.verify(&root_at(1), NOW_MS)), "proof.too-long");
    stamped.timestamp = Some(vec![0x30; 64]);
    assert!(stamped.verify(&root_at(1), NOW_MS).unwrap().timestamp);
}
