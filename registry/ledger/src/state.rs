//! Reading the parent state through what the block has changed so far.

use chop_integrity::canonicalize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::decoded::Decoded;

use crate::refusal::{BatchRefusal, Refusal};

/// Changes of a block by key: a new value, or `None` for a deletion.
pub type Delta = BTreeMap<String, Option<Vec<u8>>>;

/// The committed state that a block builds on.
pub trait StateReader {
    /// Why a read failed.
    type Error;

    /// Returns the value under a key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Returns up to `limit` entries with `from <= key < to`, ordered by key bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scan(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, Self::Error>;

    /// Returns where values of this state stay decoded for the next reader; `None` where nobody reads the same ones again.
    fn decoded(&self) -> Option<&Decoded> {
        None
    }
}

/// Says why a block could not be executed at all: the node's fault, never the block's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError<E> {
    /// The store cannot be read.
    #[error("the state cannot be read: {0}")]
    Read(E),
    /// A stored value is not what this version of the protocol writes.
    #[error("the state holds a malformed value under {key}: {reason}")]
    Corrupt {
        /// The key.
        key: String,
        /// What the decoder said.
        reason: String,
    },
    /// Members decided on rules that this program does not know.
    #[error(
        "members decided that version {version} of the rules executes from height {from} on, and this program knows versions up to {known}: install a newer one"
    )]
    Rules {
        /// The version.
        version: u32,
        /// Its first height.
        from: u64,
        /// The newest version known here.
        known: u32,
    },
    /// A new value has no canonical form.
    #[error("the new value under {key} has no canonical form: {reason}")]
    Canonical {
        /// The key.
        key: String,
        /// What the canonicaliser said.
        reason: String,
    },
}

/// What stops an action: a rule of the ledger, or the node's own failure.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    Refused(Refusal),
    Failed(ExecuteError<E>),
}

impl<E> From<Refusal> for Stop<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E> From<BatchRefusal> for Stop<E> {
    fn from(refusal: BatchRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl<E> From<ExecuteError<E>> for Stop<E> {
    fn from(error: ExecuteError<E>) -> Self {
        Self::Failed(error)
    }
}

/// The parent state under the block's changes under one envelope's changes.
pub(crate) struct View<'a, S> {
    base: &'a S,
    block: Delta,
    envelope: Delta,
}

impl<'a, S: StateReader> View<'a, S> {
    pub(crate) const fn new(base: &'a S) -> Self {
        Self {
            base,
            block: Delta::new(),
            envelope: Delta::new(),
        }
    }

    pub(crate) fn contains(&self, key: &str) -> Result<bool, ExecuteError<S::Error>> {
        Ok(self.bytes(key)?.is_some())
    }

    /// [`Self::contains`] of a key that many envelopes ask for, and nobody reads by [`Self::read_shared`].
    pub(crate) fn contains_shared(&self, key: &str) -> Result<bool, ExecuteError<S::Error>> {
        match self.base.decoded() {
            Some(decoded) if self.changed(key).is_none() => {
                let look = || Ok(self.contains(key)?.then(|| Arc::new(())));
                Ok(decoded.find_or_read(key, look)?.is_some())
            }
            _ => self.contains(key),
        }
    }

    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, ExecuteError<S::Error>> {
        let bytes = self.bytes(key)?;
        bytes.map(|bytes| decode(key, &bytes)).transpose()
    }

    /// Reads a value that many envelopes look at: decoded once for all of them, unless the block has changed it.
    pub(crate) fn read_shared<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        key: &str,
    ) -> Result<Option<Arc<T>>, ExecuteError<S::Error>> {
        let read = || Ok(self.read(key)?.map(Arc::new));
        match self.base.decoded() {
            Some(decoded) if self.changed(key).is_none() => decoded.find_or_read(key, read),
            _ => read(),
        }
    }

    /// Reads a value that another one names, so that it must be there.
    pub(crate) fn read_linked<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<T, ExecuteError<S::Error>> {
        self.read(key)?.ok_or_else(|| missing(key))
    }

