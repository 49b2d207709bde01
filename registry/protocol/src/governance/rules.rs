//! Which version of the rules executes blocks, and from which height on.

use chop_integrity::Hash;
use serde::{Deserialize, Serialize};

/// The version that a ledger begins with.
pub const FIRST_RULES: u32 = 1;
/// Fewest blocks between the decision and the first block under the new version: every node must see it coming.
pub const LEAST_NOTICE: u64 = 3;
/// Most blocks between them.
pub const MOST_NOTICE: u64 = 10_000_000;

/// The version that is to execute blocks from a height on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RulesChange {
    /// One more than the version in force.
    pub version: u32,
    /// The first height that it executes.
    pub height: u64,
}

/// What members decided last, as stored under [`crate::keys::RULES`]; [`FIRST_RULES`] is in force where nothing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RulesRecord {
    /// The version.
    pub version: u32,
    /// The first height that it executes.
    pub from: u64,
    /// The proposal that decided it.
    pub proposal: Hash,
}

impl RulesRecord {
    /// Says whether it executes the block at a height.
    pub const fn is_in_force(&self, height: u64) -> bool {
        self.from <= height
    }
}
