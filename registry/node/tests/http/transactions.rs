//! Envelopes over HTTP.

use axum::body::Body;
use axum::http::{Request, header};
use chop_did::ChopDid;
use chop_protocol::UnsignedEnvelope;
use serde_json::Value;

use crate::world::{World, digest, key};

const PATH: &str = "/v1/transactions";

fn unsigned(world: &World, n: u8, actor: ChopDid) -> Value {
    UnsignedEnvelope::new(&world.anchoring(n, actor))
        .unwrap()
        .to_value()
}

fn signed(world: &World, n: u8, seed: u8) -> String {
    let envelope = world.anchoring(n, world.operator);
    let envelope = envelope.sign(&[&key(seed)]).unwrap();
    envelope.to_value().to_string()
}

/// A DID of the same ledger that nobody created.
fn stranger(world: &World) -> ChopDid {
    let did = world.operator.to_string();
    let last = did.chars().nth_back(3).unwrap();
    let other = if last == 'c' { 'd' } else { 'c' };
    let at = did.len() - 4;
    ChopDid::parse(&format!("{}{other}{}", &did[..at], &did[at + 1..])).unwrap()
}

#[tokio::test]
async fn the_same_envelope_sent_twice_gets_the_first_answer() {
    let world = World::new().await;
    let body = signed(&world, 1, 2);
    let first = world.post(PATH, body.clone()).await;
    assert_eq!(first.status, 201, "{}", first.json());
    let height = world.engine.head().height;
    let second = world.post(PATH, body).await;
    assert_eq!((second.status, second.json()), (201, first.json()));
    assert_eq!(world.engine.head().height, height);
    let location = first.headers[header::LOCATION].to_str().unwrap();
    let shown = world.get(location).await;
    assert_eq!((shown.status, shown.json()), (200, first.json()));
}

#[tokio::test]
async fn a_digest_that_is_anchored_is_a_conflict() {
    let world = World::new().await;
    assert_eq!(world.post(PATH, signed(&world, 1, 2)).await.status, 201);
    let mut again = world.anchoring(2, world.operator);
    again.actions = world.anchoring(1, world.operator).actions;
    let again = again.sign(&[&key(2)]).unwrap().to_value().to_string();
    let refused = world.post(PATH, again).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["rule"], "anchor.exists");
}

#[tokio::test]
async fn without_the_token_nothing_is_signed_or_executed() {
    let world = World::new().await;
    for body in [
        signed(&world, 1, 2),
        unsigned(&world, 2, world.operator).to_string(),
    ] {
        for token in [None, Some("Bearer wrong")] {
            let mut request = Request::post(PATH).header(header::CONTENT_TYPE, "application/json");
            if let Some(token) = token {
                request = request.header(header::AUTHORIZATION, token);
            }
            let reply = world
                .send(request.body(Body::from(body.clone())).unwrap())
                .await;
            assert_eq!(reply.status, 401);
            assert!(reply.headers.contains_key(header::WWW_AUTHENTICATE));
        }
    }
    for n in [1, 2] {
        let key = format!("/v1/state/anchor/{}", digest(n));
        assert_eq!(world.get(&key).await.json()["value"], Value::Null);
    }
}

#[tokio::test]
async fn the_operator_signs_its_own_envelopes_only() {
    let world = World::new().await;
    let own = world
        .post(PATH, unsigned(&world, 1, world.operator).to_string())
        .await;
    assert_eq!(own.status, 201, "{}", own.json());
    let foreign = unsigned(&world, 2, stranger(&world)).to_string();
    let reply = world.post(PATH, foreign).await;
    assert_eq!(reply.status, 400, "{}", reply.json());
    let mut elsewhere = world.anchoring(3, world.operator);
    elsewhere.sponsor = stranger(&world);
    let elsewhere = UnsignedEnvelope::new(&elsewhere).unwrap().to_value();
    assert_eq!(world.post(PATH, elsewhere.to_string()).await.status, 400);
}

#[tokio::test]
async fn a_signature_by_the_wrong_key_is_refused_with_the_rule() {
    let world = World::new().await;
    let mut envelope = world.anchoring(1, stranger(&world));
    envelope.actor = stranger(&world);
    let envelope = envelope.sign(&[&key(9)]).unwrap().to_value().to_string();
    let reply = world.post(PATH, envelope).await;
    assert_eq!(reply.status, 422, "{}", reply.json());
    assert_eq!(reply.json()["rule"], "envelope.actor-unknown");
}

#[tokio::test]
async fn a_changed_envelope_is_malformed() {
    let world = World::new().await;
    let mut body: Value = serde_json::from_str(&signed(&world, 1, 2)).unwrap();
    body["actions"][0]["digest"] = Value::String(digest(2).to_string());
    let reply = world.post(PATH, body.to_string()).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.json()["rule"], "envelope.signature");
}

#[tokio::test]
async fn an_envelope_that_was_never_sent_is_unknown() {
    let world = World::new().await;
    let reply = world.get(&format!("{PATH}/{}", digest(7))).await;
    assert_eq!(
        (reply.status, reply.json()["status"].as_str()),
        (404, Some("unknown"))
    );
    assert_eq!(world.get(&format!("{PATH}/nonsense")).await.status, 400);
}

#[tokio::test]
async fn what_is_wrong_with_an_envelope_without_proof_is_named_and_not_that_it_has_none() {
    let world = World::new().await;
    let mut envelope = unsigned(&world, 1, world.operator);
    envelope["validUntil"] = "2026-11-28T06:00:00Z".into();
    let refused = world.post(PATH, envelope.to_string()).await;
    assert_eq!(refused.status, 400);
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("YYYY-MM-DD"), "{detail}");
    envelope["proof"] = "none".into();
    let refused = world.post(PATH, envelope.to_string()).await;
    let detail = refused.json()["detail"].to_string();
    assert!(detail.contains("its proof is an array"), "{detail}");
}
