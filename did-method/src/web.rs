//! did:web: where the document is, and whether what was found there is it (did:web method specification).

#[cfg(test)]
mod tests;

use crate::did::{Did, percent_decode};
use crate::resolution::{ErrorKind, ResolutionError, Resolved};
use chop_integrity::json::{self as strict, Limits};
use serde_json::Value;
use std::fmt::Write as _;

/// Maps a did:web to the https URL of its document.
///
/// # Errors
/// Returns `INVALID_DID` when the domain is an IP address or malformed, or a path segment is empty, climbs or hides a separator.
pub fn document_url(did: &Did) -> Result<String, ResolutionError> {
    if did.method() != "web" {
        return Err(ResolutionError::new(
            ErrorKind::MethodNotSupported,
            "this is no did:web",
        ));
    }
    let place = Place::parse(did.id())?;
    Ok(place.file("did.json"))
}

/// Checks that the bytes found at [`document_url`] are the document of this did:web.
///
/// # Errors
/// Returns `INVALID_DID_DOCUMENT` when they are no strict JSON object or name another `id`.
pub fn check_document(did: &Did, bytes: &[u8]) -> Result<Resolved, ResolutionError> {
    let invalid = |detail: String| ResolutionError::new(ErrorKind::InvalidDidDocument, detail);
    let document = strict::parse(bytes, &Limits::CREDENTIAL).map_err(|e| invalid(e.to_string()))?;
    if !document.is_object() {
        return Err(invalid("the document is no JSON object".to_owned()));
    }
    if document.get("id").and_then(Value::as_str) != Some(did.as_str()) {
        return Err(invalid("the document is of another DID".to_owned()));
    }
    Ok(Resolved::of_document(document))
}

/// Tells that two identifiers of other methods are stated on both sides: `ours` lists `theirs` and theirs lists ours (SPEC §7.7).
///
/// Both arguments are resolved documents; a deactivated or unresolvable side is no side.
pub fn is_mutual_alias(ours: &Value, theirs: &Value) -> bool {
    let id = |document: &Value| {
        document
            .get("id")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let lists = |document: &Value, id: &str| {
        document
            .get("alsoKnownAs")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .any(|entry| entry.as_str() == Some(id))
    };
    match (id(ours), id(theirs)) {
        (Some(our_id), Some(their_id)) => {
            our_id != their_id && lists(ours, &their_id) && lists(theirs, &our_id)
        }
        _ => false,
    }
}

/// A web location written in a DID: domain, port and path segments, all checked.
pub(crate) struct Place {
    authority: String,
    path: String,
}

impl Place {
    /// Parses `domain[%3Aport](:segment)*`.
    pub(crate) fn parse(id: &str) -> Result<Self, ResolutionError> {
        let mut segments = id.split(':');
        let authority = authority(segments.next().unwrap_or_default())?;
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            path.push_str(&encoded_segment(segment)?);
        }
        Ok(Self { authority, path })
    }

    /// Returns `https://authority[/path]`, with no slash at the end.
    pub(crate) fn base(&self) -> String {
        format!("https://{}{}", self.authority, self.path)
    }

    /// Returns the URL of a file: below the path, or in `.well-known` when there is none.
    pub(crate) fn file(&self, name: &str) -> String {
        if self.path.is_empty() {
            format!("{}/.well-known/{name}", self.base())
        } else {
            format!("{}/{name}", self.base())
        }
    }
}

/// Decodes a domain with an optional `%3A` port and gives it in ASCII.
fn authority(text: &str) -> Result<String, ResolutionError> {
    let decoded = percent_decode(text)
        .ok_or_else(|| invalid("the domain is not UTF-8 after percent-decoding"))?;
    let (name, port) = match decoded.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (decoded.as_str(), None),
    };
    let host = match url::Host::parse(name) {
        Ok(url::Host::Domain(host)) => host,
        Ok(_) => return Err(invalid("the domain is an IP address")),
        Err(_) => return Err(invalid("the domain is malformed")),
    };
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if host.len() > 253 || !host.split('.').all(label_ok) {
        return Err(invalid("the domain has a label that no host name has"));
    }
    match port {
        None => Ok(host),
        Some(port)
            if port.bytes().all(|b| b.is_ascii_digit())
                && port.parse::<u16>().is_ok_and(|port| port > 0) =>
        {
            Ok(format!("{host}:{port}"))
        }
        Some(_) => Err(invalid("the port is not between 1 and 65535")),
    }
}

/// Decodes a path segment once, checks it, and encodes it again for a URL.
fn encoded_segment(text: &str) -> Result<String, ResolutionError> {
    let segment = percent_decode(text)
        .ok_or_else(|| invalid("a path segment is not UTF-8 after percent-decoding"))?;
    let climbs = matches!(segment.as_str(), "" | "." | "..") || segment.contains(['/', '\\', '%']);
    if climbs || segment.chars().any(char::is_control) || segment.trim() != segment {
        return Err(invalid(
            "a path segment is empty, climbs, or holds a separator",
        ));
    }
    let mut encoded = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Ok(encoded)
}

fn invalid(detail: &str) -> ResolutionError {
    ResolutionError::new(ErrorKind::InvalidDid, detail)
}
