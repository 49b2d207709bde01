//! Tests: time, keys, accreditation, anchors, and what follows from them.

use super::*;
use crate::contexts::Contexts;
use crate::issuing::{ProofRequest, issue};
use crate::securing::SecuredCredential;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer};
use serde_json::json;

const TYPE: &str = "QualityInspection";

fn at(minute: i64) -> Timestamp {
    Timestamp::parse("2026-11-01T00:00:00.000Z")
        .unwrap()
        .plus_ms(minute * 60_000)
}

fn key() -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap()
}

/// A credential that says that it was signed at the given minute.
fn credential(created: Option<i64>) -> SecuredCredential {
    let key = key();
    let value = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "type": ["VerifiableCredential", TYPE],
        "issuer": key.public_key().did_key(),
        "credentialSubject": {"id": "did:example:lot", "grade": "extra"},
    });
    let method = key.public_key().did_key_url();
    let mut request = ProofRequest::new(&method, at(0));
    request.created = created.map(at);
    SecuredCredential::from_value(issue(value, &Contexts::embedded(), &request, &key).unwrap())
        .unwrap()
}

fn evidence(history: KeyHistory) -> Evidence {
    let public = key().public_key().clone();
    let fact = KeyFact {
        id: public.did_key_url(),
        controller: public.did_key(),
        key: public.clone(),
        relationships: vec!["assertionMethod".to_owned()],
        history,
    };
    Evidence {
        keys: [(public.did_key_url(), Finding::Found(fact))].into(),
        anchor: Finding::Absent,
        accreditations: Finding::Found(Vec::new()),
        ..Evidence::default()
    }
}

fn anchored(minute: i64) -> Finding<AnchorFact> {
    Finding::Found(AnchorFact {
        issuer: key().public_key().did_key(),
        time: at(minute),
        height: 7,
        state: AnchorState::Active,
        proof: None,
    })
}

fn accredited(
    live: &[(i64, Option<i64>)],
    lapse: Option<LapseReason>,
) -> Finding<Vec<AccreditationFact>> {
    Finding::Found(vec![AccreditationFact {
        id: "acc-1".to_owned(),
        accreditor: "did:example:bureau".to_owned(),
        credential_type: TYPE.to_owned(),
        live: live
            .iter()
            .map(|(from, until)| Interval {
                from: at(*from),
                until: until.map(at),
            })
            .collect(),
        lapse,
        proof: None,
    }])
}

fn verdict(created: Option<i64>, evidence: &Evidence) -> Verdict {
    judge(
        &credential(created),
        evidence,
        &Policy::accredited(at(1_000)),
        &Contexts::embedded(),
    )
}

fn key_outcome(
    created: Option<i64>,
    anchor: Option<i64>,
    history: KeyHistory,
) -> Result<KeyStanding, KeyFault> {
    key_holds(&history, created.map(at), anchor.map(at), at(1_000))
}

#[test]
fn a_retired_key_counts_by_its_own_date() {
    let history = KeyHistory {
        retired: Some(at(500)),
        ..KeyHistory::default()
    };
    let standing = key_outcome(Some(400), None, history);
    assert_eq!(
        standing,
        Ok(KeyStanding::Retired {
            since: at(500),
            self_declared: true
        })
    );
    assert!(matches!(
        key_outcome(Some(500), None, history),
        Err(KeyFault::Ended { .. })
    ));
    assert!(matches!(
        key_outcome(None, None, history),
        Err(KeyFault::Undatable { .. })
    ));
}

#[test]
fn a_compromised_key_counts_only_by_an_anchor_before() {
    let history = KeyHistory {
        compromised: Some(at(500)),
        ..KeyHistory::default()
    };
    assert!(matches!(
        key_outcome(Some(400), None, history),
        Err(KeyFault::Compromised { .. })
    ));
    assert!(matches!(
        key_outcome(Some(400), Some(500), history),
        Err(KeyFault::Compromised { .. })
    ));
    assert_eq!(
        key_outcome(Some(400), Some(499), history),
        Ok(KeyStanding::Live)
    );
}

