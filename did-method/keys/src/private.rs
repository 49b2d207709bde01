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
    ClaimInput, CoseSigStructure, DataIntegrityInput, JwsSigningInput, KeyError, KeyType,
    PossessionInput, PublicKey, ReceiptInput, SelectiveBaseInput, SignError, Signature, Signer,
    VoteSignBytes, curve, ledger_input,
};

/// A private key in memory, wiped when dropped and never shown.
pub struct PrivateKey {
    public_key: PublicKey,
    secret: Zeroizing<Vec<u8>>,
    pair: Pair,
}

/// The longest PKCS #8 form, in bytes: that of P-384.
const MAX_PKCS8: usize = 192;
/// `SEQUENCE { 0, SEQUENCE { id-Ed25519 }, OCTET STRING { OCTET STRING } }` up to the seed.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// `SEQUENCE { 0, SEQUENCE { id-ecPublicKey, secp256r1 }, OCTET STRING { SEQUENCE { 1, OCTET STRING` up to the scalar.
const PKCS8_P256: [u8; 36] = [
    0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02,
    0x01, 0x01, 0x04, 0x20,
];
/// `[1] { BIT STRING` up to the point.
const PKCS8_P256_POINT: [u8; 5] = [0xa1, 0x44, 0x03, 0x42, 0x00];
/// As for P-256, with secp384r1.
const PKCS8_P384: [u8; 35] = [
    0x30, 0x81, 0xb6, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
    0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x04, 0x81, 0x9e, 0x30, 0x81, 0x9b, 0x02, 0x01,
    0x01, 0x04, 0x30,
];
/// `[1] { BIT STRING` up to the point.
const PKCS8_P384_POINT: [u8; 5] = [0xa1, 0x64, 0x03, 0x62, 0x00];

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

    /// Gives the key as PKCS #8 (RFC 5958), DER, for software that speaks X.509: Ed25519 (RFC 8410), P-256 or P-384 with its
    /// public point (RFC 5915); `None` for a key of another type.
    pub fn pkcs8_der(&self) -> Option<Zeroizing<Vec<u8>>> {
        let key_type = self.public_key.key_type();
        let (before, between): (&[u8], &[u8]) = match key_type {
            KeyType::Ed25519 => (&PKCS8_ED25519, &[]),
            KeyType::P256 => (&PKCS8_P256, &PKCS8_P256_POINT),
            KeyType::P384 => (&PKCS8_P384, &PKCS8_P384_POINT),
            _ => return None,
        };
        // Reserved whole: growing would leave copies of the secret behind.
        let mut der = Zeroizing::new(Vec::with_capacity(MAX_PKCS8));
        der.extend_from_slice(before);
        der.extend_from_slice(&self.secret);
        if key_type != KeyType::Ed25519 {
            der.extend_from_slice(between);
            der.extend_from_slice(&self.public_key.uncompressed()?);
        }
        Some(der)
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

    fn sign_possession(&self, input: &PossessionInput) -> Result<Signature, SignError> {
        match &self.pair {
            Pair::Ed25519(_) => self.sign(input.as_bytes()),
            _ => Err(self.wrong_type("the possession of a validator key", KeyType::Ed25519)),
        }
    }

    fn sign_receipt(&self, input: &ReceiptInput) -> Result<Signature, SignError> {
        ledger_input::need_ed25519(self.public_key.key_type(), "a receipt for leaves")?;
        self.sign(input.as_bytes())
    }

    fn sign_claim(&self, input: &ClaimInput) -> Result<Signature, SignError> {
        ledger_input::need_ed25519(self.public_key.key_type(), "the claim of a code")?;
        self.sign(input.as_bytes())
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
