//! A context and a schema go on the ledger, and credentials are issued and verified under them.

use crate::support::party::Party;
use crate::support::sign;
use crate::support::stack::Stack;
use chop_protocol::{
    Action, DeprecateSchema, PublishSchema, SchemaBody, SchemaKind, SchemaName, SchemaRef, SemVer,
};
use serde_json::{Value, json};

const INSTANCE: &str = "laboratory";

fn reference(name: &str, version: &str) -> SchemaRef {
    SchemaRef {
        name: SchemaName::parse(name).unwrap(),
        version: SemVer::parse(version).unwrap(),
    }
}

/// Publishes a document and answers the path under which it is served.
fn publish(stack: &Stack, owner: &Party, (name, version): (&str, &str), body: &Value) -> String {
    let SchemaRef { name, version } = reference(name, version);
    let kind = match body.get("@context") {
        Some(_) => SchemaKind::JsonLdContext,
        None => SchemaKind::JsonSchema,
    };
    let body = SchemaBody::canonical(body).unwrap();
    let path = format!("/schemas/{}", body.digest());
    let publish = PublishSchema {
        name,
        version,
        kind,
        body,
    };
    let answer = owner.act(stack, vec![Action::PublishSchema(Box::new(publish))]);
    assert_eq!(answer.status, 201, "{}", answer.text());
    path
}

fn context() -> Value {
    json!({"@context": {
        "@version": 1.1,
        "@protected": true,
        "Inspection": "https://orchard.example/terms#Inspection",
        "grade": "https://orchard.example/terms#grade",
    }})
}

fn schema(grades: &[&str]) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://orchard.example/inspection.json",
        "properties": {"credentialSubject": {
            "properties": {"grade": {"enum": grades}},
            "required": ["grade"],
        }},
    })
}

/// The stack, the owner of two documents, and the URLs of both at a host that nobody runs.
struct World {
    stack: Stack,
    owner: Party,
    context: String,
    schema: String,
    _data: tempfile::TempDir,
}

impl World {
    fn new(suite: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let stack = Stack::start(data.path());
        let owner = Party::create(&stack);
        let context = publish(&stack, &owner, ("orchard-terms", "1.0.0"), &context());
        let schema = publish(
            &stack,
            &owner,
            ("inspection", "1.0.0"),
            &schema(&["A", "B"]),
        );
        let made = stack.post("/v1/issuers", &json!({"name": INSTANCE, "suite": suite}));
        assert_eq!(made.status, 201, "{}", made.text());
        Self {
            stack,
            owner,
            context: format!("https://registry.invalid{context}"),
            schema: format!("https://registry.invalid{schema}"),
            _data: data,
        }
    }

    fn unsigned(&self, grade: &str) -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", self.context],
            "type": ["VerifiableCredential", "Inspection"],
            "credentialSubject": {"id": "did:example:lot-7", "grade": grade},
            "credentialSchema": {"id": self.schema, "type": "JsonSchema"},
        })
    }

    fn issue(&self, credential: &Value) -> Result<Value, Value> {
        let path = format!("/v1/issuers/{INSTANCE}/credentials");
        let answer = self.stack.post(&path, &json!({"credential": credential}));
        if answer.status == 201 {
            Ok(answer.json()["verifiableCredential"].clone())
        } else {
            assert_eq!(answer.status, 400, "{}", answer.text());
            Err(answer.json())
        }
    }

    /// Has an issuer sign that does not look at schemas.
    fn signed_elsewhere(&self, credential: Value) -> Value {
        let text = SchemaBody::canonical(&context()).unwrap();
        sign::credential(credential, &[(self.context.as_str(), text.text())])
    }

    fn verify(&self, credential: &Value) -> Value {
        let body = json!({"credential": credential});
        let answer = self.stack.post("/v1/verifications", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }
}

fn check<'a>(verdict: &'a Value, name: &str) -> &'a Value {
    let checks = verdict["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap()
}

