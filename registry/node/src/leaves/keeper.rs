//! What a validator does with leaves: it receives or fetches them, says so under its key, and catches up on what it missed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chop_did::Template;
use chop_http::clock;
use chop_http::outbound::{Guarded, Outgoing};
use chop_integrity::Hash;
use chop_keys::Signer;
use chop_protocol::batch::leaves::MAX_RUN_BYTES;
use chop_protocol::http::{LeafTerms, ReceiptAnswer};
use chop_protocol::{Batch, BatchTerms, LeafCheck, Receipt, keys};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{debug, info, warn};
use url::Url;

use super::{LeafStore, LeafStoreError, Progress};
use crate::engine::Engine;
pub use receipts::Collected;

mod receipts;

/// When a node that starts looks for the first time whether leaves are missing.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// How often it looks after that.
const LOOK: Duration = Duration::from_secs(20);
/// When it goes on where there are more, or where all places were taken.
const GO_ON: Duration = Duration::from_secs(3);
/// How long the members' nodes have to show that they hold leaves.
const SHOWING: Duration = Duration::from_secs(2);
/// How long one exchange with another member's node may take.
const EXCHANGE: Duration = Duration::from_secs(20);
/// How long leaves without a batch on the ledger are kept, in milliseconds: a receipt obliges for a day, and not every
/// receipt is written down ([`LeafStore::renew`]).
const UNUSED_MS: i64 = 25 * 60 * 60 * 1000;
/// Batches that are asked about at once, those whose leaves are fetched for a receipt, and those of the ledger that are
/// fetched because they are missing: each kind has places of its own.
const MAX_FETCHES: usize = 4;
/// Batches that are looked at together.
const PAGE: usize = 256;
/// Items that are looked for at once; each takes a run of leaves from the disk and hashes it.
const READERS: usize = 4;

/// Keeps leaves for a node, and speaks with the nodes of other members about them.
#[derive(Clone)]
pub struct LeafKeeper {
    store: Arc<LeafStore>,
    validator: Arc<dyn Signer>,
    outbound: Guarded,
    members: Arc<[Url]>,
    places: Arc<Mutex<BTreeMap<Hash, Place>>>,
    pub(super) readers: Arc<Semaphore>,
}

/// What a batch takes a place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Anybody wants a receipt, and no member's node has shown yet that it holds the leaves.
    Asked,
    /// A validator vouches for the leaves, or a member's node has shown them: they are fetched, so that a receipt can be given.
    Wanted,
    /// The leaves are missing: the batch is on the ledger.
    Missing,
}

/// How far the batches of the ledger were looked at.
#[derive(Debug, PartialEq, Eq)]
enum Look {
    /// There are others after this key.
    More(String),
    /// All places are taken: those after this key come when some are free.
    Full(String),
    /// All were looked at.
    All,
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
            places: Arc::default(),
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// The leaves themselves.
    pub fn store(&self) -> &Arc<LeafStore> {
        &self.store
    }

    /// Signs that all leaves of these terms are here, and will be for a day; `None` when they are not.
    ///
    /// # Errors
    /// When the database fails or the key does not sign.
    pub async fn receipt(&self, terms: &BatchTerms) -> Result<Option<Receipt>, LeafStoreError> {
        let hash = terms.hash().map_err(|error| super::damaged(&error))?;
        let store = Arc::clone(&self.store);
        let renew = move || store.renew(&hash, clock::now_ms());
        if !blocking(renew).await? {
            return Ok(None);
        }
        let signed = Receipt::sign(terms, &*self.validator);
        signed.map(Some).map_err(|error| super::damaged(&error))
    }

    /// Answers who asks for a receipt: with one, or by fetching the leaves from a member's node. `vouched` says that a
    /// validator in force signed for these terms; its batch waits behind nobody else's.
    ///
    /// # Errors
    /// When the terms name another template, the database fails, or as many batches are asked about as may be.
    pub async fn answer(
        &self,
        asked: LeafTerms,
        vouched: bool,
    ) -> Result<ReceiptAnswer, LeafStoreError> {
        let receipt = self.receipt(&asked.terms).await?;
        if receipt.is_none() {
            // What no leaves can fit is asked of nobody.
            LeafCheck::new(asked.terms.clone(), asked.template.clone())?;
            let place = if vouched { Place::Wanted } else { Place::Asked };
            self.start(&asked.terms, asked.template, place)?;
        }
        Ok(ReceiptAnswer { receipt })
    }

