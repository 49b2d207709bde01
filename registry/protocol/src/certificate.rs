//! TLS keys of members: which key a member's client may present, bound by both sides.
//!
//! A binding is restricted JSON, signed by the TLS key and by enough update keys of the member's DID, so that neither
//! names the other without its consent:
//!
//! ```text
//! {
//!   "ledger": full ledger id, "member": did:chop, "publicKey": the TLS key as Multikey,
//!   "proof": [eddsa-jcs-2022 or ecdsa-jcs-2019 proofs, purpose authentication, a did:key URL; one by publicKey]
//! }
//! spki = SHA-256(DER SubjectPublicKeyInfo of publicKey), RFC 5280 §4.1.2.7
//! ```
//!
//! A certificate that the consortium's authority issued is necessary for the member API, never sufficient: its key must be
//! bound to a live member at the node's height. A bound key authorises nothing on the ledger itself.

use chop_did::{ChopDid, LedgerId};
use chop_integrity::proof::{self, JcsSuite, ProofError, ProofOptions, Rule};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PublicKey, SignError, Signer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Purpose of a binding's proofs: the key is for authenticating a connection, not for acting.
pub const BINDING_PURPOSE: &str = "authentication";
/// Most proofs: the TLS key's and a full set of update keys.
pub const MAX_BINDING_PROOFS: usize = 1 + chop_did::control::MAX_KEYS;

/// What both sides sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingTerms {
    /// The full id of the ledger.
    pub ledger: LedgerId,
    /// The member whose client presents the key.
    pub member: ChopDid,
    /// The TLS key, as Multikey: Ed25519, P-256 or P-384.
    pub public_key: PublicKey,
}

/// A binding whose every signature verified, the TLS key's among them.
#[derive(Clone, Debug)]
pub struct SignedBinding {
    terms: BindingTerms,
    spki: Hash,
    value: Value,
    signers: BTreeSet<PublicKey>,
}

/// A bound key, as stored under [`crate::keys::binding`]; it stays when the binding ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Binding {
    /// The member.
    pub member: ChopDid,
    /// Header time of the binding.
    pub time: Timestamp,
    /// Height of the binding.
    pub height: u64,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<BindingEnd>,
    /// The binding as both sides signed it, proofs included.
    pub signed: Value,
}

/// The end of a binding: for ever, a key is bound once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingEnd {
    /// Header time.
    pub time: Timestamp,
    /// Height.
    pub height: u64,
}

/// Ends the binding of a TLS key to the actor, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnbindCertificate {
    /// The key's [`spki_hash`].
    pub spki: Hash,
}

