//! Public keys and signature verification.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{KeyType, bbs, curve, ed25519, multikey};

/// A public key whose point has been checked and parsed once; cloning shares it.
#[derive(Clone)]
pub struct PublicKey(Arc<Parsed>);

struct Parsed {
    key_type: KeyType,
    /// 32 bytes, or the compressed point of 33, 49, 67 or 96.
    raw: Vec<u8>,
    point: Point,
    /// The Multikey, once somebody asked for it: base58 takes as long as some twenty hashes.
    multikey: OnceLock<String>,
}

enum Point {
    Ed25519(VerifyingKey),
    Ecdsa(ParsedPublicKey),
    Bbs(bbs::Point),
}

/// Says why text, bytes or a JWK are not a usable public or private key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The Multikey does not start with `z` or is not base58btc.
    #[error("key is not base58btc multibase text")]
    NotBase58btc,
    /// The text is longer than any key.
    #[error("key text has {found} characters, at most {max} are read")]
    TextLength {
        /// The most characters read.
        max: usize,
        /// The characters found.
        found: usize,
    },
    /// The multicodec prefix names no key type known here.
    #[error("multicodec prefix is none of Ed25519, P-256, P-384 or BLS12-381 G2")]
    UnknownCodec,
    /// The bytes have the wrong length for the key type.
    #[error("{key_type} key has {found} bytes instead of {expected}")]
    Length {
        /// The key type.
        key_type: KeyType,
        /// The length it needs.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// The bytes are not the canonical encoding of a point on the curve.
    #[error("bytes are not a canonical {key_type} point")]
    NotOnCurve {
        /// The key type.
        key_type: KeyType,
    },
    /// The Ed25519 point has small order, so that signatures under it prove nothing.
    #[error("Ed25519 key has small order")]
    SmallOrder,
    /// The secret is zero or not below the group order.
    #[error("secret is not a valid {key_type} scalar")]
    Scalar {
        /// The key type.
        key_type: KeyType,
    },
    /// The text is not a did:key URL `did:key:z…#z…`.
    #[error("not a did:key URL")]
    NotDidKey,
    /// The fragment of a did:key URL names another key than its DID.
    #[error("did:key fragment differs from its identifier")]
    FragmentMismatch,
    /// The JWK does not describe a key of a type known here.
    #[error("JWK: {0}")]
    Jwk(#[from] crate::JwkError),
}

/// Says why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature has the wrong length for the key type.
    #[error("signature has {found} bytes instead of {expected}")]
    Length {
        /// The length that the key type has.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// The signature is the high twin of an ECDSA pair, where only the low one is taken.
    #[error("signature has a high s")]
    HighS,
    /// The signature was not made with this key over this message.
    #[error("signature does not match message and key")]
    Mismatch,
    /// The key makes no ordinary signatures.
    #[error("{key_type} keys sign selective disclosures only")]
    Selective {
        /// The key's type.
        key_type: KeyType,
    },
}

/// `SEQUENCE { SEQUENCE { id-Ed25519 } BIT STRING }` up to the key.
const SPKI_ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// `SEQUENCE { SEQUENCE { id-ecPublicKey, secp256r1 } BIT STRING }` up to the point.
const SPKI_P256: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// `SEQUENCE { SEQUENCE { id-ecPublicKey, secp384r1 } BIT STRING }` up to the point.
const SPKI_P384: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];

impl PublicKey {
    /// Parses a Multikey (`z6Mk…`, `zDn…`, `z82…`, `zUC7…`).
    ///
    /// # Errors
    /// When the text is not canonical or the bytes are not a point of full order on the curve.
    pub fn from_multikey(text: &str) -> Result<Self, KeyError> {
        let (key_type, raw) = multikey::decode(text)?;
        let key = Self::from_raw(key_type, &raw)?;
        // Bytes have one base58 text, so the one that was read is the one that would be written.
        let _new = key.0.multikey.set(text.to_owned());
        Ok(key)
    }

    /// Parses the verification method URL of a did:key, `did:key:z…#z…`.
    ///
    /// # Errors
    /// When the fragment differs from the identifier or the key is not usable.
    pub fn from_did_key_url(url: &str) -> Result<Self, KeyError> {
        let (did, fragment) = url.split_once('#').ok_or(KeyError::NotDidKey)?;
        let identifier = did.strip_prefix("did:key:").ok_or(KeyError::NotDidKey)?;
        if identifier != fragment {
            return Err(KeyError::FragmentMismatch);
        }
        Self::from_multikey(identifier)
    }