    /// Fetches what is missing, again and again, until the engine has stopped.
    pub async fn run(self, engine: Engine) {
        let (mut after, mut pause) = (keys::BATCHES.to_owned(), FIRST_LOOK);
        let (mut missing, mut said) = (0, 0);
        loop {
            tokio::select! {
                () = engine.until_stopped() => return,
                () = tokio::time::sleep(pause) => pause = LOOK,
            }
            let (keeper, ledger, from) = (self.clone(), engine.clone(), after.clone());
            match blocking(move || keeper.catch_up(&ledger, &from)).await {
                Ok((look, found)) => {
                    missing += found;
                    (after, pause) = look.onward();
                    if look != Look::All {
                        continue;
                    }
                    if missing != said && missing > 0 {
                        warn!(
                            count = missing,
                            "batches of the ledger have no leaves here; where no member's node has them either, \
                             whoever made them brings them: chopmark did batch create"
                        );
                    }
                    said = std::mem::take(&mut missing);
                    // All batches of the ledger were looked at: what is of none of them goes after a day.
                    let (keeper, ledger) = (self.clone(), engine.clone());
                    match blocking(move || keeper.forget(&ledger)).await {
                        Ok(0) => {}
                        Ok(count) => info!(count, "forgot leaves that no batch needs"),
                        Err(error) => warn!(%error, "leaves that no batch needs are not forgotten"),
                    }
                }
                Err(error) => warn!(%error, "leaves that are missing are not fetched"),
            }
        }
    }

    /// Looks at a page of batches, starts to fetch the leaves of those that have none here, and counts these.
    fn catch_up(&self, engine: &Engine, after: &str) -> Result<(Look, usize), LeafStoreError> {
        let mut missing = 0;
        let view = engine.view();
        let end = keys::after(keys::BATCHES);
        let page = view.snapshot().scan(&format!("{after}\0"), &end, PAGE);
        let page = page.map_err(|error| super::damaged(&error))?;
        let look = through(&page, after, |key, value| {
            let batch: Batch =
                serde_json::from_slice(value).map_err(|error| super::damaged(&error))?;
            let hash = batch.terms.hash().map_err(|error| super::damaged(&error))?;
            if self.store.holds(&hash)? {
                return Ok(());
            }
            let template = view.value(&keys::batch_template(&batch.terms.template));
            let template = template
                .map_err(|error| super::damaged(&error))?
                .unwrap_or_default();
            let template: Template =
                serde_json::from_slice(&template).map_err(|error| super::damaged(&error))?;
            debug!(key, "the leaves of a batch are missing");
            self.start(&batch.terms, template, Place::Missing)?;
            missing += 1;
            Ok(())
        })?;
        Ok((look, missing))
    }

    fn forget(&self, engine: &Engine) -> Result<usize, LeafStoreError> {
        let needed = |terms: &BatchTerms| {
            let id = terms.id().ok();
            // A view of its own for each: a batch may have come since the last. Where the state cannot be read, nothing is
            // forgotten.
            id.is_none_or(|id| !matches!(engine.view().value(&keys::batch(&id)), Ok(None)))
        };
        let before = clock::now_ms().saturating_sub(UNUSED_MS);
        self.store.forget(before, needed)
    }

    /// Fetches leaves in the background, unless somebody does already.
    fn start(
        &self,
        terms: &BatchTerms,
        template: Template,
        place: Place,
    ) -> Result<(), LeafStoreError> {
        let hash = terms.hash().map_err(|error| super::damaged(&error))?;
        if self.members.is_empty() || !self.take(hash, place)? {
            return Ok(());
        }
        let (keeper, terms) = (self.clone(), terms.clone());
        tokio::spawn(async move {
            let begun = Instant::now();
            if let Err(error) = keeper.fetch(hash, (&terms, &template), place).await {
                warn!(terms = %hash, %error, "the leaves of a batch cannot be kept");
            }
            // Anybody may ask: nonsense keeps its place for as long as the members have to say so, however fast they do, so that
            // few requests go out in a second.
            if keeper.place(hash) == Some(Place::Asked) {
                tokio::time::sleep_until(begun + SHOWING).await;
            }
            keeper.places().remove(&hash);
        });
        Ok(())
    }

