//! Why a signature does not count.

use super::cose::CoseError;
use super::jose::JoseError;
use crate::problem::ProblemType;
use crate::rdf::RdfError;
use crate::selective::SelectiveError;
use chop_integrity::Timestamp;
use chop_integrity::proof::ProofError;

/// Says why a signature does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecuringError {
    /// The proof is malformed, or its signature does not match.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The selective proof is malformed, or does not hold.
    #[error(transparent)]
    Selective(#[from] SelectiveError),
    /// A selective proof builds on others.
    #[error("a proof that discloses selectively builds on no other")]
    Chained,
    /// Nothing was drawn for a proof that needs it.
    #[error("a proof that discloses selectively needs randomness")]
    NoSeed,
    /// The token is malformed, or its signature does not match.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// The document or the proof has no RDF form that may be signed.
    #[error(transparent)]
    Rdf(#[from] RdfError),
    /// The COSE message is malformed, or its signature does not match.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// The cryptosuite is not one that is checked here.
    #[error("cryptosuite {found:?} is not supported")]
    UnknownSuite {
        /// What the proof names.
        found: String,
    },
    /// The cryptosuite cannot withhold anything, and was told what a holder must not withhold.
    #[error("cryptosuite {suite} signs everything, it takes no mandatory pointers")]
    NotSelective {
        /// The cryptosuite.
        suite: &'static str,
    },
    /// The proof was made for another purpose.
    #[error("proof is for {found}, it must be for {expected}")]
    Purpose {
        /// What it must be for.
        expected: String,
        /// What it is for.
        found: String,
    },
    /// The proof has expired.
    #[error("proof expired at {expires}, it is judged as of {as_of}")]
    Expired {
        /// When it expired.
        expires: Timestamp,
        /// As of when it is judged.
        as_of: Timestamp,
    },
    /// The proof says that it was made later than now.
    #[error("proof was created at {created}, it is judged as of {as_of}")]
    Future {
        /// When it says it was made.
        created: Timestamp,
        /// As of when it is judged.
        as_of: Timestamp,
    },
    /// Another proof that this one builds on is not there.
    #[error("previousProof names {id:?}, no proof of the document has that id")]
    Dangling {
        /// The id that is not there.
        id: String,
    },
    /// A proof's id is not a URL.
    #[error("proof has the id {id:?}, it must be one URL")]
    ProofId {
        /// The id.
        id: String,
    },
    /// Two proofs share an id.
    #[error("two proofs have the id {id:?}")]
    RepeatedId {
        /// The id.
        id: String,
    },
    /// The document names contexts that the proof does not cover.
    #[error("@context of the document goes on after the proof's: what follows is not signed")]
    UnsignedContext,
    /// The verification method does not exist.
    #[error("verification method {method} does not exist")]
    NoKey {
        /// Its URL.
        method: String,
    },
    /// Whether the verification method exists could not be learnt.
    #[error("verification method {method} could not be resolved: {reason}")]
    KeyUnreachable {
        /// Its URL.
        method: String,
        /// Why.
        reason: String,
    },
    /// The controller does not list the verification method for the purpose.
    #[error("verification method {method} is not listed under {purpose}")]
    Relationship {
        /// Its URL.
        method: String,
        /// The relationship that is needed.
        purpose: String,
    },
}

impl SecuringError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Proof(error) => match error {
                ProofError::Suite { .. } => "proof.suite",
                ProofError::Type { .. } => "proof.type",
                ProofError::Context => "proof.context",
                ProofError::KeyType { .. } => "proof.key-type",
                ProofError::Verify(_) => "proof.signature",
                _ => "proof.malformed",
            },
            Self::Jose(error) => error.rule(),
            Self::Rdf(error) => error.rule(),
            Self::Cose(error) => error.rule(),
            Self::Selective(error) => error.rule(),
            Self::Chained => "selective.chained",
            Self::NoSeed => "selective.no-seed",
            Self::UnknownSuite { .. } => "proof.suite",
            Self::NotSelective { .. } => "proof.not-selective",
            Self::Purpose { .. } => "proof.purpose",
            Self::Expired { .. } => "proof.expired",
            Self::Future { .. } => "proof.future",
            Self::Dangling { .. } => "proof.dangling",
            Self::ProofId { .. } => "proof.malformed",
            Self::RepeatedId { .. } => "proof.repeated-id",
            Self::UnsignedContext => "proof.unsigned-context",
            Self::NoKey { .. } => "proof.no-key",
            Self::KeyUnreachable { .. } => "proof.key-unreachable",
            Self::Relationship { .. } => "proof.relationship",
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> ProblemType {
        match self {
            Self::Rdf(error) => error.problem(),
            Self::Proof(_)
            | Self::Selective(_)
            | Self::Expired { .. }
            | Self::Future { .. }
            | Self::Dangling { .. } => ProblemType::ProofVerification,
            Self::NoKey { .. } => ProblemType::InvalidVerificationMethod,
            Self::Relationship { .. } => ProblemType::InvalidRelationship,
            Self::KeyUnreachable { .. } => ProblemType::EvidenceUnavailable,
            _ => ProblemType::CryptographicSecurity,
        }
    }

    /// Says whether the signature might hold: what it takes to know was not to be had.
    pub fn is_undecided(&self) -> bool {
        matches!(self, Self::KeyUnreachable { .. })
    }
}
