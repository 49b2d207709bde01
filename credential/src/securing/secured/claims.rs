//! The registered claims of a token's payload (RFC 7519 §4.1, VC-JOSE-COSE §3.1.3).

use crate::securing::confirmation::Confirmation;
use crate::securing::jose::JoseError;
use crate::status::StatusClaim;
use chop_integrity::Timestamp;
use serde_json::{Map, Value};

/// Holds the registered claims that stand beside a credential in a token's payload.
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

/// Takes the registered claims out of a payload (VC-JOSE-COSE §3.1.3).
pub(crate) fn claims(
    mut json: Map<String, Value>,
) -> Result<(Claims, Map<String, Value>), JoseError> {
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
        issued_at: time_claim(&mut json, "iat")?,
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

/// Cuts the fraction off a decimal number without an exponent.
fn whole_seconds(decimal: &str) -> Option<i64> {
    decimal
        .split_once('.')
        .and_then(|(whole, _)| whole.parse().ok())
}
