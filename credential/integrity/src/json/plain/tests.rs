//! Tests: what is read plainly is what parsing reads.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::{Limits, parse};
use super::{Item, Plain};
use crate::{canonicalize, canonicalize_members};

const LIMITS: Limits = Limits::CREDENTIAL;

fn read(text: &str) -> Option<Plain> {
    Plain::read(text.as_bytes().to_vec(), &LIMITS).ok()
}

#[test]
fn a_canonical_document_is_read_where_it_lies() {
    let text = r#"{"a":[1,-20,0,true,false,null,{}],"b":{"é":"泰 山","z":[]},"type":"T"}"#;
    let plain = read(text).unwrap();
    let members = plain.members();
    assert!(members.are_ascending());
    assert_eq!(
        members.clone().member("type").and_then(Item::as_text),
        Some("T")
    );
    assert!(members.clone().member("c").is_none());
    let names: Vec<&str> = members.clone().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "b", "type"]);
    assert_eq!(
        Value::Object(members.to_map()),
        serde_json::from_str::<Value>(text).unwrap()
    );
}

#[test]
fn its_canonical_form_has_its_members_in_order() {
    let canonical = |text| String::from_utf8(read(text).unwrap().canonical(|name| name != "proof"));
    for (text, expected) in [
        (
            r#"{"a":[{"b":1}],"proof":{},"z":"T"}"#,
            r#"{"a":[{"b":1}],"z":"T"}"#,
        ),
        (
            r#"{"proof":{},"z":"T","a":{"c":-1,"b":null}}"#,
            r#"{"a":{"b":null,"c":-1},"z":"T"}"#,
        ),
        // By the bytes of UTF-8 they are in order, by UTF-16 they are not (RFC 8785 §3.2.3).
        (
            "{\"\u{e000}\":1,\"😀\":true}",
            "{\"😀\":true,\"\u{e000}\":1}",
        ),
        ("{\"proof\":1}", "{}"),
    ] {
        assert_eq!(canonical(text).as_deref(), Ok(expected));
    }
}

#[test]
fn names_may_stand_in_any_order_but_not_twice() {
    let plain = read(r#"{"b":{"y":1,"x":2},"a":2}"#).unwrap();
    assert!(!plain.members().are_ascending());
    assert_eq!(
        Value::Object(plain.members().to_map()),
        json!({"a": 2, "b": {"x": 2, "y": 1}})
    );
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"b":1,"a":{"c":1},"b":1}"#,
        r#"[{"b":1,"a":1,"a":2}]"#,
        r#"{"x":[{"b":1,"a":1,"b":2}]}"#,
    ] {
        assert!(read(text).is_none(), "{text}");
    }
}

#[test]
fn what_is_not_plain_is_given_back() {
    for text in [
        "",
        "1",
        "[]",
        "\"a\"",
        "{",
        "{}}",
        "{} ",
        " {}",
        "{\"a\" :1}",
        "{\"a\":\"\\n\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"b}",
        "{\"a\":1.5}",
        "{\"a\":1e2}",
        "{\"a\":-0}",
        "{\"a\":-}",
        "{\"a\":01}",
        "{\"a\":1234567890123456}",
        "{\"a\":nul}",
        "{\"a\":[1,]}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{1:1}",
    ] {
        let bytes = text.as_bytes().to_vec();
        assert_eq!(Plain::read(bytes.clone(), &LIMITS).err(), Some(bytes));
    }
    assert_eq!(
        Plain::read(b"{\"\xff\":1}".to_vec(), &LIMITS).err(),
        Some(b"{\"\xff\":1}".to_vec())
    );
}

#[test]
fn the_bounds_are_those_of_parsing() {
    let nested =
        |depth: usize| format!("{}{}", "{\"a\":[".repeat(depth / 2), "]}".repeat(depth / 2));
    assert!(read(&nested(64)).is_some());
    assert!(read(&nested(66)).is_none());
    let limits = Limits {
        max_bytes: 6,
        max_depth: 1,
    };
    assert!(Plain::read(b"{\"\":1}".to_vec(), &limits).is_ok());
    assert!(Plain::read(b"{\"\":11}".to_vec(), &limits).is_err());
}

