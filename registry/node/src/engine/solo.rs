//! The embedded engine: one process orders, executes, signs and keeps.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use chop_integrity::Hash;
use chop_keys::Signer;
use chop_proof::TrustRoot;
use chop_protocol::{LedgerGenesis, Outcome, SignedEnvelope};
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;
use tokio::sync::{oneshot, watch};

use super::door;
use super::handover;
use super::replay::{Sealed, verify_replay};
use super::sequencer::{Command, Sequencer};
use super::{EngineError, Head, OpenError, Read, SubmitError, View};
use crate::store::{DiskLimit, Store};

/// How often a read is tried while the database is being reopened, and how long between.
const READ_TRIES: u32 = 40;
const READ_PAUSE: Duration = Duration::from_millis(50);

/// Reads the clock, milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What a solo ledger is made of.
pub struct SoloConfig {
    /// The database file, made when it does not exist.
    pub path: PathBuf,
    /// The ledger's genesis; its one validator is the signer's key.
    pub genesis: LedgerGenesis,
    /// Signs headers.
    pub signer: Arc<dyn Signer>,
    /// The clock, for block times.
    pub clock: Clock,
    /// How many envelopes may wait; beyond that the ledger is busy.
    pub queue: usize,
    /// Idle time after which an empty block is made; `None` takes the parameter in force.
    pub heartbeat: Option<Duration>,
    /// Bounds the database file.
    pub limit: Arc<DiskLimit>,
    /// How many blocks are kept; all when absent.
    pub keep_blocks: Option<u64>,
    /// Recomputes every block from genesis before anything else, and refuses to start when one differs.
    pub replay: bool,
}

/// Whether the ledger takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Ready,
    /// The disk refused a write; reads go on, and it tries again by itself.
    ReadOnly,
    /// Its members promoted it to a consortium, whose validators take writes from now on.
    Promoted,
    /// It waits for validators: no block comes, or none has come yet.
    Waiting,
    /// It is shutting down, or its sequencer ended.
    Stopped,
}

/// A running solo ledger. Cloning shares it; when the last clone goes, the sequencer ends.
#[derive(Clone)]
pub struct Solo {
    shared: Arc<Shared>,
    handle: Arc<Handle>,
}

/// The callers' end of the sequencer.
struct Handle {
    queue: usize,
    commands: RwLock<Option<SyncSender<Command>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What callers and the sequencer both hold.
pub(super) struct Shared {
    pub(super) genesis: LedgerGenesis,
    pub(super) trust_root: TrustRoot,
    pub(super) store: Store,
    pub(super) view: watch::Sender<Arc<View>>,
    pub(super) health: watch::Sender<Health>,
    pub(super) pending: Mutex<HashSet<Hash>>,
    pub(super) clock: Clock,
}

impl Solo {
    /// Opens the ledger, founds it when the database is empty, and starts its sequencer.
    ///
    /// # Errors
    /// When the database is unusable or of another ledger, the genesis is not that of a solo ledger, the key is not its
    /// validator's, or the replay that was asked for differs.
    pub fn open(config: SoloConfig) -> Result<Self, OpenError> {
        let trust_root = trust_root(&config)?;
        let store = Store::open(&config.path, Arc::clone(&config.limit))?;
        Sequencer::found_if_new(&store, &config, &trust_root)?;
        let snapshot = store.snapshot()?;
        if handover::read(&snapshot)?.is_some() {
            let height = snapshot.last_block()?.map_or(0, |(height, _)| height);
            return Err(OpenError::Promoted { height });
        }
        if config.replay {
            verify_replay(&store.snapshot()?, &config.genesis, Sealed::BySolo)?;
        }
        let view = Arc::new(View::of(&store, trust_root.validators(), None)?);
        let queue = config.queue.max(1);
        let (sender, receiver) = sync_channel(queue);
        let shared = Arc::new(Shared {
            genesis: config.genesis,
            trust_root,
            store,
            view: watch::Sender::new(view),
            health: watch::Sender::new(Health::Ready),
            pending: Mutex::default(),
            clock: config.clock,
        });
        let sequencer = Sequencer::resume(
            Arc::clone(&shared),
            config.signer,
            (config.heartbeat, config.keep_blocks),
        )?;
        let thread = std::thread::Builder::new()
            .name("sequencer".to_owned())
            .spawn(move || sequencer.run(&receiver))?;
        let handle = Handle {
            queue,
            commands: RwLock::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self {
            shared,
            handle: Arc::new(handle),
        })
    }

    /// Has an envelope executed, and answers when its outcome is durable.
    ///
    /// An envelope that already has a final outcome is answered with that one. Dropping the future does not withdraw the
    /// envelope: [`Solo::is_pending`] and [`View::outcome`] tell what becomes of it.
    ///
    /// # Errors
    /// When the envelope is for another ledger or not entitled to execute, the queue is full, or the ledger takes no
    /// writes.
    pub async fn submit(&self, envelope: SignedEnvelope) -> Result<Outcome, SubmitError> {
        let hash = envelope.hash();
        let view = self.view();
        if let Some(outcome) = door::known(&self.shared.genesis, &view, &envelope)? {
            return Ok(outcome);
        }
        match self.health() {
            Health::ReadOnly => return Err(SubmitError::ReadOnly),
            Health::Promoted => return Err(SubmitError::Promoted),
            Health::Ready | Health::Waiting | Health::Stopped => {}
        }
        door::admit(&view, &envelope, &self.shared.clock)?;
        let (reply, answer) = oneshot::channel();
        self.mark_pending(hash);
        if let Err(error) = self.send(Command::Submit {
            envelope: Box::new(envelope),
            reply,
        }) {
            self.shared.settle(&hash);
            return Err(error);
        }
        answer.await.unwrap_or(Err(SubmitError::Stopped))
    }

