//! Signing compact tokens.

use super::IssueError;
use crate::securing::jose::{Algorithm, JoseError, TokenKind};
use chop_keys::{JwsSigningInput, Signer};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

/// Signs a payload as a compact JWS (RFC 7515 §7.1) whose `kid` is the key's id, if it has one.
pub(crate) fn token(
    payload: &Map<String, Value>,
    kind: TokenKind,
    key_id: Option<&str>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    for reserved in ["vc", "vp"] {
        if payload.contains_key(reserved) {
            return Err(JoseError::Claim {
                claim: reserved,
                reason: "credentials and presentations are not wrapped in a claim",
            }
            .into());
        }
    }
    let key_type = signer.public_key().key_type();
    let algorithm = Algorithm::for_key(key_type).ok_or(IssueError::KeyType(key_type))?;
    let mut header = Map::new();
    header.insert("alg".to_owned(), json!(algorithm.name()));
    header.insert("typ".to_owned(), json!(kind.typ()));
    for (member, value) in [("cty", kind.cty()), ("kid", key_id)] {
        if let Some(value) = value {
            header.insert(member.to_owned(), json!(value));
        }
    }
    let encode = |bytes: Vec<u8>| BASE64URL_NOPAD.encode(&bytes);
    let input = JwsSigningInput::new(format!(
        "{}.{}",
        encode(chop_integrity::canonicalize(&header)?),
        encode(chop_integrity::canonicalize(payload)?)
    ))?;
    let signature = signer.sign_jws(&input)?;
    Ok(format!(
        "{}.{}",
        input.as_str(),
        BASE64URL_NOPAD.encode(signature.as_bytes())
    ))
}
