//! The two keys of an `ecdsa-sd-2023` proof: the issuer's signs the base, one made for the proof signs each statement.

use std::fmt;

use zeroize::Zeroizing;

use crate::{KeyError, KeyType, PrivateKey, PublicKey, SignError, Signature, Signer as _};

/// What the issuer's key signs of an `ecdsa-sd-2023` proof (vc-di-ecdsa §3.5.1).
///
/// ```text
/// | proof hash 32 | 80 24 | statement key 33 | mandatory hash 32 |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectiveBaseInput([u8; 99]);

impl SelectiveBaseInput {
    /// Joins the hash of the proof's configuration, the key of its statements and the hash of the mandatory ones.
    ///
    /// # Errors
    /// When the key is not P-256.
    pub fn new(
        proof_hash: &[u8; 32],
        statement_key: &PublicKey,
        mandatory_hash: &[u8; 32],
    ) -> Result<Self, KeyError> {
        let key = multikey_bytes(statement_key)?;
        let mut bytes = [0; 99];
        let parts = proof_hash.iter().chain(&key).chain(mandatory_hash);
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = *from;
        }
        Ok(Self(bytes))
    }

    /// Gives the 99 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The P-256 key that is made for one `ecdsa-sd-2023` proof, signs its statements and is then forgotten.
pub struct StatementKey {
    key: PrivateKey,
    multikey: [u8; 35],
}

impl StatementKey {
    /// Builds the key from a random scalar, big-endian.
    ///
    /// # Errors
    /// When it is zero or not below the group's order: once in 2^32 draws.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        let key = PrivateKey::from_seed(KeyType::P256, seed.as_slice())?;
        let multikey = multikey_bytes(key.public_key())?;
        Ok(Self { key, multikey })
    }

    /// Gives the public key, which verifies the statements.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// Gives the public key as the proof carries it: `80 24` and the compressed point, 35 bytes.
    pub fn multikey_bytes(&self) -> &[u8; 35] {
        &self.multikey
    }

    /// Signs one statement, a canonical N-Quad with its line feed.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn sign_statement(&self, statement: &str) -> Result<Signature, SignError> {
        self.key.sign(statement.as_bytes())
    }
}

impl fmt::Debug for StatementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementKey(of {:?})", self.key.public_key())
    }
}

impl PublicKey {
    /// Reads the key of a proof's statements: `80 24` and a compressed P-256 point, 35 bytes (vc-di-ecdsa §3.6.5).
    ///
    /// # Errors
    /// When the bytes are no P-256 key in this form.
    pub fn from_statement_key(bytes: &[u8]) -> Result<Self, KeyError> {
        match bytes {
            [0x80, 0x24, point @ ..] => Self::from_raw(KeyType::P256, point),
            _ => Err(KeyError::UnknownCodec),
        }
    }
}

fn multikey_bytes(key: &PublicKey) -> Result<[u8; 35], KeyError> {
    let found = key.raw().len();
    let length = |_| KeyError::Length {
        key_type: KeyType::P256,
        expected: 33,
        found,
    };
    let [first, rest @ ..] = <&[u8; 33]>::try_from(key.raw()).map_err(length)?;
    let mut bytes = [0; 35];
    let parts = [0x80, 0x24, *first];
    for (to, from) in bytes.iter_mut().zip(parts.iter().chain(rest)) {
        *to = *from;
    }
    Ok(bytes)
}
