//! Changed copies of what was secured, each of which nobody may accept.

use super::random::Random;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Number, Value, json};

/// Is a changed copy and what was done to it.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    /// What was done.
    pub change: &'static str,
    /// The copy.
    pub secured: Value,
}

/// Makes the changed copies of a credential or presentation with a proof.
pub(super) fn of_document(random: &mut Random, secured: &Value) -> Vec<Copy> {
    let claim = changed(secured, |copy| {
        change_leaf(random, copy.pointer_mut("/credentialSubject")?)
    });
    let value = changed(secured, |copy| {
        change_text(copy.pointer_mut("/proof/proofValue")?)
    });
    let method = changed(secured, |copy| {
        // Another key of the same kind, well formed, which did not sign.
        let method = copy.pointer_mut("/proof/proofPurpose")?;
        *method = json!("authentication");
        Some(())
    });
    [
        ("a claim is changed", claim),
        ("the proof's value is changed", value),
        ("the proof's purpose is changed", method),
    ]
    .into_iter()
    .filter_map(|(change, secured)| secured.map(|secured| Copy { change, secured }))
    .collect()
}

/// Makes the changed copies of a compact JWS, or of an SD-JWT, whose first part is one.
pub(super) fn of_token(random: &mut Random, secured: &Value) -> Vec<Copy> {
    let Some(text) = secured.as_str() else {
        return Vec::new();
    };
    let (jws, rest) = match text.split_once('~') {
        Some((jws, rest)) => (jws, format!("~{rest}")),
        None => (text, String::new()),
    };
    let parts: Vec<&str> = jws.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        return Vec::new();
    };
    let join = |header: &str, payload: &str, signature: &str| {
        Value::from(format!("{header}.{payload}.{signature}{rest}"))
    };
    let payload_changed = recoded(payload, |claims| change_leaf(random, claims));
    let header_changed = recoded(header, |members| {
        members
            .as_object_mut()?
            .insert("x-more".to_owned(), json!(1));
        Some(())
    });
    [
        (
            "a claim is changed",
            payload_changed.map(|payload| join(header, &payload, signature)),
        ),
        (
            "the header is changed",
            header_changed.map(|header| join(&header, payload, signature)),
        ),
        (
            "the signature is changed",
            text_changed(signature).map(|signature| join(header, payload, &signature)),
        ),
        ("the signature is left out", Some(join(header, payload, ""))),
    ]
    .into_iter()
    .filter_map(|(change, secured)| secured.map(|secured| Copy { change, secured }))
    .collect()
}

/// Makes the changed copies of an SD-JWT with a key binding.
pub(super) fn of_sd_jwt(random: &mut Random, secured: &Value) -> Vec<Copy> {
    let mut copies = of_token(random, secured);
    let parts: Vec<&str> = secured.as_str().unwrap_or_default().split('~').collect();
    let [jws, disclosures @ .., binding] = parts.as_slice() else {
        return copies;
    };
    let join = |disclosures: &[&str], binding: &str| {
        let all: Vec<&str> = [*jws]
            .into_iter()
            .chain(disclosures.iter().copied())
            .chain([binding])
            .collect();
        Value::from(all.join("~"))
    };
    if let [first, others @ ..] = disclosures
        && let Some(other) = recoded(first, |disclosure| {
            change_leaf(random, disclosure.as_array_mut()?.last_mut()?)
        })
    {
        let changed: Vec<&str> = [other.as_str()]
            .into_iter()
            .chain(others.iter().copied())
            .collect();
        copies.push(Copy {
            change: "a disclosure is changed",
            secured: join(&changed, binding),
        });
    }
    let stranger = BASE64URL_NOPAD.encode(br#"["c2FsdHNhbHRzYWx0c2FsdA","stranger",true]"#);
    let added: Vec<&str> = disclosures
        .iter()
        .copied()
        .chain([stranger.as_str()])
        .collect();
    copies.push(Copy {
        change: "a disclosure is added",
        secured: join(&added, binding),
    });
    copies.push(Copy {
        change: "the key binding is left out",
        secured: join(disclosures, ""),
    });
    if let Some(binding) = text_changed(binding) {
        copies.push(Copy {
            change: "the key binding is changed",
            secured: join(disclosures, &binding),
        });
    }
    if let [_, fewer @ ..] = disclosures {
        copies.push(Copy {
            change: "a disclosure is left out of what is bound",
            secured: join(fewer, binding),
        });
    }
    copies
}

/// Makes the changed copies of bytes in base64url.
pub(super) fn of_bytes(secured: &Value) -> Vec<Copy> {
    let mut copies = Vec::new();
    let bytes = secured
        .as_str()
        .and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    for (change, share) in [
        ("a byte near the end is changed", 99),
        ("a byte in the middle is changed", 60),
    ] {
        if let Some(mut bytes) = bytes.clone() {
            let place = bytes.len() * share / 100;
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1;
                let secured = Value::from(BASE64URL_NOPAD.encode(&bytes));
                copies.push(Copy { change, secured });
            }
        }
    }
    copies
}