#[test]
fn a_key_of_a_deactivated_did_counts_only_by_an_anchor_before() {
    let history = KeyHistory {
        deactivated: Some(at(500)),
        ..KeyHistory::default()
    };
    assert!(matches!(
        key_outcome(Some(400), None, history),
        Err(KeyFault::Undatable { .. })
    ));
    assert!(key_outcome(Some(400), Some(450), history).is_ok());
    assert!(matches!(
        key_outcome(Some(400), Some(600), history),
        Err(KeyFault::Ended { .. })
    ));
}

#[test]
fn a_key_does_not_sign_before_it_exists() {
    let history = KeyHistory {
        added: Some(at(500)),
        ..KeyHistory::default()
    };
    assert!(matches!(
        key_outcome(Some(400), None, history),
        Err(KeyFault::NotYet { .. })
    ));
    assert!(key_outcome(Some(500), None, history).is_ok());
}

#[test]
fn an_anchor_after_the_judgement_shows_nothing() {
    let history = KeyHistory {
        compromised: Some(at(2_000)),
        ..KeyHistory::default()
    };
    assert!(matches!(
        key_outcome(None, Some(1_500), history),
        Err(KeyFault::Compromised { .. })
    ));
}

#[test]
fn an_accredited_issuer_is_accepted() {
    let mut evidence = evidence(KeyHistory::default());
    evidence.accreditations = accredited(&[(0, None)], None);
    let verdict = verdict(Some(10), &evidence);
    assert_eq!(verdict.outcome, Outcome::Accepted, "{verdict:#?}");
    assert!(verdict.marks.is_empty());
}

#[test]
fn an_issuer_without_accreditation_is_refused() {
    let verdict = verdict(Some(10), &evidence(KeyHistory::default()));
    assert_eq!(verdict.outcome, Outcome::Refused);
    let check = verdict.check(CheckName::Accreditation).unwrap();
    assert_eq!(check.problem, Some(ProblemType::NotAccredited));
}

#[test]
fn what_a_suspended_issuer_anchored_before_counts_and_is_marked() {
    let mut evidence = evidence(KeyHistory::default());
    evidence.accreditations = accredited(&[(0, Some(500))], Some(LapseReason::Suspended));
    evidence.anchor = anchored(400);
    let verdict = verdict(Some(399), &evidence);
    assert_eq!(verdict.outcome, Outcome::Accepted, "{verdict:#?}");
    assert_eq!(
        verdict.marks,
        [Mark::AccreditationLapsed {
            reason: LapseReason::Suspended,
            since: at(500),
            anchored: at(400),
        }]
    );
}

#[test]
fn what_a_suspended_issuer_anchors_after_is_refused() {
    let mut evidence = evidence(KeyHistory::default());
    evidence.accreditations = accredited(&[(0, Some(500))], Some(LapseReason::Suspended));
    evidence.anchor = anchored(600);
    assert_eq!(verdict(Some(400), &evidence).outcome, Outcome::Refused);
}

#[test]
fn what_a_suspended_issuer_back_dates_is_undatable() {
    let mut evidence = evidence(KeyHistory::default());
    evidence.accreditations = accredited(&[(0, Some(500))], Some(LapseReason::Suspended));
    let verdict = verdict(Some(400), &evidence);
    assert_eq!(verdict.outcome, Outcome::Refused);
    assert_eq!(
        verdict.check(CheckName::Accreditation).unwrap().problem,
        Some(ProblemType::Undatable)
    );
}

#[test]
fn an_accreditation_revoked_from_the_beginning_voids_what_was_anchored() {
    let mut evidence = evidence(KeyHistory::default());
    evidence.accreditations = accredited(&[], Some(LapseReason::RevokedAbInitio));
    evidence.anchor = anchored(400);
    let verdict = verdict(Some(399), &evidence);
    assert_eq!(verdict.outcome, Outcome::Refused);
    assert!(
        verdict
            .check(CheckName::Accreditation)
            .unwrap()
            .detail
            .contains("from the beginning")
    );
}

