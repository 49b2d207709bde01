//! Issuing SD-JWT VCs (draft-ietf-oauth-sd-jwt-vc-19 §2).

use super::IssueError;
use super::token::token_under;
use crate::sd_jwt_vc::{PLAIN, SdJwtVc};
use crate::securing::confirmation::Confirmation;
use crate::securing::jose::TokenKind;
use crate::securing::sd_jwt::{ConcealError, Randomness, conceal};
use crate::securing::x5c::Chain;
use chop_keys::{PublicKey, Signer};
use serde_json::{Map, Value, json};

/// Says how claims become an SD-JWT VC.
#[derive(Clone, Copy, Debug)]
pub struct SdJwtVcRequest<'a> {
    /// `kid`: the key's id in the issuer's metadata, or the URL of a verification method of an `iss` that is a DID.
    pub key_id: Option<&'a str>,
    /// `x5c`: the certificates of the signing key, for the issuer if the claims name one.
    pub chain: Option<&'a Chain>,
    /// JSON pointers (RFC 6901) to the claims that the holder may disclose one by one.
    pub disclosable: &'a [String],
    /// How many digests of nothing are added wherever claims are concealed.
    pub decoys: usize,
    /// The holder's key, by which presentations will be bound (`cnf`).
    pub holder: Option<&'a PublicKey>,
}

/// Issues an SD-JWT VC, `dc+sd-jwt`, with all its disclosures. The claims name the type, `vct`.
///
/// # Errors
/// When the claims break the claim model, the certificates are not for the key or not for `iss`, a pointer leads nowhere or to what must stay plain, or signing fails.
pub fn issue_sd_jwt_vc(
    claims: &Map<String, Value>,
    request: &SdJwtVcRequest<'_>,
    randomness: Randomness<'_>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let plain = |pointer: &&String| {
        let top = pointer.split('/').nth(1).unwrap_or_default();
        PLAIN.contains(&top)
    };
    if let Some(pointer) = request.disclosable.iter().find(plain) {
        return Err(ConcealError::Plain {
            pointer: pointer.clone(),
        }
        .into());
    }
    let mut concealed = conceal(claims, request.disclosable, request.decoys, randomness)?;
    if let Some(holder) = request.holder {
        let confirmation = Confirmation::of_key(holder);
        concealed.payload.insert("cnf".to_owned(), confirmation);
    }
    let mut header = Map::new();
    if let Some(key_id) = request.key_id {
        header.insert("kid".to_owned(), json!(key_id));
    }
    if let Some(chain) = request.chain {
        let issuer = claims.get("iss").and_then(Value::as_str);
        chain.certifies(signer.public_key(), issuer)?;
        header.insert("x5c".to_owned(), json!(chain.to_x5c()));
    }
    let jwt = token_under(header, &concealed.payload, TokenKind::SdJwtVc, signer)?;
    let issued = concealed.serialize(&jwt);
    // The claim model is checked where it is read.
    SdJwtVc::parse(&issued)?;
    Ok(issued)
}
