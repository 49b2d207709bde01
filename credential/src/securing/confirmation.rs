//! `cnf`: the key that its holder must prove to have (RFC 7800).

use super::jose::JoseError;
use chop_keys::{Jwk, PublicKey};
use serde_json::{Value, json};

/// Is a confirmed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// By value: `jwk` (RFC 7800 §3.2).
    Key(PublicKey),
    /// By reference: `kid`, which is a DID URL (RFC 7800 §3.4).
    Method(String),
    /// In a way, or with a key, that is not used here: nobody can prove to have it.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// The members of a private or symmetric key (RFC 7518 §6).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

impl Confirmation {
    /// Reads `cnf`.
    ///
    /// # Errors
    /// When it is no object, or holds a private key, which is then nobody's proof of anything.
    pub fn parse(value: &Value) -> Result<Self, JoseError> {
        let refused = |reason| JoseError::Claim {
            claim: "cnf",
            reason,
        };
        let members = value.as_object().ok_or(refused("it is no object"))?;
        if let Some(jwk) = members.get("jwk") {
            let key = jwk.as_object().ok_or(refused("its jwk is no object"))?;
            if PRIVATE.iter().any(|member| key.contains_key(*member)) {
                return Err(refused("its jwk holds a private key"));
            }
            let read = serde_json::from_value::<Jwk>(jwk.clone())
                .map_err(|error| error.to_string())
                .and_then(|jwk| PublicKey::from_jwk(&jwk).map_err(|error| error.to_string()));
            return Ok(read.map_or_else(|reason| Self::Unusable { reason }, Self::Key));
        }
        match members.get("kid") {
            Some(Value::String(kid)) if kid.starts_with("did:") && kid.contains('#') => {
                Ok(Self::Method(kid.clone()))
            }
            Some(Value::String(_)) => Ok(Self::Unusable {
                reason: "its kid is no DID URL".to_owned(),
            }),
            Some(_) => Err(refused("its kid is no string")),
            None => Ok(Self::Unusable {
                reason: "it has neither jwk nor kid".to_owned(),
            }),
        }
    }

    /// Writes the `cnf` that confirms a key by value.
    pub fn of_key(key: &PublicKey) -> Value {
        json!({ "jwk": key.jwk() })
    }

    /// Says whether a key, found at a verification method, is the confirmed one.
    pub fn confirms(&self, method: &str, key: &PublicKey) -> bool {
        match self {
            Self::Key(confirmed) => confirmed == key,
            Self::Method(confirmed) => confirmed == method,
            Self::Unusable { .. } => false,
        }
    }
}
