//! Compact JWS (RFC 7515 §7.1): `vc+jwt` and `vp+jwt`, whose payload is the document itself (VC-JOSE-COSE §3.1), and the JWTs of
//! which SD-JWTs are made.

mod header;

use super::secured::Claims;
use super::{Keys, ProofReport, ProofTerms, SecuringError, absolute, base64url, usable};
use chop_integrity::json::{self, JsonError, Limits};
use chop_keys::{KeyType, PublicKey, VerifyError};
use serde_json::{Map, Value};

pub use header::{Algorithm, Header};

/// Says what a token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A credential, `vc+jwt`.
    Credential,
    /// A presentation, `vp+jwt`.
    Presentation,
    /// A credential whose holder discloses its claims one by one, `vc+sd-jwt` (VC-JOSE-COSE §3.2.1).
    SdCredential,
    /// A presentation in that form, `vp+sd-jwt` (VC-JOSE-COSE §3.2.2).
    SdPresentation,
    /// An SD-JWT VC, `dc+sd-jwt`.
    SdJwtVc,
    /// A holder's key binding, `kb+jwt` (RFC 9901 §4.3).
    KeyBinding,
    /// A Token Status List, `statuslist+jwt`.
    StatusList,
}

impl TokenKind {
    /// The value of the header's `typ`.
    pub const fn typ(self) -> &'static str {
        match self {
            Self::Credential => "vc+jwt",
            Self::Presentation => "vp+jwt",
            Self::SdCredential => "vc+sd-jwt",
            Self::SdPresentation => "vp+sd-jwt",
            Self::SdJwtVc => "dc+sd-jwt",
            Self::KeyBinding => "kb+jwt",
            Self::StatusList => "statuslist+jwt",
        }
    }

    /// The value of the header's `cty`; none if it has no meaning there.
    pub const fn cty(self) -> Option<&'static str> {
        match self {
            Self::Credential | Self::SdCredential => Some("vc"),
            Self::Presentation | Self::SdPresentation => Some("vp"),
            Self::SdJwtVc | Self::KeyBinding | Self::StatusList => None,
        }
    }

    /// Says whether the header must have a `typ` (RFC 9901 §4.3, SD-JWT VC §2.2.1, Token Status List §5.1).
    const fn needs_typ(self) -> bool {
        matches!(self, Self::SdJwtVc | Self::KeyBinding | Self::StatusList)
    }

    /// The media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Credential => "application/vc+jwt",
            Self::Presentation => "application/vp+jwt",
            Self::SdCredential => "application/vc+sd-jwt",
            Self::SdPresentation => "application/vp+sd-jwt",
            Self::SdJwtVc => "application/dc+sd-jwt",
            Self::KeyBinding => "application/kb+jwt",
            Self::StatusList => "application/statuslist+jwt",
        }
    }
}

/// Says why a token does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoseError {
    /// The text is not three base64url parts.
    #[error("token is no compact JWS: {reason}")]
    Compact {
        /// What is wrong.
        reason: &'static str,
    },
    /// Header or payload are not strict JSON objects.
    #[error("token's {part} is refused: {error}")]
    Json {
        /// `header` or `payload`.
        part: &'static str,
        /// Why.
        error: JsonError,
    },
    /// A header member is missing, not allowed, or of another kind than it must be.
    #[error("token header's {member} {reason}")]
    Header {
        /// The member.
        member: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The algorithm is not one that is checked here.
    #[error("token's alg {found:?} is none of EdDSA, Ed25519, ES256, ES384, ES512")]
    Algorithm {
        /// What the header names.
        found: String,
    },
    /// The algorithm does not go with the key.
    #[error("token's alg {algorithm} does not use {key_type} keys")]
    KeyType {
        /// The algorithm.
        algorithm: &'static str,
        /// The key's type.
        key_type: KeyType,
    },
    /// A claim is not what it must be.
    #[error("token's claim {claim}: {reason}")]
    Claim {
        /// The claim.
        claim: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// The token names no key.
    #[error("token names no key: its header has no usable kid")]
    NoKeyId,
    /// An envelope's media type is not one that is read here.
    #[error("envelope holds {found:?}, which is not supported here")]
    Envelope {
        /// The media type with its parameters.
        found: String,
    },
    /// The signature does not match.
    #[error(transparent)]
    Signature(#[from] VerifyError),
}

impl JoseError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Compact { .. } => "jose.compact",
            Self::Json { .. } => "jose.json",
            Self::Header { .. } => "jose.header",
            Self::Algorithm { .. } => "jose.algorithm",
            Self::KeyType { .. } => "jose.key-type",
            Self::Claim { .. } => "jose.claim",
            Self::NoKeyId => "jose.no-key-id",
            Self::Envelope { .. } => "jose.envelope",
            Self::Signature(_) => "jose.signature",
        }
    }
}

