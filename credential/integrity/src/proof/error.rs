//! Why a proof is not made or does not count.

use chop_keys::{InputError, KeyType, SignError, VerifyError};

use crate::{JcsError, TimestampError};

/// Says why a proof is not made or does not count.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A member that every proof has is missing.
    #[error("proof has no {member}")]
    Missing {
        /// The member's name.
        member: &'static str,
    },
    /// A member has another JSON type or shape than the specification gives it.
    #[error("proof member {member} is not {expected}")]
    Shape {
        /// The member's name.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The proof's `type` is not `DataIntegrityProof`.
    #[error("proof type {found:?} is not DataIntegrityProof")]
    Type {
        /// The type found.
        found: String,
    },
    /// The cryptosuite is not one of the jcs suites.
    #[error("cryptosuite {found:?} is neither eddsa-jcs-2022 nor ecdsa-jcs-2019")]
    Suite {
        /// The cryptosuite found.
        found: String,
    },
    /// The key is of a type that the cryptosuite does not use.
    #[error("cryptosuite {suite} does not use {key_type} keys")]
    KeyType {
        /// The cryptosuite.
        suite: &'static str,
        /// The key's type.
        key_type: KeyType,
    },
    /// A time in the proof is not an XML Schema `dateTime`.
    #[error("proof member {member}: {reason}")]
    Time {
        /// The member's name.
        member: &'static str,
        /// Why it is not.
        reason: TimestampError,
    },
    /// The document's `@context` does not start with the proof's, or differs from it where it must not.
    #[error("@context of the document differs from the proof's")]
    Context,
    /// A member stands in the proof that its type, or the ledger, does not know.
    #[error("proof has the unknown member {member:?}")]
    Unknown {
        /// The member's name.
        member: String,
    },
    /// The previous proofs given are not those that `previousProof` names.
    #[error("previous proofs given are {given:?}, named are {named:?}")]
    Previous {
        /// The ids that `previousProof` names.
        named: Vec<String>,
        /// The ids of the proofs given.
        given: Vec<String>,
    },
    /// Document or proof have no canonical form.
    #[error(transparent)]
    Canonical(#[from] JcsError),
    /// The hashes do not fit together.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The signature was not made.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The signature does not count.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}
