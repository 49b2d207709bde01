//! A registry reached over HTTP. Nobody has to trust it: what it says is checked against the pinned trust root.

use std::sync::{Arc, Mutex, PoisonError};

use chop_did::ChopDid;
use chop_http::clock;
use chop_integrity::Hash;
use chop_proof::{BatchProof, Freshness, ProofError, TrustRoot, TrustedHeader, VerifiedHeader};
use chop_protocol::ItemAbsence;
use chop_protocol::http::{DidLog, ItemAnswer, LogEntry, ProofQuery, ProvenValue, Status};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::light::{LightClient, Place, Step, Way};
use crate::registry::{DEFAULT_MAX_AGE_MS, Proven, ReadError, Reading, Registry};
use crate::service::Service;

/// The most operations that a node gives at once.
const LOG_PAGE: usize = 256;

/// A node's HTTP interface, checked against the trust root of its ledger.
///
/// When the validators change, it walks over the headers that hand over, and from then on counts only the new ones.
#[derive(Debug, Clone)]
pub struct HttpRegistry {
    service: Service,
    root: TrustRoot,
    max_age_ms: i64,
    witness: Option<Service>,
    memory: Arc<Mutex<Memory>>,
}

/// What clones of a registry share.
#[derive(Debug, Default)]
struct Memory {
    /// The header that the last walk reached.
    reached: Option<TrustedHeader>,
    /// The last header that the witness confirmed.
    confirmed: Option<[u8; 32]>,
}

impl HttpRegistry {
    /// Reads from the node at `service`, trusting `root` alone.
    pub fn new(service: Service, root: TrustRoot) -> Self {
        Self {
            service,
            root,
            max_age_ms: DEFAULT_MAX_AGE_MS,
            witness: None,
            memory: Arc::default(),
        }
    }

    /// Asks a second node whether it has the same headers; an answer that it does not confirm is refused.
    #[must_use]
    pub fn with_witness(mut self, witness: Service) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Bounds the age of headers, in milliseconds.
    #[must_use]
    pub fn with_max_age_ms(mut self, max_age_ms: i64) -> Self {
        self.max_age_ms = max_age_ms;
        self
    }

    /// Returns the node's service.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Asks the node what it says about itself: unproven.
    ///
    /// # Errors
    /// When the node is not reached or does not answer as agreed.
    pub async fn status(&self) -> Result<Status, ReadError> {
        let answer = self
            .service
            .get(self.service.url(&["v1", "status"]))
            .await?;
        decode("status", answer.success()?)
    }

    async fn prove(&self, key: &str) -> Result<Proven<Option<Vec<u8>>>, ReadError> {
        let mut url = self.service.url(&["v1", "state", key]);
        url.set_query(Some("proof=true"));
        let answer = self.service.get(url).await?;
        // A proven absence may come as 404; what counts is the proof in the body.
        let body = if answer.status == 404 {
            answer.body
        } else {
            answer.success()?
        };
        let answer: ProvenValue = decode(key, body)?;
        let malformed = |reason| ReadError::Malformed {
            key: key.to_owned(),
            reason,
        };
        if answer.key != key {
            return Err(malformed("it is for another key"));
        }
        let value = answer
            .value_bytes()
            .map_err(|_| malformed("its value has no canonical form"))?;
        let proof = answer
            .proof
            .ok_or_else(|| malformed("it carries no proof"))?;
        let height = proof.height();
        let height = height.map_err(|source| unproven(key, source))?;
        let freshness = self.freshness();
        let check =
            |root: &TrustRoot| Proven::check(root, &freshness, key, value.clone(), proof.clone());
        let proven = match check(&self.root_at(height)?) {
            Err(ReadError::Unproven {
                source: ProofError::UntrustedValidators { .. },
                ..
            }) if self.is_ahead(height) => {
                self.catch_up(height).await?;
                check(&self.root_at(height)?)?
            }
            checked => checked?,
        };
        self.confirm(&proven.header).await?;
        Ok(proven)
    }

    /// Reads several keys under one header.
    ///
    /// # Errors
    /// When the node gives no answer that is proven.
    pub async fn batch(&self, keys: &[String]) -> Result<(BatchProof, VerifiedHeader), ReadError> {
        let what = "several keys";
        let query = ProofQuery {
            keys: keys.to_vec(),
        };
        let body = serde_json::to_vec(&query).map_err(|source| ReadError::Value {
            key: what.to_owned(),
            source,
        })?;
        let url = self.service.url(&["v1", "proofs"]);
        let answer = self.service.post(url, body, None).await?;
        let proof: BatchProof = decode(what, answer.success()?)?;
        let asked = keys.iter().map(String::as_str);
        if !asked.eq(proof.statements.iter().map(|said| said.key.as_str())) {
            return Err(ReadError::Malformed {
                key: what.to_owned(),
                reason: "it is for other keys",
            });
        }
        let height = proof.height().map_err(|source| unproven(what, source))?;
        let check = |root: &TrustRoot| proof.verify(root, &self.freshness());
        let header = match check(&self.root_at(height)?) {
            Err(ProofError::UntrustedValidators { .. }) if self.is_ahead(height) => {
                self.catch_up(height).await?;
                check(&self.root_at(height)?)
            }
            checked => checked,
        };
        let header = header.map_err(|source| unproven(what, source))?;
        self.confirm(&header).await?;
        Ok((proof, header))
    }

