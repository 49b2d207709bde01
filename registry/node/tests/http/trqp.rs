//! The Trust Registry Query Protocol: yes and no, as of any day, each with its evidence.

use chop_did::ChopDid;
use chop_http::clock;
use chop_integrity::{Timestamp, canonicalize};
use chop_proof::{Freshness, StateProof, verify_absence, verify_inclusion};
use chop_protocol::{
    Accredit, Action, CredentialType, Envelope, Jurisdiction, RevocationReason,
    RevokeAccreditation, SuspendAccreditation,
};
use serde_json::{Value, json};

use crate::world::{Reply, World, key};

const TYPE: &str = "QualityInspection";

/// Has the operator do something, signed by itself.
async fn act(world: &World, n: u8, action: Action) -> u64 {
    let envelope = Envelope {
        actions: vec![action],
        ..world.anchoring(n, world.operator)
    };
    let signed = envelope.sign(&[&key(2)]).unwrap().to_value().to_string();
    let reply = world.post("/v1/transactions", signed).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
    reply.json()["height"].as_u64().unwrap()
}

fn accredit(subject: ChopDid, depth: u8) -> Accredit {
    Accredit {
        subject,
        credential_type: CredentialType::parse(TYPE).unwrap(),
        jurisdiction: Some(Jurisdiction::parse("CN").unwrap()),
        valid_from: None,
        valid_until: None,
        depth,
        parent: None,
    }
}

/// Accredits the operator by its own word, and gives the accreditation's id.
async fn accredited(world: &World, depth: u8) -> chop_integrity::Hash {
    act(world, 1, Action::Accredit(accredit(world.operator, depth))).await;
    let listed = world
        .get(&format!(
            "/v1/state/accredited/{}/{TYPE}",
            world.operator.scid()
        ))
        .await
        .json();
    listed["value"][0].as_str().unwrap().parse().unwrap()
}

fn query(world: &World, action: &str, context: &Value) -> Value {
    json!({
        "entity_id": world.operator.to_string(), "authority_id": world.operator.to_string(),
        "action": action, "resource": TYPE, "context": context,
    })
}

async fn ask(world: &World, path: &str, query: &Value) -> Reply {
    world.post(path, query.to_string()).await
}

/// Checks every piece of evidence against the trust root, as a client does.
fn check_evidence(world: &World, answer: &Value) {
    let root = world.engine.trust_root();
    let fresh = Freshness::within(clock::now_ms(), 300_000);
    let evidence = answer["evidence"].as_array().unwrap();
    assert!(!evidence.is_empty());
    for statement in evidence {
        let proof: StateProof = serde_json::from_value(statement["proof"].clone()).unwrap();
        let key = statement["key"].as_str().unwrap();
        if statement["value"].is_null() {
            verify_absence(root, &proof, key, &fresh).unwrap();
        } else {
            let value = canonicalize(&statement["value"]).unwrap();
            verify_inclusion(root, &proof, key, &value, &fresh).unwrap();
        }
    }
}

#[tokio::test]
async fn nobody_is_authorised_by_default_and_the_absence_is_proven() {
    let world = World::new().await;
    let answer = ask(
        &world,
        "/authorization",
        &query(&world, "issue", &json!({})),
    )
    .await;
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!(answer["authorized"], false);
    assert_eq!(answer["evidence"][0]["value"], Value::Null);
    check_evidence(&world, &answer);
}

#[tokio::test]
async fn an_accreditation_authorises_within_its_scope_and_its_record_is_proven() {
    let world = World::new().await;
    let id = accredited(&world, 0).await;
    let asked = query(&world, "issue", &json!({"jurisdiction": "CN-SN"}));
    let answer = ask(&world, "/authorization", &asked).await.json();
    assert_eq!(answer["authorized"], true, "{answer}");
    for member in ["entity_id", "authority_id", "action", "resource", "context"] {
        assert_eq!(answer[member], asked[member], "{member}");
    }
    assert!(answer["time_evaluated"].as_str().unwrap().ends_with('Z'));
    assert!(answer.get("recognized").is_none());
    assert_eq!(answer["evidence"].as_array().unwrap().len(), 2);
    assert_eq!(answer["evidence"][1]["key"], format!("accreditation/{id}"));
    check_evidence(&world, &answer);
    for (action, context) in [
        ("issue", json!({"jurisdiction": "DE"})),
        ("issue", json!({})),
        ("accredit", json!({"jurisdiction": "CN"})),
    ] {
        let answer = ask(&world, "/authorization", &query(&world, action, &context)).await;
        assert_eq!(answer.json()["authorized"], false, "{action}");
        check_evidence(&world, &answer.json());
    }
}

