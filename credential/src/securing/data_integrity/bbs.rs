//! `bbs-2023` (vc-di-bbs §3.4): base proofs are made, derived ones verified.

use super::super::SecuringError;
use super::super::suites::{Material, SignTerms};
use super::unchained;
use crate::selective::bbs;
use chop_integrity::proof::Proof;
use chop_keys::{PublicKey, Signer};
use serde_json::{Map, Value};

/// vc-di-bbs §3.4.7.
pub(crate) fn verify(
    material: &Material<'_>,
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<(), SecuringError> {
    unchained(material)?;
    let document = material.document.json();
    Ok(bbs::verify(
        document,
        material.contexts,
        proof.members(),
        key,
    )?)
}

/// vc-di-bbs §3.4.1.
pub(crate) fn sign(
    material: &Material<'_>,
    terms: &SignTerms<'_>,
    signer: &dyn Signer,
) -> Result<Map<String, Value>, SecuringError> {
    unchained(material)?;
    let seed = terms.seed.ok_or(SecuringError::NoSeed)?;
    let mut proof = terms.options.configuration(None);
    let value = bbs::sign(
        material.document.json(),
        material.contexts,
        &proof,
        terms.mandatory_pointers,
        (seed, terms.commitment, signer),
    )?;
    proof.insert("proofValue".to_owned(), Value::String(value));
    Ok(proof)
}
