//! The schema registry: pages, records with proof, and documents addressed by their content.

use axum::body::Body;
use axum::http::Request;
use chop_http::clock;
use chop_integrity::canonicalize;
use chop_proof::{Freshness, StateProof, verify_absence, verify_inclusion};
use chop_protocol::schema::schema_digest;
use chop_protocol::{
    Action, DeprecateSchema, DeprecationReason, Envelope, PublishSchema, SchemaBody, SchemaKind,
    SchemaName, SchemaRef, SemVer,
};
use serde_json::{Value, json};

use crate::world::{World, key};

fn reference(name: &str, version: &str) -> SchemaRef {
    SchemaRef {
        name: SchemaName::parse(name).unwrap(),
        version: SemVer::parse(version).unwrap(),
    }
}

fn inspection(grades: &[&str]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://orchard.example/inspection.json",
        "properties": {"grade": {"enum": grades}},
    })
}

fn publish(name: &str, version: &str, body: &Value) -> Action {
    let SchemaRef { name, version } = reference(name, version);
    let kind = match body.get("@context") {
        Some(_) => SchemaKind::JsonLdContext,
        None => SchemaKind::JsonSchema,
    };
    let body = SchemaBody::canonical(body).unwrap();
    Action::PublishSchema(Box::new(PublishSchema {
        name,
        version,
        kind,
        body,
    }))
}

fn deprecate(name: &str, version: &str, replaced_by: Option<SchemaRef>) -> Action {
    let SchemaRef { name, version } = reference(name, version);
    Action::DeprecateSchema(DeprecateSchema {
        name,
        version,
        reason: Some(DeprecationReason::parse("renamed").unwrap()),
        replaced_by,
    })
}

async fn act(world: &World, n: u8, actions: Vec<Action>) {
    let envelope = Envelope {
        actions,
        ..world.anchoring(n, world.operator)
    };
    let signed = envelope.sign(&[&key(2)]).unwrap().to_value().to_string();
    let reply = world.post("/v1/transactions", signed).await;
    assert_eq!(reply.status, 201, "{}", reply.json());
}

