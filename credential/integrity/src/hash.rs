//! Domain-tagged SHA-256 hashes and their text form.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::{JcsError, canonicalize};

/// A SHA-256 hash, written as 52 characters of lower-case unpadded base32 (RFC 4648 §6).
///
/// ```text
/// SHA-256( tag ‖ bytes )      tag: ASCII such as `chop/genesis/v1`
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// Says why text is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The text has the wrong length.
    #[error("hash has {found} bytes of text instead of 52")]
    Length {
        /// The bytes found.
        found: usize,
    },
    /// A character lies outside a–z and 2–7, or the four trailing bits are not zero.
    #[error("hash is not canonical lower-case base32")]
    NotCanonical,
}

impl Hash {
    /// Characters in the text form.
    pub const TEXT_LEN: usize = 52;

    /// Hashes `tag ‖ bytes`.
    pub fn of(tag: &str, bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(tag.as_bytes());
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }

    /// Hashes `tag ‖ JCS(value)` (RFC 8785).
    ///
    /// # Errors
    /// When the value has no canonical form.
    pub fn of_json<T: Serialize + ?Sized>(tag: &str, value: &T) -> Result<Self, JcsError> {
        Ok(Self::of(tag, &canonicalize(value)?))
    }

    /// Wraps 32 bytes that are a hash already.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Appends the text form: keys of many parts are put together so, which formatting takes several times as long for.
    pub fn push_to(&self, text: &mut String) {
        let start = text.len();
        BASE32_NOPAD.encode_append(&self.0, text);
        if let Some(added) = text.get_mut(start..) {
            added.make_ascii_lowercase();
        }
    }

    /// Parses 52 characters of canonical lower-case base32.
    ///
    /// # Errors
    /// When the length, a character or the trailing bits are wrong.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        let Ok(mut upper) = <[u8; Self::TEXT_LEN]>::try_from(text.as_bytes()) else {
            return Err(HashError::Length { found: text.len() });
        };
        if upper.iter().any(u8::is_ascii_uppercase) {
            return Err(HashError::NotCanonical);
        }
        upper.make_ascii_uppercase();
        let mut bytes = [0; 32];
        match BASE32_NOPAD.decode_mut(&upper, &mut bytes) {
            Ok(32) => Ok(Self(bytes)),
            _ => Err(HashError::NotCanonical),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; Self::TEXT_LEN];
        BASE32_NOPAD.encode_mut(&self.0, &mut text);
        text.make_ascii_lowercase();
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        Self::parse(text)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(Self::TEXT_LEN);
        self.push_to(&mut text);
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_tag_and_bytes_as_the_golden_fixture_says() {
        let hash = Hash::of("chop/test/v1", b"abc");

        assert_eq!(
            hash,
            Hash::from_bytes(Sha256::digest(b"chop/test/v1abc").into())
        );
        assert_eq!(hash.to_string().len(), Hash::TEXT_LEN);
        let mut text = "Before ".to_owned();
        hash.push_to(&mut text);
        assert_eq!(text, format!("Before {hash}"));
        assert_eq!(Hash::parse(&hash.to_string()), Ok(hash));
    }

    #[test]
    fn writes_sha_256_of_nothing_in_base32() {
        let hash = Hash::of("", b"");

        assert_eq!(
            hash.to_string(),
            "4oymiquy7qobjgx36tejs35zeqt24qpemsnzgtfeswmrw6csxbkq"
        );
    }

    #[test]
    fn refuses_text_that_is_not_canonical() {
        let text = Hash::from_bytes([0; 32]).to_string();

        assert_eq!(
            Hash::parse(&text.to_uppercase()),
            Err(HashError::NotCanonical)
        );
        assert_eq!(
            Hash::parse(&format!("{}b", &text[..51])),
            Err(HashError::NotCanonical),
            "trailing bits"
        );
        assert_eq!(
            Hash::parse(&text.replacen('a', "1", 1)),
            Err(HashError::NotCanonical)
        );
        assert_eq!(
            Hash::parse(&text[1..]),
            Err(HashError::Length { found: 51 })
        );
        assert_eq!(
            Hash::parse(&format!("{text}=")),
            Err(HashError::Length { found: 53 })
        );
    }

    #[test]
    fn reads_and_writes_itself_as_a_json_string() {
        let hash = Hash::of("tag", b"bytes");
        let json = serde_json::to_string(&hash).unwrap();

        assert_eq!(json, format!("\"{hash}\""));
        assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
    }
}
