//! Finds a verification method in a resolved document of any method and tells what it counts for (SPEC §5.4).

use super::material;
use chop_integrity::Timestamp;
use chop_keys::{Jwk, PublicKey};
use serde_json::{Map, Value};
use std::fmt;

/// A verification relationship (CID 1.0 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relationship {
    /// Proves to be the subject.
    Authentication,
    /// Makes statements: credentials.
    AssertionMethod,
    /// Receives encrypted messages.
    KeyAgreement,
    /// Invokes capabilities: ledger envelopes.
    CapabilityInvocation,
    /// Delegates capabilities.
    CapabilityDelegation,
}

/// A verification method found in a resolved document, with all that decides whether it counts.
#[derive(Clone, Debug)]
pub struct VerificationMethod {
    id: String,
    key: PublicKey,
    relationships: Vec<Relationship>,
    times: Times,
}

/// Says why no usable verification method was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The URL does not lead into this document.
    #[error("{url} does not lead into the document of {document}")]
    OtherDocument {
        /// The verification method URL.
        url: String,
        /// The document's id.
        document: String,
    },
    /// The document has no such method.
    #[error("the document holds no verification method {url}")]
    Absent {
        /// The verification method URL.
        url: String,
    },
    /// The document has two methods of this id.
    #[error("the document holds more than one verification method {url}")]
    Ambiguous {
        /// The verification method URL.
        url: String,
    },
    /// The method's controller is someone else.
    #[error("verification method {url} names the controller {controller}")]
    OtherController {
        /// The verification method URL.
        url: String,
        /// The controller named there.
        controller: String,
    },
    /// The key is malformed or of a type that verifies no signatures here.
    #[error("verification method {url} holds no usable signing key: {reason}")]
    Material {
        /// The verification method URL.
        url: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A time in the method cannot be read.
    #[error("verification method {url} holds a time that cannot be read")]
    Time {
        /// The verification method URL.
        url: String,
    },
}

/// Says why a verification method does not count at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The key was compromised from this time on.
    #[error("the key counts for nothing from {since} on: it was compromised")]
    Compromised {
        /// From when.
        since: Timestamp,
    },
    /// The key was retired.
    #[error("the key was retired at {since}")]
    Revoked {
        /// From when.
        since: Timestamp,
    },
    /// The key had expired.
    #[error("the key expired at {since}")]
    Expired {
        /// From when.
        since: Timestamp,
    },
}

/// The times that end a verification method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    revoked: Option<Timestamp>,
    expires: Option<Timestamp>,
    compromised: Option<Timestamp>,
}

/// Finds the verification method with this absolute URL in a resolved document of any DID method.
///
/// # Errors
/// Returns [`LookupError`] when the URL leads elsewhere, or the method is absent, ambiguous, controlled by another or unusable.
pub fn verification_method(document: &Value, url: &str) -> Result<VerificationMethod, LookupError> {
    let owner = document
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let base = url.split_once('#').map_or(url, |(base, _)| base);
    if owner.is_empty() || base != owner {
        return Err(LookupError::OtherDocument {
            url: url.to_owned(),
            document: owner.to_owned(),
        });
    }
    let names =
        |id: &str| id == url || (id.starts_with('#') && url.strip_prefix(owner) == Some(id));
    let list = |member: &str| {
        document
            .get(member)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    let mut found: Option<&Map<String, Value>> = None;
    let mut relationships = Vec::new();
    for method in list("verificationMethod").filter_map(Value::as_object) {
        if method.get("id").and_then(Value::as_str).is_some_and(names)
            && found.replace(method).is_some()
        {
            return Err(LookupError::Ambiguous {
                url: url.to_owned(),
            });
        }
    }
    for relationship in Relationship::ALL {
        for entry in list(relationship.as_str()) {
            match entry {
                Value::String(id) if names(id) => relationships.push(relationship),
                Value::Object(method)
                    if method.get("id").and_then(Value::as_str).is_some_and(names) =>
                {
                    if found.replace(method).is_some_and(|other| other != method) {
                        return Err(LookupError::Ambiguous {
                            url: url.to_owned(),
                        });
                    }
                    relationships.push(relationship);
                }
                _ => {}
            }
        }
    }
    read_method(
        found.ok_or_else(|| LookupError::Absent {
            url: url.to_owned(),
        })?,
        owner,
        url,
        relationships,
    )
}

fn read_method(
    method: &Map<String, Value>,
    owner: &str,
    url: &str,
    relationships: Vec<Relationship>,
) -> Result<VerificationMethod, LookupError> {
    let controller = method
        .get("controller")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if controller != owner {
        return Err(LookupError::OtherController {
            url: url.to_owned(),
            controller: controller.to_owned(),
        });
    }
    let key = any_signing_key(method).map_err(|reason| LookupError::Material {
        url: url.to_owned(),
        reason,
    })?;
    let times = Times::read(method).ok_or_else(|| LookupError::Time {
        url: url.to_owned(),
    })?;
    Ok(VerificationMethod {
        id: url.to_owned(),
        key,
        relationships,
        times,
    })
}

/// Reads a signing key from the present and the older types that other methods' documents still use.
fn any_signing_key(method: &Map<String, Value>) -> Result<PublicKey, &'static str> {
    match method.get("type").and_then(Value::as_str) {
        Some("JsonWebKey2020") => {
            let jwk = method
                .get("publicKeyJwk")
                .cloned()
                .ok_or("a JsonWebKey2020 has a publicKeyJwk")?;
            let jwk: Jwk = serde_json::from_value(jwk).map_err(|_| "publicKeyJwk is malformed")?;
            PublicKey::from_jwk(&jwk)
                .map_err(|_| "publicKeyJwk is no Ed25519, P-256, P-384 or P-521 key")
        }
        Some("Ed25519VerificationKey2020") => {
            let text = method
                .get("publicKeyMultibase")
                .and_then(Value::as_str)
                .ok_or("no publicKeyMultibase")?;
            let key =
                PublicKey::from_multikey(text).map_err(|_| "publicKeyMultibase is malformed")?;
            if key.key_type() == chop_keys::KeyType::Ed25519 {
                Ok(key)
            } else {
                Err("the key is not Ed25519")
            }
        }
        _ => match material::read(method)? {
            material::Material::Signing(key) => Ok(key),
            // Selective disclosures only; an ordinary signature under it fails by the key's type.
            material::Material::Bls => method
                .get("publicKeyMultibase")
                .and_then(Value::as_str)
                .and_then(|text| PublicKey::from_multikey(text).ok())
                .ok_or("the key is no point of BLS12-381 G2"),
            material::Material::Agreement => Err("a key of this type verifies no signature here"),
        },
    }
}