#[test]
fn a_credential_under_documents_of_the_ledger_is_issued_and_accepted() {
    for suite in ["eddsa-rdfc-2022", "jwt"] {
        let world = World::new(suite);
        let credential = world.issue(&world.unsigned("A")).unwrap();
        let verdict = world.verify(&credential);
        assert_eq!(verdict["outcome"], "accepted", "{suite}: {verdict:#}");
        assert_eq!(check(&verdict, "contexts")["outcome"], "passed");
        assert_eq!(check(&verdict, "schema")["outcome"], "passed");
        assert!(verdict.get("marks").is_none(), "{verdict:#}");
    }
}

#[test]
fn what_breaks_the_schema_is_neither_issued_nor_accepted() {
    let world = World::new("eddsa-jcs-2022");
    let refused = world.issue(&world.unsigned("Z")).unwrap_err();
    assert_eq!(refused["rule"], "schema.mismatch");
    // The schema of the next major version knows other grades; a credential that was issued without it breaks it.
    let stricter = publish(
        &world.stack,
        &world.owner,
        ("inspection", "2.0.0"),
        &schema(&["X"]),
    );
    let mut under = world.unsigned("A");
    under["credentialSchema"]["id"] = json!(format!("https://registry.invalid{stricter}"));
    assert_eq!(world.issue(&under).unwrap_err()["rule"], "schema.mismatch");
    // Another issuing service may not look; the verifier does.
    let verdict = world.verify(&world.signed_elsewhere(under));
    assert_eq!(verdict["outcome"], "refused", "{verdict:#}");
    assert_eq!(check(&verdict, "contexts")["outcome"], "passed");
    assert_eq!(check(&verdict, "schema")["outcome"], "failed");
}

#[test]
fn documents_that_no_ledger_holds_are_not_fetched() {
    let world = World::new("eddsa-jcs-2022");
    let elsewhere = format!("{}/schemas/{}", world.stack.base(), "a".repeat(52));
    let mut unknown = world.unsigned("A");
    unknown["@context"][1] = json!(elsewhere);
    assert_eq!(
        world.issue(&unknown).unwrap_err()["rule"],
        "context.unknown"
    );
    let mut unknown = world.unsigned("A");
    unknown["credentialSchema"]["id"] = json!(elsewhere);
    let refused = world.issue(&unknown).unwrap_err();
    assert!(
        refused["detail"].as_str().unwrap().contains("no ledger"),
        "{refused}"
    );
    let verdict = world.verify(&world.signed_elsewhere(unknown));
    assert_eq!(verdict["outcome"], "indeterminate", "{verdict:#}");
    assert_eq!(check(&verdict, "schema")["outcome"], "unknown");
}

#[test]
fn a_deprecated_schema_keeps_its_credentials_and_shows_as_deprecated() {
    let world = World::new("eddsa-rdfc-2022");
    let credential = world.issue(&world.unsigned("A")).unwrap();
    publish(
        &world.stack,
        &world.owner,
        ("inspection", "2.0.0"),
        &schema(&["X"]),
    );
    let SchemaRef { name, version } = reference("inspection", "1.0.0");
    let deprecate = Action::DeprecateSchema(DeprecateSchema {
        name,
        version,
        reason: None,
        replaced_by: Some(reference("inspection", "2.0.0")),
    });
    let answer = world.owner.act(&world.stack, vec![deprecate]);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let verdict = world.verify(&credential);
    assert_eq!(verdict["outcome"], "accepted", "{verdict:#}");
    let mark = &verdict["marks"][0];
    assert_eq!(
        (&mark["mark"], &mark["id"]),
        (&json!("deprecated"), &json!(world.schema))
    );
    assert_eq!(mark["replacedBy"], "inspection@2.0.0");
    let served = world.stack.get(
        world
            .schema
            .strip_prefix("https://registry.invalid")
            .unwrap(),
    );
    assert_eq!(served.status, 200);
    assert!(served.header("deprecation").unwrap().starts_with('@'));
    assert_eq!(
        served.header("link"),
        Some("</schemas/inspection/2.0.0>; rel=\"successor-version\"")
    );
}

#[test]
fn the_openapi_description_names_the_routes_of_the_schema_registry() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let paths = stack.get("/openapi.json").json()["paths"].clone();
    for path in [
        "/v1/schemas",
        "/v1/schemas/{name}",
        "/v1/schemas/{name}/{version}",
        "/schemas/{digest}",
        "/schemas/{name}/{version}",
    ] {
        assert!(paths.get(path).is_some(), "{path}");
    }
}
