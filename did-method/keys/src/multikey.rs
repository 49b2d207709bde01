//! Multikey and did:key text forms of public keys (Controlled Identifiers 1.0 §2.2.2, did:key).
//!
//! ```text
//! "z" ‖ base58btc( varint(multicodec) ‖ key )
//!   Ed25519  ed 01 ‖ 32 bytes            z6Mk…
//!   P-256    80 24 ‖ 33 bytes compressed zDn…
//!   P-384    81 24 ‖ 49 bytes compressed z82…
//!   BLS12-381 G2  eb 01 ‖ 96 bytes compressed zUC7…
//! ```
//!
//! P-521 keys are written the same way (82 24 ‖ 67 bytes), so that they can be named, and not read: they come as JWKs.

use crate::{KeyError, KeyType};

/// Longest Multikey text read, in characters; a BLS12-381 G2 key takes 135.
const MAX_TEXT: usize = 140;

/// Encodes a public key as a Multikey.
pub(crate) fn encode(key_type: KeyType, raw: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(2 + raw.len());
    bytes.extend_from_slice(&codec(key_type));
    bytes.extend_from_slice(raw);
    let mut text = String::with_capacity(MAX_TEXT);
    text.push('z');
    text.push_str(&bs58::encode(bytes).into_string());
    text
}

/// Decodes a Multikey into its type and raw bytes.
pub(crate) fn decode(text: &str) -> Result<(KeyType, Vec<u8>), KeyError> {
    let Some(encoded) = text.strip_prefix('z') else {
        return Err(KeyError::NotBase58btc);
    };
    if encoded.len() > MAX_TEXT {
        return Err(KeyError::TextLength {
            max: MAX_TEXT,
            found: encoded.len(),
        });
    }
    let bytes = bs58::decode(encoded)
        .into_vec()
        .map_err(|_| KeyError::NotBase58btc)?;
    let Some((codec, raw)) = bytes.split_first_chunk::<2>() else {
        return Err(KeyError::UnknownCodec);
    };
    let key_type = match codec {
        [0xed, 0x01] => KeyType::Ed25519,
        [0x80, 0x24] => KeyType::P256,
        [0x81, 0x24] => KeyType::P384,
        [0xeb, 0x01] => KeyType::Bls12381G2,
        _ => return Err(KeyError::UnknownCodec),
    };
    Ok((key_type, raw.to_vec()))
}

fn codec(key_type: KeyType) -> [u8; 2] {
    match key_type {
        KeyType::Ed25519 => [0xed, 0x01],
        KeyType::P256 => [0x80, 0x24],
        KeyType::P384 => [0x81, 0x24],
        KeyType::Bls12381G2 => [0xeb, 0x01],
        KeyType::P521 => [0x82, 0x24],
    }
}
