//! `eddsa-rdfc-2022` (vc-di-eddsa §3.2) and `ecdsa-rdfc-2019` (vc-di-ecdsa §3.2).
//!
//! ```text
//! signed = H(RDFC-1.0(proof without proofValue, with the document's @context)) ‖ H(RDFC-1.0(document))
//!          H: SHA-256 for Ed25519 and P-256, SHA-384 for P-384, also within RDFC-1.0
//! ```

use super::super::SecuringError;
use super::super::suites::{Material, SignTerms, cryptosuite};
use crate::contexts::Contexts;
use crate::rdf::{Budget, RdfHash, canonicalize, to_rdf};
use chop_integrity::proof::{Proof, ProofError, check_previous};
use chop_keys::{DataIntegrityInput, KeyType, PublicKey, Signer};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// vc-di-eddsa §3.2.2, vc-di-ecdsa §3.2.2.
pub(crate) fn verify(
    material: &Material<'_>,
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<(), SecuringError> {
    uses(proof.cryptosuite(), key.key_type())?;
    let signature = proof.signature(key.key_type())?;
    let input = signing_input(material, proof.members(), key.key_type())?;
    key.verify(input.as_bytes(), &signature)
        .map_err(ProofError::from)?;
    Ok(())
}

/// vc-di-eddsa §3.2.1, vc-di-ecdsa §3.2.1.
pub(crate) fn sign(
    material: &Material<'_>,
    terms: &SignTerms<'_>,
    signer: &dyn Signer,
) -> Result<Map<String, Value>, SecuringError> {
    let mut configuration = terms.options.configuration(None);
    uses(terms.options.cryptosuite, signer.public_key().key_type())?;
    signed(material, terms, &mut configuration, signer)?;
    Ok(configuration)
}

/// Adds the signature to a proof configuration.
pub(super) fn signed(
    material: &Material<'_>,
    terms: &SignTerms<'_>,
    configuration: &mut Map<String, Value>,
    signer: &dyn Signer,
) -> Result<(), SecuringError> {
    if !terms.mandatory_pointers.is_empty() {
        return Err(SecuringError::NotSelective {
            suite: terms.options.cryptosuite,
        });
    }
    let input = signing_input(material, configuration, signer.public_key().key_type())?;
    let signature = signer.sign_credential(&input).map_err(ProofError::from)?;
    let text = format!("z{}", bs58::encode(signature.as_bytes()).into_string());
    configuration.insert("proofValue".to_owned(), Value::String(text));
    Ok(())
}

/// Hashes the proof's configuration and the document (vc-di-eddsa §3.2.3 to §3.2.5).
pub(super) fn signing_input(
    material: &Material<'_>,
    proof: &Map<String, Value>,
    key_type: KeyType,
) -> Result<DataIntegrityInput, SecuringError> {
    check_previous(material.previous, &Proof::parse(proof)?)?;
    let hash = match key_type {
        KeyType::P384 => RdfHash::Sha384,
        _ => RdfHash::Sha256,
    };
    let configuration = configuration(material.document.json(), proof)?;
    let configuration = digest(&configuration, material.contexts, hash)?;
    let document = digest(&with_previous(material), material.contexts, hash)?;
    Ok(DataIntegrityInput::new(&configuration, &document).map_err(ProofError::from)?)
}

fn digest(
    document: &Map<String, Value>,
    contexts: &Contexts,
    hash: RdfHash,
) -> Result<Vec<u8>, SecuringError> {
    let dataset = to_rdf(document, contexts)?;
    let canonical = canonicalize(&dataset, hash, Budget::CREDENTIAL)?;
    Ok(hash.digest(canonical.nquads().as_bytes()))
}

/// Takes a proof without its value, under the document's contexts (vc-di-eddsa §3.2.5).
///
/// A proof that brings another `@context` is refused: the specification replaces it, but a reader would still see it.
pub(crate) fn configuration(
    document: &Map<String, Value>,
    proof: &Map<String, Value>,
) -> Result<Map<String, Value>, ProofError> {
    let context = document.get("@context");
    if proof.contains_key("@context") && proof.get("@context") != context {
        return Err(ProofError::Context);
    }
    let mut configuration: Map<String, Value> = proof
        .iter()
        .filter(|(name, _)| *name != "proofValue")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if let Some(context) = context {
        configuration.insert("@context".to_owned(), context.clone());
    }
    Ok(configuration)
}

/// Returns the document with the proofs that the proof builds on (VC Data Integrity 1.0 §4.3, §4.5).
fn with_previous<'a>(material: &Material<'a>) -> Cow<'a, Map<String, Value>> {
    if material.previous.is_empty() {
        return Cow::Borrowed(material.document.json());
    }
    let mut document = material.document.json().clone();
    let previous = material
        .previous
        .iter()
        .map(|proof| Value::Object((*proof).clone()))
        .collect();
    document.insert("proof".to_owned(), Value::Array(previous));
    Cow::Owned(document)
}

/// Checks that a suite signs with keys of a type.
pub(super) fn uses(name: &str, key_type: KeyType) -> Result<(), SecuringError> {
    match cryptosuite(name) {
        Some(suite) if suite.key_types.contains(&key_type) => Ok(()),
        Some(suite) => Err(ProofError::KeyType {
            suite: suite.name,
            key_type,
        }
        .into()),
        None => Err(SecuringError::UnknownSuite {
            found: name.to_owned(),
        }),
    }
}
