//! Blocks, state, status, bad input, and the OpenAPI description.

use axum::body::Body;
use axum::http::{Request, header};
use chop_did::{DidState, build};
use chop_http::clock;
use chop_integrity::canonicalize;
use chop_proof::{
    BatchProof, EncodedLightBlock, Freshness, StateProof, TrustedHeader, verify_absence,
    verify_inclusion,
};
use chop_protocol::http::DidLog;
use chop_protocol::{Action, Envelope, keys};
use serde_json::{Value, json};

use crate::world::{TOKEN, World, key};

fn fresh() -> Freshness {
    Freshness::within(clock::now_ms(), 300_000)
}

#[tokio::test]
async fn present_and_absent_keys_come_with_proofs_that_hold_for_them_alone() {
    let world = World::new().await;
    let present = format!("did/{}", world.operator.scid());
    let root = world.engine.trust_root();
    let shown = world.get(&format!("/v1/state/{present}?proof=true")).await;
    let shown = shown.json();
    let value = canonicalize(&shown["value"]).unwrap();
    let proof: StateProof = serde_json::from_value(shown["proof"].clone()).unwrap();
    verify_inclusion(root, &proof, &present, &value, &fresh()).unwrap();
    verify_absence(root, &proof, &present, &fresh()).unwrap_err();
    verify_inclusion(root, &proof, &present, b"{}", &fresh()).unwrap_err();

    let shown = world.get("/v1/state/did/nobody?proof=true").await.json();
    assert_eq!(shown["value"], Value::Null);
    let proof: StateProof = serde_json::from_value(shown["proof"].clone()).unwrap();
    verify_absence(root, &proof, "did/nobody", &fresh()).unwrap();
    verify_absence(root, &proof, &present, &fresh()).unwrap_err();
}

