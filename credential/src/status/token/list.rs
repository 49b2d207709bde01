//! Status list tokens: parsed, verified, read (draft-ietf-oauth-status-list-20 §5, §8.3).

use super::super::StatusError;
use super::array::check_bits;
use super::{StatusArray, TokenEntry};
use crate::securing::jose::{Token, TokenKind};
use crate::securing::{Claims, Keys, secured_claims};
use crate::verdict::{Finding, key_holds};
use chop_integrity::Timestamp;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// How far a signer's clock may run ahead, in milliseconds.
const CLOCK_SKEW_MS: i64 = 60_000;

/// Is a status list token whose form holds; its signature is not yet verified, its list not yet unfolded.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenList {
    token: Token,
    claims: Claims,
    content: Content,
}

/// What a token says of its list, in JSON or CBOR.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    uri: String,
    issued: Timestamp,
    ttl_ms: Option<i64>,
    bits: u8,
    packed: Vec<u8>,
    aggregation: Option<String>,
}

/// Is a status list token whose signature and validity hold.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedTokenList {
    uri: String,
    signer: String,
    issued: Timestamp,
    not_before: Option<Timestamp>,
    expires: Option<Timestamp>,
    ttl_ms: Option<i64>,
    array: StatusArray,
    aggregation: Option<String>,
    fetched: Timestamp,
}

/// Is a status type (draft-ietf-oauth-status-list-20 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// `VALID`.
    Valid,
    /// `INVALID`: revoked, annulled, recalled.
    Invalid,
    /// `SUSPENDED`: for the time being invalid.
    Suspended,
    /// One of the values whose meaning an application chooses.
    ApplicationSpecific(u8),
    /// A value that is reserved for future registration.
    Reserved(u8),
}

impl From<u8> for TokenStatus {
    fn from(value: u8) -> Self {
        match value {
            0x00 => Self::Valid,
            0x01 => Self::Invalid,
            0x02 => Self::Suspended,
            0x03 | 0x0c..=0x0f => Self::ApplicationSpecific(value),
            _ => Self::Reserved(value),
        }
    }
}

impl TokenStatus {
    /// Returns the value as the list holds it.
    pub fn value(self) -> u8 {
        match self {
            Self::Valid => 0x00,
            Self::Invalid => 0x01,
            Self::Suspended => 0x02,
            Self::ApplicationSpecific(value) | Self::Reserved(value) => value,
        }
    }
}

impl TokenList {
    /// Parses a `statuslist+jwt`.
    ///
    /// # Errors
    /// When the bytes are no such token, or a claim that §5.1 requires is missing or malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatusError> {
        let parse = |reason: String| StatusError::Parse { reason };
        let text = std::str::from_utf8(bytes.trim_ascii())
            .map_err(|_| parse("it is no compact token".to_owned()))?;
        let (token, mut payload) =
            Token::parse(text, TokenKind::StatusList).map_err(|error| parse(error.to_string()))?;
        let content = Content::from_json(&mut payload)?;
        let (claims, _) = secured_claims(payload).map_err(|error| parse(error.to_string()))?;
        // RFC 7519 §4.1.3: a token for an audience is for nobody else.
        if !claims.audience.is_empty() {
            return Err(StatusError::Shape {
                reason: "the list is for an audience",
            });
        }
        let issued = claims.issued_at.ok_or(StatusError::Shape {
            reason: "iat is missing",
        })?;
        Ok(Self {
            token,
            claims,
            content: Content { issued, ..content },
        })
    }

    /// Returns the absolute URL of the verification method whose key the signature needs.
    ///
    /// A relative `kid` is one of the list's issuer, `iss`; without it, one of the issuer of the token that refers here.
    pub fn verification_method(&self, referrer: &str) -> Option<String> {
        let issuer = self.claims.issuer.as_deref().unwrap_or(referrer);
        self.token.verification_method(Some(issuer))
    }

    /// Verifies a token that was fetched at this time, on behalf of a token that this issuer issued.
    ///
    /// `keys` holds what [`Self::verification_method`] names.
    ///
    /// # Errors
    /// When the signature does not hold, its key is not that of the list's issuer or was not valid, the token is not yet or
    /// no longer valid, or the list does not unfold.
    pub fn verify(
        &self,
        referrer: &str,
        keys: &Keys,
        fetched: Timestamp,
    ) -> Result<VerifiedTokenList, StatusError> {
        let signer = self.signer(referrer, keys, fetched)?;
        let content = &self.content;
        let verified = VerifiedTokenList {
            uri: content.uri.clone(),
            signer,
            issued: content.issued,
            not_before: self.claims.not_before,
            expires: self.claims.expires,
            ttl_ms: content.ttl_ms,
            array: StatusArray::unfold(&content.packed, content.bits)?,
            aggregation: content.aggregation.clone(),
            fetched,
        };
        verified.valid_at(fetched)?;
        Ok(verified)
    }

    /// Names the controller of the key that signed.
    fn signer(&self, referrer: &str, keys: &Keys, as_of: Timestamp) -> Result<String, StatusError> {
        let unverified = |reason: String| StatusError::Unverified { reason };
        let method = self
            .verification_method(referrer)
            .ok_or_else(|| unverified("its header names no key".to_owned()))?;
        let Some(Finding::Found(fact)) = keys.get(&method) else {
            return Err(unverified(format!("its key {method} is not at hand")));
        };
        if !fact
            .relationships
            .iter()
            .any(|name| name == "assertionMethod")
        {
            return Err(unverified(format!(
                "its key {method} is not listed under assertionMethod"
            )));
        }
        self.token
            .check_signature(&fact.key)
            .map_err(|error| unverified(error.to_string()))?;
        let named = self.claims.issuer.as_deref();
        if !fact.belongs_to(named.unwrap_or(&fact.controller)) {
            return Err(unverified(format!(
                "its key {} is not its issuer's, {}",
                fact.id,
                named.unwrap_or(&fact.controller)
            )));
        }
        key_holds(&fact.history, self.claims.issued_at, None, as_of)
            .map_err(|error| unverified(error.to_string()))?;
        Ok(fact.controller.clone())
    }
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
            issued: Timestamp::from_unix_ms(0),
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

