//! Verifiable presentations: structure.

use super::Version;
use super::credential::{id_of, one_or_many, strings};
use super::error::ModelError;
use super::rules::{self, kind, optional_id, types, url};
use super::structure::typed;
use chop_integrity::json::{self, Limits};
use serde_json::{Map, Value};

/// The most credentials that one presentation may hold.
const MAX_CREDENTIALS: usize = 100;

/// Is a presentation whose structure holds; its credentials are parsed apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Presentation {
    json: Map<String, Value>,
    version: Version,
}

/// Is a credential as it stands in a presentation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Held<'a> {
    /// A credential with, or without, its own proof.
    Embedded(&'a Map<String, Value>),
    /// An `EnvelopedVerifiableCredential`: its `data:` URL.
    Enveloped(&'a str),
    /// A compact JWT of version 1.1, in a presentation that is one.
    Token(&'a str),
}

impl Presentation {
    /// Parses an unsecured presentation from strict JSON.
    ///
    /// # Errors
    /// When the bytes are not strict JSON or break a rule of the data model; `proof` may not stand in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::from_value(json::parse(bytes, &Limits::CREDENTIAL)?)
    }

    /// Takes an unsecured presentation from parsed JSON.
    ///
    /// # Errors
    /// When it breaks a rule of the data model, or holds `proof`.
    pub fn from_value(value: Value) -> Result<Self, ModelError> {
        match value {
            Value::Object(json) => Self::from_map(json),
            other => Err(ModelError::Kind {
                property: "the presentation",
                expected: "an object",
                found: kind(&other),
            }),
        }
    }

    /// Takes a presentation's members without `proof`.
    pub(crate) fn from_map(json: Map<String, Value>) -> Result<Self, ModelError> {
        Self::with(json, false)
    }

    /// Takes the document of a version 1.1 JWT, whose credentials may be JWTs too (VC Data Model 1.1 §6.3.1).
    pub(crate) fn from_jwt(json: Map<String, Value>) -> Result<Self, ModelError> {
        Self::with(json, true)
    }

    fn with(json: Map<String, Value>, tokens: bool) -> Result<Self, ModelError> {
        if let Some(proof) = json.get("proof") {
            return Err(ModelError::Kind {
                property: "proof",
                expected: "absent",
                found: kind(proof),
            });
        }
        let version = rules::version(&json)?;
        if !types(json.get("type"), "type")?.contains(&"VerifiablePresentation") {
            return Err(ModelError::NoType {
                property: "type",
                wanted: "VerifiablePresentation",
            });
        }
        optional_id(&json, "id")?;
        match json.get("holder") {
            None => {}
            Some(Value::Object(holder)) => {
                let id = holder.get("id").ok_or(ModelError::Missing {
                    property: "holder.id",
                })?;
                url(id, "holder.id")?;
            }
            Some(value) => {
                url(value, "holder")?;
            }
        }
        typed(&json, "termsOfUse", "termsOfUse.type", "termsOfUse.id")?;
        held(&json, tokens)?;
        Ok(Self { json, version })
    }

    /// Returns the data model's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns `id`.
    pub fn id(&self) -> Option<&str> {
        self.json.get("id").and_then(Value::as_str)
    }

    /// Lists `type`.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        strings(self.json.get("type"))
    }

    /// Returns the holder's URL.
    pub fn holder(&self) -> Option<&str> {
        id_of(self.json.get("holder"))
    }

    /// Lists the credentials.
    pub fn credentials(&self) -> impl Iterator<Item = Held<'_>> {
        one_or_many(self.json.get("verifiableCredential")).filter_map(|credential| match credential
        {
            Value::String(token) => Some(Held::Token(token)),
            Value::Object(object) if is_envelope(object, "EnvelopedVerifiableCredential") => {
                let id = object.get("id").and_then(Value::as_str);
                Some(Held::Enveloped(id.unwrap_or_default()))
            }
            Value::Object(object) => Some(Held::Embedded(object)),
            _ => None,
        })
    }

    /// Returns the JSON without `proof`.
    pub fn json(&self) -> &Map<String, Value> {
        &self.json
    }

    /// Gives the JSON without `proof` away.
    pub fn into_json(self) -> Map<String, Value> {
        self.json
    }
}

/// Says whether an object is an envelope of the given type.
pub(crate) fn is_envelope(object: &Map<String, Value>, name: &str) -> bool {
    strings(object.get("type")).any(|found| found == name)
}

fn held(json: &Map<String, Value>, tokens: bool) -> Result<(), ModelError> {
    const PROPERTY: &str = "verifiableCredential";
    let found = one_or_many(json.get(PROPERTY)).count();
    if found > MAX_CREDENTIALS {
        return Err(ModelError::TooMany {
            property: PROPERTY,
            found,
            max: MAX_CREDENTIALS,
        });
    }
    one_or_many(json.get(PROPERTY)).try_for_each(|credential| {
        let credential = match credential {
            Value::Object(credential) => credential,
            Value::String(_) if tokens => return Ok(()),
            other => {
                return Err(ModelError::Kind {
                    property: PROPERTY,
                    expected: "an object or an array of objects",
                    found: kind(other),
                });
            }
        };
        let names = types(credential.get("type"), "verifiableCredential.type")?;
        if names.contains(&"EnvelopedVerifiableCredential") {
            envelope(credential)
        } else if names.contains(&"VerifiableCredential") {
            self_asserted(credential, json)
        } else {
            Err(ModelError::NoType {
                property: "verifiableCredential.type",
                wanted: "VerifiableCredential",
            })
        }
    })
}

/// A credential without a proof of its own is secured by the presentation's: its issuer must be the holder.
fn self_asserted(
    credential: &Map<String, Value>,
    presentation: &Map<String, Value>,
) -> Result<(), ModelError> {
    let issuer = id_of(credential.get("issuer")).unwrap_or_default();
    let holder = id_of(presentation.get("holder")).unwrap_or_default();
    if credential.contains_key("proof") || (issuer == holder && !holder.is_empty()) {
        Ok(())
    } else {
        Err(ModelError::SelfAsserted {
            issuer: issuer.to_owned(),
            holder: holder.to_owned(),
        })
    }
}

/// Checks an enveloped credential or presentation (VC Data Model 2.0 §4.13.1, §4.13.2).
pub(crate) fn envelope(object: &Map<String, Value>) -> Result<(), ModelError> {
    let base = Version::V2.base_context();
    let based = match object.get("@context") {
        Some(Value::String(one)) => one == base,
        Some(Value::Array(items)) => items.first().and_then(Value::as_str) == Some(base),
        _ => false,
    };
    if !based {
        return Err(ModelError::Envelope {
            reason: "@context does not begin with the base context",
        });
    }
    if object.contains_key("proof") {
        return Err(ModelError::Envelope {
            reason: "it carries a proof beside what it envelops",
        });
    }
    match object.get("id").and_then(Value::as_str) {
        Some(id) if id.starts_with("data:") => Ok(()),
        _ => Err(ModelError::Envelope {
            reason: "id is no data: URL",
        }),
    }
}
