//! Members and proposals: made, decided, listed, proven.

use chop_http::clock;
use chop_integrity::{Timestamp, canonicalize};
use chop_proof::{Freshness, StateProof, verify_absence, verify_inclusion};
use chop_protocol::http::ProvenValue;
use chop_protocol::{
    Action, CastVote, Change, Choice, Envelope, Nonce, Proposal, Propose, SignedEnvelope, Vote,
    keys,
};
use serde_json::{Value, json};

use crate::world::{World, key};

fn envelope(world: &World, n: u8, action: Action) -> SignedEnvelope {
    let envelope = Envelope {
        ledger: world.engine.genesis().id(),
        actor: world.operator,
        sponsor: world.operator,
        nonce: Nonce::new([n; 16]),
        valid_until: Timestamp::from_unix_ms(clock::now_ms() + 600_000),
        actions: vec![action],
    };
    envelope.sign(&[&key(2)]).unwrap()
}

fn proposing(world: &World, n: u8, change: Value) -> SignedEnvelope {
    let change: Change = serde_json::from_value(change).unwrap();
    let propose = Propose { change, note: None };
    envelope(world, n, Action::Propose(Box::new(propose)))
}

async fn post(world: &World, envelope: &SignedEnvelope) -> (u16, Value) {
    let reply = world
        .post("/v1/transactions", envelope.bytes().to_vec())
        .await;
    (reply.status, reply.json())
}

fn proven(world: &World, shown: Value) -> Value {
    let shown: ProvenValue = serde_json::from_value(shown).unwrap();
    let value = shown.value.unwrap();
    let proof = shown.proof.unwrap();
    let freshness = Freshness::within(clock::now_ms(), 300_000);
    let bytes = canonicalize(&value).unwrap();
    let root = world.engine.trust_root();
    verify_inclusion(root, &proof, &shown.key, &bytes, &freshness).unwrap();
    value
}

#[tokio::test]
async fn a_single_member_decides_and_everything_about_it_is_proven() {
    let world = World::new().await;
    let envelope = proposing(&world, 1, json!({"setParameter": {"heartbeatMs": 30_000}}));
    assert_eq!(post(&world, &envelope).await.0, 201);
    let path = format!("/v1/proposals/{}?proof=true", envelope.hash());
    let shown = world.get(&path).await.json();
    assert_eq!(shown["standing"], "accepted");
    let proposal = proven(&world, shown["proposal"].clone());
    let proposal: Proposal = serde_json::from_value(proposal).unwrap();
    assert_eq!(
        proposal.check_signed().unwrap().bytes(),
        envelope.bytes(),
        "the record keeps what was signed"
    );
    let vote = proven(&world, shown["votes"][0].clone());
    let vote: Vote = serde_json::from_value(vote).unwrap();
    assert_eq!((vote.voter, vote.choice), (world.operator, Choice::Yes));
    vote.check_signed().unwrap();
    let parameters = world.get("/v1/state/param/ledger").await.json();
    assert_eq!(parameters["value"]["heartbeatMs"], 30_000);
}

#[tokio::test]
async fn members_are_listed_unproven_and_shown_with_proof() {
    let world = World::new().await;
    let list = world.get("/v1/members").await.json();
    assert_eq!(list["proven"], false);
    assert_eq!(list["members"][0]["standing"], "live");
    assert_eq!(list["validators"], json!([]));
    assert_eq!(list["governance"]["admission"], "all");
    let path = format!("/v1/members/{}?proof=true", world.operator);
    let member = proven(&world, world.get(&path).await.json());
    assert_eq!(member["did"], world.operator.to_string());

    let other = chop_did::ChopDid::new(
        world.operator.ledger(),
        chop_did::Scid::of_genesis(chop_integrity::Hash::from_bytes([7; 32])),
    );
    let path = format!("/v1/members/{other}?proof=true");
    let shown = world.get(&path).await.json();
    assert_eq!(shown["value"], Value::Null);
    let proof: StateProof = serde_json::from_value(shown["proof"].clone()).unwrap();
    let freshness = Freshness::within(clock::now_ms(), 300_000);
    let name = keys::member(&other.scid());
    verify_absence(world.engine.trust_root(), &proof, &name, &freshness).unwrap();
    assert_eq!(world.get("/v1/members/did:chop:x").await.status, 400);
}

#[tokio::test]
async fn open_proposals_are_listed_and_all_of_them_page_by_page() {
    let world = World::new().await;
    let open = world.get("/v1/proposals").await.json();
    assert_eq!(
        (&open["proven"], &open["proposals"]),
        (&json!(false), &json!([]))
    );
    let mut ids = vec![];
    for n in 0..3_u8 {
        let change = json!({"setParameter": {"heartbeatMs": 30_000 + i32::from(n)}});
        let envelope = proposing(&world, n + 1, change);
        assert_eq!(post(&world, &envelope).await.0, 201);
        ids.insert(0, envelope.hash().to_string());
    }
    let first = world.get("/v1/proposals/all?limit=2").await.json();
    let next = first["next"].as_str().unwrap();
    let second = world
        .get(&format!("/v1/proposals/all?limit=2&cursor={next}"))
        .await
        .json();
    assert_eq!(second["next"], Value::Null);
    let listed: Vec<_> = [&first, &second]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .inspect(|listed| assert_eq!(listed["standing"], "accepted"))
        .map(|listed| listed["proposal"]["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, ids);
    for bad in [
        "?all=true",
        "/all?limit=0",
        "/all?cursor=x",
        "/all?proposer=me",
        "/all?before=1",
    ] {
        let reply = world.get(&format!("/v1/proposals{bad}")).await;
        assert_eq!(reply.status, 400, "{bad}");
    }
    assert_eq!(world.get("/v1/proposals/x").await.status, 400);
    let unknown = chop_integrity::Hash::from_bytes([1; 32]);
    let reply = world.get(&format!("/v1/proposals/{unknown}")).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn a_refusal_names_its_rule() {
    let world = World::new().await;
    let validators = json!([{"publicKey": key_text(9), "power": 1, "member": world.operator}]);
    let change = json!({"setValidators": {"validators": validators}});
    let (status, body) = post(&world, &proposing(&world, 1, change)).await;
    assert_eq!((status, &body["rule"]), (422, &json!("validators.solo")));
    let vote = Action::Vote(CastVote {
        proposal: chop_integrity::Hash::from_bytes([1; 32]),
        choice: Choice::Yes,
    });
    let (_, body) = post(&world, &envelope(&world, 2, vote)).await;
    assert_eq!(body["rule"], "proposal.unknown");
}

fn key_text(seed: u8) -> String {
    chop_keys::Signer::public_key(&key(seed)).multikey()
}