#[tokio::test]
async fn schemas_are_listed_in_pages_that_say_they_are_unproven() {
    let world = World::new().await;
    assert_eq!(
        world.get("/v1/schemas").await.json(),
        json!({"schemas": [], "proven": false})
    );
    let names = ["aaa", "aaa-b", "aaab", "bbb"];
    let actions = names
        .iter()
        .map(|name| publish(name, "1.0.0", &inspection(&["A"])))
        .collect();
    act(&world, 1, actions).await;
    let mut seen = Vec::new();
    let mut path = "/v1/schemas?limit=1".to_owned();
    loop {
        let page = world.get(&path).await.json();
        assert_eq!(page["schemas"].as_array().unwrap().len(), 1);
        assert_eq!(page["proven"], false);
        assert_eq!(page["schemas"][0]["owner"], world.operator.to_string());
        seen.push(page["schemas"][0]["name"].as_str().unwrap().to_owned());
        match page["after"].as_str() {
            Some(after) => path = format!("/v1/schemas?limit=1&after={after}"),
            None => break,
        }
    }
    assert_eq!(seen, names);
    for bad in ["limit=0", "limit=201", "after=UPPER", "before=aaa"] {
        assert_eq!(
            world.get(&format!("/v1/schemas?{bad}")).await.status,
            400,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn records_and_their_absence_are_proven_when_asked() {
    let world = World::new().await;
    act(
        &world,
        1,
        vec![publish("inspection", "1.0.0", &inspection(&["A"]))],
    )
    .await;
    let root = world.engine.trust_root();
    let fresh = Freshness::within(clock::now_ms(), 300_000);
    for (path, key) in [
        ("/v1/schemas/inspection", "schema/inspection"),
        (
            "/v1/schemas/inspection/1.0.0",
            "schema-version/inspection/1.0.0",
        ),
    ] {
        let shown = world.get(&format!("{path}?proof=true")).await.json();
        assert_eq!(shown["key"], key);
        let proof: StateProof = serde_json::from_value(shown["proof"].clone()).unwrap();
        let value = canonicalize(&shown["value"]).unwrap();
        verify_inclusion(root, &proof, key, &value, &fresh).unwrap();
        assert!(world.get(path).await.json().get("proof").is_none());
    }
    assert_eq!(world.get("/v1/schemas/inspection/2.0.0").await.status, 404);
    assert_eq!(world.get("/v1/schemas/nobody").await.status, 404);
    assert_eq!(world.get("/v1/schemas/inspection/2").await.status, 400);
    let shown = world
        .get("/v1/schemas/inspection/2.0.0?proof=true")
        .await
        .json();
    let proof: StateProof = serde_json::from_value(shown["proof"].clone()).unwrap();
    verify_absence(root, &proof, "schema-version/inspection/2.0.0", &fresh).unwrap();
}

#[tokio::test]
async fn a_document_is_served_by_its_digest_for_ever() {
    let world = World::new().await;
    let terms = json!({"@context": {"@version": 1.1, "grade": "https://orchard.example/grade"}});
    let schema = inspection(&["A"]);
    act(
        &world,
        1,
        vec![
            publish("inspection", "1.0.0", &schema),
            publish("terms", "1.0.0", &terms),
        ],
    )
    .await;
    for (body, name, media_type) in [
        (schema, "inspection", "application/schema+json"),
        (terms, "terms", "application/ld+json"),
    ] {
        let found = world.get(&format!("/schemas/{name}/1.0.0")).await;
        assert_eq!(found.status, 307);
        assert_eq!(found.headers["cache-control"], "public, max-age=60");
        let location = found.headers["location"].to_str().unwrap();
        let reply = world.get(location).await;
        assert_eq!(reply.status, 200);
        let digest = schema_digest(&reply.bytes);
        assert_eq!(location, format!("/schemas/{digest}"));
        assert_eq!(reply.bytes, canonicalize(&body).unwrap());
        assert_eq!(reply.headers["content-type"], media_type);
        assert_eq!(
            reply.headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(reply.headers["etag"], format!("\"{digest}\""));
        assert!(!reply.headers.contains_key("deprecation"));
        for (tag, status) in [
            (format!("\"other\", W/\"{digest}\""), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
        ] {
            let request = Request::get(location).header("if-none-match", &tag);
            let again = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(again.status, status, "{tag}");
            assert_eq!(again.bytes.is_empty(), status == 304);
        }
    }
    let nothing = schema_digest(b"nothing");
    for absent in [
        format!("/schemas/{nothing}"),
        "/schemas/x".to_owned(),
        "/schemas/terms/9.0.0".to_owned(),
    ] {
        assert_eq!(world.get(&absent).await.status, 404, "{absent}");
    }
}

#[tokio::test]
async fn a_deprecated_version_says_since_when_and_what_comes_instead() {
    let world = World::new().await;
    let (old, new) = (inspection(&["A"]), inspection(&["B"]));
    act(
        &world,
        1,
        vec![
            publish("inspection", "1.0.0", &old),
            publish("inspection", "2.0.0", &new),
        ],
    )
    .await;
    let successor = reference("inspection", "2.0.0");
    act(
        &world,
        2,
        vec![deprecate("inspection", "1.0.0", Some(successor))],
    )
    .await;
    let since = format!("@{}", world.engine.head().time_ms.div_euclid(1_000));
    let digest = schema_digest(&canonicalize(&old).unwrap());
    for (path, next) in [
        (
            "/v1/schemas/inspection/1.0.0".to_owned(),
            "/v1/schemas/inspection/2.0.0",
        ),
        (
            "/schemas/inspection/1.0.0".to_owned(),
            "/schemas/inspection/2.0.0",
        ),
        (format!("/schemas/{digest}"), "/schemas/inspection/2.0.0"),
    ] {
        let reply = world.get(&path).await;
        assert_eq!(reply.headers["deprecation"], since, "{path}");
        assert_eq!(
            reply.headers["link"],
            format!("<{next}>; rel=\"successor-version\"")
        );
    }
    let shown = world.get("/v1/schemas/inspection/1.0.0").await.json();
    assert_eq!(shown["value"]["deprecated"]["reason"], "renamed");
    let live = world.get("/v1/schemas/inspection/2.0.0").await;
    assert!(!live.headers.contains_key("deprecation"));
}

#[tokio::test]
async fn a_document_is_deprecated_only_when_every_version_that_publishes_it_is() {
    let world = World::new().await;
    let body = inspection(&["A"]);
    act(
        &world,
        1,
        vec![
            publish("first", "1.0.0", &body),
            publish("second", "1.0.0", &body),
        ],
    )
    .await;
    let path = format!("/schemas/{}", schema_digest(&canonicalize(&body).unwrap()));
    act(&world, 2, vec![deprecate("first", "1.0.0", None)]).await;
    assert!(!world.get(&path).await.headers.contains_key("deprecation"));
    act(&world, 3, vec![deprecate("second", "1.0.0", None)]).await;
    assert!(world.get(&path).await.headers.contains_key("deprecation"));
}