    /// [`Self::read_shared`] of a value that must be there.
    pub(crate) fn read_shared_linked<T: DeserializeOwned + Send + Sync + 'static>(
        &self,
        key: &str,
    ) -> Result<Arc<T>, ExecuteError<S::Error>> {
        self.read_shared(key)?.ok_or_else(|| missing(key))
    }

    /// Reads the parent state, whatever the block has changed.
    pub(crate) fn read_parent<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, ExecuteError<S::Error>> {
        let bytes = self.base.value(key).map_err(ExecuteError::Read)?;
        bytes.map(|bytes| decode(key, &bytes)).transpose()
    }

    /// Returns up to `limit` entries with `from <= key < to`, ordered by key bytes.
    pub(crate) fn scan<T: DeserializeOwned>(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, T)>, ExecuteError<S::Error>> {
        let mut changed = Delta::new();
        for delta in [&self.block, &self.envelope] {
            let range = delta.range::<str, _>((Bound::Included(from), Bound::Excluded(to)));
            changed.extend(range.map(|(key, value)| (key.clone(), value.clone())));
        }
        // What is deleted here may hide as many of the parent's entries.
        let asked = limit.saturating_add(changed.len());
        let committed = self
            .base
            .scan(from, to, asked)
            .map_err(ExecuteError::Read)?;
        let mut entries: Delta = committed
            .into_iter()
            .map(|(key, value)| (key, Some(value)))
            .collect();
        entries.append(&mut changed);
        let present = entries
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key, value)));
        present
            .take(limit)
            .map(|(key, value)| decode(&key, &value).map(|value| (key, value)))
            .collect()
    }

    pub(crate) fn delete(&mut self, key: String) {
        self.envelope.insert(key, None);
    }

    pub(crate) fn write<T: Serialize>(
        &mut self,
        key: String,
        value: &T,
    ) -> Result<(), ExecuteError<S::Error>> {
        match canonicalize(value) {
            Ok(mut bytes) => {
                // The canonicaliser leaves room for more than the short values that a block has many of.
                bytes.shrink_to_fit();
                self.envelope.insert(key, Some(bytes));
                Ok(())
            }
            Err(error) => Err(ExecuteError::Canonical {
                key,
                reason: error.to_string(),
            }),
        }
    }

    /// Deletes up to `limit` entries of the parent state with `from <= key < to`.
    pub(crate) fn sweep(
        &mut self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<(), ExecuteError<S::Error>> {
        for (key, _) in self
            .base
            .scan(from, to, limit)
            .map_err(ExecuteError::Read)?
        {
            self.block.insert(key, None);
        }
        Ok(())
    }

    /// Keeps what the envelope wrote since the last call of this or of [`Self::discard`].
    pub(crate) fn keep(&mut self) {
        // `append` would write the whole block's changes anew for every envelope.
        self.block.extend(std::mem::take(&mut self.envelope));
    }

    /// Forgets what the envelope wrote since the last call of this or of [`Self::keep`].
    pub(crate) fn discard(&mut self) {
        self.envelope.clear();
    }

    pub(crate) fn into_delta(self) -> Delta {
        self.block
    }

    /// What the block has made of a value, if anything.
    fn changed(&self, key: &str) -> Option<&Option<Vec<u8>>> {
        self.envelope.get(key).or_else(|| self.block.get(key))
    }

    fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, ExecuteError<S::Error>> {
        match self.changed(key) {
            Some(changed) => Ok(changed.clone()),
            None => self.base.value(key).map_err(ExecuteError::Read),
        }
    }
}

fn missing<E>(key: &str) -> ExecuteError<E> {
    ExecuteError::Corrupt {
        key: key.to_owned(),
        reason: "nothing is there, but the state refers to it".to_owned(),
    }
}

fn decode<T: DeserializeOwned, E>(key: &str, bytes: &[u8]) -> Result<T, ExecuteError<E>> {
    serde_json::from_slice(bytes).map_err(|error| ExecuteError::Corrupt {
        key: key.to_owned(),
        reason: error.to_string(),
    })
}
