//! The cryptosuites `eddsa-jcs-2022` (vc-di-eddsa §3.3) and `ecdsa-jcs-2019` (vc-di-ecdsa §3.3).
//!
//! ```text
//! signed = H(JCS(proof without proofValue)) ‖ H(JCS(document without proof))
//!          H: SHA-256 for Ed25519 and P-256, SHA-384 for P-384
//! ```
//!
//! The document is hashed in place, without a copy. A proof that names previous proofs signs the document with those
//! proofs as its `proof` member, always as an array (vc-data-integrity §4.3, §4.5). Comparing expiry, purpose, domain
//! and challenge with what is expected is left to the caller; [`Proof`] gives them as types.

mod base58;
mod error;
mod input;
mod options;
mod prepared;
mod suite;
mod text;
mod view;

use chop_keys::{DataIntegrityInput, PublicKey, SignError, Signature};
use serde_json::{Map, Value};

pub use error::ProofError;
pub use input::{check_previous, context_extends, signing_input};
pub use options::ProofOptions;
pub use prepared::PreparedProof;
pub use suite::{ED25519_SIGNATURE_2020, JcsSuite, PROOF_TYPE};
pub use text::{sign_text, signing_input_of_text, verify_credential_text, verify_text};
pub use view::Proof;

/// How strictly a proof is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A credential or presentation: either twin of an ECDSA signature; the document's `@context` may go on after the
    /// proof's (vc-di-eddsa §3.3.2).
    Credential,
    /// A DID operation or envelope: low ECDSA signatures only, no unknown member in the proof, equal `@context`, so
    /// that nobody but the signer can vary the bytes.
    Ledger,
}

/// Makes a proof of the document, whose own `proof` member is left out of account.
///
/// # Errors
/// When the suite does not fit the key, a time is not a `dateTime`, the document has no canonical form, or signing fails.
pub fn sign(
    document: &Map<String, Value>,
    options: &ProofOptions,
    key: &PublicKey,
    sign: impl FnOnce(&DataIntegrityInput) -> Result<Signature, SignError>,
) -> Result<Map<String, Value>, ProofError> {
    sign_after(document, &[], options, key, sign)
}

/// Makes a proof of the document together with the previous proofs that `options.previous_proof` names.
///
/// `previous` holds those proofs in the order in which they stand in the document.
///
/// # Errors
/// As [`sign`], and when `previous` is not what the options name.
pub fn sign_after(
    document: &Map<String, Value>,
    previous: &[&Map<String, Value>],
    options: &ProofOptions,
    key: &PublicKey,
    sign: impl FnOnce(&DataIntegrityInput) -> Result<Signature, SignError>,
) -> Result<Map<String, Value>, ProofError> {
    let proof = options.configuration(document.get("@context"));
    let input = signing_input(document, previous, &proof, key)?;
    Ok(completed(proof, &sign(&input)?))
}

/// Puts the signature into a proof that lacks nothing else.
fn completed(mut proof: Map<String, Value>, signature: &Signature) -> Map<String, Value> {
    let text = format!("z{}", base58::encode(signature.as_bytes()));
    proof.insert("proofValue".to_owned(), Value::String(text));
    proof
}

/// Verifies a proof of the document, whose own `proof` member is left out of account.
///
/// Under [`Rule::Credential`], what the document's `@context` lists after the proof's is not signed:
/// [`context_extends`] tells.
///
/// # Errors
/// When the proof is malformed, the suite does not fit the key, the contexts differ, or the signature does not match.
pub fn verify(
    document: &Map<String, Value>,
    proof: &Map<String, Value>,
    key: &PublicKey,
    rule: Rule,
) -> Result<(), ProofError> {
    verify_after(document, &[], proof, key, rule)
}

/// Verifies a proof of the document together with the previous proofs that it names.
///
/// `previous` holds those proofs in the order in which they stand in the document; each must be verified as well.
///
/// # Errors
/// As [`verify`], and when `previous` is not what the proof names.
pub fn verify_after(
    document: &Map<String, Value>,
    previous: &[&Map<String, Value>],
    proof: &Map<String, Value>,
    key: &PublicKey,
    rule: Rule,
) -> Result<(), ProofError> {
    let view = Proof::parse(proof)?;
    if rule == Rule::Ledger {
        view.refuse_unknown_members()?;
        if context_extends(document, proof) {
            return Err(ProofError::Context);
        }
    }
    let input = input::of_view(document, previous, &view, key)?;
    let signature = view.signature(key.key_type())?;
    match rule {
        Rule::Credential => key.verify(input.as_bytes(), &signature)?,
        Rule::Ledger => key.verify_strict(input.as_bytes(), &signature)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