    /// Takes a place for a batch, instead of the one that it was only asked about in; says whether it had none.
    fn take(&self, hash: Hash, place: Place) -> Result<bool, LeafStoreError> {
        let mut places = self.places();
        let held = places.get(&hash).copied();
        if held.is_some_and(|held| held != Place::Asked || place != Place::Wanted) {
            return Ok(false);
        }
        let taken = places.values().filter(|taken| **taken == place).count();
        if taken >= MAX_FETCHES {
            return Err(LeafStoreError::Busy { most: MAX_FETCHES });
        }
        places.insert(hash, place);
        Ok(held.is_none())
    }

    /// Fetches run after run from the members' nodes that have them; what they send is checked as it comes.
    async fn fetch(
        &self,
        hash: Hash,
        (terms, template): (&BatchTerms, &Template),
        place: Place,
    ) -> Result<(), LeafStoreError> {
        // Nothing is expected before a member's node is seen to have it.
        let having = self.having(hash).await;
        if !having.is_empty() && place == Place::Asked {
            self.take(hash, Place::Wanted)?;
        }
        for (member, first) in having {
            let mut next = self.begin(terms.clone(), template.clone()).await?;
            let mut ready = Some(first);
            while let Progress::Next(run) = next {
                let bytes = match ready.take().filter(|_| run == 0) {
                    Some(first) => Some(first),
                    None => self.bytes(&member, (hash, run), EXCHANGE).await,
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

    /// The members whose nodes have the leaves, each with the first run; all are asked at once.
    async fn having(&self, hash: Hash) -> Vec<(Url, Vec<u8>)> {
        let mut asking = Vec::new();
        for member in &*self.members {
            let (keeper, member) = (self.clone(), member.clone());
            asking.push(tokio::spawn(async move {
                let first = keeper.bytes(&member, (hash, 0), SHOWING).await?;
                Some((member, first))
            }));
        }
        let mut having = Vec::new();
        for asked in asking {
            having.extend(asked.await.ok().flatten());
        }
        having
    }

    /// One run of leaves from a member's node; `None` when it does not give it.
    async fn bytes(
        &self,
        member: &Url,
        (hash, run): (Hash, u32),
        within: Duration,
    ) -> Option<Vec<u8>> {
        let url = below(
            member,
            &["v1", "leaves", &hash.to_string(), &run.to_string()],
        );
        let request = Outgoing::get(url).max_bytes(MAX_RUN_BYTES).timeout(within);
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
        match blocking(put).await {
            // Somebody else brought it meanwhile.
            Err(LeafStoreError::OutOfTurn { found, expected }) if found < expected => {
                Ok(Progress::Next(expected))
            }
            put => put,
        }
    }

    async fn begin(
        &self,
        terms: BatchTerms,
        template: Template,
    ) -> Result<Progress, LeafStoreError> {
        let store = Arc::clone(&self.store);
        blocking(move || store.begin(terms, template)).await
    }

    fn place(&self, hash: Hash) -> Option<Place> {
        self.places().get(&hash).copied()
    }

    fn places(&self) -> std::sync::MutexGuard<'_, BTreeMap<Hash, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    /// After which key the next look begins, and when.
    fn onward(&self) -> (String, Duration) {
        match self {
            Self::More(last) | Self::Full(last) => (last.clone(), GO_ON),
            Self::All => (keys::BATCHES.to_owned(), LOOK),
        }
    }
}

/// Shows a page of batches to `see`, up to the first for which there is no place.
fn through(
    page: &[(String, Vec<u8>)],
    after: &str,
    mut see: impl FnMut(&str, &[u8]) -> Result<(), LeafStoreError>,
) -> Result<Look, LeafStoreError> {
    let mut last = after;
    for (key, value) in page {
        match see(key, value) {
            Err(LeafStoreError::Busy { .. }) => return Ok(Look::Full(last.to_owned())),
            seen => seen?,
        }
        last = key;
    }
    Ok(if page.len() == PAGE {
        Look::More(last.to_owned())
    } else {
        Look::All
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LeafStoreError> + Send + 'static,
) -> Result<T, LeafStoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| super::damaged(&error))?
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

#[cfg(test)]
pub(super) mod tests;
