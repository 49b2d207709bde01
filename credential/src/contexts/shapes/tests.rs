//! Tests: a document of a known shape is judged as the walk judges it.

use super::super::{ContextError, Contexts};
use super::{MAX_SHAPES, Outline};
use crate::model::Credential;
use chop_integrity::json::{Limits, Plain};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const V2: &str = "https://www.w3.org/ns/credentials/v2";
const OWN: &str = "https://shapes.example/v1";
/// Other names for types and identifiers, containers, a literal of JSON, and terms that differ by type.
const TERMS: &str = r#"{"@context": {
    "kind": "@type", "key": "@id", "worth": "@value",
    "box": {"@id": "https://shapes.example/box", "@context": {"kind": "https://shapes.example/kind", "label": "@type"}},
    "Apple": {"@id": "https://shapes.example/Apple", "@context": {"skin": "https://shapes.example/skin", "tag": "@id"}},
    "Pear": {"@id": "https://shapes.example/Pear", "@context": {"tag": "https://shapes.example/tag", "label": "@type"}},
    "words": {"@id": "https://shapes.example/words", "@container": "@language"},
    "parts": {"@id": "https://shapes.example/parts", "@container": "@index"},
    "data": {"@id": "https://shapes.example/data", "@type": "@json"}
}}"#;

fn known() -> Contexts {
    let contexts = Contexts::embedded();
    contexts.add(OWN, TERMS).unwrap();
    contexts
}

fn document(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("a document is an object"),
    }
}

fn credential(subject: &Value) -> Map<String, Value> {
    document(
        json!({"@context": [V2, OWN], "type": "VerifiableCredential", "credentialSubject": subject}),
    )
}

fn kept(contexts: &Contexts) -> usize {
    contexts.shapes.0.read().unwrap().shapes.len()
}

#[test]
fn a_document_of_a_known_shape_is_not_walked_through_again() {
    let contexts = known();
    for name in ["Fuji", "Gala"] {
        let seen = credential(&json!({"type": "Apple", "skin": name, "tag": "urn:a:b"}));
        assert_eq!(contexts.check_document(&seen), Ok(()));
        assert_eq!(kept(&contexts), 1);
    }
    let other = credential(&json!({"type": "Apple", "skin": "Elstar", "tag": "urn:a:c"}));
    let outline = Outline::of(&other).unwrap();
    assert_eq!(contexts.shapes.pass(&outline), Ok(()));
}

#[test]
fn a_shape_that_takes_much_room_is_not_kept() {
    let contexts = known();
    let long = format!("urn:a:{}", "b".repeat(super::MAX_BYTES));
    for name in ["type", "kind"] {
        let seen = credential(&json!({ name: long }));
        assert_eq!(contexts.check_document(&seen), Ok(()));
        assert_eq!(kept(&contexts), 0, "{name}");
    }
}

#[test]
fn what_the_walk_looks_at_is_looked_at_in_each_document_of_a_shape() {
    let contexts = known();
    for (good, bad) in [
        (json!({"id": "urn:a:b"}), json!({"id": "a b"})),
        (
            json!({"type": "Apple", "skin": "red"}),
            json!({"type": "Pear", "skin": "red"}),
        ),
        (
            json!({"kind": "Apple", "skin": "red"}),
            json!({"kind": "Pear", "skin": "red"}),
        ),
        (
            json!({"kind": ["Apple"], "skin": "red"}),
            json!({"kind": ["Plum"], "skin": "red"}),
        ),
        (
            json!({"type": "Apple", "tag": "urn:a:b"}),
            json!({"type": "Apple", "tag": "b"}),
        ),
        (
            json!({"box": {"label": "Apple"}}),
            json!({"box": {"label": "Plum"}}),
        ),
        (
            json!({"name": {"@value": {"a": 1}, "@type": "@json"}}),
            json!({"name": {"@value": {"a": 1}, "@type": "Apple"}}),
        ),
        (
            json!({"name": {"worth": [1], "kind": "@json"}}),
            json!({"name": {"worth": [1], "kind": "Apple"}}),
        ),
        (
            json!({"words": {"en": ["a", null]}}),
            json!({"words": {"en": ["a", 1]}}),
        ),
        (
            json!({"parts": {"left": {"name": "a"}}}),
            json!({"parts": {"left": {"nickname": "a"}}}),
        ),
    ] {
        let (good, bad) = (credential(&good), credential(&bad));
        assert_eq!(contexts.check_document(&good), Ok(()), "{good:?}");
        let refused = contexts.check_document(&bad);
        assert!(refused.is_err(), "{bad:?}");
        assert_eq!(refused, contexts.walk(&bad, false).map(drop));
    }
}

