//! Tests.

use super::*;
use serde_json::json;

fn document() -> Map<String, Value> {
    json!({"credentialSubject": {"grade": "extra", "secret": "hush"}})
        .as_object()
        .unwrap()
        .clone()
}

/// Compiles a schema that says its dialect and identifier.
fn compile(schema: &str) -> Result<Schema, SchemaError> {
    let mut schema: Value = serde_json::from_str(schema).unwrap();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$id"] = json!("https://schema.example/own.json");
    Schema::compile(schema.to_string().as_bytes())
}

#[test]
fn findings_name_places_and_no_values() {
    let schema =
        r#"{"properties": {"credentialSubject": {"properties": {"secret": {"type": "number"}}}}}"#;
    let error = compile(schema).unwrap().validate(&document()).unwrap_err();
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
            compile(schema).unwrap_err().rule(),
            "schema.unusable",
            "{schema}"
        );
    }
}

#[test]
fn a_reference_within_the_schema_holds() {
    let schema = r##"{"$defs": {"grade": {"enum": ["extra"]}}, "properties": {"credentialSubject": {"properties": {"grade": {"$ref": "#/$defs/grade"}}}}}"##;
    assert_eq!(compile(schema).unwrap().validate(&document()), Ok(()));
}

#[test]
fn a_pattern_does_not_run_away() {
    let schema = r#"{"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}"#;
    let document = json!({"a": format!("{}!", "a".repeat(50_000))});
    let error = compile(schema)
        .unwrap()
        .validate(document.as_object().unwrap());
    assert!(error.is_err());
}

#[test]
fn broken_schemas_are_refused() {
    assert_eq!(Schema::compile(b"{").unwrap_err().rule(), "schema.json");
    assert_eq!(
        compile(r#"{"type": 5}"#).unwrap_err().rule(),
        "schema.unusable"
    );
    let dialect = br#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#;
    assert_eq!(
        Schema::compile(dialect).unwrap_err().rule(),
        "schema.dialect"
    );
}

#[test]
fn a_schema_says_its_dialect_and_its_identifier() {
    for schema in [
        &br#"{"$id": "https://schema.example/own.json"}"#[..],
        br#"{"$schema": "https://json-schema.org/draft/2020-12/schema"}"#,
    ] {
        assert_eq!(
            Schema::compile(schema).unwrap_err().rule(),
            "schema.missing"
        );
    }
}

#[test]
fn a_schema_that_only_leads_back_to_itself_is_refused() {
    for schema in [
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"not": {"$ref": "#"}}]}"##,
        r##"{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"if": {"$ref": "#/$defs/a"}}}}"##,
        r##"{"$dynamicAnchor": "me", "anyOf": [{"$dynamicRef": "#me"}]}"##,
        r##"{"$anchor": "me", "dependentSchemas": {"a": {"$ref": "#me"}}}"##,
        r#"{"$ref": "https://schema.example/own.json"}"#,
    ] {
        assert_eq!(
            compile(schema).unwrap_err().rule(),
            "schema.unusable",
            "{schema}"
        );
    }
}

#[test]
fn a_schema_whose_work_explodes_is_refused() {
    use std::fmt::Write as _;
    let mut laughs = r#"{"$defs": {"d0": {"type": "string"}"#.to_owned();
    for depth in 1..40 {
        let below = depth - 1;
        write!(
            laughs,
            r##", "d{depth}": {{"allOf": [{{"$ref": "#/$defs/d{below}"}}, {{"$ref": "#/$defs/d{below}"}}]}}"##
        )
        .unwrap();
    }
    laughs.push_str(r##"}, "$ref": "#/$defs/d39"}"##);
    let per_level = r##"{"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}"##;
    let two_ways = r##"{"properties": {"a": {"$ref": "#"}}, "additionalProperties": {"$ref": "#"}, "patternProperties": {"a": {"$ref": "#"}}}"##;
    for schema in [laughs.as_str(), per_level, two_ways] {
        assert_eq!(compile(schema).unwrap_err().rule(), "schema.unusable");
    }
}

#[test]
fn a_tree_is_described_by_a_schema_that_recurs() {
    let tree = r##"{"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "value": {"type": "number"}}}"##;
    let schema = compile(tree).unwrap();
    let good = json!({"left": {"left": {"value": 1}, "right": {"value": 2}}});
    let bad = json!({"left": {"left": {"value": "one"}}});
    assert_eq!(schema.validate(good.as_object().unwrap()), Ok(()));
    assert!(schema.validate(bad.as_object().unwrap()).is_err());
}