fn changed(secured: &Value, change: impl FnOnce(&mut Value) -> Option<()>) -> Option<Value> {
    let mut copy = secured.clone();
    change(&mut copy)?;
    (copy != *secured).then_some(copy)
}

fn recoded(part: &str, change: impl FnOnce(&mut Value) -> Option<()>) -> Option<String> {
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).ok()?;
    let mut value = serde_json::from_slice(&bytes).ok()?;
    change(&mut value)?;
    let changed = BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    (changed != part).then_some(changed)
}

/// Changes one character near the middle, where no encoding has bits to spare.
fn text_changed(text: &str) -> Option<String> {
    let mut value = Value::from(text);
    change_text(&mut value)?;
    value.as_str().map(str::to_owned)
}

fn change_text(value: &mut Value) -> Option<()> {
    let text = value.as_str()?;
    let place = text.len() * 3 / 5;
    let found = text.get(place..=place)?;
    let other = if found == "4" { "5" } else { "4" };
    let changed = format!("{}{other}{}", text.get(..place)?, text.get(place + 1..)?);
    *value = Value::from(changed);
    Some(())
}

/// Changes one leaf so that it means something else in JSON and in RDF; none if there is no such leaf.
fn change_leaf(random: &mut Random, value: &mut Value) -> Option<()> {
    let mut leaves = Vec::new();
    collect(value, &mut String::new(), &mut leaves);
    let pointer = random.pick(&leaves)?.clone();
    let leaf = value.pointer_mut(&pointer)?;
    *leaf = match leaf {
        Value::Bool(flag) => Value::Bool(!*flag),
        Value::Number(number) => Value::Number(other_number(number)?),
        Value::String(text) => Value::from(format!("{text}x")),
        _ => return None,
    };
    Some(())
}

/// A number that stays another one when it is rounded to the digits of `xsd:double`.
fn other_number(number: &Number) -> Option<Number> {
    if let Some(whole) = number.as_i64() {
        return Some(Number::from(if whole > 0 { whole - 1 } else { whole + 1 }));
    }
    let real = number.as_f64()?;
    Number::from_f64(if real.abs() < 1e-3 {
        real + 1.0
    } else {
        real / 2.0
    })
}

fn collect(value: &Value, at: &mut String, leaves: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                if !carries_no_claim(name, members) {
                    within(at, name, |at| collect(inner, at, leaves));
                }
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                within(at, &index.to_string(), |at| collect(inner, at, leaves));
            }
        }
        Value::Null => {}
        _ => leaves.push(at.clone()),
    }
}

/// Says whether a changed member would leave something undefined or malformed, rather than different.
fn carries_no_claim(name: &str, members: &Map<String, Value>) -> bool {
    matches!(
        name,
        "@type" | "@language" | "type" | "@context" | "cnf" | "status"
    ) || (name == "@value" && members.contains_key("@type"))
        || name == "_sd"
}

fn within(at: &mut String, step: &str, inner: impl FnOnce(&mut String)) {
    let length = at.len();
    at.push('/');
    at.push_str(&step.replace('~', "~0").replace('/', "~1"));
    inner(at);
    at.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_document_differs_in_one_place() {
        let secured = json!({
            "credentialSubject": {"id": "urn:a", "n": 3, "s": ["x", {"t": true}]},
            "proof": {"proofValue": "z4567abcdef", "proofPurpose": "assertionMethod"},
        });
        let copies = of_document(&mut Random::new(1), &secured);
        assert_eq!(copies.len(), 3);
        for copy in copies {
            assert_ne!(copy.secured, secured, "{}", copy.change);
        }
    }

    #[test]
    fn every_number_becomes_another() {
        for number in [
            json!(0),
            json!(7),
            json!(-3),
            json!(0.0),
            json!(-0.0),
            json!(5e-324),
            json!(1e300),
            json!(14),
        ] {
            let mut changed = number.clone();
            change_leaf(&mut Random::new(1), &mut changed).unwrap();
            assert_ne!(changed, number);
        }
    }

    #[test]
    fn a_token_is_changed_in_each_part() {
        let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let token = format!(
            "{}.{}.c2lnbmF0dXJl",
            part(json!({"alg": "ES256"})),
            part(json!({"a": 1}))
        );
        let copies = of_token(&mut Random::new(1), &Value::from(token.clone()));
        assert_eq!(copies.len(), 4);
        assert!(copies.iter().all(|copy| copy.secured != json!(token)));
    }
}
