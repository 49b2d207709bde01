//! Accreditations: who may issue which credential type, where, until when, how deep.
//!
//! The record is a value of the state and carries its whole history, so that a verifier with one proof per link of the
//! chain can say whether the issuer was accredited at the time of an act.

use chop_did::ChopDid;
use chop_integrity::{Hash, Timestamp};
use serde::{Deserialize, Serialize};

use crate::terms::{CredentialType, Jurisdiction};

/// Largest depth of a root accreditation, so that a chain has at most nine links.
pub const MAX_DEPTH: u8 = 8;
/// Most events in one record. The last two places are kept for revocations.
pub const MAX_EVENTS: usize = 64;

/// One accreditation, as stored under [`crate::keys::accreditation`].
///
/// Times are half-open: it is live from `validFrom` on and no longer at `validUntil`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accreditation {
    /// Identifier: see [`accreditation_id`].
    pub id: Hash,
    /// Who granted it.
    pub accreditor: ChopDid,
    /// Who may issue.
    pub subject: ChopDid,
    /// What the subject may issue.
    pub credential_type: CredentialType,
    /// Where; everywhere when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<Jurisdiction>,
    /// From when, never before `time`.
    pub valid_from: Timestamp,
    /// Until when; without end when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// How many further links may hang below it; 0 when the subject may only issue.
    pub depth: u8,
    /// The accreditation that it hangs from; absent when a member granted it at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Hash>,
    /// Header time of the grant.
    pub time: Timestamp,
    /// Height of the grant.
    pub height: u64,
    /// What happened since, in ledger order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<AccreditationEvent>,
}

/// One change of an accreditation's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccreditationEvent {
    /// What happened.
    pub kind: EventKind,
    /// From when it counts: never before `time`, except in a revocation *ab initio*, where it is the start of validity.
    pub effective: Timestamp,
    /// Header time of the act.
    pub time: Timestamp,
    /// Height of the act.
    pub height: u64,
    /// Why a revocation was made; absent in other events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RevocationReason>,
}

/// What happened to an accreditation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// It does not count until it is reinstated.
    Suspended,
    /// It counts again.
    Reinstated,
    /// It does not count any more.
    Revoked,
}

/// How far back a revocation reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// The accreditation ends; what was done before stands.
    #[default]
    Forward,
    /// It should never have been granted: earlier acts are void too.
    AbInitio,
}

/// What one accreditation, without its ancestors, says about a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Standing {
    /// It counts.
    Live,
    /// Its validity has not begun.
    NotYet,
    /// Its validity is over.
    Expired,
    /// It is suspended.
    Suspended,
    /// It was revoked before.
    Revoked,
    /// It was revoked *ab initio*: it never counted.
    Voided,
    /// The records given are not its parent chain.
    BrokenChain,
}

/// What an accreditation and its ancestors say about a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Live, or the standing of the link that is not.
    pub standing: Standing,
    /// The link that decided: the accreditation itself when all are live.
    pub link: Hash,
}

/// Says in what way a scope is wider than its parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// Another credential type.
    #[error("the parent accredits for another credential type")]
    CredentialType,
    /// Outside the parent's jurisdiction.
    #[error("the jurisdiction reaches beyond the parent's")]
    Jurisdiction,
    /// Begins before or ends after the parent.
    #[error("the validity reaches beyond the parent's")]
    Validity,
    /// As deep as the parent or deeper.
    #[error("depth {depth} does not fit below a parent of depth {parent}")]
    Depth {
        /// The depth asked for.
        depth: u8,
        /// The parent's depth.
        parent: u8,
    },
}

/// Names the accreditation that action `index` (from 0) of an envelope grants.
///
/// ```text
/// SHA-256("chop/accreditation/v1" ‖ envelope hash, 32 bytes ‖ index, 2 bytes big-endian)
/// ```
pub fn accreditation_id(envelope: &Hash, index: u16) -> Hash {
    let mut bytes = envelope.as_bytes().to_vec();
    bytes.extend_from_slice(&index.to_be_bytes());
    Hash::of("chop/accreditation/v1", &bytes)
}

impl Accreditation {
    /// Says whether the accreditation counts at `at`: only if it and every ancestor is live then.
    ///
    /// `ancestors` is the chain of parents, the nearest first, complete up to the root.
    pub fn live_at(&self, at: Timestamp, ancestors: &[Self]) -> bool {
        self.liveness_at(at, ancestors).standing == Standing::Live
    }

