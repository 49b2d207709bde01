use super::*;
use crate::ChopDid;
use chop_keys::{KeyType, PrivateKey, Signer};
use serde_json::json;

fn key(seed: u8) -> PublicKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32])
        .unwrap()
        .public_key()
        .clone()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

fn with_method(method: &Value) -> Result<Document, DocumentError> {
    Document::parse(json!({"verificationMethod": [method]}))
}

#[test]
fn holds_every_kind_of_key_material() {
    let p384 = PrivateKey::from_seed(KeyType::P384, &[3; 48]).unwrap();
    let x25519 = format!(
        "z{}",
        bs58::encode([0xec, 0x01].into_iter().chain([9; 32]).collect::<Vec<u8>>()).into_string()
    );
    let bls = format!(
        "z{}",
        bs58::encode(
            [0xeb, 0x01, 0x80]
                .into_iter()
                .chain([3; 95])
                .collect::<Vec<u8>>()
        )
        .into_string()
    );
    let document = Document::empty()
        .with_key("#p384", p384.public_key(), &[Relationship::AssertionMethod])
        .and_then(|d| {
            d.with_method(
                json!({"id": "#x", "type": "Multikey", "publicKeyMultibase": x25519}),
                &[Relationship::KeyAgreement],
            )
        })
        .and_then(|d| {
            d.with_method(
                json!({"id": "#bls", "type": "Multikey", "publicKeyMultibase": bls}),
                &[Relationship::AssertionMethod],
            )
        })
        .and_then(|d| {
            d.with_method(
                json!({"id": "#jwk", "type": "JsonWebKey", "publicKeyJwk": key(1).jwk().unwrap()}),
                &[Relationship::Authentication],
            )
        });
    assert!(document.is_ok(), "{document:?}");
}

#[test]
fn refuses_a_key_in_a_role_that_it_cannot_play() {
    let x25519 = format!(
        "z{}",
        bs58::encode([0xec, 0x01].into_iter().chain([9; 32]).collect::<Vec<u8>>()).into_string()
    );
    let method = json!({"id": "#x", "type": "Multikey", "publicKeyMultibase": x25519});
    let refused = Document::empty().with_method(method, &[Relationship::AssertionMethod]);
    assert!(matches!(refused, Err(DocumentError::Reference { .. })));
    let refused = Document::empty().with_key("#k", &key(1), &[Relationship::KeyAgreement]);
    assert!(matches!(refused, Err(DocumentError::Reference { .. })));
}

#[test]
fn refuses_malformed_methods() {
    let multibase = key(1).multikey();
    let p521 = PrivateKey::from_seed(KeyType::P521, &[1; 66]).unwrap();
    let p521 = p521.public_key().jwk().unwrap();
    let cases = [
        json!({"id": "key-1", "type": "Multikey", "publicKeyMultibase": multibase}),
        json!({"id": "#", "type": "Multikey", "publicKeyMultibase": multibase}),
        json!({"id": "#a/b", "type": "Multikey", "publicKeyMultibase": multibase}),
        json!({"id": "#k", "type": "Ed25519VerificationKey2020", "publicKeyMultibase": multibase}),
        json!({"id": "#k", "type": "Multikey", "publicKeyMultibase": "z6Mk"}),
        json!({"id": "#k", "type": "Multikey", "publicKeyMultibase": multibase, "secretKeyMultibase": "z"}),
        json!({"id": "#k", "type": "Multikey", "publicKeyMultibase": multibase, "controller": "did:example:1"}),
        json!({"id": "#k", "type": "Multikey", "publicKeyMultibase": multibase, "revoked": "2026-11-21"}),
        json!({"id": "#k", "type": "Multikey", "publicKeyMultibase": multibase, "publicKeyJwk": key(1).jwk().unwrap()}),
        json!({"id": "#k", "type": "JsonWebKey", "publicKeyJwk": p521}),
    ];
    for method in cases {
        assert!(with_method(&method).is_err(), "{method}");
    }
}

