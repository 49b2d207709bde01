//! Resolution and dereferencing.

use axum::http::header;
use chop_http::clock;
use chop_integrity::canonicalize;
use chop_proof::{Freshness, StateProof, verify_absence, verify_inclusion};
use serde_json::{Value, json};

use crate::world::{World, key};

const RESOLUTION: &str = "application/did-resolution";

fn path(rest: impl std::fmt::Display) -> String {
    format!("/1.0/identifiers/{rest}")
}

#[tokio::test]
async fn every_form_of_answer_has_its_media_type_and_the_same_document() {
    let world = World::new().await;
    let own = path(world.operator);
    let whole = world.get(&own).await;
    assert_eq!((whole.status, whole.media()), (200, RESOLUTION));
    let document = whole.json()["didDocument"].clone();
    assert_eq!(document["id"], world.operator.to_string());
    for media in [
        "application/did",
        "application/did+json",
        "application/did+ld+json",
        "application/json",
    ] {
        let bare = world.get_as(&own, media).await;
        assert_eq!((bare.status, bare.media()), (200, media));
        assert_eq!(bare.json(), document);
    }
    let media = "application/did-url-dereferencing";
    let content = world.get_as(&own, media).await;
    assert_eq!((content.status, content.media()), (200, media));
    assert_eq!(content.json()["contentStream"], document);
    let legacy = "application/ld+json;profile=\"https://w3id.org/did-resolution\"";
    let old = world.get_as(&own, legacy).await;
    assert_eq!(old.json()["didDocument"], document);
    assert!(old.json().get("@context").is_some());
    let cbor = world.get_as(&own, "application/cbor").await;
    assert_eq!(cbor.status, 406);
}

#[tokio::test]
async fn older_clients_find_content_and_errors_of_dereferencing_where_drafts_put_them() {
    let world = World::new().await;
    let did = "did:key:z6MktKwz7Ge1Yxzr4JHavN33wiwa8y81QdcMRLXQsrH9T53b";
    let method = format!("{did}%23{}", did.replace("did:key:", ""));
    let legacy = "application/ld+json;profile=\"https://w3id.org/did-resolution\"";
    let found = world.get_as(&path(&method), legacy).await;
    assert_eq!((found.status, found.media()), (200, legacy));
    assert_eq!(found.json()["didDocument"]["controller"], did);
    for (target, metadata, error) in [
        (
            format!("{method}?publicKeyFormat=Ed25519VerificationKey2018"),
            "didDereferencingMetadata",
            "invalidPublicKeyType",
        ),
        (
            format!("{did}%2F%5Ebar%5E%2F%3Fquery%3D%60%23x"),
            "didDereferencingMetadata",
            "invalidDidUrl",
        ),
        (
            format!("{did}?publicKeyFormat=unknown"),
            "didResolutionMetadata",
            "unsupportedPublicKeyType",
        ),
        (
            "did:key:zTjsVPtY".to_owned(),
            "didResolutionMetadata",
            "invalidPublicKeyLength",
        ),
    ] {
        let refused = world.get_as(&path(&target), legacy).await;
        assert_eq!(refused.status, 400, "{target}");
        let body = refused.json();
        assert_eq!(body[metadata]["error"], error, "{target}");
        assert_eq!(body["didDocument"], json!({}), "{target}");
    }
}

#[tokio::test]
async fn every_error_has_its_status_and_type() {
    let world = World::new().await;
    let own = world.operator;
    for (target, status, kind) in [
        ("not-a-did".to_owned(), 400, "INVALID_DID"),
        ("did:example:123".to_owned(), 400, "INVALID_DID"),
        (
            "did:unknownmethod:123".to_owned(),
            501,
            "METHOD_NOT_SUPPORTED",
        ),
        ("did:chop:nonsense".to_owned(), 400, "INVALID_DID"),
        ("did%+fkey".to_owned(), 400, "INVALID_DID"),
        (format!("{own}?proof=yes"), 400, "INVALID_OPTIONS"),
        (
            format!("{own}?proof=true&proof=true"),
            400,
            "INVALID_OPTIONS",
        ),
    ] {
        let reply = world.get(&path(&target)).await;
        assert_eq!(reply.status, status, "{target} {}", reply.json());
        let body = reply.json();
        let uri = format!("https://www.w3.org/ns/did#{kind}");
        assert_eq!(
            body["didResolutionMetadata"]["error"]["type"], uri,
            "{target}"
        );
        assert_eq!(body["didDocument"], Value::Null);
    }
    for twice in [
        "versionId=1&versionId=1",
        "versionId=1&versionTime=2026-01-01T00:00:00Z",
    ] {
        let reply = world.get(&path(format!("{own}?{twice}"))).await;
        assert_eq!(reply.status, 400, "{twice}");
    }
    let many: Vec<String> = (0..200).map(|n| format!("o{n}=1")).collect();
    let many = path(format!("{own}%3Fservice=x?{}", many.join("&")));
    assert_eq!(world.get(&many).await.status, 400);
}