#[test]
fn no_two_different_documents_have_one_outline() {
    let outline = |value: Value| Outline::of(&document(value)).map(|outline| outline.written);
    let many = [
        json!({"@context": V2, "a": "x"}),
        json!({"@context": [V2], "a": "x"}),
        json!({"@context": [V2, V2], "a": "x"}),
        json!({"@context": V2, "type": "ab", "c": 1}),
        json!({"@context": V2, "type": "abc", "": 1}),
        json!({"@context": V2, "type": ["ab", "c"], "d": 1}),
        json!({"@context": V2, "type": ["abc"], "d": 1}),
        json!({"@context": V2, "a": {"b": 1}, "c": 1}),
        json!({"@context": V2, "a": {"b": 1, "c": 1}}),
        json!({"@context": V2, "a": [1, [1]]}),
        json!({"@context": V2, "a": [[1], 1]}),
        json!({"@context": V2, "a": null}),
        json!({"@context": V2, "a": true}),
        json!({"@context": V2, "a": 1}),
        json!({"@context": V2, "a": []}),
        json!({"@context": V2, "a": {}}),
    ];
    let distinct: std::collections::BTreeSet<_> = many.iter().cloned().map(outline).collect();
    assert_eq!(distinct.len(), many.len());
    assert!(!distinct.contains(&None));
}

#[test]
fn what_brings_terms_or_proofs_of_its_own_has_no_outline() {
    let own = json!({"a": "https://example.org/a"});
    for value in [
        json!({"a": 1}),
        json!({"@context": [V2, own]}),
        json!({"@context": V2, "a": {"@context": OWN}}),
        json!({"@context": V2, "proof": {}}),
        json!({"@context": V2, "a": vec!["x"; 600]}),
        json!({"@context": V2, "x".repeat(5_000): 1, "y": 1}),
    ] {
        assert!(Outline::of(&document(value)).is_none());
    }
}

#[test]
fn only_so_many_shapes_are_kept() {
    let contexts = known();
    for number in 0..2 * MAX_SHAPES {
        let seen = credential(&json!({"data": {format!("n{number}"): 1}}));
        assert_eq!(contexts.check_document(&seen), Ok(()));
        assert!(kept(&contexts) <= MAX_SHAPES);
    }
}

