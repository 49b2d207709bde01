//! DID URL dereferencing (DID Resolution, DID URL Dereferencing; SPEC §7.6).

use super::{DID_MEDIA_TYPE, ErrorKind, ResolutionError, Resolved};
use crate::did::DidUrl;
use crate::document::Relationship;
use serde_json::{Map, Value, json};

/// Query parameters that choose a version and are dealt with before dereferencing.
const VERSION_PARAMETERS: [&str; 2] = ["versionId", "versionTime"];

/// What a DID URL leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Dereferenced {
    /// The whole document.
    Document(Resolved),
    /// A part of the document that a fragment names: a verification method or a service.
    Part {
        /// The part, with the document's contexts.
        content: Value,
        /// The resolution that it comes from.
        resolved: Resolved,
    },
    /// Service endpoints that `service`, `serviceType` and `relativeRef` select.
    Endpoints {
        /// The URLs, at least one.
        urls: Vec<String>,
        /// The document with the selected services only.
        resolved: Resolved,
    },
}

/// Follows a DID URL into a resolved document; `relationship` asks that a fragment names a method that serves it.
///
/// # Errors
/// Returns `NOT_FOUND` for what is not there, `INVALID_OPTIONS` for an unknown relationship, `INVALID_VERIFICATION_METHOD` or
/// `INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD` when the fragment names something else.
pub fn dereference(
    url: &DidUrl,
    resolved: &Resolved,
    relationship: Option<&str>,
) -> Result<Dereferenced, ResolutionError> {
    let Some(document) = &resolved.document else {
        return Ok(Dereferenced::Document(resolved.clone()));
    };
    if url.parameter("service").is_some() || url.parameter("serviceType").is_some() {
        return endpoints(url, resolved, document);
    }
    if !url.path().is_empty() {
        return path(url, resolved, document);
    }
    if url
        .parameters()
        .any(|(name, _)| !VERSION_PARAMETERS.contains(&name))
    {
        return Err(not_found("no rule dereferences this query"));
    }
    match url.fragment() {
        None => Ok(Dereferenced::Document(resolved.clone())),
        Some(fragment) => part(fragment, resolved, document, relationship),
    }
}

