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
    let mut header = Map::new();
    if let Some(key_id) = key_id {
        header.insert("kid".to_owned(), json!(key_id));
    }
    encode(header, kind, signer)
}

/// Signs a payload under a header that names the key; algorithm and type are added to it.
pub(crate) fn token_under(
    header: Map<String, Value>,
    payload: &Map<String, Value>,
    kind: TokenKind,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    refuse_wrappers(payload)?;
    let header = encode(header, kind, signer)?;
    sign(&header, &chop_integrity::canonicalize(payload)?, signer)
}

fn encode(
    mut header: Map<String, Value>,
    kind: TokenKind,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let key_type = signer.public_key().key_type();
    let algorithm = Algorithm::for_key(key_type).ok_or(IssueError::KeyType(key_type))?;
    header.insert("alg".to_owned(), json!(algorithm.name()));
    header.insert("typ".to_owned(), json!(kind.typ()));
    if let Some(cty) = kind.cty() {
        header.insert("cty".to_owned(), json!(cty));
    }
    Ok(BASE64URL_NOPAD.encode(&chop_integrity::canonicalize(&header)?))
}

/// Signs a payload, given as JSON text, under an encoded header.
pub(super) fn sign(
    header: &str,
    payload: &[u8],
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let input = JwsSigningInput::of_payload(header, payload)?;
    let signature = signer.sign_jws(&input)?;
    Ok(input.into_token(&signature))
}
