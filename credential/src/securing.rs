//! Securing mechanisms: who signed what, and whether it holds.

mod base64url;
pub mod confirmation;
pub mod cose;
mod data_integrity;
mod data_url;
mod error;
pub mod jose;
pub mod sd_jwt;
mod secured;
mod suites;
#[cfg(test)]
mod tests;
mod vc_jwt;
pub mod x5c;

pub use data_integrity::ProofReport;
pub use error::SecuringError;
pub(crate) use secured::secured_claims;
pub use secured::{
    Claims, Document, ParseError, Secured, SecuredCredential, SecuredPresentation, Securing,
};
pub(crate) use secured::{text_claim, time_claim};
pub use suites::{CRYPTOSUITES, Cryptosuite, cryptosuite};

pub(crate) use data_integrity::rdfc::configuration;
pub(crate) use suites::{Body, Material, SignTerms};

use crate::contexts::Contexts;
use crate::verdict::{Finding, KeyFact};
use chop_integrity::Timestamp;
use std::collections::BTreeMap;

/// Says what a proof must be for, and as of when.
#[derive(Clone, Copy, Debug)]
pub struct ProofTerms<'a> {
    /// The verification relationship, such as `assertionMethod`.
    pub purpose: &'a str,
    /// What the terms of documents mean.
    pub contexts: &'a Contexts,
    /// The time as of which an expiry counts.
    pub as_of: Timestamp,
    /// How far a signer's clock may run ahead, in milliseconds.
    pub clock_skew_ms: i64,
}

/// Says how what is signed names the key that signs it.
#[derive(Clone, Copy, Debug)]
pub enum SigningKey<'a> {
    /// By the URL of a verification method: `kid`.
    Method(&'a str),
    /// By certificates that it brings along: `x5c`, or `x5chain` in COSE.
    Chain(&'a x5c::Chain),
}

/// Are the keys at hand, by verification method.
pub type Keys = BTreeMap<String, Finding<KeyFact>>;

impl Secured<'_> {
    /// Verifies every signature; one report each, in the order of the document.
    ///
    /// An empty list means that nobody signed.
    pub fn verify(&self, keys: &Keys, terms: &ProofTerms<'_>) -> Vec<ProofReport> {
        match self.securing {
            Securing::Unsecured => Vec::new(),
            Securing::DataIntegrity(proofs) => {
                data_integrity::verify(self.document.body(), proofs, keys, terms)
            }
            Securing::Jose(token) => vec![token.verify(self.claims, self.signer, keys, terms)],
            Securing::SdJwt(sd_jwt) => {
                let token = sd_jwt.token();
                vec![token.verify(self.claims, self.signer, keys, terms)]
            }
            Securing::Cose(message) => {
                vec![message.verify(self.claims, self.signer, keys, terms)]
            }
        }
    }
}

/// Completes a key id, which may be relative to the signer, to the absolute URL of a verification method.
fn absolute(kid: &str, signer: Option<&str>) -> Option<String> {
    if kid.starts_with('#') {
        return signer.map(|signer| format!("{signer}{kid}"));
    }
    // A key of did:key is often named by the bare DID.
    match kid.strip_prefix("did:key:") {
        Some(key) if !key.contains('#') => Some(format!("{kid}#{key}")),
        _ => Some(kid.to_owned()),
    }
}

/// Finds a key and checks that its controller lists it for the purpose.
pub(crate) fn usable<'k>(
    keys: &'k Keys,
    method: &str,
    purpose: &str,
) -> Result<&'k KeyFact, SecuringError> {
    match keys.get(method) {
        Some(Finding::Found(fact)) => {
            if fact.relationships.iter().any(|name| name == purpose) {
                Ok(fact)
            } else {
                Err(SecuringError::Relationship {
                    method: method.to_owned(),
                    purpose: purpose.to_owned(),
                })
            }
        }
        Some(Finding::Absent) => Err(SecuringError::NoKey {
            method: method.to_owned(),
        }),
        Some(Finding::Unreachable { reason }) => Err(SecuringError::KeyUnreachable {
            method: method.to_owned(),
            reason: reason.clone(),
        }),
        Some(Finding::NotSought) | None => Err(SecuringError::KeyUnreachable {
            method: method.to_owned(),
            reason: "nobody resolved it".to_owned(),
        }),
    }
}
