//! Tests: the W3C vectors, and that no altered proof verifies.

use super::*;
use crate::contexts::Contexts;
use crate::issuing::{ProofRequest, issue, issue_jwt};
use crate::verdict::KeyHistory;
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T09:00:00.000Z").unwrap()
}

fn keys(credential: &SecuredCredential) -> Keys {
    credential
        .verification_methods()
        .into_iter()
        .map(|method| {
            let found = PublicKey::from_did_key_url(&method).map_or(Finding::Absent, |key| {
                Finding::Found(KeyFact {
                    id: method.clone(),
                    controller: key.did_key(),
                    key,
                    relationships: vec!["assertionMethod".to_owned()],
                    history: KeyHistory::default(),
                })
            });
            (method, found)
        })
        .collect()
}

fn holds(credential: &SecuredCredential) -> bool {
    let terms = ProofTerms {
        purpose: "assertionMethod",
        contexts: &Contexts::embedded(),
        as_of: now(),
        clock_skew_ms: 0,
    };
    let reports = credential.secured().verify(&keys(credential), &terms);
    !reports.is_empty() && reports.iter().all(|report| report.result.is_ok())
}

fn signed() -> Value {
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap();
    let method = key.public_key().did_key_url();
    issue(
        unsigned(&key),
        &Contexts::embedded(),
        &ProofRequest::new(&method, now()),
        &key,
    )
    .unwrap()
}

fn token() -> String {
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap();
    issue_jwt(
        unsigned(&key),
        &Contexts::embedded(),
        &key.public_key().did_key_url(),
        &key,
    )
    .unwrap()
}

fn unsigned(key: &PrivateKey) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:example:1",
        "type": ["VerifiableCredential"],
        "issuer": key.public_key().did_key(),
        "credentialSubject": {"id": "did:example:a", "name": "Somebody"},
    })
}

#[test]
fn the_jcs_vectors_of_the_w3c_specifications_verify() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/vectors/valid/data-integrity");
    let contexts = Contexts::embedded();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read(entry.unwrap().path()).unwrap();
        let vector: Value = serde_json::from_slice(&text).unwrap();
        let credential = SecuredCredential::from_value(vector["document"].clone()).unwrap();
        contexts.check(credential.credential()).unwrap();
        assert!(holds(&credential), "{}", vector["name"]);
        count += 1;
    }
    assert!(count >= 3, "only {count} vectors were found");
}

#[test]
fn a_token_names_the_key_of_its_issuer() {
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap();
    let token = issue_jwt(
        unsigned(&key),
        &Contexts::embedded(),
        &key.public_key().did_key_url(),
        &key,
    )
    .unwrap();
    let credential = SecuredCredential::from_token(&token).unwrap();
    assert_eq!(
        credential
            .verification_methods()
            .into_iter()
            .collect::<Vec<_>>(),
        [key.public_key().did_key_url()]
    );
    assert!(holds(&credential));
}

#[test]
fn the_anchored_bytes_of_a_token_are_the_token() {
    let token = token();
    let credential = SecuredCredential::parse(token.as_bytes()).unwrap();
    assert_eq!(credential.secured_bytes().unwrap(), token.as_bytes());
}

#[test]
fn the_anchored_bytes_do_not_depend_on_white_space_or_order() {
    let value = signed();
    let pretty = serde_json::to_vec_pretty(&value).unwrap();
    let one = SecuredCredential::parse(&pretty)
        .unwrap()
        .secured_bytes()
        .unwrap();
    let two = SecuredCredential::from_value(value)
        .unwrap()
        .secured_bytes()
        .unwrap();
    assert_eq!(one, two);
}

#[test]
fn every_registered_suite_is_found_by_its_name() {
    for suite in CRYPTOSUITES {
        assert_eq!(
            cryptosuite(suite.name).map(|found| found.name),
            Some(suite.name)
        );
    }
    assert!(cryptosuite("eddsa-jcs-1999").is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_make_the_parsers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = SecuredCredential::parse(&bytes);
        let _ = SecuredPresentation::parse(&bytes);
    }

    #[test]
    fn no_token_makes_the_parser_panic(text in "e[A-Za-z0-9_.=-]{0,200}") {
        let _ = SecuredCredential::from_token(&text);
        let _ = SecuredPresentation::from_token(&text);
    }

    #[test]
    fn no_altered_credential_verifies_as_another(place in 0_usize..4_000, byte in 0x20_u8..0x7f) {
        let original = signed();
        let mut bytes = serde_json::to_vec(&original).unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(credential) = SecuredCredential::parse(&bytes)
            && holds(&credential)
        {
            let unchanged = SecuredCredential::from_value(original).unwrap();
            prop_assert_eq!(credential.credential(), unchanged.credential());
        }
    }

    #[test]
    fn no_altered_token_verifies(place in 0_usize..4_000, byte in 0x20_u8..0x7f) {
        let original = token();
        let mut bytes = original.clone().into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        if bytes != original.as_bytes()
            && let Ok(credential) = SecuredCredential::parse(&bytes)
        {
            // White space around a token is not part of it.
            let same = bytes.trim_ascii() == original.as_bytes();
            prop_assert!(same || !holds(&credential));
        }
    }
}
