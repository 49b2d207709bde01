//! Type Metadata: what a type says of its claims (draft-ietf-oauth-sd-jwt-vc-19 §6).
//!
//! Names and display are for wallets; the rules on claims are checked here. That draft knows no JSON Schema in it, as drafts before
//! -11 did.

mod check;

use super::{Integrity, IntegrityError, SdJwtVc};
use crate::verdict::Finding;
use chop_integrity::json::{self, JsonError, Limits};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The most types that one type may extend, one after the other.
pub const MAX_EXTENDS: usize = 8;

/// How metadata may be written.
const LIMITS: Limits = Limits {
    max_bytes: 256 * 1024,
    max_depth: 32,
};

/// The most claims that one type may describe.
const MAX_CLAIMS: usize = 1_000;

/// The most steps of one path.
const MAX_STEPS: usize = 32;

/// Is the metadata of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeMetadata {
    /// `vct`.
    pub vct: String,
    /// `extends`, the type that it extends, with its integrity.
    pub extends: Option<(String, Option<Integrity>)>,
    /// `claims`.
    pub claims: Vec<ClaimRule>,
}

/// Is what a type says of the claims at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    /// `path`.
    pub path: Vec<PathStep>,
    /// `mandatory`: the issuer must include it.
    pub mandatory: bool,
    /// `sd`.
    pub disclosability: Disclosability,
}

/// Is one step of a claim path (§6.6.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathStep {
    /// To the member of this name.
    Name(String),
    /// To the element at this place.
    Index(u64),
    /// To every element.
    Every,
}

/// Says whether a claim is selectively disclosable (§6.6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disclosability {
    /// The issuer must make it so.
    Always,
    /// The issuer may.
    #[default]
    Allowed,
    /// The issuer must not.
    Never,
}

/// Says why a type's metadata does not hold, or the credential does not fit it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// A document is not at hand.
    #[error("metadata of type {vct} could not be had: {reason}")]
    Unavailable {
        /// The type.
        vct: String,
        /// Why.
        reason: String,
    },
    /// A document is not the one that was meant.
    #[error("metadata of type {vct} has not the digest that is stated for it")]
    Digest {
        /// The type.
        vct: String,
    },
    /// An integrity text is malformed.
    #[error("extends#integrity: {0}")]
    Integrity(#[from] IntegrityError),
    /// A document is no strict JSON.
    #[error("type metadata is refused: {0}")]
    Json(#[from] JsonError),
    /// A document is not what it must be.
    #[error("type metadata: {reason}")]
    Form {
        /// What is wrong.
        reason: &'static str,
    },
    /// A document is of another type.
    #[error("metadata is of type {found:?}, it must be of {expected:?}")]
    Other {
        /// The type that was asked for.
        expected: String,
        /// The type that the document is of.
        found: String,
    },
    /// A type extends itself.
    #[error("type {vct} extends itself")]
    Cycle {
        /// The type.
        vct: String,
    },
    /// Types extend one another too far.
    #[error("types extend one another more than {max} times")]
    TooFar {
        /// The most times.
        max: usize,
    },
    /// A type loosens what the type that it extends makes binding.
    #[error("type {vct} loosens a rule of the type that it extends")]
    Loosened {
        /// The type.
        vct: String,
    },
    /// A path does not fit the claims.
    #[error("claim path {path} leads through something that is no object or array")]
    Path {
        /// The path, as JSON.
        path: String,
    },
    /// A claim is missing.
    #[error("claim {path} is mandatory, and was not issued")]
    Missing {
        /// The path, as JSON.
        path: String,
    },
    /// A claim is, or is not, selectively disclosable.
    #[error("claim {path} is {found}, its type says {expected}")]
    Disclosable {
        /// The path, as JSON.
        path: String,
        /// `selectively disclosable` or `plain`.
        found: &'static str,
        /// `always` or `never`.
        expected: &'static str,
    },
}

impl TypeError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "type.unavailable",
            Self::Digest { .. } => "type.digest",
            Self::Integrity(_) => "type.integrity",
            Self::Json(_) | Self::Form { .. } => "type.form",
            Self::Other { .. } => "type.other",
            Self::Cycle { .. } => "type.cycle",
            Self::TooFar { .. } => "type.too-far",
            Self::Loosened { .. } => "type.loosened",
            Self::Path { .. } => "type.path",
            Self::Missing { .. } => "type.mandatory",
            Self::Disclosable { .. } => "type.disclosable",
        }
    }
}

