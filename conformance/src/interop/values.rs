//! Strings and numbers that implementations are known to stumble over.

use super::random::Random;
use serde_json::{Number, Value, json};

/// Draws a text: plain, or of a script, escape or length that canonical forms treat differently.
pub(super) fn text(random: &mut Random) -> String {
    const TEXTS: &[&str] = &[
        "apple",
        "Grüße aus Köln",
        "日本語のテキスト",
        "שלום עולם",
        "e\u{301}clair",
        "\u{e9}clair",
        "👩‍👩‍👧 family",
        "𝒳 beyond the basic plane",
        "zero\u{200b}width",
        "quote \" backslash \\ slash /",
        "line\nfeed\r\ttab",
        "controls \u{1}\u{8}\u{b}\u{c}\u{1f}\u{7f}",
        "separators \u{2028}\u{2029}",
        "<b>&amp;</b> 'single'",
        " leading and trailing ",
        "",
        "@value",
        "https://vocab.example/looks-like-an-iri",
        "2024-02-29T23:59:59Z",
        "-0",
        "1e3",
        "not \u{fffd} a \u{feff} mark",
    ];
    match random.below(10) {
        0 => "long ".repeat(40 + random.below(100)),
        1 => format!("{} {}", random.word(TEXTS), random.word(TEXTS)),
        2 => format!("serial {}", random.bits()),
        _ => random.word(TEXTS).to_owned(),
    }
}

/// Draws a number: whole or not, large, small, with an exponent, or zero with a sign.
pub(super) fn number(random: &mut Random) -> Value {
    const WHOLE: &[i64] = &[
        0,
        1,
        -1,
        42,
        -273,
        1_000_000,
        4_294_967_296,
        9_007_199_254_740_991,
        -9_007_199_254_740_991,
    ];
    const REAL: &[f64] = &[
        0.5,
        -0.1,
        0.1,
        1.1,
        1e-7,
        1.5e-7,
        1e20,
        1e21,
        -1.5e21,
        1e300,
        123_456_789.125,
        5e-324,
        2.225_073_858_507_201_4e-308,
        f64::MAX,
        1.0e6,
        3.0,
        -0.0,
        0.333_333_333_333_333_3,
        9_007_199_254_740_993.0,
    ];
    match random.below(4) {
        0 => json!(random.below(100_000)),
        1 => Number::from_f64(random.pick(REAL).copied().unwrap_or_default())
            .map_or(Value::Null, Value::Number),
        2 => {
            let share = i32::try_from(random.bits() % 1_000_000_007).unwrap_or_default();
            json!(f64::from(share) / 1024.0)
        }
        _ => json!(random.pick(WHOLE)),
    }
}

/// Draws JSON of any shape, for claims and for `@json` literals; `depth` bounds how far it nests.
pub(super) fn any(random: &mut Random, depth: usize) -> Value {
    let kinds = if depth == 0 { 4 } else { 6 };
    match random.below(kinds) {
        0 => Value::Null,
        1 => Value::Bool(random.percent(50)),
        2 => number(random),
        3 => Value::String(text(random)),
        4 => (0..random.below(4))
            .map(|_| any(random, depth - 1))
            .collect(),
        _ => Value::Object(
            (0..random.below(5))
                .map(|_| (name(random), any(random, depth - 1)))
                .collect(),
        ),
    }
}

/// Draws the name of a member, some of which sort differently by UTF-16 and by code point (RFC 8785 §3.2.3).
pub(super) fn name(random: &mut Random) -> String {
    const NAMES: &[&str] = &[
        "a",
        "B",
        "aa",
        "é",
        "ключ",
        "€",
        "\u{fb33}",
        "😂",
        "with space",
        "sl/ash",
        "til~de",
        "quote\"",
        "line\n",
        "",
    ];
    random.word(NAMES).to_owned()
}
