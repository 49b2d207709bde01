//! What may follow what.

use super::follows;
use serde_json::{Map, Value, json};

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn verdict(old: &Value, new: &Value) -> Result<(), String> {
    follows(&object(old), &object(new)).map_err(|found| found.at)
}

#[test]
fn what_allows_more_follows() {
    for (old, new) in [
        (
            json!({"title": "a", "$id": "a"}),
            json!({"title": "b", "$id": "b", "description": "c"}),
        ),
        (json!({"type": "integer"}), json!({"type": "number"})),
        (
            json!({"type": "string"}),
            json!({"type": ["string", "null"]}),
        ),
        (json!({"type": "string"}), json!({})),
        (json!({"enum": ["a"]}), json!({"enum": ["b", "a"]})),
        (json!({"const": "a"}), json!({"enum": ["a", "b"]})),
        (json!({"required": ["a", "b"]}), json!({"required": ["b"]})),
        (
            json!({"properties": {"a": {}}}),
            json!({"properties": {"a": {}, "b": {"type": "string"}}}),
        ),
        (
            json!({"additionalProperties": false}),
            json!({"additionalProperties": {"type": "string"}}),
        ),
        (json!({"additionalProperties": false}), json!({})),
        (
            json!({"items": {"type": "integer"}}),
            json!({"items": {"type": "number"}}),
        ),
        (json!({"minItems": 1, "maxItems": 3}), json!({})),
        (
            json!({"minLength": 2, "maxLength": 5}),
            json!({"minLength": 1, "maxLength": 6}),
        ),
        (
            json!({"pattern": "a", "format": "uri", "uniqueItems": true}),
            json!({}),
        ),
        (
            json!({"$defs": {"g": {"enum": [1]}}, "properties": {"a": {"$ref": "#/$defs/g"}}}),
            json!({"$defs": {"g": {"enum": [1, 2]}}, "properties": {"a": {"$ref": "#/$defs/g"}}}),
        ),
        (
            json!({"properties": {"a": false}}),
            json!({"properties": {"a": {"type": "string"}}}),
        ),
    ] {
        assert_eq!(verdict(&old, &new), Ok(()), "{old} {new}");
    }
}

#[test]
fn what_allows_less_does_not_follow_and_its_place_is_named() {
    for (old, new, at) in [
        (json!({}), json!({"required": ["a"]}), "/required"),
        (
            json!({"type": "number"}),
            json!({"type": "integer"}),
            "/type",
        ),
        (json!({}), json!({"type": "object"}), "/type"),
        (json!({"enum": ["a", "b"]}), json!({"enum": ["a"]}), "/enum"),
        (json!({}), json!({"const": 1}), "/const"),
        (
            json!({"properties": {"a": {}}}),
            json!({"properties": {}}),
            "/properties/a",
        ),
        (
            json!({"properties": {"a": {}}}),
            json!({"properties": {"a": false}}),
            "/properties/a",
        ),
        (
            json!({"properties": {"a/b": {"properties": {"c": {"type": "string"}}}}}),
            json!({"properties": {"a/b": {"properties": {"c": {"type": "null"}}}}}),
            "/properties/a~1b/properties/c/type",
        ),
        (
            json!({}),
            json!({"additionalProperties": false}),
            "/additionalProperties",
        ),
        (
            json!({"additionalProperties": {"type": "string"}}),
            json!({"additionalProperties": {"type": "string"}, "properties": {"a": {"type": "null"}}}),
            "/properties/a/type",
        ),
        (json!({"minimum": 1}), json!({"minimum": 2}), "/minimum"),
        (json!({"maximum": 1.5}), json!({"maximum": 2.5}), "/maximum"),
        (json!({}), json!({"maxItems": 3}), "/maxItems"),
        (json!({"pattern": "a"}), json!({"pattern": "b"}), "/pattern"),
        (
            json!({"patternProperties": {"a": {}}}),
            json!({}),
            "/patternProperties",
        ),
        (
            json!({"allOf": []}),
            json!({"allOf": [{"type": "string"}]}),
            "/allOf",
        ),
        (json!({}), json!({"x-unknown": true}), "/x-unknown"),
        (
            json!({"properties": {"a": {"$id": "x"}}}),
            json!({"properties": {"a": {"$id": "y"}}}),
            "/properties/a/$id",
        ),
    ] {
        assert_eq!(verdict(&old, &new), Err(at.to_owned()), "{old} {new}");
    }
}

#[test]
fn a_wider_part_does_not_follow_where_references_may_turn_it_around() {
    let with = |grades: Value, reference: &Value| {
        let mut schema = json!({"$defs": {"g": {"enum": grades}}});
        schema["properties"] = reference.clone();
        schema
    };
    for reference in [
        json!({"a": {"not": {"$ref": "#/$defs/g"}}}),
        json!({"a": {"oneOf": [{"$ref": "#/$defs/g"}, {"type": "string"}]}}),
        json!({"a": {"$ref": "#/$defs/g/default"}}),
        json!({"a": {"$ref": "#anchor"}}),
    ] {
        let (old, new) = (
            with(json!([1]), &reference),
            with(json!([1, 2]), &reference),
        );
        assert_eq!(verdict(&old, &new), Err("/$ref".to_owned()));
    }
}
