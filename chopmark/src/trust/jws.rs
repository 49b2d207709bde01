//! Signed JSON: a compact JWS over canonical JSON.

use anyhow::Context as _;
use chop_integrity::canonicalize;
use chop_keys::{JwsSigningInput, PrivateKey, Signer as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

/// Signs a payload in compact form (RFC 7515 §3.1); `alg` is put into the header as the key has it.
///
/// Header and payload are written canonically, so that what is the same is signed as the same bytes.
///
/// # Errors
/// When the key is of a type that signs no JWS.
pub(crate) fn sign(
    mut header: Map<String, Value>,
    payload: &Value,
    key: &PrivateKey,
) -> anyhow::Result<String> {
    let key_type = key.public_key().key_type();
    let algorithm = key_type
        .algorithm()
        .with_context(|| format!("a key of type {key_type} signs no JWS"))?;
    header.insert("alg".to_owned(), algorithm.into());
    let part = |value: &Value| anyhow::Ok(BASE64URL_NOPAD.encode(&canonicalize(value)?));
    let text = format!("{}.{}", part(&Value::Object(header))?, part(payload)?);
    let input = JwsSigningInput::new(text)?;
    let signature = key.sign_jws(&input)?;
    let signature = BASE64URL_NOPAD.encode(signature.as_bytes());
    Ok(format!("{}.{signature}", input.as_str()))
}
