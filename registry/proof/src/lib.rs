//! Light client of a Chopmark ledger: from a pinned [`TrustRoot`], a [`StateProof`] shows what the ledger says.
//!
//! A proof is a Tendermint signed header, the validator set that signed it, and a Merkle path from the header's
//! `app_hash` to one key. It shows that a key holds a value ([`verify_inclusion`]) or that it holds none
//! ([`verify_absence`]), whoever relayed it. This crate does no I/O and reads no clock.
//!
//! ```text
//! TrustRoot ──pins──▶ validators ──sign──▶ header ──app_hash──▶ path ──▶ "K = V" or "K is absent"
//! ```

mod base64;
mod batch;
pub mod build;
mod commit;
mod error;
mod evidence;
mod fork;
mod handover;
pub mod hashes;
pub mod leaves;
mod light;
mod state_proof;
mod trust_root;
mod verify;

pub use batch::{BatchProof, Statement};
pub use error::ProofError;
pub use evidence::{Checkpoint, Direction, Evidence, VerifiedEvidence};
pub use fork::{Equivocation, Fork, VerifiedFork};
pub use handover::{Handover, PROMOTION_KEY, VerifiedHandover, genesis_time_after};
pub use light::{EncodedLightBlock, LightBlock, TrustedHeader};
pub use state_proof::{StateProof, key_hash};
pub use trust_root::{TrustRoot, TrustRootError, validator_set};
pub use verify::{Freshness, VerifiedHeader, verify_absence, verify_header, verify_inclusion};

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod vectors;
