//! `eddsa-jcs-2022` (vc-di-eddsa §3.3) and `ecdsa-jcs-2019` (vc-di-ecdsa §3.3).

use super::super::SecuringError;
use super::super::suites::{Body, Material, SignTerms};
use chop_integrity::proof::{self, Proof, Rule};
use chop_keys::{PublicKey, Signer};
use serde_json::{Map, Value};

/// vc-di-eddsa §3.3.2, vc-di-ecdsa §3.3.2.
pub(crate) fn verify(
    material: &Material<'_>,
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<(), SecuringError> {
    let Material {
        document, previous, ..
    } = *material;
    if let Body::Written(written) = document
        && previous.is_empty()
    {
        let has_context = |context: &Value| written.has_context(context);
        // What lists more contexts than its proof is left to the other way.
        if proof.context().is_none_or(has_context) {
            let text = written.canonical();
            proof::verify_credential_text(&text, has_context, proof, key)?;
            return Ok(());
        }
    }
    let document = document.json();
    proof::verify_after(document, previous, proof.members(), key, Rule::Credential)?;
    // The specification drops what the document's @context lists after the proof's; a reader would still see it, so it is
    // refused here.
    if proof::context_extends(document, proof.members()) {
        return Err(SecuringError::UnsignedContext);
    }
    Ok(())
}

/// vc-di-eddsa §3.3.1, vc-di-ecdsa §3.3.1.
pub(crate) fn sign(
    material: &Material<'_>,
    terms: &SignTerms<'_>,
    signer: &dyn Signer,
) -> Result<Map<String, Value>, SecuringError> {
    if !terms.mandatory_pointers.is_empty() {
        return Err(SecuringError::NotSelective {
            suite: terms.options.cryptosuite,
        });
    }
    let made = proof::sign_after(
        material.document.json(),
        material.previous,
        &terms.options,
        signer.public_key(),
        |input| signer.sign_credential(input),
    )?;
    Ok(made)
}
