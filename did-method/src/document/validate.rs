//! The static rules of a stored document: SPEC §4.5.

use super::lookup::Relationship;
use super::material::{self, Material};
use super::{DocumentError, MAX_ALSO_KNOWN_AS, MAX_DOCUMENT_BYTES, MAX_METHODS, MAX_SERVICES};
use chop_integrity::Timestamp;
use chop_keys::KeyType;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The longest URI that a document may hold, in bytes.
const MAX_URI_BYTES: usize = 512;

/// Checks every rule that concerns the document alone.
pub(super) fn check(document: &Value) -> Result<(), DocumentError> {
    let members = document.as_object().ok_or(DocumentError::Type {
        member: "document",
        expected: "an object",
    })?;
    for name in members.keys() {
        // SPEC §4.5: `id`, `controller`, `@context` and `proof` are the resolver's, not the document's.
        if !matches!(
            name.as_str(),
            "verificationMethod" | "service" | "alsoKnownAs"
        ) && Relationship::parse(name).is_none()
        {
            return Err(DocumentError::Member {
                place: "document",
                member: name.clone(),
            });
        }
    }
    let mut ids = BTreeSet::new();
    let mut methods = BTreeMap::new();
    for method in list(members, "verificationMethod", MAX_METHODS)? {
        let (id, material) = check_method(method)?;
        insert_id(&mut ids, id)?;
        methods.insert(id, material);
    }
    for relationship in Relationship::ALL {
        check_relationship(members, relationship, &methods)?;
    }
    for service in list(members, "service", MAX_SERVICES)? {
        insert_id(&mut ids, check_service(service)?)?;
    }
    check_also_known_as(members)?;
    check_size(members)
}

/// Checks one verification method and returns its id and key.
fn check_method(method: &Value) -> Result<(&str, Material), DocumentError> {
    let members = method.as_object().ok_or(DocumentError::Type {
        member: "verificationMethod",
        expected: "a list of objects",
    })?;
    for name in members.keys() {
        if !matches!(
            name.as_str(),
            "id" | "type"
                | "publicKeyMultibase"
                | "publicKeyJwk"
                | "revoked"
                | "expires"
                | "compromised"
        ) {
            return Err(DocumentError::Member {
                place: "verificationMethod",
                member: name.clone(),
            });
        }
    }
    let id = relative_id(members)?;
    let material = material::read(members).map_err(|reason| DocumentError::Material {
        id: id.to_owned(),
        reason,
    })?;
    // SPEC §4.5 lists the kinds of keys; P-521 is none of them.
    if matches!(&material, Material::Signing(key) if key.key_type() == KeyType::P521) {
        return Err(DocumentError::Material {
            id: id.to_owned(),
            reason: "P-521 keys are not among those of this method",
        });
    }
    for member in ["revoked", "expires", "compromised"] {
        let canonical = |time: &Value| {
            time.as_str()
                .is_some_and(|text| Timestamp::parse(text).is_ok())
        };
        if !members.get(member).is_none_or(canonical) {
            return Err(DocumentError::Time {
                id: id.to_owned(),
                member,
            });
        }
    }
    Ok((id, material))
}

/// Checks that a relationship refers to methods of this document whose keys can serve it, each once.
fn check_relationship(
    members: &Map<String, Value>,
    relationship: Relationship,
    methods: &BTreeMap<&str, Material>,
) -> Result<(), DocumentError> {
    let name = relationship.as_str();
    let mut seen = BTreeSet::new();
    for reference in list(members, name, MAX_METHODS)? {
        let id = reference.as_str().ok_or(DocumentError::Type {
            member: name,
            expected: "a list of relative ids",
        })?;
        let agrees = relationship == Relationship::KeyAgreement;
        let serves = match methods.get(id) {
            Some(Material::Agreement) => agrees,
            // SPEC §4.5: only keys that this ledger can check act on it.
            Some(Material::Bls) => matches!(
                relationship,
                Relationship::AssertionMethod | Relationship::Authentication
            ),
            Some(Material::Signing(_)) => !agrees,
            None => false,
        };
        if !serves {
            return Err(DocumentError::Reference {
                relationship: name,
                id: id.to_owned(),
            });
        }
        insert_id(&mut seen, id)?;
    }
    Ok(())
}

