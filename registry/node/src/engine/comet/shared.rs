//! What the callers, the application and the gateway of one ledger all hold.

mod headers;
mod opening;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use chop_integrity::Hash;
use chop_proof::{Handover, LightBlock, TrustRoot};
use chop_protocol::{LedgerGenesis, Outcome, Parameters, keys};
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;
use tokio::sync::{broadcast, watch};
use tracing::{error, info, warn};

use self::opening::{found_in, last_of_solo, last_view, trust_root};
use super::offence::Offence;
use super::pending::Pending;
use super::rpc::Rpc;
use super::verified::Verified;
use crate::engine::solo::{Clock, Health};
use crate::engine::{EngineError, OpenError, SubmitError, View, founding, handover, rules};
use crate::store::{Store, StoreError};

/// Offences that wait for whoever looks into them; a block holds few, and most hold none.
const MAX_OFFENCES: usize = 64;
/// How many heartbeats a ledger may miss before it counts as waiting for its validators.
const MISSED_HEARTBEATS: u32 = 3;

/// What is shown and would be again after a crash.
#[derive(Clone, Debug)]
pub struct Synced {
    /// The state after some committed block.
    pub committed: Arc<View>,
    /// The last state that a header proved then.
    pub proven: Option<Arc<View>>,
}

pub(super) struct Shared {
    pub(super) genesis: LedgerGenesis,
    pub(super) trust_root: TrustRoot,
    /// The last header of the solo ledger that this one was.
    pub(super) handover: Option<LightBlock>,
    /// The whole handover, when it came with the ledger instead of in its store.
    pub(super) promotion: Option<Handover>,
    /// Whether the store holds the handover with the validators' first header.
    handover_kept: AtomicBool,
    /// How many blocks are kept; all when absent.
    pub(super) keep_blocks: Option<u64>,
    pub(super) store: Store,
    pub(super) rpc: Rpc,
    pub(super) clock: Clock,
    pub(super) pending: Pending,
    pub(super) verified: Verified,
    /// The state after the last committed block.
    pub(super) committed: watch::Sender<Arc<View>>,
    /// The last state that a header commits to: the same, or the one before.
    pub(super) proven: watch::Sender<Option<Arc<View>>>,
    /// Of both, what is durable.
    pub(super) synced: watch::Sender<Synced>,
    /// The thread that makes it so.
    pub(super) syncing: OnceLock<Thread>,
    pub(super) health: watch::Sender<Health>,
    /// Validators that decided blocks convict.
    pub(super) offences: broadcast::Sender<Offence>,
    /// When the last block was committed.
    pub(super) beat: Mutex<Instant>,
    /// When something last came of taking a snapshot; none while one is put into the store, which takes its time.
    stirred: Mutex<Option<Instant>>,
    /// Whether newer blocks are elsewhere, until CometBFT says that it has caught up.
    pub(super) catching_up: AtomicBool,
    /// How many peers CometBFT was connected with when it was last asked.
    pub(super) peers: AtomicUsize,
    /// Bytes that a snapshot took when the disk took no more; 0 when none is to be taken again.
    pub(super) needed: AtomicU64,
    /// The validators that signed the last header that was seen.
    pub(super) validators: RwLock<Arc<validator::Set>>,
}

impl Shared {
    /// Takes the ledger up where the store ends; founds it in an empty one.
    ///
    /// # Errors
    /// When the store is of another ledger or damaged, or the genesis founds none.
    pub(super) fn open(
        store: Store,
        genesis: LedgerGenesis,
        rpc: Rpc,
        (clock, keep_blocks): (Clock, Option<u64>),
        promotion: Option<&Handover>,
    ) -> Result<Self, OpenError> {
        let trust_root = trust_root(&genesis)?;
        if !founding::is_founded(&store, &genesis)? {
            found_in(&store, &genesis)?;
            info!(ledger = trust_root.ledger(), "founded the ledger");
        }
        let view = Arc::new(last_view(store.snapshot()?, &genesis)?);
        rules::check(view.snapshot(), view.last_block() + 1)?;
        let held = handover::read(&store.snapshot()?)?;
        let handover = last_of_solo(held.as_ref().or(promotion), &trust_root)?;
        let validators = handover.as_ref().map_or_else(
            || trust_root.validators().clone(),
            |last| last.next_validators.clone(),
        );
        let validators = Arc::new(validators);
        let shared = Self {
            genesis,
            trust_root,
            handover,
            promotion: promotion.cloned(),
            handover_kept: AtomicBool::new(false),
            keep_blocks,
            store,
            rpc,
            clock,
            pending: Pending::default(),
            verified: Verified::default(),
            synced: watch::Sender::new(Synced {
                committed: Arc::clone(&view),
                proven: None,
            }),
            syncing: OnceLock::new(),
            committed: watch::Sender::new(view),
            proven: watch::Sender::new(None),
            health: watch::Sender::new(Health::Ready),
            offences: broadcast::Sender::new(MAX_OFFENCES),
            beat: Mutex::new(Instant::now()),
            stirred: Mutex::new(Some(Instant::now())),
            catching_up: AtomicBool::new(false),
            peers: AtomicUsize::new(0),
            needed: AtomicU64::new(0),
            validators: RwLock::new(validators),
        };
        // How long this node was away, only the clock can say; CometBFT says when it has caught up.
        let is_old = !shared.is_current();
        shared.catching_up.store(is_old, Ordering::Relaxed);
        Ok(shared)
    }