impl VerificationMethod {
    /// Returns the absolute URL.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Tells that the document lists the method under a relationship.
    pub fn serves(&self, relationship: Relationship) -> bool {
        self.relationships.contains(&relationship)
    }

    /// Returns the time from which nothing counts that the key signed.
    pub fn compromised(&self) -> Option<Timestamp> {
        self.times.compromised
    }

    /// Returns the time of retirement.
    pub fn revoked(&self) -> Option<Timestamp> {
        self.times.revoked
    }

    /// Returns the time at which the key ends by plan.
    pub fn expires(&self) -> Option<Timestamp> {
        self.times.expires
    }

    /// Checks that a signature made at this time counts (SPEC §5.4).
    ///
    /// # Errors
    /// Returns [`Invalid`]: compromise weighs before retirement, retirement before expiry.
    pub fn check_at(&self, at: Timestamp) -> Result<(), Invalid> {
        self.times.check(at)
    }
}

impl Times {
    /// Reads the three times; `None` when one is present and unreadable.
    pub(crate) fn read(method: &Map<String, Value>) -> Option<Self> {
        let time = |member: &str| match method.get(member) {
            None => Some(None),
            Some(Value::String(text)) => Timestamp::parse_xml(text).ok().map(Some),
            Some(_) => None,
        };
        Some(Self {
            revoked: time("revoked")?,
            expires: time("expires")?,
            compromised: time("compromised")?,
        })
    }

    /// Checks a time against all three: each ends the key at its own instant.
    pub(crate) fn check(&self, at: Timestamp) -> Result<(), Invalid> {
        let ended = |end: Option<Timestamp>| end.filter(|end| at >= *end);
        if let Some(since) = ended(self.compromised) {
            return Err(Invalid::Compromised { since });
        }
        if let Some(since) = ended(self.revoked) {
            return Err(Invalid::Revoked { since });
        }
        ended(self.expires).map_or(Ok(()), |since| Err(Invalid::Expired { since }))
    }
}

impl Relationship {
    /// All five, in the order of the specification.
    pub const ALL: [Self; 5] = [
        Self::Authentication,
        Self::AssertionMethod,
        Self::KeyAgreement,
        Self::CapabilityInvocation,
        Self::CapabilityDelegation,
    ];

    /// Returns the name as it stands in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::AssertionMethod => "assertionMethod",
            Self::KeyAgreement => "keyAgreement",
            Self::CapabilityInvocation => "capabilityInvocation",
            Self::CapabilityDelegation => "capabilityDelegation",
        }
    }

    /// Finds the relationship of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|relationship| relationship.as_str() == name)
    }
}

impl fmt::Display for Relationship {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