    /// Says what the accreditation and its ancestors say about `at`, and which link decided; see [`Self::live_at`].
    ///
    /// A voided link wins over others, then the nearest that is not live.
    pub fn liveness_at(&self, at: Timestamp, ancestors: &[Self]) -> Liveness {
        let mut expected = self.parent.as_ref();
        for ancestor in ancestors {
            if expected != Some(&ancestor.id) {
                return Liveness {
                    standing: Standing::BrokenChain,
                    link: ancestor.id,
                };
            }
            expected = ancestor.parent.as_ref();
        }
        if let Some(missing) = expected {
            return Liveness {
                standing: Standing::BrokenChain,
                link: *missing,
            };
        }
        let mut decided = Liveness {
            standing: Standing::Live,
            link: self.id,
        };
        for link in std::iter::once(self).chain(ancestors) {
            let standing = link.own_standing_at(at);
            if standing == Standing::Voided
                || (decided.standing == Standing::Live && standing != Standing::Live)
            {
                decided = Liveness {
                    standing,
                    link: link.id,
                };
            }
            if standing == Standing::Voided {
                break;
            }
        }
        decided
    }

    /// Says what this record alone says about `at`.
    pub fn own_standing_at(&self, at: Timestamp) -> Standing {
        if self.is_voided() {
            return Standing::Voided;
        }
        if self.revoked_from().is_some_and(|from| from <= at) {
            return Standing::Revoked;
        }
        if at < self.valid_from {
            return Standing::NotYet;
        }
        if self.valid_until.is_some_and(|until| until <= at) {
            return Standing::Expired;
        }
        if self.suspended_at(at) {
            Standing::Suspended
        } else {
            Standing::Live
        }
    }

    /// Says whether a suspension holds at `at`, whatever else does.
    ///
    /// A later act supersedes every earlier one that would take effect at the same time or after it, so the last act in
    /// ledger order among those effective by `at` decides. Acts are never effective before their header time: what this
    /// says about a moment in the past does not change.
    pub fn suspended_at(&self, at: Timestamp) -> bool {
        self.events
            .iter()
            .rfind(|event| event.kind != EventKind::Revoked && event.effective <= at)
            .is_some_and(|event| event.kind == EventKind::Suspended)
    }

    /// Returns the earliest time from which it is revoked.
    pub fn revoked_from(&self) -> Option<Timestamp> {
        self.events
            .iter()
            .filter(|event| event.kind == EventKind::Revoked)
            .map(|event| event.effective)
            .min()
    }

    /// Says whether it was revoked *ab initio*.
    pub fn is_voided(&self) -> bool {
        self.events
            .iter()
            .any(|event| event.reason == Some(RevocationReason::AbInitio))
    }

    /// Says whether it covers a credential of this type for this place.
    pub fn covers(&self, credential_type: &CredentialType, place: Option<&Jurisdiction>) -> bool {
        self.credential_type == *credential_type && contains(self.jurisdiction.as_ref(), place)
    }

    /// Checks that a child's scope lies within this one's: type, jurisdiction, validity and depth.
    ///
    /// # Errors
    /// Returns the first way in which the child is wider.
    pub fn admits(&self, child: &Self) -> Result<(), ScopeError> {
        if child.credential_type != self.credential_type {
            return Err(ScopeError::CredentialType);
        }
        if !contains(self.jurisdiction.as_ref(), child.jurisdiction.as_ref()) {
            return Err(ScopeError::Jurisdiction);
        }
        let ends_in_time = match (self.valid_until, child.valid_until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(parent), Some(child)) => child <= parent,
        };
        if child.valid_from < self.valid_from || !ends_in_time {
            return Err(ScopeError::Validity);
        }
        if child.depth >= self.depth {
            return Err(ScopeError::Depth {
                depth: child.depth,
                parent: self.depth,
            });
        }
        Ok(())
    }
}

/// No jurisdiction means everywhere, which only everywhere contains.
fn contains(outer: Option<&Jurisdiction>, inner: Option<&Jurisdiction>) -> bool {
    match (outer, inner) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(outer), Some(inner)) => outer.contains(inner),
    }
}

#[cfg(test)]
mod tests;
