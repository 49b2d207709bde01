//! What the relying party asks for.

use super::CheckName;
use crate::securing::x5c::TrustAnchor;
use chop_integrity::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far a signer's clock may run ahead, in milliseconds.
const CLOCK_SKEW_MS: i64 = 60_000;

/// How old a key binding JWT may be, in milliseconds.
const KEY_BINDING_AGE_MS: i64 = 10 * 60_000;

/// Says how a check counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The verdict depends on it.
    Required,
    /// It is run and shown; the verdict does not depend on it.
    Reported,
}

/// Says which checks run, which count, and against what.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The time as of which the credential is judged.
    pub as_of: Timestamp,
    /// How far a signer's clock may run ahead, in milliseconds.
    pub clock_skew_ms: i64,
    /// The checks to run; a check that is not here is named as not run.
    pub checks: BTreeMap<CheckName, Need>,
    /// The cryptosuites (or `alg` names) of which one verified proof suffices; none: every proof of a set must verify.
    pub sufficient_suites: Option<BTreeSet<String>>,
    /// DIDs that may sign status lists in the issuer's stead.
    pub status_delegates: BTreeSet<String>,
    /// The authorities whose certificates on issuers' keys count.
    pub trust_anchors: Arc<Vec<TrustAnchor>>,
    /// Whether a credential that somebody copied from an authority's document is accepted; it is marked either way.
    pub accept_transcribed: bool,
    /// Whether whoever bears a credential may present it.
    pub accept_bearer: bool,
    /// Whether an SD-JWT that comes by itself must be bound to its presenter by a key binding JWT; an expected challenge or
    /// audience asks for one anyway (RFC 9901 §7.3).
    pub key_binding: bool,
    /// How old a key binding JWT may be, in milliseconds.
    pub key_binding_age_ms: i64,
    /// What the proof must be for.
    pub expected: Expectation,
}

/// Says what a proof must name.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// The domain; none: not checked.
    pub domain: Option<String>,
    /// The challenge of a Data Integrity proof, or the `nonce` of a token; none: not checked.
    pub challenge: Option<String>,
    /// The `aud` of a token; none: the domain serves.
    pub audience: Option<String>,
}

impl Policy {
    /// Runs every check; the ledger's (accreditation, anchor) are reported, all others required.
    pub fn full(as_of: Timestamp) -> Self {
        let checks = CheckName::CREDENTIAL
            .iter()
            .chain(CheckName::PRESENTATION)
            .map(|check| {
                let need = match check {
                    CheckName::Accreditation | CheckName::Anchor => Need::Reported,
                    _ => Need::Required,
                };
                (*check, need)
            })
            .collect();
        Self {
            as_of,
            clock_skew_ms: CLOCK_SKEW_MS,
            checks,
            sufficient_suites: None,
            status_delegates: BTreeSet::new(),
            trust_anchors: Arc::default(),
            accept_transcribed: true,
            accept_bearer: false,
            key_binding: false,
            key_binding_age_ms: KEY_BINDING_AGE_MS,
            expected: Expectation::default(),
        }
    }

    /// Runs every check and requires the issuer's accreditation: how a member of the consortium judges.
    pub fn accredited(as_of: Timestamp) -> Self {
        let mut policy = Self::full(as_of);
        policy
            .checks
            .insert(CheckName::Accreditation, Need::Required);
        policy
    }

    /// Runs these checks, all required, and structure and contexts, without which none means anything.
    pub fn only(as_of: Timestamp, checks: &[CheckName]) -> Self {
        let mut policy = Self::full(as_of);
        policy.checks = [CheckName::Structure, CheckName::Contexts]
            .iter()
            .chain(checks)
            .map(|check| (*check, Need::Required))
            .collect();
        policy
    }

    /// Requires a check.
    pub fn require(&mut self, check: CheckName) {
        self.checks.insert(check, Need::Required);
    }

    /// Says whether a key binding JWT must show who presents an SD-JWT.
    pub(super) fn needs_key_binding(&self) -> bool {
        let Expectation {
            domain,
            challenge,
            audience,
        } = &self.expected;
        self.key_binding || domain.is_some() || challenge.is_some() || audience.is_some()
    }

    /// Judges a credential inside a presentation, whose own proof is what answers the verifier.
    pub(super) fn held(&self) -> Self {
        Self {
            key_binding: false,
            expected: Expectation::default(),
            ..self.clone()
        }
    }

    pub(super) fn need(&self, check: CheckName) -> Option<Need> {
        self.checks.get(&check).copied()
    }
}
