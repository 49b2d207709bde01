//! Identifiers of any DID method: the ABNF of DID Core §3.1 and §3.2, bounded and never normalised.

mod url;

#[cfg(test)]
mod tests;

pub(crate) use url::percent_decode;
pub use url::{DidUrl, DidUrlError, MAX_DID_URL_BYTES};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The longest DID that is read, in bytes.
pub const MAX_DID_BYTES: usize = 2_048;

/// A syntactically valid DID of any method (DID Core §3.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Did {
    pub(crate) text: Box<str>,
    /// Index of the colon that ends the method name.
    pub(crate) colon: usize,
}

/// Says why a string is no DID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DidError {
    /// The string is longer than the bound.
    #[error("DID has {length} bytes, more than {MAX_DID_BYTES}")]
    TooLong {
        /// Length of what was given, in bytes.
        length: usize,
    },
    /// The string does not start with `did:`.
    #[error("a DID starts with \"did:\"")]
    Scheme,
    /// The method name is empty or holds a character other than a–z and 0–9.
    #[error("the method name is one or more of a-z and 0-9")]
    Method,
    /// The method-specific identifier is empty or ends in a colon.
    #[error("the method-specific identifier is empty or ends in a colon")]
    Empty,
    /// The method-specific identifier holds a byte that the ABNF does not allow there.
    #[error("byte {position} of the DID is not allowed in a method-specific identifier")]
    Character {
        /// Zero-based index of the first offending byte.
        position: usize,
    },
}

impl Did {
    /// Parses a DID: `did:` method-name `:` method-specific-id, with nothing before or after it.
    ///
    /// # Errors
    /// Returns [`DidError`] when the string breaks the ABNF of DID Core §3.1 or is longer than [`MAX_DID_BYTES`].
    pub fn parse(text: &str) -> Result<Self, DidError> {
        if text.len() > MAX_DID_BYTES {
            return Err(DidError::TooLong { length: text.len() });
        }
        let rest = text.strip_prefix("did:").ok_or(DidError::Scheme)?;
        let (method, id) = rest.split_once(':').ok_or(DidError::Method)?;
        if method.is_empty()
            || !method
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        {
            return Err(DidError::Method);
        }
        if id.is_empty() || id.ends_with(':') {
            return Err(DidError::Empty);
        }
        let colon = "did:".len() + method.len();
        if let Some(at) = first_bad_idchar(id.as_bytes()) {
            return Err(DidError::Character {
                position: colon + 1 + at,
            });
        }
        Ok(Self {
            text: text.into(),
            colon,
        })
    }

    /// Returns the method name, for example `chop`.
    pub fn method(&self) -> &str {
        self.text.get("did:".len()..self.colon).unwrap_or_default()
    }

    /// Returns the method-specific identifier: all that follows the method name and its colon.
    pub fn id(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }

    /// Returns the whole DID.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Finds the first byte that is no `idchar`, colon or whole percent-encoding.
fn first_bad_idchar(id: &[u8]) -> Option<usize> {
    first_bad_byte(id, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':')
    })
}

/// Finds the first byte that is neither `allowed` nor part of a percent-encoding of two hexadecimal digits.
pub(crate) fn first_bad_byte(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> Option<usize> {
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => return None,
            [b'%', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                tail
            }
            [byte, tail @ ..] if allowed(*byte) => tail,
            _ => return Some(bytes.len() - rest.len()),
        };
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Did({})", self.text)
    }
}

impl FromStr for Did {
    type Err = DidError;

    fn from_str(text: &str) -> Result<Self, DidError> {
        Self::parse(text)
    }
}

impl Serialize for Did {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Did {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
