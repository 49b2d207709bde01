//! The ways in which an instance secures its credentials.

use chop_keys::KeyType;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// A securing mechanism together with the type of the key that it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    mechanism: Mechanism,
    key_type: KeyType,
}

/// How a credential is secured: an embedded Data Integrity proof, or an enveloping JWT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mechanism {
    /// `eddsa-jcs-2022` (Data Integrity `EdDSA` Cryptosuites §3.3).
    #[serde(rename = "eddsa-jcs-2022")]
    EddsaJcs2022,
    /// `ecdsa-jcs-2019` (Data Integrity ECDSA Cryptosuites §3.3).
    #[serde(rename = "ecdsa-jcs-2019")]
    EcdsaJcs2019,
    /// `vc+jwt` (VC-JOSE-COSE §3.1) with `EdDSA`, `ES256` or `ES384`.
    #[serde(rename = "jwt")]
    Jwt,
}

/// Why a suite name and a key type do not make a suite.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SuiteError {
    /// The name is none of the mechanisms offered.
    #[error("suite `{name}` is none of eddsa-jcs-2022, ecdsa-jcs-2019 and jwt")]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The mechanism cannot use keys of this type.
    #[error("suite {mechanism} does not sign with {key_type} keys")]
    KeyType {
        /// The mechanism that was asked for.
        mechanism: Mechanism,
        /// The key type that was asked for.
        key_type: KeyType,
    },
    /// The key type is none of those offered.
    #[error("key type `{name}` is none of Ed25519, P-256 and P-384")]
    UnknownKeyType {
        /// The name that was asked for.
        name: String,
    },
}

/// The instances that a conformance run finds: one per suite and key, named as test configurations name them.
pub(crate) const CONFORMANCE: [(&str, Suite); 6] = [
    (
        "eddsa-jcs-2022",
        Suite {
            mechanism: Mechanism::EddsaJcs2022,
            key_type: KeyType::Ed25519,
        },
    ),
    (
        "p256/ecdsa-jcs-2019",
        Suite {
            mechanism: Mechanism::EcdsaJcs2019,
            key_type: KeyType::P256,
        },
    ),
    (
        "p384/ecdsa-jcs-2019",
        Suite {
            mechanism: Mechanism::EcdsaJcs2019,
            key_type: KeyType::P384,
        },
    ),
    (
        "jwt",
        Suite {
            mechanism: Mechanism::Jwt,
            key_type: KeyType::Ed25519,
        },
    ),
    (
        "p256/jwt",
        Suite {
            mechanism: Mechanism::Jwt,
            key_type: KeyType::P256,
        },
    ),
    (
        "p384/jwt",
        Suite {
            mechanism: Mechanism::Jwt,
            key_type: KeyType::P384,
        },
    ),
];

impl Suite {
    /// Combines a mechanism's name with a key type; without one, the first that the mechanism uses.
    ///
    /// # Errors
    /// [`SuiteError`] when the name is unknown or the key type does not fit.
    pub fn new(name: &str, key_type: Option<KeyType>) -> Result<Self, SuiteError> {
        let mechanism = Mechanism::parse(name)?;
        let key_type = key_type.unwrap_or(match mechanism {
            Mechanism::EddsaJcs2022 | Mechanism::Jwt => KeyType::Ed25519,
            Mechanism::EcdsaJcs2019 => KeyType::P256,
        });
        let fits = match mechanism {
            Mechanism::EddsaJcs2022 => key_type == KeyType::Ed25519,
            Mechanism::EcdsaJcs2019 => matches!(key_type, KeyType::P256 | KeyType::P384),
            Mechanism::Jwt => matches!(key_type, KeyType::Ed25519 | KeyType::P256 | KeyType::P384),
        };
        if fits {
            Ok(Self {
                mechanism,
                key_type,
            })
        } else {
            Err(SuiteError::KeyType {
                mechanism,
                key_type,
            })
        }
    }

    /// The securing mechanism.
    pub fn mechanism(self) -> Mechanism {
        self.mechanism
    }

    /// The type of the keys that sign under this suite.
    pub fn key_type(self) -> KeyType {
        self.key_type
    }
}

impl Mechanism {
    fn parse(name: &str) -> Result<Self, SuiteError> {
        [Self::EddsaJcs2022, Self::EcdsaJcs2019, Self::Jwt]
            .into_iter()
            .find(|mechanism| mechanism.name() == name)
            .ok_or_else(|| SuiteError::Unknown {
                name: name.to_owned(),
            })
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::EddsaJcs2022 => "eddsa-jcs-2022",
            Self::EcdsaJcs2019 => "ecdsa-jcs-2019",
            Self::Jwt => "jwt",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads a key type as people write it: `Ed25519`, `P-256` or `P256`, `P-384` or `P384`, in any case.
///
/// # Errors
/// [`SuiteError::UnknownKeyType`] for anything else.
pub(crate) fn parse_key_type(name: &str) -> Result<KeyType, SuiteError> {
    match name.to_ascii_lowercase().as_str() {
        "ed25519" => Ok(KeyType::Ed25519),
        "p-256" | "p256" => Ok(KeyType::P256),
        "p-384" | "p384" => Ok(KeyType::P384),
        _ => Err(SuiteError::UnknownKeyType {
            name: name.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_key_type_that_the_suite_cannot_use() {
        assert!(matches!(
            Suite::new("eddsa-jcs-2022", Some(KeyType::P256)),
            Err(SuiteError::KeyType { .. })
        ));
        assert!(matches!(
            Suite::new("ecdsa-jcs-2019", Some(KeyType::Ed25519)),
            Err(SuiteError::KeyType { .. })
        ));
    }

    #[test]
    fn every_conformance_instance_is_a_suite_that_can_be_asked_for() {
        for (name, suite) in CONFORMANCE {
            assert_eq!(
                Suite::new(suite.mechanism().name(), Some(suite.key_type())),
                Ok(suite),
                "{name}"
            );
        }
    }

    #[test]
    fn reads_key_types_with_and_without_the_hyphen() {
        assert_eq!(parse_key_type("p-256"), Ok(KeyType::P256));
        assert_eq!(parse_key_type("P384"), Ok(KeyType::P384));
        assert!(parse_key_type("rsa").is_err());
    }
}
