//! Tests: a payload that is read where it lies is judged as its values are.

use super::{Payload, SecuredCredential};
use crate::contexts::Contexts;
use crate::securing::jose::{self, Token};
use crate::securing::{Keys, ParseError, ProofTerms, Securing};
use crate::verdict::{Finding, KeyFact, KeyHistory};
use chop_integrity::Timestamp;
use chop_integrity::json::{self, Limits, Plain};
use chop_integrity::proof::{self, ProofOptions};
use chop_keys::{KeyType, PrivateKey, Signer as _};
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const V2: &str = "https://www.w3.org/ns/credentials/v2";
const APPLE: &str = "https://chopmark.dev/ns/apple/v1";

fn token(payload: &str) -> String {
    let header = br#"{"alg":"EdDSA","kid":"did:example:i#k","typ":"vc+jwt"}"#;
    let part = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    format!("{}.{}.AA", part(header), part(payload.as_bytes()))
}

/// Parses a token whose payload's values are built first.
fn by_its_values(token: &str) -> Result<SecuredCredential, ParseError> {
    let values = |payload: Vec<u8>| jose::members(&payload).map(Payload::Members);
    let (token, payload) = Token::read(token, values)?;
    SecuredCredential::of_token(token, payload)
}

fn is_written(credential: &SecuredCredential) -> bool {
    credential.credential().written().is_some()
}

/// Writes an object with its members in this order.
fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

fn good() -> Value {
    json!({
        "@context": [V2, APPLE],
        "type": ["VerifiableCredential", "GeographicalIndication"],
        "id": "urn:uuid:3f0f2c0e-6d5b-4d43-9c39-6a1f4c6a2a11",
        "issuer": "did:example:i",
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:s", "type": "CertifiedOrchard", "variety": "Fuji"},
    })
}

#[test]
fn a_plain_payload_is_read_where_it_lies_and_another_by_its_values() {
    let plain = good().to_string();
    let read = SecuredCredential::from_jwt(&token(&plain)).unwrap();
    assert!(is_written(&read));
    assert_eq!(by_its_values(&token(&plain)).as_ref(), Ok(&read));
    for other in [
        plain.replace("\":", "\" :"),
        plain.replace("Fuji", "Fu\\u006ai"),
    ] {
        let read = SecuredCredential::from_jwt(&token(&other)).unwrap();
        assert!(!is_written(&read));
    }
}

#[test]
fn a_good_proof_of_a_plain_document_holds_in_any_order_and_another_does_not() {
    let document = good().to_string();
    let reversed: Vec<(String, String)> = texts(good().as_object().unwrap())
        .into_iter()
        .rev()
        .collect();
    for document in [document, object(&reversed)] {
        for (signed, change, holds) in [
            (true, None, true),
            (false, None, false),
            (true, Some(("id", json!("urn:a:c"))), false),
        ] {
            for context in [None, Some(json!([V2, APPLE]))] {
                let text = secured(&document, context, signed, (3, 0), change.clone()).unwrap();
                let read = SecuredCredential::parse(text.as_bytes()).unwrap();
                assert!(is_written(&read));
                assert_eq!(results(&read)[0].is_ok(), holds, "{text}");
            }
        }
    }
}

#[test]
fn one_proof_has_one_digest_by_itself_and_in_an_array() {
    let document = good().to_string();
    let [alone, one, two] = [0, 1, 2].map(|times| {
        let text = secured(&document, None, true, (9, times), None).unwrap();
        let read = SecuredCredential::parse(text.as_bytes()).unwrap();
        assert!(is_written(&read) && results(&read).iter().all(Result::is_ok));
        read.secured_bytes().unwrap()
    });
    assert_eq!(alone, one);
    assert_ne!(alone, two);
}

