//! Why an SD-JWT does not count, and why none was made.

use crate::problem::ProblemType;
use crate::securing::jose::JoseError;
use chop_integrity::json::JsonError;

/// Says why text is no SD-JWT (RFC 9901 §7.1). Disclosures are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SdJwtError {
    /// One of its JWTs is malformed.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// Its parts are not what they must be.
    #[error("SD-JWT is malformed: {reason}")]
    Form {
        /// What is wrong.
        reason: &'static str,
    },
    /// It carries too many disclosures.
    #[error("SD-JWT carries {found} disclosures, at most {max} are read")]
    TooMany {
        /// The disclosures found.
        found: usize,
        /// The most disclosures read.
        max: usize,
    },
    /// A disclosure is malformed.
    #[error("disclosure {index} is malformed: {reason}")]
    Disclosure {
        /// Which one.
        index: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A disclosure is no strict JSON.
    #[error("disclosure {index} is refused: {error}")]
    DisclosureJson {
        /// Which one.
        index: usize,
        /// Why.
        error: JsonError,
    },
    /// A disclosure's claim name is one that carries digests.
    #[error("disclosure {index} carries a reserved name, one of _sd, ... and _sd_alg")]
    Reserved {
        /// Which one.
        index: usize,
    },
    /// A disclosure stands twice.
    #[error("disclosure {index} stands there already")]
    Repeated {
        /// Which one.
        index: usize,
    },
    /// No digest references a disclosure.
    #[error("disclosure {index} is referenced by no digest")]
    Unused {
        /// Which one.
        index: usize,
    },
    /// A disclosure's claim stands in its object already.
    #[error("disclosure {index} adds a claim that its object has already")]
    Collision {
        /// Which one.
        index: usize,
    },
    /// A disclosure for an array stands in an object, or the other way round.
    #[error(
        "disclosure {index} has {found} elements, its digest stands in {place}, which takes {expected}"
    )]
    Kind {
        /// Which one.
        index: usize,
        /// `an object` or `an array`.
        place: &'static str,
        /// The elements that it must have.
        expected: usize,
        /// The elements that it has.
        found: usize,
    },
    /// A digest stands twice.
    #[error("a digest stands twice")]
    RepeatedDigest,
    /// `_sd` is no array of strings.
    #[error("_sd is no array of strings")]
    Digests,
    /// `...` stands somewhere else than alone in an element of an array, with a digest.
    #[error("... stands for anything but the digest of an array's element")]
    Placeholder,
    /// `_sd_alg` names an algorithm that is not used here.
    #[error("_sd_alg {found:?} is none of sha-256, sha-384, sha-512")]
    Algorithm {
        /// What it names.
        found: String,
    },
    /// `_sd_alg` stands below the top.
    #[error("_sd_alg stands below the top of the payload")]
    NestedAlgorithm,
    /// The claims are nested too deeply.
    #[error("claims are nested more than {max} levels deep")]
    TooDeep {
        /// The most levels read.
        max: usize,
    },
    /// A claim that must be plain for everybody is selectively disclosable.
    #[error("claim {claim} is selectively disclosable, which it must not be")]
    NotDisclosable {
        /// The claim.
        claim: &'static str,
    },
}

impl SdJwtError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Jose(error) => error.rule(),
            Self::Form { .. } => "sd-jwt.form",
            Self::TooMany { .. } => "sd-jwt.too-many",
            Self::Disclosure { .. } | Self::DisclosureJson { .. } => "sd-jwt.disclosure",
            Self::Reserved { .. } => "sd-jwt.reserved-name",
            Self::Repeated { .. } => "sd-jwt.repeated-disclosure",
            Self::Unused { .. } => "sd-jwt.unused-disclosure",
            Self::Collision { .. } => "sd-jwt.collision",
            Self::Kind { .. } => "sd-jwt.disclosure-kind",
            Self::RepeatedDigest => "sd-jwt.repeated-digest",
            Self::Digests => "sd-jwt.digests",
            Self::Placeholder => "sd-jwt.placeholder",
            Self::Algorithm { .. } => "sd-jwt.algorithm",
            Self::NestedAlgorithm => "sd-jwt.nested-algorithm",
            Self::TooDeep { .. } => "sd-jwt.depth",
            Self::NotDisclosable { .. } => "sd-jwt.not-disclosable",
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> ProblemType {
        match self {
            Self::Jose(_) => ProblemType::CryptographicSecurity,
            _ => ProblemType::Parsing,
        }
    }
}

/// Says why claims were not concealed, or not disclosed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConcealError {
    /// A pointer is no JSON pointer (RFC 6901), or points to everything.
    #[error("{pointer:?} is no JSON pointer to a claim")]
    Pointer {
        /// The pointer.
        pointer: String,
    },
    /// There is no claim at a pointer.
    #[error("there is no claim at {pointer:?}")]
    NoClaim {
        /// The pointer.
        pointer: String,
    },
    /// A claim must stay plain for everybody.
    #[error("{pointer:?} must not be selectively disclosable")]
    Plain {
        /// The pointer.
        pointer: String,
    },
    /// The claims use a name that carries digests.
    #[error("claims hold the reserved name {name:?}")]
    Reserved {
        /// The name.
        name: String,
    },
    /// Too many claims shall be disclosable, or too many decoys shall be added.
    #[error("{found} disclosable claims or decoys are asked for, at most {max} are made")]
    TooMany {
        /// What is asked for.
        found: usize,
        /// The most that is made.
        max: usize,
    },
}
