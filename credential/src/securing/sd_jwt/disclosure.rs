//! Disclosures: salt, name, value (RFC 9901 §4.2).

use super::{HashAlgorithm, MAX_DISCLOSURES, SdJwtError};
use chop_integrity::json::{self, Limits};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

/// Names that carry digests and never claims.
pub(super) const RESERVED: [&str; 3] = ["_sd", "...", "_sd_alg"];

/// Is one disclosed claim: a member of an object, or an element of an array.
#[derive(Clone, PartialEq)]
pub struct Disclosure {
    encoded: String,
    name: Option<String>,
    value: Value,
}

impl Disclosure {
    /// Parses a disclosure as it stands in an SD-JWT at a place counted from 0.
    ///
    /// # Errors
    /// When it is not canonical base64url of a strict JSON array of two or three elements, its salt or name is no string, or
    /// its name is reserved.
    pub fn parse(encoded: &str, index: usize) -> Result<Self, SdJwtError> {
        let malformed = |reason| SdJwtError::Disclosure { index, reason };
        let bytes = BASE64URL_NOPAD
            .decode(encoded.as_bytes())
            .map_err(|_| malformed("it is not canonical base64url"))?;
        let parsed = json::parse(&bytes, &Limits::CREDENTIAL)
            .map_err(|error| SdJwtError::DisclosureJson { index, error })?;
        let Value::Array(elements) = parsed else {
            return Err(malformed("it is no array"));
        };
        let mut elements = elements.into_iter();
        let taken = [(); 4].map(|()| elements.next());
        let (name, value) = match taken {
            [
                Some(Value::String(_)),
                Some(Value::String(name)),
                Some(value),
                None,
            ] => (Some(name), value),
            [Some(Value::String(_)), Some(_), Some(_), None] => {
                return Err(malformed("its claim name is no string"));
            }
            [Some(Value::String(_)), Some(value), None, None] => (None, value),
            [Some(_), Some(_), _, None] => return Err(malformed("its salt is no string")),
            _ => return Err(malformed("it has neither two nor three elements")),
        };
        if let Some(name) = name.as_deref()
            && RESERVED.contains(&name)
        {
            return Err(SdJwtError::Reserved { index });
        }
        Ok(Self {
            encoded: encoded.to_owned(),
            name,
            value,
        })
    }

    /// Makes a disclosure; `salt` is at least 128 random bits.
    pub(super) fn new(salt: &[u8; 16], name: Option<&str>, value: Value) -> Self {
        let salt = BASE64URL_NOPAD.encode(salt);
        let text = match name {
            Some(name) => Value::from(vec![Value::from(salt), Value::from(name), value.clone()]),
            None => Value::from(vec![Value::from(salt), value.clone()]),
        };
        Self {
            encoded: BASE64URL_NOPAD.encode(text.to_string().as_bytes()),
            name: name.map(str::to_owned),
            value,
        }
    }

    /// Returns the base64url text.
    pub fn encoded(&self) -> &str {
        &self.encoded
    }

    /// Returns the claim's name; none for an element of an array.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the claim's value, in which there may be digests of further disclosures.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Computes the digest by which it is referenced (RFC 9901 §4.2.3).
    pub fn digest(&self, hash: HashAlgorithm) -> String {
        hash.digest(&self.encoded)
    }
}

/// A disclosure is somebody's personal data: it does not show itself.
impl std::fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disclosure(…)")
    }
}

/// Parses the disclosures between the JWT's `~` and the last one.
pub(super) fn parse_all(text: &str) -> Result<Vec<Disclosure>, SdJwtError> {
    let found = text.bytes().filter(|byte| *byte == b'~').count() + 1;
    if found > MAX_DISCLOSURES {
        return Err(SdJwtError::TooMany {
            found,
            max: MAX_DISCLOSURES,
        });
    }
    text.split('~')
        .enumerate()
        .map(|(index, encoded)| Disclosure::parse(encoded, index))
        .collect()
}
