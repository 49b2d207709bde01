//! Secured credentials and presentations: parsed, not yet verified.

mod claims;
mod credential;
mod presentation;

pub use claims::Claims;
pub(crate) use claims::claims as secured_claims;
pub(crate) use claims::{text_claim, time_claim};
pub use credential::SecuredCredential;
pub use presentation::SecuredPresentation;

use super::confirmation::Confirmation;
use super::cose::{CoseError, Sign1};
use super::jose::{JoseError, Token};
use super::sd_jwt::{SdJwt, SdJwtError};
use super::suites::Body;
use crate::model::{Credential, ModelError, Presentation, Version, kind};
use chop_integrity::JcsError;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The most proofs that one document may carry.
const MAX_PROOFS: usize = 32;

/// Says how a document is secured.
#[derive(Clone, Debug, PartialEq)]
pub enum Securing {
    /// Not at all.
    Unsecured,
    /// By these Data Integrity proofs.
    DataIntegrity(Vec<Map<String, Value>>),
    /// By the token that holds it (VC-JOSE-COSE).
    Jose(Box<Token>),
    /// By the SD-JWT that holds it (VC-JOSE-COSE §3.2).
    SdJwt(Box<SdJwt>),
    /// By the COSE message that holds it (VC-JOSE-COSE §3.3).
    Cose(Box<Sign1>),
}

/// Borrows what a signature is about.
#[derive(Clone, Copy, Debug)]
pub struct Secured<'a> {
    /// The document.
    pub document: Document<'a>,
    /// How it is secured.
    pub securing: &'a Securing,
    /// A token's registered claims.
    pub claims: &'a Claims,
    /// The issuer, or holder, that must have signed.
    pub signer: Option<&'a str>,
}

/// Borrows a document that may be secured.
#[derive(Clone, Copy, Debug)]
pub enum Document<'a> {
    /// A credential.
    Credential(&'a Credential),
    /// A presentation.
    Presentation(&'a Presentation),
}

impl<'a> Document<'a> {
    /// Returns what its proofs are about.
    pub(super) fn body(self) -> Body<'a> {
        match self {
            Self::Credential(credential) => credential
                .written()
                .map_or_else(|| Body::Built(credential.json()), Body::Written),
            Self::Presentation(presentation) => Body::Built(presentation.json()),
        }
    }

    /// Returns its JSON without `proof`.
    pub fn json(self) -> &'a Map<String, Value> {
        match self {
            Self::Credential(credential) => credential.json(),
            Self::Presentation(presentation) => presentation.json(),
        }
    }
}

/// Says why bytes are no secured credential or presentation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The document breaks the data model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The token is malformed.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// The SD-JWT is malformed.
    #[error(transparent)]
    SdJwt(#[from] SdJwtError),
    /// The COSE message is malformed.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// The document is of another version of the data model than its token or message is for.
    #[error("it holds a document of version {found}, where one of version {expected} must stand")]
    Version {
        /// The version that belongs there.
        expected: Version,
        /// The document's.
        found: Version,
    },
}

impl ParseError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Model(error) => error.rule(),
            Self::Jose(error) => error.rule(),
            Self::SdJwt(error) => error.rule(),
            Self::Cose(error) => error.rule(),
            Self::Version { .. } => "securing.version",
        }
    }

    /// Returns the problem type.
    pub fn problem(&self) -> crate::ProblemType {
        match self {
            Self::Model(error) => error.problem(),
            Self::Jose(_) | Self::Cose(_) => crate::ProblemType::CryptographicSecurity,
            Self::Version { .. } => crate::ProblemType::MalformedValue,
            Self::SdJwt(error) => error.problem(),
        }
    }
}

impl Secured<'_> {
    fn verification_methods(&self) -> BTreeSet<String> {
        match self.securing {
            Securing::Unsecured => BTreeSet::new(),
            Securing::DataIntegrity(proofs) => proofs
                .iter()
                .filter_map(|proof| proof.get("verificationMethod")?.as_str())
                .map(str::to_owned)
                .collect(),
            Securing::Jose(token) => token.verification_method(self.signer).into_iter().collect(),
            Securing::SdJwt(sd_jwt) => {
                let method = sd_jwt.token().verification_method(self.signer);
                let holder = match &self.claims.confirmation {
                    Some(Confirmation::Method(holder)) if sd_jwt.key_binding().is_some() => {
                        Some(holder.clone())
                    }
                    _ => None,
                };
                method.into_iter().chain(holder).collect()
            }
            Securing::Cose(message) => message
                .verification_method(self.signer)
                .into_iter()
                .collect(),
        }
    }
}

