//! Generated credentials: JSON-LD of every shape that a credential may take, each valid by the data model.

use super::random::Random;
use super::values;
use serde_json::{Map, Value, json};

const BASE: &str = "https://www.w3.org/ns/credentials/v2";

/// The URL of the context that most generated credentials name; the others carry it themselves.
pub const CONTEXT: &str = "https://vocab.example/contexts/interop/v1";

/// Deepest nesting of parts below the subject.
const MAX_DEPTH: usize = 7;

/// Is one generated credential, not yet secured.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The credential.
    pub credential: Value,
    /// Every JSON Pointer by which a selective suite may disclose something.
    pub pointers: Vec<String>,
}

/// Generates a credential of an issuer.
pub fn credential(random: &mut Random, issuer: &str) -> Generated {
    let mut pointers = vec!["/issuer".to_owned(), "/validFrom".to_owned()];
    let own = if random.percent(80) {
        Value::from(CONTEXT)
    } else {
        context()
    };
    let mut document = json!({
        "@context": [BASE, own],
        "type": ["VerifiableCredential", "Passport"],
        "issuer": issuer_value(random, issuer),
        "validFrom": random.word(&["2024-01-01T00:00:00Z", "2023-12-31T23:59:59Z", "2024-02-29T12:00:00.5+05:30"]),
    });
    if let Some(members) = document.as_object_mut() {
        if random.percent(70) {
            members.insert("id".to_owned(), Value::from(urn(random)));
        }
        if random.percent(40) {
            members.insert("name".to_owned(), label(random));
            pointers.push("/name".to_owned());
        }
        if random.percent(20) {
            members.insert("validUntil".to_owned(), json!("2999-12-31T00:00:00Z"));
            pointers.push("/validUntil".to_owned());
        }
        let subject = subjects(random, &mut pointers);
        members.insert("credentialSubject".to_owned(), subject);
    }
    Generated {
        credential: document,
        pointers,
    }
}

/// The terms of generated credentials: one for each way in which JSON-LD gives a value its meaning.
pub fn context() -> Value {
    let term = |name: &str| format!("https://vocab.example/terms#{name}");
    let typed = |name: &str, how: &str| json!({"@id": term(name), "@type": how});
    let held = |name: &str, how: &str| json!({"@id": term(name), "@container": how});
    json!({
        "ex": "https://vocab.example/terms#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "Passport": term("Passport"),
        "Part": term("Part"),
        "note": term("note"),
        "amount": term("amount"),
        "flag": term("flag"),
        "part": typed("part", "@id"),
        "link": typed("link", "@id"),
        "when": typed("when", "xsd:dateTime"),
        "exact": typed("exact", "xsd:double"),
        "raw": typed("raw", "@json"),
        "steps": held("steps", "@list"),
        "tags": held("tags", "@set"),
        "label": held("label", "@language"),
        "german": {"@id": term("german"), "@language": "de"},
        "byName": held("byName", "@index"),
        "madeFrom": {"@reverse": term("becomes")},
    })
}

fn issuer_value(random: &mut Random, issuer: &str) -> Value {
    if random.percent(60) {
        return Value::from(issuer);
    }
    json!({"id": issuer, "name": label(random), "description": values::text(random)})
}

/// A text with or without language and direction, as VC Data Model 2.0 §11.1 has it.
fn label(random: &mut Random) -> Value {
    match random.below(3) {
        0 => Value::from(values::text(random)),
        1 => {
            json!({"@value": values::text(random), "@language": random.word(&["en", "de-CH", "zh-Hant"])})
        }
        _ => json!([
            {"@value": values::text(random), "@language": "en"},
            {"@value": values::text(random), "@language": "fr"},
        ]),
    }
}

fn subjects(random: &mut Random, pointers: &mut Vec<String>) -> Value {
    if random.percent(80) {
        return node(random, MAX_DEPTH, "/credentialSubject", pointers);
    }
    let count = 1 + random.below(3);
    (0..count)
        .map(|index| {
            let at = format!("/credentialSubject/{index}");
            node(random, 3, &at, pointers)
        })
        .collect()
}