    pub(super) fn view(&self) -> Arc<View> {
        self.committed.borrow().clone()
    }

    pub(super) fn proven(&self) -> Option<Arc<View>> {
        self.proven.borrow().clone()
    }

    /// The last block that a crash does not take back.
    pub(super) fn synced_until(&self) -> u64 {
        self.synced.borrow().committed.last_block()
    }

    /// Whether all that is shown is durable.
    pub(super) fn is_all_synced(&self) -> bool {
        let synced = self.synced.borrow();
        let is_same = Arc::ptr_eq(&synced.committed, &self.committed.borrow());
        let proven = self.proven.borrow();
        is_same && proven.as_ref().map(Arc::as_ptr) == synced.proven.as_ref().map(Arc::as_ptr)
    }

    /// Has what is shown now made durable soon.
    fn sync_soon(&self) {
        if let Some(thread) = self.syncing.get() {
            thread.unpark();
        }
    }

    /// The oldest block that stays when this one is the last; 0 when all do, as CometBFT understands it too.
    pub(super) fn keep_from(&self, last: u64) -> u64 {
        // The validators' first header is part of the handover, which outlives its block.
        if self.handover.is_some() && !self.handover_kept.load(Ordering::Relaxed) {
            return 0;
        }
        let first = self
            .keep_blocks
            .map_or(0, |keep| last.saturating_add(1).saturating_sub(keep));
        // CometBFT has no block from before a promotion.
        if first > self.height_before() + 1 {
            first
        } else {
            0
        }
    }

