//! Verifiable credentials: structure.

use super::Version;
use super::error::ModelError;
use super::rules::{
    self, each_object, is_media_type, kind, language, optional_id, time, types, url,
};
use crate::contexts::digest::ResourceDigest;
use crate::status::StatusEntry;
use chop_integrity::Timestamp;
use chop_integrity::json::{self, Limits};
use serde_json::{Map, Value};

/// Is a credential whose structure holds; whether anybody secured it is another question.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    json: Map<String, Value>,
    version: Version,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
    /// Whether it has no members but [`BASIC`] ones, so that no other needs to be looked for.
    is_basic: bool,
}

/// The properties that nearly every credential has, and those that are looked at in every one.
const BASIC: [&str; 9] = [
    "@context",
    "type",
    "id",
    "issuer",
    "name",
    "description",
    "credentialSubject",
    "validFrom",
    "validUntil",
];

/// Is a reference to a JSON Schema or another `credentialSchema`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaReference<'a> {
    /// Its URL.
    pub id: &'a str,
    /// Its type, such as `JsonSchema`.
    pub kind: &'a str,
    /// The digests that its bytes must have, all of them (VC JSON Schema 1.0 §4.1).
    pub digests: Vec<ResourceDigest>,
}

/// Is an entry of `relatedResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedResource<'a> {
    /// Its URL.
    pub id: &'a str,
    /// The media type under which it must be served, if it is named.
    pub media_type: Option<&'a str>,
    /// The digests that its bytes must have, all of them.
    pub digests: Vec<ResourceDigest>,
}

