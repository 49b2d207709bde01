//! What the ledger says as of its last block: values, blocks, outcomes, and proofs of every key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chop_integrity::Hash;
use chop_ledger::tree;
use chop_proof::build::{hash_bytes, state_root};
use chop_proof::{BatchProof, StateProof, Statement};
use chop_protocol::Outcome;
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;

use super::EngineError;
use crate::store::{Snapshot, Store, StoreError};

/// Bytes of paths that are kept for reading them again; about 20,000 of them in a tree of a million keys.
const CACHE_BYTES: usize = 24 * 1024 * 1024;

/// The last block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Height of the last block.
    pub height: u64,
    /// Its header time, milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Root of the state after this block, which its own header already commits to.
    pub app_hash: [u8; 32],
    /// Hash of its header.
    pub hash: [u8; 32],
}

/// A value, or none, with its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The value's canonical bytes; `None` when the ledger holds nothing under the key.
    pub value: Option<Vec<u8>>,
    /// Proof of the value or of its absence, under the header of [`View::head`].
    pub proof: StateProof,
}

/// A consistent view of the ledger at its last block. Cheap to share; later blocks do not show in it.
#[derive(Debug)]
pub struct View {
    snapshot: Arc<Snapshot>,
    /// Version of the state tree, the height of the last block in the snapshot.
    version: u64,
    head: Head,
    header: Option<ProofHeader>,
    paths: Arc<PathCache>,
}

/// The header that proofs of this view hang from, encoded once for all of them.
#[derive(Debug)]
struct ProofHeader {
    signed: SignedHeader,
    encoded: Vec<u8>,
    validators: Vec<u8>,
}

impl ProofHeader {
    fn new(signed: SignedHeader, validators: &validator::Set) -> Self {
        let encoded = StateProof::new(signed.clone(), validators, Vec::new());
        Self {
            signed,
            encoded: encoded.signed_header,
            validators: encoded.validators,
        }
    }
}

impl View {
    /// Takes a view of the store's last block; `before` lends its cache when the state is still the same.
    pub(super) fn of(
        store: &Store,
        validators: &validator::Set,
        before: Option<&Self>,
    ) -> Result<Self, EngineError> {
        let snapshot = store.snapshot()?;
        let (height, block) = snapshot.last_block()?.ok_or(StoreError::Empty)?;
        let signed_header = block.decode_header()?;
        let head = head_of(&signed_header)?;
        if head.height != height {
            return Err(unusable(height, "it names another height"));
        }
        // Every commit ends with a header that already commits to the state it leaves: solo emits it at once.
        if head.app_hash != block.root {
            return Err(unusable(height, "it does not commit to the state after it"));
        }
        let paths = before
            .filter(|view| view.head.app_hash == head.app_hash)
            .map(|view| Arc::clone(&view.paths));
        Ok(Self {
            snapshot: Arc::new(snapshot),
            version: height,
            head,
            header: Some(ProofHeader::new(signed_header, validators)),
            paths: paths.unwrap_or_default(),
        })
    }

    /// The state after a block that no header commits to yet: it can be read, but not proven.
    pub(super) fn committed(snapshot: Snapshot, version: u64, head: Head) -> Self {
        Self {
            snapshot: Arc::new(snapshot),
            version,
            head,
            header: None,
            paths: Arc::default(),
        }
    }

    /// The same state under a header that commits to it; `before` lends its cache when the state is still the same.
    pub(super) fn under(
        &self,
        signed_header: SignedHeader,
        validators: &validator::Set,
        before: Option<&Self>,
    ) -> Result<Self, EngineError> {
        let head = head_of(&signed_header)?;
        if head.app_hash != self.head.app_hash {
            return Err(unusable(
                head.height,
                "it does not commit to the state before it",
            ));
        }
        let paths = before
            .filter(|view| view.head.app_hash == head.app_hash)
            .map(|view| Arc::clone(&view.paths));
        Ok(Self {
            snapshot: Arc::clone(&self.snapshot),
            version: self.version,
            head,
            header: Some(ProofHeader::new(signed_header, validators)),
            paths: paths.unwrap_or_default(),
        })
    }

    /// Height of the last block whose state and record are in this view.
    pub fn last_block(&self) -> u64 {
        self.version
    }

    /// The last block; of a view with proofs, the one whose header they hang from.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The header and commit that its proofs hang from; none before a header commits to its state.
    pub fn signed_header(&self) -> Option<&SignedHeader> {
        self.header.as_ref().map(|header| &header.signed)
    }