    /// The way from the trust root to the validators of a height.
    ///
    /// # Errors
    /// When the node does not give them.
    pub async fn way_below(&self, height: u64) -> Result<Way, ReadError> {
        let place = Place::Height(height);
        let trail = self.light().walk(None, place, Step::Change).await?;
        Ok(trail.way_below(height))
    }

    /// The light client of the node.
    pub fn light(&self) -> LightClient {
        LightClient::new(self.service.clone(), self.root.clone())
    }

    fn freshness(&self) -> Freshness {
        Freshness::within(clock::now_ms(), self.max_age_ms)
    }

    /// Whose signatures count for a header at this height.
    fn root_at(&self, height: u64) -> Result<TrustRoot, ReadError> {
        let memory = self.remembered();
        let root = match &memory.reached {
            None => return Ok(self.root.clone()),
            Some(reached) if height > reached.height() => reached.trust_root(),
            Some(reached) => reached.own_trust_root(),
        };
        root.map_err(|error| {
            let reason = error.to_string();
            let part = "validator set";
            unproven("header", ProofError::Malformed { part, reason })
        })
    }

    fn is_ahead(&self, height: u64) -> bool {
        let memory = self.remembered();
        memory
            .reached
            .as_ref()
            .is_none_or(|reached| height > reached.height())
    }

    async fn catch_up(&self, height: u64) -> Result<(), ReadError> {
        let from = self.remembered().reached.clone();
        let place = Place::Height(height);
        let trail = self.light().walk(from.as_ref(), place, Step::Skip).await?;
        let mut memory = self.remembered();
        // Another reader may have got farther meanwhile: trust never goes back.
        if memory
            .reached
            .as_ref()
            .is_none_or(|reached| reached.height() < height)
        {
            memory.reached = Some(trail.reached);
        }
        Ok(())
    }

    async fn confirm(&self, header: &VerifiedHeader) -> Result<(), ReadError> {
        let Some(witness) = &self.witness else {
            return Ok(());
        };
        if self.remembered().confirmed == Some(header.hash) {
            return Ok(());
        }
        self.light()
            .confirm(witness, header.height, header.hash)
            .await?;
        self.remembered().confirmed = Some(header.hash);
        Ok(())
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what a path answers; nothing when there is nothing.
    async fn found<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, ReadError> {
        let answer = self.service.get(self.service.url(path)).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        decode(&path.join("/"), answer.success()?).map(Some)
    }

    async fn operations(
        &self,
        did: &ChopDid,
        from: u64,
        most: usize,
    ) -> Result<Vec<LogEntry>, ReadError> {
        let did = did.to_string();
        let mut url = self.service.url(&["v1", "dids", &did, "log"]);
        url.query_pairs_mut()
            .append_pair("from", &from.to_string())
            .append_pair("limit", &most.clamp(1, LOG_PAGE).to_string());
        let answer = self.service.get(url).await?;
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        let log: DidLog = decode(&did, answer.success()?)?;
        Ok(log.operations)
    }
}

impl Registry for HttpRegistry {
    fn trust_root(&self) -> &TrustRoot {
        &self.root
    }

    fn read<'a>(&'a self, key: &'a str) -> Reading<'a, Proven<Option<Vec<u8>>>> {
        Box::pin(self.prove(key))
    }

    fn item<'a>(&'a self, did: &'a ChopDid) -> Reading<'a, Option<ItemAnswer>> {
        Box::pin(async move { self.found(&["v1", "items", &did.to_string()]).await })
    }

    fn absence<'a>(
        &'a self,
        batch: &'a Hash,
        did: &'a ChopDid,
    ) -> Reading<'a, Option<ItemAbsence>> {
        Box::pin(async move {
            let (batch, did) = (batch.to_string(), did.to_string());
            self.found(&["v1", "batches", &batch, "absence", &did])
                .await
        })
    }

    fn log<'a>(&'a self, did: &'a ChopDid, from: u64, most: usize) -> Reading<'a, Vec<LogEntry>> {
        Box::pin(self.operations(did, from, most))
    }
}

fn unproven(key: &str, source: ProofError) -> ReadError {
    ReadError::Unproven {
        key: key.to_owned(),
        source,
    }
}

fn decode<T: DeserializeOwned>(key: &str, body: Value) -> Result<T, ReadError> {
    serde_json::from_value(body).map_err(|source| ReadError::Value {
        key: key.to_owned(),
        source,
    })
}