/// A node, named or blank, with some properties.
fn node(random: &mut Random, depth: usize, at: &str, pointers: &mut Vec<String>) -> Value {
    let mut members = Map::new();
    if random.percent(40) {
        let id = if random.percent(50) {
            urn(random)
        } else {
            format!("https://product.example/ü/{}", random.below(1000))
        };
        members.insert("id".to_owned(), Value::from(id));
    }
    if random.percent(40) {
        members.insert("type".to_owned(), json!("Part"));
    }
    for _ in 0..=random.below(5) {
        let (name, value) = property(random, depth, at, pointers);
        let pointer = format!("{at}/{name}");
        if members.insert(name.to_owned(), value).is_none() {
            pointers.push(pointer);
        } else {
            // What stood there is gone, and so is what lay below it.
            pointers.retain(|known| !known.starts_with(&format!("{pointer}/")));
        }
    }
    if depth > 0 && random.percent(60) {
        let parts = parts(random, depth - 1, &format!("{at}/part"), pointers);
        members.insert("part".to_owned(), parts);
        pointers.push(format!("{at}/part"));
    }
    Value::Object(members)
}

fn property(
    random: &mut Random,
    depth: usize,
    at: &str,
    pointers: &mut Vec<String>,
) -> (&'static str, Value) {
    match random.below(14) {
        0 => ("note", some(random, values::text)),
        1 => ("amount", some(random, values::number)),
        2 => ("flag", Value::Bool(random.percent(50))),
        3 => ("link", some(random, urn)),
        4 => ("when", json!("2024-05-06T07:08:09Z")),
        5 => ("exact", values::number(random)),
        6 => ("raw", values::any(random, 4)),
        7 => ("steps", steps(random)),
        8 => ("tags", some(random, |random| values::text(random))),
        9 => (
            "label",
            json!({"en": values::text(random), "de-AT": [values::text(random), "zwei"]}),
        ),
        10 => ("german", Value::from(values::text(random))),
        11 => ("ex:odd", typed(random)),
        12 if depth > 0 => {
            let inner = node(random, 0, &format!("{at}/madeFrom"), pointers);
            ("madeFrom", inner)
        }
        _ => (
            "byName",
            json!({"left": values::text(random), "right": [values::text(random)]}),
        ),
    }
}

/// One value, or an array of up to four.
fn some<T: Into<Value>>(random: &mut Random, one: impl Fn(&mut Random) -> T) -> Value {
    if random.percent(70) {
        return one(random).into();
    }
    (0..random.below(5)).map(|_| one(random).into()).collect()
}

/// A list, in which order counts and repetition too.
fn steps(random: &mut Random) -> Value {
    (0..random.below(5))
        .map(|_| match random.below(4) {
            0 => values::number(random),
            1 => json!({"note": values::text(random)}),
            2 => Value::Bool(true),
            _ => Value::from(values::text(random)),
        })
        .collect()
}

fn typed(random: &mut Random) -> Value {
    match random.below(3) {
        0 => json!({"@value": "12", "@type": "xsd:byte"}),
        1 => json!({"@value": values::text(random), "@language": "pt-BR"}),
        _ => json!({"@value": true}),
    }
}

/// Parts: distinct ones, or blank nodes that only their neighbours tell apart (RDFC-1.0 §4.8).
fn parts(random: &mut Random, depth: usize, at: &str, pointers: &mut Vec<String>) -> Value {
    if random.percent(25) {
        let twin = json!({"part": {"part": {"note": "twin"}}});
        return json!([twin, twin, {"part": {"part": {"note": "other"}}}]);
    }
    if random.percent(40) {
        return node(random, depth, at, pointers);
    }
    let count = 1 + random.below(3);
    (0..count)
        .map(|index| {
            let at = format!("{at}/{index}");
            let inner = node(random, depth.min(2), &at, pointers);
            pointers.push(at);
            inner
        })
        .collect()
}

fn urn(random: &mut Random) -> String {
    format!("urn:example:{:016x}", random.bits())
}