/// Is a compact token whose header is allowed and whose signature is not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    compact: String,
    /// Where the signing input ends in `compact`.
    signed_len: usize,
    header: Header,
    signature: Vec<u8>,
}

impl Token {
    /// Parses a compact token and its payload.
    ///
    /// # Errors
    /// When it is not three canonical base64url parts, its header is not allowed for the kind, or its payload is no strict
    /// JSON object.
    pub fn parse(text: &str, kind: TokenKind) -> Result<(Self, Map<String, Value>), JoseError> {
        let parsed = Self::parse_any(text)?;
        parsed.0.header.check(kind)?;
        Ok(parsed)
    }

    /// Parses a compact token whose kind is checked later.
    pub(super) fn parse_any(text: &str) -> Result<(Self, Map<String, Value>), JoseError> {
        Self::read(text, |payload| members(&payload))
    }

    /// Reads a compact token whose kind is checked later; `payload` reads its payload.
    pub(super) fn read<P>(
        text: &str,
        payload: impl FnOnce(Vec<u8>) -> Result<P, JoseError>,
    ) -> Result<(Self, P), JoseError> {
        if text.len() > Limits::CREDENTIAL.max_bytes * 4 / 3 {
            return Err(JoseError::Compact {
                reason: "it is too long",
            });
        }
        let (head, body, tail) = three_parts(text)?;
        let header = Header::parse(&decode(head)?)?;
        let payload = payload(decode(body)?)?;
        let token = Self {
            compact: text.to_owned(),
            signed_len: head.len() + 1 + body.len(),
            header,
            signature: decode(tail)?,
        };
        Ok((token, payload))
    }

    /// Returns the token as text.
    pub fn compact(&self) -> &str {
        &self.compact
    }

    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the absolute URL of the verification method: `kid`, which may be relative to the signer.
    pub(crate) fn verification_method(&self, signer: Option<&str>) -> Option<String> {
        self.header
            .kid
            .as_deref()
            .and_then(|kid| absolute(kid, signer))
    }

    pub(super) fn verify(
        &self,
        claims: &Claims,
        signer: Option<&str>,
        keys: &Keys,
        terms: &ProofTerms<'_>,
    ) -> ProofReport {
        let method = self.verification_method(signer);
        let result = self.check(claims, method.as_deref(), keys, terms);
        ProofReport {
            suite: self.header.algorithm.name().to_owned(),
            verification_method: method.unwrap_or_default(),
            created: claims.issued_at,
            disclosed: None,
            result,
        }
    }

    fn check(
        &self,
        claims: &Claims,
        method: Option<&str>,
        keys: &Keys,
        terms: &ProofTerms<'_>,
    ) -> Result<(), SecuringError> {
        claims.hold(terms)?;
        let fact = usable(keys, method.ok_or(JoseError::NoKeyId)?, terms.purpose)?;
        self.check_signature(&fact.key)?;
        Ok(())
    }

    /// Verifies the signature with a key.
    ///
    /// # Errors
    /// When the key is not of the algorithm's type, or the signature does not match.
    pub fn check_signature(&self, key: &PublicKey) -> Result<(), JoseError> {
        let algorithm = self.header.algorithm;
        if algorithm.key_type() != key.key_type() {
            return Err(JoseError::KeyType {
                algorithm: algorithm.name(),
                key_type: key.key_type(),
            });
        }
        let signed = self
            .compact
            .as_bytes()
            .get(..self.signed_len)
            .unwrap_or_default();
        Ok(key.verify(signed, &self.signature)?)
    }
}

/// Parses a payload, which must be a strict JSON object.
pub(super) fn members(payload: &[u8]) -> Result<Map<String, Value>, JoseError> {
    match json::parse(payload, &Limits::CREDENTIAL) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(JoseError::Compact {
            reason: "its payload is no object",
        }),
        Err(error) => Err(JoseError::Json {
            part: "payload",
            error,
        }),
    }
}

/// Splits a compact token at its two full stops.
fn three_parts(text: &str) -> Result<(&str, &str, &str), JoseError> {
    let mut stops = memchr::memchr_iter(b'.', text.as_bytes());
    let parts = match (stops.next(), stops.next(), stops.next()) {
        (Some(first), Some(second), None) => text
            .get(..first)
            .zip(text.get(first + 1..second))
            .zip(text.get(second + 1..)),
        _ => None,
    };
    let ((head, body), tail) = parts.ok_or(JoseError::Compact {
        reason: "it has not three parts",
    })?;
    Ok((head, body, tail))
}

/// Decodes base64url without padding; spare bits must be zero, so that a token has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, JoseError> {
    base64url::decode(part).ok_or(JoseError::Compact {
        reason: "a part is not canonical base64url",
    })
}
