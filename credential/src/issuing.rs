//! Issuing: every validation first, then the signature.

pub mod batch;
mod cose;
mod error;
mod integrity;
mod jwt;
mod sd_jwt;
mod sd_jwt_vc;
mod signatory;
#[cfg(test)]
mod tests;
mod token;

pub use cose::{
    enveloped_cose_credential, enveloped_cose_presentation, issue_cose, issue_cose_with_status,
    present_cose,
};
pub use error::IssueError;
pub use integrity::{ProofRequest, issue, present};
pub use jwt::{
    TokenTerms, enveloped_credential, enveloped_presentation, issue_jwt, issue_jwt_with_status,
    present_jwt,
};
pub use sd_jwt::{BindingTerms, SdJwtRequest, bind_key, issue_sd_jwt, present_sd_jwt};
pub use sd_jwt_vc::{SdJwtVcRequest, issue_sd_jwt_vc};
pub use signatory::Signatory;

pub use crate::securing::SigningKey;
pub(crate) use token::token_under;

use crate::contexts::Contexts;
use crate::model::{Credential, Presentation, Version, is_url};
use crate::status::StatusEntry;
use serde_json::{Map, Value};

/// Checks everything that issuing a credential as a token checks, short of signing it.
///
/// # Errors
/// When the credential breaks the data model of version 2.0, or uses terms that no context defines.
pub fn check_credential(credential: &Credential, contexts: &Contexts) -> Result<(), IssueError> {
    if credential.version() != Version::V2 {
        return Err(IssueError::Version);
    }
    check_either_version(credential, contexts)
}

/// Checks what holds for both versions of the data model: Data Integrity secures either (VC Data Integrity 1.0 §2.6), while
/// VC-JOSE-COSE knows version 2.0 only (§3).
fn check_either_version(credential: &Credential, contexts: &Contexts) -> Result<(), IssueError> {
    for entry in credential.status_entries()? {
        if let StatusEntry::Bitstring(entry) = entry
            && !is_url(entry.list)
        {
            return Err(IssueError::Status {
                reason: "statusListCredential is no URL",
            });
        }
    }
    contexts.check(credential)?;
    Ok(())
}

fn check_presentation(presentation: &Presentation, contexts: &Contexts) -> Result<(), IssueError> {
    if presentation.version() != Version::V2 {
        return Err(IssueError::Version);
    }
    let own: Map<String, Value> = presentation
        .json()
        .iter()
        .filter(|(name, _)| *name != "verifiableCredential")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    contexts.check_document(&own)?;
    Ok(())
}

/// Checks that a verification method is in the signer's own document.
fn is_of(method: &str, signer: &str) -> Result<(), IssueError> {
    match method.split_once('#') {
        Some((holder, fragment)) if holder == signer && !fragment.is_empty() => Ok(()),
        _ => Err(IssueError::Method {
            method: method.to_owned(),
            signer: signer.to_owned(),
        }),
    }
}
