//! The two kinds of file.

use chop_keys::PublicKey;
use serde::{Deserialize, Serialize};

/// `keystore.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StoreFile {
    pub(crate) format: StoreFormat,
    pub(crate) kdf: Kdf,
    /// Nothing, sealed under the master key.
    pub(crate) check: Sealed,
}

/// How the master key is derived (RFC 9106).
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Kdf {
    pub(crate) name: KdfName,
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
    pub(crate) parallelism: u32,
    /// 16 bytes, base64url.
    pub(crate) salt: String,
}

/// `NAME.key.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct KeyFile {
    pub(crate) format: KeyFormat,
    pub(crate) name: String,
    /// Multikey.
    pub(crate) public_key: PublicKey,
    pub(crate) secret: Sealed,
}

/// A secret that lives outside the store, sealed by it; to be kept as JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SealedSecret {
    pub(crate) format: SecretFormat,
    pub(crate) secret: Sealed,
}

/// Version of a sealed secret.
#[derive(Serialize, Deserialize)]
pub(crate) enum SecretFormat {
    #[serde(rename = "chop-sealed/v1")]
    V1,
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SealedSecret")
    }
}

/// What XChaCha20-Poly1305 wrote.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sealed {
    /// 24 bytes, base64url.
    pub(crate) nonce: String,
    /// Ciphertext and tag, base64url.
    pub(crate) ciphertext: String,
}

/// Version of the store's file.
#[derive(Serialize, Deserialize)]
pub(crate) enum StoreFormat {
    #[serde(rename = "chop-keystore/v1")]
    V1,
}

/// Version of a key's file.
#[derive(Serialize, Deserialize)]
pub(crate) enum KeyFormat {
    #[serde(rename = "chop-key/v1")]
    V1,
}

/// The derivation function.
#[derive(Serialize, Deserialize)]
pub(crate) enum KdfName {
    #[serde(rename = "argon2id-v19")]
    Argon2id,
}
