//! The secret under a scratch layer, and the key that it makes.

use std::fmt;

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType as Length, Salt};
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::{KeyError, KeyType, PrivateKey};

/// 128 random bits that are printed under a scratch layer. Whoever holds them holds the code's key.
///
/// ```text
/// secret n   HKDF-SHA256(ikm = master (32), no salt, info = "chop/code-secret/v1" ‖ ordinal (4, big endian)), 16 bytes
/// key seed   HKDF-SHA256(ikm = secret (16), no salt, info = "chop/code-key/v1"), 32 bytes of an Ed25519 seed
/// text       26 characters of lower-case base32 without padding
/// ```
///
/// HKDF is that of RFC 5869.
pub struct CodeSecret(Zeroizing<[u8; 16]>);

/// Says that text is no secret of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code's secret is 26 characters of lower-case base32")]
pub struct CodeSecretError;

const SECRET_INFO: &[u8] = b"chop/code-secret/v1";
const KEY_INFO: &[u8] = b"chop/code-key/v1";

impl CodeSecret {
    /// Derives the secret of one code of a batch from the batch's master secret of 32 random bytes.
    pub fn derive(master: &[u8; 32], ordinal: u32) -> Self {
        let mut secret = Zeroizing::new([0; 16]);
        expand(master, &[SECRET_INFO, &ordinal.to_be_bytes()], &mut *secret);
        Self(secret)
    }

    /// Parses the 26 characters; there is one spelling.
    ///
    /// # Errors
    /// Returns [`CodeSecretError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, CodeSecretError> {
        if text.len() != 26 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(CodeSecretError);
        }
        let upper = Zeroizing::new(text.to_ascii_uppercase());
        let bytes = BASE32_NOPAD.decode(upper.as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| CodeSecretError)?;
        let secret = <[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| CodeSecretError)?;
        Ok(Self(Zeroizing::new(secret)))
    }

    /// Writes the 26 characters.
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = BASE32_NOPAD.encode(&*self.0);
        text.make_ascii_lowercase();
        Zeroizing::new(text)
    }

    /// Derives the code's Ed25519 key.
    ///
    /// # Errors
    /// Returns [`KeyError`] when the library refuses the seed, which it does for none of 32 bytes.
    pub fn key(&self) -> Result<PrivateKey, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        expand(&*self.0, &[KEY_INFO], &mut *seed);
        PrivateKey::from_seed(KeyType::Ed25519, &*seed)
    }
}

impl fmt::Debug for CodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeSecret")
    }
}

struct Bytes(usize);

impl Length for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(secret: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let key = Salt::new(HKDF_SHA256, &[]).extract(secret);
    // HKDF-SHA256 fails above 8,160 bytes only, and when the lengths differ; here they are one.
    if let Ok(expanded) = key.expand(info, Bytes(out.len())) {
        let _filled = expanded.fill(out);
    }
}
