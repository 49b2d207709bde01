//! Which form of answer a client accepts.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use chop_did::resolution::{ErrorKind, ResolutionError};

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// `application/did-resolution`: document and metadata.
    Resolution,
    /// `application/did-url-dereferencing`: content and metadata.
    Dereferencing,
    /// The bare document, under the media type that was asked for.
    Bare(&'static str),
    /// `application/ld+json;profile="https://w3id.org/did-resolution"`, as older suites ask.
    Legacy,
}

impl Form {
    /// Reads the `Accept` header; the first known media range counts, and none means the whole result.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ResolutionError> {
        let mut ranges = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let mut seen = false;
        let known = ranges.find_map(|range| {
            seen = true;
            Self::of_range(range)
        });
        match known {
            Some(form) => Ok(form),
            None if seen => Err(ResolutionError::new(
                ErrorKind::RepresentationNotSupported,
                "expected application/did-resolution, application/did, application/did-url-dereferencing or application/json",
            )),
            None => Ok(Self::Resolution),
        }
    }

    fn of_range(range: &str) -> Option<Self> {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let profile = parts
            .find_map(|part| part.strip_prefix("profile="))
            .map(|profile| profile.trim_matches('"'));
        match media.as_str() {
            "*/*" | "application/*" | "application/did-resolution" | "text/html" => {
                Some(Self::Resolution)
            }
            "application/did-url-dereferencing" => Some(Self::Dereferencing),
            "application/did" => Some(Self::Bare("application/did")),
            "application/did+json" => Some(Self::Bare("application/did+json")),
            "application/did+ld+json" => Some(Self::Bare("application/did+ld+json")),
            "application/json" => Some(Self::Bare("application/json")),
            "application/ld+json" if profile == Some("https://w3id.org/did-resolution") => {
                Some(Self::Legacy)
            }
            "application/ld+json" if profile.is_none() => Some(Self::Bare("application/ld+json")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn form(accept: &'static str) -> Option<Form> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        Form::of(&headers).ok()
    }

    #[test]
    fn takes_the_first_known_range() {
        assert_eq!(
            form("image/png, application/did+json;q=0.9"),
            Some(Form::Bare("application/did+json"))
        );
        assert_eq!(form("*/*"), Some(Form::Resolution));
        assert_eq!(
            form("application/ld+json;profile=\"https://w3id.org/did-resolution\""),
            Some(Form::Legacy)
        );
    }

    #[test]
    fn refuses_what_it_cannot_write() {
        assert_eq!(form("application/cbor"), None);
        assert_eq!(Form::of(&HeaderMap::new()).ok(), Some(Form::Resolution));
    }
}
