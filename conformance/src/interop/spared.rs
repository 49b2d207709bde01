//! What peers are known to read in documents otherwise than the specifications, and the documents without it.
//!
//! A signature says nothing of why it does not verify. So a disagreement counts as known only if the parties differ on the statements of
//! the document, and agree on those of the same document without what is known of the peer.

use serde_json::{Map, Number, Value};

struct Feature {
    peer: &'static str,
    /// Writes the document without it.
    spare: fn(Value) -> Value,
    finding: &'static str,
}

const FEATURES: &[Feature] = &[
    // RDFC-1.0 appendix A, canonical form of N-Quads.
    Feature {
        peer: "ssi",
        spare: |document| rewritten(document, without_controls),
        finding: "it writes control characters as they are into canonical N-Quads",
    },
    // JSON-LD 1.1 API §8.2.2.
    Feature {
        peer: "ssi",
        spare: |document| rewritten(document, without_whole_doubles),
        finding: "it takes a number for a double by how it is written, 3.0 or 1e20, and not by its value",
    },
    // JSON-LD 1.1 API §8.6.
    Feature {
        peer: "ssi",
        spare: |document| rewritten(document, without_long_doubles),
        finding: "it writes a double with as many digits as it takes, and not with 15 after the point",
    },
    // JSON-LD 1.1 §10.2 does not say of what the order is; RFC 8785 §3.2.3 does, and ssi names it.
    Feature {
        peer: "ssi",
        spare: |document| rewritten(document, without_two_orders),
        finding: "it sorts the members of JSON literals by code point, and we by UTF-16",
    },
    // JSON-LD 1.1 API §8.3.
    Feature {
        peer: "ssi",
        spare: |document| rewritten(document, without_lists),
        finding: "its lists end in a blank node instead of rdf:nil",
    },
    // JSON-LD 1.1 API §5.1.2 lets a processor choose.
    Feature {
        peer: "ssi",
        spare: |document| rewritten(document, without_large_tags),
        finding: "it leaves language tags in capitals as they are, and we do not",
    },
    // RDFC-1.0 §4.8.3 step 5.4.4.1.
    Feature {
        peer: "ssi",
        spare: |document| with_names(document, false, &mut 0),
        finding: "it tells blank nodes apart without the canonical names of those around them",
    },
];

/// Is a document without something that the peer is known to read otherwise.
pub(super) struct Spared {
    /// What is left.
    pub document: Value,
    /// What the peer does with what is not.
    pub findings: String,
}

/// Returns a document without each of the things that the peer is known to read otherwise, and at last without all of them.
pub(super) fn spared(peer: &str, document: &Value) -> Vec<Spared> {
    let mut found = Vec::new();
    let mut rest = document.clone();
    let mut all = Vec::new();
    for feature in FEATURES.iter().filter(|feature| feature.peer == peer) {
        let without = (feature.spare)(document.clone());
        if without != *document {
            rest = (feature.spare)(rest);
            all.push(feature.finding);
            found.push(Spared {
                document: without,
                findings: feature.finding.to_owned(),
            });
        }
    }
    if all.len() > 1 {
        found.push(Spared {
            document: rest,
            findings: all.join("; "),
        });
    }
    found
}

/// Returns what the signatures of a document are over, as far as it is JSON-LD: it and the credentials in it, each without its proof.
pub(super) fn signed(document: &Value) -> Vec<Value> {
    let within = match document.get("verifiableCredential") {
        Some(Value::Array(credentials)) => credentials.as_slice(),
        Some(credential) => std::slice::from_ref(credential),
        None => &[],
    };
    std::iter::once(document)
        .chain(within)
        .map(|secured| {
            changed(secured.clone(), |members| {
                members.remove("proof");
            })
        })
        .collect()
}

/// Says whether a number of the document has an exponent and no fraction in the text that parties are sent.
pub(super) fn has_bare_exponent(document: &Value) -> bool {
    match document {
        Value::Number(number) => {
            let text = number.to_string();
            text.contains('e') && !text.contains('.')
        }
        Value::Array(items) => items.iter().any(has_bare_exponent),
        Value::Object(members) => members.values().any(has_bare_exponent),
        _ => false,
    }
}

