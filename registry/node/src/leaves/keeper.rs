//! What a validator does with leaves: it receives or fetches them, says so under its key, and catches up on what it missed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chop_did::Template;
use chop_http::clock;
use chop_http::outbound::{Guarded, Outgoing};
use chop_integrity::Hash;
use chop_keys::Signer;
use chop_protocol::batch::leaves::MAX_RUN_BYTES;
use chop_protocol::http::{LeafTerms, ReceiptAnswer};
use chop_protocol::{Batch, BatchTerms, Receipt, keys};
use tracing::{debug, info, warn};
use url::Url;

use super::{LeafStore, LeafStoreError, Progress};
use crate::engine::Engine;

/// When a node that starts looks for the first time whether leaves are missing.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// How often it looks after that.
const LOOK: Duration = Duration::from_secs(20);
/// How long one exchange with another member's node may take.
const EXCHANGE: Duration = Duration::from_secs(20);
/// How long leaves without a batch on the ledger are kept, in milliseconds.
const UNUSED_MS: i64 = 24 * 60 * 60 * 1000;
/// Batches whose leaves are fetched at once.
const MAX_FETCHES: usize = 4;
/// Batches that are looked at together.
const PAGE: usize = 256;

/// Keeps leaves for a node, and speaks with the nodes of other members about them.
#[derive(Clone)]
pub struct LeafKeeper {
    store: Arc<LeafStore>,
    validator: Arc<dyn Signer>,
    outbound: Guarded,
    members: Arc<[Url]>,
    fetching: Arc<Mutex<BTreeSet<Hash>>>,
}

/// The receipts that came together.
#[derive(Clone, Debug, Default)]
pub struct Collected {
    /// This node's own, and those of the members whose nodes hold the leaves.
    pub receipts: Vec<Receipt>,
    /// How many members' nodes are still fetching them, or do not answer.
    pub pending: usize,
}

impl LeafKeeper {
    /// Keeps leaves in `store` and signs as `validator`; `members` are the base URLs of other members' nodes, which the
    /// guarded client has to trust.
    pub fn new(
        store: LeafStore,
        validator: Arc<dyn Signer>,
        outbound: Guarded,
        members: &[Url],
    ) -> Self {
        Self {
            store: Arc::new(store),
            validator,
            outbound,
            members: members.into(),
            fetching: Arc::default(),
        }
    }

    /// The leaves themselves.
    pub fn store(&self) -> &Arc<LeafStore> {
        &self.store
    }

    /// Signs that all leaves of these terms are here; `None` when they are not.
    ///
    /// # Errors
    /// When the database fails or the key does not sign.
    pub fn receipt(&self, terms: &BatchTerms) -> Result<Option<Receipt>, LeafStoreError> {
        let hash = terms.hash().map_err(|error| super::damaged(&error))?;
        if !self.store.holds(&hash)? {
            return Ok(None);
        }
        let signed = Receipt::sign(terms, &*self.validator);
        signed.map(Some).map_err(|error| super::damaged(&error))
    }

    /// Answers a member's node that asks for a receipt: with one, or by fetching the leaves from a member's node.
    ///
    /// # Errors
    /// As [`LeafStore::begin`].
    pub fn answer(&self, asked: LeafTerms) -> Result<ReceiptAnswer, LeafStoreError> {
        let receipt = self.receipt(&asked.terms)?;
        if receipt.is_none() {
            self.start(&asked.terms, asked.template)?;
        }
        Ok(ReceiptAnswer { receipt })
    }

    /// Asks every member's node for its receipt.
    ///
    /// # Errors
    /// When the own database fails.
    pub async fn collect(&self, asked: &LeafTerms) -> Result<Collected, LeafStoreError> {
        let mut collected = Collected::default();
        collected.receipts.extend(self.receipt(&asked.terms)?);
        let body = serde_json::to_vec(asked).map_err(|error| super::damaged(&error))?;
        let mut asking = Vec::new();
        for member in &*self.members {
            let (keeper, body, url) = (
                self.clone(),
                body.clone(),
                below(member, &["v1", "leaves", "receipt"]),
            );
            asking.push(tokio::spawn(async move {
                let request = Outgoing::post_json(url, body).timeout(EXCHANGE);
                let answer = keeper.outbound.fetch(request).await.ok()?;
                serde_json::from_slice::<ReceiptAnswer>(&answer.body)
                    .ok()?
                    .receipt
            }));
        }
        for answer in asking {
            // What is for other terms counts for nothing.
            match answer
                .await
                .ok()
                .flatten()
                .filter(|receipt| receipt.is_for(&asked.terms))
            {
                Some(receipt) => collected.receipts.push(receipt),
                None => collected.pending += 1,
            }
        }
        Ok(collected)
    }

    /// Fetches what is missing, again and again, until the engine has stopped.
    pub async fn run(self, engine: Engine) {
        let (mut after, mut pause) = (keys::BATCHES.to_owned(), FIRST_LOOK);
        loop {
            tokio::select! {
                () = engine.until_stopped() => return,
                () = tokio::time::sleep(pause) => pause = LOOK,
            }
            match self.catch_up(&engine, &after) {
                Ok(Some(last)) => after = last,
                Ok(None) => {
                    // All batches of the ledger were looked at: what is of none of them goes after a day.
                    keys::BATCHES.clone_into(&mut after);
                    self.forget(&engine);
                }
                Err(error) => warn!(%error, "leaves that are missing are not fetched"),
            }
        }
    }