#[test]
fn what_calls_itself_an_envelope_is_read_as_one() {
    let mut document = good();
    document["type"] = json!(["VerifiableCredential", "EnvelopedVerifiableCredential"]);
    let text = secured(&document.to_string(), None, true, (9, 0), None).unwrap();
    let read = SecuredCredential::parse(text.as_bytes());
    let built = SecuredCredential::from_value(serde_json::from_str(&text).unwrap());
    assert!(read.is_err());
    assert_eq!(read, built);
}

#[test]
fn claims_beside_a_credential_are_none_of_its_members() {
    let mut payload = good();
    payload["iat"] = json!(1_790_000_000);
    payload["iss"] = json!("did:example:i");
    payload["termsOfUse"] = json!({"type": "Terms"});
    let read = SecuredCredential::from_jwt(&token(&payload.to_string())).unwrap();
    assert!(is_written(&read));
    assert!(read.claims().issued_at.is_some());
    assert!(!read.credential().json().contains_key("iat"));
    assert_eq!(
        read.credential().unprocessed().collect::<Vec<_>>(),
        [("termsOfUse", "Terms")]
    );
    payload["iss"] = json!("did:example:j");
    assert!(SecuredCredential::from_jwt(&token(&payload.to_string())).is_err());
}

fn name() -> impl Strategy<Value = &'static str> {
    select(vec![
        "@context",
        "type",
        "id",
        "issuer",
        "name",
        "description",
        "credentialSubject",
        "validFrom",
        "validUntil",
        "proof",
        "termsOfUse",
        "evidence",
        "credentialStatus",
        "credentialSchema",
        "confidenceMethod",
        "relatedResource",
        "variety",
        "iss",
        "exp",
        "nbf",
        "iat",
        "aud",
        "nonce",
        "status",
        "sub",
        "vc",
        "vp",
        "issuanceDate",
        "@import",
        "unknown",
        "a:b",
    ])
}

fn value() -> impl Strategy<Value = Value> {
    let whole = select(vec![
        json!("did:example:i"),
        json!("did:example:j"),
        json!("a b"),
        json!(""),
        json!("Fu\"ji"),
        json!(1),
        json!(1.5),
        json!(null),
        json!(true),
        json!([]),
        json!({}),
        json!([V2]),
        json!([V2, APPLE]),
        json!([APPLE, V2]),
        json!([V2, {"a": "b:c"}]),
        json!(V2),
        json!(["https://www.w3.org/2018/credentials/v1"]),
        json!([V2, "a b"]),
        json!([V2, 1]),
        json!("VerifiableCredential"),
        json!(["VerifiableCredential", ""]),
        json!(["VerifiableCredential", "EnvelopedVerifiableCredential"]),
        json!("EnvelopedVerifiableCredential"),
        json!("data:application/vc+jwt,eyJ"),
        json!(["A"]),
        json!(["VerifiableCredential", "A", 1]),
        json!("2026-02-01T00:00:00Z"),
        json!("2025-02-01T00:00:00Z"),
        json!("yesterday"),
        json!({"id": "did:example:i"}),
        json!({"id": "a b"}),
        json!({"id": "did:example:i", "name": ["x"]}),
        json!({"id": "did:example:i", "name": "x"}),
        json!({"@value": "x"}),
        json!([{"id": "did:example:s"}, {"variety": "Gala"}]),
        json!([{"id": "did:example:s"}, {}]),
        json!([1]),
        json!({"id": "did:example:s", "@context": [APPLE], "variety": "Gala"}),
        json!({"type": "T", "@context": {"@import": APPLE}}),
        json!({"type": "T", "id": "urn:a:b"}),
        json!({"type": "T", "id": 1}),
        json!({"confidenceMethod": {"type": "T"}}),
        json!({"type": "Transcription", "source": "did:example:a"}),
        json!({"type": "CertifiedOrchard", "variety": {"a": 1}}),
        json!({"id": "urn:s:1", "type": "JsonSchema"}),
        json!(1_790_000_000),
        json!({"jwk": {}}),
    ]);
    let further = prop::collection::btree_map(
        name(),
        select(vec![json!("x"), json!(1), json!(["urn:a:b"])]),
        0..3,
    )
    .prop_map(|members| json!(members));
    prop_oneof![4 => whole, 1 => further]
}

