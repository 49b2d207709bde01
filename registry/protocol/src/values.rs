//! Records of the state that are no more than facts; each is stored as JCS under its key of [`crate::keys`].

use chop_did::LedgerId;
use chop_integrity::{Hash, Timestamp};
use serde::{Deserialize, Serialize};

/// Which ledger this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LedgerRecord {
    /// The full ledger id.
    pub id: LedgerId,
    /// Version of the protocol that the ledger speaks.
    pub chain_version: u32,
    /// Time that the genesis names.
    pub founded: Timestamp,
}

/// What a sponsor has used of its quota on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// Work units.
    pub work: u64,
    /// Envelopes.
    pub envelopes: u64,
}

/// Marks that an envelope was executed, whatever came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplayMark {
    /// The envelope's hash.
    pub envelope: Hash,
    /// Height at which it was executed.
    pub height: u64,
}
