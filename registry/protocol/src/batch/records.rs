//! What the ledger holds about batches and codes.

use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use serde::{Deserialize, Serialize};

use super::BatchTerms;
use crate::terms::{Lot, Note};

/// A batch, as stored under [`crate::keys::batch`]; never changed once written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// What it is.
    pub terms: BatchTerms,
    /// Header time of its creation.
    pub time: Timestamp,
    /// Height of its creation.
    pub height: u64,
}

/// A run of a batch's codes with one standing, as stored under [`crate::keys::segment`].
///
/// The segments of a batch cover every ordinal once, so that the one that holds an ordinal says where its code stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Segment {
    /// The first ordinal.
    pub from: u32,
    /// The ordinal after the last.
    pub to: u32,
    /// Where its codes stand.
    pub standing: CodeStanding,
    /// The lot that they were bound to when they were activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot: Option<Lot>,
    /// Why they were voided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Note>,
    /// Header time of the last act on them.
    pub time: Timestamp,
    /// Height of the last act on them.
    pub height: u64,
}

/// Where a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeStanding {
    /// It is registered and printed nowhere yet, as far as the ledger knows.
    Reserved,
    /// It is on an item.
    Active,
    /// It must not be on any item any more; final.
    Void,
}

/// Who showed the secret of a code first, as stored under [`crate::keys::claim`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claim {
    /// Header time of the first claim.
    pub time: Timestamp,
    /// Height of the first claim.
    pub height: u64,
    /// The key that the item is bound to; from then on the secret says nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<PublicKey>,
    /// Header time of the binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Timestamp>,
}

impl Segment {
    /// Says whether it holds an ordinal.
    pub const fn holds(&self, ordinal: u32) -> bool {
        self.from <= ordinal && ordinal < self.to
    }
}

impl CodeStanding {
    /// Returns the word that JSON has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Active => "active",
            Self::Void => "void",
        }
    }
}