    /// Keeps the whole handover, once the validators' first header is here; until then no block is pruned.
    pub(super) fn keep_handover(&self) -> Result<(), EngineError> {
        if self.handover.is_none() || self.handover_kept.load(Ordering::Relaxed) {
            return Ok(());
        }
        let snapshot = self.store.snapshot()?;
        let first = |height| {
            let record = snapshot.block(height)?;
            let record = record.filter(|record| !record.signed_header.is_empty());
            let header = record.map(|record| record.decode_header()).transpose();
            header.map_err(EngineError::from)
        };
        if let Some(whole) = handover::complete(&snapshot, first)? {
            let text = serde_json::to_vec(&whole).map_err(|error| EngineError::Json {
                what: "handover",
                reason: error.to_string(),
            })?;
            if snapshot.handover()?.as_ref() != Some(&text) {
                self.store.keep_handover(&text)?;
            }
            self.handover_kept.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The hash of the last header of the solo ledger that this one was.
    pub(super) fn last_of_solo(&self) -> Option<[u8; 32]> {
        let last = self.handover.as_ref()?;
        last.hash()
    }

    /// Whether a block is here that this node took from consensus, instead of nothing or the state of a snapshot alone.
    pub(super) fn has_blocks(&self) -> Result<bool, StoreError> {
        self.store.snapshot()?.has_blocks()
    }

    /// Notes that something comes of taking a snapshot.
    pub(super) fn stir(&self) {
        *self.stirred.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Notes that a snapshot is being put into the store, until the next [`Self::stir`].
    pub(super) fn settle_down(&self) {
        *self.stirred.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether nothing has come of taking a snapshot for so long.
    pub(super) fn is_stuck(&self, patience: Duration) -> bool {
        let stirred = *self.stirred.lock().unwrap_or_else(PoisonError::into_inner);
        stirred.is_some_and(|stirred| stirred.elapsed() >= patience)
    }

    /// Shows the state that the store has, in the place of whatever was there: a snapshot brought it, or what was not durable
    /// is gone.
    pub(super) fn show_stored(&self) -> Result<(), EngineError> {
        let view = self.prove_last(last_view(self.store.snapshot()?, &self.genesis)?)?;
        self.committed.send_replace(Arc::new(view));
        self.sync_soon();
        Ok(())
    }

    /// The height of the last block before CometBFT's first one: that of a solo ledger which was promoted, or 0.
    pub(super) fn height_before(&self) -> u64 {
        self.handover.as_ref().map_or(0, LightBlock::height)
    }

    /// Whether the ledger takes writes: it does while enough peers are there and blocks come.
    pub(super) fn health(&self) -> Health {
        let health = *self.health.borrow();
        let waits = self.proven().is_none() || !self.has_quorum() || self.is_overdue();
        if health == Health::Ready && waits {
            return Health::Waiting;
        }
        health
    }

    /// Whether more than two thirds of the validators could be among this node and its peers.
    fn has_quorum(&self) -> bool {
        let validators = self.validators().validators().len();
        let connected = self.peers.load(Ordering::Relaxed).saturating_add(1);
        connected.saturating_mul(3) > validators.saturating_mul(2)
    }

    pub(super) fn validators(&self) -> Arc<validator::Set> {
        Arc::clone(
            &self
                .validators
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The parameters in force.
    pub(super) fn parameters(&self) -> Parameters {
        let value = self.view().value(keys::PARAMETERS).ok().flatten();
        let parsed = value.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        parsed.unwrap_or(self.genesis.terms().parameters)
    }

    /// Shows a new committed state, answers those who waited for it, and forgets those that came too late.
    pub(super) fn commit(&self, view: View, outcomes: &[Outcome]) {
        let time_ms = view.head().time_ms;
        self.show_committed(view);
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.pending.settle(outcomes);
        self.pending.expire(time_ms);
    }

    pub(super) fn show_committed(&self, view: View) {
        self.committed.send_if_modified(|shown| {
            let newer = view.last_block() >= shown.last_block();
            if newer {
                *shown = Arc::new(view);
            }
            newer
        });
        self.sync_soon();
    }

    /// Shows the state `of` as proven, when this header commits to it.
    pub(super) fn prove(&self, of: &View, header: SignedHeader) -> Result<(), EngineError> {
        let validators = self.validators_of(&header)?;
        let before = self.proven();
        let view = Arc::new(of.under(header, &validators, before.as_deref())?);
        self.proven.send_if_modified(|shown| {
            let newer = shown
                .as_ref()
                .is_none_or(|shown| shown.head().height <= view.head().height);
            if newer {
                *shown = Some(view);
            }
            newer
        });
        self.sync_soon();
        Ok(())
    }

    /// After a store failure: reads go on from what the disk has, and the application takes no block. Blocks that were not
    /// durable are gone; CometBFT replays them when the store takes writes again.
    pub(super) fn fail(&self, failure: &EngineError) {
        error!(error = %failure, "the ledger is read-only now");
        self.health.send_replace(Health::ReadOnly);
        let reopened = self
            .store
            .reopen_read_only()
            .map_err(EngineError::from)
            .and_then(|()| self.show_stored());
        if let Err(error) = reopened {
            warn!(%error, "the database does not open for reading either");
        }
        self.pending.refuse_all(&SubmitError::ReadOnly);
    }

    /// Says whether the envelope waits for its block.
    pub(super) fn is_pending(&self, hash: &Hash) -> bool {
        self.pending.contains(hash)
    }

    fn is_overdue(&self) -> bool {
        self.beat
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            > self.patience()
    }

    /// Whether the last block is of now, by this node's clock. While it is not, newer blocks may say otherwise about members.
    pub(super) fn is_current(&self) -> bool {
        let time_ms = self.view().head().time_ms;
        let age = u64::try_from((self.clock)().saturating_sub(time_ms)).unwrap_or(0);
        // A header's time is that of the votes for the block before: on an idle ledger it is a heartbeat old when it comes.
        Duration::from_millis(age) <= self.patience().saturating_add(self.heartbeat())
    }

    /// Whether newer blocks than the last one here may say otherwise about peers: CometBFT catches up, or none came for
    /// long. No clock is asked, for with a wrong one a peer would be let in and let go of in turns.
    pub(super) fn is_behind(&self) -> bool {
        self.catching_up.load(Ordering::Relaxed) || self.is_overdue()
    }

    /// Notes that CometBFT starts. One that was away for a moment is not behind.
    pub(super) fn starts(&self) {
        if self.is_overdue() {
            self.catching_up.store(true, Ordering::Relaxed);
        }
    }

    /// How long there may be no block before something is wrong.
    fn patience(&self) -> Duration {
        self.heartbeat()
            .saturating_mul(MISSED_HEARTBEATS)
            .saturating_add(Duration::from_secs(10))
    }

    /// After how long without anything to do a block comes.
    fn heartbeat(&self) -> Duration {
        let heartbeat_ms = u64::try_from(self.parameters().heartbeat_ms).unwrap_or(60_000);
        Duration::from_millis(heartbeat_ms)
    }
}
