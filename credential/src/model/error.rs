//! Why a credential or presentation is refused by the data model.

use crate::problem::ProblemType;
use chop_integrity::json::JsonError;

/// Says which rule of the data model a document breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The bytes are not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A value is of another kind than it must be.
    #[error("{property} is {found}, it must be {expected}")]
    Kind {
        /// The property, as a path.
        property: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A required property is absent.
    #[error("{property} is missing")]
    Missing {
        /// The property, as a path.
        property: &'static str,
    },
    /// A list or object that must hold something is empty.
    #[error("{property} is empty")]
    Empty {
        /// The property, as a path.
        property: &'static str,
    },
    /// An identifier is not a URL.
    #[error("{property} is {value:?}, it must be one URL")]
    NotUrl {
        /// The property, as a path.
        property: &'static str,
        /// What it is.
        value: String,
    },
    /// The first context is not the base context.
    #[error(
        "@context begins with {found:?}, it must begin with \"https://www.w3.org/ns/credentials/v2\""
    )]
    BaseContext {
        /// What it begins with.
        found: String,
    },
    /// A type that must be named is not.
    #[error("{property} does not name {wanted}")]
    NoType {
        /// The property, as a path.
        property: &'static str,
        /// The type that must be named.
        wanted: &'static str,
    },
    /// A time is not an XML Schema `dateTime`.
    #[error("{property} is {value:?}, which is no XML Schema dateTime")]
    Time {
        /// The property, as a path.
        property: &'static str,
        /// What it is.
        value: String,
    },
    /// The validity ends before it begins.
    #[error("validUntil {until} lies before validFrom {from}")]
    Reversed {
        /// `validFrom`.
        from: String,
        /// `validUntil`.
        until: String,
    },
    /// An identifier that must be unique stands twice.
    #[error("{property} {value:?} stands twice")]
    Repeated {
        /// The property, as a path.
        property: &'static str,
        /// The identifier.
        value: String,
    },
    /// A text with language has a member that it may not have, or lacks `@value`.
    #[error("{property} is no language value object: {reason}")]
    Language {
        /// The property, as a path.
        property: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// A related resource names no digest, or one that cannot be read.
    #[error("{property} is no digest: {reason}")]
    Digest {
        /// The property, as a path.
        property: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
    /// A status entry breaks a rule of Bitstring Status List.
    #[error("credentialStatus: {reason}")]
    Status {
        /// What is wrong.
        reason: String,
    },
    /// An envelope's `id` is no `data:` URL of a known kind.
    #[error("envelope: {reason}")]
    Envelope {
        /// What is wrong.
        reason: &'static str,
    },
    /// A credential without a proof stands in a presentation that is not its issuer's (VC Data Model 2.0 §4.13.4).
    #[error(
        "credential by {issuer:?} has no proof of its own, and the presentation's holder is {holder:?}"
    )]
    SelfAsserted {
        /// The credential's issuer.
        issuer: String,
        /// The presentation's holder; empty if it names none.
        holder: String,
    },
    /// There are more parts than are read.
    #[error("{property} has {found} entries, at most {max} are read")]
    TooMany {
        /// The property, as a path.
        property: &'static str,
        /// How many there are.
        found: usize,
        /// How many are read.
        max: usize,
    },
}

impl ModelError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Json(_) => "model.json",
            Self::Kind { .. } => "model.kind",
            Self::Missing { .. } => "model.missing",
            Self::Empty { .. } => "model.empty",
            Self::NotUrl { .. } => "model.url",
            Self::BaseContext { .. } => "model.base-context",
            Self::NoType { .. } => "model.type",
            Self::Time { .. } => "model.time",
            Self::Reversed { .. } => "model.reversed",
            Self::Repeated { .. } => "model.repeated",
            Self::Language { .. } => "model.language",
            Self::Digest { .. } => "model.digest",
            Self::Status { .. } => "model.status",
            Self::Envelope { .. } => "model.envelope",
            Self::SelfAsserted { .. } => "model.self-asserted",
            Self::TooMany { .. } => "model.too-many",
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> ProblemType {
        match self {
            Self::Json(_) => ProblemType::Parsing,
            _ => ProblemType::MalformedValue,
        }
    }
}