/// A credential's text: some of its members are others, some are further ones, in any order.
fn payload() -> impl Strategy<Value = String> {
    let members = (
        prop::collection::vec((name(), prop::option::weighted(0.8, value())), 0..3),
        prop::collection::vec(
            ("id|name|variety|type|@context|confidenceMethod", value()),
            0..2,
        ),
        any::<bool>(),
    );
    members
        .prop_flat_map(|(others, of_subject, is_sorted)| {
            let mut credential = good();
            for (name, value) in of_subject {
                credential["credentialSubject"][name] = value;
            }
            let map = credential.as_object_mut().unwrap();
            for (name, value) in others {
                match value {
                    Some(value) => map.insert(name.to_owned(), value),
                    None => map.remove(name),
                };
            }
            let subject: Vec<(String, String)> = match map.get("credentialSubject") {
                Some(Value::Object(subject)) => texts(subject),
                _ => Vec::new(),
            };
            let (members, subject) = (Just(texts(map)), Just(subject));
            if is_sorted {
                (members.boxed(), subject.boxed())
            } else {
                (
                    members.prop_shuffle().boxed(),
                    subject.prop_shuffle().boxed(),
                )
            }
        })
        .prop_map(|(mut members, subject)| {
            let place = members
                .iter_mut()
                .find(|(name, _)| name == "credentialSubject");
            if let Some((_, value)) = place
                && !subject.is_empty()
            {
                *value = object(&subject);
            }
            object(&members)
        })
}

fn texts(members: &serde_json::Map<String, Value>) -> Vec<(String, String)> {
    let text = |(name, value): (&String, &Value)| (name.clone(), value.to_string());
    members.iter().map(text).collect()
}

/// Compares all that two parsed credentials say.
fn same(one: &SecuredCredential, other: &SecuredCredential) -> Result<(), TestCaseError> {
    prop_assert_eq!(one, other);
    prop_assert_eq!(one.secured_bytes(), other.secured_bytes());
    let (one, other) = (one.credential(), other.credential());
    prop_assert_eq!(one.id(), other.id());
    prop_assert_eq!(one.issuer(), other.issuer());
    prop_assert!(one.types().eq(other.types()));
    prop_assert!(one.subjects().eq(other.subjects()));
    prop_assert_eq!(one.valid_from(), other.valid_from());
    prop_assert_eq!(one.valid_until(), other.valid_until());
    prop_assert_eq!(one.named_contexts(), other.named_contexts());
    prop_assert_eq!(one.transcription(), other.transcription());
    prop_assert_eq!(one.status_entries(), other.status_entries());
    prop_assert!(one.schemas().eq(other.schemas()));
    prop_assert!(one.related_resources().eq(other.related_resources()));
    prop_assert!(one.unprocessed().eq(other.unprocessed()));
    prop_assert_eq!(one.clone().into_json(), other.clone().into_json());
    Ok(())
}

fn key() -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[7; 32]).unwrap()
}

