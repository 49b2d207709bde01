//! Makes geneses and operations for clients, with a signer at hand or with the signature made elsewhere.
//!
//! A [`Draft`] holds the operation and its proofs. With a key at hand: [`Draft::sign`]. Without (DIF DID Registration,
//! client-managed secret mode): hand out [`Draft::signing_input`], take back the signature with [`Draft::attach`].

mod genesis;

pub use genesis::GenesisDraft;

use crate::chop::ChopDid;
use crate::control::{KeyCommitment, RawControl, UpdateKeys};
use crate::document::Document;
use crate::genesis::Genesis;
use crate::operation::{OPERATION_TAG, OperationError, OperationKind, PURPOSE, SignedOperation};
use crate::state::{DidState, PendingRecovery};
use chop_integrity::proof::{self, JcsSuite, ProofOptions};
use chop_integrity::{Hash, JcsError, Timestamp};
use chop_keys::{DataIntegrityInput, KeyType, PublicKey, SignError, Signature, Signer};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// An operation that still collects its signatures.
#[derive(Clone, Debug)]
pub struct Draft {
    unsigned: Map<String, Value>,
    proofs: Vec<Value>,
    created: Option<Timestamp>,
}

/// Says why a draft could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The signer or the proof layer failed.
    #[error("the operation could not be signed: {0}")]
    Proof(#[from] proof::ProofError),
    /// The draft has no canonical form.
    #[error(transparent)]
    Canonical(#[from] JcsError),
    /// The draft is not an object, or holds proofs already.
    #[error("an unsigned operation is an object without proof")]
    Unsigned,
    /// The signed draft is malformed.
    #[error(transparent)]
    Operation(#[from] OperationError),
}

/// Starts the create of a genesis; its update keys or its controller's key sign it (SPEC §6.2).
pub fn create(genesis: &Genesis) -> Draft {
    let members = json!({
        "type": OperationKind::Create, "did": genesis.did(), "seq": 0, "genesis": Value::Object(genesis.value().clone()),
    });
    Draft::of(members)
}

/// Starts an update to a full new document (SPEC §6.3).
pub fn update(state: &DidState, document: &Document) -> Draft {
    Draft::of(next(OperationKind::Update, state, document))
}

/// Starts a rotation; by commitment the new keys sign, without one the old and the new (SPEC §6.4).
pub fn rotate(state: &DidState, document: &Document, keys: &UpdateKeys) -> Draft {
    Draft::of(next(OperationKind::Rotate, state, document)).with_keys(keys)
}

/// Starts a recovery, signed by the recovery set, which it reveals and replaces (SPEC §6.5).
pub fn recover(
    state: &DidState,
    document: &Document,
    revealed: &BTreeSet<PublicKey>,
    keys: &UpdateKeys,
    recovery: &KeyCommitment,
) -> Draft {
    let revealed: Vec<String> = revealed.iter().map(PublicKey::multikey).collect();
    let mut draft = Draft::of(next(OperationKind::Recover, state, document))
        .with_keys(keys)
        .with_recovery(recovery);
    draft
        .unsigned
        .insert("recoveryKeys".to_owned(), json!(revealed));
    draft
}

/// Starts a veto of a waiting change of the recovery set (SPEC §6.6).
pub fn veto(state: &DidState, pending: &PendingRecovery) -> Draft {
    let mut draft = Draft::of(next(OperationKind::Veto, state, state.document()));
    draft
        .unsigned
        .insert("vetoes".to_owned(), json!(pending.operation));
    draft
}

/// Starts the end of a DID (SPEC §6.7).
pub fn deactivate(state: &DidState) -> Draft {
    Draft::of(next(OperationKind::Deactivate, state, state.document()))
}

/// Starts the transfer of a controlled DID; a key of each controller signs (SPEC §6.8).
pub fn transfer(state: &DidState, document: &Document, controller: &ChopDid) -> Draft {
    let mut draft = Draft::of(next(OperationKind::Transfer, state, document));
    draft
        .unsigned
        .insert("controller".to_owned(), json!(controller));
    draft
}

fn next(kind: OperationKind, state: &DidState, document: &Document) -> Value {
    json!({
        "type": kind, "did": state.did(), "seq": state.seq() + 1, "previous": state.operation(), "document": document.members(),
    })
}

impl Draft {
    fn of(value: Value) -> Self {
        let unsigned = match value {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        Self {
            unsigned,
            proofs: Vec::new(),
            created: None,
        }
    }

    /// Takes up an unsigned operation that was handed out before.
    ///
    /// # Errors
    /// Returns [`BuildError::Unsigned`] when the value is no object or carries proofs.
    pub fn from_unsigned(value: Value) -> Result<Self, BuildError> {
        match value {
            Value::Object(members) if !members.contains_key("proof") => {
                Ok(Self::of(Value::Object(members)))
            }
            _ => Err(BuildError::Unsigned),
        }
    }

    /// Asks for a new recovery set, which waits before it is in force (SPEC §6.3); for update, rotate and recover.
    #[must_use]
    pub fn with_recovery(mut self, recovery: &KeyCommitment) -> Self {
        self.unsigned.insert("recovery".to_owned(), json!(recovery));
        self
    }

    /// Writes this time, with the precision of a second or a millisecond as given, into the proofs as `created`.
    #[must_use]
    pub fn created_at(mut self, time: Timestamp) -> Self {
        self.created = Some(time);
        self
    }

    fn with_keys(mut self, keys: &UpdateKeys) -> Self {
        if let Ok(Value::Object(members)) = serde_json::to_value(RawControl::from(keys)) {
            self.unsigned.extend(members);
        }
        self
    }

    /// Returns the operation without proofs.
    pub fn unsigned(&self) -> &Map<String, Value> {
        &self.unsigned
    }

    /// Returns the hash that the operation will have.
    ///
    /// # Errors
    /// Returns [`BuildError::Canonical`] when the draft has no canonical form.
    pub fn hash(&self) -> Result<Hash, BuildError> {
        Ok(Hash::of_json(OPERATION_TAG, &self.unsigned)?)
    }

    /// Adds the proof of a signer.
    ///
    /// # Errors
    /// Returns [`BuildError::Proof`] when the signer fails.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), BuildError> {
        self.add(signer.public_key(), |input| signer.sign_operation(input))
    }

    /// Returns what the holder of a key has to sign elsewhere: the 64 or 96 bytes of Data Integrity.
    ///
    /// # Errors
    /// Returns [`BuildError::Proof`] when the draft has no canonical form.
    pub fn signing_input(&self, key: &PublicKey) -> Result<DataIntegrityInput, BuildError> {
        Ok(proof::signing_input(
            &self.unsigned,
            &[],
            &self.options(key).configuration(None),
            key,
        )?)
    }

    /// Adds the proof of a signature that was made elsewhere over [`Draft::signing_input`].
    ///
    /// # Errors
    /// Returns [`BuildError::Proof`] when the proof cannot be put together; [`Draft::finish`] checks the signature itself.
    pub fn attach(&mut self, key: &PublicKey, signature: &Signature) -> Result<(), BuildError> {
        self.add(key, |_| Ok(signature.clone()))
    }

    /// Checks all that needs no ledger state, signatures included, and gives the operation to be sent.
    ///
    /// # Errors
    /// Returns [`BuildError::Operation`], which says what is malformed.
    pub fn finish(self) -> Result<SignedOperation, BuildError> {
        let mut members = self.unsigned;
        members.insert("proof".to_owned(), Value::Array(self.proofs));
        Ok(SignedOperation::try_from(Value::Object(members))?)
    }

    /// Signs with each signer in turn and finishes.
    ///
    /// # Errors
    /// Returns [`BuildError`] like [`Draft::sign`] and [`Draft::finish`].
    pub fn signed_by(mut self, signers: &[&dyn Signer]) -> Result<SignedOperation, BuildError> {
        for signer in signers {
            self.sign(*signer)?;
        }
        self.finish()
    }

    fn add(
        &mut self,
        key: &PublicKey,
        sign: impl FnOnce(&DataIntegrityInput) -> Result<Signature, SignError>,
    ) -> Result<(), BuildError> {
        let proof = proof::sign(&self.unsigned, &self.options(key), key, sign)?;
        self.proofs.push(Value::Object(proof));
        Ok(())
    }

    fn options(&self, key: &PublicKey) -> ProofOptions {
        let suite = match key.key_type() {
            KeyType::Ed25519 => JcsSuite::EddsaJcs2022,
            _ => JcsSuite::EcdsaJcs2019,
        };
        ProofOptions {
            created: self.created.map(|time| time.to_string()),
            ..ProofOptions::new(suite.name(), key.did_key_url(), PURPOSE)
        }
    }
}