impl Securing {
    /// Says in the mechanism's own terms that a claim does not hold.
    fn wrong_claim(&self, claim: &'static str, reason: &'static str) -> ParseError {
        match self {
            Self::Cose(_) => CoseError::Claim { claim, reason }.into(),
            _ => JoseError::Claim { claim, reason }.into(),
        }
    }
}

/// Checks that a document is of the version that its token or message is for.
fn of_version(found: Version, expected: Version) -> Result<(), ParseError> {
    if found == expected {
        Ok(())
    } else {
        Err(ParseError::Version { expected, found })
    }
}

enum Parsed<'a> {
    Cose(&'a [u8]),
    Text(&'a str),
    Json(&'a [u8]),
}

/// Tells by its first bytes what a document is.
fn parsed(bytes: &[u8]) -> Parsed<'_> {
    if Sign1::begins(bytes) {
        return Parsed::Cose(bytes);
    }
    let trimmed = bytes.trim_ascii();
    // A compact token begins with the base64url of `{`; JSON never begins with a letter that could be confused with it.
    if trimmed.first() == Some(&b'e')
        && let Ok(text) = std::str::from_utf8(trimmed)
    {
        return Parsed::Text(text);
    }
    Parsed::Json(bytes)
}

fn object(value: Value, property: &'static str) -> Result<Map<String, Value>, ModelError> {
    match value {
        Value::Object(json) => Ok(json),
        other => Err(ModelError::Kind {
            property,
            expected: "an object",
            found: kind(&other),
        }),
    }
}

/// Takes `proof` out of a document.
fn split(mut json: Map<String, Value>) -> Result<(Map<String, Value>, Securing), ModelError> {
    const PROPERTY: &str = "proof";
    let wrong = |found: &Value| ModelError::Kind {
        property: PROPERTY,
        expected: "an object or an array of objects",
        found: kind(found),
    };
    let proofs = match json.remove(PROPERTY) {
        None => return Ok((json, Securing::Unsecured)),
        Some(Value::Object(proof)) => vec![proof],
        Some(Value::Array(items)) if items.is_empty() => {
            return Err(ModelError::Empty { property: PROPERTY });
        }
        Some(Value::Array(items)) if items.len() > MAX_PROOFS => {
            return Err(ModelError::TooMany {
                property: PROPERTY,
                found: items.len(),
                max: MAX_PROOFS,
            });
        }
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::Object(proof) => Ok(proof),
                other => Err(wrong(&other)),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => return Err(wrong(&other)),
    };
    for proof in &proofs {
        match proof.get("type") {
            Some(Value::String(_)) => {}
            Some(other) => {
                return Err(ModelError::Kind {
                    property: "proof.type",
                    expected: "a string",
                    found: kind(other),
                });
            }
            None => {
                return Err(ModelError::Missing {
                    property: "proof.type",
                });
            }
        }
    }
    Ok((json, Securing::DataIntegrity(proofs)))
}

fn secured_bytes(json: &Map<String, Value>, securing: &Securing) -> Result<Vec<u8>, JcsError> {
    match securing {
        Securing::Jose(token) => Ok(token.compact().as_bytes().to_vec()),
        Securing::SdJwt(sd_jwt) => Ok(sd_jwt.token().compact().as_bytes().to_vec()),
        Securing::Cose(message) => Ok(message.bytes().to_vec()),
        Securing::Unsecured => chop_integrity::canonicalize(json),
        Securing::DataIntegrity(proofs) => chop_integrity::canonicalize(&Whole { json, proofs }),
    }
}

/// A document that is written with its proofs, where it is, without a copy.
struct Whole<'a> {
    json: &'a Map<String, Value>,
    proofs: &'a [Map<String, Value>],
}

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const PROOF: &str = "proof";
        let mut members = serializer.serialize_map(None)?;
        // Members that come in their order are not sorted again.
        let before = self
            .json
            .iter()
            .take_while(|(name, _)| name.as_str() < PROOF);
        for (name, value) in before {
            members.serialize_entry(name, value)?;
        }
        match self.proofs {
            [one] => members.serialize_entry(PROOF, one)?,
            several => members.serialize_entry(PROOF, several)?,
        }
        let after = self
            .json
            .iter()
            .skip_while(|(name, _)| name.as_str() < PROOF);
        for (name, value) in after {
            members.serialize_entry(name, value)?;
        }
        members.end()
    }
}
