//! The ways in which an instance secures its credentials.

use chop_keys::KeyType;
use thiserror::Error;

/// A securing mechanism together with the type of the key that it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    mechanism: &'static Mechanism,
    key_type: KeyType,
}

/// How a credential is secured.
#[derive(Debug, PartialEq, Eq)]
pub struct Mechanism {
    /// Its name on the wire.
    pub name: &'static str,
    /// Whether the proof stands in the credential or around it.
    pub form: Form,
    /// The types of the keys that it signs with; the first is taken where none is asked for.
    key_types: &'static [KeyType],
}

impl Mechanism {
    /// Whether its holder may disclose claims one by one.
    pub(crate) fn discloses(&self) -> bool {
        matches!(self.form, Form::SdJwt | Form::SdJwtVc)
    }

    /// Whether it makes a token, whose claims stand beside the credential.
    pub(crate) fn is_token(&self) -> bool {
        self.form != Form::Embedded
    }
}

/// Where a credential's proof stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the credential: a Data Integrity proof of the cryptosuite that the mechanism is named after.
    Embedded,
    /// Around it: `vc+jwt` (VC-JOSE-COSE §3.1).
    Jwt,
    /// Around it, its holder disclosing claims one by one: `vc+sd-jwt` (VC-JOSE-COSE §3.2).
    SdJwt,
    /// Around plain claims: SD-JWT VC, `dc+sd-jwt`.
    SdJwtVc,
    /// Around it: `vc+cose` (VC-JOSE-COSE §3.3).
    Cose,
}

/// Every mechanism; a new one is a row here.
pub const MECHANISMS: &[Mechanism] = &[
    Mechanism {
        name: "eddsa-jcs-2022",
        form: Form::Embedded,
        key_types: &[KeyType::Ed25519],
    },
    Mechanism {
        name: "ecdsa-jcs-2019",
        form: Form::Embedded,
        key_types: &[KeyType::P256, KeyType::P384],
    },
    Mechanism {
        name: "eddsa-rdfc-2022",
        form: Form::Embedded,
        key_types: &[KeyType::Ed25519],
    },
    Mechanism {
        name: "ecdsa-rdfc-2019",
        form: Form::Embedded,
        key_types: &[KeyType::P256, KeyType::P384],
    },
    Mechanism {
        name: "Ed25519Signature2020",
        form: Form::Embedded,
        key_types: &[KeyType::Ed25519],
    },
    Mechanism {
        name: "ecdsa-sd-2023",
        form: Form::Embedded,
        key_types: &[KeyType::P256],
    },
    Mechanism {
        name: "bbs-2023",
        form: Form::Embedded,
        key_types: &[KeyType::Bls12381G2],
    },
    Mechanism {
        name: "jwt",
        form: Form::Jwt,
        key_types: &[KeyType::Ed25519, KeyType::P256, KeyType::P384],
    },
    Mechanism {
        name: "sd-jwt",
        form: Form::SdJwt,
        key_types: &[KeyType::P256, KeyType::Ed25519, KeyType::P384],
    },
    Mechanism {
        name: "sd-jwt-vc",
        form: Form::SdJwtVc,
        key_types: &[KeyType::P256, KeyType::Ed25519, KeyType::P384],
    },
    Mechanism {
        name: "cose",
        form: Form::Cose,
        key_types: &[KeyType::Ed25519, KeyType::P256, KeyType::P384],
    },
];

/// Why a suite name and a key type do not make a suite.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SuiteError {
    /// The name is none of the mechanisms offered.
    #[error("suite `{name}` is none of {}", names().join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The mechanism cannot use keys of this type.
    #[error("suite {mechanism} does not sign with {key_type} keys")]
    KeyType {
        /// The mechanism that was asked for.
        mechanism: &'static str,
        /// The key type that was asked for.
        key_type: KeyType,
    },
    /// The key type is none of those offered.
    #[error("key type `{name}` is none of Ed25519, P-256, P-384 and BLS12-381-G2")]
    UnknownKeyType {
        /// The name that was asked for.
        name: String,
    },
}

impl Suite {
    /// Combines a mechanism's name with a key type; without one, the first that the mechanism uses.
    ///
    /// # Errors
    /// [`SuiteError`] when the name is unknown or the key type does not fit.
    pub fn new(name: &str, key_type: Option<KeyType>) -> Result<Self, SuiteError> {
        let unknown = || SuiteError::Unknown {
            name: name.to_owned(),
        };
        let mechanism = MECHANISMS
            .iter()
            .find(|mechanism| mechanism.name == name)
            .ok_or_else(unknown)?;
        let first = mechanism.key_types.first().copied();
        let key_type = key_type.or(first).ok_or_else(unknown)?;
        if mechanism.key_types.contains(&key_type) {
            Ok(Self {
                mechanism,
                key_type,
            })
        } else {
            Err(SuiteError::KeyType {
                mechanism: mechanism.name,
                key_type,
            })
        }
    }

    /// The securing mechanism.
    pub fn mechanism(self) -> &'static Mechanism {
        self.mechanism
    }

    /// The type of the keys that sign under this suite.
    pub fn key_type(self) -> KeyType {
        self.key_type
    }
}

/// The instances that a conformance run finds, one per mechanism and key, named as test configurations name them: the
/// mechanism, after the curve where it is P-256 or P-384 among several.
pub(crate) fn conformance() -> impl Iterator<Item = (String, Suite)> {
    MECHANISMS.iter().flat_map(|mechanism| {
        mechanism.key_types.iter().map(move |key_type| {
            let name = match key_type {
                KeyType::P256 if mechanism.key_types.len() > 1 => {
                    format!("p256/{}", mechanism.name)
                }
                KeyType::P384 if mechanism.key_types.len() > 1 => {
                    format!("p384/{}", mechanism.name)
                }
                // The one mechanism that is no cryptosuite has a short name in configurations.
                _ if mechanism.name == "Ed25519Signature2020" => "ed25519-2020".to_owned(),
                _ => mechanism.name.to_owned(),
            };
            let suite = Suite {
                mechanism,
                key_type: *key_type,
            };
            (name, suite)
        })
    })
}

fn names() -> Vec<&'static str> {
    MECHANISMS.iter().map(|mechanism| mechanism.name).collect()
}

/// Reads a key type as people write it, with or without hyphens and in any case: `Ed25519`, `P-256`, `P-384`, `BLS12-381-G2`.
///
/// # Errors
/// [`SuiteError::UnknownKeyType`] for anything else.
pub(crate) fn parse_key_type(name: &str) -> Result<KeyType, SuiteError> {
    match name.to_ascii_lowercase().as_str() {
        "ed25519" => Ok(KeyType::Ed25519),
        "p-256" | "p256" => Ok(KeyType::P256),
        "p-384" | "p384" => Ok(KeyType::P384),
        "bls12-381-g2" | "bls12381g2" => Ok(KeyType::Bls12381G2),
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
        for (name, suite) in conformance() {
            assert_eq!(
                Suite::new(suite.mechanism().name, Some(suite.key_type())),
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
