//! Proofs of a document whose canonical form is there already: it is hashed as it is.
//!
//! The text is that of the document without its `proof`. A proof of it neither repeats an `@context` nor names previous
//! proofs; [`sign`](super::sign) and [`verify`](super::verify) are for documents that need either.

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
    of_text(document, &Proof::parse(configuration)?, key)
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
    let input = of_text(document, &view, key)?;
    let signature = view.signature(key.key_type())?;
    Ok(key.verify_strict(input.as_bytes(), &signature)?)
}
