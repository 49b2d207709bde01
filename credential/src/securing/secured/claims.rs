//! The registered claims of a token's payload (RFC 7519 §4.1, VC-JOSE-COSE §3.1.3).

use crate::securing::confirmation::Confirmation;
use crate::securing::jose::JoseError;
use crate::securing::{ProofTerms, SecuringError};
use crate::status::StatusClaim;
use chop_integrity::Timestamp;
use serde_json::{Map, Value};

/// Holds the registered claims that stand beside a credential in a token's payload, or in a COSE message's header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`, one or several.
    pub audience: Vec<String>,
    /// `exp`.
    pub expires: Option<Timestamp>,
    /// `nbf`.
    pub not_before: Option<Timestamp>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `cnf`: the key that whoever presents the credential must prove to have.
    pub confirmation: Option<Confirmation>,
    /// `status` (draft-ietf-oauth-status-list-20 §6).
    pub status: Option<StatusClaim>,
}

impl Claims {
    /// Checks what the claims say of the signature's time.
    pub(in crate::securing) fn hold(&self, terms: &ProofTerms<'_>) -> Result<(), SecuringError> {
        let as_of = terms.as_of;
        if let Some(expires) = self.expires
            && expires <= as_of
        {
            return Err(SecuringError::Expired { expires, as_of });
        }
        match self.not_before.max(self.issued_at) {
            Some(created) if created > as_of.plus_ms(terms.clock_skew_ms) => {
                Err(SecuringError::Future { created, as_of })
            }
            _ => Ok(()),
        }
    }
}

/// Lists the members of a payload that [`claims`] looks for.
const LOOKED_FOR: [&str; 12] = [
    "vc", "vp", "iss", "aud", "exp", "nbf", "iat", "nonce", "cnf", "status", "sub", "jti",
];

/// Takes the registered claims out of a payload (VC-JOSE-COSE §3.1.3).
pub(crate) fn claims(json: Map<String, Value>) -> Result<(Claims, Map<String, Value>), JoseError> {
    // A credential names its issuer and its times itself, so that most tokens have no claim beside it.
    if json.keys().any(|name| LOOKED_FOR.contains(&name.as_str())) {
        taken(json)
    } else {
        Ok((Claims::default(), json))
    }
}

fn taken(mut json: Map<String, Value>) -> Result<(Claims, Map<String, Value>), JoseError> {
    for wrapper in ["vc", "vp"] {
        if json.contains_key(wrapper) {
            return Err(JoseError::Claim {
                claim: wrapper,
                reason: "credentials and presentations are not wrapped in a claim",
            });
        }
    }
    let claims = Claims {
        issuer: text_claim(&mut json, "iss")?,
        audience: audience(&mut json)?,
        expires: time_claim(&mut json, "exp")?,
        not_before: time_claim(&mut json, "nbf")?,
        issued_at: issued_at(&mut json)?,
        nonce: text_claim(&mut json, "nonce")?,
        confirmation: json
            .remove("cnf")
            .map(|cnf| Confirmation::parse(&cnf))
            .transpose()?,
        status: status(&mut json)?,
    };
    text_claim(&mut json, "sub")?;
    text_claim(&mut json, "jti")?;
    Ok((claims, json))
}

fn status(json: &mut Map<String, Value>) -> Result<Option<StatusClaim>, JoseError> {
    let read = |claim| StatusClaim::parse(&claim);
    json.remove("status")
        .map(read)
        .transpose()
        .map_err(|reason| JoseError::Claim {
            claim: "status",
            reason,
        })
}

pub(crate) fn text_claim(
    json: &mut Map<String, Value>,
    claim: &'static str,
) -> Result<Option<String>, JoseError> {
    match json.remove(claim) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JoseError::Claim {
            claim,
            reason: "it is not a string",
        }),
    }
}

fn audience(json: &mut Map<String, Value>) -> Result<Vec<String>, JoseError> {
    let wrong = JoseError::Claim {
        claim: "aud",
        reason: "it is neither a string nor an array of strings",
    };
    match json.remove("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(one) => Ok(one),
                _ => Err(wrong.clone()),
            })
            .collect(),
        Some(_) => Err(wrong),
    }
}

/// Reads a `NumericDate` (RFC 7519 §2): seconds, of which whole milliseconds count.
pub(crate) fn time_claim(
    json: &mut Map<String, Value>,
    claim: &'static str,
) -> Result<Option<Timestamp>, JoseError> {
    const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
    match json.remove(claim) {
        None => Ok(None),
        Some(Value::Number(number)) => {
            let seconds = number
                .as_i64()
                .or_else(|| whole_seconds(&number.to_string()));
            seconds
                .filter(|seconds| SECONDS.contains(seconds))
                .map(|seconds| Some(Timestamp::from_unix_ms(seconds * 1_000)))
                .ok_or(JoseError::Claim {
                    claim,
                    reason: "it lies outside the years 1 to 9999",
                })
        }
        Some(_) => Err(JoseError::Claim {
            claim,
            reason: "it is not a number",
        }),
    }
}

/// Reads `iat`: a `NumericDate`, or the text of a time, as the test suite of VC-JOSE-COSE has it.
///
/// Such a text is read because it can only make a signature count less: a signature of the future does not count.
fn issued_at(json: &mut Map<String, Value>) -> Result<Option<Timestamp>, JoseError> {
    let text = match json.get("iat") {
        Some(Value::String(text)) => Timestamp::parse_xml(text),
        _ => return time_claim(json, "iat"),
    };
    json.remove("iat");
    text.map(Some).map_err(|_| JoseError::Claim {
        claim: "iat",
        reason: "it is neither a number nor a time",
    })
}

/// Cuts the fraction off a decimal number without an exponent.
fn whole_seconds(decimal: &str) -> Option<i64> {
    decimal
        .split_once('.')
        .and_then(|(whole, _)| whole.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    proptest! {
        #[test]
        fn a_payload_without_claims_is_told_apart_by_its_names(
            names in prop::collection::btree_set(select(vec![
                "@context", "type", "issuer", "credentialSubject", "iss", "aud", "exp", "nbf", "iat", "nonce", "cnf", "status",
                "sub", "jti", "vc", "vp",
            ]), 0..4),
            value in select(vec![json!("a"), json!(1), json!([]), json!({"jwk": {}})]),
        ) {
            let json: Map<String, Value> = names.into_iter().map(|name| (name.to_owned(), value.clone())).collect();
            prop_assert_eq!(claims(json.clone()), taken(json));
        }
    }
}
