//! What the ledger says as of its last block: values, blocks, outcomes, and proofs of every key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chop_integrity::Hash;
use chop_ledger::tree;
use chop_proof::StateProof;
use chop_proof::build::{hash_bytes, state_root};
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
    snapshot: Snapshot,
    head: Head,
    signed_header: SignedHeader,
    encoded_header: Vec<u8>,
    encoded_validators: Vec<u8>,
    paths: Arc<PathCache>,
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
        let unusable = |reason: &str| EngineError::Header {
            height,
            reason: reason.to_owned(),
        };
        let header = &signed_header.header;
        let app_hash =
            state_root(header).ok_or_else(|| unusable("its app_hash is not 32 bytes"))?;
        if header.height.value() != height {
            return Err(unusable("it names another height"));
        }
        // Every commit ends with a header that already commits to the state it leaves: solo emits it at once.
        if app_hash != block.root {
            return Err(unusable("it does not commit to the state after it"));
        }
        let head = Head {
            height,
            time_ms: chop_proof::build::time_ms(header),
            app_hash,
            hash: hash_bytes(header.hash()).ok_or_else(|| unusable("it has no hash"))?,
        };
        let encoded = StateProof::new(signed_header.clone(), validators, Vec::new());
        let paths = before
            .filter(|view| view.head.app_hash == app_hash)
            .map(|view| Arc::clone(&view.paths));
        Ok(Self {
            snapshot,
            head,
            signed_header,
            encoded_header: encoded.signed_header,
            encoded_validators: encoded.validators,
            paths: paths.unwrap_or_default(),
        })
    }

    /// The last block.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Its header and commit.
    pub fn signed_header(&self) -> &SignedHeader {
        &self.signed_header
    }

    /// Everything in the store as of this block: values, ranges of keys, blocks, DID logs.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
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
    /// When the store fails.
    pub fn read(&self, key: &str) -> Result<Read, EngineError> {
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
                signed_header: self.encoded_header.clone(),
                validators: self.encoded_validators.clone(),
                path,
            },
        })
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
        tree::prove(&self.snapshot.tree_for(key), self.head.height, key).map_err(|error| {
            EngineError::Tree {
                version: self.head.height,
                reason: error.to_string(),
            }
        })
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
