use super::world::World;
use chop_integrity::canonicalize;
use chop_protocol::schema::{MAX_USES, MAX_VERSIONS};
use chop_protocol::{
    Action, DeprecateSchema, DeprecationReason, PublishSchema, Schema, SchemaBody, SchemaKind,
    SchemaName, SchemaRef, SchemaVersion, SemVer, keys,
};
use serde_json::{Value, json};

pub(crate) fn name(text: &str) -> SchemaName {
    SchemaName::parse(text).unwrap()
}

pub(crate) fn version(text: &str) -> SemVer {
    SemVer::parse(text).unwrap()
}

pub(crate) fn reference(at: &str, number: &str) -> SchemaRef {
    SchemaRef {
        name: name(at),
        version: version(number),
    }
}

/// A JSON Schema that says its dialect and identifier.
pub(crate) fn schema(mut keywords: Value) -> Value {
    keywords["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    keywords["$id"] = json!("https://orchard.example/inspection.json");
    keywords
}

fn grades(grades: &[&str]) -> Value {
    schema(json!({"properties": {"grade": {"enum": grades}}, "required": ["grade"]}))
}

fn context(terms: &Value) -> Value {
    json!({"@context": terms})
}

pub(crate) fn publish(at: &str, number: &str, body: &Value) -> Action {
    let kind = if body.get("@context").is_some() {
        SchemaKind::JsonLdContext
    } else {
        SchemaKind::JsonSchema
    };
    publish_as(kind, at, number, body)
}

fn publish_as(kind: SchemaKind, at: &str, number: &str, body: &Value) -> Action {
    Action::PublishSchema(Box::new(PublishSchema {
        name: name(at),
        version: version(number),
        kind,
        body: SchemaBody::canonical(body).unwrap(),
    }))
}

pub(crate) fn deprecate(at: &str, number: &str, replaced_by: Option<SchemaRef>) -> Action {
    Action::DeprecateSchema(DeprecateSchema {
        name: name(at),
        version: version(number),
        reason: Some(DeprecationReason::parse("grades were renamed").unwrap()),
        replaced_by,
    })
}

fn party_does(world: &mut World, action: Action) {
    let envelope = world.by_party(vec![action]);
    world.commit(&[envelope]);
}

fn party_refused(world: &mut World, action: Action) -> String {
    let envelope = world.by_party(vec![action]);
    world.refusal(&envelope)
}

fn published() -> World {
    let mut world = World::new();
    party_does(&mut world, publish("inspection", "1.0.0", &grades(&["A"])));
    world
}

#[test]
fn a_version_is_stored_with_its_document_and_the_name_is_its_publishers() {
    let mut world = published();
    let (time, height) = (world.time, world.height);
    party_does(
        &mut world,
        publish("inspection", "1.1.0", &grades(&["A", "B"])),
    );
    let record: SchemaVersion = world
        .read(&keys::schema_version(
            &name("inspection"),
            &version("1.0.0"),
        ))
        .unwrap();
    let bytes = canonicalize(&grades(&["A"])).unwrap();
    assert_eq!(record.digest, chop_protocol::schema::schema_digest(&bytes));
    assert_eq!(usize::try_from(record.size), Ok(bytes.len()));
    assert_eq!(
        (record.owner, record.time, record.height),
        (world.party.did, time, height)
    );
    assert_eq!(record.deprecated, None);
    // The bytes of the state are the bytes that the digest is of.
    assert_eq!(world.state.0[&keys::schema_body(&record.digest)], bytes);
    let uses: Vec<SchemaRef> = world.read(&keys::schema_uses(&record.digest)).unwrap();
    assert_eq!(uses, [reference("inspection", "1.0.0")]);
    let schema: Schema = world.read(&keys::schema(&name("inspection"))).unwrap();
    assert_eq!(schema.owner, world.party.did);
    assert_eq!(schema.versions, [version("1.0.0"), version("1.1.0")]);
}

#[test]
fn refuses_documents_that_are_not_of_their_kind_or_refer_to_others() {
    let mut world = World::new();
    let with = |key: &str, value: Value| {
        let mut body = grades(&["A"]);
        body[key] = value;
        body
    };
    let mut without_id = grades(&["A"]);
    without_id.as_object_mut().unwrap().remove("$id");
    for (kind, body) in [
        (SchemaKind::JsonSchema, without_id),
        (
            SchemaKind::JsonSchema,
            with("$schema", json!("http://json-schema.org/draft-07/schema#")),
        ),
        (SchemaKind::JsonSchema, with("@context", json!({}))),
        (
            SchemaKind::JsonSchema,
            with("items", json!({"$ref": "https://other.example/x"})),
        ),
        (
            SchemaKind::JsonSchema,
            with("allOf", json!([[{"$dynamicRef": "other#x"}]])),
        ),
        (
            SchemaKind::JsonSchema,
            context(&json!({"a": "https://a.example/a"})),
        ),
        (SchemaKind::JsonLdContext, grades(&["A"])),
        (
            SchemaKind::JsonLdContext,
            json!({"@context": "https://other.example/c"}),
        ),
        (
            SchemaKind::JsonLdContext,
            json!({"@context": {}, "more": 1}),
        ),
        (SchemaKind::JsonLdContext, context(&json!({"a": 1}))),
        (
            SchemaKind::JsonLdContext,
            context(&json!({"@import": "https://other.example/c"})),
        ),
        (
            SchemaKind::JsonLdContext,
            context(&json!({"a": {"@id": "x:a", "@context": [{}, "https://other.example/c"]}})),
        ),
    ] {
        let refused = party_refused(&mut world, publish_as(kind, "inspection", "1.0.0", &body));
        assert_eq!(refused, "schema.document", "{body}");
    }
}

#[test]
fn only_the_owner_publishes_and_deprecates() {
    let mut world = published();
    for action in [
        publish("inspection", "2.0.0", &grades(&["A"])),
        deprecate("inspection", "1.0.0", None),
    ] {
        let envelope = world.by_founder(vec![action]);
        assert_eq!(world.refusal(&envelope), "schema.not-owner");
    }
}

#[test]
fn a_name_keeps_its_kind() {
    let mut world = published();
    let body = context(&json!({"grade": "https://orchard.example/grade"}));
    let refused = party_refused(&mut world, publish("inspection", "2.0.0", &body));
    assert_eq!(refused, "schema.kind");
}

#[test]
fn versions_only_rise() {
    let mut world = published();
    party_does(&mut world, publish("inspection", "2.0.0", &grades(&["A"])));
    for number in ["1.0.0", "1.5.0", "2.0.0", "0.9.0"] {
        let refused = party_refused(&mut world, publish("inspection", number, &grades(&["A"])));
        assert_eq!(refused, "schema.order", "{number}");
    }
}

#[test]
fn only_a_major_version_breaks_a_json_schema() {
    let mut world = World::new();
    let old = grades(&["A", "B"]);
    party_does(&mut world, publish("inspection", "1.0.0", &old));
    let narrower = grades(&["A"]);
    for number in ["1.0.1", "1.1.0"] {
        let refused = party_refused(&mut world, publish("inspection", number, &narrower));
        assert_eq!(refused, "schema.incompatible", "{number}");
    }
    party_does(
        &mut world,
        publish("inspection", "1.1.0", &grades(&["A", "B", "C"])),
    );
    party_does(&mut world, publish("inspection", "2.0.0", &narrower));
}

#[test]
fn only_a_major_version_changes_or_removes_a_term() {
    let mut world = World::new();
    let old =
        json!({"@version": 1.1, "grade": "orchard:grade", "lot": {"@id": "o:lot", "@type": "@id"}});
    party_does(
        &mut world,
        publish("orchard-terms", "1.0.0", &context(&old)),
    );
    let with = |term: &str, meaning: Value| {
        let mut terms = old.clone();
        terms[term] = meaning;
        terms
    };
    let mut without = old.clone();
    without.as_object_mut().unwrap().remove("grade");
    for terms in [
        without,
        with("grade", json!("orchard:rank")),
        with("lot", json!("o:lot")),
        with("@vocab", json!("https://orchard.example/")),
        // Both would give what the old terms are called a new meaning.
        with("orchard", json!("https://orchard.example/")),
        with("o", json!("https://orchard.example/")),
    ] {
        let refused = party_refused(
            &mut world,
            publish("orchard-terms", "1.1.0", &context(&terms)),
        );
        assert_eq!(refused, "schema.incompatible", "{terms}");
    }
    let more = with("ripe", json!("https://orchard.example/ripe"));
    party_does(
        &mut world,
        publish("orchard-terms", "1.1.0", &context(&more)),
    );
    let other = context(&json!({"rank": "https://orchard.example/rank"}));
    party_does(&mut world, publish("orchard-terms", "2.0.0", &other));
}

#[test]
fn a_deprecation_says_when_why_and_what_comes_instead() {
    let mut world = published();
    party_does(&mut world, publish("inspection", "2.0.0", &grades(&["B"])));
    let successor = reference("inspection", "2.0.0");
    party_does(
        &mut world,
        deprecate("inspection", "1.0.0", Some(successor.clone())),
    );
    let record: SchemaVersion = world
        .read(&keys::schema_version(
            &name("inspection"),
            &version("1.0.0"),
        ))
        .unwrap();
    let deprecated = record.deprecated.unwrap();
    assert_eq!(
        (deprecated.time, deprecated.height),
        (world.time, world.height)
    );
    assert_eq!(deprecated.reason.unwrap().as_str(), "grades were renamed");
    assert_eq!(deprecated.replaced_by, Some(successor));
    assert!(
        world
            .state
            .0
            .contains_key(&keys::schema_body(&record.digest))
    );
}

#[test]
fn refuses_to_deprecate_what_was_never_published() {
    let mut world = published();
    for action in [
        deprecate("inspection", "1.0.1", None),
        deprecate("other-name", "1.0.0", None),
        deprecate(
            "inspection",
            "1.0.0",
            Some(reference("inspection", "9.0.0")),
        ),
    ] {
        assert_eq!(party_refused(&mut world, action), "schema.unknown");
    }
}

#[test]
fn a_deprecation_is_final() {
    let mut world = published();
    party_does(&mut world, deprecate("inspection", "1.0.0", None));
    let again = party_refused(&mut world, deprecate("inspection", "1.0.0", None));
    assert_eq!(again, "schema.deprecated");
}

#[test]
fn refuses_a_successor_that_is_the_version_itself_or_of_another_kind() {
    let mut world = published();
    let terms = context(&json!({"grade": "https://orchard.example/grade"}));
    party_does(&mut world, publish("orchard-terms", "1.0.0", &terms));
    for successor in [
        reference("inspection", "1.0.0"),
        reference("orchard-terms", "1.0.0"),
    ] {
        let refused = party_refused(
            &mut world,
            deprecate("inspection", "1.0.0", Some(successor)),
        );
        assert_eq!(refused, "schema.successor");
    }
}

#[test]
fn a_name_has_a_bounded_number_of_versions() {
    let mut world = World::new();
    for chunk in (0..MAX_VERSIONS).collect::<Vec<_>>().chunks(64) {
        let actions = chunk
            .iter()
            .map(|n| publish("inspection", &format!("{n}.0.0"), &grades(&["A"])))
            .collect();
        let envelope = world.by_party(actions);
        world.commit(&[envelope]);
    }
    let one_more = publish("inspection", "999.0.0", &grades(&["A"]));
    assert_eq!(party_refused(&mut world, one_more), "schema.history-full");
}

#[test]
fn the_same_document_may_be_published_under_many_names() {
    let mut world = World::new();
    for n in 0..=MAX_USES {
        let envelope = world.by_founder(vec![publish(
            &format!("name-{n}"),
            "1.0.0",
            &grades(&["A"]),
        )]);
        world.commit(&[envelope]);
    }
    let digest = SchemaBody::canonical(&grades(&["A"])).unwrap().digest();
    let uses: Vec<SchemaRef> = world.read(&keys::schema_uses(&digest)).unwrap();
    assert_eq!(uses.len(), MAX_USES);
    assert_eq!(uses[0], reference("name-0", "1.0.0"));
}

#[test]
fn an_envelope_of_schemas_stays_within_the_most_work() {
    let action = publish("inspection", "1.0.0", &grades(&["A"]));
    let most = chop_protocol::envelope::MAX_WORK;
    // 64 small ones, or one of the largest size that an envelope carries.
    assert!(action.work() * 64 < most);
    let large = schema(json!({"$comment": "x".repeat(60 * 1024)}));
    assert!(publish("inspection", "1.0.0", &large).work() > 100);
}