/// Checks one service and returns its id.
fn check_service(service: &Value) -> Result<&str, DocumentError> {
    let members = service.as_object().ok_or(DocumentError::Type {
        member: "service",
        expected: "a list of objects",
    })?;
    for name in members.keys() {
        if !matches!(name.as_str(), "id" | "type" | "serviceEndpoint") {
            return Err(DocumentError::Member {
                place: "service",
                member: name.clone(),
            });
        }
    }
    let id = relative_id(members)?;
    match members.get("type") {
        Some(Value::String(text)) if is_short(text) => {}
        Some(Value::Array(types))
            if !types.is_empty() && types.iter().all(|t| t.as_str().is_some_and(is_short)) => {}
        _ => {
            return Err(DocumentError::Type {
                member: "service.type",
                expected: "a short string or a list of them",
            });
        }
    }
    check_endpoint(members.get("serviceEndpoint"))?;
    Ok(id)
}

/// Checks a service endpoint: a URI, an object, or a list of these (DID Core §5.4).
fn check_endpoint(endpoint: Option<&Value>) -> Result<(), DocumentError> {
    match endpoint {
        Some(Value::String(text)) => check_uri("serviceEndpoint", text),
        Some(Value::Object(members)) if !members.is_empty() => Ok(()),
        Some(Value::Array(entries))
            if !entries.is_empty() && !entries.iter().any(Value::is_array) =>
        {
            entries
                .iter()
                .try_for_each(|entry| check_endpoint(Some(entry)))
        }
        _ => Err(DocumentError::Type {
            member: "serviceEndpoint",
            expected: "a URI, an object or a list of these",
        }),
    }
}

fn check_also_known_as(members: &Map<String, Value>) -> Result<(), DocumentError> {
    let mut seen = BTreeSet::new();
    for entry in list(members, "alsoKnownAs", MAX_ALSO_KNOWN_AS)? {
        let text = entry.as_str().ok_or(DocumentError::Type {
            member: "alsoKnownAs",
            expected: "a list of URIs",
        })?;
        check_uri("alsoKnownAs", text)?;
        insert_id(&mut seen, text)?;
    }
    Ok(())
}

/// Measures the document without its marks, so that a full document can still mark its keys (SPEC §4.5).
fn check_size(members: &Map<String, Value>) -> Result<(), DocumentError> {
    let mut bare = members.clone();
    if let Some(Value::Array(methods)) = bare.get_mut("verificationMethod") {
        for method in methods.iter_mut().filter_map(Value::as_object_mut) {
            method.remove("revoked");
            method.remove("compromised");
        }
    }
    let bytes = chop_integrity::canonicalize(&bare).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > MAX_DOCUMENT_BYTES {
        Err(DocumentError::Size { bytes })
    } else {
        Ok(())
    }
}

/// Returns the entries of an optional, bounded, non-empty list.
fn list<'a>(
    members: &'a Map<String, Value>,
    member: &'static str,
    max: usize,
) -> Result<&'a [Value], DocumentError> {
    match members.get(member) {
        None => Ok(&[]),
        Some(Value::Array(entries)) if entries.len() > max => Err(DocumentError::Count {
            member,
            count: entries.len(),
            max,
        }),
        Some(Value::Array(entries)) if !entries.is_empty() => Ok(entries),
        Some(_) => Err(DocumentError::Type {
            member,
            expected: "a list that is not empty",
        }),
    }
}

/// Returns the relative id of a method or service: `#` and 1 to 64 unreserved characters.
fn relative_id(members: &Map<String, Value>) -> Result<&str, DocumentError> {
    let id = members
        .get("id")
        .and_then(Value::as_str)
        .ok_or(DocumentError::Type {
            member: "id",
            expected: "a relative id",
        })?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    match id.strip_prefix('#') {
        Some(name) if (1..=64).contains(&name.len()) && name.bytes().all(allowed) => Ok(id),
        _ => Err(DocumentError::Id { id: id.to_owned() }),
    }
}

fn insert_id<'a>(seen: &mut BTreeSet<&'a str>, id: &'a str) -> Result<(), DocumentError> {
    if seen.insert(id) {
        Ok(())
    } else {
        Err(DocumentError::Duplicate { id: id.to_owned() })
    }
}

fn is_short(text: &str) -> bool {
    (1..=MAX_URI_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn check_uri(member: &'static str, text: &str) -> Result<(), DocumentError> {
    if text.len() <= MAX_URI_BYTES && is_uri(text) {
        Ok(())
    } else {
        Err(DocumentError::Uri {
            member,
            text: text.chars().take(80).collect(),
        })
    }
}

/// Tells that a text is an absolute URI: a scheme, a colon, and only characters of RFC 3986 after it.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&b);
    scheme_ok && !rest.is_empty() && crate::did::first_bad_byte(rest.as_bytes(), allowed).is_none()
}
