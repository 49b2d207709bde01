//! Reads whose answers prove themselves.

use std::future::Future;
use std::pin::Pin;

use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_proof::{Freshness, ProofError, StateProof, TrustRoot, VerifiedHeader, verify_header};
use chop_protocol::ItemAbsence;
use chop_protocol::http::{ItemAnswer, LogEntry};
use serde::de::DeserializeOwned;

use crate::light::LightError;
use crate::service::ServiceError;

/// How old the header under an answer may be unless the caller says otherwise: 5 minutes, in milliseconds.
pub const DEFAULT_MAX_AGE_MS: i64 = 300_000;

/// A future that a registry returns; boxed, so that registries of different kinds stand beside each other.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T, ReadError>> + Send + 'a>>;

/// Something that answers keyed reads of one ledger, with proof.
pub trait Registry: Send + Sync {
    /// Returns the trust root against which answers are checked.
    fn trust_root(&self) -> &TrustRoot;

    /// Reads the value under a key of `chop_protocol::keys`, or its absence; checked before it is returned.
    fn read<'a>(&'a self, key: &'a str) -> Reading<'a, Proven<Option<Vec<u8>>>>;

    /// Asks for an item of a batch; `None` when the registry keeps none of this DID, which proves nothing. A registry
    /// without leaves keeps none.
    fn item<'a>(&'a self, _did: &'a ChopDid) -> Reading<'a, Option<ItemAnswer>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Asks for what shows that an item is not of a batch; `None` when the registry cannot show it.
    fn absence<'a>(
        &'a self,
        _batch: &'a Hash,
        _did: &'a ChopDid,
    ) -> Reading<'a, Option<ItemAbsence>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Reads operations of a DID from version `from` on, oldest first: at most `most`, and at least one where there are any.
    /// They prove nothing alone: compare each with its version record.
    fn log<'a>(&'a self, did: &'a ChopDid, from: u64, most: usize) -> Reading<'a, Vec<LogEntry>>;
}

/// A statement of a ledger together with what proves it.
#[derive(Debug, Clone)]
pub struct Proven<T> {
    /// The key of the state that the statement is about.
    pub key: String,
    /// What stands there; `None` inside means that its absence is proven.
    pub value: T,
    /// The header under which it stands.
    pub header: VerifiedHeader,
    /// The proof, to show to others.
    pub proof: StateProof,
}

/// Says why a read has no answer that counts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The registry was not reached or did not answer as agreed.
    #[error("the registry gave no answer")]
    Service(#[from] ServiceError),
    /// The proof does not hold.
    #[error("the registry's answer for {key:?} is not proven")]
    Unproven {
        /// The key asked for.
        key: String,
        /// What does not hold.
        source: ProofError,
    },
    /// The header under the answer is not reached from the trust root, or a second node contradicts it.
    #[error("the header under the registry's answer is not trusted")]
    Header(#[from] LightError),
    /// The registry answered for another key or without a proof.
    #[error("the registry's answer for {key:?} is not one: {reason}")]
    Malformed {
        /// The key asked for.
        key: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A proven value is not what the protocol stores there.
    #[error("the ledger's value under {key:?} is not of the protocol known here")]
    Value {
        /// The key.
        key: String,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The store of an in-process registry failed.
    #[error("the registry's store failed")]
    Store {
        /// What failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Proven<Option<Vec<u8>>> {
    /// Accepts a value, or its absence, only if the proof holds for it.
    ///
    /// # Errors
    /// [`ReadError::Unproven`] with the first thing that does not hold.
    pub fn check(
        root: &TrustRoot,
        freshness: &Freshness,
        key: &str,
        value: Option<Vec<u8>>,
        proof: StateProof,
    ) -> Result<Self, ReadError> {
        let header = verify_header(root, &proof, freshness);
        let header = header.map_err(|source| unproven(key, source))?;
        Self::under(header, key, value, proof)
    }

    /// The same under a header of this proof that was checked before.
    ///
    /// # Errors
    /// [`ReadError::Unproven`] when the path leads elsewhere.
    pub fn under(
        header: VerifiedHeader,
        key: &str,
        value: Option<Vec<u8>>,
        proof: StateProof,
    ) -> Result<Self, ReadError> {
        header
            .confirm(&proof.path, key, value.as_deref())
            .map_err(|source| unproven(key, source))?;
        Ok(Self {
            key: key.to_owned(),
            value,
            header,
            proof,
        })
    }

    /// Reads the proven bytes as the record that the protocol stores there.
    ///
    /// # Errors
    /// [`ReadError::Value`] when they are something else.
    pub fn parse<T: DeserializeOwned>(self) -> Result<Proven<Option<T>>, ReadError> {
        let parsed = self
            .value
            .as_deref()
            .map(serde_json::from_slice)
            .transpose();
        let value = parsed.map_err(|source| ReadError::Value {
            key: self.key.clone(),
            source,
        })?;
        Ok(Proven {
            key: self.key,
            value,
            header: self.header,
            proof: self.proof,
        })
    }
}

fn unproven(key: &str, source: ProofError) -> ReadError {
    ReadError::Unproven {
        key: key.to_owned(),
        source,
    }
}

impl<T> Proven<Option<T>> {
    /// Returns the statement with its value, when there is one.
    pub fn present(self) -> Option<Proven<T>> {
        let Self {
            key,
            value,
            header,
            proof,
        } = self;
        value.map(|value| Proven {
            key,
            value,
            header,
            proof,
        })
    }
}