#[test]
fn nothing_is_kept_that_was_found_before_a_context_changed() {
    let contexts = known();
    let seen = credential(&json!({"name": "a"}));
    let Err(before) = contexts.shapes.pass(&Outline::of(&seen).unwrap()) else {
        panic!("nothing was checked yet");
    };
    let looked = contexts.walk(&seen, false).unwrap();
    contexts.add(OWN, r#"{"@context": {}}"#).unwrap();
    contexts
        .shapes
        .keep(Outline::of(&seen).unwrap(), looked, before);
    assert_eq!(kept(&contexts), 0);
}

/// A value made of what means something under the contexts, and of what does not.
fn value() -> impl Strategy<Value = Value> {
    let name = select(vec![
        "id",
        "@id",
        "key",
        "tag",
        "type",
        "@type",
        "kind",
        "label",
        "name",
        "skin",
        "box",
        "words",
        "parts",
        "data",
        "worth",
        "@value",
        "@language",
        "@list",
        "@reverse",
        "unknown",
        "@context",
        "b:c",
        "proof",
    ]);
    let text = select(vec![
        "urn:a:b",
        "urn:a:c",
        "a b",
        "Apple",
        "Pear",
        "Plum",
        "@json",
        "en",
        "VerifiableCredential",
        "_:b0",
        OWN,
        "",
    ]);
    let leaf = prop_oneof![
        6 => text.prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!(1)),
        1 => Just(json!(true)),
    ];
    leaf.prop_recursive(3, 16, 3, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            3 => prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Puts other texts in the place of some.
fn vary(value: &mut Value, texts: &mut impl Iterator<Item = Option<&'static str>>) {
    match value {
        Value::String(text) => {
            if let Some(Some(other)) = texts.next() {
                other.clone_into(text);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| vary(item, texts)),
        Value::Object(members) => members.values_mut().for_each(|member| vary(member, texts)),
        _ => {}
    }
}

/// Writes a value with the members of each object in descending order.
fn reversed(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(reversed).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let member = |(name, value)| format!("{}:{}", json!(name), reversed(value));
            let members: Vec<String> = members.iter().rev().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

/// Takes a credential that is held as its text; `None` where this text is not.
fn held_as(text: &str) -> Option<Credential> {
    let plain = Plain::read(text.as_bytes().to_vec(), &Limits::CREDENTIAL).ok()?;
    let taken = Credential::from_plain(plain, |further| Some(((), further)));
    taken.ok().map(|((), credential)| credential)
}

fn outline_of_text(credential: &Credential) -> Option<(Vec<u8>, Vec<String>)> {
    let outline = Outline::of_written(credential.written()?)?;
    let texts = outline.texts.into_iter().map(str::to_owned).collect();
    Some((outline.written, texts))
}

fn outline_of_values(document: &Map<String, Value>) -> Option<(Vec<u8>, Vec<String>)> {
    let outline = Outline::of(document)?;
    let texts = outline.texts.iter().filter_map(|text| text.as_str());
    let texts = texts.map(str::to_owned).collect();
    Some((outline.written, texts))
}

#[test]
fn the_outline_of_a_text_is_that_of_its_values_in_whatever_order_they_stand() {
    let mut document =
        credential(&json!({"type": "Apple", "skin": "red", "tag": ["urn:a:b", 1, true, null, {}]}));
    document.insert("issuer".to_owned(), json!("did:example:i"));
    let outline = outline_of_values(&document);
    assert!(outline.is_some());
    let value = Value::Object(document);
    for text in [value.to_string(), reversed(&value)] {
        let credential = held_as(&text).unwrap();
        assert_eq!(outline_of_text(&credential), outline);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_text_has_the_outline_of_its_values(subject in value(), further in value()) {
        let mut document = credential(&json!({"of": subject}));
        document.insert("issuer".to_owned(), json!("did:example:i"));
        document.insert("further".to_owned(), further);
        let (outline, value) = (outline_of_values(&document), Value::Object(document));
        for text in [value.to_string(), reversed(&value)] {
            if let Some(credential) = held_as(&text) {
                prop_assert_eq!(&outline_of_text(&credential), &outline);
            }
        }
    }

    #[test]
    fn a_known_shape_is_judged_as_the_walk_judges_it(
        subject in value(),
        texts in prop::collection::vec(
            prop::option::weighted(0.4, select(vec!["urn:a:b", "a b", "Apple", "Pear", "Plum", "@json", "en", ""])),
            0..12,
        ),
    ) {
        thread_local!(static KNOWN: Contexts = known());
        KNOWN.with(|contexts| {
            let walked = |document: &Map<String, Value>| -> Result<(), ContextError> { contexts.walk(document, false).map(drop) };
            let first = credential(&subject);
            prop_assert_eq!(contexts.check_document(&first), walked(&first));
            let mut varied = subject;
            vary(&mut varied, &mut texts.into_iter());
            let second = credential(&varied);
            prop_assert_eq!(contexts.check_document(&second), walked(&second));
            // Now that both are known.
            prop_assert_eq!(contexts.check_document(&first), walked(&first));
            Ok(())
        })?;
    }
}
