//! Key material inside a verification method: what may stand there, and which of it can sign.

use chop_keys::{Jwk, KeyType, PublicKey};
use serde_json::{Map, Value};

/// What a verification method's key can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Material {
    /// Verifies signatures that this software checks: Ed25519, P-256, P-384; P-521 in JWKs.
    Signing(PublicKey),
    /// Verifies selective disclosures over BLS12-381 (96 bytes of G2). To the method it is data: its rules never verify with
    /// it, and never look whether it is a point.
    Bls,
    /// Agrees on keys over X25519.
    Agreement,
}

/// The multicodec of X25519 public keys, as the varint bytes that stand before the key.
const X25519_PREFIX: [u8; 2] = [0xec, 0x01];
/// The multicodec of BLS12-381 G2 public keys.
const BLS12_381_G2_PREFIX: [u8; 2] = [0xeb, 0x01];

/// Reads the key material of a verification method of type Multikey or `JsonWebKey` (CID 1.0 §2.2.2, §2.2.3).
///
/// # Errors
/// Returns what is wrong in a few words.
pub(crate) fn read(method: &Map<String, Value>) -> Result<Material, &'static str> {
    let (multibase, jwk) = (method.get("publicKeyMultibase"), method.get("publicKeyJwk"));
    match (method.get("type").and_then(Value::as_str), multibase, jwk) {
        (Some("Multikey"), Some(Value::String(text)), None) => read_multikey(text),
        (Some("JsonWebKey"), None, Some(jwk)) => read_jwk(jwk),
        (Some("Multikey"), ..) => {
            Err("a Multikey has a publicKeyMultibase string and nothing else")
        }
        (Some("JsonWebKey"), ..) => Err("a JsonWebKey has a publicKeyJwk and nothing else"),
        _ => Err("the type is neither Multikey nor JsonWebKey"),
    }
}

/// Tells that a verification method holds this signing key, whose Multikey is `multikey`: what [`read`] would find, without
/// reading the point of a Multikey, which costs a square root.
pub(crate) fn holds(method: &Map<String, Value>, key: &PublicKey, multikey: &str) -> bool {
    let (multibase, jwk) = (method.get("publicKeyMultibase"), method.get("publicKeyJwk"));
    match (method.get("type").and_then(Value::as_str), multibase, jwk) {
        (Some("Multikey"), Some(Value::String(text)), None) => {
            text == multikey
                && matches!(
                    key.key_type(),
                    KeyType::Ed25519 | KeyType::P256 | KeyType::P384
                )
        }
        _ => matches!(read(method), Ok(Material::Signing(found)) if found == *key),
    }
}

/// Reads a Multikey of any kind that a document may hold.
pub(crate) fn read_multikey(text: &str) -> Result<Material, &'static str> {
    // Base58 decoding is quadratic: the longest kind, BLS12-381 G2, has 135 characters.
    if text.len() > 160 {
        return Err("the multikey is too long");
    }
    if let Ok(key) = PublicKey::from_multikey(text)
        && key.key_type() != KeyType::Bls12381G2
    {
        return Ok(Material::Signing(key));
    }
    let bytes = text
        .strip_prefix('z')
        .and_then(|body| bs58::decode(body).into_vec().ok())
        .ok_or("not base58btc multibase")?;
    match bytes.split_first_chunk::<2>() {
        Some((&X25519_PREFIX, key)) if key.len() == 32 => Ok(Material::Agreement),
        Some((&BLS12_381_G2_PREFIX, key)) if is_compressed_g2(key) => Ok(Material::Bls),
        Some(_) => Err("not a whole Ed25519, P-256, P-384, X25519 or BLS12-381 G2 key"),
        None => Err("too short"),
    }
}

fn read_jwk(value: &Value) -> Result<Material, &'static str> {
    let members = value.as_object().ok_or("publicKeyJwk is not an object")?;
    if members.contains_key("d") {
        return Err("publicKeyJwk holds a private key");
    }
    if members.get("crv").and_then(Value::as_str) == Some("X25519") {
        let point = members
            .get("x")
            .and_then(Value::as_str)
            .ok_or("an X25519 key has an x")?;
        let whole = data_encoding::BASE64URL_NOPAD
            .decode(point.as_bytes())
            .is_ok_and(|bytes| bytes.len() == 32);
        let known = members
            .keys()
            .all(|name| matches!(name.as_str(), "kty" | "crv" | "x" | "kid" | "use" | "alg"));
        let okp = members.get("kty").and_then(Value::as_str) == Some("OKP");
        return if whole && known && okp {
            Ok(Material::Agreement)
        } else {
            Err("not a whole X25519 key")
        };
    }
    let jwk: Jwk =
        serde_json::from_value(value.clone()).map_err(|_| "publicKeyJwk is malformed")?;
    PublicKey::from_jwk(&jwk)
        .map(Material::Signing)
        .map_err(|_| "publicKeyJwk is no Ed25519, P-256, P-384 or P-521 key")
}

/// Checks length and flag bits of a compressed G2 point: compression set, infinity not.
fn is_compressed_g2(key: &[u8]) -> bool {
    key.len() == 96
        && key
            .first()
            .is_some_and(|flags| flags & 0b1100_0000 == 0b1000_0000)
}