    /// Looks at a page of batches, and starts to fetch the leaves of those that have none here; gives the last key.
    fn catch_up(&self, engine: &Engine, after: &str) -> Result<Option<String>, LeafStoreError> {
        let view = engine.view();
        let end = keys::after(keys::BATCHES);
        let page = view.snapshot().scan(&format!("{after}\0"), &end, PAGE);
        let page = page.map_err(|error| super::damaged(&error))?;
        for (key, value) in &page {
            let batch: Batch =
                serde_json::from_slice(value).map_err(|error| super::damaged(&error))?;
            let hash = batch.terms.hash().map_err(|error| super::damaged(&error))?;
            if self.store.holds(&hash)? {
                continue;
            }
            let template = view.value(&keys::batch_template(&batch.terms.template));
            let template = template
                .map_err(|error| super::damaged(&error))?
                .unwrap_or_default();
            let template: Template =
                serde_json::from_slice(&template).map_err(|error| super::damaged(&error))?;
            debug!(key, "the leaves of a batch are missing");
            self.start(&batch.terms, template)?;
        }
        Ok(page
            .last()
            .filter(|_| page.len() == PAGE)
            .map(|(key, _)| key.clone()))
    }

    fn forget(&self, engine: &Engine) {
        let view = engine.view();
        let needed = |terms: &BatchTerms| {
            let id = terms.id().ok();
            // Where the state cannot be read, nothing is forgotten.
            id.is_none_or(|id| !matches!(view.value(&keys::batch(&id)), Ok(None)))
        };
        match self
            .store
            .forget(clock::now_ms().saturating_sub(UNUSED_MS), needed)
        {
            Ok(0) => {}
            Ok(count) => info!(count, "forgot leaves that no batch needs"),
            Err(error) => warn!(%error, "leaves that no batch needs are not forgotten"),
        }
    }

    /// Fetches leaves in the background, unless somebody does already.
    fn start(&self, terms: &BatchTerms, template: Template) -> Result<(), LeafStoreError> {
        let hash = terms.hash().map_err(|error| super::damaged(&error))?;
        let mut fetching = self.fetching();
        if self.members.is_empty() || fetching.contains(&hash) {
            return Ok(());
        }
        // Anybody may ask for a receipt: whoever asks for nonsense keeps few places, and those not for long.
        if fetching.len() >= MAX_FETCHES {
            return Err(LeafStoreError::Busy { most: MAX_FETCHES });
        }
        fetching.insert(hash);
        let (keeper, terms) = (self.clone(), terms.clone());
        tokio::spawn(async move {
            if let Err(error) = keeper.fetch(hash, &terms, &template).await {
                warn!(terms = %hash, %error, "the leaves of a batch cannot be kept");
            }
            keeper.fetching().remove(&hash);
        });
        Ok(())
    }

    /// Fetches run after run from the first member's node that has them; what it sends is checked as it comes.
    async fn fetch(
        &self,
        hash: Hash,
        terms: &BatchTerms,
        template: &Template,
    ) -> Result<(), LeafStoreError> {
        for member in &*self.members {
            // Nothing is expected before a member's node is seen to have it.
            let Some(first) = self.bytes(member, hash, 0).await else {
                continue;
            };
            let mut next = self.store.begin(terms.clone(), template.clone())?;
            let mut ready = Some(first);
            while let Progress::Next(run) = next {
                let bytes = match ready.take().filter(|_| run == 0) {
                    Some(first) => Some(first),
                    None => self.bytes(member, hash, run).await,
                };
                let Some(bytes) = bytes else {
                    break;
                };
                next = match self.put(hash, run, bytes).await {
                    // What this member's node has is not what the ledger names; another's may be.
                    Err(error @ LeafStoreError::Leaves(_)) => {
                        warn!(terms = %hash, from = %member, run, %error, "refused leaves");
                        break;
                    }
                    put => put?,
                };
            }
            if next == Progress::Complete {
                info!(terms = %hash, from = %member, "fetched the leaves of a batch");
                return Ok(());
            }
        }
        debug!(terms = %hash, "no member's node has the leaves");
        Ok(())
    }

    /// One run of leaves from a member's node; `None` when it does not give it.
    async fn bytes(&self, member: &Url, hash: Hash, run: u32) -> Option<Vec<u8>> {
        let url = below(
            member,
            &["v1", "leaves", &hash.to_string(), &run.to_string()],
        );
        let request = Outgoing::get(url)
            .max_bytes(MAX_RUN_BYTES)
            .timeout(EXCHANGE);
        match self.outbound.fetch(request).await {
            Ok(fetched) => Some(fetched.body),
            Err(error) => {
                debug!(terms = %hash, from = %member, run, %error, "leaves were not fetched");
                None
            }
        }
    }

    async fn put(&self, hash: Hash, run: u32, bytes: Vec<u8>) -> Result<Progress, LeafStoreError> {
        let store = Arc::clone(&self.store);
        let put = move || store.put(&hash, (run, &bytes), clock::now_ms());
        let put = tokio::task::spawn_blocking(put).await;
        match put.map_err(|error| super::damaged(&error))? {
            // Somebody else brought it meanwhile.
            Err(LeafStoreError::OutOfTurn { found, expected }) if found < expected => {
                Ok(Progress::Next(expected))
            }
            put => put,
        }
    }

    fn fetching(&self) -> std::sync::MutexGuard<'_, BTreeSet<Hash>> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for LeafKeeper {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("LeafKeeper")
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}

fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}
