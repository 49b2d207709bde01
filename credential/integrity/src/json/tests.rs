use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::json;

use super::*;

const LIMITS: Limits = Limits::CREDENTIAL;

fn refusal(text: &str) -> JsonError {
    parse(text.as_bytes(), &LIMITS).unwrap_err()
}

fn restricted(text: &str) -> Result<Value, JsonError> {
    parse_restricted(text.as_bytes(), &LIMITS)
}

#[test]
fn reads_every_kind_of_value() {
    let text = r#" {"a": [null, true, false, 0, -1, 1.5, 1e2, "x\u00e4\ud83d\ude00\/"], "b": {}} "#;

    assert_eq!(
        parse(text.as_bytes(), &LIMITS),
        Ok(json!({"a": [null, true, false, 0, -1, 1.5, 100.0, "xä😀/"], "b": {}}))
    );
}

#[test]
fn refuses_members_that_stand_twice_at_any_depth_and_however_written() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"[{"x":{"a":1,"a":2}}]"#,
    ] {
        assert_eq!(
            refusal(text),
            JsonError::Duplicate {
                member: "a".to_owned()
            }
        );
    }
    assert!(parse(br#"{"a":{"a":{"a":1}}}"#, &LIMITS).is_ok());
}

#[test]
fn refuses_what_is_not_json() {
    for text in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "'a'",
        "nul",
        "01",
        "1.",
        ".5",
        "+1",
        "0x1",
        "NaN",
        "Infinity",
        "-",
        "1e",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "[1 2]",
        "// c\n1",
        "\u{feff}{}",
    ] {
        assert!(
            matches!(refusal(text), JsonError::Syntax { .. }),
            "{text:?}"
        );
    }
}

#[test]
fn refuses_lone_surrogates_in_values_and_names() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\ud800x""#,
        r#"{"\udfff":1}"#,
    ] {
        assert!(matches!(refusal(text), JsonError::Syntax { .. }), "{text}");
    }
    // A surrogate written as UTF-8, an overlong form, and a byte that never occurs.
    for bytes in [
        &b"\"\xed\xa0\x80\""[..],
        b"\"\xc0\xaf\"",
        b"\"\xff\"",
        b"{\"\xff\":1}",
    ] {
        assert!(matches!(
            parse(bytes, &LIMITS),
            Err(JsonError::Syntax { .. })
        ));
    }
}

#[test]
fn refuses_anything_after_the_value() {
    for text in ["{} {}", "1 2", "[]]", "{}\0", "null,"] {
        assert!(
            matches!(refusal(text), JsonError::Syntax { .. }),
            "{text:?}"
        );
    }
    assert!(parse(b"{}\r\n\t ", &LIMITS).is_ok());
}

#[test]
fn reads_to_the_depth_bound_and_no_deeper() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let objects = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));

    assert!(parse(nested(64).as_bytes(), &LIMITS).is_ok());
    assert!(parse(objects(64).as_bytes(), &LIMITS).is_ok());
    assert_eq!(refusal(&nested(65)), JsonError::TooDeep { max: 64 });
    assert_eq!(refusal(&objects(65)), JsonError::TooDeep { max: 64 });
}

#[test]
fn refuses_ten_thousand_levels_without_walking_them() {
    for text in [
        "[".repeat(10_000),
        "{\"a\":".repeat(10_000),
        "[{\"a\":".repeat(10_000),
    ] {
        let fastest = (0..10)
            .map(|_| {
                let start = Instant::now();
                assert_eq!(refusal(&text), JsonError::TooDeep { max: 64 });
                start.elapsed()
            })
            .min();

        // Microseconds in truth; the bound leaves room for an unoptimised build.
        assert!(fastest < Some(Duration::from_millis(1)), "{fastest:?}");
    }
}

#[test]
fn refuses_text_that_is_too_long_before_reading_it() {
    let limits = Limits {
        max_bytes: 4,
        max_depth: 4,
    };

    assert!(parse(b"1234", &limits).is_ok());
    assert_eq!(
        parse(b"{broken", &limits),
        Err(JsonError::TooLarge { max: 4, found: 7 })
    );
}

#[test]
fn takes_only_safe_integers_in_the_restricted_mode() {
    for text in [
        "0",
        "-1",
        "9007199254740991",
        "-9007199254740991",
        "[1,{\"a\":2}]",
    ] {
        assert!(restricted(text).is_ok(), "{text}");
    }
    for text in [
        "1.0",
        "1e2",
        "-0",
        "0.0",
        "1E0",
        "[{\"a\":1.5}]",
        "123456789012345678901234567890",
    ] {
        assert_eq!(restricted(text), Err(JsonError::NotInteger), "{text}");
    }
    for integer in [
        1_i128 << 53,
        -(1_i128 << 53),
        i128::from(u64::MAX),
        i128::from(i64::MIN),
    ] {
        assert_eq!(
            restricted(&integer.to_string()),
            Err(JsonError::IntegerRange { integer })
        );
    }
}

#[test]
fn refuses_numbers_past_every_double() {
    assert!(matches!(refusal("1e400"), JsonError::Syntax { .. }));
}

#[test]
fn keeps_numbers_apart_as_serde_json_does() {
    let text = r"[1, 1.0, 18446744073709551615, -9223372036854775808, 0.1, 5e-324]";

    assert_eq!(
        parse(text.as_bytes(), &LIMITS).unwrap(),
        serde_json::from_str::<Value>(text).unwrap()
    );
}

#[test]
fn checks_values_that_are_parsed_already() {
    let limits = Limits {
        max_bytes: 40,
        max_depth: 2,
    };

    assert_eq!(
        check_restricted(&json!({"a": [1, "x", null]}), &limits),
        Ok(())
    );
    assert_eq!(
        check_restricted(&json!([1.5]), &limits),
        Err(JsonError::NotInteger)
    );
    assert_eq!(
        check_restricted(&json!([9_007_199_254_740_992_u64]), &limits),
        Err(JsonError::IntegerRange {
            integer: 9_007_199_254_740_992
        })
    );
    assert_eq!(
        check_restricted(&json!([[[]]]), &limits),
        Err(JsonError::TooDeep { max: 2 })
    );
    assert_eq!(
        check_restricted(&json!(["x".repeat(40)]), &limits),
        Err(JsonError::TooLarge { max: 40, found: 44 })
    );
}

proptest! {
    #[test]
    fn reads_what_serde_json_reads_unless_a_rule_forbids_it(text in "[\\[\\]{}\",:0-9eE.truefalsn \\\\u-]{0,40}") {
        match parse(text.as_bytes(), &LIMITS) {
            Ok(value) => prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap()),
            Err(JsonError::Duplicate { .. }) => {}
            Err(_) => prop_assert!(serde_json::from_str::<Value>(&text).is_err()),
        }
    }

    #[test]
    fn never_fails_on_any_bytes_but_with_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, &LIMITS);
        if let Ok(value) = parse_restricted(&bytes, &LIMITS) {
            prop_assert_eq!(check_restricted(&value, &LIMITS), Ok(()));
        }
    }
}