fn rewritten(value: Value, spare: fn(Value) -> Value) -> Value {
    let inner = match value {
        Value::Array(items) => items
            .into_iter()
            .map(|item| rewritten(item, spare))
            .collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, inner)| (name, rewritten(inner, spare)))
            .collect(),
        other => other,
    };
    spare(inner)
}

fn without_controls(value: Value) -> Value {
    match value {
        // LF and CR are the two that the peer escapes.
        Value::String(text) => Value::String(text.replace(
            |character: char| character.is_ascii_control() && !"\n\r".contains(character),
            "·",
        )),
        other => other,
    }
}

/// Puts an integer in the place of a number without a fraction that is written with a point or an exponent.
fn without_whole_doubles(value: Value) -> Value {
    const LEAST_DOUBLE: f64 = 1e21;
    const LEAST_INEXACT: u64 = 1 << 53;
    let double = value.as_number().filter(|number| number.is_f64());
    match double.and_then(Number::as_f64) {
        Some(double) if double.fract() == 0.0 && double.abs() < LEAST_DOUBLE => {
            let whole = format!("{double:.0}").parse::<i64>();
            let exact = whole
                .ok()
                .filter(|whole| whole.unsigned_abs() < LEAST_INEXACT);
            Value::from(exact.unwrap_or(7))
        }
        _ => value,
    }
}

/// Puts a short double in the place of one that has other digits with 15 after the point than with as many as it takes.
fn without_long_doubles(value: Value) -> Value {
    const DIGITS: usize = 15;
    let double = value.as_number().filter(|number| number.is_f64());
    match double.and_then(Number::as_f64) {
        Some(double)
            if digits(&format!("{double:.DIGITS$E}")) != digits(&format!("{double:E}")) =>
        {
            Value::from(0.5)
        }
        _ => value,
    }
}

/// Splits a number into its digits, without zeros at their end, and its exponent.
fn digits(text: &str) -> Option<(&str, &str)> {
    let (digits, exponent) = text.split_once('E')?;
    Some((digits.trim_end_matches(['0', '.']), exponent))
}

/// Renames members beyond the basic plane of an object whose names UTF-16 sorts otherwise than code points.
fn without_two_orders(value: Value) -> Value {
    const LAST_OF_PLANE: char = '\u{ffff}';
    let Value::Object(members) = value else {
        return value;
    };
    let mut names: Vec<&String> = members.keys().collect();
    names.sort();
    if names.is_sorted_by(|one, next| one.encode_utf16().le(next.encode_utf16())) {
        return Value::Object(members);
    }
    let rename = |name: String| name.replace(|character| character > LAST_OF_PLANE, "·");
    members
        .into_iter()
        .map(|(name, inner)| (rename(name), inner))
        .collect()
}

/// Drops the one term of generated documents that is a list.
fn without_lists(value: Value) -> Value {
    changed(value, |members| {
        members.remove("steps");
    })
}

/// Writes the tags of the one term of generated documents that is a language map in small letters.
fn without_large_tags(value: Value) -> Value {
    changed(value, |members| {
        if let Some(Value::Object(texts)) = members.get_mut("label") {
            *texts = std::mem::take(texts)
                .into_iter()
                .map(|(tag, text)| (tag.to_ascii_lowercase(), text))
                .collect();
        }
    })
}

/// Where the nodes of generated documents stand.
const NODES: [&str; 4] = [
    "verifiableCredential",
    "credentialSubject",
    "part",
    "madeFrom",
];

