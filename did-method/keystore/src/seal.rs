//! The master key: derived from the passphrase, it seals and opens secrets.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use crate::format::{Kdf, KdfName, Sealed};
use crate::{KeystoreError, Passphrase, Random};

/// 32 bytes, wiped when dropped.
pub(crate) struct MasterKey(Zeroizing<[u8; 32]>);

/// Says that a sealed secret does not open: another key, or another binding, or changed bytes.
#[derive(Debug)]
pub(crate) struct NotOpened;

impl Kdf {
    /// Chooses the parameters of a new store: 19 MiB, two passes (OWASP's for Argon2id), a fresh salt.
    pub(crate) fn fresh(random: Random<'_>) -> Self {
        let mut salt = [0; 16];
        random(&mut salt);
        Self {
            name: KdfName::Argon2id,
            memory_kib: 19_456,
            iterations: 2,
            parallelism: 1,
            salt: BASE64URL_NOPAD.encode(&salt),
        }
    }
}

impl MasterKey {
    /// Derives the master key; the working memory is wiped and freed before it returns.
    pub(crate) fn derive(passphrase: &Passphrase, kdf: &Kdf) -> Result<Self, KeystoreError> {
        let KdfName::Argon2id = kdf.name;
        let refused = |reason: &str| KeystoreError::Derivation {
            reason: reason.to_owned(),
        };
        // A changed file must not make opening cheap to guess, or exhaust memory.
        let sane = (19_456..=1_048_576).contains(&kdf.memory_kib)
            && (2..=16).contains(&kdf.iterations)
            && (1..=4).contains(&kdf.parallelism);
        if !sane {
            return Err(refused("parameters are out of bounds"));
        }
        let salt = BASE64URL_NOPAD
            .decode(kdf.salt.as_bytes())
            .ok()
            .filter(|salt| salt.len() == 16)
            .ok_or_else(|| refused("salt is not 16 bytes of base64url"))?;
        let params = Params::new(kdf.memory_kib, kdf.iterations, kdf.parallelism, Some(32))
            .map_err(|error| refused(&error.to_string()))?;
        let mut memory = Zeroizing::new(vec![Block::default(); params.block_count()]);
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                passphrase.as_bytes(),
                &salt,
                key.as_mut_slice(),
                memory.as_mut_slice(),
            )
            .map_err(|error| refused(&error.to_string()))?;
        Ok(Self(key))
    }

    /// Seals a secret and binds it to `binding`, which must be the same when it is opened.
    pub(crate) fn seal(
        &self,
        secret: &[u8],
        binding: &[u8],
        random: Random<'_>,
    ) -> Result<Sealed, KeystoreError> {
        let mut nonce = [0; 24];
        random(&mut nonce);
        let payload = Payload {
            msg: secret,
            aad: binding,
        };
        let ciphertext = self
            .cipher()
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| KeystoreError::Sealing)?;
        Ok(Sealed {
            nonce: BASE64URL_NOPAD.encode(&nonce),
            ciphertext: BASE64URL_NOPAD.encode(&ciphertext),
        })
    }

    /// Opens what [`Self::seal`] made with the same binding.
    pub(crate) fn open(
        &self,
        sealed: &Sealed,
        binding: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let nonce = decode(&sealed.nonce)
            .and_then(|nonce| <[u8; 24]>::try_from(nonce).ok())
            .ok_or(NotOpened)?;
        let ciphertext = decode(&sealed.ciphertext).ok_or(NotOpened)?;
        let payload = Payload {
            msg: &ciphertext,
            aad: binding,
        };
        self.cipher()
            .decrypt(&XNonce::from(nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| NotOpened)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.0).into())
    }
}