#[test]
fn a_reinstated_issuer_is_refused_for_the_time_between() {
    let mut evidence = evidence(KeyHistory::default());
    evidence.accreditations = accredited(&[(0, Some(300)), (600, None)], None);
    assert_eq!(verdict(Some(400), &evidence).outcome, Outcome::Refused);
    assert_eq!(verdict(Some(700), &evidence).outcome, Outcome::Accepted);
    evidence.anchor = anchored(200);
    assert_eq!(verdict(Some(100), &evidence).outcome, Outcome::Accepted);
}

#[test]
fn an_anchor_by_somebody_else_dates_nothing() {
    let mut evidence = evidence(KeyHistory {
        compromised: Some(at(500)),
        ..KeyHistory::default()
    });
    evidence.accreditations = accredited(&[(0, None)], None);
    evidence.anchor = Finding::Found(AnchorFact {
        issuer: "did:example:thief".to_owned(),
        ..anchored(400).found().unwrap().clone()
    });
    let verdict = verdict(Some(399), &evidence);
    assert_eq!(verdict.outcome, Outcome::Refused);
    assert_eq!(
        verdict.check(CheckName::Anchor).unwrap().outcome,
        CheckOutcome::Failed
    );
}

#[test]
fn a_credential_revoked_on_the_ledger_is_refused() {
    let mut evidence = evidence(KeyHistory::default());
    evidence.accreditations = accredited(&[(0, None)], None);
    evidence.anchor = Finding::Found(AnchorFact {
        state: AnchorState::Revoked(at(800)),
        ..anchored(400).found().unwrap().clone()
    });
    let revoked = verdict(Some(399), &evidence);
    assert_eq!(
        revoked.check(CheckName::Status).unwrap().problem,
        Some(ProblemType::StatusSet)
    );
    let earlier = judge(
        &credential(Some(399)),
        &evidence,
        &Policy::accredited(at(700)),
        &Contexts::embedded(),
    );
    assert_eq!(earlier.outcome, Outcome::Accepted);
}

#[test]
fn an_unreachable_ledger_leaves_the_verdict_open() {
    let mut evidence = evidence(KeyHistory::default());
    evidence.accreditations = Finding::Unreachable {
        reason: "no answer".to_owned(),
    };
    assert_eq!(verdict(Some(10), &evidence).outcome, Outcome::Indeterminate);
}

#[test]
fn an_unresolved_key_leaves_the_verdict_open() {
    let evidence = Evidence {
        accreditations: accredited(&[(0, None)], None),
        ..Evidence::default()
    };
    let verdict = verdict(Some(10), &evidence);
    assert_eq!(verdict.outcome, Outcome::Indeterminate, "{verdict:#?}");
}

#[test]
fn every_check_is_named_even_when_it_was_not_asked_for() {
    let policy = Policy::only(at(1_000), &[CheckName::Proof]);
    let verdict = judge(
        &credential(Some(10)),
        &evidence(KeyHistory::default()),
        &policy,
        &Contexts::embedded(),
    );
    let names: Vec<CheckName> = verdict.checks.iter().map(|check| check.check).collect();
    assert_eq!(names, CheckName::CREDENTIAL);
    let skipped = verdict.check(CheckName::IssuerBinding).unwrap();
    assert_eq!(skipped.outcome, CheckOutcome::NotRun);
    assert_eq!(verdict.outcome, Outcome::Accepted);
}

