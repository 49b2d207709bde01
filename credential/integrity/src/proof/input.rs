//! What a proof signs: the two hashes, taken without copying the document.

use chop_keys::{DataIntegrityInput, KeyType, PublicKey};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256, Sha384};

use super::{JcsSuite, Proof, ProofError};
use crate::{canonicalize, canonicalize_members};

/// Computes what a proof with this configuration signs; the document's `proof` and the configuration's `proofValue`
/// are left out of account.
///
/// # Errors
/// When the configuration is malformed, does not fit the key, the contexts differ, or `previous` is not what the
/// configuration names.
pub fn signing_input(
    document: &Map<String, Value>,
    previous: &[&Map<String, Value>],
    configuration: &Map<String, Value>,
    key: &PublicKey,
) -> Result<DataIntegrityInput, ProofError> {
    of_view(document, previous, &Proof::parse(configuration)?, key)
}

/// Tells whether the document's `@context` lists entries that the proof's does not, which nobody signed.
pub fn context_extends(document: &Map<String, Value>, proof: &Map<String, Value>) -> bool {
    match (document.get("@context"), proof.get("@context")) {
        (Some(of_document), Some(of_proof)) => of_document != of_proof,
        _ => false,
    }
}

pub(super) fn of_view(
    document: &Map<String, Value>,
    previous: &[&Map<String, Value>],
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<DataIntegrityInput, ProofError> {
    check_suite(proof, key)?;
    check_previous(previous, proof)?;
    let context = proof.context();
    if let Some(of_proof) = context
        && !starts_with(document.get("@context"), of_proof)
    {
        return Err(ProofError::Context);
    }
    let document = if previous.is_empty() {
        let members = document
            .iter()
            .map(named)
            .filter(|(name, _)| *name != "proof");
        canonicalize_members(members.map(|(name, value)| match (name, context) {
            ("@context", Some(context)) => (name, context),
            _ => (name, value),
        }))?
    } else {
        canonicalize(&Unsecured {
            document,
            context,
            previous,
        })?
    };
    hashed(&document, proof, key)
}

/// [`of_view`] of a document in canonical form, of which no proof is made that names others; `has_context` says whether a value
/// is its `@context`, as that of the proof must be, if it has one.
pub(super) fn of_text(
    document: &[u8],
    has_context: impl FnOnce(&Value) -> bool,
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<DataIntegrityInput, ProofError> {
    check_suite(proof, key)?;
    check_previous(&[], proof)?;
    if proof.context().is_some_and(|context| !has_context(context)) {
        return Err(ProofError::Context);
    }
    hashed(document, proof, key)
}

fn check_suite(proof: &Proof<'_>, key: &PublicKey) -> Result<(), ProofError> {
    let suite = JcsSuite::from_name(proof.cryptosuite()).ok_or_else(|| ProofError::Suite {
        found: proof.cryptosuite().to_owned(),
    })?;
    if suite.uses(key.key_type()) {
        Ok(())
    } else {
        Err(ProofError::KeyType {
            suite: suite.name(),
            key_type: key.key_type(),
        })
    }
}

fn hashed(
    document: &[u8],
    proof: &Proof<'_>,
    key: &PublicKey,
) -> Result<DataIntegrityInput, ProofError> {
    let members = proof.members().iter().map(named);
    let configuration = canonicalize_members(members.filter(|(name, _)| *name != "proofValue"))?;
    let input = if key.key_type() == KeyType::P384 {
        DataIntegrityInput::new(&Sha384::digest(configuration), &Sha384::digest(document))
    } else {
        DataIntegrityInput::new(&Sha256::digest(configuration), &Sha256::digest(document))
    };
    Ok(input?)
}

/// Checks that the previous proofs are exactly those named (vc-data-integrity §4.3, §4.5).
///
/// # Errors
/// When a proof is given that is not named, or named that is not given.
pub fn check_previous(
    previous: &[&Map<String, Value>],
    proof: &Proof<'_>,
) -> Result<(), ProofError> {
    let named = proof.previous_proof();
    let ids = || {
        previous
            .iter()
            .map(|proof| proof.get("id").and_then(Value::as_str))
    };
    let matches = ids().all(|id| id.is_some_and(|id| named.contains(&id)))
        && named.iter().all(|name| ids().any(|id| id == Some(name)));
    if matches {
        return Ok(());
    }
    Err(ProofError::Previous {
        named: named.into_iter().map(str::to_owned).collect(),
        given: ids().flatten().map(str::to_owned).collect(),
    })
}

/// Tells whether the document's `@context` begins with the values of the proof's, in their order (vc-di-eddsa §3.3.2).
fn starts_with(of_document: Option<&Value>, of_proof: &Value) -> bool {
    let Some(of_document) = of_document else {
        return false;
    };
    list(of_document).starts_with(list(of_proof))
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

fn named<'v>((name, value): (&'v String, &'v Value)) -> (&'v str, &'v Value) {
    (name, value)
}

/// A document that is written with the proof's context and the previous proofs in the place of its own.
struct Unsecured<'a> {
    document: &'a Map<String, Value>,
    context: Option<&'a Value>,
    previous: &'a [&'a Map<String, Value>],
}

impl Serialize for Unsecured<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (name, value) in self.document {
            match (name.as_str(), self.context) {
                ("proof", _) => {}
                ("@context", Some(context)) => members.serialize_entry(name, context)?,
                _ => members.serialize_entry(name, value)?,
            }
        }
        members.serialize_entry("proof", self.previous)?;
        members.end()
    }
}
