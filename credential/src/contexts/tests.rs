//! Tests: what the vectors do not reach.

use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const V2: &str = "https://www.w3.org/ns/credentials/v2";

fn document(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("a document is an object"),
    }
}

#[test]
fn every_embedded_context_can_be_processed() {
    let contexts = Contexts::embedded();
    for file in chop_schemas::CONTEXTS {
        let result = contexts.check_document(&document(json!({"@context": [file.url]})));
        // One example context builds on a vocabulary that is not embedded.
        if file.url != "https://www.w3.org/2018/credentials/examples/v1" {
            assert_eq!(result, Ok(()), "{}", file.url);
        }
    }
}

#[test]
fn an_embedded_context_is_not_replaced() {
    let contexts = Contexts::embedded();
    assert!(
        contexts
            .add(V2, r#"{"@context": {"@vocab": "https://evil.example/"}}"#)
            .is_err()
    );
}

#[test]
fn further_contexts_are_known_to_those_who_asked_for_them_and_to_nobody_else() {
    let known = std::sync::Arc::new(Contexts::embedded());
    let (url, shoe) = (
        "https://ledger.example/v1",
        r#"{"@context": {"shoe": "https://example.org/shoe"}}"#,
    );
    let seen = document(json!({"@context": [V2, url], "shoe": 1}));
    let extended = known.extended([(url, shoe)]).unwrap();
    assert_eq!(extended.check_document(&seen), Ok(()));
    assert!(!known.knows(url));
    // The same set is kept, another text is another set.
    assert!(std::sync::Arc::ptr_eq(
        &extended,
        &known.extended([(url, shoe)]).unwrap()
    ));
    let other = known.extended([(url, r#"{"@context": {"sock": "https://example.org/sock"}}"#)]);
    assert!(other.unwrap().check_document(&seen).is_err());
    assert_eq!(extended.check_document(&seen), Ok(()));
    assert!(known.extended([(V2, shoe)]).is_err());
    for n in 0..100 {
        known
            .extended([(format!("{url}/{n}").as_str(), shoe)])
            .unwrap();
    }
    assert!(known.kept_extensions() <= 32);
}

#[test]
fn two_types_are_not_one_whose_name_holds_a_line_feed() {
    let types = json!({
        "Apple": {"@id": "https://example.org/Apple", "@context": {"variety": "https://example.org/variety"}},
        "Lot": {"@id": "https://example.org/Lot", "@context": {}},
        "Apple\nLot": {"@id": "https://example.org/Both", "@context": {"weight": "https://example.org/weight"}},
        "parts": "https://example.org/parts"
    });
    let of_parts = |second: Value| {
        document(json!({
            "@context": [V2, types],
            "parts": [{"type": ["Apple", "Lot"], "variety": "Fuji"}, second]
        }))
    };
    let contexts = Contexts::embedded();
    let weighed = of_parts(json!({"type": "Apple\nLot", "weight": "1"}));
    assert_eq!(contexts.check_document(&weighed), Ok(()));
    let of_another_type = of_parts(json!({"type": "Apple\nLot", "variety": "Fuji"}));
    assert!(contexts.check_document(&of_another_type).is_err());
}

#[test]
fn an_added_context_counts_at_once_for_documents_seen_before() {
    let contexts = Contexts::embedded();
    let url = "https://ledger.example/v1";
    let seen = document(json!({"@context": [V2, url], "shoe": 1}));
    assert!(matches!(
        contexts.check_document(&seen),
        Err(ContextError::Unknown { .. })
    ));
    contexts
        .add(url, r#"{"@context": {"shoe": "https://example.org/shoe"}}"#)
        .unwrap();
    assert_eq!(contexts.check_document(&seen), Ok(()));
    contexts
        .add(url, r#"{"@context": {"sock": "https://example.org/sock"}}"#)
        .unwrap();
    assert!(matches!(
        contexts.check_document(&seen),
        Err(ContextError::UndefinedTerm { .. })
    ));
}

#[test]
fn contexts_that_name_each_other_come_to_an_end() {
    let contexts = Contexts::embedded();
    contexts
        .add(
            "https://a.example/",
            r#"{"@context": "https://b.example/"}"#,
        )
        .unwrap();
    contexts
        .add(
            "https://b.example/",
            r#"{"@context": ["https://a.example/", "https://a.example/"]}"#,
        )
        .unwrap();
    let result = contexts.check_document(&document(json!({"@context": "https://a.example/"})));
    assert!(
        matches!(
            result,
            Err(ContextError::Malformed { .. } | ContextError::Budget { .. })
        ),
        "{result:?}"
    );
}

#[test]
fn a_poisoned_document_runs_out_of_steps() {
    let terms: Map<String, Value> = (0..2_000)
        .map(|n| (format!("t{n}"), json!("https://example.org/t")))
        .collect();
    let mut context = vec![json!(V2)];
    context.extend((0..60).map(|_| json!({"@vocab": "https://example.org/"})));
    context[1] = Value::Object(terms);
    let subjects: Vec<Value> = (0..200)
        .map(|n| json!({"@context": {format!("u{n}"): "https://example.org/u"}, "t1": n}))
        .collect();
    let result = contexts_check(json!({"@context": context, "t0": subjects}));
    assert!(
        matches!(result, Err(ContextError::Budget { .. })),
        "{result:?}"
    );
}

#[test]
fn a_property_scoped_context_may_redefine_what_is_protected() {
    let inline = json!({"box": {"@id": "https://example.org/box", "@context": {"name": "https://example.org/label"}}});
    assert_eq!(
        contexts_check(json!({"@context": [V2, inline], "box": {"name": "A", "id": "urn:a:b"}})),
        Ok(())
    );
}

#[test]
fn a_property_scoped_null_clears_every_term() {
    let inline = json!({"box": {"@id": "https://example.org/box", "@context": null}});
    let result = contexts_check(json!({"@context": [V2, inline], "box": {"name": "A"}}));
    assert!(
        matches!(result, Err(ContextError::UndefinedTerm { .. })),
        "{result:?}"
    );
}

#[test]
fn a_prefix_serves_compact_terms() {
    let inline = json!({"ex": "https://example.org/", "ex:shoe": {"@type": "@id"}});
    assert_eq!(
        contexts_check(json!({"@context": [V2, inline], "ex:shoe": "urn:a:b", "ex:sock": 1})),
        Ok(())
    );
}

#[test]
fn index_maps_and_language_maps_hold_their_own_keys() {
    let inline = json!({
        "label": {"@id": "https://example.org/label", "@container": "@language"},
        "part": {"@id": "https://example.org/part", "@container": "@index"},
    });
    let good = json!({"@context": [V2, inline], "label": {"en": "a", "de": ["b"]}, "part": {"left": {"name": "x"}}});
    assert_eq!(contexts_check(good), Ok(()));
    let bad = json!({"@context": [V2, inline], "part": {"left": {"colour": "x"}}});
    assert!(matches!(
        contexts_check(bad),
        Err(ContextError::UndefinedTerm { .. })
    ));
}

fn contexts_check(value: Value) -> Result<(), ContextError> {
    Contexts::embedded().check_document(&document(value))
}

#[test]
fn the_cache_answers_as_a_fresh_start_does() {
    let contexts = Contexts::embedded();
    for name in ["name", "nickname", "name"] {
        let value = json!({"@context": [V2], "type": ["VerifiableCredential"], "credentialSubject": {name: "A"}});
        let value = document(value);
        assert_eq!(
            contexts.check_document(&value),
            Contexts::embedded().check_document(&value)
        );
    }
}

#[test]
fn digests_of_both_alphabets_and_the_strongest_count() {
    let bytes = b"hello";
    let hash = <sha2::Sha256 as sha2::Digest>::digest(bytes);
    let padded = data_encoding::BASE64.encode(&hash);
    let urlsafe = data_encoding::BASE64URL_NOPAD.encode(&hash);
    for text in [
        format!("sha256-{padded}"),
        format!("sha256-{urlsafe}"),
        format!("sha256-{padded}?x"),
    ] {
        assert!(
            ResourceDigest::parse_sri(&text).unwrap().matches(bytes),
            "{text}"
        );
    }
    let wrong = data_encoding::BASE64.encode(&[7; 48]);
    let both = ResourceDigest::parse_sri(&format!("sha256-{padded} sha384-{wrong}")).unwrap();
    assert!(!both.matches(bytes));
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("@context".to_owned()),
        Just("@id".to_owned()),
        Just("@type".to_owned()),
        Just("@value".to_owned()),
        Just("@container".to_owned()),
        Just("@reverse".to_owned()),
        Just("@protected".to_owned()),
        Just("@vocab".to_owned()),
        Just("type".to_owned()),
        Just("id".to_owned()),
        Just("name".to_owned()),
        Just("a".to_owned()),
        Just("b:c".to_owned()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        key.clone().prop_map(Value::from),
        Just(json!("https://example.org/x")),
        Just(json!("VerifiableCredential")),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_context_makes_the_checker_panic(context in any_json(), subject in any_json()) {
        let _ = contexts_check(json!({"@context": [V2, context], "type": "VerifiableCredential", "credentialSubject": subject}));
    }
}
