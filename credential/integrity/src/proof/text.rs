//! Proofs of a document whose canonical form is there already: it is hashed as it is.
//!
//! The text is that of the document without its `proof`. A proof of it does not name previous proofs, and on the ledger it does
//! not repeat an `@context` either; [`sign`](super::sign) and [`verify`](super::verify) are for documents that need that.

use chop_keys::{DataIntegrityInput, PublicKey, SignError, Signature};
use serde_json::{Map, Value};

use super::input::of_text;
use super::{Proof, ProofError, ProofOptions, completed};

/// Makes a proof of a document, given as canonical JSON without `proof`.
///
/// # Errors
/// When the suite does not fit the key, a time is not a `dateTime`, the options name previous proofs, or signing fails.
pub fn sign_text(
    document: &[u8],
    options: &ProofOptions,
    key: &PublicKey,
    sign: impl FnOnce(&DataIntegrityInput) -> Result<Signature, SignError>,
) -> Result<Map<String, Value>, ProofError> {
    let proof = options.configuration(None);
    let input = signing_input_of_text(document, &proof, key)?;
    Ok(completed(proof, &sign(&input)?))
}

/// Computes what a proof with this configuration signs of a document, given as canonical JSON without `proof`.
///
/// # Errors
/// When the configuration is malformed, does not fit the key, has an `@context`, or names previous proofs.
pub fn signing_input_of_text(
    document: &[u8],
    configuration: &Map<String, Value>,
    key: &PublicKey,
) -> Result<DataIntegrityInput, ProofError> {
    of_text(document, no_context, &Proof::parse(configuration)?, key)
}

/// Verifies a proof of a document, given as canonical JSON without `proof`, under [`Rule::Ledger`](super::Rule::Ledger).
///
/// # Errors
/// As [`verify`](super::verify), and when the proof has an `@context`.
pub fn verify_text(
    document: &[u8],
    proof: &Map<String, Value>,
    key: &PublicKey,
) -> Result<(), ProofError> {
    let view = Proof::parse(proof)?;
    view.refuse_unknown_members()?;
    let input = of_text(document, no_context, &view, key)?;
    let signature = view.signature(key.key_type())?;
    Ok(key.verify_strict(input.as_bytes(), &signature)?)
}

/// Verifies a proof of a credential or presentation, given as canonical JSON without `proof`, under
/// [`Rule::Credential`](super::Rule::Credential).
///
/// `has_context` says whether a value is the document's `@context`: that of the proof must be, if it has one.
///
/// # Errors
/// As [`verify`](super::verify), and when the proof names previous ones.
pub fn verify_credential_text(
    document: &[u8],
    has_context: impl FnOnce(&Value) -> bool,
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<(), ProofError> {
    let input = of_text(document, has_context, proof, key)?;
    let signature = proof.signature(key.key_type())?;
    Ok(key.verify(input.as_bytes(), &signature)?)
}

fn no_context(_context: &Value) -> bool {
    false
}
