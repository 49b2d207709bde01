//! Every vector under `conformance/vectors/{valid,invalid}/sd-jwt`.
//!
//! A vector says what is done (`act`) with which `text`. `process`: an SD-JWT by itself, with the issuer's key, the claims that come
//! out, and for whom its key binding is. An invalid one says by which rule it is refused (`refusal`).

use crate::support::{at, folder, key_of};
use chop_credential::securing::Keys;
use chop_credential::securing::confirmation::Confirmation;
use chop_credential::securing::sd_jwt::{BindingTime, SdJwt};
use serde_json::Value;

#[test]
fn every_valid_vector_is_accepted_with_its_claims() {
    let vectors = folder("valid/sd-jwt");
    for (name, vector) in &vectors {
        assert_eq!(run(vector), Ok(()), "{name}");
    }
    assert!(vectors.len() >= 12, "only {} were found", vectors.len());
}

#[test]
fn every_invalid_vector_is_refused_for_its_own_reason() {
    let vectors = folder("invalid/sd-jwt");
    let mut wrong = Vec::new();
    for (name, vector) in &vectors {
        let expected = Err(vector["refusal"].as_str().unwrap().to_owned());
        let found = run(vector);
        if found != expected {
            wrong.push(format!("{name}: found {found:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(vectors.len() >= 25, "only {} were found", vectors.len());
}

fn run(vector: &Value) -> Result<(), String> {
    match vector["act"].as_str().unwrap() {
        "process" => process(vector),
        other => panic!("unknown act {other}"),
    }
}

fn process(vector: &Value) -> Result<(), String> {
    let text = vector["text"].as_str().unwrap();
    let (sd_jwt, claims) = SdJwt::parse(text).map_err(|error| error.rule().to_owned())?;
    sd_jwt
        .token()
        .check_signature(&key_of(&vector["issuerKey"]))
        .map_err(|error| error.rule().to_owned())?;
    if let Some(expected) = vector.get("claims") {
        assert_eq!(
            &Value::Object(claims.clone()),
            expected,
            "the claims that are disclosed"
        );
    }
    let Some(expected) = vector.get("keyBinding") else {
        return Ok(());
    };
    let confirmation = claims
        .get("cnf")
        .map(Confirmation::parse)
        .transpose()
        .map_err(|error| error.rule().to_owned())?;
    let time = BindingTime {
        as_of: at(expected["now"].as_str().unwrap()),
        clock_skew_ms: 60_000,
        max_age_ms: 600_000,
    };
    sd_jwt
        .check_key_binding(confirmation.as_ref(), &Keys::new(), &time)
        .map_err(|error| error.rule().to_owned())?;
    let binding = sd_jwt.key_binding().unwrap();
    assert_eq!(binding.audience(), expected["audience"]);
    assert_eq!(binding.nonce(), expected["nonce"]);
    Ok(())
}