#[tokio::test]
async fn an_authority_that_may_accredit_is_recognised() {
    let world = World::new().await;
    accredited(&world, 1).await;
    for action in ["issue", "accredit", "recognize", "govern"] {
        let asked = query(&world, action, &json!({"jurisdiction": "CN"}));
        let answer = ask(&world, "/recognition", &asked).await.json();
        assert_eq!(answer["recognized"], true, "{answer}");
        assert!(answer.get("authorized").is_none());
        check_evidence(&world, &answer);
    }
}

#[tokio::test]
async fn an_answer_is_of_the_day_that_is_asked_about() {
    let world = World::new().await;
    let before = Timestamp::from_unix_ms(clock::now_ms() - 3_600_000).to_string();
    let accreditation = accredited(&world, 0).await;
    let live = Timestamp::from_unix_ms(world.engine.head().time_ms).to_string();
    let suspension = SuspendAccreditation {
        accreditation,
        effective: None,
    };
    act(&world, 2, Action::SuspendAccreditation(suspension)).await;
    let on = |time: &str| json!({"jurisdiction": "CN", "time": time});
    let answer = async |context: Value| {
        let asked = query(&world, "issue", &context);
        let answer = ask(&world, "/authorization", &asked).await.json();
        check_evidence(&world, &answer);
        (
            answer["authorized"].as_bool().unwrap(),
            answer["message"].as_str().unwrap().to_owned(),
        )
    };
    let (authorized, message) = answer(on(&before)).await;
    assert!(
        !authorized && message.contains("not yet valid"),
        "{message}"
    );
    let (authorized, message) = answer(on(&live)).await;
    assert!(authorized, "{message}");
    let (authorized, message) = answer(json!({"jurisdiction": "CN"})).await;
    assert!(!authorized && message.contains("suspended"), "{message}");
    let revocation = RevokeAccreditation {
        accreditation,
        effective: None,
        reason: RevocationReason::AbInitio,
    };
    act(&world, 3, Action::RevokeAccreditation(revocation)).await;
    let (authorized, message) = answer(on(&live)).await;
    assert!(
        !authorized && message.contains("from its beginning"),
        "{message}"
    );
}

#[tokio::test]
async fn another_authoritys_word_does_not_count() {
    let world = World::new().await;
    accredited(&world, 0).await;
    let mut asked = query(&world, "issue", &json!({"jurisdiction": "CN"}));
    let operator = world.operator.to_string();
    let other = if operator.ends_with('a') { 'q' } else { 'a' };
    asked["authority_id"] = json!(format!("{}{other}", &operator[..operator.len() - 1]));
    let answer = ask(&world, "/authorization", &asked).await.json();
    assert_eq!(answer["authorized"], false, "{answer}");
    check_evidence(&world, &answer);
}

#[tokio::test]
async fn refuses_queries_that_break_the_schema_with_problem_details() {
    let world = World::new().await;
    let good = query(&world, "issue", &json!({}));
    let with = |name: &str, value: Value| {
        let mut query = good.clone();
        query[name] = value;
        query.to_string()
    };
    let mut cases = vec![
        (400, "{".to_owned()),
        (400, "[]".to_owned()),
        (400, r#"{"entity_id":"a","entity_id":"b"}"#.to_owned()),
        (400, with("action", json!(""))),
        (400, with("resource", json!(""))),
        (400, with("entity_id", json!(7))),
        (400, with("context", json!("now"))),
        (400, with("context", json!({"time": 7}))),
        (400, with("context", json!({"time": "yesterday"}))),
        (
            400,
            with("context", json!({"time": "2026-01-01T00:00:00+08:00"})),
        ),
        (
            400,
            with("context", json!({"time": "2999-01-01T00:00:00Z"})),
        ),
        (400, with("context", json!({"jurisdiction": "everywhere!"}))),
        (404, with("action", json!("drive"))),
        (404, with("entity_id", json!("did:web:example.org"))),
        (404, with("authority_id", json!("user-1234"))),
        (404, with("resource", json!("no type"))),
    ];
    for missing in ["entity_id", "authority_id", "action", "resource"] {
        let mut query = good.clone();
        query.as_object_mut().unwrap().remove(missing);
        cases.push((400, query.to_string()));
    }
    for (status, body) in cases {
        for path in ["/authorization", "/recognition"] {
            let reply = world.post(path, body.clone()).await;
            assert_eq!(reply.status, status, "{path} {body}: {}", reply.json());
            assert_eq!(reply.media(), "application/problem+json");
        }
    }
}
