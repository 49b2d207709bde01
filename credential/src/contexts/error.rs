//! Why a document's terms are refused.

use crate::problem::ProblemType;

/// Says why a document's terms are refused, or cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContextError {
    /// A context is not known here; contexts are never fetched.
    #[error("context {url} is not known here")]
    Unknown {
        /// Its URL.
        url: String,
    },
    /// A context is malformed.
    #[error("context is malformed at {at:?}: {reason}")]
    Malformed {
        /// The term or keyword.
        at: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A context redefines, or drops, a protected term.
    #[error("context redefines the protected term {term:?}")]
    Protected {
        /// The term.
        term: String,
    },
    /// A property has no meaning under the document's contexts.
    #[error("term {term:?} at {at} is not defined by any context")]
    UndefinedTerm {
        /// The term.
        term: String,
        /// Where it stands.
        at: String,
    },
    /// A type has no meaning under the document's contexts.
    #[error("type {name:?} at {at} is not defined by any context")]
    UndefinedType {
        /// The type.
        name: String,
        /// Where it stands.
        at: String,
    },
    /// A value has not the form that JSON-LD gives it.
    #[error("value at {at} is refused: {reason}")]
    Value {
        /// Where it stands.
        at: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A related resource has other bytes than its digest says.
    #[error("related resource {id} has not the digest that the credential names")]
    Digest {
        /// Its URL.
        id: String,
    },
    /// The contexts take more steps to process than are spent on one document.
    #[error("contexts take more than {max} steps to process")]
    Budget {
        /// The most steps.
        max: usize,
    },
}

impl ContextError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "context.unknown",
            Self::Malformed { .. } => "context.malformed",
            Self::Protected { .. } => "context.protected",
            Self::UndefinedTerm { .. } => "context.undefined-term",
            Self::UndefinedType { .. } => "context.undefined-type",
            Self::Value { .. } => "context.value",
            Self::Digest { .. } => "context.digest",
            Self::Budget { .. } => "context.budget",
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> ProblemType {
        match self {
            Self::Unknown { .. } => ProblemType::UnknownContext,
            Self::Digest { .. } => ProblemType::RelatedResource,
            _ => ProblemType::MalformedValue,
        }
    }
}
