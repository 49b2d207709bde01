//! What a published document must be: of its kind, and complete in itself.
//!
//! Whoever judges by a document of the ledger has all of it: it refers to no other document. Whether a JSON Schema compiles is
//! not asked here, for that would make a library's version a matter of consensus; one that does not compile lets no credential
//! pass.

use chop_protocol::SchemaKind;
use serde_json::{Map, Value};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Says why a document is not of its kind.
pub(super) fn check(kind: SchemaKind, members: &Map<String, Value>) -> Result<(), &'static str> {
    match kind {
        SchemaKind::JsonSchema => json_schema(members),
        SchemaKind::JsonLdContext => context(members),
    }
}

/// JSON Schema 2020-12 §8.1.1, §8.2.1: a document says its dialect and its identifier.
fn json_schema(members: &Map<String, Value>) -> Result<(), &'static str> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("$schema").is_none_or(|dialect| dialect.trim_end_matches('#') != DIALECT) {
        return Err("its $schema is not that of the dialect 2020-12");
    }
    let Some(id) = text("$id") else {
        return Err("it has no $id");
    };
    if members.contains_key("@context") {
        return Err("a JSON Schema has no @context");
    }
    let own = id.trim_end_matches('#');
    let foreign = |reference: &str| {
        let base = reference
            .split_once('#')
            .map_or(reference, |(base, _)| base);
        !(base.is_empty() || base == own)
    };
    let mut rest: Vec<&Map<String, Value>> = vec![members];
    while let Some(members) = rest.pop() {
        for name in ["$ref", "$dynamicRef"] {
            if members
                .get(name)
                .and_then(Value::as_str)
                .is_some_and(foreign)
            {
                return Err("it refers to another document");
            }
        }
        rest.extend(members.values().flat_map(objects));
    }
    Ok(())
}

/// JSON-LD 1.1 §9.15: a context document, restricted to one context that holds all its terms.
fn context(members: &Map<String, Value>) -> Result<(), &'static str> {
    let (Some(Value::Object(terms)), 1) = (members.get("@context"), members.len()) else {
        return Err("a context document has exactly the member @context, an object");
    };
    let defined = |value: &Value| value.is_null() || value.is_string() || value.is_object();
    if terms
        .iter()
        .any(|(term, value)| term.is_empty() || !(term.starts_with('@') || defined(value)))
    {
        return Err("a term is defined by an IRI, an object or null");
    }
    let mut rest = vec![terms];
    while let Some(members) = rest.pop() {
        if members.contains_key("@import") {
            return Err("it imports another context");
        }
        let scoped = match members.get("@context") {
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        if scoped.iter().any(Value::is_string) {
            return Err("it refers to another context");
        }
        rest.extend(members.values().flat_map(objects));
    }
    Ok(())
}

/// Lists the objects that a value is, or that stand in it when it is an array of any depth.
fn objects(value: &Value) -> Vec<&Map<String, Value>> {
    let mut found = Vec::new();
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) => found.push(members),
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    found
}
