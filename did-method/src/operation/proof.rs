//! The proofs of an operation: their one shape, and the check of every signature (SPEC §4.7).

use super::OperationError;
use crate::control::MAX_KEYS;
use chop_integrity::proof::{self, Rule};
use chop_keys::{KeyType, PublicKey};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The most proofs: a full set of old keys beside a full set of new ones.
pub(crate) const MAX_PROOFS: usize = 2 * MAX_KEYS;
/// The proof purpose of operations.
pub(crate) const PURPOSE: &str = "assertionMethod";

/// Verifies every proof over the operation and returns the distinct signers.
pub(super) fn verify_all(
    unsigned: &Map<String, Value>,
    proof: &Value,
) -> Result<BTreeSet<PublicKey>, OperationError> {
    let proofs = match proof {
        Value::Array(proofs) => proofs.as_slice(),
        single => std::slice::from_ref(single),
    };
    if proofs.is_empty() || proofs.len() > MAX_PROOFS {
        return Err(OperationError::ProofCount {
            count: proofs.len(),
            max: MAX_PROOFS,
        });
    }
    let mut signers = BTreeSet::new();
    for (index, proof) in proofs.iter().enumerate() {
        let shape = |reason| OperationError::ProofShape { index, reason };
        let members = proof.as_object().ok_or_else(|| shape("not an object"))?;
        let key = signer(members).map_err(shape)?;
        proof::verify(unsigned, members, &key, Rule::Ledger).map_err(|e| {
            OperationError::Signature {
                index,
                reason: e.to_string(),
            }
        })?;
        signers.insert(key);
    }
    Ok(signers)
}

/// Checks the members of one proof and returns the key that it names.
fn signer(members: &Map<String, Value>) -> Result<PublicKey, &'static str> {
    const ALLOWED: [&str; 6] = [
        "type",
        "cryptosuite",
        "verificationMethod",
        "proofPurpose",
        "created",
        "proofValue",
    ];
    if members.keys().any(|name| !ALLOWED.contains(&name.as_str())) {
        return Err("it has a member that operation proofs do not have");
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("type") != Some("DataIntegrityProof") {
        return Err("its type is not DataIntegrityProof");
    }
    if text("proofPurpose") != Some(PURPOSE) {
        return Err("its purpose is not assertionMethod");
    }
    let url = text("verificationMethod").ok_or("it names no verificationMethod")?;
    let key = PublicKey::from_did_key_url(url)
        .map_err(|_| "its verificationMethod is no did:key URL of a signing key")?;
    let suite = match key.key_type() {
        KeyType::Ed25519 => "eddsa-jcs-2022",
        _ => "ecdsa-jcs-2019",
    };
    if text("cryptosuite") == Some(suite) {
        Ok(key)
    } else {
        Err("its cryptosuite is not the one for its key")
    }
}
