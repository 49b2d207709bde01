//! What a status list token says of its list, in JSON (draft-ietf-oauth-status-list-20 §5.1).

use super::super::StatusError;
use super::array::check_bits;
use crate::securing::jose::{Token, TokenKind};
use crate::securing::{Claims, secured_claims};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

/// What a token says of its list, in JSON or CBOR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) uri: String,
    pub(super) ttl_ms: Option<i64>,
    pub(super) bits: u8,
    pub(super) packed: Vec<u8>,
    pub(super) aggregation: Option<String>,
}

/// Parses a `statuslist+jwt`.
pub(super) fn parse_jwt(bytes: &[u8]) -> Result<(Token, Claims, Content), StatusError> {
    let parse = |reason: String| StatusError::Parse { reason };
    let text = std::str::from_utf8(bytes.trim_ascii())
        .map_err(|_| parse("it is no compact token".to_owned()))?;
    let (token, mut payload) =
        Token::parse(text, TokenKind::StatusList).map_err(|error| parse(error.to_string()))?;
    let content = Content::from_json(&mut payload)?;
    let (claims, _) = secured_claims(payload).map_err(|error| parse(error.to_string()))?;
    Ok((token, claims, content))
}

impl Content {
    /// Takes what is the list's own out of a claims set.
    fn from_json(payload: &mut Map<String, Value>) -> Result<Self, StatusError> {
        let shape = |reason| StatusError::Shape { reason };
        let uri = payload
            .get("sub")
            .and_then(Value::as_str)
            .ok_or(shape("sub is not a string"))?
            .to_owned();
        let ttl_ms = payload.remove("ttl").map(|ttl| ttl_ms(&ttl)).transpose()?;
        let Some(Value::Object(list)) = payload.remove("status_list") else {
            return Err(shape("status_list is no object"));
        };
        let bits = list
            .get("bits")
            .and_then(Value::as_u64)
            .ok_or(shape("bits is none of 1, 2, 4 and 8"))
            .and_then(check_bits)?;
        let encoded = list
            .get("lst")
            .and_then(Value::as_str)
            .ok_or(shape("lst is not a string"))?;
        let packed =
            BASE64URL_NOPAD
                .decode(encoded.as_bytes())
                .map_err(|_| StatusError::Encoding {
                    reason: "it is not base64url without padding",
                })?;
        let aggregation = match list.get("aggregation_uri") {
            None => None,
            Some(Value::String(uri)) => Some(uri.clone()),
            Some(_) => return Err(shape("aggregation_uri is not a string")),
        };
        Ok(Self {
            uri,
            ttl_ms,
            bits,
            packed,
            aggregation,
        })
    }
}

/// Reads `ttl`: a positive number of seconds, of which whole milliseconds count.
fn ttl_ms(ttl: &Value) -> Result<i64, StatusError> {
    let seconds = match ttl.as_i64() {
        Some(seconds) => Some(seconds),
        // A fraction shortens the time by less than a second.
        None if ttl.is_f64() => ttl
            .to_string()
            .split_once('.')
            .and_then(|(whole, _)| whole.parse().ok()),
        None => None,
    };
    seconds
        .filter(|seconds| *seconds > 0)
        .map(|seconds| seconds.saturating_mul(1_000))
        .ok_or(StatusError::Shape {
            reason: "ttl is no positive number of seconds",
        })
}