    /// Parses raw bytes: 32 for Ed25519, the compressed point of 33, 49, 67 or 96 bytes for P-256, P-384, P-521 or BLS12-381 G2.
    ///
    /// # Errors
    /// When the length is wrong or the bytes are not a canonical point of full order.
    pub fn from_raw(key_type: KeyType, raw: &[u8]) -> Result<Self, KeyError> {
        let expected = key_type.public_key_len();
        if raw.len() != expected {
            return Err(KeyError::Length {
                key_type,
                expected,
                found: raw.len(),
            });
        }
        let point = match key_type {
            KeyType::Ed25519 => Point::Ed25519(ed25519::point(raw)?),
            KeyType::P256 | KeyType::P384 | KeyType::P521 => {
                Point::Ecdsa(ecdsa_point(key_type, raw)?)
            }
            KeyType::Bls12381G2 => Point::Bbs(bbs::Point::parse(raw)?),
        };
        Ok(Self(Arc::new(Parsed {
            key_type,
            raw: raw.to_vec(),
            point,
            multikey: OnceLock::new(),
        })))
    }

    /// Parses an uncompressed ECDSA point, `04 ‖ x ‖ y` (SEC 1 §2.3.3).
    ///
    /// # Errors
    /// When the bytes are no such point on the key type's curve.
    pub fn from_uncompressed(key_type: KeyType, point: &[u8]) -> Result<Self, KeyError> {
        let length = key_type.secret_len();
        match point.split_first() {
            Some((0x04, coordinates)) if coordinates.len() == 2 * length => {
                let (x, y) = coordinates.split_at(length);
                Self::from_coordinates(key_type, x, y)
            }
            _ => Err(KeyError::NotOnCurve { key_type }),
        }
    }

    /// Builds an ECDSA key from its affine coordinates, big-endian and of full length.
    pub(crate) fn from_coordinates(
        key_type: KeyType,
        x: &[u8],
        y: &[u8],
    ) -> Result<Self, KeyError> {
        let mut uncompressed = Vec::with_capacity(1 + x.len() + y.len());
        uncompressed.push(0x04);
        uncompressed.extend_from_slice(x);
        uncompressed.extend_from_slice(y);
        let point = ecdsa_point(key_type, &uncompressed)?;
        let odd = y.last().is_some_and(|byte| byte & 1 == 1);
        let mut raw = Vec::with_capacity(1 + x.len());
        raw.push(if odd { 0x03 } else { 0x02 });
        raw.extend_from_slice(x);
        Ok(Self(Arc::new(Parsed {
            key_type,
            raw,
            point: Point::Ecdsa(point),
            multikey: OnceLock::new(),
        })))
    }

    /// Gives the Multikey text.
    pub fn multikey(&self) -> String {
        self.0
            .multikey
            .get_or_init(|| multikey::encode(self.0.key_type, &self.0.raw))
            .clone()
    }

    /// Gives the did:key, `did:key:z…`.
    pub fn did_key(&self) -> String {
        format!("did:key:{}", self.multikey())
    }

    /// Gives the did:key verification method URL, `did:key:z…#z…`.
    pub fn did_key_url(&self) -> String {
        let multikey = self.multikey();
        format!("did:key:{multikey}#{multikey}")
    }

    /// Names the key type.
    pub fn key_type(&self) -> KeyType {
        self.0.key_type
    }

    /// Gives the raw bytes: 32 for Ed25519, the compressed point of 33, 49, 67 or 96 for P-256, P-384, P-521 or BLS12-381 G2.
    pub fn raw(&self) -> &[u8] {
        &self.0.raw
    }

    /// Reads a DER `SubjectPublicKeyInfo`; `None` when it is not exactly what [`PublicKey::spki_der`] gives of some key.
    pub fn from_spki_der(der: &[u8]) -> Option<Self> {
        let after = |prefix: &[u8]| der.strip_prefix(prefix);
        if let Some(raw) = after(&SPKI_ED25519) {
            return Self::from_raw(KeyType::Ed25519, raw).ok();
        }
        if let Some(point) = after(&SPKI_P256) {
            return Self::from_uncompressed(KeyType::P256, point).ok();
        }
        Self::from_uncompressed(KeyType::P384, after(&SPKI_P384)?).ok()
    }