    /// Says whether an envelope waits for its block.
    pub fn is_pending(&self, envelope: &Hash) -> bool {
        self.shared
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(envelope)
    }

    /// The ledger as of its last block.
    pub fn view(&self) -> Arc<View> {
        self.shared.view.borrow().clone()
    }

    /// The ledger as of a header that is at most `max_age` old; makes a block when the last one is older.
    ///
    /// A ledger that takes no writes answers with the last block that it has.
    pub async fn fresh_view(&self, max_age: Duration) -> Arc<View> {
        if let Some(view) = self.fresh_already(max_age) {
            return view;
        }
        let not_before_ms = self.not_before_ms(max_age);
        let (reply, answer) = oneshot::channel();
        if self
            .send(Command::Heartbeat {
                not_before_ms,
                reply,
            })
            .is_ok()
        {
            // Whether it worked or not, the last block is the answer.
            let _made = answer.await;
        }
        self.view()
    }

    /// What [`Self::fresh_view`] gives without making a block.
    pub fn fresh_already(&self, max_age: Duration) -> Option<Arc<View>> {
        let view = self.view();
        let is_fresh = view.head().time_ms >= self.not_before_ms(max_age);
        (is_fresh || self.health() != Health::Ready).then_some(view)
    }

    fn not_before_ms(&self, max_age: Duration) -> i64 {
        let max_age_ms = i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX);
        (self.shared.clock)().saturating_sub(max_age_ms)
    }

    /// The value under a state key, or its absence, with a proof under the last header.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(&self, key: &str) -> Result<Read, EngineError> {
        let mut tries = 0;
        loop {
            match self.view().read(key) {
                Err(error) if error.is_passing() && tries < READ_TRIES => {
                    tries += 1;
                    tokio::time::sleep(READ_PAUSE).await;
                }
                answer => return answer,
            }
        }
    }

    /// Tells of every new block: the receiver holds the latest view.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.shared.view.subscribe()
    }

    /// The last block.
    pub fn head(&self) -> Head {
        self.shared.view.borrow().head()
    }

    /// Whether the ledger takes writes.
    pub fn health(&self) -> Health {
        *self.shared.health.borrow()
    }

    /// Tells of every change of [`Solo::health`].
    pub fn healths(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// The ledger's genesis.
    pub fn genesis(&self) -> &LedgerGenesis {
        &self.shared.genesis
    }

    /// Who signs after a header: the same validator, unless it is the last one of a ledger that was promoted.
    pub(super) fn next_validators(
        &self,
        header: &SignedHeader,
    ) -> Result<validator::Set, EngineError> {
        let own = self.shared.trust_root.validators();
        if header.header.next_validators_hash == own.hash() {
            return Ok(own.clone());
        }
        let height = header.header.height.value();
        let unusable = |reason: String| EngineError::Header { height, reason };
        let handover = handover::read(&self.shared.store.snapshot()?)?
            .ok_or_else(|| unusable("it hands over to nobody known".to_owned()))?;
        let last = handover.last.decode();
        last.map(|last| last.next_validators)
            .map_err(|error| unusable(error.to_string()))
    }

    /// What a client pins to check this ledger's proofs.
    pub fn trust_root(&self) -> &TrustRoot {
        &self.shared.trust_root
    }

    /// Recomputes every block from genesis and compares; takes as long as executing them did.
    ///
    /// # Errors
    /// Names the first block that differs.
    pub fn verify_replay(&self) -> Result<super::Replayed, super::ReplayError> {
        let snapshot = self.shared.store.snapshot().map_err(EngineError::from)?;
        verify_replay(&snapshot, &self.shared.genesis, Sealed::BySolo)
    }

    /// Stops taking envelopes, answers those that wait, and ends the sequencer. Blocks until it has ended.
    pub fn stop(&self) {
        self.handle.stop();
    }

    fn send(&self, command: Command) -> Result<(), SubmitError> {
        let commands = self
            .handle
            .commands
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = commands.as_ref() else {
            return Err(SubmitError::Stopped);
        };
        sender.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Busy {
                queued: self.handle.queue,
            },
            TrySendError::Disconnected(_) => SubmitError::Stopped,
        })
    }

    fn mark_pending(&self, hash: Hash) {
        self.shared
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(hash);
    }
}

impl Handle {
    fn stop(&self) {
        let sender = self
            .commands
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(sender);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A sequencer that panicked has nothing left to say; the store is whole either way.
            let _ended = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Takes an envelope off the list of those that wait.
    pub(super) fn settle(&self, hash: &Hash) {
        self.pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(hash);
    }
}

impl std::fmt::Debug for Solo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Solo")
            .field("ledger", &self.shared.trust_root.ledger())
            .field("head", &self.head())
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}

/// The trust root of the genesis, once it is that of a solo ledger with this signer.
fn trust_root(config: &SoloConfig) -> Result<TrustRoot, OpenError> {
    let listed = &config.genesis.terms().validators;
    let ledger = config.genesis.id();
    if config.genesis.terms().consortium.is_some() {
        return Err(OpenError::Consortium { ledger });
    }
    let [validator] = listed.as_slice() else {
        return Err(OpenError::NotSolo {
            ledger,
            count: listed.len(),
        });
    };
    if validator.public_key != *config.signer.public_key() {
        return Err(OpenError::OtherKey {
            found: config.signer.public_key().multikey(),
            named: validator.public_key.multikey(),
        });
    }
    Ok(TrustRoot::new(
        &ledger.to_string(),
        &[(validator.public_key.clone(), validator.power)],
    )?)
}
