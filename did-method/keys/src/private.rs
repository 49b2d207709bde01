//! Private keys held in memory.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
};
use ed25519_dalek::{Signer as _, SigningKey};
use zeroize::Zeroizing;

use crate::bbs::{self, BbsInput};
use crate::{
    CoseSigStructure, DataIntegrityInput, JwsSigningInput, KeyError, KeyType, PublicKey,
    SelectiveBaseInput, SignError, Signature, Signer, VoteSignBytes, curve,
};

/// A private key in memory, wiped when dropped and never shown.
pub struct PrivateKey {
    public_key: PublicKey,
    secret: Zeroizing<Vec<u8>>,
    pair: Pair,
}

enum Pair {
    Ed25519(Box<SigningKey>),
    Ecdsa(EcdsaKeyPair),
    Bbs(Box<bbs::Secret>),
}

impl PrivateKey {
    /// Builds a key from an Ed25519 seed of 32 bytes, or a big-endian scalar of 32 (P-256, BLS12-381) 48 (P-384) or
    /// 66 (P-521).
    ///
    /// # Errors
    /// When the length is wrong, or the scalar is zero or not below the group order.
    pub fn from_seed(key_type: KeyType, seed: &[u8]) -> Result<Self, KeyError> {
        let expected = key_type.secret_len();
        if seed.len() != expected {
            return Err(KeyError::Length {
                key_type,
                expected,
                found: seed.len(),
            });
        }
        let (public_key, pair) = match key_type {
            KeyType::Ed25519 => ed25519_pair(seed)?,
            KeyType::P256 | KeyType::P384 | KeyType::P521 => ecdsa_pair(key_type, seed)?,
            KeyType::Bls12381G2 => {
                let secret = bbs::Secret::parse(seed)?;
                let public_key = PublicKey::from_raw(key_type, &secret.public_bytes())?;
                (public_key, Pair::Bbs(Box::new(secret)))
            }
        };
        Ok(Self {
            public_key,
            secret: Zeroizing::new(seed.to_vec()),
            pair,
        })
    }

    /// Gives the seed or scalar, for sealing in a key store.
    pub fn secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.secret.clone()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        match &self.pair {
            Pair::Ed25519(key) => Ok(Signature::from_bytes(key.sign(message).to_bytes().to_vec())),
            Pair::Ecdsa(pair) => {
                let made =
                    pair.sign(&SystemRandom::new(), message)
                        .map_err(|_| SignError::Holder {
                            reason: "the ECDSA library refused".to_owned(),
                        })?;
                let mut bytes = made.as_ref().to_vec();
                curve::make_low_s(self.public_key.key_type(), &mut bytes);
                Ok(Signature::from_bytes(bytes))
            }
            Pair::Bbs(_) => Err(self.wrong_type("an ordinary signature", KeyType::P256)),
        }
    }

    fn wrong_type(&self, purpose: &'static str, needed: KeyType) -> SignError {
        SignError::KeyType {
            purpose,
            needed,
            found: self.public_key.key_type(),
        }
    }

    fn sign_hashes(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        let key_type = self.public_key.key_type();
        let expected = match key_type {
            KeyType::Ed25519 | KeyType::P256 => 64,
            KeyType::P384 => 96,
            KeyType::Bls12381G2 => {
                return Err(self.wrong_type("an ordinary signature", KeyType::P256));
            }
            KeyType::P521 => {
                return Err(SignError::Purpose {
                    purpose: "a Data Integrity proof",
                    found: key_type,
                });
            }
        };
        let found = input.as_bytes().len();
        if found != expected {
            return Err(SignError::InputLength {
                key_type,
                expected,
                found,
            });
        }
        self.sign(input.as_bytes())
    }
}

fn ed25519_pair(seed: &[u8]) -> Result<(PublicKey, Pair), KeyError> {
    let key_type = KeyType::Ed25519;
    let seed = <&[u8; 32]>::try_from(seed).map_err(|_| KeyError::Scalar { key_type })?;
    let key = Box::new(SigningKey::from_bytes(seed));
    let public_key = PublicKey::from_raw(key_type, key.verifying_key().as_bytes())?;
    Ok((public_key, Pair::Ed25519(key)))
}

fn ecdsa_pair(key_type: KeyType, scalar: &[u8]) -> Result<(PublicKey, Pair), KeyError> {
    let invalid = KeyError::Scalar { key_type };
    let (signing, agreeing) = match key_type {
        KeyType::P256 => (&ECDSA_P256_SHA256_FIXED_SIGNING, &ECDH_P256),
        KeyType::P384 => (&ECDSA_P384_SHA384_FIXED_SIGNING, &ECDH_P384),
        KeyType::P521 => (&ECDSA_P521_SHA512_FIXED_SIGNING, &ECDH_P521),
        KeyType::Ed25519 | KeyType::Bls12381G2 => return Err(invalid),
    };
    // The ECDH type is the library's one way to a public point that draws no randomness.
    let point = agreement::PrivateKey::from_private_key(agreeing, scalar)
        .map_err(|_| invalid.clone())?
        .compute_public_key()
        .map_err(|_| invalid.clone())?;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, scalar, point.as_ref())
        .map_err(|_| invalid.clone())?;
    let coordinates = point.as_ref().get(1..).ok_or(invalid.clone())?;
    let (x, y) = coordinates
        .split_at_checked(coordinates.len() / 2)
        .ok_or(invalid)?;
    let public_key = PublicKey::from_coordinates(key_type, x, y)?;
    Ok((public_key, Pair::Ecdsa(pair)))
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign_operation(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        self.sign_hashes(input)
    }

    fn sign_envelope(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        self.sign_hashes(input)
    }

    fn sign_binding(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        self.sign_hashes(input)
    }

    fn sign_credential(&self, input: &DataIntegrityInput) -> Result<Signature, SignError> {
        self.sign_hashes(input)
    }

    fn sign_jws(&self, input: &JwsSigningInput) -> Result<Signature, SignError> {
        self.sign(input.as_bytes())
    }

    fn sign_cose(&self, input: &CoseSigStructure) -> Result<Signature, SignError> {
        self.sign(input.as_bytes())
    }

    fn sign_header(&self, vote: &VoteSignBytes) -> Result<Signature, SignError> {
        match &self.pair {
            Pair::Ed25519(_) => self.sign(vote.as_bytes()),
            _ => Err(self.wrong_type("a block header", KeyType::Ed25519)),
        }
    }

    fn sign_selective_base(&self, input: &SelectiveBaseInput) -> Result<Signature, SignError> {
        if self.public_key.key_type() != KeyType::P256 {
            return Err(self.wrong_type("an ecdsa-sd-2023 proof", KeyType::P256));
        }
        self.sign(input.as_bytes())
    }

    fn sign_bbs(&self, input: &BbsInput<'_>) -> Result<Signature, SignError> {
        match &self.pair {
            Pair::Bbs(secret) => secret.sign(input),
            _ => Err(self.wrong_type("a bbs-2023 proof", KeyType::Bls12381G2)),
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {:?})", self.public_key)
    }
}
