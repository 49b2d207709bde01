//! Issuing and presenting as compact tokens (VC-JOSE-COSE §3.1).

use super::token::token;
use super::{IssueError, Signatory, check_credential, check_presentation};
use crate::contexts::Contexts;
use crate::model::{Credential, Presentation, Version};
use crate::securing::jose::TokenKind;
use crate::securing::sd_jwt::SdJwt;
use crate::status::TokenEntry;
use chop_keys::Signer;
use serde_json::{Map, Value, json};

/// Issues a credential as a compact `vc+jwt`.
///
/// # Errors
/// When the credential fails any validation or carries a proof, the method is not the issuer's, or signing fails.
pub fn issue_jwt<'a>(
    credential: Value,
    contexts: &Contexts,
    verification_method: impl Into<Signatory<'a>>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    issue_jwt_with_status(credential, contexts, None, verification_method, signer)
}

/// Issues a credential as a compact `vc+jwt` whose `status` claim names an entry of a Token Status List
/// (draft-ietf-oauth-status-list-20 §6.2).
///
/// # Errors
/// As [`issue_jwt`] says; and when the credential has a property `status` of its own.
pub fn issue_jwt_with_status<'a>(
    credential: Value,
    contexts: &Contexts,
    status: Option<&TokenEntry>,
    verification_method: impl Into<Signatory<'a>>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let credential = Credential::from_value(credential)?;
    check_credential(&credential, contexts)?;
    let method = verification_method.into().checked(credential.issuer())?;
    let mut payload = credential.into_json();
    if payload.contains_key("status") {
        return Err(IssueError::Status {
            reason: "a property of this name would be taken for the token's status claim",
        });
    }
    if let Some(entry) = status {
        payload.insert("status".to_owned(), Value::Object(entry.to_claim()));
    }
    token(&payload, TokenKind::Credential, Some(method), signer)
}

/// Presents as a compact `vp+jwt`, for an audience and with a nonce.
///
/// # Errors
/// When the presentation fails any validation, the method is not the holder's, or signing fails.
pub fn present_jwt<'a>(
    presentation: Value,
    contexts: &Contexts,
    verification_method: impl Into<Signatory<'a>>,
    for_verifier: &TokenTerms<'_>,
    signer: &dyn Signer,
) -> Result<String, IssueError> {
    let signatory = verification_method.into();
    let payload = presented(presentation, contexts, signatory, for_verifier)?;
    let method = signatory.method();
    token(&payload, TokenKind::Presentation, Some(method), signer)
}

/// Checks a presentation and writes the payload of its token.
pub(super) fn presented(
    presentation: Value,
    contexts: &Contexts,
    signatory: Signatory<'_>,
    for_verifier: &TokenTerms<'_>,
) -> Result<Map<String, Value>, IssueError> {
    let presentation = Presentation::from_value(presentation)?;
    check_presentation(&presentation, contexts)?;
    if let Some(holder) = presentation.holder() {
        signatory.checked(holder)?;
    }
    let mut payload = presentation.into_json();
    for (claim, value) in [
        ("aud", for_verifier.audience),
        ("nonce", for_verifier.nonce),
    ] {
        if let Some(value) = value {
            payload.insert(claim.to_owned(), Value::from(value));
        }
    }
    Ok(payload)
}

/// Says for whom a token is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenTerms<'a> {
    /// `aud`.
    pub audience: Option<&'a str>,
    /// `nonce`.
    pub nonce: Option<&'a str>,
}

/// Wraps a compact `vc+jwt` or `vc+sd-jwt` as an `EnvelopedVerifiableCredential` (VC Data Model 2.0 §4.13.1).
pub fn enveloped_credential(token: &str) -> Value {
    let kind = if SdJwt::is_meant(token) {
        TokenKind::SdCredential
    } else {
        TokenKind::Credential
    };
    envelope(token, kind, "EnvelopedVerifiableCredential")
}

/// Wraps a compact `vp+jwt` or `vp+sd-jwt` as an `EnvelopedVerifiablePresentation` (VC Data Model 2.0 §4.13.2).
pub fn enveloped_presentation(token: &str) -> Value {
    let kind = if SdJwt::is_meant(token) {
        TokenKind::SdPresentation
    } else {
        TokenKind::Presentation
    };
    envelope(token, kind, "EnvelopedVerifiablePresentation")
}

fn envelope(token: &str, kind: TokenKind, name: &str) -> Value {
    json!({
        "@context": [Version::V2.base_context()],
        "id": format!("data:{},{token}", kind.media_type()),
        "type": name,
    })
}