#[tokio::test]
async fn several_keys_are_proven_under_one_header() {
    let world = World::new().await;
    let present = format!("did/{}", world.operator.scid());
    let keys = json!({"keys": [present, "did/nobody", "param/ledger"]});
    let reply = world.post("/v1/proofs", keys.to_string()).await;
    assert_eq!(reply.status, 200);
    let batch: BatchProof = serde_json::from_value(reply.json()).unwrap();
    let root = world.engine.trust_root();
    let header = batch.verify(root, &fresh()).unwrap();
    assert_eq!(header.height, world.engine.head().height);
    let said: Vec<_> = batch
        .statements
        .iter()
        .map(|statement| (statement.key.as_str(), statement.value.is_some()))
        .collect();
    assert_eq!(
        said,
        [
            (present.as_str(), true),
            ("did/nobody", false),
            ("param/ledger", true)
        ]
    );
    for bad in [
        json!({"keys": ["did/a", "did/a"]}),
        json!({"keys": vec!["did/a"; 257]}),
        json!({"keys": ["did/ä"]}),
        json!({"keys": "did/a"}),
        json!({}),
        json!([]),
    ] {
        let reply = world.post("/v1/proofs", bad.to_string()).await;
        assert_eq!(reply.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn headers_come_with_those_who_signed_them_and_those_who_sign_next() {
    let world = World::new().await;
    let root = world.engine.trust_root();
    let top = world.engine.head().height;
    for (asked, height) in [("first", 1), ("1", 1), ("latest", top)] {
        let reply = world.get(&format!("/v1/headers/{asked}")).await;
        assert_eq!(reply.status, 200, "{asked}");
        let encoded: EncodedLightBlock = serde_json::from_value(reply.json()).unwrap();
        let block = encoded.decode().unwrap();
        let trusted = TrustedHeader::first(root, &block).unwrap();
        assert_eq!(trusted.height(), height);
    }
    for (asked, status) in [("0", 404), ("99999", 404), ("x", 400), ("-1", 400)] {
        let reply = world.get(&format!("/v1/headers/{asked}")).await;
        assert_eq!(reply.status, status, "{asked}");
    }
}

#[tokio::test]
async fn the_log_names_the_did_that_was_asked_for() {
    let world = World::new().await;
    let log = world.get(&format!("/v1/dids/{}/log", world.operator)).await;
    assert_eq!(log.status, 200);
    assert_eq!(world.get("/v1/dids/nonsense/log").await.status, 400);
}

#[tokio::test]
async fn a_log_is_whole_page_by_page() {
    let world = World::new().await;
    let path = format!("/v1/dids/{}/log", world.operator);
    let state = keys::did(&world.operator.scid());
    for n in 0..5 {
        let state = world.engine.view().value(&state).unwrap().unwrap();
        let state: DidState = serde_json::from_slice(&state).unwrap();
        let update = build::update(&state, state.document());
        let update = update.signed_by(&[&key(3)]).unwrap();
        let envelope = Envelope {
            actions: vec![Action::Did(Box::new(update))],
            ..world.anchoring(n, world.operator)
        };
        let envelope = envelope.sign(&[&key(2)]).unwrap();
        let reply = world
            .post("/v1/transactions", envelope.bytes().to_vec())
            .await;
        assert_eq!(reply.status, 201);
    }
    let whole: DidLog = serde_json::from_value(world.get(&path).await.json()).unwrap();
    assert_eq!((whole.operations.len(), whole.next), (6, None));
    let (mut paged, mut from) = (Vec::new(), Some(0));
    while let Some(next) = from {
        let page = world.get(&format!("{path}?from={next}&limit=4")).await;
        let page: DidLog = serde_json::from_value(page.json()).unwrap();
        paged.extend(page.operations);
        from = page.next;
    }
    assert_eq!(paged, whole.operations);
    for (query, status) in [
        ("from=6", 404),
        ("from=x", 400),
        ("limit=0", 400),
        ("limit=257", 400),
        ("to=3", 400),
    ] {
        let reply = world.get(&format!("{path}?{query}")).await;
        assert_eq!(reply.status, status, "{query}");
    }
}

#[tokio::test]
async fn every_post_refuses_bad_input() {
    let world = World::new().await;
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let bodies: [&[u8]; 5] = [
        b"{",
        b"{\"did\":1,\"did\":2}",
        deep.as_bytes(),
        b"\xff\xfe",
        b"[]",
    ];
    let identifiers = format!("/1.0/identifiers/{}", world.operator);
    for path in [
        "/v1/transactions",
        "/1.0/create",
        "/1.0/update",
        "/1.0/deactivate",
        &identifiers,
    ] {
        for body in bodies {
            let reply = world.post(path, body.to_vec()).await;
            assert_eq!(reply.status, 400, "{path} {body:?}");
        }
        if path != identifiers {
            let request = Request::post(path)
                .header(header::CONTENT_TYPE, "text/plain")
                .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
            let reply = world.send(request.body(Body::from("{}")).unwrap()).await;
            assert_eq!(reply.status, 415, "{path}");
        }
    }
}

#[test]
fn each_description_has_every_route_and_no_other() {
    let source = include_str!("../../src/http.rs");
    assert_eq!(served(source, "router"), described(chop_node::openapi()));
    let source = include_str!("../../src/http/member.rs");
    let member = chop_node::member_openapi();
    assert_eq!(served(source, "member_router"), described(member));
}

/// The routes that a function of a source serves, as `method path`.
fn served(source: &str, function: &str) -> Vec<String> {
    let begin = format!("\npub fn {function}(");
    let body = source.split(&begin).nth(1).unwrap();
    let table = body.split(".with_state").next().unwrap();
    let mut served = Vec::new();
    for route in table.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap().replace("{*", "{");
        for method in ["get", "post", "put", "delete", "patch"] {
            if route.contains(&format!("{method}(")) {
                served.push(format!("{method} {path}"));
            }
        }
    }
    served.sort();
    assert!(served.len() > 3);
    served
}

/// The same of a description.
fn described(api: utoipa::openapi::OpenApi) -> Vec<String> {
    let api = serde_json::to_value(api).unwrap();
    let mut described = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.push(format!("{method} {path}"));
        }
    }
    described.sort();
    described
}
