//! Digests of related resources: `digestSRI` and `digestMultibase` (VC Data Model 2.0 §5.3).

use crate::model::{ModelError, kind};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// Is a digest that a resource's bytes must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceDigest {
    /// SHA-256.
    Sha256(Vec<u8>),
    /// SHA-384.
    Sha384(Vec<u8>),
    /// SHA-512.
    Sha512(Vec<u8>),
    /// Several of which the strongest decides, as Subresource Integrity lists them.
    AnyOf(Vec<ResourceDigest>),
}

const RELATED_MULTIBASE: &str = "relatedResource.digestMultibase";

/// Says why a text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DigestFault(pub &'static str);

impl ResourceDigest {
    /// Reads the digests of an entry of `relatedResource`: at least one.
    ///
    /// # Errors
    /// When it names none, or one that cannot be read.
    pub(crate) fn read(entry: &Map<String, Value>) -> Result<Vec<Self>, ModelError> {
        let digests = Self::annotated(entry, "relatedResource.digestSRI", RELATED_MULTIBASE)?;
        if digests.is_empty() {
            return Err(ModelError::Digest {
                property: "relatedResource",
                reason: "neither digestSRI nor digestMultibase is there",
            });
        }
        Ok(digests)
    }

    /// Reads the digests with which any object that has an `id` may be annotated (VC Data Model 2.0 §5.3); all must hold.
    ///
    /// # Errors
    /// When one cannot be read.
    pub(crate) fn annotated(
        entry: &Map<String, Value>,
        sri: &'static str,
        multibase: &'static str,
    ) -> Result<Vec<Self>, ModelError> {
        let mut digests = Vec::new();
        for (name, property, parse) in [
            (
                "digestSRI",
                sri,
                Self::parse_sri as fn(&str) -> Result<Self, DigestFault>,
            ),
            ("digestMultibase", multibase, Self::parse_multibase),
        ] {
            let values = match entry.get(name) {
                None => &[],
                Some(Value::Array(values)) if !values.is_empty() => values.as_slice(),
                Some(one) => std::slice::from_ref(one),
            };
            for value in values {
                let Value::String(text) = value else {
                    return Err(ModelError::Kind {
                        property,
                        expected: "a string or an array of strings",
                        found: kind(value),
                    });
                };
                let digest = parse(text).map_err(|fault| ModelError::Digest {
                    property,
                    reason: fault.0,
                })?;
                digests.push(digest);
            }
        }
        Ok(digests)
    }

    /// Parses Subresource Integrity metadata: `sha256-…`, `sha384-…` or `sha512-…`, in either base64 alphabet.
    ///
    /// # Errors
    /// When it is neither, or the digest has another length than its algorithm's.
    pub fn parse_sri(text: &str) -> Result<Self, DigestFault> {
        let mut strongest: Vec<Self> = Vec::new();
        for part in text.split_ascii_whitespace() {
            let (name, rest) = part
                .split_once('-')
                .ok_or(DigestFault("it names no algorithm"))?;
            // Options after a question mark are reserved and passed over.
            let encoded = rest.split('?').next().unwrap_or_default();
            let bytes = [&BASE64, &BASE64URL, &BASE64_NOPAD, &BASE64URL_NOPAD]
                .iter()
                .find_map(|alphabet| alphabet.decode(encoded.as_bytes()).ok())
                .ok_or(DigestFault("it is not base64"))?;
            let digest = Self::of_kind(name, bytes)?;
            match strongest.first().map(Self::strength) {
                Some(strength) if strength > digest.strength() => {}
                Some(strength) if strength == digest.strength() => strongest.push(digest),
                _ => strongest = vec![digest],
            }
        }
        match strongest.len() {
            0 => Err(DigestFault("it is empty")),
            1 => strongest.pop().ok_or(DigestFault("it is empty")),
            _ => Ok(Self::AnyOf(strongest)),
        }
    }

