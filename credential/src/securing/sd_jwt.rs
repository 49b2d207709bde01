//! SD-JWT and SD-JWT+KB: a signed JWT whose claims its holder discloses one by one (RFC 9901).
//!
//! ```text
//! issuer-signed JWT ~ disclosure ~ … ~ disclosure ~ [key binding JWT]
//! └──────────────── sd_hash ──────────────────────┘
//! ```
//!
//! [`SdJwt::parse`] does all of §7.1 that takes no key: every disclosure must be referenced once, and what comes out are the
//! claims as the holder shows them.

mod conceal;
mod disclosure;
mod error;
mod hash;
mod holder;
mod issued;
mod key_binding;
mod pointer;
mod process;

pub use conceal::{Concealed, Randomness, conceal};
pub use disclosure::Disclosure;
pub use error::{ConcealError, SdJwtError};
pub use hash::HashAlgorithm;
pub use issued::{Claim, Issued};
pub use key_binding::{BindingTime, KeyBinding, KeyBindingError};
pub use process::{Place, Step};

use super::jose::Token;
use chop_integrity::json::Limits;
use serde_json::{Map, Value};

/// The most disclosures that one SD-JWT may carry.
const MAX_DISCLOSURES: usize = 1_000;

/// The registered claims that decide whether a credential counts: its holder must not be able to leave them out (RFC 9901 §9.7).
pub(super) const REGISTERED: &[&str] = &["iss", "aud", "exp", "nbf", "cnf"];

/// The most levels of claims, disclosures inside disclosures included.
const MAX_DEPTH: usize = Limits::CREDENTIAL.max_depth;

/// Is an SD-JWT whose disclosures fit its digests and whose signatures are not yet verified.
#[derive(Clone, Debug, PartialEq)]
pub struct SdJwt {
    /// The text without the key binding JWT: what `sd_hash` is over.
    bound: String,
    token: Token,
    payload: Map<String, Value>,
    hash: HashAlgorithm,
    disclosures: Vec<Disclosure>,
    places: Vec<Place>,
    key_binding: Option<KeyBinding>,
}

/// Returns the claims of a payload as they are if nothing is disclosed.
///
/// # Errors
/// When the payload uses `_sd`, `_sd_alg` or `...` otherwise than for digests.
pub fn undisclosed(payload: &Map<String, Value>) -> Result<Map<String, Value>, SdJwtError> {
    let (claims, _) = process::process(payload, &[], HashAlgorithm::of_payload(payload)?)?;
    Ok(claims)
}

impl SdJwt {
    /// Says whether a compact token is one of SD-JWT: it has a `~` (RFC 9901 §4).
    pub fn is_meant(token: &str) -> bool {
        memchr::memchr(b'~', token.as_bytes()).is_some()
    }

    /// Parses an SD-JWT or SD-JWT+KB of any kind, and returns it with its claims as they are disclosed (RFC 9901 §4, §7.1).
    ///
    /// # Errors
    /// When the text is malformed, or its disclosures do not fit its digests.
    pub fn parse(text: &str) -> Result<(Self, Map<String, Value>), SdJwtError> {
        if text.len() > Limits::CREDENTIAL.max_bytes * 4 / 3 {
            return Err(SdJwtError::Form {
                reason: "it is too long",
            });
        }
        let (jwt, rest) = text.split_once('~').ok_or(SdJwtError::Form {
            reason: "no ~ follows its JWT",
        })?;
        let (token, payload) = Token::parse_any(jwt)?;
        let hash = HashAlgorithm::of_payload(&payload)?;
        let (disclosures, binding) = match rest.rsplit_once('~') {
            None => (Vec::new(), rest),
            Some((disclosures, binding)) => (disclosure::parse_all(disclosures)?, binding),
        };
        let (claims, places) = process::process(&payload, &disclosures, hash)?;
        let key_binding = match binding {
            "" => None,
            binding => Some(KeyBinding::parse(binding)?),
        };
        let bound = text
            .get(..text.len() - binding.len())
            .unwrap_or_default()
            .to_owned();
        let parsed = Self {
            bound,
            token,
            payload,
            hash,
            disclosures,
            places,
            key_binding,
        };
        Ok((parsed, claims))
    }

    /// Returns the issuer-signed JWT.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Returns the text without the key binding JWT; it ends with `~`.
    pub fn without_key_binding(&self) -> &str {
        &self.bound
    }

    /// Returns the issuer-signed JWT's payload with its digests.
    pub fn payload(&self) -> &Map<String, Value> {
        &self.payload
    }

    /// Lists the disclosures, each with its place among the claims.
    pub fn disclosures(&self) -> impl Iterator<Item = (&Disclosure, &Place)> {
        self.disclosures.iter().zip(&self.places)
    }

    /// Returns the key binding JWT.
    pub fn key_binding(&self) -> Option<&KeyBinding> {
        self.key_binding.as_ref()
    }

    /// Checks that neither these members of the top nor anything in them is selectively disclosable.
    ///
    /// # Errors
    /// When a disclosure belongs there.
    pub(crate) fn check_plain(&self, claims: &[&'static str]) -> Result<(), SdJwtError> {
        for place in &self.places {
            if let Some(Step::Name(top)) = place.path.first()
                && let Some(claim) = claims.iter().find(|claim| *claim == top)
            {
                return Err(SdJwtError::NotDisclosable { claim });
            }
        }
        Ok(())
    }

    /// Returns the hash that its digests are made with.
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// Computes what the key binding JWT's `sd_hash` must be (RFC 9901 §4.3.1).
    pub fn sd_hash(&self) -> String {
        self.hash.digest(&self.bound)
    }
}
