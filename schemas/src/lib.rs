//! JSON-LD contexts and scenario packs, embedded in the binary.
//!
//! Nothing that judges a credential reads a context from the network; what is not here, or not added by the caller from
//! committed ledger state, is unknown.

mod contexts;
mod scenarios;

pub use contexts::{CONTEXTS, ContextFile, PublishedDigest, context, context_file};
pub use scenarios::{SCENARIOS, Scenario, scenario};