/// Says why JSON is no signed binding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindingError {
    /// A member is missing, unknown or of the wrong type.
    #[error("a binding is not of the required shape: {reason}")]
    Shape {
        /// What the decoder said.
        reason: String,
    },
    /// A key that no certificate of members holds.
    #[error("certificates of members hold Ed25519, P-256 or P-384 keys, not {found}")]
    KeyType {
        /// The key's type.
        found: KeyType,
    },
    /// No proof or too many.
    #[error("a binding has 2 to {max} proofs, this one has {found}")]
    ProofCount {
        /// How many there are.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// A proof is not of the one shape that bindings have, or its key signed before.
    #[error("proof {index}: {reason}")]
    ProofShape {
        /// Place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A signature does not verify under the strict rule.
    #[error("proof {index}: {reason}")]
    Signature {
        /// Place in the list, from 0.
        index: usize,
        /// What the verifier said.
        reason: ProofError,
    },
    /// The TLS key has not signed, so its holder may know nothing of the binding.
    #[error("no proof is by the key {key} itself")]
    NotPossessed {
        /// The key.
        key: PublicKey,
    },
}

/// Hashes a key as certificates hold it: SHA-256 of its DER `SubjectPublicKeyInfo`; `None` for a key of another type.
pub fn spki_hash(key: &PublicKey) -> Option<Hash> {
    let der = key.spki_der()?;
    Some(Hash::from_bytes(Sha256::digest(der).into()))
}

impl BindingTerms {
    /// Has the TLS key and the update keys sign.
    ///
    /// # Errors
    /// Returns [`ProofError`] when a key does not sign.
    pub fn signed_by(&self, tls: &dyn Signer, update: &[&dyn Signer]) -> Result<Value, ProofError> {
        let value = serde_json::to_value(self).unwrap_or_default();
        let Value::Object(mut members) = value else {
            return Ok(Value::Null);
        };
        let mut proofs = Vec::new();
        for signer in std::iter::once(&tls).chain(update) {
            let key = signer.public_key();
            let suite = JcsSuite::for_key(key.key_type()).map_or("", JcsSuite::name);
            let options = ProofOptions::new(suite, key.did_key_url(), BINDING_PURPOSE);
            let proof = proof::sign(&members, &options, key, |input| -> Result<_, SignError> {
                signer.sign_binding(input)
            })?;
            proofs.push(Value::Object(proof));
        }
        members.insert("proof".to_owned(), Value::Array(proofs));
        Ok(Value::Object(members))
    }
}

impl SignedBinding {
    /// Returns what was signed.
    pub const fn terms(&self) -> &BindingTerms {
        &self.terms
    }

    /// Returns the TLS key's [`spki_hash`].
    pub const fn spki(&self) -> Hash {
        self.spki
    }

    /// Returns the JSON, proofs included.
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the distinct keys that signed beside the TLS key.
    pub fn update_signers(&self) -> BTreeSet<PublicKey> {
        let others = self.signers.iter();
        others
            .filter(|key| **key != self.terms.public_key)
            .cloned()
            .collect()
    }

    /// Returns how many signatures there are.
    pub fn signatures(&self) -> usize {
        self.signers.len()
    }
}

impl TryFrom<Value> for SignedBinding {
    type Error = BindingError;

    /// Checks shape, bounds and every signature of JSON that was parsed without duplicate members.
    fn try_from(value: Value) -> Result<Self, BindingError> {
        let shape = |reason: String| BindingError::Shape { reason };
        let Value::Object(mut unsigned) = value.clone() else {
            return Err(shape("not an object".to_owned()));
        };
        let Some(Value::Array(proofs)) = unsigned.remove("proof") else {
            return Err(shape("its proof is an array".to_owned()));
        };
        let terms: BindingTerms = serde_json::from_value(Value::Object(unsigned.clone()))
            .map_err(|error| shape(error.to_string()))?;
        let key = &terms.public_key;
        let found = key.key_type();
        let spki = spki_hash(key).ok_or(BindingError::KeyType { found })?;
        let (found, max) = (proofs.len(), MAX_BINDING_PROOFS);
        if !(2..=max).contains(&found) {
            return Err(BindingError::ProofCount { found, max });
        }
        let mut signers = BTreeSet::new();
        for (index, proof) in proofs.iter().enumerate() {
            let key = verified(&unsigned, proof, index)?;
            if !signers.insert(key) {
                let reason = "its key signed already";
                return Err(BindingError::ProofShape { index, reason });
            }
        }
        if !signers.contains(key) {
            return Err(BindingError::NotPossessed { key: key.clone() });
        }
        Ok(Self {
            terms,
            spki,
            value,
            signers,
        })
    }
}

fn verified(
    unsigned: &Map<String, Value>,
    proof: &Value,
    index: usize,
) -> Result<PublicKey, BindingError> {
    let shape = |reason| BindingError::ProofShape { index, reason };
    let members = proof.as_object().ok_or_else(|| shape("not an object"))?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("proofPurpose") != Some(BINDING_PURPOSE) {
        return Err(shape("its purpose is not authentication"));
    }
    let url = text("verificationMethod").ok_or_else(|| shape("it names no verificationMethod"))?;
    let key = PublicKey::from_did_key_url(url)
        .map_err(|_| shape("its verificationMethod is no did:key URL of a signing key"))?;
    let suite = JcsSuite::for_key(key.key_type()).map(JcsSuite::name);
    if suite.is_none() || text("cryptosuite") != suite {
        return Err(shape("its cryptosuite is not the one for its key"));
    }
    proof::verify(unsigned, members, &key, Rule::Ledger)
        .map_err(|reason| BindingError::Signature { index, reason })?;
    Ok(key)
}
