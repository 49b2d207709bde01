//! What became of an envelope.

use chop_integrity::Hash;
use serde::{Deserialize, Serialize};

/// What became of one envelope in one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The envelope's hash.
    pub hash: Hash,
    /// Height of the block.
    pub height: u64,
    /// Whether its actions took effect.
    pub result: ExecutionResult,
}

/// Whether an envelope's actions took effect: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "status")]
pub enum ExecutionResult {
    /// All actions took effect.
    Committed,
    /// No action took effect.
    Refused {
        /// The stable code of the rule that refused it, listed in RULES.md.
        rule: String,
        /// The refusal in words.
        detail: String,
        /// Whether the refusal is this envelope's final answer.
        ///
        /// False when the copy was not entitled to execute at all (wrong keys, outside its time window, no quota left,
        /// block full): nothing was written, not even a replay mark, and a copy with the right signatures may still succeed.
        settled: bool,
    },
}

impl Outcome {
    /// Says whether the actions took effect.
    pub const fn is_committed(&self) -> bool {
        matches!(self.result, ExecutionResult::Committed)
    }

    /// Says whether this is the envelope's final answer.
    pub const fn is_settled(&self) -> bool {
        match &self.result {
            ExecutionResult::Committed => true,
            ExecutionResult::Refused { settled, .. } => *settled,
        }
    }
}
