//! Whether a key was valid when it signed.

use super::KeyHistory;
use crate::problem::ProblemType;
use chop_integrity::Timestamp;

/// How far the clocks of signer and ledger may differ, in milliseconds.
const CLOCK_SKEW_MS: i64 = 60_000;

/// Is how a key stands that was valid when it signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStanding {
    /// It is valid to this day.
    Live,
    /// It was retired, or has expired, since.
    Retired {
        /// When.
        since: Timestamp,
        /// Whether the date of signing is only what the signer says.
        self_declared: bool,
    },
}

/// Says why a key does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The key is compromised, and nothing shows that it signed before.
    #[error("key is compromised since {since}, and no anchor shows that it signed before")]
    Compromised {
        /// The time from which nothing counts.
        since: Timestamp,
    },
    /// The signature was made after the key had ended.
    #[error("key ended at {since}, the signature is of {signed}")]
    Ended {
        /// When the key ended.
        since: Timestamp,
        /// When the signature was made.
        signed: Timestamp,
    },
    /// The signature was made before there was such a key.
    #[error("key was added at {added}, the signature is of {signed}")]
    NotYet {
        /// When the key was added.
        added: Timestamp,
        /// When the signature was made.
        signed: Timestamp,
    },
    /// The key has ended, and nothing that counts says when it signed.
    #[error("key ended at {since}, and nothing that counts says when it signed")]
    Undatable {
        /// When the key ended.
        since: Timestamp,
    },
}

impl KeyFault {
    /// Returns the problem type.
    pub fn problem(&self) -> ProblemType {
        match self {
            Self::Undatable { .. } => ProblemType::Undatable,
            _ => ProblemType::KeyNotValid,
        }
    }
}

/// Judges whether a key was valid when it signed.
///
/// `created` is what the signer says of the time, `anchored` what the ledger shows: the signature existed by then. What the
/// signer says counts only for a key that was retired or has expired in due course, never for one that is compromised, nor
/// for one whose DID was deactivated.
///
/// # Errors
/// When the key was not valid then, or when it signed cannot be established.
pub fn key_holds(
    history: &KeyHistory,
    created: Option<Timestamp>,
    anchored: Option<Timestamp>,
    as_of: Timestamp,
) -> Result<KeyStanding, KeyFault> {
    let anchored = anchored.filter(|time| *time <= as_of);
    if let Some(added) = history.added
        && let Some(signed) = anchored.into_iter().chain(created).min()
        && signed.plus_ms(CLOCK_SKEW_MS) < added
    {
        return Err(KeyFault::NotYet { added, signed });
    }
    if let Some(since) = history.compromised
        && anchored.is_none_or(|time| time >= since)
    {
        return Err(KeyFault::Compromised { since });
    }
    let ended = |time: Option<Timestamp>| time.filter(|time| *time <= as_of);
    if let Some(since) = ended(history.deactivated) {
        match anchored {
            None => return Err(KeyFault::Undatable { since }),
            Some(signed) if signed >= since => return Err(KeyFault::Ended { since, signed }),
            Some(_) => {}
        }
    }
    let Some(since) = [ended(history.retired), ended(history.expires)]
        .into_iter()
        .flatten()
        .min()
    else {
        return Ok(KeyStanding::Live);
    };
    if anchored.is_some_and(|time| time < since) {
        return Ok(KeyStanding::Retired {
            since,
            self_declared: false,
        });
    }
    match created {
        Some(signed) if signed < since => Ok(KeyStanding::Retired {
            since,
            self_declared: true,
        }),
        Some(signed) => Err(KeyFault::Ended { since, signed }),
        None => Err(KeyFault::Undatable { since }),
    }
}
