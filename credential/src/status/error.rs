//! Why a status list, or what it says, does not count.

use crate::problem::ProblemType;
use chop_integrity::Timestamp;

/// Says why a status list, or what it says of an entry, does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The list is no credential.
    #[error("status list is refused: {reason}")]
    Parse {
        /// Why.
        reason: String,
    },
    /// The list's signature does not count.
    #[error("status list is not verified: {reason}")]
    Unverified {
        /// Why.
        reason: String,
    },
    /// The list is not yet, or no longer, valid.
    #[error("status list is valid from {from:?} until {until:?}, it is judged as of {as_of}")]
    Validity {
        /// When it begins.
        from: Option<Timestamp>,
        /// When it ends.
        until: Option<Timestamp>,
        /// As of when it is judged.
        as_of: Timestamp,
    },
    /// The list was fetched longer ago than it may be kept.
    #[error("status list was fetched at {fetched} and may be kept {ttl_ms} ms, it is {as_of}")]
    Stale {
        /// When it was fetched.
        fetched: Timestamp,
        /// How long it may be kept, in milliseconds.
        ttl_ms: i64,
        /// As of when it is judged.
        as_of: Timestamp,
    },
    /// The credential is no status list.
    #[error("status list: {reason}")]
    Shape {
        /// What is wrong.
        reason: &'static str,
    },
    /// The list is for other purposes.
    #[error("status list is for {found:?}, the entry is for {expected:?}")]
    Purpose {
        /// The entry's purpose.
        expected: String,
        /// The list's purposes.
        found: Vec<String>,
    },
    /// The list's signer is neither the credential's issuer nor a delegate.
    #[error("status list is by {found}, the credential is by {expected}")]
    Issuer {
        /// The credential's issuer.
        expected: String,
        /// The list's issuer.
        found: String,
    },
    /// The list has another id than the entry names.
    #[error("status list has the id {found}, the entry names {expected}")]
    Id {
        /// What the entry names.
        expected: String,
        /// The list's id.
        found: String,
    },
    /// The list is shorter than privacy asks for.
    #[error("status list has {found} bytes, it must have at least {min}")]
    TooShort {
        /// How many it has.
        found: usize,
        /// How many it must have.
        min: usize,
    },
    /// The list has fewer entries of the entry's size than privacy asks for.
    #[error("status list has {found} entries of the entry's size, it must have at least {min}")]
    TooFew {
        /// How many it has.
        found: u64,
        /// How many it must have.
        min: u64,
    },
    /// The list unfolds to more than is read.
    #[error("status list unfolds to more than {max} bytes")]
    TooLarge {
        /// How many are read.
        max: usize,
    },
    /// The list is not `u` and base64url of gzip.
    #[error("status list's encoding is refused: {reason}")]
    Encoding {
        /// What is wrong.
        reason: &'static str,
    },
    /// The index lies outside the list.
    #[error("status index {index} lies outside the list of {entries} entries")]
    Index {
        /// The index.
        index: u64,
        /// How many entries the list has.
        entries: u64,
    },
    /// An entry is malformed.
    #[error("status entry: {reason}")]
    Entry {
        /// What is wrong.
        reason: &'static str,
    },
}

impl StatusError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Parse { .. } => "status.parse",
            Self::Unverified { .. } => "status.unverified",
            Self::Validity { .. } => "status.validity",
            Self::Stale { .. } => "status.stale",
            Self::Shape { .. } => "status.shape",
            Self::Purpose { .. } => "status.purpose",
            Self::Issuer { .. } => "status.issuer",
            Self::Id { .. } => "status.id",
            Self::TooShort { .. } | Self::TooFew { .. } => "status.too-short",
            Self::TooLarge { .. } => "status.too-large",
            Self::Encoding { .. } => "status.encoding",
            Self::Index { .. } => "status.index",
            Self::Entry { .. } => "status.entry",
        }
    }

    /// Returns the problem type (Bitstring Status List 1.0 §3.5).
    pub fn problem(&self) -> ProblemType {
        match self {
            Self::TooShort { .. } | Self::TooFew { .. } => ProblemType::StatusListLength,
            Self::Index { .. } => ProblemType::StatusRange,
            // §3: what is malformed is named so, whichever algorithm comes across it.
            Self::Shape { .. } | Self::Encoding { .. } | Self::Entry { .. } => {
                ProblemType::MalformedValue
            }
            _ => ProblemType::StatusVerification,
        }
    }
}
