//! When a JSON Schema may take the place of the one before: what was valid stays valid, and no property goes.
//!
//! The comparison knows the keywords that can be weighed by themselves and lets them become wider. Every other keyword stays as
//! it is within a major version, so that a keyword that is not understood here cannot narrow anything. It reads each part of the
//! two documents once and sorts the lists in them.

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::Break;

/// Keywords that decide nothing (JSON Schema Validation 2020-12 §9, Core §8.3).
const ANNOTATIONS: [&str; 8] = [
    "title",
    "description",
    "$comment",
    "examples",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
];
/// Assertions that stand alone, so that leaving them out only allows more.
const ALONE: [&str; 6] = [
    "pattern",
    "format",
    "multipleOf",
    "uniqueItems",
    "dependentRequired",
    "propertyNames",
];
/// Lower bounds: allowed to fall, or to go.
const LEAST: [&str; 5] = [
    "minLength",
    "minItems",
    "minProperties",
    "minimum",
    "exclusiveMinimum",
];
/// Upper bounds: allowed to rise, or to go.
const MOST: [&str; 5] = [
    "maxLength",
    "maxItems",
    "maxProperties",
    "maximum",
    "exclusiveMaximum",
];
/// Keywords under which a wider subschema may make the whole narrower.
const REVERSING: [&str; 9] = [
    "not",
    "if",
    "oneOf",
    "contains",
    "unevaluatedProperties",
    "unevaluatedItems",
    "$dynamicRef",
    "$anchor",
    "$dynamicAnchor",
];

/// Says whether everything that fits the old schema fits the new one, by the keywords that are weighed here.
pub(super) fn follows(old: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), Break> {
    references(old)?;
    references(new)?;
    let mut path = Vec::new();
    objects(old, new, &mut path)
}

/// A subschema that is referred to is weighed where it is defined; that suffices unless a reference turns wider into narrower,
/// or leads to where nothing is weighed.
fn references(schema: &Map<String, Value>) -> Result<(), Break> {
    let (mut refers, mut reverses) = (false, false);
    let mut rest: Vec<&Value> = Vec::new();
    let mut look = |members: &Map<String, Value>| {
        if let Some(Value::String(target)) = members.get("$ref") {
            refers = true;
            let plain = target
                .strip_prefix("#/$defs/")
                .is_some_and(|name| !name.contains('/'));
            reverses |= target != "#" && !plain;
        }
        reverses |= REVERSING.iter().any(|name| members.contains_key(*name));
    };
    look(schema);
    rest.extend(schema.values());
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) => {
                look(members);
                rest.extend(members.values());
            }
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    if refers && reverses {
        let reason = "what its references mean cannot be weighed against the version before";
        return Err(Break::at(&["$ref"], reason));
    }
    Ok(())
}

fn schemas<'a>(
    old: Option<&'a Value>,
    new: Option<&'a Value>,
    path: &mut Vec<&'a str>,
) -> Result<(), Break> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    // An absent schema and `true` allow everything (Core §4.3.2).
    let members = |schema: Option<&'a Value>| match schema {
        None | Some(Value::Bool(true)) => Some(&*NONE),
        Some(Value::Object(members)) => Some(members),
        _ => None,
    };
    match (members(old), members(new)) {
        (Some(old), Some(new)) => objects(old, new, path),
        // Nothing was allowed, so nothing can be taken away.
        (None, _) if old == Some(&Value::Bool(false)) => Ok(()),
        _ if old == new => Ok(()),
        _ => Err(Break::at(path, "it allows less")),
    }
}

fn objects<'a>(
    old: &'a Map<String, Value>,
    new: &'a Map<String, Value>,
    path: &mut Vec<&'a str>,
) -> Result<(), Break> {
    let names: BTreeSet<&'a str> = old.keys().chain(new.keys()).map(String::as_str).collect();
    for name in names {
        path.push(name);
        keyword(name, old, new, path)?;
        path.pop();
    }
    Ok(())
}