#[test]
fn an_object_is_taken_out_within_the_bounds() {
    let taken = |text: &str, max_bytes, max_depth| {
        let limits = Limits {
            max_bytes,
            max_depth,
        };
        let plain = read(text).unwrap();
        let Some(Item::Object(members)) = plain.members().member("a") else {
            panic!("no object");
        };
        members
            .to_plain(&limits)
            .map(|plain| plain.members().to_map())
            .map_err(super::Members::to_map)
    };
    let text = r#"{"b":[[{}]],"a":{"c":[{"é":1}],"b":2}}"#;
    let object = json!({"c": [{"é": 1}], "b": 2})
        .as_object()
        .unwrap()
        .clone();
    let length = r#"{"c":[{"é":1}],"b":2}"#.len();
    assert_eq!(taken(text, length, 4), Ok(object.clone()));
    assert_eq!(taken(text, length, 3), Ok(object.clone()));
    assert_eq!(taken(text, length - 1, 4), Err(object.clone()));
    assert_eq!(taken(text, length, 2), Err(object));
}

fn value() -> impl Strategy<Value = Value> {
    let text = select(vec![
        "", "a", "b", "é", "a\"b", "a\\b", "\n", "\u{7f}", "泰", "\u{e000}", "😀",
    ]);
    let leaf = prop_oneof![
        text.clone().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1_000_000_000_000_000_i64..1_000_000_000_000_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(text.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Reads a text both ways.
fn agree(bytes: &[u8]) -> Result<bool, TestCaseError> {
    let plain = Plain::read(bytes.to_vec(), &LIMITS);
    if let Ok(plain) = &plain {
        let built = Value::Object(plain.members().to_map());
        prop_assert_eq!(plain.canonical(|_| true), canonicalize(&built).unwrap());
        let left_out = plain.canonical(|name| name != "a");
        let members = plain.members().to_map();
        let members = members.iter().map(|(name, value)| (name.as_str(), value));
        let kept = canonicalize_members(members.filter(|(name, _)| *name != "a")).unwrap();
        prop_assert_eq!(left_out, kept);
        for (name, item) in plain.members() {
            let value = item.clone().to_value();
            prop_assert!(item.is(&value) && !item.is(&json!([value])), "{}", name);
            if let Item::Object(members) = item {
                let taken = members.to_plain(&LIMITS).unwrap();
                let alone = read(&value.to_string()).unwrap();
                prop_assert_eq!(taken.canonical(|_| true), alone.canonical(|_| true));
                prop_assert_eq!(Value::Object(taken.members().to_map()), value);
            }
        }
        prop_assert_eq!(parse(bytes, &LIMITS), Ok(built));
    }
    Ok(plain.is_ok())
}

/// Writes a value with the members of every object in descending order.
fn descending(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(descending).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let members = members.iter().rev();
            let members: Vec<String> = members
                .map(|(name, value)| format!("{}:{}", json!(name), descending(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_read_plainly_is_what_is_parsed(value in value()) {
        agree(json!({"a": value}).to_string().as_bytes())?;
    }

    #[test]
    fn that_is_so_in_any_order(value in value(), other in value()) {
        agree(descending(&json!({"a": value, "c": other, "\u{e000}": 1, "😀": 2})).as_bytes())?;
    }

    #[test]
    fn text_that_is_nearly_json_is_read_plainly_only_where_it_is_parsed(
        parts in prop::collection::vec(select(vec![
            "{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "\"c\":", "\"a\":1", "\"b\":{}", "0", "-", "12", "1.5", "true", "null", " ", "\"",
        ]), 0..16),
    ) {
        agree(format!("{{{}}}", parts.concat()).as_bytes())?;
    }

    #[test]
    fn one_other_byte_changes_nothing_of_that(value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = json!({"a": value}).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        agree(&bytes)?;
    }
}
