//! Ed25519 by the strict rule: canonical encodings, no point of small order, no cofactor.

use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};

use crate::{KeyError, KeyType, VerifyError};

/// The y coordinates of the eight points whose order divides 8, little-endian: 0, 1, −1, and the two of order 8. Each is the
/// y of two points or, where x is 0, of one.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [
        0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// Parses a key: the canonical encoding of a point of large order.
pub(crate) fn point(raw: &[u8]) -> Result<VerifyingKey, KeyError> {
    let not_on_curve = KeyError::NotOnCurve {
        key_type: KeyType::Ed25519,
    };
    let Ok(bytes) = <&[u8; 32]>::try_from(raw) else {
        return Err(not_on_curve);
    };
    // The decoder takes y ≥ p = 2^255 − 19, which RFC 8032 §5.1.3 refuses. It takes a negative zero too, but only the
    // points of y = ±1 have x = 0, and those have small order.
    let [least, middle @ .., greatest] = bytes;
    if *least >= 0xed && middle.iter().all(|byte| *byte == 0xff) && greatest | 0x80 == 0xff {
        return Err(not_on_curve);
    }
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| not_on_curve)?;
    if key.is_weak() {
        return Err(KeyError::SmallOrder);
    }
    Ok(key)
}

/// Verifies a signature under a key from [`point`], as `VerifyingKey::verify_strict` does.
///
/// That one decompresses R to learn its order. Here R counts only when it has the very bytes of the R that is computed, so
/// that its bytes tell as much; and the order of the key was looked at when it was parsed.
pub(crate) fn verify(
    key: &VerifyingKey,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let signature = Signature::from_slice(signature).map_err(|_| VerifyError::Mismatch)?;
    if has_small_order(*signature.r_bytes()) {
        return Err(VerifyError::Mismatch);
    }
    key.verify(message, &signature)
        .map_err(|_| VerifyError::Mismatch)
}

/// Tells whether these bytes are a point whose order divides 8, in the canonical encoding or with the other sign.
fn has_small_order(mut encoded: [u8; 32]) -> bool {
    let [.., greatest] = &mut encoded;
    *greatest &= 0x7f;
    SMALL_ORDER.contains(&encoded)
}