/// Adds an `eddsa-jcs-2022` proof, of the document or of another one, somewhere among a document's members, so many times in an
/// array or, for 0, by itself; then a member may become another one. `None` where it holds a member twice.
fn secured(
    document: &str,
    context: Option<Value>,
    signed: bool,
    (place, times): (usize, usize),
    change: Option<(&str, Value)>,
) -> Option<String> {
    let parsed = json::parse(document.as_bytes(), &Limits::CREDENTIAL).ok()?;
    let members = parsed.as_object()?;
    let (key, method) = (key(), key().public_key().did_key_url());
    let options = ProofOptions::new("eddsa-jcs-2022", &method, "assertionMethod");
    let mut configuration = options.configuration(None);
    if let Some(context) = context {
        configuration.insert("@context".to_owned(), context);
    }
    let unsigned = serde_json::Map::from_iter([("@context".to_owned(), json!([V2]))]);
    let of = if signed { members } else { &unsigned };
    let input = proof::signing_input(of, &[], &configuration, key.public_key());
    let signature = match input {
        Ok(input) => key.sign_credential(&input).unwrap().as_bytes().to_vec(),
        Err(_) => vec![7; 64],
    };
    let text = format!("z{}", bs58::encode(signature).into_string());
    configuration.insert("proofValue".to_owned(), json!(text));
    let mut texts = match Plain::read(document.into(), &Limits::CREDENTIAL) {
        Ok(plain) => plain
            .members()
            .map(|(name, value)| (name.to_owned(), value.to_value().to_string()))
            .collect(),
        Err(_) => texts(members),
    };
    texts.retain(|(name, _)| name != "proof");
    if let Some((name, value)) = change {
        let place = texts.iter_mut().find(|(known, _)| known == name);
        place?.1 = value.to_string();
    }
    let proof = match times {
        0 => json!(configuration),
        times => json!(vec![configuration; times]),
    };
    let place = place % (texts.len() + 1);
    texts.insert(place, ("proof".to_owned(), proof.to_string()));
    Some(object(&texts))
}

/// What comes of the proofs.
fn results(credential: &SecuredCredential) -> Vec<Result<(), String>> {
    thread_local!(static KNOWN: Contexts = Contexts::embedded());
    let key = key();
    let fact = KeyFact {
        id: key.public_key().did_key_url(),
        controller: key.public_key().did_key(),
        key: key.public_key().clone(),
        relationships: vec!["assertionMethod".to_owned()],
        history: KeyHistory::default(),
    };
    let keys = Keys::from([(fact.id.clone(), Finding::Found(fact))]);
    let reports = KNOWN.with(|contexts| {
        let terms = ProofTerms {
            purpose: "assertionMethod",
            contexts,
            as_of: Timestamp::from_unix_ms(1_800_000_000_000),
            clock_skew_ms: 0,
        };
        credential.secured().verify(&keys, &terms)
    });
    let results = reports.into_iter().map(|report| report.result);
    results
        .map(|result| result.map_err(|error| error.to_string()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_payload_is_judged_as_its_values_are(payload in payload()) {
        thread_local!(static KNOWN: (Contexts, Contexts) = (Contexts::embedded(), Contexts::embedded()));
        let token = token(&payload);
        let (read, built) = (SecuredCredential::from_jwt(&token), by_its_values(&token));
        prop_assert_eq!(read.as_ref().err(), built.as_ref().err());
        if let (Ok(read), Ok(built)) = (read, built) {
            // Once of a shape that may be new, once of one that is known.
            KNOWN.with(|(one, other)| {
                for _ in 0..2 {
                    let read = read.clone();
                    prop_assert_eq!(one.check(read.credential()), other.check(built.credential()));
                }
                Ok(())
            })?;
            prop_assert!(matches!(read.securing(), Securing::Jose(_)));
            same(&read, &built)?;
        }
    }

    #[test]
    fn a_document_with_a_proof_is_judged_as_its_values_are(
        document in payload(),
        (context, signed, place, change) in (select(vec![None, Some(json!([V2, APPLE])), Some(json!([V2]))]), any::<bool>(), (0_usize..16, 0_usize..3), prop::option::weighted(0.3, (name(), value()))),
    ) {
        let Some(text) = secured(&document, context, signed, place, change) else {
            return Ok(());
        };
        let values = |text: &str| json::parse(text.as_bytes(), &Limits::CREDENTIAL).unwrap();
        let (read, built) = (SecuredCredential::parse(text.as_bytes()), SecuredCredential::from_value(values(&text)));
        prop_assert_eq!(read.as_ref().err(), built.as_ref().err());
        if let (Ok(read), Ok(built)) = (read, built) {
            prop_assert!(!is_written(&built));
            prop_assert_eq!(results(&read), results(&built), "{}", text);
            same(&read, &built)?;
        }
    }
}