#[tokio::test]
async fn an_encoded_did_and_a_fragment_lead_to_the_same_things() {
    let world = World::new().await;
    let own = world.operator.to_string();
    let encoded = world.get(&path(own.replace(':', "%3A"))).await;
    assert_eq!(encoded.json(), world.get(&path(&own)).await.json());
    let method = world.get(&path(format!("{own}%23key-1"))).await;
    assert_eq!(method.status, 200);
    assert_eq!(
        method.json()["contentStream"]["publicKeyMultibase"],
        chop_keys::Signer::public_key(&key(2)).multikey()
    );
    let absent = world.get(&path(format!("{own}%23key-9"))).await;
    assert_eq!(absent.status, 404);
}

#[tokio::test]
async fn the_proof_in_the_metadata_verifies_and_follows_the_header() {
    let world = World::new().await;
    let asked = path(format!("{}?proof=true", world.operator));
    let first = world.get(&asked).await.json();
    assert_eq!(world.get(&asked).await.json(), first);
    let given = &first["didDocumentMetadata"]["proof"][0];
    let proof: StateProof = serde_json::from_value(given["proof"].clone()).unwrap();
    let key = format!("did/{}", world.operator.scid());
    assert_eq!(given["key"], key);
    let value = canonicalize(&given["value"]).unwrap();
    let freshness = Freshness::within(clock::now_ms(), 300_000);
    let root = world.engine.trust_root();
    verify_inclusion(root, &proof, &key, &value, &freshness).unwrap();
    let envelope = world.anchoring(1, world.operator);
    let envelope = envelope.sign(&[&crate::world::key(2)]).unwrap();
    world.engine.submit(envelope).await.unwrap();
    let later = world.get(&asked).await.json();
    assert_ne!(
        later["didDocumentMetadata"]["proof"],
        first["didDocumentMetadata"]["proof"]
    );
    assert_eq!(later["didDocument"], first["didDocument"]);
}

#[tokio::test]
async fn that_there_is_no_such_did_is_proven_by_absence() {
    let world = World::new().await;
    let scid = chop_did::Scid::of_genesis(chop_integrity::Hash::from_bytes([9; 32]));
    let nobody = chop_did::ChopDid::new(world.operator.ledger(), scid);
    // As the node's own question, and as one for an earlier version, which its resolver answers.
    for more in ["", "&versionTime=2026-01-01T00:00:00Z"] {
        let path = path(format_args!("{nobody}?proof=true{more}"));
        let reply = world.get_as(&path, RESOLUTION).await;
        assert_eq!(reply.status, 404);
        let answer = reply.json();
        let error = &answer["didResolutionMetadata"]["error"];
        assert_eq!(error["type"], "https://www.w3.org/ns/did#NOT_FOUND");
        let shown = &answer["didDocumentMetadata"]["proof"][0];
        assert_eq!(shown["value"], Value::Null, "{answer}");
        let proof: StateProof = serde_json::from_value(shown["proof"].clone()).unwrap();
        let (root, key) = (world.engine.trust_root(), format!("did/{scid}"));
        assert_eq!(shown["key"], key.as_str());
        let freshness = Freshness::within(clock::now_ms(), 60_000);
        verify_absence(root, &proof, &key, &freshness).unwrap();
    }
    let plain = world.get_as(&path(nobody), RESOLUTION).await;
    assert_eq!(plain.status, 404);
    assert_eq!(plain.json()["didDocumentMetadata"], json!({}));
}

#[tokio::test]
async fn a_service_is_a_redirect_and_an_update_changes_the_kept_answer() {
    let world = World::new().await;
    let did = world.registered().await;
    let before = world.get(&path(&did)).await.json();
    let document = json!({"service": [{
        "id": "#files", "type": "Files", "serviceEndpoint": "https://files.example/",
    }]});
    let updated = world.update(&did, document).await;
    assert_eq!(updated.status, 200, "{}", updated.json());
    let after = world.get(&path(&did)).await.json();
    assert_ne!(after["didDocument"], before["didDocument"]);
    let redirect = world.get(&path(format!("{did}?service=files"))).await;
    assert_eq!(redirect.status, 303);
    assert_eq!(redirect.headers[header::LOCATION], "https://files.example/");
    assert!(redirect.bytes.is_empty());
    let version = before["didDocumentMetadata"]["versionId"].as_str().unwrap();
    let earlier = world.get(&path(format!("{did}?versionId={version}"))).await;
    assert_eq!(earlier.json()["didDocument"], before["didDocument"]);
}
