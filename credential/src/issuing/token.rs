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
    refuse_wrappers(payload)?;
    let header = encode_header(kind, key_id, signer)?;
    sign(&header, &chop_integrity::canonicalize(payload)?, signer)
}

/// Refuses a payload in which VC Data Model 1.1 would find a credential or presentation.
pub(super) fn refuse_wrappers(payload: &Map<String, Value>) -> Result<(), JoseError> {
    let found = ["vc", "vp"]
        .into_iter()
        .find(|claim| payload.contains_key(*claim));
    found.map_or(Ok(()), |claim| {
        Err(JoseError::Claim {
            claim,
            reason: "credentials and presentations are not wrapped in a claim",
        })
    })
}

/// Writes a token's header, in base64url.
pub(super) fn encode_header(
    kind: TokenKind,
    key_id: Option<&str>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
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
    Ok(BASE64URL_NOPAD.encode(&chop_integrity::canonicalize(&header)?))
}

/// Signs a payload, given as JSON text, under an encoded header.
pub(super) fn sign(
    header: &str,
    payload: &[u8],
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let payload = BASE64URL_NOPAD.encode(payload);
    let input = JwsSigningInput::new(format!("{header}.{payload}"))?;
    let signature = signer.sign_jws(&input)?;
    Ok(format!(
        "{}.{}",
        input.as_str(),
        BASE64URL_NOPAD.encode(signature.as_bytes())
    ))
}
