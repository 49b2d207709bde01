//! Why a signed operation is malformed, whatever the state of the ledger.

use crate::control::ControlError;
use crate::document::DocumentError;
use crate::genesis::GenesisError;
use crate::operation::MAX_OPERATION_BYTES;

/// Says why a value is no well-formed, truly signed operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// The JSON breaks the restricted profile (SPEC §4.1).
    #[error("the operation is outside the restricted JSON profile: {reason}")]
    Profile {
        /// What the JSON layer said.
        reason: String,
    },
    /// The signed operation is too large (SPEC §4.6).
    #[error("the operation has {bytes} bytes, more than {MAX_OPERATION_BYTES}")]
    Size {
        /// Its JCS size.
        bytes: usize,
    },
    /// A member is missing, unknown, null or of the wrong type (SPEC §4.6).
    #[error("the operation is not of the required shape: {reason}")]
    Shape {
        /// What the decoder said.
        reason: String,
    },
    /// The genesis is malformed (SPEC §4.4).
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The update keys or a commitment are malformed (SPEC §4.3).
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The document is malformed (SPEC §4.5).
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The DID is not the one that the genesis makes (SPEC §6.2).
    #[error("the operation names {named}, its genesis makes {made}")]
    Scid {
        /// The DID in the operation.
        named: String,
        /// The DID of the genesis.
        made: String,
    },
    /// There is no proof, or there are too many (SPEC §4.7).
    #[error("the operation has {count} proofs, allowed are 1 to {max}")]
    ProofCount {
        /// How many it has.
        count: usize,
        /// How many it may have.
        max: usize,
    },
    /// A proof has a missing, unknown or wrong member (SPEC §4.7).
    #[error("proof {index}: {reason}")]
    ProofShape {
        /// Zero-based position of the proof.
        index: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A signature does not verify (SPEC §4.7).
    #[error("proof {index} does not verify: {reason}")]
    Signature {
        /// Zero-based position of the proof.
        index: usize,
        /// What the proof layer said.
        reason: String,
    },
}

impl OperationError {
    /// Returns the stable rule code (SPEC §12).
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Profile { .. } => "did.profile", // SPEC §4.1
            Self::Size { .. } => "did.size",       // SPEC §4.6
            Self::Shape { .. } => "did.shape",     // SPEC §4.6
            Self::Genesis(error) => error.rule(),  // SPEC §4.4
            Self::Control(_) => "did.control",     // SPEC §4.3
            Self::Document(_) => "did.document",   // SPEC §4.5
            Self::Scid { .. } => "did.scid",       // SPEC §6.2
            Self::ProofCount { .. } | Self::ProofShape { .. } => "did.proof", // SPEC §4.7
            Self::Signature { .. } => "did.signature", // SPEC §4.7
        }
    }
}
