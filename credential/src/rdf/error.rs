//! Why a document has no quads, or quads have no canonical form.

use crate::contexts::ContextError;
use crate::problem::ProblemType;

/// Says why a document has no RDF form that may be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RdfError {
    /// A context is refused.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// Something that a reader sees would not become part of any quad.
    #[error("value at {at} is lost in RDF: {reason}")]
    Dropped {
        /// Where it stands.
        at: String,
        /// Why RDF does not have it.
        reason: &'static str,
    },
    /// A term is said in other words, or at another place, than a reader of the JSON looks for it.
    #[error("value at {at} says {term:?} in disguise")]
    Disguised {
        /// Where it stands.
        at: String,
        /// The term.
        term: String,
    },
    /// A value has not the form that JSON-LD gives it.
    #[error("value at {at} is refused: {reason}")]
    Value {
        /// Where it stands.
        at: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Arrays and objects are nested too deeply.
    #[error("document is nested more than {max} levels deep")]
    TooDeep {
        /// The most levels read.
        max: usize,
    },
    /// The quads are too long.
    #[error("quads take more than {max} bytes")]
    TooLarge {
        /// The most bytes.
        max: usize,
    },
    /// The blank nodes are too alike to be told apart within the budget.
    #[error("graph takes more than {max} steps to canonicalise")]
    Budget {
        /// The most steps.
        max: u64,
    },
    /// A line is no N-Quads statement.
    #[error("line {line} is no N-Quads statement: {reason}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

impl RdfError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Context(error) => error.rule(),
            Self::Dropped { .. } => "rdf.dropped",
            Self::Disguised { .. } => "rdf.disguised",
            Self::Value { .. } => "rdf.value",
            Self::TooDeep { .. } => "rdf.too-deep",
            Self::TooLarge { .. } => "rdf.too-large",
            Self::Budget { .. } => "rdf.budget",
            Self::Syntax { .. } => "rdf.syntax",
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> ProblemType {
        match self {
            Self::Context(error) => error.problem(),
            _ => ProblemType::MalformedValue,
        }
    }
}
