//! The ledger's state machine: execution, authenticated state, accreditation, governance.
//!
//! [`execute`] is a pure function from parent state and block to changes and outcomes: no clock, no randomness, no
//! floats, no iteration over hash maps, and work bounded by counted units, so that every validator computes the same
//! root. RULES.md names every rule with its file and its test.

mod act;
mod decoded;
mod entry;
mod execute;
mod genesis;
mod refusal;
mod rules;
mod state;
pub mod tree;

pub use decoded::Decoded;
pub use entry::admit;
pub use execute::{Block, Executed, execute};
pub use genesis::{GenesisStateError, genesis_state};
pub use refusal::{BatchRefusal, BindingRefusal, GovernanceRefusal, RULES, Refusal};
pub use rules::{KNOWN_RULES, check_rules, unknown_rules};
pub use state::{Delta, ExecuteError, StateReader};
