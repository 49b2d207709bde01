//! Verifiable credentials: structure.

use super::Version;
use super::error::ModelError;
use super::plain::{self, Written};
use super::rules::{self, kind, language, optional_id, types};
use super::structure::{confidence, extensions, issuer, schema_digests, subjects, validity};
use crate::contexts::digest::ResourceDigest;
use crate::contexts::named_contexts;
use crate::status::StatusEntry;
use chop_integrity::Timestamp;
use chop_integrity::json::{self, Limits, Plain};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Is a credential whose structure holds; whether anybody secured it is another question.
#[derive(Clone, Debug)]
pub struct Credential {
    form: Form,
    version: Version,
    valid_from: Option<Timestamp>,
    valid_until: Option<Timestamp>,
}

/// How a credential's members are held.
#[derive(Clone, Debug)]
enum Form {
    /// As values.
    Built {
        json: Map<String, Value>,
        /// Whether it has no members but [`BASIC`] ones, so that no other needs to be looked for.
        is_basic: bool,
    },
    /// As the text in which it came; the values are built when somebody asks for them.
    Written(Box<Written>),
}

/// The properties that nearly every credential has, and those that are looked at in every one.
pub(super) const BASIC: [&str; 9] = [
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
            form: Form::Built { json, is_basic },
            version,
            valid_from,
            valid_until,
        })
    }

    /// Takes a credential of version 2.0 that is written plainly, with what else `split` finds among the members that are not
    /// [`BASIC`], and takes away.
    ///
    /// # Errors
    /// The text, when [`Self::from_map`] must decide.
    pub(crate) fn from_plain<C>(
        plain: Plain,
        split: impl FnOnce(Map<String, Value>) -> Option<(C, Map<String, Value>)>,
    ) -> Result<(C, Self), Plain> {
        let Some(survey) = plain::survey(plain.members()) else {
            return Err(plain);
        };
        let further = survey.further.len();
        let Some((claims, own)) = split(survey.further) else {
            return Err(plain);
        };
        let is_sound = own.is_empty()
            || (!own.contains_key("proof")
                && extensions(&own, Version::V2).is_ok()
                && confidence(&own).is_ok());
        if !is_sound {
            return Err(plain);
        }
        let has_others = own.len() != further;
        let credential = Self {
            form: Form::Written(Box::new(Written::new(plain, own, has_others))),
            version: Version::V2,
            valid_from: survey.valid_from,
            valid_until: survey.valid_until,
        };
        Ok((claims, credential))
    }

    /// Returns the data model's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns `id`.
    pub fn id(&self) -> Option<&str> {
        match &self.form {
            Form::Built { json, .. } => json.get("id").and_then(Value::as_str),
            Form::Written(written) => written.id_of("id"),
        }
    }

    /// Lists `type`, `VerifiableCredential` among them.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        let (built, written) = match &self.form {
            Form::Built { json, .. } => (json.get("type"), None),
            Form::Written(written) => (None, Some(written)),
        };
        let written = written.into_iter().flat_map(|written| written.types());
        strings(built).chain(written)
    }

    /// Lists the types that say what the credential is: all but `VerifiableCredential`.
    pub fn specific_types(&self) -> impl Iterator<Item = &str> {
        self.types().filter(|name| *name != "VerifiableCredential")
    }

    /// Returns the issuer's URL.
    pub fn issuer(&self) -> &str {
        let id = match &self.form {
            Form::Built { json, .. } => id_of(json.get("issuer")),
            Form::Written(written) => written.id_of("issuer"),
        };
        id.unwrap_or_default()
    }

    /// Lists the subjects.
    pub fn subjects(&self) -> impl Iterator<Item = &Map<String, Value>> {
        objects(self.json().get("credentialSubject"))
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
        match &self.form {
            Form::Built { is_basic: true, .. } => None,
            Form::Built { json, .. } => json.get(property),
            Form::Written(written) => written.extension(property),
        }
    }

    /// Lists the contexts that it names, as [`named_contexts`] does.
    pub fn named_contexts(&self) -> BTreeSet<&str> {
        match &self.form {
            Form::Built { json, .. } => named_contexts(json),
            Form::Written(written) => written.named_contexts(),
        }
    }

    /// Returns the text in which it came, if that is how it is held.
    pub(crate) fn written(&self) -> Option<&Written> {
        match &self.form {
            Form::Built { .. } => None,
            Form::Written(written) => Some(written),
        }
    }

    /// Returns the JSON without `proof`.
    pub fn json(&self) -> &Map<String, Value> {
        match &self.form {
            Form::Built { json, .. } => json,
            Form::Written(written) => written.json(),
        }
    }

    /// Gives the JSON without `proof` away.
    pub fn into_json(self) -> Map<String, Value> {
        match self.form {
            Form::Built { json, .. } => json,
            Form::Written(written) => written.into_json(),
        }
    }
}

impl PartialEq for Credential {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version && self.json() == other.json()
    }
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
