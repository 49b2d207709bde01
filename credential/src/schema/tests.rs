//! Tests.

use super::*;
use serde_json::json;

fn document() -> Map<String, Value> {
    json!({"credentialSubject": {"grade": "extra", "secret": "hush"}})
        .as_object()
        .unwrap()
        .clone()
}

#[test]
fn findings_name_places_and_no_values() {
    let schema =
        br#"{"properties": {"credentialSubject": {"properties": {"secret": {"type": "number"}}}}}"#;
    let error = Schema::compile(schema)
        .unwrap()
        .validate(&document())
        .unwrap_err();
    assert_eq!(error.rule(), "schema.mismatch");
    let text = error.to_string();
    assert!(text.contains("/credentialSubject/secret"), "{text}");
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn a_schema_refers_to_no_other_document() {
    for schema in [
        r#"{"$ref": "https://schema.example/x.json"}"#,
        r#"{"$ref": "file:///etc/passwd"}"#,
        r#"{"$dynamicRef": "https://schema.example/x.json#a"}"#,
    ] {
        assert_eq!(
            Schema::compile(schema.as_bytes()).unwrap_err().rule(),
            "schema.unusable",
            "{schema}"
        );
    }
}

#[test]
fn a_reference_within_the_schema_holds() {
    let schema = br##"{"$defs": {"grade": {"enum": ["extra"]}}, "properties": {"credentialSubject": {"properties": {"grade": {"$ref": "#/$defs/grade"}}}}}"##;
    assert_eq!(
        Schema::compile(schema).unwrap().validate(&document()),
        Ok(())
    );
}

#[test]
fn a_pattern_does_not_run_away() {
    let schema = br#"{"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}"#;
    let document = json!({"a": format!("{}!", "a".repeat(50_000))});
    let error = Schema::compile(schema)
        .unwrap()
        .validate(document.as_object().unwrap());
    assert!(error.is_err());
}

#[test]
fn broken_schemas_are_refused() {
    assert_eq!(Schema::compile(b"{").unwrap_err().rule(), "schema.json");
    assert_eq!(
        Schema::compile(br#"{"type": 5}"#).unwrap_err().rule(),
        "schema.unusable"
    );
    let dialect = br#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#;
    assert_eq!(
        Schema::compile(dialect).unwrap_err().rule(),
        "schema.dialect"
    );
}