/// Names blank nodes that stand side by side, and all below them.
fn with_names(value: Value, beside: bool, count: &mut usize) -> Value {
    match value {
        Value::Array(items) => {
            let blank = items.iter().filter(|item| item.get("id").is_none()).count();
            let beside = beside || blank > 1;
            let name = |item| with_names(item, beside, count);
            items.into_iter().map(name).collect()
        }
        Value::Object(mut members) => {
            if beside && !members.contains_key("id") {
                *count += 1;
                let id = format!("urn:example:spared:{count}");
                members.insert("id".to_owned(), Value::from(id));
            }
            for (name, inner) in &mut members {
                if NODES.contains(&name.as_str()) {
                    *inner = with_names(inner.take(), beside, count);
                }
            }
            Value::Object(members)
        }
        other => other,
    }
}

fn changed(value: Value, change: impl FnOnce(&mut Map<String, Value>)) -> Value {
    match value {
        Value::Object(mut members) => {
            change(&mut members);
            Value::Object(members)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{has_bare_exponent, signed, spared};
    use serde_json::{Value, json};

    #[test]
    fn spares_a_peer_what_it_reads_otherwise() {
        let document = json!({
            "note": "tab\tand\u{7f}, line\n",
            "amount": [3.0, -0.0, 1e20, 1.5e21, 0.5, 7, f64::MIN_POSITIVE, 5e-324],
            "raw": {"\u{fb33}": 1, "\u{1f602}": 2, "\u{20ac}": 3},
            "part": [{"steps": [1]}, {"label": {"de-AT": "Obst"}}, {"id": "urn:example:1"}],
        });
        let found = spared("ssi", &document);
        assert_eq!(found.len(), 8);
        let all = found.last().unwrap();
        assert_eq!(
            all.document,
            json!({
                "note": "tab·and·, line\n",
                "amount": [3, 0, 7, 1.5e21, 0.5, 7, 0.5, 0.5],
                "raw": {"\u{fb33}": 1, "·": 2, "\u{20ac}": 3},
                "part": [
                    {"id": "urn:example:spared:1"},
                    {"id": "urn:example:spared:2", "label": {"de-at": "Obst"}},
                    {"id": "urn:example:1"},
                ],
            })
        );
        assert_eq!(all.findings.split("; ").count(), 7);
    }

    #[test]
    fn leaves_the_rest_when_it_spares_one_thing() {
        let document = json!({"steps": [3.0], "amount": 3.0});
        let found = spared("ssi", &document);
        let left: Vec<&Value> = found.iter().map(|spared| &spared.document).collect();
        assert_eq!(
            left,
            [
                &json!({"steps": [3], "amount": 3}),
                &json!({"amount": 3.0}),
                &json!({"amount": 3})
            ]
        );
    }

    #[test]
    fn spares_nothing_of_what_is_read_alike_and_no_other_peer() {
        let plain = json!({
            "note": "line\r\n",
            "amount": [0.5, 7, 0.1, 1.575_163_271_484_375e5],
            "raw": [{"\u{1f602}": 1, "\u{20ac}": 2}, {"\u{fb33}": 3, "a": 4}],
            "label": {"de-at": "Obst"},
            "part": [{"flag": true}, {"id": "urn:example:1"}],
        });
        assert!(spared("ssi", &plain).is_empty());
        assert!(spared("digitalbazaar", &json!({"steps": [3.0]})).is_empty());
    }

    #[test]
    fn a_presentation_and_its_credentials_are_signed_without_their_proofs() {
        let credential = json!({"type": "Passport", "proof": {"proofValue": "z2"}});
        let presentation = |credentials: &Value| json!({"verifiableCredential": credentials, "proof": {"proofValue": "z1"}});
        for credentials in [json!([credential]), credential.clone()] {
            assert_eq!(
                signed(&presentation(&credentials)),
                [
                    json!({"verifiableCredential": credentials}),
                    json!({"type": "Passport"})
                ]
            );
        }
        assert_eq!(signed(&json!("token")), [json!("token")]);
    }

    #[test]
    fn finds_an_exponent_without_a_fraction_before_it() {
        for (text, found) in [
            ("[1e21]", true),
            (r#"{"a":{"b":5e-324}}"#, true),
            ("[1.5e21, 0.25, 1000]", false),
            (r#""1e3""#, false),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(has_bare_exponent(&value), found, "{text}");
        }
    }
}
