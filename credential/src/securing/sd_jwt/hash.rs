//! The hash that digests are made with (RFC 9901 §4.1.1).

use super::SdJwtError;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Is a hash algorithm that `_sd_alg` may name; the registry's truncated ones are unfit (RFC 9901 §9.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashAlgorithm {
    /// `sha-256`, also where none is named.
    #[default]
    Sha256,
    /// `sha-384`.
    Sha384,
    /// `sha-512`.
    Sha512,
}

impl HashAlgorithm {
    /// Reads `_sd_alg` of a payload.
    ///
    /// # Errors
    /// When it names another algorithm, or is no string.
    pub fn of_payload(payload: &Map<String, Value>) -> Result<Self, SdJwtError> {
        match payload.get("_sd_alg") {
            None => Ok(Self::default()),
            Some(Value::String(name)) => match name.as_str() {
                "sha-256" => Ok(Self::Sha256),
                "sha-384" => Ok(Self::Sha384),
                "sha-512" => Ok(Self::Sha512),
                _ => Err(SdJwtError::Algorithm {
                    found: name.chars().take(32).collect(),
                }),
            },
            Some(_) => Err(SdJwtError::Algorithm {
                found: "no string".to_owned(),
            }),
        }
    }

    /// Returns the name that `_sd_alg` has.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
        }
    }

    /// Hashes ASCII text, in base64url.
    pub fn digest(self, text: &str) -> String {
        match self {
            Self::Sha256 => BASE64URL_NOPAD.encode(&Sha256::digest(text)),
            Self::Sha384 => BASE64URL_NOPAD.encode(&Sha384::digest(text)),
            Self::Sha512 => BASE64URL_NOPAD.encode(&Sha512::digest(text)),
        }
    }
}
