//! JWT VC Issuer Metadata: where an `https` issuer lists its keys (draft-ietf-oauth-sd-jwt-vc-19 §4).

use chop_integrity::json::{self, JsonError, Limits};
use chop_keys::{Jwk, KeyType, PublicKey};
use serde_json::{Map, Value};

/// How metadata and key sets may be written.
const LIMITS: Limits = Limits {
    max_bytes: 128 * 1024,
    max_depth: 16,
};

/// The most keys that one set may hold.
const MAX_KEYS: usize = 256;

/// Is an issuer's metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuerMetadata {
    /// Where its keys are.
    pub keys: IssuerKeys,
}

/// Says where an issuer's keys are.
#[derive(Clone, Debug, PartialEq)]
pub enum IssuerKeys {
    /// In the metadata: `jwks`.
    Here(JwkSet),
    /// At this URL: `jwks_uri`.
    At(String),
}

/// Is a JSON Web Key Set (RFC 7517 §5): the keys in it that verify signatures here.
#[derive(Clone, Debug, PartialEq)]
pub struct JwkSet(Vec<(Option<String>, PublicKey)>);

/// Says why an issuer's metadata or keys do not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// `iss` is no URL that metadata can be found by.
    #[error("issuer {issuer:?} is no https URL without query and fragment")]
    Issuer {
        /// The issuer.
        issuer: String,
    },
    /// The document is no strict JSON.
    #[error("issuer metadata is refused: {0}")]
    Json(#[from] JsonError),
    /// The metadata is another issuer's.
    #[error("issuer metadata is of {found:?}, the issuer is {expected:?}")]
    Other {
        /// The issuer.
        expected: String,
        /// What the metadata says.
        found: String,
    },
    /// The metadata, or the key set, is not what it must be.
    #[error("issuer metadata: {reason}")]
    Form {
        /// What is wrong.
        reason: &'static str,
    },
}

impl MetadataError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Issuer { .. } => "issuer-metadata.issuer",
            Self::Json(_) | Self::Form { .. } => "issuer-metadata.form",
            Self::Other { .. } => "issuer-metadata.other",
        }
    }
}

/// Says where an issuer's metadata is: the well-known part goes between host and path (§4.1).
///
/// # Errors
/// When the issuer is no `https` URL of host, port and path alone.
pub fn well_known(issuer: &str) -> Result<String, MetadataError> {
    let refused = || MetadataError::Issuer {
        issuer: issuer.to_owned(),
    };
    let rest = issuer.strip_prefix("https://").ok_or_else(refused)?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#@\\<>\"{}|^`".contains(&byte);
    if !rest.bytes().all(plain) {
        return Err(refused());
    }
    let (host, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    if host.is_empty() {
        return Err(refused());
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    Ok(format!("https://{host}/.well-known/jwt-vc-issuer{path}"))
}

impl IssuerMetadata {
    /// Reads an issuer's metadata.
    ///
    /// # Errors
    /// When it is no strict JSON, of another issuer, or does not name its keys in exactly one way.
    pub fn parse(bytes: &[u8], issuer: &str) -> Result<Self, MetadataError> {
        let metadata = object(bytes)?;
        let found = metadata
            .get("issuer")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if found != issuer {
            return Err(MetadataError::Other {
                expected: issuer.to_owned(),
                found: found.to_owned(),
            });
        }
        let keys = match (metadata.get("jwks"), metadata.get("jwks_uri")) {
            (Some(Value::Object(set)), None) => IssuerKeys::Here(JwkSet::read(set)?),
            (None, Some(Value::String(uri))) if uri.starts_with("https://") => {
                IssuerKeys::At(uri.clone())
            }
            _ => {
                return Err(MetadataError::Form {
                    reason: "it must have either jwks, an object, or jwks_uri, an https URL",
                });
            }
        };
        Ok(Self { keys })
    }
}

impl JwkSet {
    /// Reads a key set.
    ///
    /// # Errors
    /// When it is no strict JSON, has no `keys`, too many of them, or a private one.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        Self::read(&object(bytes)?)
    }

    fn read(set: &Map<String, Value>) -> Result<Self, MetadataError> {
        let form = |reason| MetadataError::Form { reason };
        let Some(Value::Array(keys)) = set.get("keys") else {
            return Err(form("its key set has no keys"));
        };
        if keys.len() > MAX_KEYS {
            return Err(form("its key set has too many keys"));
        }
        let mut usable = Vec::new();
        for key in keys {
            let members = key.as_object().ok_or(form("a key is no object"))?;
            if ["d", "k", "p", "priv"]
                .iter()
                .any(|name| members.contains_key(*name))
            {
                return Err(form("its key set holds a private key"));
            }
            // Keys of other kinds, and for other uses, are for others (RFC 7517 §5).
            if let Ok(jwk) = serde_json::from_value::<Jwk>(key.clone())
                && let Ok(key) = PublicKey::from_jwk(&jwk)
            {
                usable.push((jwk.kid, key));
            }
        }
        Ok(Self(usable))
    }

    /// Finds the key of an id, or, without one, the only key of a type.
    pub fn find(&self, key_id: Option<&str>, key_type: KeyType) -> Option<&PublicKey> {
        let mut fitting = self.0.iter().filter(|(id, key)| {
            key.key_type() == key_type && key_id.is_none_or(|wanted| id.as_deref() == Some(wanted))
        });
        let (_, key) = fitting.next()?;
        // Two keys of one id, or several without one, leave open which is meant.
        fitting.next().is_none().then_some(key)
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, MetadataError> {
    match json::parse(bytes, &LIMITS)? {
        Value::Object(object) => Ok(object),
        _ => Err(MetadataError::Form {
            reason: "it is no object",
        }),
    }
}