impl Dereferenced {
    /// Returns the media type of the content.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Document(resolved) => resolved.content_type,
            Self::Part { .. } => DID_MEDIA_TYPE,
            Self::Endpoints { .. } => "text/uri-list",
        }
    }

    /// Returns the one web address that a 303 answer leads to.
    pub fn redirect(&self) -> Option<&str> {
        match self {
            Self::Endpoints { urls, .. } => match urls.as_slice() {
                [url] if url.starts_with("https://") || url.starts_with("http://") => Some(url),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the bare content; URLs as a list of strings.
    pub fn content(&self) -> Value {
        match self {
            Self::Document(resolved) => json!(resolved.document),
            Self::Part { content, .. } => content.clone(),
            Self::Endpoints { urls, .. } => json!(urls),
        }
    }

    /// Returns the HTTP status: 303 for one endpoint, 410 for a deactivated DID, else 200.
    pub fn status(&self) -> u16 {
        match self {
            Self::Document(resolved) => resolved.status(),
            Self::Endpoints { .. } if self.redirect().is_some() => 303,
            _ => 200,
        }
    }

    /// Returns the dereferencing result as JSON: `application/did-url-dereferencing`.
    pub fn to_result(&self) -> Value {
        let (Self::Document(resolved)
        | Self::Part { resolved, .. }
        | Self::Endpoints { resolved, .. }) = self;
        json!({
            "dereferencingMetadata": {"contentType": self.content_type()},
            "contentStream": self.content(),
            "contentMetadata": resolved.metadata.to_json(),
        })
    }
}

/// Finds the verification method or service that a fragment names.
fn part(
    fragment: &str,
    resolved: &Resolved,
    document: &Value,
    relationship: Option<&str>,
) -> Result<Dereferenced, ResolutionError> {
    let owner = id_of(document).unwrap_or_default();
    let names = |id: &str| id.strip_prefix(owner).unwrap_or(id).strip_prefix('#') == Some(fragment);
    let lists = std::iter::once("verificationMethod")
        .chain(Relationship::ALL.map(Relationship::as_str))
        .chain(["service"]);
    let found = lists
        .flat_map(|list| entries(document, list))
        .find(|entry| entry.is_object() && id_of(entry).is_some_and(names))
        .ok_or_else(|| not_found("the document has no such fragment"))?;
    if let Some(name) = relationship {
        let relationship = Relationship::parse(name).ok_or_else(|| {
            ResolutionError::new(
                ErrorKind::InvalidOptions,
                format!("{name} is no verification relationship"),
            )
        })?;
        if found.get("controller").is_none() || found.get("type").is_none() {
            return Err(ResolutionError::new(
                ErrorKind::InvalidVerificationMethod,
                "the fragment names no verification method",
            ));
        }
        let serves = entries(document, relationship.as_str())
            .any(|entry| entry.as_str().or_else(|| id_of(entry)).is_some_and(names));
        if !serves {
            let detail = format!("the verification method is not listed under {relationship}");
            return Err(ResolutionError::new(ErrorKind::InvalidRelationship, detail));
        }
    }
    let mut content = Map::new();
    if let Some(context) = document.get("@context") {
        content.insert("@context".to_owned(), context.clone());
    }
    content.extend(found.as_object().cloned().unwrap_or_default());
    Ok(Dereferenced::Part {
        content: Value::Object(content),
        resolved: resolved.clone(),
    })
}

/// Selects services and resolves `relativeRef` against their endpoints (RFC 3986 §5).
fn endpoints(
    url: &DidUrl,
    resolved: &Resolved,
    document: &Value,
) -> Result<Dereferenced, ResolutionError> {
    let owner = id_of(document).unwrap_or_default();
    let is_selected = |service: &&Value| {
        let fragment =
            id_of(service).map(|id| id.strip_prefix(owner).unwrap_or(id).trim_start_matches('#'));
        let wanted = url.parameter("service").map(|name| {
            name.strip_prefix(owner)
                .unwrap_or(name)
                .trim_start_matches('#')
        });
        let of_type = |kind: &str| match service.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().any(|entry| entry.as_str() == Some(kind)),
            other => other.and_then(Value::as_str) == Some(kind),
        };
        wanted.is_none_or(|wanted| fragment == Some(wanted))
            && url.parameter("serviceType").is_none_or(of_type)
    };
    let services: Vec<&Value> = entries(document, "service").filter(is_selected).collect();
    let mut urls = Vec::new();
    for endpoint in services
        .iter()
        .filter_map(|service| service.get("serviceEndpoint"))
    {
        let strings = match endpoint {
            Value::Array(entries) => entries.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().into_iter().collect::<Vec<_>>(),
        };
        for base in strings {
            urls.push(join(base, url.parameter("relativeRef"), url.fragment())?);
        }
    }
    if urls.is_empty() {
        return Err(not_found(
            "the document has no such service with a URL as its endpoint",
        ));
    }
    let mut selected = resolved.clone();
    if let Some(Value::Object(members)) = &mut selected.document {
        members.insert("service".to_owned(), json!(services));
    }
    Ok(Dereferenced::Endpoints {
        urls,
        resolved: selected,
    })
}

/// Dereferences a path: did:webvh maps it onto its web location; did:chop and the others give paths no meaning.
fn path(
    url: &DidUrl,
    resolved: &Resolved,
    document: &Value,
) -> Result<Dereferenced, ResolutionError> {
    if url.did().method() != "webvh" {
        return Err(not_found("the method gives paths no meaning"));
    }
    let owner = id_of(document).unwrap_or_default();
    let is_named = |service: &&Value, name: &str| {
        id_of(service).is_some_and(|id| id.strip_prefix(owner).unwrap_or(id) == name)
    };
    let service = |name: &str| entries(document, "service").find(|service| is_named(service, name));
    let endpoint = |name: &str| {
        service(name)
            .and_then(|service| service.get("serviceEndpoint"))
            .and_then(Value::as_str)
    };
    let target = match (url.path(), endpoint("#whois"), endpoint("#files")) {
        ("/whois", Some(whois), _) => whois.to_owned(),
        ("/whois", None, _) => crate::webvh::base_url(url.did())? + "/whois.vp",
        (path, _, Some(files)) => format!("{}{path}", files.trim_end_matches('/')),
        (path, _, None) => crate::webvh::base_url(url.did())? + path,
    };
    Ok(Dereferenced::Endpoints {
        urls: vec![target],
        resolved: resolved.clone(),
    })
}

/// Resolves a relative reference; the result stays with the endpoint's scheme, host and port.
fn join(
    base: &str,
    reference: Option<&str>,
    fragment: Option<&str>,
) -> Result<String, ResolutionError> {
    let invalid = |detail: &str| ResolutionError::new(ErrorKind::InvalidDidUrl, detail);
    let mut joined = match reference {
        None => base.to_owned(),
        Some(reference) => {
            let base = url::Url::parse(base).map_err(|_| {
                invalid("the service endpoint is no URL that a relativeRef can follow")
            })?;
            let joined = base
                .join(reference)
                .map_err(|_| invalid("relativeRef is no relative reference"))?;
            if joined.origin() != base.origin()
                || !joined.username().is_empty()
                || joined.scheme() != base.scheme()
            {
                return Err(invalid("relativeRef leaves the service endpoint's origin"));
            }
            joined.to_string()
        }
    };
    if let Some(fragment) = fragment {
        if joined.contains('#') {
            return Err(invalid("both the endpoint and the DID URL have a fragment"));
        }
        joined.push('#');
        joined.push_str(fragment);
    }
    Ok(joined)
}

fn entries<'a>(document: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    document
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn id_of(entry: &Value) -> Option<&str> {
    entry.get("id").and_then(Value::as_str)
}

fn not_found(detail: &str) -> ResolutionError {
    ResolutionError::new(ErrorKind::NotFound, detail)
}