impl TypeMetadata {
    /// Reads the metadata of a type.
    ///
    /// # Errors
    /// When it is no strict JSON, of another type, or its `extends` or `claims` are malformed.
    pub fn parse(bytes: &[u8], vct: &str) -> Result<Self, TypeError> {
        let form = |reason| TypeError::Form { reason };
        let Value::Object(metadata) = json::parse(bytes, &LIMITS)? else {
            return Err(form("it is no object"));
        };
        let found = text(&metadata, "vct")?.unwrap_or_default();
        if found != vct {
            return Err(TypeError::Other {
                expected: vct.to_owned(),
                found: found.to_owned(),
            });
        }
        let integrity = text(&metadata, "extends#integrity")?
            .map(Integrity::parse)
            .transpose()?;
        let claims = match metadata.get("claims") {
            None => Vec::new(),
            Some(Value::Array(claims)) if claims.len() <= MAX_CLAIMS => {
                claims.iter().map(rule).collect::<Result<_, _>>()?
            }
            Some(_) => return Err(form("claims is no array, or too long")),
        };
        Ok(Self {
            vct: vct.to_owned(),
            extends: text(&metadata, "extends")?.map(|base| (base.to_owned(), integrity)),
            claims,
        })
    }
}

/// Puts the rules of a type together with those of the types that it extends, from documents at hand by type.
///
/// # Errors
/// When a document is missing, not the one that was meant, malformed, or of another type; when types extend one another in a
/// circle or too far; or when one loosens what it extends (§6.6.5.1).
pub fn effective_rules(
    credential: &SdJwtVc,
    documents: &BTreeMap<String, Finding<Vec<u8>>>,
) -> Result<Vec<ClaimRule>, TypeError> {
    let mut chain: Vec<TypeMetadata> = Vec::new();
    let mut next = Some((credential.vct().to_owned(), credential.integrity().cloned()));
    while let Some((vct, integrity)) = next.take() {
        if chain.iter().any(|known| known.vct == vct) {
            return Err(TypeError::Cycle { vct });
        }
        if chain.len() > MAX_EXTENDS {
            return Err(TypeError::TooFar { max: MAX_EXTENDS });
        }
        let document = at_hand(&vct, documents)?;
        if integrity.is_some_and(|integrity| !integrity.matches(document)) {
            return Err(TypeError::Digest { vct });
        }
        let metadata = TypeMetadata::parse(document, &vct)?;
        next.clone_from(&metadata.extends);
        chain.push(metadata);
    }
    let mut rules: BTreeMap<Vec<PathStep>, ClaimRule> = BTreeMap::new();
    for metadata in chain.into_iter().rev() {
        for rule in metadata.claims {
            if let Some(base) = rules.get(&rule.path)
                && base.binds_against(&rule)
            {
                return Err(TypeError::Loosened { vct: metadata.vct });
            }
            rules.insert(rule.path.clone(), rule);
        }
    }
    Ok(rules.into_values().collect())
}

impl ClaimRule {
    fn binds_against(&self, extending: &Self) -> bool {
        let loosens = self.disclosability != Disclosability::Allowed
            && extending.disclosability != self.disclosability;
        loosens || (self.mandatory && !extending.mandatory)
    }
}

fn at_hand<'d>(
    vct: &str,
    documents: &'d BTreeMap<String, Finding<Vec<u8>>>,
) -> Result<&'d [u8], TypeError> {
    let reason = match documents.get(vct) {
        Some(Finding::Found(bytes)) => return Ok(bytes),
        Some(Finding::Unreachable { reason }) => reason.clone(),
        Some(Finding::Absent) => "there is none".to_owned(),
        Some(Finding::NotSought) | None => "nobody looked for it".to_owned(),
    };
    Err(TypeError::Unavailable {
        vct: vct.to_owned(),
        reason,
    })
}

fn rule(claim: &Value) -> Result<ClaimRule, TypeError> {
    let form = |reason| TypeError::Form { reason };
    let claim = claim.as_object().ok_or(form("a claim is no object"))?;
    let path = match claim.get("path") {
        Some(Value::Array(path)) if (1..=MAX_STEPS).contains(&path.len()) => path,
        _ => return Err(form("a claim's path is no array of one to 32 steps")),
    };
    let step = |step: &Value| match step {
        Value::String(name) => Some(PathStep::Name(name.clone())),
        Value::Null => Some(PathStep::Every),
        Value::Number(index) => index.as_u64().map(PathStep::Index),
        _ => None,
    };
    let path = path
        .iter()
        .map(step)
        .collect::<Option<_>>()
        .ok_or(form("a step of a path is neither name, place nor null"))?;
    let mandatory = match claim.get("mandatory") {
        None => false,
        Some(Value::Bool(mandatory)) => *mandatory,
        Some(_) => return Err(form("mandatory is no boolean")),
    };
    let disclosability = match claim.get("sd").map(Value::as_str) {
        None | Some(Some("allowed")) => Disclosability::Allowed,
        Some(Some("always")) => Disclosability::Always,
        Some(Some("never")) => Disclosability::Never,
        Some(_) => return Err(form("sd is none of always, allowed, never")),
    };
    Ok(ClaimRule {
        path,
        mandatory,
        disclosability,
    })
}

fn text<'m>(
    metadata: &'m Map<String, Value>,
    member: &'static str,
) -> Result<Option<&'m str>, TypeError> {
    match metadata.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TypeError::Form {
            reason: "vct, extends or extends#integrity is no string",
        }),
    }
}
