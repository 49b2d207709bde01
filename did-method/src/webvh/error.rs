//! Why a did:webvh log is refused.

use super::{MAX_ENTRIES, MAX_LOG_BYTES};
use crate::resolution::{ErrorKind, ResolutionError};

/// Says what is wrong with a did:webvh log; versions are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebvhError {
    /// The DID is no did:webvh.
    #[error("the DID is no did:webvh: {reason}")]
    Did {
        /// What is wrong with it.
        reason: String,
    },
    /// The log is too large.
    #[error("the log has {bytes} bytes, more than {MAX_LOG_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The log has too many entries.
    #[error("the log has {entries} entries, more than {MAX_ENTRIES}")]
    TooMany {
        /// How many it has.
        entries: usize,
    },
    /// An entry is not of the specified shape.
    #[error("entry {version} is malformed: {reason}")]
    Shape {
        /// Which entry.
        version: usize,
        /// What is wrong.
        reason: String,
    },
    /// The method version is none that is known here.
    #[error("entry {version} asks for method {method:?}; only did:webvh:1.0 is known here")]
    Method {
        /// Which entry.
        version: usize,
        /// The method that it names.
        method: String,
    },
    /// A parameter is unknown, misplaced or malformed.
    #[error("entry {version} has a bad parameter {parameter}: {reason}")]
    Parameter {
        /// Which entry.
        version: usize,
        /// The parameter.
        parameter: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The SCID is not the hash of the first entry, or not the one in the DID or a document.
    #[error("entry {version}: the scid is {found}, expected {expected}")]
    Scid {
        /// Which entry.
        version: usize,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The entry hash is not the hash of the entry chained to the one before.
    #[error("entry {version}: the entry hash does not match the entry")]
    EntryHash {
        /// Which entry.
        version: usize,
    },
    /// The version number does not follow.
    #[error("entry {version} carries version number {found}")]
    Number {
        /// Which entry.
        version: usize,
        /// The number that it carries.
        found: String,
    },
    /// The time is malformed, not after the one before, or in the future.
    #[error("entry {version}: {reason}")]
    Time {
        /// Which entry.
        version: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A proof is malformed, of another suite or purpose, by a key that is not authorised, or does not verify.
    #[error("entry {version} is not authorised: {reason}")]
    Proof {
        /// Which entry.
        version: usize,
        /// What is wrong.
        reason: String,
    },
    /// Pre-rotation is active and the update keys are missing or not committed to.
    #[error("entry {version} breaks the commitment to its keys: {reason}")]
    PreRotation {
        /// Which entry.
        version: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// The DID moved without being portable, or without naming where it was.
    #[error("entry {version} moves the DID: {reason}")]
    Portability {
        /// Which entry.
        version: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// An entry follows the deactivation.
    #[error("entry {version} follows the deactivation")]
    Deactivated {
        /// Which entry.
        version: usize,
    },
    /// No entry's document is that of the DID asked for.
    #[error("no entry of the log is about {did}")]
    OtherDid {
        /// The DID asked for.
        did: String,
    },
    /// The log names witnesses and no witness proofs were given.
    #[error("the log names witnesses, whose proofs are needed")]
    WitnessesNeeded,
    /// The witness proofs are malformed.
    #[error("the witness proofs are malformed: {reason}")]
    WitnessFile {
        /// What is wrong.
        reason: String,
    },
    /// Too few distinct witnesses approved an entry.
    #[error("{approved} distinct witnesses approved entry {version}, {needed} are needed")]
    Threshold {
        /// Which entry.
        version: usize,
        /// How many approved.
        approved: usize,
        /// How many are needed.
        needed: usize,
    },
}

impl WebvhError {
    /// Returns a stable code for tests and logs.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Did { .. } => "webvh.did",
            Self::TooLarge { .. } | Self::TooMany { .. } => "webvh.size",
            Self::Shape { .. } => "webvh.shape",
            Self::Method { .. } => "webvh.method",
            Self::Parameter { .. } => "webvh.parameter",
            Self::Scid { .. } => "webvh.scid",
            Self::EntryHash { .. } => "webvh.entry-hash",
            Self::Number { .. } => "webvh.number",
            Self::Time { .. } => "webvh.time",
            Self::Proof { .. } => "webvh.proof",
            Self::PreRotation { .. } => "webvh.pre-rotation",
            Self::Portability { .. } => "webvh.portability",
            Self::Deactivated { .. } => "webvh.deactivated",
            Self::OtherDid { .. } => "webvh.other-did",
            Self::WitnessesNeeded => "webvh.witnesses-needed",
            Self::WitnessFile { .. } => "webvh.witness-file",
            Self::Threshold { .. } => "webvh.threshold",
        }
    }
}

impl From<WebvhError> for ResolutionError {
    /// Every failed verification is `INVALID_DID` (did:webvh 1.0, Read), as only the log's own words make the DID.
    fn from(error: WebvhError) -> Self {
        Self::new(ErrorKind::InvalidDid, error.to_string())
    }
}