    /// Gives the DER `SubjectPublicKeyInfo` that certificates hold (RFC 5280 §4.1.2.7): Ed25519 (RFC 8410), P-256 or P-384
    /// with an uncompressed point (RFC 5480); `None` for a key of another type.
    pub fn spki_der(&self) -> Option<Vec<u8>> {
        let prefix: &[u8] = match self.0.key_type {
            KeyType::Ed25519 => &SPKI_ED25519,
            KeyType::P256 => &SPKI_P256,
            KeyType::P384 => &SPKI_P384,
            _ => return None,
        };
        let mut der = prefix.to_vec();
        if self.0.key_type == KeyType::Ed25519 {
            der.extend_from_slice(&self.0.raw);
        } else {
            der.extend_from_slice(&self.uncompressed()?);
        }
        Some(der)
    }

    /// Gives the uncompressed point of an ECDSA key: 4, x, y (SEC 1 §2.3.3); `None` for a key of another kind.
    pub fn uncompressed(&self) -> Option<Vec<u8>> {
        // The compressed form is a sign byte and x.
        let mut point = vec![0x04];
        point.extend_from_slice(self.0.raw.get(1..)?);
        point.extend_from_slice(&self.y()?);
        Some(point)
    }

    /// Gives the big-endian `y` coordinate of an ECDSA key.
    pub(crate) fn y(&self) -> Option<Vec<u8>> {
        let Point::Ecdsa(point) = &self.0.point else {
            return None;
        };
        // The uncompressed point, x ‖ y, ends the SubjectPublicKeyInfo (RFC 5480 §2).
        let spki = point.as_der().ok()?;
        let length = self.0.raw.len() - 1;
        let start = spki.as_ref().len().checked_sub(length)?;
        spki.as_ref().get(start..).map(<[u8]>::to_vec)
    }

    /// Verifies a signature of 64 bytes (Ed25519), or r‖s of 64 (P-256, SHA-256), 96 (P-384, SHA-384) or 132 (P-521,
    /// SHA-512).
    ///
    /// Ed25519 is checked without cofactor and with small-order points refused; ECDSA accepts either twin of s, as
    /// credentials made by others may carry both.
    ///
    /// # Errors
    /// When the length is wrong, the signature does not match, or the key makes no ordinary signatures (BLS12-381).
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        let key_type = self.0.key_type;
        let expected = key_type.signature_len();
        if signature.len() != expected && key_type != KeyType::Bls12381G2 {
            return Err(VerifyError::Length {
                expected,
                found: signature.len(),
            });
        }
        match &self.0.point {
            Point::Ed25519(key) => ed25519::verify(key, message, signature),
            Point::Ecdsa(key) => key
                .verify_sig(message, signature)
                .map_err(|_| VerifyError::Mismatch),
            Point::Bbs(_) => Err(VerifyError::Selective { key_type }),
        }
    }

    /// Gives the parsed point of a BLS12-381 key.
    pub(crate) fn bbs_point(&self) -> Option<&bbs::Point> {
        match &self.0.point {
            Point::Bbs(point) => Some(point),
            _ => None,
        }
    }

    /// Verifies as [`Self::verify`] does and refuses a high ECDSA s, so that nobody but the signer can vary the bytes.
    ///
    /// # Errors
    /// When the length is wrong, s is above n/2, or the signature does not match.
    pub fn verify_strict(&self, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
        let expected = self.0.key_type.signature_len();
        if signature.len() == expected && !curve::is_low_s(self.0.key_type, signature) {
            return Err(VerifyError::HighS);
        }
        self.verify(message, signature)
    }
}

fn ecdsa_point(key_type: KeyType, encoded: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    let algorithm: &'static EcdsaVerificationAlgorithm = match key_type {
        KeyType::P256 => &ECDSA_P256_SHA256_FIXED,
        KeyType::P384 => &ECDSA_P384_SHA384_FIXED,
        KeyType::P521 => &ECDSA_P521_SHA512_FIXED,
        KeyType::Ed25519 | KeyType::Bls12381G2 => return Err(KeyError::NotOnCurve { key_type }),
    };
    ParsedPublicKey::new(algorithm, encoded).map_err(|_| KeyError::NotOnCurve { key_type })
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key_type == other.0.key_type && self.0.raw == other.0.raw
    }
}

impl Eq for PublicKey {}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.key_type, &self.0.raw).cmp(&(other.0.key_type, &other.0.raw))
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key_type.hash(state);
        self.0.raw.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.multikey())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.multikey())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.multikey())
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_multikey(&text).map_err(serde::de::Error::custom)
    }
}
