use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    String::from_utf8(canonicalize(value).unwrap()).unwrap()
}

/// RFC 8785, appendix B.
const NUMBERS: [(u64, &str); 24] = [
    (0x0000_0000_0000_0000, "0"),
    (0x8000_0000_0000_0000, "0"),
    (0x0000_0000_0000_0001, "5e-324"),
    (0x8000_0000_0000_0001, "-5e-324"),
    (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
    (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
    (0x4340_0000_0000_0000, "9007199254740992"),
    (0xc340_0000_0000_0000, "-9007199254740992"),
    (0x4430_0000_0000_0000, "295147905179352830000"),
    (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
    (0x44b5_2d02_c7e1_4af6, "1e+23"),
    (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
    (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
    (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
    (0x444b_1ae4_d6e2_ef50, "1e+21"),
    (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
    (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
    (0x41b3_de43_5555_5553, "333333333.3333332"),
    (0x41b3_de43_5555_5554, "333333333.33333325"),
    (0x41b3_de43_5555_5555, "333333333.3333333"),
    (0x41b3_de43_5555_5556, "333333333.3333334"),
    (0x41b3_de43_5555_5557, "333333333.33333343"),
    (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
    (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
];

#[test]
fn writes_the_numbers_of_rfc_8785_appendix_b() {
    for (bits, expected) in NUMBERS {
        assert_eq!(text(&f64::from_bits(bits)), expected, "{bits:016x}");
    }
    for bits in [
        0x7fff_ffff_ffff_ffff,
        0x7ff0_0000_0000_0000,
        0xfff0_0000_0000_0000,
    ] {
        assert_eq!(
            canonicalize(&f64::from_bits(bits)),
            Err(JcsError::NotFinite)
        );
    }
    assert_eq!(canonicalize(&f32::NAN), Err(JcsError::NotFinite));
}

#[test]
fn writes_the_example_of_rfc_8785_section_3_2() {
    let value: Value = serde_json::from_str(
        r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#,
    )
    .unwrap();

    assert_eq!(
        text(&value),
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );
}

#[test]
fn sorts_by_utf_16_as_rfc_8785_section_3_2_3_says() {
    let value: Value = serde_json::from_str(
        r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}"#,
    )
    .unwrap();

    let written = text(&value);

    let positions: Vec<_> = [
        "Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew",
    ]
    .iter()
    .map(|name| written.find(name).unwrap())
    .collect();
    assert!(positions.is_sorted(), "{written}");
}

#[test]
fn writes_every_control_character_in_its_one_form() {
    let all: String = (0_u8..0x20)
        .map(char::from)
        .chain(['"', '\\', '/', '\u{7f}', '\u{2028}'])
        .collect();

    assert_eq!(
        text(&all),
        concat!(
            r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#,
            r"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f",
            "\\\"\\\\/\u{7f}\u{2028}\""
        )
    );
}

#[test]
fn refuses_integers_that_are_no_double() {
    let safe = 9_007_199_254_740_991_i64;
    assert_eq!(text(&safe), "9007199254740991");
    assert_eq!(text(&-safe), "-9007199254740991");
    assert_eq!(text(&(safe + 1)), "9007199254740992");
    assert_eq!(text(&(1_u64 << 63)), "9223372036854776000");
    assert_eq!(text(&i64::MIN), "-9223372036854776000");
    for integer in [safe + 2, -safe - 2, i64::MAX] {
        assert_eq!(
            canonicalize(&integer),
            Err(JcsError::Inexact {
                integer: integer.into()
            })
        );
    }
    assert!(canonicalize(&u64::MAX).is_err());
    assert!(canonicalize(&json!({"a": [9_007_199_254_740_993_u64]})).is_err());
    assert_eq!(text(&(-5_i128, 5_u128)), "[-5,5]");
    assert!(canonicalize(&u128::MAX).is_err());
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    zulu: u8,
    alpha_one: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<u8>,
    shape: Vec<Shape>,
    unit: (),
    letter: char,
}

#[derive(Serialize)]
enum Shape {
    Unit,
    New(u8),
    Tuple(u8, bool),
    Struct { b: u8, a: u8 },
}

#[test]
fn sorts_the_fields_of_structs_and_variants() {
    let record = Record {
        zulu: 1,
        alpha_one: None,
        none: None,
        shape: vec![
            Shape::Unit,
            Shape::New(2),
            Shape::Tuple(3, true),
            Shape::Struct { b: 4, a: 5 },
        ],
        unit: (),
        letter: 'ü',
    };

    assert_eq!(
        text(&record),
        r#"{"alphaOne":null,"letter":"ü","shape":["Unit",{"New":2},{"Tuple":[3,true]},{"Struct":{"a":5,"b":4}}],"unit":null,"zulu":1}"#
    );
}

/// Writes its members as they are, one twice if so given.
struct Pairs(Vec<(&'static str, u8)>);

impl Serialize for Pairs {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

#[test]
fn refuses_a_member_that_stands_twice() {
    for pairs in [
        vec![("a", 1), ("a", 2)],
        vec![("b", 1), ("a", 1), ("c", 1), ("a", 2)],
    ] {
        assert_eq!(
            canonicalize(&Pairs(pairs)),
            Err(JcsError::Duplicate {
                member: "a".to_owned()
            })
        );
    }
}

#[test]
fn sorts_objects_inside_objects_that_are_out_of_order() {
    let inner = |names: [&'static str; 2]| {
        names
            .map(|name| (name, 1))
            .into_iter()
            .collect::<HashMap<_, _>>()
    };
    let outer = BTreeMap::from([("y", inner(["d", "c"])), ("x", inner(["b", "a"]))]);
    assert_eq!(text(&outer), r#"{"x":{"a":1,"b":1},"y":{"c":1,"d":1}}"#);
    assert_eq!(
        text(&Pairs(vec![("c", 1), ("b", 2), ("a", 3)])),
        r#"{"a":3,"b":2,"c":1}"#
    );
    assert_eq!(text(&Pairs(vec![])), "{}");
}

#[test]
fn refuses_keys_that_are_not_strings() {
    assert_eq!(
        canonicalize(&BTreeMap::from([(1, 2)])),
        Err(JcsError::KeyNotString)
    );
    assert_eq!(
        canonicalize(&BTreeMap::from([(Some(1), 2)])),
        Err(JcsError::KeyNotString)
    );
    assert_eq!(
        canonicalize(&BTreeMap::from([(vec!["a"], 2)])),
        Err(JcsError::KeyNotString)
    );
    assert_eq!(text(&BTreeMap::from([('k', 2)])), r#"{"k":2}"#);
}

#[test]
fn keeps_an_integer_text_that_is_canonical_by_rounding() {
    let text = "17092228610022350000";
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(canonicalize(&value).unwrap(), text.as_bytes());
    assert_eq!(
        canonicalize(&1.709_222_861_002_235e19_f64).unwrap(),
        text.as_bytes()
    );
}

/// Any JSON value; names come often from the places where UTF-8 and UTF-16 sort differently.
fn value() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        "[a-c]{0,3}",
        "[\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}a]{1,3}",
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-(1_i64 << 53)..(1_i64 << 53)).prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((name.clone(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn writes_what_an_independent_canonicaliser_writes(value in value()) {
        prop_assert_eq!(
            canonicalize(&value).unwrap(),
            serde_json_canonicalizer::to_vec(&value).unwrap()
        );
    }

    #[test]
    fn members_in_order_are_written_as_any_are(value in value(), integer in any::<u64>(), number in any::<bool>()) {
        let mut object = serde_json::Map::new();
        object.insert("b".to_owned(), value);
        object.insert("a".to_owned(), Value::from(if number { integer } else { 0 }));
        let members = object.iter().map(|(name, value)| (name.as_str(), value));
        prop_assert_eq!(canonicalize_members(members), canonicalize(&object));
        if let Some(Value::Object(inner)) = object.get("b") {
            let members = inner.iter().map(|(name, value)| (name.as_str(), value));
            prop_assert_eq!(canonicalize_members(members.clone()), canonicalize(inner));
            // Whatever the order in which they come.
            let reversed: Vec<_> = members.rev().collect();
            prop_assert_eq!(canonicalize_members(reversed.into_iter()), canonicalize(inner));
        }
    }

    #[test]
    fn changes_nothing_that_is_canonical_already(value in value()) {
        let once = canonicalize(&value).unwrap();
        let again: Value = serde_json::from_slice(&once).unwrap();

        prop_assert_eq!(canonicalize(&again).unwrap(), once);
    }

    #[test]
    fn gives_one_text_for_every_order_of_members(
        members in proptest::collection::hash_map("[a-z\u{e000}\u{10000}]{1,4}", any::<u8>(), 0..20),
    ) {
        let sorted: BTreeMap<_, _> = members.clone().into_iter().collect();

        prop_assert_eq!(canonicalize(&members).unwrap(), canonicalize(&sorted).unwrap());
    }
}
