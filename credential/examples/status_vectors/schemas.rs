//! VC JSON Schema 1.0.

use super::{Case, did, sign, unsigned};
use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha384};

const URL: &str = "https://schema.example/credentials/somebody";
const FILE: &str = "https://schema.example/somebody.json";
const META: &str = "https://www.w3.org/ns/credentials/json-schema/v2.json";
const META_DIGEST: &str = "sha384-S57yQDg1MTzF56Oi9DbSQ14u7jBy0RDdx0YbeV7shwhCS88G8SCXeFq82PafhCrW";

fn schema() -> Value {
    json!({
        "$id": FILE,
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"credentialSubject": {"type": "object", "required": ["name"]}},
    })
}

/// The credential that holds a schema, by a bureau of standards: key 2.
fn held(schema: Value) -> Value {
    let mut held = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": URL,
        "type": ["VerifiableCredential", "JsonSchemaCredential"],
        "issuer": did(2),
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSchema": {"id": META, "type": "JsonSchema", "digestSRI": META_DIGEST},
        "credentialSubject": {"id": FILE, "type": "JsonSchema"},
    });
    held["credentialSubject"]["jsonSchema"] = schema;
    held
}

fn digest(value: &Value) -> String {
    format!(
        "sha384-{}",
        BASE64.encode(&Sha384::digest(value.to_string().as_bytes()))
    )
}

fn refers(held: Value, digest: Option<String>) -> Value {
    let mut credential = unsigned();
    credential["credentialSchema"] = json!({"id": URL, "type": "JsonSchemaCredential"});
    if let Some(digest) = digest {
        credential["credentialSchema"]["digestSRI"] = json!(digest);
    }
    let mut vector = json!({"input": sign(credential, 1), "schemaCredentials": {}});
    vector["schemaCredentials"][URL] = held;
    vector
}

fn file(schema: &Value, digest: Option<String>) -> Value {
    let mut credential = unsigned();
    credential["credentialSchema"] = json!({"id": FILE, "type": "JsonSchema"});
    if let Some(digest) = digest {
        credential["credentialSchema"]["digestSRI"] = json!(digest);
    }
    json!({"input": sign(credential, 1), "schemas": {FILE: schema}})
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = held(schema());
    change(&mut document);
    refers(sign(document, 2), None)
}

fn schema_with(name: &str, value: Value) -> Value {
    let mut schema = schema();
    schema[name] = value;
    schema
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = by_credential();
    cases.extend(by_file());
    cases
}

fn by_credential() -> Vec<Case> {
    let good = sign(held(schema()), 2);
    vec![
        Case::accepted(
            "schema-credential-holds",
            "the schema is held by a credential of the bureau's that its own proof secures",
            refers(good.clone(), None),
        ),
        Case::accepted(
            "schema-credential-has-its-digest",
            "the issuer named the digest of the credential that holds the schema",
            refers(good.clone(), Some(digest(&good))),
        ),
        Case::refused(
            "schema-credential-wrong-digest",
            "the credential that holds the schema is another than the issuer meant",
            refers(good, Some(digest(&json!("another")))),
            ("check.schema", "has not the digest"),
        ),
        Case::refused(
            "schema-credential-mismatch",
            "the credential does not fit the schema",
            {
                let narrow = schema_with("required", json!(["validUntil"]));
                refers(sign(held(narrow), 2), None)
            },
            ("check.schema", "does not fit its schema"),
        ),
        Case::refused(
            "schema-credential-unsigned",
            "nobody signed the credential that holds the schema",
            refers(held(schema()), None),
            ("check.schema", "nobody signed it"),
        ),
        Case::refused(
            "schema-credential-signed-by-stranger",
            "a stranger signed what it says is the bureau's",
            {
                let mut document = sign(held(schema()), 2);
                let mut forged = held(schema());
                forged["issuer"] = json!(did(3));
                document["proof"] = sign(forged, 3)["proof"].clone();
                refers(document, None)
            },
            ("check.schema", "schema's credential is refused"),
        ),
        Case::refused(
            "schema-credential-expired",
            "the credential that holds the schema has expired",
            changed(|held| held["validUntil"] = json!("2026-11-01T00:00:00Z")),
            ("check.schema", "valid until"),
        ),
        Case::refused(
            "schema-credential-of-other-type",
            "what is served is a credential that holds no schema",
            changed(|held| held["type"] = json!(["VerifiableCredential"])),
            ("check.schema", "does not name JsonSchemaCredential"),
        ),
        Case::refused(
            "schema-credential-without-schema",
            "the subject holds no schema",
            changed(|held| {
                let subject = held["credentialSubject"].as_object_mut().unwrap();
                subject.remove("jsonSchema");
            }),
            ("check.schema", "has no jsonSchema"),
        ),
        Case::refused(
            "schema-credential-of-other-meta-schema",
            "it names another schema than that of all such credentials as its own",
            changed(|held| held["credentialSchema"]["id"] = json!(FILE)),
            ("check.schema", "its own credentialSchema"),
        ),
        Case::undecided(
            "schema-credential-of-other-dialect",
            "the schema is of a dialect that is not read here: indeterminate, as the specification asks",
            {
                let old = schema_with(
                    "$schema",
                    json!("https://json-schema.org/draft/2019-09/schema"),
                );
                refers(sign(held(old), 2), None)
            },
            ("check.schema", "of the dialect"),
        ),
    ]
}

fn by_file() -> Vec<Case> {
    let without = |name: &str| {
        let mut schema = schema();
        schema.as_object_mut().unwrap().remove(name);
        file(&schema, None)
    };
    vec![
        Case::accepted(
            "schema-has-its-digest",
            "the issuer named the schema's digest",
            file(&schema(), Some(digest(&schema()))),
        ),
        Case::refused(
            "schema-wrong-digest",
            "the schema is another than the issuer meant",
            file(&schema(), Some(digest(&json!("another")))),
            ("check.schema", "has not the digest"),
        ),
        Case::undecided(
            "schema-without-dialect",
            "a schema without $schema is not processed",
            without("$schema"),
            ("check.schema", "schema has no $schema"),
        ),
        Case::undecided(
            "schema-without-identifier",
            "a schema has an $id",
            without("$id"),
            ("check.schema", "schema has no $id"),
        ),
        Case::undecided(
            "schema-refers-to-itself",
            "the schema leads back to itself without end",
            file(&schema_with("$ref", json!("#")), None),
            ("check.schema", "refers back to itself"),
        ),
        Case::undecided(
            "schema-explodes",
            "each level of the value is looked at twice as often as the one above",
            file(
                &schema_with(
                    "additionalProperties",
                    json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
                ),
                None,
            ),
            ("check.schema", "twice for the same part"),
        ),
        Case::accepted(
            "schema-with-a-pattern-that-backtracks",
            "a pattern that runs away elsewhere takes linear time here",
            {
                let pattern =
                    json!({"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$|.*"});
                let mut schema = schema();
                schema["properties"]["credentialSubject"]["properties"] = json!({"name": pattern});
                file(&schema, None)
            },
        ),
    ]
}
