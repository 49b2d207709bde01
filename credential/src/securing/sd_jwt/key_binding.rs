//! The key binding JWT: the holder's own signature over what is disclosed (RFC 9901 §4.3).

use super::{SdJwt, SdJwtError};
use crate::securing::confirmation::Confirmation;
use crate::securing::jose::{JoseError, Token, TokenKind};
use crate::securing::secured::{text_claim, time_claim};
use crate::securing::{Keys, SecuringError, usable};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;

/// Is a key binding JWT whose signature is not yet verified.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyBinding {
    token: Token,
    issued_at: Timestamp,
    audience: String,
    nonce: String,
    sd_hash: String,
}

/// Says as of when a key binding is judged.
#[derive(Clone, Copy, Debug)]
pub struct BindingTime {
    /// The time.
    pub as_of: Timestamp,
    /// How far a signer's clock may run ahead, in milliseconds.
    pub clock_skew_ms: i64,
    /// How old it may be, in milliseconds.
    pub max_age_ms: i64,
}

/// Says why a key binding does not hold (RFC 9901 §7.3).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyBindingError {
    /// There is none.
    #[error("no key binding JWT shows who presents it")]
    Missing,
    /// The credential confirms no key.
    #[error("the credential confirms no key (cnf), so none can be bound to it")]
    NoConfirmation,
    /// The credential confirms a key of a kind that is not used here.
    #[error("the credential's cnf cannot be used: {reason}")]
    Confirmation {
        /// Why.
        reason: String,
    },
    /// It was made for other disclosures or another credential.
    #[error("key binding JWT's sd_hash is not that of what is presented")]
    Hash,
    /// It is too old.
    #[error("key binding JWT was made at {issued_at}, more than {max_age_ms} ms before {as_of}")]
    Old {
        /// When it was made.
        issued_at: Timestamp,
        /// As of when it is judged.
        as_of: Timestamp,
        /// The greatest age that counts, in milliseconds.
        max_age_ms: i64,
    },
    /// Its signature does not count.
    #[error("key binding JWT: {0}")]
    Signature(#[from] SecuringError),
}

impl KeyBindingError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Missing => "key-binding.missing",
            Self::NoConfirmation => "key-binding.no-confirmation",
            Self::Confirmation { .. } => "key-binding.confirmation",
            Self::Hash => "key-binding.hash",
            Self::Old { .. } => "key-binding.old",
            Self::Signature(SecuringError::Future { .. }) => "key-binding.future",
            Self::Signature(SecuringError::Jose(JoseError::Signature(_))) => {
                "key-binding.signature"
            }
            Self::Signature(error) => error.rule(),
        }
    }

    /// Says whether the binding might hold: what it takes to know was not to be had.
    pub fn is_undecided(&self) -> bool {
        matches!(self, Self::Signature(error) if error.is_undecided())
    }
}

impl KeyBinding {
    pub(super) fn parse(text: &str) -> Result<Self, SdJwtError> {
        let (token, mut payload) = Token::parse(text, TokenKind::KeyBinding)?;
        let missing = |claim| JoseError::Claim {
            claim,
            reason: "a key binding JWT must have it",
        };
        // A single string, unlike elsewhere (RFC 9901 §4.3).
        let mut text = |claim| text_claim(&mut payload, claim)?.ok_or(missing(claim));
        let (audience, nonce, sd_hash) = (text("aud")?, text("nonce")?, text("sd_hash")?);
        let issued_at = time_claim(&mut payload, "iat")?.ok_or(missing("iat"))?;
        Ok(Self {
            token,
            issued_at,
            audience,
            nonce,
            sd_hash,
        })
    }

    /// Returns `iat`.
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// Returns `aud`.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Returns `nonce`.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }
}

impl SdJwt {
    /// Verifies that the holder of the confirmed key made the key binding JWT for what is presented, lately.
    ///
    /// Audience and nonce are for the caller, who knows which ones it gave out.
    ///
    /// # Errors
    /// When there is no key binding, no usable confirmed key, or any step of RFC 9901 §7.3 fails.
    pub fn check_key_binding(
        &self,
        confirmation: Option<&Confirmation>,
        keys: &Keys,
        time: &BindingTime,
    ) -> Result<(), KeyBindingError> {
        let binding = self.key_binding().ok_or(KeyBindingError::Missing)?;
        let key = confirmed(confirmation, keys)?;
        if binding.sd_hash != self.sd_hash() {
            return Err(KeyBindingError::Hash);
        }
        let BindingTime {
            as_of,
            clock_skew_ms,
            max_age_ms,
        } = *time;
        let issued_at = binding.issued_at;
        if issued_at > as_of.plus_ms(clock_skew_ms) {
            return Err(SecuringError::Future {
                created: issued_at,
                as_of,
            }
            .into());
        }
        if issued_at.plus_ms(max_age_ms) < as_of {
            return Err(KeyBindingError::Old {
                issued_at,
                as_of,
                max_age_ms,
            });
        }
        binding
            .token
            .check_signature(key)
            .map_err(SecuringError::from)?;
        Ok(())
    }
}

fn confirmed<'k>(
    confirmation: Option<&'k Confirmation>,
    keys: &'k Keys,
) -> Result<&'k PublicKey, KeyBindingError> {
    match confirmation {
        None => Err(KeyBindingError::NoConfirmation),
        Some(Confirmation::Key(key)) => Ok(key),
        Some(Confirmation::Method(method)) => Ok(&usable(keys, method, "authentication")?.key),
        Some(Confirmation::Unusable { reason }) => Err(KeyBindingError::Confirmation {
            reason: reason.clone(),
        }),
    }
}
