//! Why a `COSE_Sign1` does not count.

use super::cbor::CborError;
use chop_integrity::json::JsonError;
use chop_keys::{KeyType, VerifyError};

/// Says why a `COSE_Sign1` does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoseError {
    /// The message is too long.
    #[error("COSE message has {found} bytes, at most {max} are read")]
    TooLarge {
        /// The most bytes read.
        max: usize,
        /// The bytes found.
        found: usize,
    },
    /// The bytes are not strict CBOR.
    #[error("COSE {part} is refused: {error}")]
    Cbor {
        /// `message`, `protected header`, `unprotected header` or `CWT claims`.
        part: &'static str,
        /// Why.
        error: CborError,
    },
    /// The message is of another COSE structure.
    #[error("COSE message is no COSE_Sign1: {reason}")]
    Structure {
        /// What is wrong.
        reason: &'static str,
    },
    /// The payload is not in the message.
    #[error("COSE payload is detached")]
    Detached,
    /// The payload is not a strict JSON object.
    #[error("COSE payload is refused: {error}")]
    Payload {
        /// Why.
        error: JsonError,
    },
    /// The payload is JSON, but no object.
    #[error("COSE payload is no JSON object")]
    NotObject,
    /// A header parameter is missing, not allowed, or of another kind than it must be.
    #[error("COSE header parameter {parameter} {reason}")]
    Header {
        /// The parameter.
        parameter: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// The algorithm is not one that is checked here.
    #[error("COSE algorithm {found} is none of those for Ed25519, P-256, P-384 and P-521")]
    Algorithm {
        /// The identifier that the header names.
        found: String,
    },
    /// The algorithm does not go with the key.
    #[error("COSE algorithm {algorithm} does not use {key_type} keys")]
    KeyType {
        /// The algorithm.
        algorithm: &'static str,
        /// The key's type.
        key_type: KeyType,
    },
    /// A claim is not what it must be.
    #[error("CWT claim {claim}: {reason}")]
    Claim {
        /// The claim.
        claim: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// The message names no key.
    #[error("COSE message names no key: its headers have no usable kid")]
    NoKeyId,
    /// The `data:` URL does not carry the message in base64 (VC-JOSE-COSE §3.3.1).
    #[error("COSE message in the envelope is not base64")]
    Encoding,
    /// The signature does not match.
    #[error(transparent)]
    Signature(#[from] VerifyError),
}

impl CoseError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::Cbor { .. } => "cose.cbor",
            Self::Structure { .. } => "cose.structure",
            Self::Detached => "cose.detached",
            Self::Payload { .. } | Self::NotObject => "cose.payload",
            Self::Header { .. } => "cose.header",
            Self::Algorithm { .. } => "cose.algorithm",
            Self::KeyType { .. } => "cose.key-type",
            Self::Claim { .. } => "cose.claim",
            Self::NoKeyId => "cose.no-key-id",
            Self::Encoding => "cose.encoding",
            Self::Signature(_) => "cose.signature",
        }
    }
}
