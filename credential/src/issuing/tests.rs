//! Tests.

use super::*;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer};
use serde_json::json;

fn key() -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap()
}

fn unsigned() -> Value {
    json!({
        "@context": [Version::V2.base_context()],
        "type": ["VerifiableCredential"],
        "issuer": key().public_key().did_key(),
        "credentialSubject": {"name": "Somebody"},
    })
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T09:00:00.000Z").unwrap()
}

#[test]
fn a_key_of_somebody_else_does_not_issue() {
    let other = PrivateKey::from_seed(KeyType::Ed25519, &[2; 32]).unwrap();
    let method = other.public_key().did_key_url();
    let contexts = Contexts::embedded();
    let refused = issue(
        unsigned(),
        &contexts,
        &ProofRequest::new(&method, now()),
        &other,
    )
    .unwrap_err();
    assert_eq!(refused.rule(), "issue.method");
    let refused = issue_jwt(unsigned(), &contexts, &method, &other).unwrap_err();
    assert_eq!(refused.rule(), "issue.method");
}

#[test]
fn version_1_1_is_issued_with_the_context_of_its_proof_and_never_as_a_token() {
    let value = json!({
        "@context": [Version::V1.base_context()],
        "type": ["VerifiableCredential"],
        "issuer": key().public_key().did_key(),
        "issuanceDate": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:a"},
    });
    let method = key().public_key().did_key_url();
    let contexts = Contexts::embedded();
    for (suite, context) in [
        (
            "eddsa-jcs-2022",
            "https://w3id.org/security/data-integrity/v2",
        ),
        (
            "eddsa-rdfc-2022",
            "https://w3id.org/security/data-integrity/v2",
        ),
        (
            "Ed25519Signature2020",
            "https://w3id.org/security/suites/ed25519-2020/v1",
        ),
    ] {
        let request = ProofRequest {
            cryptosuite: Some(suite),
            ..ProofRequest::new(&method, now())
        };
        let issued = issue(value.clone(), &contexts, &request, &key()).unwrap();
        assert_eq!(
            issued["@context"],
            json!([Version::V1.base_context(), context])
        );
        let again = issue(without_proof(issued), &contexts, &request, &key()).unwrap();
        assert_eq!(again["@context"].as_array().unwrap().len(), 2, "{suite}");
    }
    let refused = issue_jwt(value, &contexts, &method, &key()).unwrap_err();
    assert_eq!(refused.rule(), "issue.version");
    assert!(refused.is_clients());
}

fn without_proof(mut document: Value) -> Value {
    document.as_object_mut().unwrap().remove("proof");
    document
}

#[test]
fn a_token_is_not_issued_over_a_proof() {
    let method = key().public_key().did_key_url();
    let signed = issue(
        unsigned(),
        &Contexts::embedded(),
        &ProofRequest::new(&method, now()),
        &key(),
    )
    .unwrap();
    let refused = issue_jwt(signed, &Contexts::embedded(), &method, &key()).unwrap_err();
    assert_eq!(refused.rule(), "model.kind");
}

#[test]
fn a_previous_proof_that_is_not_there_is_not_built_on() {
    let method = key().public_key().did_key_url();
    let names = ["urn:uuid:nowhere".to_owned()];
    let mut request = ProofRequest::new(&method, now());
    request.previous_proof = &names;
    let refused = issue(unsigned(), &Contexts::embedded(), &request, &key()).unwrap_err();
    assert_eq!(refused.rule(), "issue.signing");
}

#[test]
fn an_ed25519_proof_is_golden() {
    let method = key().public_key().did_key_url();
    let signed = issue(
        unsigned(),
        &Contexts::embedded(),
        &ProofRequest::new(&method, now()),
        &key(),
    )
    .unwrap();
    assert_eq!(signed["proof"]["created"], "2026-11-21T09:00:00Z");
    assert_eq!(
        signed["proof"]["proofValue"],
        "zgQo6uYUKtC83KfAZd1htiRabUPaZx47ZTdpNYDMwJ7NZfxzohUZiToUzu7dLufpqzZxTFod2jkfFsxDT2FsSJRq"
    );
}
