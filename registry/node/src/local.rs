//! This process's own ledger as a registry: the same reads as over HTTP, proof-checked all the same.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chop_client::{Proven, ReadError, Reading, Registry};
use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_proof::{Freshness, ProofError, StateProof, TrustRoot, VerifiedHeader, verify_header};
use chop_protocol::ItemAbsence;
use chop_protocol::http::{ItemAnswer, LogEntry};

use crate::engine::Engine;
use crate::http::log;
use crate::leaves::LeafKeeper;
use crate::leaves::held::{absent, held};

/// How old a header may be: what clients accept over HTTP.
const MAX_AGE_MS: i64 = 300_000;
/// How old a header may be before a new one is made.
const FRESH: Duration = Duration::from_mins(1);

/// The ledger of a running engine.
#[derive(Clone)]
pub struct LocalRegistry {
    engine: Engine,
    leaves: Option<LeafKeeper>,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// The header that was checked last: the reads of a moment hang from one.
    checked: Arc<Mutex<Option<Checked>>>,
}

/// A header with its signers, and what checking it came to.
struct Checked {
    signed_header: Vec<u8>,
    validators: Vec<u8>,
    header: VerifiedHeader,
}

impl LocalRegistry {
    /// Reads from `engine`; `clock` gives milliseconds since the Unix epoch.
    pub fn new(engine: impl Into<Engine>, clock: Arc<dyn Fn() -> i64 + Send + Sync>) -> Self {
        Self {
            engine: engine.into(),
            leaves: None,
            clock,
            checked: Arc::default(),
        }
    }

    /// Finds the items of batches among these leaves.
    #[must_use]
    pub fn with_leaves(mut self, keeper: LeafKeeper) -> Self {
        self.leaves = Some(keeper);
        self
    }

    /// Checks the header of a proof, its signatures once.
    fn header(&self, proof: &StateProof) -> Result<VerifiedHeader, ProofError> {
        let freshness = Freshness::within((self.clock)(), MAX_AGE_MS);
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = checked.as_ref().filter(|known| known.is_of(proof)) {
            freshness.check(known.header.time_ms)?;
            return Ok(known.header);
        }
        // The validators may have changed since the genesis; this process has followed them itself.
        let root = self.engine.trust_root().vouched_by(proof)?;
        let header = verify_header(&root, proof, &freshness)?;
        *checked = Some(Checked {
            signed_header: proof.signed_header.clone(),
            validators: proof.validators.clone(),
            header,
        });
        Ok(header)
    }
}

impl Checked {
    fn is_of(&self, proof: &StateProof) -> bool {
        self.signed_header == proof.signed_header && self.validators == proof.validators
    }
}

impl Registry for LocalRegistry {
    fn trust_root(&self) -> &TrustRoot {
        self.engine.trust_root()
    }

    fn read<'a>(&'a self, key: &'a str) -> Reading<'a, Proven<Option<Vec<u8>>>> {
        Box::pin(async move {
            let read = self
                .engine
                .read(FRESH, key)
                .await
                .map_err(|error| ReadError::Store {
                    source: error.into(),
                })?;
            let header = self
                .header(&read.proof)
                .map_err(|source| ReadError::Unproven {
                    key: key.to_owned(),
                    source,
                })?;
            Proven::under(header, key, read.value, read.proof)
        })
    }

    fn item<'a>(&'a self, did: &'a ChopDid) -> Reading<'a, Option<ItemAnswer>> {
        Box::pin(async move {
            let Some(keeper) = &self.leaves else {
                return Ok(None);
            };
            let held = held(keeper, &self.engine.view(), did.scid()).await;
            let held = held.map_err(|error| ReadError::Store {
                source: error.into(),
            })?;
            Ok(held.map(|held| ItemAnswer {
                proof: held.found.proof,
                template: held.found.template,
                segment: held.segment,
            }))
        })
    }

    fn absence<'a>(
        &'a self,
        batch: &'a Hash,
        did: &'a ChopDid,
    ) -> Reading<'a, Option<ItemAbsence>> {
        Box::pin(async move {
            let Some(keeper) = &self.leaves else {
                return Ok(None);
            };
            let shown = absent(keeper, &self.engine.view(), (*batch, did.scid())).await;
            shown.map_err(|error| ReadError::Store {
                source: error.into(),
            })
        })
    }

    fn log<'a>(&'a self, did: &'a ChopDid, from: u64, most: usize) -> Reading<'a, Vec<LogEntry>> {
        Box::pin(async move {
            let log = log(&self.engine.view(), did, from, most);
            log.map(|log| log.operations)
                .map_err(|error| ReadError::Store {
                    source: error.into(),
                })
        })
    }
}
