//! What a request is about: the DID URL in the path, and the options beside it.

use chop_client::ResolveOptions;
use chop_did::resolution::{ErrorKind, ResolutionError, Selector};
use chop_did::{Did, DidUrl};
use chop_integrity::Hash;
use serde_json::Value;

/// Options that are this binding's and no part of a DID URL.
const OPTIONS: [&str; 8] = [
    "proof",
    "batch",
    "noCache",
    "verificationRelationship",
    "expandRelativeUrls",
    "publicKeyFormat",
    "enableEncryptionKeyDerivation",
    "enableExperimentalPublicKeyTypes",
];
/// The longest DID URL, in bytes.
const MAX_URL: usize = 4_096;
/// The most options beside a DID URL.
const MAX_OPTIONS: usize = 64;

/// A request to resolve or dereference.
#[derive(Debug)]
pub(super) struct Target {
    /// What stands in the path.
    pub(super) url: DidUrl,
    /// Which version, and the options of methods.
    pub(super) options: ResolveOptions,
    /// The relationship that a dereferenced verification method must have.
    pub(super) relationship: Option<String>,
}

impl Target {
    /// Reads the path, and options from the query. A DID URL that is not percent-encoded has its own query there.
    pub(super) fn of_get(path: &str, query: Option<&str>) -> Result<Self, ResolutionError> {
        Self::read(path, query, Vec::new())
    }

    /// Reads the path and the options of a JSON body.
    pub(super) fn of_post(
        path: &str,
        query: Option<&str>,
        body: &Value,
    ) -> Result<Self, ResolutionError> {
        let members = match body {
            Value::Null => Vec::new(),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            _ => {
                return Err(invalid_options(
                    "the body is an object of options".to_owned(),
                ));
            }
        };
        Self::read(path, query, members)
    }

    /// Whether a part of the document, or something that it points to, is wanted rather than the document.
    pub(super) fn dereferences(&self) -> bool {
        let beyond_versions =
            |(name, _): (&str, &str)| !matches!(name, "versionId" | "versionTime");
        !self.url.path().is_empty()
            || self.url.fragment().is_some()
            || self.url.parameters().any(beyond_versions)
    }

    fn read(
        path: &str,
        query: Option<&str>,
        mut options: Vec<(String, String)>,
    ) -> Result<Self, ResolutionError> {
        let mut text = decode(path)?;
        let mut own = Vec::new();
        let pairs: Vec<&str> = query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .collect();
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if OPTIONS.contains(&name) || text.contains('?') {
                options.push((name.to_owned(), decode(&value.replace('+', "%20"))?));
            } else {
                own.push(pair);
            }
        }
        if !own.is_empty() {
            // The fragment of a percent-encoded DID URL goes behind the query that stands beside it.
            let (head, fragment) = match text.split_once('#') {
                Some((head, fragment)) => (head.to_owned(), Some(fragment.to_owned())),
                None => (text.clone(), None),
            };
            text = format!("{head}?{}", own.join("&"));
            if let Some(fragment) = fragment {
                text = format!("{text}#{fragment}");
            }
        }
        if text.len() > MAX_URL {
            return Err(ResolutionError::new(
                ErrorKind::InvalidDidUrl,
                format!("a DID URL has at most {MAX_URL} bytes, got {}", text.len()),
            ));
        }
        if !text.contains(['/', '?', '#', ';']) {
            Did::parse(&text)?;
        }
        let url = DidUrl::parse(&text)?;
        Self::with_options(url, &options)
    }

    fn with_options(url: DidUrl, options: &[(String, String)]) -> Result<Self, ResolutionError> {
        if options.len() > MAX_OPTIONS {
            return Err(invalid_options(format!(
                "at most {MAX_OPTIONS} options, got {}",
                options.len()
            )));
        }
        for (index, (name, _)) in options.iter().enumerate() {
            if options
                .iter()
                .skip(index + 1)
                .any(|(other, _)| other == name)
            {
                return Err(invalid_options(format!("option {name} stands twice")));
            }
        }
        let option = |name: &str| {
            options
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        let flag = |name: &str| match option(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(invalid_options(format!(
                "option {name} is true or false, got {other:?}"
            ))),
        };
        let beside = Selector::new(option("versionId"), option("versionTime"))?;
        let inside = Selector::of_url(&url)?;
        let selector = match (beside, inside) {
            (beside, Selector::Latest) => beside,
            (Selector::Latest, inside) => inside,
            (beside, inside) if beside == inside => inside,
            _ => {
                return Err(invalid_options(
                    "the DID URL and the options name two versions".to_owned(),
                ));
            }
        };
        Ok(Self {
            options: ResolveOptions {
                selector,
                no_cache: flag("noCache")?,
                proof: flag("proof")?,
                batch: option("batch").map(batch).transpose()?,
                public_key_format: option("publicKeyFormat").map(str::to_owned),
                derive_encryption_key: flag("enableEncryptionKeyDerivation")?,
            },
            relationship: option("verificationRelationship").map(str::to_owned),
            url,
        })
    }
}

/// Whether a path names a DID URL rather than a DID.
pub(super) fn is_url(path: &str) -> bool {
    decode(path).is_ok_and(|text| text.contains(['/', '?', '#']))
}

fn decode(text: &str) -> Result<String, ResolutionError> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = after.split_first_chunk::<2>().and_then(|(digits, after)| {
                rest = after;
                // `from_str_radix` alone would take a sign for a digit.
                let text = std::str::from_utf8(digits).ok()?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
                u8::from_str_radix(text, 16).ok()
            });
            decoded.push(digits.ok_or_else(|| {
                ResolutionError::new(
                    ErrorKind::InvalidDid,
                    "a percent sign without two hexadecimal digits",
                )
            })?);
        } else {
            decoded.push(*byte);
        }
    }
    String::from_utf8(decoded)
        .map_err(|_| ResolutionError::new(ErrorKind::InvalidDid, "the identifier is not UTF-8"))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn batch(text: &str) -> Result<Hash, ResolutionError> {
    text.parse()
        .map_err(|error| invalid_options(format!("batch names no batch: {error}")))
}

fn invalid_options(detail: String) -> ResolutionError {
    ResolutionError::new(ErrorKind::InvalidOptions, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";

    #[test]
    fn reads_a_did_raw_or_encoded() {
        for path in [KEY.to_owned(), KEY.replace(':', "%3A")] {
            let target = Target::of_get(&path, Some("noCache=true")).unwrap();
            assert_eq!(target.url.as_str(), KEY);
            assert!(!target.dereferences());
        }
    }

    #[test]
    fn keeps_the_query_of_a_raw_did_url_and_takes_options_out_of_it() {
        let target = Target::of_get(KEY, Some("service=files&relativeRef=/a&proof=true")).unwrap();
        assert_eq!(target.url.parameter("service"), Some("files"));
        assert!(target.options.proof && target.dereferences());
    }

    #[test]
    fn refuses_two_versions_and_repeated_options() {
        for query in [
            "versionId=1&versionTime=2026-01-01T00:00:00Z",
            "proof=true&proof=true",
            "versionId=1&versionId=1",
        ] {
            let error = Target::of_get(KEY, Some(query)).unwrap_err();
            assert_eq!(error.status(), 400, "{query}");
        }
    }

    #[test]
    fn refuses_what_is_no_did() {
        for path in ["not-a-did", "did%3", "did:KEY:x", ""] {
            assert_eq!(
                Target::of_get(path, None).unwrap_err().status(),
                400,
                "{path}"
            );
        }
    }
}
