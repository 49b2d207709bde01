//! Reads against a real ledger: proven values, proven absences, and answers that must be refused.

use crate::ledger::TestLedger;
use chop_client::ledger::{accreditations, did_state, version};
use chop_client::{Proven, Registry as _};
use chop_integrity::{Hash, Timestamp};
use chop_proof::Freshness;
use chop_protocol::{
    Accredit, Action, AnchorCredential, CredentialType, SuspendAccreditation, accreditation_id,
    keys,
};

const START: i64 = 1_795_000_000_000;

fn accredit(subject: chop_did::ChopDid, depth: u8, parent: Option<Hash>) -> Action {
    Action::Accredit(Accredit {
        subject,
        credential_type: CredentialType::parse("QualityInspection").unwrap(),
        jurisdiction: None,
        valid_from: None,
        valid_until: None,
        depth,
        parent,
    })
}

#[tokio::test]
async fn reads_a_did_its_version_and_the_absence_of_a_next_one() {
    let ledger = TestLedger::found(START);
    let lab = ledger.create();
    let state = did_state(&ledger, &lab.did)
        .await
        .unwrap()
        .present()
        .unwrap();
    assert_eq!((state.value.did(), state.value.seq()), (&lab.did, 0));
    let first = version(&ledger, &lab.did, 0)
        .await
        .unwrap()
        .present()
        .unwrap();
    assert_eq!(first.value.operation, state.value.operation());
    assert!(version(&ledger, &lab.did, 1).await.unwrap().value.is_none());
}

#[tokio::test]
async fn reads_an_accreditation_with_its_ancestors() {
    let ledger = TestLedger::found(START);
    let (operator, bureau, lab) = (ledger.operator(), ledger.create(), ledger.create());
    let granted = ledger.act(&operator, vec![accredit(bureau.did, 1, None)]);
    let parent = accreditation_id(&granted.hash, 0);
    let granted = ledger.act(&bureau, vec![accredit(lab.did, 0, Some(parent))]);
    let id = accreditation_id(&granted.hash, 0);
    ledger.at(START + 60_000);
    ledger.act(
        &operator,
        vec![Action::SuspendAccreditation(SuspendAccreditation {
            accreditation: parent,
            effective: None,
        })],
    );

    let wanted = CredentialType::parse("QualityInspection").unwrap();
    let (list, chains) = accreditations(&ledger, &lab.did, &wanted).await.unwrap();
    assert_eq!(list.value, [id]);
    let [chain] = chains.as_slice() else {
        panic!("one chain, not {}", chains.len())
    };
    let ancestors: Vec<_> = chain
        .ancestors
        .iter()
        .map(|link| link.value.clone())
        .collect();
    let live = |ms| {
        chain
            .accreditation
            .value
            .live_at(Timestamp::from_unix_ms(ms), &ancestors)
    };
    assert!(live(START + 1_000));
    assert!(!live(START + 61_000));

    let (none, chains) = accreditations(&ledger, &operator.did, &wanted)
        .await
        .unwrap();
    assert!(none.value.is_empty() && chains.is_empty());
}

#[tokio::test]
async fn refuses_an_answer_whose_proof_is_for_something_else() {
    let ledger = TestLedger::found(START);
    let lab = ledger.create();
    let digest = Hash::of("test", b"credential");
    ledger.act(
        &lab,
        vec![Action::Anchor(AnchorCredential {
            digest,
            credential_type: None,
            subject: None,
        })],
    );
    let key = keys::anchor(&digest);
    let honest = ledger.read(&key).await.unwrap();
    let fresh = Freshness::at_any_age(START + 3_600_000);
    let check = |key: &str, value: Option<Vec<u8>>| {
        Proven::check(
            ledger.trust_root(),
            &fresh,
            key,
            value,
            honest.proof.clone(),
        )
        .is_ok()
    };
    let mut altered = honest.value.clone().unwrap();
    altered[10] ^= 1;
    assert!(check(&key, honest.value.clone()));
    assert!(!check(&key, Some(altered)), "another value");
    assert!(!check(&key, None), "a false absence");
    assert!(
        !check(
            &keys::anchor(&Hash::of("test", b"other")),
            honest.value.clone()
        ),
        "another key"
    );
    let stale = Freshness::within(START + 3_600_000, 300_000);
    assert!(
        Proven::check(
            ledger.trust_root(),
            &stale,
            &key,
            honest.value.clone(),
            honest.proof.clone()
        )
        .is_err()
    );
}
