//! An issuing instance: one issuer, one key, one suite.

use crate::suite::{Suite, SuiteError, parse_key_type};
use chop_credential::securing::x5c::{Chain, X5cError};
use chop_keys::PublicKey;
use thiserror::Error;

/// Who signs, with what, how; the private key stays in the keystore under `key_name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The name in the instance's URLs.
    pub name: String,
    /// How it secures credentials.
    pub suite: Suite,
    /// The key's name in the keystore.
    pub key_name: String,
    /// The public key as a Multikey string.
    pub multikey: String,
    /// The issuer's DID, which credentials name.
    pub did: String,
    /// The DID URL under which the issuer's document lists the key for `assertionMethod`.
    pub verification_method: String,
    /// The certificates of the key (PEM), its own first, that its tokens bring along instead of naming the method.
    pub certificates: Option<String>,
}

/// Why a stored row is no instance.
#[derive(Debug, Error)]
pub enum PartsError {
    /// The suite is not one of this version's.
    #[error(transparent)]
    Suite(#[from] SuiteError),
    /// The public key cannot be read.
    #[error("public key `{multikey}` cannot be read")]
    Key {
        /// The string found.
        multikey: String,
    },
}

/// Why a name cannot be an instance's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("instance name `{name}` is not 1 to 48 lower-case letters, digits and inner hyphens")]
pub struct NameError {
    /// The name that was asked for.
    pub name: String,
}

impl Instance {
    /// Reads the chain of its certificates, if it has any.
    ///
    /// # Errors
    /// [`X5cError`] when they cannot be read.
    pub(crate) fn chain(&self) -> Result<Option<Chain>, X5cError> {
        self.certificates
            .as_deref()
            .map(Chain::from_pem)
            .transpose()
    }

    /// Makes an instance that signs under the `did:key` of its own key.
    pub fn with_own_key(name: &str, suite: Suite, key: &PublicKey) -> Self {
        Self {
            name: name.to_owned(),
            suite,
            key_name: key_name(name),
            multikey: key.multikey(),
            did: key.did_key(),
            verification_method: key.did_key_url(),
            certificates: None,
        }
    }

    /// Puts an instance together from its stored parts; the key type follows from the key.
    ///
    /// # Errors
    /// [`PartsError`] when the suite or the key is none that this version knows.
    pub fn from_parts(
        name: String,
        suite: &str,
        key_name: String,
        multikey: String,
        did: String,
        verification_method: String,
    ) -> Result<Self, PartsError> {
        let Ok(key) = PublicKey::from_multikey(&multikey) else {
            return Err(PartsError::Key { multikey });
        };
        let suite = Suite::new(suite, Some(key.key_type()))?;
        Ok(Self {
            name,
            suite,
            key_name,
            multikey,
            did,
            verification_method,
            certificates: None,
        })
    }
}

/// The keystore name of an instance's key: `issuer.` and the instance's name, its slash a dot.
pub(crate) fn key_name(instance: &str) -> String {
    format!("issuer.{}", instance.replace('/', "."))
}

/// Checks a name that a client chose.
///
/// # Errors
/// [`NameError`] when it would not read well in a URL.
pub(crate) fn check_name(name: &str) -> Result<(), NameError> {
    let inner = name
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if (1..=48).contains(&name.len()) && inner && !name.starts_with('-') && !name.ends_with('-') {
        Ok(())
    } else {
        Err(NameError {
            name: name.to_owned(),
        })
    }
}

/// Reads the suite and key type that a client asked for.
///
/// # Errors
/// [`SuiteError`] when either is unknown or they do not fit.
pub(crate) fn read_suite(suite: &str, key_type: Option<&str>) -> Result<Suite, SuiteError> {
    Suite::new(suite, key_type.map(parse_key_type).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_their_path_are_refused() {
        for name in ["", "..", "a/b", "A", "-a", "a-", "a b", "ä"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert_eq!(check_name("bureau-2"), Ok(()));
    }

    #[test]
    fn two_instances_never_share_a_key_name() {
        assert_ne!(key_name("p256/jwt"), key_name("p256-jwt"));
    }
}