    /// Everything in the store as of this block: values, ranges of keys, blocks, DID logs.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The same, shared.
    pub(crate) fn shared_snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// The value under a state key, without proof.
    ///
    /// # Errors
    /// When the store fails.
    pub fn value(&self, key: &str) -> Result<Option<Vec<u8>>, EngineError> {
        Ok(self.snapshot.value(key)?)
    }

    /// The value under a state key, or its absence, with proof. Asked again for the same state, it costs no tree walk.
    ///
    /// # Errors
    /// When the store fails, or no header commits to this state yet.
    pub fn read(&self, key: &str) -> Result<Read, EngineError> {
        let header = self.header.as_ref().ok_or(EngineError::Unproven {
            height: self.version,
        })?;
        let (value, path) = if let Some(path) = self.paths.find(key) {
            (self.value(key)?, path.to_vec())
        } else {
            let proven = self.prove(key)?;
            self.paths.keep(key, proven.path.as_slice().into());
            (proven.value, proven.path)
        };
        Ok(Read {
            value,
            proof: StateProof {
                signed_header: header.encoded.clone(),
                validators: header.validators.clone(),
                path,
            },
        })
    }

    /// What stands under several keys, or that nothing does, with one header for all of them.
    ///
    /// # Errors
    /// When the store fails, or no header commits to this state yet.
    pub fn batch(&self, keys: &[String]) -> Result<BatchProof, EngineError> {
        let statement = |key: &String| {
            let Read { value, proof } = self.read(key)?;
            let text = value.map(String::from_utf8).transpose();
            let value = text.map_err(|error| EngineError::Json {
                what: "state value",
                reason: error.to_string(),
            })?;
            Ok(Statement {
                key: key.clone(),
                value,
                path: proof.path,
            })
        };
        let header = self.header.as_ref().ok_or(EngineError::Unproven {
            height: self.version,
        })?;
        Ok(BatchProof {
            signed_header: header.encoded.clone(),
            validators: header.validators.clone(),
            statements: keys
                .iter()
                .map(statement)
                .collect::<Result<_, EngineError>>()?,
        })
    }

    /// The header at a height with its commit; `None` before CometBFT has handed it over.
    ///
    /// # Errors
    /// When the store fails.
    pub fn header_at(&self, height: u64) -> Result<Option<SignedHeader>, EngineError> {
        match self.signed_header() {
            Some(signed) if signed.header.height.value() == height => Ok(Some(signed.clone())),
            _ => match self.snapshot.block(height)? {
                Some(record) if !record.signed_header.is_empty() => {
                    Ok(Some(record.decode_header()?))
                }
                _ => Ok(None),
            },
        }
    }

    /// The final outcome of an envelope, if it has one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn outcome(&self, envelope: &Hash) -> Result<Option<Outcome>, EngineError> {
        let bytes = self.snapshot.outcome(envelope.as_bytes())?;
        let parsed = bytes
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose();
        parsed.map_err(|error| EngineError::Json {
            what: "outcome",
            reason: error.to_string(),
        })
    }

    fn prove(&self, key: &str) -> Result<tree::Proven, EngineError> {
        tree::prove(&self.snapshot.tree_for(key), self.version, key).map_err(|error| {
            EngineError::Tree {
                version: self.version,
                reason: error.to_string(),
            }
        })
    }
}

fn head_of(signed: &SignedHeader) -> Result<Head, EngineError> {
    let header = &signed.header;
    let height = header.height.value();
    Ok(Head {
        height,
        time_ms: chop_proof::build::time_ms(header),
        app_hash: state_root(header)
            .ok_or_else(|| unusable(height, "its app_hash is not 32 bytes"))?,
        hash: hash_bytes(header.hash()).ok_or_else(|| unusable(height, "it has no hash"))?,
    })
}

fn unusable(height: u64, reason: &str) -> EngineError {
    EngineError::Header {
        height,
        reason: reason.to_owned(),
    }
}

/// Paths of one state, by key; it stops taking in when it is full and goes when the state changes.
#[derive(Debug, Default)]
struct PathCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    by_key: HashMap<String, Arc<[u8]>>,
    bytes: usize,
}

impl PathCache {
    fn find(&self, key: &str) -> Option<Arc<[u8]>> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_key
            .get(key)
            .cloned()
    }

    fn keep(&self, key: &str, path: Arc<[u8]>) {
        let bytes = key.len() + path.len();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes <= CACHE_BYTES && kept.by_key.insert(key.to_owned(), path).is_none() {
            kept.bytes += bytes;
        }
    }
}
