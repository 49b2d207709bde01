//! `Ed25519Signature2020` (vc-di-eddsa, appendix): a proof type of its own, with the hashes of
//! `eddsa-rdfc-2022`.

use super::super::SecuringError;
use super::super::suites::{Material, SignTerms};
use super::rdfc;
use chop_integrity::proof::{ED25519_SIGNATURE_2020, Proof, ProofError};
use chop_keys::{PublicKey, Signer};
use serde_json::{Map, Value};

/// The context that defines the proof type; version 2.0 of the data model does not.
pub(crate) const CONTEXT: &str = "https://w3id.org/security/suites/ed25519-2020/v1";

pub(crate) fn verify(
    material: &Material<'_>,
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<(), SecuringError> {
    if proof.proof_type() != ED25519_SIGNATURE_2020 {
        return Err(ProofError::Type {
            found: proof.proof_type().to_owned(),
        }
        .into());
    }
    rdfc::verify(material, proof, key)
}

pub(crate) fn sign(
    material: &Material<'_>,
    terms: &SignTerms<'_>,
    signer: &dyn Signer,
) -> Result<Map<String, Value>, SecuringError> {
    rdfc::uses(ED25519_SIGNATURE_2020, signer.public_key().key_type())?;
    let mut configuration = terms.options.configuration(None);
    configuration.remove("cryptosuite");
    configuration.insert("type".to_owned(), ED25519_SIGNATURE_2020.into());
    rdfc::signed(material, terms, &mut configuration, signer)?;
    Ok(configuration)
}
