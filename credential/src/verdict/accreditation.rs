//! Whether the issuer was accredited for what it issued, as of the act.

use super::{AccreditationFact, Interval, LapseReason};
use crate::problem::ProblemType;
use chop_integrity::Timestamp;

/// How far the clocks of signer and ledger may differ, in milliseconds.
const CLOCK_SKEW_MS: i64 = 60_000;

/// Is how an accreditation stands that held at the act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// It holds to this day.
    Live(&'a AccreditationFact),
    /// It has lapsed since.
    Lapsed {
        fact: &'a AccreditationFact,
        since: Timestamp,
        reason: LapseReason,
        anchored: Timestamp,
    },
}

/// Says why an issuer counts as not accredited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AccreditationFault {
    #[error("issuer holds no accreditation for {credential_type}")]
    None { credential_type: String },
    #[error("issuer's accreditation for {credential_type} is revoked from the beginning")]
    Void { credential_type: String },
    #[error(
        "issuer's accreditation for {credential_type} was not live at {time}, when the credential {how}"
    )]
    NotThen {
        credential_type: String,
        time: Timestamp,
        how: &'static str,
    },
    #[error(
        "issuer's accreditation for {credential_type} has ended, and no anchor shows that the credential is older"
    )]
    Undatable { credential_type: String },
}

impl AccreditationFault {
    pub(super) fn problem(&self) -> ProblemType {
        match self {
            Self::Undatable { .. } => ProblemType::Undatable,
            _ => ProblemType::NotAccredited,
        }
    }
}

/// Judges one credential type.
///
/// An anchor dates the act. Without one, the accreditation must be live as of the judgement, and the signer must not date
/// the act outside it.
pub(super) fn accredited<'a>(
    facts: &'a [AccreditationFact],
    credential_type: &str,
    created: &[Timestamp],
    anchored: Option<Timestamp>,
    as_of: Timestamp,
) -> Result<Standing<'a>, AccreditationFault> {
    let name = || credential_type.to_owned();
    let covering: Vec<&AccreditationFact> = facts
        .iter()
        .filter(|fact| fact.credential_type == credential_type)
        .collect();
    if covering.is_empty() {
        return Err(AccreditationFault::None {
            credential_type: name(),
        });
    }
    if covering
        .iter()
        .all(|fact| fact.live.is_empty() && fact.lapse == Some(LapseReason::RevokedAbInitio))
    {
        return Err(AccreditationFault::Void {
            credential_type: name(),
        });
    }
    if let Some(time) = anchored {
        return at_anchor(&covering, time, as_of).ok_or(AccreditationFault::NotThen {
            credential_type: name(),
            time,
            how: "was anchored",
        });
    }
    let Some(fact) = covering
        .iter()
        .find(|fact| fact.live.iter().any(|live| live.contains(as_of)))
    else {
        let begun = covering
            .iter()
            .any(|fact| fact.live.iter().any(|live| live.from <= as_of));
        return Err(if begun {
            AccreditationFault::Undatable {
                credential_type: name(),
            }
        } else {
            AccreditationFault::NotThen {
                credential_type: name(),
                time: as_of,
                how: "is judged",
            }
        });
    };
    let outside = created.iter().find(|time| {
        !covering
            .iter()
            .any(|fact| fact.live.iter().any(|live| about(live, **time)))
    });
    match outside {
        Some(time) => Err(AccreditationFault::NotThen {
            credential_type: name(),
            time: *time,
            how: "says that it was signed",
        }),
        None => Ok(Standing::Live(fact)),
    }
}

fn at_anchor<'a>(
    covering: &[&'a AccreditationFact],
    time: Timestamp,
    as_of: Timestamp,
) -> Option<Standing<'a>> {
    let mut lapsed = None;
    for fact in covering {
        let Some(live) = fact.live.iter().find(|live| live.contains(time)) else {
            continue;
        };
        if fact.live.iter().any(|live| live.contains(as_of)) {
            return Some(Standing::Live(fact));
        }
        if let Some(since) = live.until {
            lapsed.get_or_insert(Standing::Lapsed {
                fact,
                since,
                reason: fact.lapse.unwrap_or(LapseReason::Expired),
                anchored: time,
            });
        }
    }
    lapsed
}

/// Says whether a self-declared time lies within, clocks being what they are.
fn about(live: &Interval, time: Timestamp) -> bool {
    live.contains(time) || live.contains(time.plus_ms(CLOCK_SKEW_MS))
}
