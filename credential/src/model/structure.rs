//! The rules of the data model that a credential's own members keep.

use super::Version;
use super::credential::objects;
use super::error::ModelError;
use super::rules::{each_object, is_media_type, kind, language, optional_id, time, types, url};
use crate::contexts::digest::ResourceDigest;
use crate::status::StatusEntry;
use chop_integrity::Timestamp;
use serde_json::{Map, Value};

pub(super) fn issuer(json: &Map<String, Value>, version: Version) -> Result<(), ModelError> {
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

pub(super) fn subjects(json: &Map<String, Value>) -> Result<(), ModelError> {
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

pub(super) fn validity(
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
pub(super) fn extensions(json: &Map<String, Value>, version: Version) -> Result<(), ModelError> {
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
pub(super) fn confidence(json: &Map<String, Value>) -> Result<(), ModelError> {
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

pub(super) fn schema_digests(
    entry: &Map<String, Value>,
) -> Result<Vec<ResourceDigest>, ModelError> {
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