fn keyword<'a>(
    name: &'a str,
    old: &'a Map<String, Value>,
    new: &'a Map<String, Value>,
    path: &mut Vec<&'a str>,
) -> Result<(), Break> {
    let (before, now) = (old.get(name), new.get(name));
    if before == now {
        return Ok(());
    }
    let narrower = |holds: bool, reason| {
        if holds {
            Ok(())
        } else {
            Err(Break::at(path, reason))
        }
    };
    match name {
        _ if ANNOTATIONS.contains(&name) => Ok(()),
        // References never spell it, so it may name the version.
        "$id" if path.len() == 1 && !spells_id(old) && !spells_id(new) => Ok(()),
        "type" => narrower(types_widen(before, now), "a type is narrowed"),
        "enum" | "const" => narrower(values_widen(old, new), "fewer values are allowed"),
        "required" => narrower(requires_no_more(before, now), "a property becomes required"),
        "properties" => properties(old, new, path),
        "$defs" => members(before, now, path),
        "additionalProperties" | "items" => schemas(before, now, path),
        _ if LEAST.contains(&name) => {
            narrower(moves(before, now, i64::le), "a lower bound is raised")
        }
        _ if MOST.contains(&name) => {
            narrower(moves(before, now, i64::ge), "an upper bound is lowered")
        }
        _ if ALONE.contains(&name) => narrower(now.is_none(), "a constraint is added or changed"),
        _ => Err(Break::at(path, "a constraint is added, changed or removed")),
    }
}

/// Says whether a reference of the schema names the schema by its identifier.
fn spells_id(schema: &Map<String, Value>) -> bool {
    let mut rest: Vec<&Value> = schema.values().collect();
    let spelt = |members: &Map<String, Value>| {
        let target = members.get("$ref").and_then(Value::as_str);
        target.is_some_and(|target| !target.starts_with('#'))
    };
    if spelt(schema) {
        return true;
    }
    while let Some(value) = rest.pop() {
        match value {
            Value::Object(members) if spelt(members) => return true,
            Value::Object(members) => rest.extend(members.values()),
            Value::Array(items) => rest.extend(items),
            _ => {}
        }
    }
    false
}

/// Validation §6.1.1: `integer` is part of `number`.
fn types_widen(before: Option<&Value>, now: Option<&Value>) -> bool {
    fn names(value: &Value) -> BTreeSet<&str> {
        match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        }
    }
    match (before, now) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(before), Some(now)) => {
            let now = names(now);
            let kept =
                |name: &str| now.contains(name) || (name == "integer" && now.contains("number"));
            names(before).into_iter().all(kept)
        }
    }
}

/// Validation §6.1.2, §6.1.3: `const` is an `enum` of one.
fn values_widen(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    fn values(schema: &Map<String, Value>) -> Option<BTreeSet<String>> {
        match (schema.get("const"), schema.get("enum")) {
            (Some(one), _) => Some(BTreeSet::from([one.to_string()])),
            (None, Some(Value::Array(items))) => Some(items.iter().map(Value::to_string).collect()),
            (None, Some(_)) => Some(BTreeSet::new()),
            (None, None) => None,
        }
    }
    match (values(old), values(new)) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(old), Some(new)) => old.is_subset(&new),
    }
}

fn requires_no_more(before: Option<&Value>, now: Option<&Value>) -> bool {
    fn names(value: Option<&Value>) -> BTreeSet<&str> {
        let items = value.and_then(Value::as_array);
        items
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
    names(now).is_subset(&names(before))
}

/// Says whether a bound goes, or moves in the direction that allows more. Fractions are not compared: they stay as they are.
fn moves(before: Option<&Value>, now: Option<&Value>, wider: fn(&i64, &i64) -> bool) -> bool {
    match (before, now) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(before), Some(now)) => match (before.as_i64(), now.as_i64()) {
            (Some(before), Some(now)) => wider(&now, &before),
            _ => before == now,
        },
    }
}

/// Properties stay and allow no less. A new one may say what it likes, unless the old schema spoke of all others.
fn properties<'a>(
    old: &'a Map<String, Value>,
    new: &'a Map<String, Value>,
    path: &mut Vec<&'a str>,
) -> Result<(), Break> {
    let (before, now) = (old.get("properties"), new.get("properties"));
    members(before, now, path)?;
    let others = old
        .get("additionalProperties")
        .filter(|schema| schema.is_object());
    let added = now.and_then(Value::as_object).into_iter().flatten();
    for (name, schema) in added {
        let known = before.is_some_and(|before| before.get(name).is_some());
        if let (false, Some(others)) = (known, others) {
            path.push(name);
            schemas(Some(others), Some(schema), path)?;
            path.pop();
        }
    }
    Ok(())
}

/// Named subschemas stay and allow no less.
fn members<'a>(
    before: Option<&'a Value>,
    now: Option<&'a Value>,
    path: &mut Vec<&'a str>,
) -> Result<(), Break> {
    let before = before.and_then(Value::as_object);
    for (name, schema) in before.into_iter().flatten() {
        path.push(name);
        let now = now.and_then(|now| now.get(name));
        if now.is_none() {
            return Err(Break::at(path, "a property or definition is gone"));
        }
        schemas(Some(schema), now, path)?;
        path.pop();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