impl VerifiedTokenList {
    /// Reads what the list says of an entry of a token by this issuer, as of a time.
    ///
    /// # Errors
    /// When the list is another one than the entry names, is signed by neither the issuer nor a delegate, is stale or not
    /// valid, or the index lies outside it.
    pub fn status(
        &self,
        entry: &TokenEntry,
        issuer: &str,
        delegates: &BTreeSet<String>,
        as_of: Timestamp,
    ) -> Result<TokenStatus, StatusError> {
        if self.uri != entry.uri {
            return Err(StatusError::Id {
                expected: entry.uri.clone(),
                found: self.uri.clone(),
            });
        }
        if self.signer != issuer && !delegates.contains(&self.signer) {
            return Err(StatusError::Issuer {
                expected: issuer.to_owned(),
                found: self.signer.clone(),
            });
        }
        if let Some(ttl_ms) = self.ttl_ms
            && self.fetched.plus_ms(ttl_ms) < as_of
        {
            return Err(StatusError::Stale {
                fetched: self.fetched,
                ttl_ms,
                as_of,
            });
        }
        // §8.4: a list speaks for the time from its iat to its exp, and for no other.
        self.valid_at(as_of)?;
        self.array.entry(entry.index).map(TokenStatus::from)
    }

    /// Returns the URI of the list, its `sub`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns whose key signed: the DID or URL that controls it.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// Returns when it was issued, its `iat`.
    pub fn issued(&self) -> Timestamp {
        self.issued
    }

    /// Returns where the issuer lists its lists, its `aggregation_uri`.
    pub fn aggregation(&self) -> Option<&str> {
        self.aggregation.as_deref()
    }

    /// Returns how many bytes the list takes in memory.
    pub fn unfolded_bytes(&self) -> usize {
        self.array.len()
    }

    /// Returns until when the list may be kept: the end of its `ttl` or its `exp`.
    pub fn keep_until(&self) -> Option<Timestamp> {
        let ttl = self.ttl_ms.map(|ttl| self.fetched.plus_ms(ttl));
        [ttl, self.expires].into_iter().flatten().min()
    }

    fn valid_at(&self, as_of: Timestamp) -> Result<(), StatusError> {
        let from = self
            .not_before
            .map_or(self.issued, |from| from.max(self.issued));
        let begun = from <= as_of.plus_ms(CLOCK_SKEW_MS);
        let ended = self.expires.is_some_and(|expires| expires <= as_of);
        if begun && !ended {
            Ok(())
        } else {
            Err(StatusError::Validity {
                from: Some(from),
                until: self.expires,
                as_of,
            })
        }
    }
}
