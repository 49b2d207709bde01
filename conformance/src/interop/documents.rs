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

/// Says for what a document is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// To be signed as JSON.
    Json,
    /// To be signed as RDF, in which empty sets and the names of an index map would be lost.
    Rdf,
    /// To be disclosed statement by statement: lists and reverse terms, which peers cannot take apart, are rare.
    Statements,
}

/// Generates a credential of an issuer.
pub fn credential(random: &mut Random, issuer: &str, shape: Shape) -> Generated {
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
        let mut writer = Writer {
            random,
            shape,
            pointers: &mut pointers,
        };
        let subject = writer.subjects();
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
            json!({"@value": values::text(random), "@language": random.word(&["en", "de-ch", "zh-hant"])})
        }
        _ => json!([
            {"@value": values::text(random), "@language": "en"},
            {"@value": values::text(random), "@language": "fr"},
        ]),
    }
}

struct Writer<'a> {
    random: &'a mut Random,
    shape: Shape,
    pointers: &'a mut Vec<String>,
}

impl Writer<'_> {
    fn subjects(&mut self) -> Value {
        if self.random.percent(80) {
            return self.node(MAX_DEPTH, "/credentialSubject");
        }
        let count = 1 + self.random.below(3);
        (0..count)
            .map(|index| self.node(3, &format!("/credentialSubject/{index}")))
            .collect()
    }

    /// A node, named or blank, with some properties.
    fn node(&mut self, depth: usize, at: &str) -> Value {
        let mut members = Map::new();
        if self.random.percent(40) {
            members.insert("id".to_owned(), Value::from(name(self.random)));
        }
        if self.random.percent(40) {
            members.insert("type".to_owned(), json!("Part"));
        }
        for _ in 0..=self.random.below(5) {
            let (name, value) = self.property(depth, at);
            let pointer = format!("{at}/{name}");
            if members.insert(name.to_owned(), value).is_none() {
                self.pointers.push(pointer);
            } else {
                // What stood there is gone, and so is what lay below it.
                let below = format!("{pointer}/");
                self.pointers.retain(|known| !known.starts_with(&below));
            }
        }
        if depth > 0 && self.random.percent(60) {
            let parts = self.parts(depth - 1, &format!("{at}/part"));
            members.insert("part".to_owned(), parts);
            self.pointers.push(format!("{at}/part"));
        }
        Value::Object(members)
    }

    fn property(&mut self, depth: usize, at: &str) -> (&'static str, Value) {
        let rare = self.shape == Shape::Statements && !self.random.percent(4);
        match self.random.below(14) {
            7 | 12 if rare => ("flag", Value::Bool(true)),
            0 => ("note", self.some(values::text)),
            1 => ("amount", self.some(values::number)),
            2 => ("flag", Value::Bool(self.random.percent(50))),
            3 => ("link", self.some(urn)),
            4 => ("when", json!("2024-05-06T07:08:09Z")),
            5 => ("exact", values::number(self.random)),
            6 => ("raw", values::any(self.random, 4)),
            7 => ("steps", steps(self.random)),
            8 => ("tags", self.some(values::text)),
            9 => ("label", languages(self.random)),
            10 => ("german", Value::from(values::text(self.random))),
            11 => ("ex:odd", typed(self.random)),
            12 if depth > 0 => ("madeFrom", self.node(0, &format!("{at}/madeFrom"))),
            13 if self.shape == Shape::Json => ("byName", index(self.random)),
            _ => ("flag", json!([true, false])),
        }
    }

    /// One value, or an array of some.
    fn some<T: Into<Value>>(&mut self, one: impl Fn(&mut Random) -> T) -> Value {
        if self.random.percent(70) {
            return one(self.random).into();
        }
        let least = usize::from(self.shape != Shape::Json);
        let count = least + self.random.below(4);
        (0..count).map(|_| one(self.random).into()).collect()
    }

    /// Parts: distinct ones, or blank nodes that only their neighbours tell apart (RDFC-1.0 §4.8).
    fn parts(&mut self, depth: usize, at: &str) -> Value {
        if self.random.percent(25) {
            // The deeper they are alike, the more work it is to tell them apart.
            let deep = self.random.percent(15);
            let wrap = |note: &str| {
                let inner = json!({"note": note});
                let inner = if deep { json!({"part": inner}) } else { inner };
                json!({"part": inner})
            };
            return json!([wrap("twin"), wrap("twin"), wrap("other")]);
        }
        if self.random.percent(40) {
            return self.node(depth, at);
        }
        let count = 1 + self.random.below(3);
        (0..count)
            .map(|index| {
                let at = format!("{at}/{index}");
                let inner = self.node(depth.min(2), &at);
                self.pointers.push(at);
                inner
            })
            .collect()
    }
}

fn name(random: &mut Random) -> String {
    if random.percent(50) {
        urn(random)
    } else {
        format!("https://product.example/ü/{}", random.below(1000))
    }
}

fn languages(random: &mut Random) -> Value {
    // JSON-LD leaves the case of a language tag to the processor (JSON-LD 1.1 §4.2.4), so most are in small letters.
    let german = if random.percent(10) { "de-AT" } else { "de-at" };
    json!({"en": values::text(random), german: [values::text(random), "zwei"]})
}

fn index(random: &mut Random) -> Value {
    json!({"left": values::text(random), "right": [values::text(random)]})
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
        1 => json!({"@value": values::text(random), "@language": "pt-br"}),
        _ => json!({"@value": true}),
    }
}

fn urn(random: &mut Random) -> String {
    format!("urn:example:{:016x}", random.bits())
}
