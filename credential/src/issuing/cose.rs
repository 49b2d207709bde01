//! Issuing and presenting as `COSE_Sign1` (VC-JOSE-COSE §3.3).

use super::{IssueError, Signatory, TokenTerms, check_credential, check_presentation};
use crate::contexts::Contexts;
use crate::model::{Credential, Presentation, Version};
use crate::securing::SigningKey;
use crate::securing::cose::{CoseKind, NewSign1, NewSign1Error};
use crate::status::TokenEntry;
use chop_keys::Signer;
use data_encoding::BASE64;
use serde_json::{Value, json};

/// Issues a credential as a tagged `COSE_Sign1`, a `vc+cose`.
///
/// # Errors
/// When the credential fails any validation or carries a proof, the method is not the issuer's, or signing fails.
pub fn issue_cose<'a>(
    credential: Value,
    contexts: &Contexts,
    verification_method: impl Into<Signatory<'a>>,
    signer: &dyn Signer,
) -> Result<Vec<u8>, IssueError> {
    issue_cose_with_status(credential, contexts, None, verification_method, signer)
}

/// Issues a credential as a `vc+cose` that refers to an entry of a Token Status List, among the CWT claims of its header
/// (draft-ietf-oauth-status-list-20 §6.3, RFC 9597).
///
/// # Errors
/// As [`issue_cose`] says.
pub fn issue_cose_with_status<'a>(
    credential: Value,
    contexts: &Contexts,
    status: Option<&TokenEntry>,
    verification_method: impl Into<Signatory<'a>>,
    signer: &dyn Signer,
) -> Result<Vec<u8>, IssueError> {
    let credential = Credential::from_value(credential)?;
    check_credential(&credential, contexts)?;
    let method = verification_method.into().checked(credential.issuer())?;
    let new = NewSign1 {
        status,
        ..NewSign1::new(CoseKind::Credential, SigningKey::Method(method))
    };
    Ok(new.sign(&chop_integrity::canonicalize(credential.json())?, signer)?)
}

/// Presents as a tagged `COSE_Sign1`, a `vp+cose`, for an audience and with a nonce of 8 to 64 bytes, both as CWT claims
/// (RFC 9597, RFC 9711 §4.1).
///
/// # Errors
/// When the presentation fails any validation, the method is not the holder's, the nonce cannot be carried, or signing fails.
pub fn present_cose<'a>(
    presentation: Value,
    contexts: &Contexts,
    verification_method: impl Into<Signatory<'a>>,
    for_verifier: &TokenTerms<'_>,
    signer: &dyn Signer,
) -> Result<Vec<u8>, IssueError> {
    let presentation = Presentation::from_value(presentation)?;
    check_presentation(&presentation, contexts)?;
    let signatory = verification_method.into();
    let method = match presentation.holder() {
        Some(holder) => signatory.checked(holder)?,
        None => signatory.method(),
    };
    let new = NewSign1 {
        audience: for_verifier.audience,
        nonce: for_verifier.nonce,
        ..NewSign1::new(CoseKind::Presentation, SigningKey::Method(method))
    };
    Ok(new.sign(&chop_integrity::canonicalize(presentation.json())?, signer)?)
}

impl From<NewSign1Error> for IssueError {
    fn from(error: NewSign1Error) -> Self {
        match error {
            NewSign1Error::KeyType(key_type) => Self::KeyType(key_type),
            NewSign1Error::Cose(error) => error.into(),
            NewSign1Error::Input(error) => error.into(),
            NewSign1Error::Sign(error) => error.into(),
        }
    }
}

/// Wraps a `vc+cose` as an `EnvelopedVerifiableCredential` (VC Data Model 2.0 §4.13.1, VC-JOSE-COSE §3.3.1).
pub fn enveloped_cose_credential(message: &[u8]) -> Value {
    envelope(
        message,
        CoseKind::Credential,
        "EnvelopedVerifiableCredential",
    )
}

/// Wraps a `vp+cose` as an `EnvelopedVerifiablePresentation` (VC Data Model 2.0 §4.13.2).
pub fn enveloped_cose_presentation(message: &[u8]) -> Value {
    envelope(
        message,
        CoseKind::Presentation,
        "EnvelopedVerifiablePresentation",
    )
}

fn envelope(message: &[u8], kind: CoseKind, name: &str) -> Value {
    json!({
        "@context": [Version::V2.base_context()],
        "id": format!("data:{};base64,{}", kind.typ(), BASE64.encode(message)),
        "type": name,
    })
}