impl Credential {
    /// Parses an unsecured credential from strict JSON.
    ///
    /// # Errors
    /// When the bytes are not strict JSON or break a rule of the data model; `proof` may not stand in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        Self::from_value(json::parse(bytes, &Limits::CREDENTIAL)?)
    }

    /// Takes an unsecured credential from parsed JSON.
    ///
    /// # Errors
    /// When it breaks a rule of the data model, or holds `proof`.
    pub fn from_value(value: Value) -> Result<Self, ModelError> {
        let Value::Object(json) = value else {
            return Err(ModelError::Kind {
                property: "the credential",
                expected: "an object",
                found: kind(&value),
            });
        };
        Self::from_map(json)
    }

    /// Takes a credential's members without `proof`.
    pub(crate) fn from_map(json: Map<String, Value>) -> Result<Self, ModelError> {
        let is_basic = json.keys().all(|name| BASIC.contains(&name.as_str()));
        if !is_basic && let Some(proof) = json.get("proof") {
            return Err(ModelError::Kind {
                property: "proof",
                expected: "absent",
                found: kind(proof),
            });
        }
        let version = rules::version(&json)?;
        if !types(json.get("type"), "type")?.contains(&"VerifiableCredential") {
            return Err(ModelError::NoType {
                property: "type",
                wanted: "VerifiableCredential",
            });
        }
        optional_id(&json, "id")?;
        if version == Version::V2 {
            language(&json, "name", "name")?;
            language(&json, "description", "description")?;
        }
        issuer(&json, version)?;
        subjects(&json)?;
        let (valid_from, valid_until) = validity(&json, version)?;
        if !is_basic {
            extensions(&json, version)?;
        }
        confidence(&json)?;
        Ok(Self {
            json,
            version,
            valid_from,
            valid_until,
            is_basic,
        })
    }

    /// Returns the data model's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns `id`.
    pub fn id(&self) -> Option<&str> {
        self.json.get("id").and_then(Value::as_str)
    }

    /// Lists `type`, `VerifiableCredential` among them.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        strings(self.json.get("type"))
    }

    /// Lists the types that say what the credential is: all but `VerifiableCredential`.
    pub fn specific_types(&self) -> impl Iterator<Item = &str> {
        self.types().filter(|name| *name != "VerifiableCredential")
    }

    /// Returns the issuer's URL.
    pub fn issuer(&self) -> &str {
        id_of(self.json.get("issuer")).unwrap_or_default()
    }

    /// Lists the subjects.
    pub fn subjects(&self) -> impl Iterator<Item = &Map<String, Value>> {
        objects(self.json.get("credentialSubject"))
    }

    /// Lists the subjects' ids.
    pub fn subject_ids(&self) -> impl Iterator<Item = &str> {
        self.subjects()
            .filter_map(|subject| subject.get("id").and_then(Value::as_str))
    }

    /// Returns when validity begins.
    pub fn valid_from(&self) -> Option<Timestamp> {
        self.valid_from
    }

    /// Returns when validity ends.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Lists the Bitstring Status List entries.
    ///
    /// # Errors
    /// When an entry breaks a rule of Bitstring Status List 1.0 §2.1.
    pub fn status_entries(&self) -> Result<Vec<StatusEntry<'_>>, ModelError> {
        objects(self.extension("credentialStatus"))
            .map(StatusEntry::read)
            .collect()
    }

    /// Lists `credentialSchema`.
    pub fn schemas(&self) -> impl Iterator<Item = SchemaReference<'_>> {
        objects(self.extension("credentialSchema")).filter_map(|entry| {
            Some(SchemaReference {
                id: entry.get("id")?.as_str()?,
                kind: strings(entry.get("type")).next()?,
                digests: schema_digests(entry).ok()?,
            })
        })
    }

    /// Lists `relatedResource`.
    pub fn related_resources(&self) -> impl Iterator<Item = RelatedResource<'_>> {
        objects(self.extension("relatedResource")).filter_map(|entry| {
            Some(RelatedResource {
                id: entry.get("id")?.as_str()?,
                media_type: entry.get("mediaType").and_then(Value::as_str),
                digests: ResourceDigest::read(entry).ok()?,
            })
        })
    }

    /// Returns who copied the credential and whose document it is, if it was transcribed.
    ///
    /// It was if it has the type `TranscribedCredential`, or evidence of the type `Transcription`, whose `source` names the
    /// authority.
    pub fn transcription(&self) -> Option<(&str, Option<&str>)> {
        let entry = objects(self.extension("evidence"))
            .find(|entry| strings(entry.get("type")).any(|name| name == "Transcription"));
        let source = entry.and_then(|entry| id_of(entry.get("source")));
        (entry.is_some() || self.types().any(|name| name == "TranscribedCredential"))
            .then(|| (self.issuer(), source))
    }

    /// Lists the properties, each with the type of a value, that say something which no check here acts upon.
    pub fn unprocessed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            "termsOfUse",
            "evidence",
            "refreshService",
            "confidenceMethod",
            "renderMethod",
        ]
        .into_iter()
        .flat_map(|property| {
            objects(self.extension(property))
                .filter_map(|entry| strings(entry.get("type")).next())
                // Who copied what is shown by a mark of its own.
                .filter(|kind| *kind != "Transcription")
                .map(move |kind| (property, kind))
        })
    }

    /// Finds a property that is not one of [`BASIC`].
    fn extension(&self, property: &str) -> Option<&Value> {
        if self.is_basic {
            return None;
        }
        self.json.get(property)
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

fn issuer(json: &Map<String, Value>, version: Version) -> Result<(), ModelError> {
    match json.get("issuer") {
        None => Err(ModelError::Missing { property: "issuer" }),
        Some(Value::Object(issuer)) => {
            let id = issuer.get("id").ok_or(ModelError::Missing {
                property: "issuer.id",
            })?;
            url(id, "issuer.id")?;
            // Version 1.1 gives these no form; other contexts may define them as they like.
            if version == Version::V1 {
                return Ok(());
            }
            language(issuer, "name", "issuer.name")?;
            language(issuer, "description", "issuer.description")
        }
        Some(value) => url(value, "issuer").map(|_| ()),
    }
}

fn subjects(json: &Map<String, Value>) -> Result<(), ModelError> {
    const PROPERTY: &str = "credentialSubject";
    let value = json
        .get(PROPERTY)
        .ok_or(ModelError::Missing { property: PROPERTY })?;
    each_object(value, PROPERTY, |subject| {
        if subject.is_empty() {
            return Err(ModelError::Empty { property: PROPERTY });
        }
        optional_id(subject, "credentialSubject.id")
    })
}

fn validity(
    json: &Map<String, Value>,
    version: Version,
) -> Result<(Option<Timestamp>, Option<Timestamp>), ModelError> {
    let mut from = time(json, "validFrom", "validFrom")?;
    let mut until = time(json, "validUntil", "validUntil")?;
    if version == Version::V1 {
        let issued = time(json, "issuanceDate", "issuanceDate")?.ok_or(ModelError::Missing {
            property: "issuanceDate",
        })?;
        let expires = time(json, "expirationDate", "expirationDate")?;
        // Version 1.1 reserves the later names (§4.6, §4.8): whoever uses them means to narrow the validity.
        from = from.max(Some(issued));
        until = until.into_iter().chain(expires).min();
    }
    match (from, until) {
        (Some(from), Some(until)) if until < from => Err(ModelError::Reversed {
            from: from.to_string(),
            until: until.to_string(),
        }),
        both => Ok(both),
    }
}

/// Checks the properties by which the data model is extended (VC Data Model 2.0 §4.10, §4.11, §5, §5.10).
fn extensions(json: &Map<String, Value>, version: Version) -> Result<(), ModelError> {
    if let Some(value) = json.get("credentialStatus") {
        each_object(value, "credentialStatus", |entry| {
            types(entry.get("type"), "credentialStatus.type")?;
            optional_id(entry, "credentialStatus.id")?;
            if version == Version::V1 && !entry.contains_key("id") {
                return Err(ModelError::Missing {
                    property: "credentialStatus.id",
                });
            }
            StatusEntry::read(entry).map(|_| ())
        })?;
    }
    if let Some(value) = json.get("credentialSchema") {
        each_object(value, "credentialSchema", |entry| {
            types(entry.get("type"), "credentialSchema.type")?;
            let id = entry.get("id").ok_or(ModelError::Missing {
                property: "credentialSchema.id",
            })?;
            url(id, "credentialSchema.id")?;
            schema_digests(entry).map(|_| ())
        })?;
    }
    typed(
        json,
        "refreshService",
        "refreshService.type",
        "refreshService.id",
    )?;
    if version == Version::V1 {
        // VC Data Model 1.1 §5.4.
        if objects(json.get("refreshService")).any(|service| !service.contains_key("id")) {
            return Err(ModelError::Missing {
                property: "refreshService.id",
            });
        }
    }
    typed(json, "termsOfUse", "termsOfUse.type", "termsOfUse.id")?;
    typed(json, "evidence", "evidence.type", "evidence.id")?;
    typed(json, "renderMethod", "renderMethod.type", "renderMethod.id")?;
    related(json)
}

/// Checks the methods of confidence, of the credential and of each subject (VC Data Model 2.0 §5.10).
fn confidence(json: &Map<String, Value>) -> Result<(), ModelError> {
    objects(json.get("credentialSubject"))
        .chain([json])
        .try_for_each(|holder| {
            typed(
                holder,
                "confidenceMethod",
                "confidenceMethod.type",
                "confidenceMethod.id",
            )
        })
}

fn schema_digests(entry: &Map<String, Value>) -> Result<Vec<ResourceDigest>, ModelError> {
    ResourceDigest::annotated(
        entry,
        "credentialSchema.digestSRI",
        "credentialSchema.digestMultibase",
    )
}

/// Checks a property whose objects need a type and may have an id.
pub(super) fn typed(
    json: &Map<String, Value>,
    name: &'static str,
    type_path: &'static str,
    id_path: &'static str,
) -> Result<(), ModelError> {
    json.get(name).map_or(Ok(()), |value| {
        each_object(value, name, |entry| {
            types(entry.get("type"), type_path)?;
            optional_id(entry, id_path)
        })
    })
}

/// Checks `relatedResource` (VC Data Model 2.0 §5.3).
fn related(json: &Map<String, Value>) -> Result<(), ModelError> {
    const ID: &str = "relatedResource.id";
    let Some(value) = json.get("relatedResource") else {
        return Ok(());
    };
    let mut seen = std::collections::BTreeSet::new();
    each_object(value, "relatedResource", |entry| {
        let id = entry
            .get("id")
            .ok_or(ModelError::Missing { property: ID })?;
        let id = url(id, ID)?;
        if !seen.insert(id) {
            return Err(ModelError::Repeated {
                property: ID,
                value: id.to_owned(),
            });
        }
        if let Some(media) = entry.get("mediaType")
            && !media.as_str().is_some_and(is_media_type)
        {
            return Err(ModelError::Kind {
                property: "relatedResource.mediaType",
                expected: "a string that is a media type",
                found: kind(media),
            });
        }
        ResourceDigest::read(entry).map(|_| ())
    })
}

/// Lists the strings of a property that is one or several.
pub(crate) fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    one_or_many(value).filter_map(Value::as_str)
}

/// Lists the objects of a property that is one or several.
pub(super) fn objects(value: Option<&Value>) -> impl Iterator<Item = &Map<String, Value>> {
    one_or_many(value).filter_map(Value::as_object)
}

/// Lists the values of a property that is one or several.
pub(super) fn one_or_many(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let (one, many) = match value {
        Some(Value::Array(items)) => (None, items.as_slice()),
        other => (other, [].as_slice()),
    };
    one.into_iter().chain(many)
}

/// Reads the identifier of a property that is a URL or an object with `id`.
pub(super) fn id_of(value: Option<&Value>) -> Option<&str> {
    match value? {
        Value::String(id) => Some(id),
        Value::Object(object) => object.get("id")?.as_str(),
        _ => None,
    }
}
