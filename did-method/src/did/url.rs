//! DID URLs: DID Core §3.2, with the query split into parameters that may each occur once.

use super::{Did, DidError, first_bad_byte};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The longest DID URL that is read, in bytes.
pub const MAX_DID_URL_BYTES: usize = 4_096;

/// A syntactically valid DID URL whose query parameters are unique and whose paths climb nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct DidUrl {
    text: Box<str>,
    did: Did,
    path: Box<str>,
    query: Option<Box<str>>,
    fragment: Option<Box<str>>,
    parameters: BTreeMap<String, String>,
}

/// Says why a string is no DID URL that this crate follows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DidUrlError {
    /// The string is longer than the bound.
    #[error("DID URL has {length} bytes, more than {MAX_DID_URL_BYTES}")]
    TooLong {
        /// Length of what was given, in bytes.
        length: usize,
    },
    /// The part before path, query and fragment is no DID.
    #[error(transparent)]
    Did(#[from] DidError),
    /// A byte is not allowed where it stands.
    #[error("the {part} of the DID URL holds a character that is not allowed there")]
    Character {
        /// Which part: `path`, `query` or `fragment`.
        part: &'static str,
    },
    /// A query parameter occurs twice.
    #[error("query parameter {name} occurs more than once")]
    Duplicate {
        /// The parameter's decoded name.
        name: String,
    },
    /// A query parameter does not decode to UTF-8 text.
    #[error("a query parameter is not UTF-8 text after percent-decoding")]
    Encoding,
    /// A path or `relativeRef` holds a dot segment, a backslash or a control character, encoded or not, or leaves its origin.
    #[error("the {part} climbs out of its place")]
    Traversal {
        /// Which part: `path` or `relativeRef`.
        part: &'static str,
    },
    /// `versionId` and `versionTime` are given together.
    #[error("versionId and versionTime exclude each other")]
    TwoVersions,
}

impl DidUrl {
    /// Parses an absolute DID URL.
    ///
    /// # Errors
    /// Returns [`DidUrlError`] when the string breaks the ABNF of DID Core §3.2, repeats a query parameter, names both
    /// `versionId` and `versionTime`, or climbs with dot segments in its path or `relativeRef`.
    pub fn parse(text: &str) -> Result<Self, DidUrlError> {
        if text.len() > MAX_DID_URL_BYTES {
            return Err(DidUrlError::TooLong { length: text.len() });
        }
        let (before_fragment, fragment) = split_at_mark(text, '#');
        let (before_query, query) = split_at_mark(before_fragment, '?');
        let (did, path) =
            before_query.split_at(before_query.find('/').unwrap_or(before_query.len()));
        check_characters("path", path, |b| b == b'/')?;
        check_characters("query", query.unwrap_or_default(), |b| {
            matches!(b, b'/' | b'?')
        })?;
        check_characters("fragment", fragment.unwrap_or_default(), |b| {
            matches!(b, b'/' | b'?')
        })?;
        if !stays_in_place(path) {
            return Err(DidUrlError::Traversal { part: "path" });
        }
        let parameters = parameters(query.unwrap_or_default())?;
        if parameters.contains_key("versionId") && parameters.contains_key("versionTime") {
            return Err(DidUrlError::TwoVersions);
        }
        if parameters
            .get("relativeRef")
            .is_some_and(|reference| !is_local_reference(reference))
        {
            return Err(DidUrlError::Traversal {
                part: "relativeRef",
            });
        }
        Ok(Self {
            text: text.into(),
            did: Did::parse(did)?,
            path: path.into(),
            query: query.map(Into::into),
            fragment: fragment.map(Into::into),
            parameters,
        })
    }

    /// Returns the DID in front.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Returns the path with its leading slash, or the empty string.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the query as written, without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Returns the fragment as written, without the number sign.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// Returns the percent-decoded value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Iterates over the decoded query parameters in the order of their names.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the whole DID URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Splits at the first `mark`, keeping an empty remainder apart from none.
fn split_at_mark(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Checks the `pchar` production of RFC 3986 plus the extra bytes of this part.
fn check_characters(
    part: &'static str,
    text: &str,
    extra: impl Fn(u8) -> bool,
) -> Result<(), DidUrlError> {
    let allowed = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'')
            || matches!(
                b,
                b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@'
            )
            || extra(b)
    };
    match first_bad_byte(text.as_bytes(), allowed) {
        Some(_) => Err(DidUrlError::Character { part }),
        None => Ok(()),
    }
}

/// Splits a query at `&` and `=`, decodes both sides and refuses a repeated name.
fn parameters(query: &str) -> Result<BTreeMap<String, String>, DidUrlError> {
    let mut found = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode(name).ok_or(DidUrlError::Encoding)?;
        let value = percent_decode(value).ok_or(DidUrlError::Encoding)?;
        if found.contains_key(&name) {
            return Err(DidUrlError::Duplicate { name });
        }
        found.insert(name, value);
    }
    Ok(found)
}

/// Decodes percent-encodings; `None` when the result is not UTF-8 or an encoding is incomplete.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return String::from_utf8(bytes).ok(),
            [b'%', high, low, tail @ ..] => {
                let value = hex_digit(*high)? << 4 | hex_digit(*low)?;
                bytes.push(value);
                tail
            }
            [b'%', ..] => return None,
            [byte, tail @ ..] => {
                bytes.push(*byte);
                tail
            }
        };
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Tells that a `relativeRef` keeps scheme and authority of the service it is appended to (RFC 3986 §4.2).
fn is_local_reference(reference: &str) -> bool {
    let first_segment = reference.split(['/', '?', '#']).next().unwrap_or_default();
    !first_segment.contains(':') && !reference.starts_with("//") && stays_in_place(reference)
}

/// Tells that no segment is a dot segment, in the text or in what repeated percent-decoding makes of it.
fn stays_in_place(text: &str) -> bool {
    const ROUNDS: usize = 4;
    let mut current = text.to_owned();
    for _ in 0..ROUNDS {
        if current.starts_with("//")
            || current.contains('\\')
            || current.chars().any(char::is_control)
        {
            return false;
        }
        if current
            .split(['/', '?', '#'])
            .any(|segment| matches!(segment, "." | ".."))
        {
            return false;
        }
        match percent_decode(&current) {
            Some(decoded) if decoded == current => return true,
            Some(decoded) => current = decoded,
            // A server may decode in part what is malformed as a whole.
            None => return false,
        }
    }
    false
}

impl fmt::Display for DidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DidUrl({})", self.text)
    }
}

impl FromStr for DidUrl {
    type Err = DidUrlError;

    fn from_str(text: &str) -> Result<Self, DidUrlError> {
        Self::parse(text)
    }
}
