//! Status lists and schemas that come from elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use chop_credential::status::{Bitstring, NewEntry, NewList};
use chop_http::outbound::{Settings, TrustedOrigin};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::world::{MINUTE, NOW, START, World, accepted, gist, refused, sign, time, unsigned};

/// A server of one status list, at a trusted origin.
struct Lists {
    url: String,
    served: Arc<Mutex<Option<Value>>>,
    /// How often it was asked for.
    asked: Arc<AtomicUsize>,
    settings: Settings,
}

async fn lists() -> Lists {
    let served: Arc<Mutex<Option<Value>>> = Arc::default();
    let answer = Arc::clone(&served);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let list = move || async move {
        count.fetch_add(1, Ordering::Relaxed);
        let body = answer.lock().unwrap().as_ref().map(Value::to_string);
        let status = if body.is_some() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (
            status,
            [(header::CONTENT_TYPE, "application/vc")],
            body.unwrap_or_default(),
        )
    };
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: Url = format!("http://{}/", socket.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(axum::serve(socket, Router::new().route("/list", get(list))).into_future());
    let settings = Settings {
        trusted: vec![TrustedOrigin::new(base.clone())],
        ..Settings::default()
    };
    Lists {
        url: base.join("list").unwrap().into(),
        served,
        asked,
        settings,
    }
}

impl Lists {
    fn list(&self, issuer: &str, revoked: bool) -> Value {
        let mut bits = Bitstring::zeros(131_072, 1).unwrap();
        bits.set(7, 1, u16::from(revoked)).unwrap();
        let (id, purpose) = (self.url.as_str(), "revocation");
        let (valid_from, valid_until, ttl_ms) = (time(START), None, Some(60_000));
        NewList {
            id,
            issuer,
            purpose,
            bits: &bits,
            valid_from,
            valid_until,
            ttl_ms,
        }
        .to_credential()
        .unwrap()
    }

    fn serve(&self, world: &World, revoked: bool) {
        let list = self.list(&world.lab.did.to_string(), revoked);
        *self.served.lock().unwrap() = Some(sign(
            list,
            &world.method(),
            &world.lab.key,
            START + 5 * MINUTE,
        ));
    }

    fn credential(&self, world: &World) -> Value {
        let mut credential = unsigned(&world.lab.did.to_string(), START + 10 * MINUTE);
        let entry = NewEntry {
            list: &self.url,
            index: 7,
            purpose: "revocation",
            messages: &[],
            reference: None,
        };
        credential["credentialStatus"] = entry.to_json().unwrap();
        sign(
            credential,
            &world.method(),
            &world.lab.key,
            START + 10 * MINUTE,
        )
    }
}

#[tokio::test]
async fn a_clear_list_is_accepted_and_a_revocation_counts_at_once() {
    let lists = lists().await;
    let world = World::fetching(lists.settings.clone());
    let credential = lists.credential(&world);
    lists.serve(&world, false);
    assert_eq!(gist(&world.judge(&credential).await), accepted());
    lists.serve(&world, true);
    assert_eq!(gist(&world.judge(&credential).await), refused(&["status"]));
}

#[tokio::test]
async fn a_list_that_cannot_be_reached_is_not_clear() {
    let lists = lists().await;
    let world = World::fetching(lists.settings.clone());
    let credential = lists.credential(&world);
    let (outcome, checks) = gist(&world.judge(&credential).await);
    assert_eq!(
        (outcome.as_str(), checks.as_slice()),
        ("indeterminate", ["status".to_owned()].as_slice())
    );
    let (status, _) = world
        .post(
            "/credentials/verify",
            json!({"verifiableCredential": credential}).to_string(),
        )
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_batch_asks_for_a_list_as_often_as_one_credential_does() {
    let lists = lists().await;
    let world = World::fetching(lists.settings.clone());
    let credential = lists.credential(&world);
    // Nothing that could not be had is remembered from one request to the next.
    let (first, _) = gist(&world.judge(&credential).await);
    let by_one = lists.asked.swap(0, Ordering::Relaxed);
    let body = json!({"credentials": vec![&credential; 40]});
    let (_, answer) = world
        .post("/v1/verifications/batch", body.to_string())
        .await;
    assert_eq!(lists.asked.load(Ordering::Relaxed), by_one);
    assert!(by_one > 0 && first == "indeterminate");
    let results = answer["results"].as_array().unwrap();
    assert!(
        results
            .iter()
            .all(|result| result["outcome"] == "indeterminate")
    );
}

#[tokio::test]
async fn a_list_at_an_address_that_is_not_public_is_not_asked() {
    let lists = lists().await;
    let world = World::new();
    lists.serve(&world, false);
    let (outcome, _) = gist(&world.judge(&lists.credential(&world)).await);
    assert_eq!(outcome, "indeterminate");
}

#[tokio::test]
async fn a_list_that_the_issuer_did_not_sign_is_refused() {
    let lists = lists().await;
    let world = World::fetching(lists.settings.clone());
    let other = world.ledger.create();
    let list = lists.list(&other.did.to_string(), false);
    *lists.served.lock().unwrap() = Some(sign(
        list,
        &format!("{}#key-1", other.did),
        &other.key,
        START + 5 * MINUTE,
    ));
    let credential = lists.credential(&world);
    assert_eq!(gist(&world.judge(&credential).await).0, "refused");
    let delegated = json!({"policy": {"statusDelegates": [other.did]}});
    assert_eq!(
        gist(&world.judge_with(&credential, delegated).await),
        accepted()
    );
    let mut tampered = lists.list(&world.lab.did.to_string(), true);
    tampered = sign(
        tampered,
        &world.method(),
        &world.lab.key,
        START + 5 * MINUTE,
    );
    tampered["credentialSubject"]["encodedList"] =
        lists.list("did:x:y", false)["credentialSubject"]["encodedList"].clone();
    *lists.served.lock().unwrap() = Some(tampered);
    assert_ne!(gist(&world.judge(&credential).await).0, "accepted");
}

#[tokio::test]
async fn what_was_suspended_before_its_list_was_issued_is_not_known() {
    let lists = lists().await;
    let world = World::fetching(lists.settings.clone());
    let mut list = lists.list(&world.lab.did.to_string(), false);
    list["credentialSubject"]["statusPurpose"] = json!(["revocation", "suspension"]);
    list["validFrom"] = json!(time(NOW - 10 * MINUTE));
    let list = sign(list, &world.method(), &world.lab.key, NOW - 10 * MINUTE);
    *lists.served.lock().unwrap() = Some(list);
    for (purpose, past) in [("revocation", "accepted"), ("suspension", "indeterminate")] {
        let mut credential = unsigned(&world.lab.did.to_string(), START + 10 * MINUTE);
        let entry = NewEntry {
            list: &lists.url,
            index: 7,
            purpose,
            messages: &[],
            reference: None,
        };
        credential["credentialStatus"] = entry.to_json().unwrap();
        let at = START + 10 * MINUTE;
        let credential = sign(credential, &world.method(), &world.lab.key, at);
        assert_eq!(gist(&world.judge(&credential).await), accepted());
        let before = json!({"asOf": time(NOW - 20 * MINUTE)});
        let verdict = gist(&world.judge_with(&credential, before).await);
        assert_eq!(verdict.0, past, "{purpose}");
    }
}

#[tokio::test]
async fn an_embedded_schema_is_applied_without_fetching() {
    let world = World::new();
    let mut credential = unsigned(&world.lab.did.to_string(), START + 10 * MINUTE);
    let id = "https://chopmark.dev/ns/apple/v1/QualityInspection.json";
    credential["credentialSchema"] = json!({"id": id, "type": "JsonSchema"});
    let credential = sign(
        credential,
        &world.method(),
        &world.lab.key,
        START + 10 * MINUTE,
    );
    assert_eq!(gist(&world.judge(&credential).await), refused(&["schema"]));
}

#[tokio::test]
async fn a_schema_held_by_a_credential_counts_by_that_credentials_own_proof() {
    let lists = lists().await;
    let mut world = World::fetching(lists.settings.clone());
    let bureau = world.ledger.create();
    let schema = |required: &str| {
        let held = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": lists.url,
            "type": ["VerifiableCredential", "JsonSchemaCredential"],
            "issuer": bureau.did,
            "credentialSchema": {
                "id": "https://www.w3.org/ns/credentials/json-schema/v2.json",
                "type": "JsonSchema",
                "digestSRI": "sha384-S57yQDg1MTzF56Oi9DbSQ14u7jBy0RDdx0YbeV7shwhCS88G8SCXeFq82PafhCrW",
            },
            "credentialSubject": {
                "type": "JsonSchema",
                "jsonSchema": {
                    "$id": "https://schema.example/lot.json",
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "required": [required],
                },
            },
        });
        let method = format!("{}#key-1", bureau.did);
        sign(held, &method, &bureau.key, START + 5 * MINUTE)
    };
    let mut credential = unsigned(&world.lab.did.to_string(), START + 10 * MINUTE);
    credential["credentialSchema"] = json!({"id": lists.url, "type": "JsonSchemaCredential"});
    let at = START + 10 * MINUTE;
    let credential = sign(credential, &world.method(), &world.lab.key, at);
    let mut unsigned = schema("issuer");
    unsigned.as_object_mut().unwrap().remove("proof");
    let cases = [
        (schema("issuer"), accepted()),
        (schema("absent"), refused(&["schema"])),
        (unsigned, refused(&["schema"])),
    ];
    for (held, expected) in cases {
        *lists.served.lock().unwrap() = Some(held);
        // What is fetched is remembered by the service, so each case has one of its own.
        world.verifier = world.verifier_anew(lists.settings.clone());
        let verdict = world.judge(&credential).await;
        assert_eq!(gist(&verdict), expected);
        let checks = verdict["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["check"] == "schema");
        if expected == accepted() {
            assert_eq!(check.unwrap()["evidence"][0]["issuer"], json!(bureau.did));
        }
    }
}