    /// Parses a multibase text (base58btc `z` or base64url `u`) of a multihash: sha2-256, sha2-384 or sha2-512.
    ///
    /// A bare 32-byte digest, which the W3C test suite writes, is taken as SHA-256.
    ///
    /// # Errors
    /// When it is of another base, or the digest of another algorithm or length.
    pub fn parse_multibase(text: &str) -> Result<Self, DigestFault> {
        let bytes = match text.split_at_checked(1) {
            Some(("u", rest)) => BASE64URL_NOPAD
                .decode(rest.as_bytes())
                .map_err(|_| DigestFault("it is not base64url"))?,
            Some(("z", rest)) if rest.len() <= 128 => bs58::decode(rest)
                .into_vec()
                .map_err(|_| DigestFault("it is not base58btc"))?,
            _ => return Err(DigestFault("its base is neither u nor z")),
        };
        match bytes.as_slice() {
            [0x12, 0x20, digest @ ..] | digest if digest.len() == 32 => {
                Ok(Self::Sha256(digest.to_vec()))
            }
            [0x20, 0x30, digest @ ..] if digest.len() == 48 => Ok(Self::Sha384(digest.to_vec())),
            [0x13, 0x40, digest @ ..] if digest.len() == 64 => Ok(Self::Sha512(digest.to_vec())),
            _ => Err(DigestFault(
                "it is no multihash of SHA-256, SHA-384 or SHA-512",
            )),
        }
    }

    fn of_kind(name: &str, bytes: Vec<u8>) -> Result<Self, DigestFault> {
        match (name, bytes.len()) {
            ("sha256", 32) => Ok(Self::Sha256(bytes)),
            ("sha384", 48) => Ok(Self::Sha384(bytes)),
            ("sha512", 64) => Ok(Self::Sha512(bytes)),
            ("sha256" | "sha384" | "sha512", _) => {
                Err(DigestFault("it has not its algorithm's length"))
            }
            _ => Err(DigestFault(
                "its algorithm is none of sha256, sha384, sha512",
            )),
        }
    }

    fn strength(&self) -> u16 {
        match self {
            Self::Sha256(_) => 256,
            Self::Sha384(_) => 384,
            Self::Sha512(_) => 512,
            Self::AnyOf(many) => many.first().map_or(0, Self::strength),
        }
    }

    /// Says whether bytes have the digest.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Sha256(digest) => Sha256::digest(bytes).as_slice() == digest,
            Self::Sha384(digest) => Sha384::digest(bytes).as_slice() == digest,
            Self::Sha512(digest) => Sha512::digest(bytes).as_slice() == digest,
            Self::AnyOf(many) => many.iter().any(|digest| digest.matches(bytes)),
        }
    }

    /// Says whether a publisher is known to have served bytes of this digest under the URL of an embedded context.
    ///
    /// `None` when that cannot be said: the URL is not embedded, or none of its published forms is known in this algorithm.
    pub(crate) fn published(&self, url: &str) -> Option<bool> {
        let file = chop_schemas::context_file(url)?;
        if self.matches(file.text.as_bytes()) {
            return Some(true);
        }
        let known = |pick: fn(&chop_schemas::PublishedDigest) -> Option<&'static str>,
                     digest: &[u8]| {
            let text = HEXLOWER.encode(digest);
            let mut listed = file.published.iter().filter_map(pick).peekable();
            listed.peek()?;
            Some(listed.any(|published| published == text))
        };
        match self {
            Self::Sha256(digest) => known(|published| published.sha256, digest),
            Self::Sha384(digest) => known(|published| published.sha384, digest),
            Self::Sha512(_) => None,
            Self::AnyOf(many) => {
                let answers: Vec<_> = many.iter().map(|digest| digest.published(url)).collect();
                if answers.contains(&Some(true)) {
                    Some(true)
                } else if answers.contains(&None) {
                    None
                } else {
                    Some(false)
                }
            }
        }
    }
}