#[test]
fn a_copy_shows_who_copied_it_even_when_nobody_asked() {
    let key = key();
    let issuer = key.public_key().did_key();
    let value = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
        "type": ["VerifiableCredential", TYPE],
        "issuer": issuer,
        "credentialSubject": {"grade": "extra"},
        "evidence": {"type": "Transcription", "source": "did:example:authority"},
    });
    let method = key.public_key().did_key_url();
    let signed = issue(
        value,
        &Contexts::embedded(),
        &ProofRequest::new(&method, at(0)),
        &key,
    )
    .unwrap();
    let credential = SecuredCredential::from_value(signed).unwrap();
    let mut policy = Policy::only(at(1_000), &[CheckName::Proof]);
    let mark = Mark::Transcribed {
        by: issuer,
        of: Some("did:example:authority".to_owned()),
    };
    let evidence = evidence(KeyHistory::default());
    assert_eq!(
        judge(&credential, &evidence, &policy, &Contexts::embedded()).marks,
        [mark]
    );
    policy.require(CheckName::Transcribed);
    policy.accept_transcribed = false;
    assert_eq!(
        judge(&credential, &evidence, &policy, &Contexts::embedded()).outcome,
        Outcome::Refused
    );
}

#[test]
fn one_sufficient_suite_lets_the_policy_pass_over_an_unknown_one() {
    let value = credential(Some(10));
    let mut json = serde_json::Map::clone(value.credential().json());
    let crate::securing::Securing::DataIntegrity(proofs) = value.securing() else {
        panic!("the credential has a proof");
    };
    let mut unknown = proofs[0].clone();
    unknown.insert("cryptosuite".to_owned(), json!("post-quantum-2099"));
    json.insert("proof".to_owned(), json!([proofs[0], unknown]));
    let set = SecuredCredential::from_value(json.into()).unwrap();
    let mut policy = Policy::full(at(1_000));
    let evidence = evidence(KeyHistory::default());
    assert_eq!(
        judge(&set, &evidence, &policy, &Contexts::embedded()).outcome,
        Outcome::Refused
    );
    policy.sufficient_suites = Some(["eddsa-jcs-2022".to_owned()].into());
    assert_eq!(
        judge(&set, &evidence, &policy, &Contexts::embedded()).outcome,
        Outcome::Accepted
    );
}

#[test]
fn a_verdict_reads_back_from_json() {
    let verdict = verdict(Some(10), &evidence(KeyHistory::default()));
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), verdict);
    assert!(text.contains("urn:chopmark:problem:not-accredited"));
}

#[test]
fn check_names_are_their_json() {
    for name in CheckName::CREDENTIAL.iter().chain(CheckName::PRESENTATION) {
        assert_eq!(CheckName::parse(name.as_str()), Some(*name));
    }
}

#[test]
fn what_nobody_acts_upon_is_told_once() {
    let key = key();
    let terms = |kind| json!({"type": kind, "id": "https://policy.example/1"});
    let value = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/undefined-terms/v2"],
        "type": ["VerifiableCredential", TYPE],
        "issuer": key.public_key().did_key(),
        "credentialSubject": {"id": "did:example:lot"},
        "termsOfUse": [terms("TrustFrameworkPolicy"), terms("TrustFrameworkPolicy")],
        "refreshService": terms("VerifiableCredentialRefreshService2021"),
    });
    let method = key.public_key().did_key_url();
    let request = ProofRequest::new(&method, at(0));
    let issued = issue(value, &Contexts::embedded(), &request, &key).unwrap();
    let verdict = judge(
        &SecuredCredential::from_value(issued).unwrap(),
        &evidence(KeyHistory::default()),
        &Policy::full(at(1_000)),
        &Contexts::embedded(),
    );
    assert_eq!(verdict.outcome, Outcome::Accepted, "{verdict:?}");
    let mark = |property: &str, kind: &str| Mark::NotProcessed {
        property: property.to_owned(),
        kind: kind.to_owned(),
    };
    assert_eq!(
        verdict.marks,
        [
            mark("termsOfUse", "TrustFrameworkPolicy"),
            mark("refreshService", "VerifiableCredentialRefreshService2021"),
        ]
    );
}