#[test]
fn refuses_too_much_of_anything() {
    let mut methods = Vec::new();
    for index in 0..=MAX_METHODS {
        methods.push(json!({"id": format!("#k{index}"), "type": "Multikey", "publicKeyMultibase": key(1).multikey()}));
    }
    assert!(matches!(
        Document::parse(json!({"verificationMethod": methods})),
        Err(DocumentError::Count { .. })
    ));
    let large = json!({"service": [{"id": "#s", "type": "X", "serviceEndpoint": {"text": "x".repeat(MAX_DOCUMENT_BYTES)}}]});
    assert!(matches!(
        Document::parse(large),
        Err(DocumentError::Size { .. })
    ));
}

#[test]
fn finds_a_method_and_tells_when_it_counts() {
    let scid = crate::Scid::of_genesis(Hash::of("test", b"x"));
    let did = ChopDid::new(crate::LedgerId::new(Hash::of("test", b"l")).short(), scid);
    let document = Document::empty()
        .with_key("#key-1", &key(1), &[Relationship::AssertionMethod])
        .and_then(|d| d.with_revoked("#key-1", at(2_000)))
        .and_then(|d| d.with_compromised("#key-1", at(1_000)))
        .unwrap();
    let resolved = document.absolute(&did, None);
    let method = verification_method(&resolved, &format!("{did}#key-1")).unwrap();
    assert_eq!(method.key(), &key(1));
    assert!(
        method.serves(Relationship::AssertionMethod)
            && !method.serves(Relationship::Authentication)
    );
    assert_eq!(method.check_at(at(999)), Ok(()));
    assert_eq!(
        method.check_at(at(1_000)),
        Err(Invalid::Compromised { since: at(1_000) })
    );
    assert!(document.grants(Relationship::AssertionMethod, &key(1), at(999)));
    assert!(!document.grants(Relationship::AssertionMethod, &key(1), at(1_000)));
    assert!(!document.grants(Relationship::CapabilityInvocation, &key(1), at(999)));
}

#[test]
fn refuses_a_method_of_another_document_or_controller() {
    let key = key(1).multikey();
    let document = json!({"id": "did:web:a.example", "verificationMethod": [
        {"id": "did:web:a.example#k", "type": "Multikey", "controller": "did:web:b.example", "publicKeyMultibase": key},
        {"id": "#two", "type": "Multikey", "controller": "did:web:a.example", "publicKeyMultibase": key},
        {"id": "did:web:a.example#two", "type": "Multikey", "controller": "did:web:a.example", "publicKeyMultibase": key},
    ]});
    let find = |url: &str| verification_method(&document, url).unwrap_err();
    assert!(matches!(
        find("did:web:b.example#k"),
        LookupError::OtherDocument { .. }
    ));
    assert!(matches!(
        find("did:web:a.example#k"),
        LookupError::OtherController { .. }
    ));
    assert!(matches!(
        find("did:web:a.example#two"),
        LookupError::Ambiguous { .. }
    ));
    assert!(matches!(
        find("did:web:a.example#x"),
        LookupError::Absent { .. }
    ));
}

#[test]
fn emits_absolute_ids_and_the_contexts_that_it_needs() {
    let scid = crate::Scid::of_genesis(Hash::of("test", b"x"));
    let did = ChopDid::new(crate::LedgerId::new(Hash::of("test", b"l")).short(), scid);
    let document = Document::empty()
        .with_key("#key-1", &key(1), &[Relationship::AssertionMethod])
        .and_then(|d| d.with_service("#site", "LinkedDomains", "https://example.com/"))
        .unwrap();
    let resolved = document.absolute(&did, Some(&did));
    assert_eq!(resolved["@context"], json!([DID_V1, MULTIKEY_V1]));
    assert_eq!(resolved["assertionMethod"], json!([format!("{did}#key-1")]));
    assert_eq!(resolved["verificationMethod"][0]["controller"], json!(did));
    assert_eq!(resolved["service"][0]["id"], json!(format!("{did}#site")));
    assert_eq!(resolved["controller"], json!(did));
}
