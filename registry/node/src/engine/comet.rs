//! The engine of a consortium: CometBFT 0.38 orders and signs, this process executes, keeps and answers.
//!
//! ```text
//!            submit                      answers
//!              │                            ▲
//!           gateway ── rpc.sock ──▶ CometBFT process ◀──▶ peers
//!                                       │ abci.sock
//!            View ◀── store ◀── App: CheckTx, PrepareProposal, ProcessProposal, FinalizeBlock, Commit
//! ```
//!
//! The state after block H stands in the header of block H + 1, which CometBFT makes at once when the state changed. Until
//! then the newest state can be read and not proven; proofs of keys that block H did not touch hang from the header before.

mod abci;
mod ahead;
mod app;
mod binary;
mod block;
pub mod floor;
mod gateway;
mod guests;
mod home;
mod mempool;
mod offence;
mod packing;
mod parting;
mod pending;
mod process;
mod receiving;
mod rpc;
mod seeking;
mod shared;
mod snapshots;
mod syncing;
mod verified;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chop_integrity::Hash;
use chop_keys::{PrivateKey, Signer as _};
use chop_proof::{Handover, LightBlock, TrustRoot};
use chop_protocol::{LedgerGenesis, Outcome, SignedEnvelope};
use tendermint::block::signed_header::SignedHeader;
use tokio::sync::{broadcast, oneshot, watch};
use tracing::debug;

use super::{Clock, EngineError, Head, Health, OpenError, SubmitError, View, door};
use crate::store::{DiskLimit, Store};

pub use binary::{Binary, BinaryError};
pub use home::{
    HomeError, Peering, StateSync, check_peer, is_running, last_signed, node_id, raise_last_signed,
};
pub use offence::Offence;
pub use rpc::NotAsked;
pub use shared::Synced;
pub use snapshots::SnapshotConfig;

/// How long a read waits for the header that proves the last block.
pub(crate) const PROOF_PATIENCE: Duration = Duration::from_secs(5);

/// How often a caller who waits for the node looks.
const LOOK: Duration = Duration::from_millis(50);

/// What a validator is made of.
pub struct CometConfig {
    /// The database file, made when it does not exist.
    pub path: PathBuf,
    /// CometBFT's folder, made when it does not exist.
    pub home: PathBuf,
    /// The CometBFT to run.
    pub binary: Binary,
    /// The ledger's genesis.
    pub genesis: LedgerGenesis,
    /// Signs blocks, once the ledger counts it among the validators.
    pub validator: Arc<PrivateKey>,
    /// The file that notes which keys CometBFT has had; it belongs beside the keystore, so that it goes where the keys go.
    pub used_keys: PathBuf,
    /// Names this node to its peers.
    pub node: Arc<PrivateKey>,
    /// How it finds its peers.
    pub peering: Peering,
    /// The clock, to guess the next header time by.
    pub clock: Clock,
    /// How many envelopes may wait for their block; beyond that the node is busy.
    pub queue: usize,
    /// Most envelopes that go into one transaction; 1 turns bundling off.
    pub bundle: usize,
    /// Bounds the database file.
    pub limit: Arc<DiskLimit>,
    /// Where and how often snapshots for other nodes are taken.
    pub snapshots: SnapshotConfig,
    /// How many blocks are kept; an archive node keeps all.
    pub keep_blocks: Option<u64>,
    /// From whom an empty node takes its state, instead of every block.
    pub sync: Option<StateSync>,
    /// How the solo ledger ended that this one was, for a node whose store does not know yet.
    pub promotion: Option<Handover>,
}

/// A running validator. Cloning shares it; when the last clone goes, it stops.
#[derive(Clone)]
pub struct Comet {
    shared: Arc<shared::Shared>,
    running: Arc<Running>,
}

/// The threads and the process.
struct Running {
    shared: Arc<shared::Shared>,
    queue: usize,
    gateway: gateway::Gateway,
    /// In the order in which they end: the process, the socket that it talks to, and who makes durable what came over it.
    parts: Mutex<Option<(process::Supervisor, abci::Server, syncing::Syncer)>>,
}

impl Comet {
    /// Opens the ledger, founds it when the database is empty, and starts CometBFT over it.
    ///
    /// # Errors
    /// When the database or CometBFT's folder is unusable or of another ledger, or a thread or socket cannot be made.
    pub fn open(config: CometConfig) -> Result<Self, OpenError> {
        let store = Store::open(&config.path, config.limit)?;
        let home = home::Home::open(&config.home)?;
        let rpc = rpc::Rpc::at(home.socket("rpc.sock"));
        let around = (config.clock, config.keep_blocks);
        let promotion = config.promotion.as_ref();
        let shared = shared::Shared::open(store, config.genesis, rpc, around, promotion)?;
        home.prepare(&home::Content {
            genesis: &shared.genesis,
            handover: shared.handover.as_ref(),
            validator: &config.validator,
            used: &config.used_keys,
            node: &config.node,
            peering: &config.peering,
        })?;
        let guests = Arc::new(guests::Guests::new(&config.peering));
        let shared = Arc::new(shared);
        // Where the last block's header is here and proves the state, reads need no other validator.
        if let Err(error) = shared.refresh() {
            debug!(%error, "the last block is proven later");
        }
        let app = app::App::new(Arc::clone(&shared), Arc::clone(&guests), config.snapshots);
        let app = Arc::new(app);
        let syncer = syncing::Syncer::start(&shared)?;
        let server = abci::Server::start(&home.socket("abci.sock"), app)?;
        let queue = config.queue.max(1);
        let gateway = gateway::Gateway::start(&shared, queue, config.bundle)?;
        let watch = process::Watched {
            shared: Arc::clone(&shared),
            guests,
            binary: config.binary,
            home,
            validator: config.validator.public_key().clone(),
            patience: process::SYNC_PATIENCE,
            settings: home::Settings {
                moniker: node_id(config.node.public_key()),
                peering: config.peering,
                sync: config.sync,
            },
        };
        let supervisor = process::Supervisor::start(watch)?;
        Ok(Self {
            running: Arc::new(Running {
                shared: Arc::clone(&shared),
                queue,
                gateway,
                parts: Mutex::new(Some((supervisor, server, syncer))),
            }),
            shared,
        })
    }

    /// Waits until the node takes writes: enough validators are connected, and a header proves the state.
    ///
    /// Returns false when the engine stopped before.
    pub async fn until_ready(&self) -> bool {
        loop {
            match self.health() {
                Health::Ready => return true,
                Health::Stopped | Health::Promoted => return false,
                Health::ReadOnly | Health::Waiting => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Hands an envelope to the validators, and answers when the block that executed it is committed here: CometBFT has
    /// synced it to this node's disk by then, the store follows ([`syncing`]).
    ///
    /// # Errors
    /// When the envelope is for another ledger or not entitled to execute, too many wait, no block took it in time, or the
    /// node takes no writes.
    pub async fn submit(&self, envelope: SignedEnvelope) -> Result<Outcome, SubmitError> {
        let hash = envelope.hash();
        let view = self.view();
        if let Some(outcome) = door::known(&self.shared.genesis, &view, &envelope)? {
            return Ok(outcome);
        }
        match self.health() {
            Health::ReadOnly => return Err(SubmitError::ReadOnly),
            Health::Stopped | Health::Promoted => return Err(SubmitError::Stopped),
            Health::Ready | Health::Waiting => {}
        }
        door::admit(&view, &envelope, &self.shared.clock)?;
        let (reply, answer) = oneshot::channel();
        let new = self
            .shared
            .pending
            .add(envelope, reply, self.running.queue)?;
        if let Some(envelope) = new
            && let Err(error) = self.running.gateway.send(envelope)
        {
            self.shared.pending.refuse(&hash, &error);
            return Err(error);
        }
        // A block may have come between the first look and this one.
        if let Ok(Some(outcome)) = self.view().outcome(&hash) {
            self.shared.pending.settle(std::slice::from_ref(&outcome));
        }
        answer.await.unwrap_or(Err(SubmitError::Stopped))
    }

    /// Says whether an envelope waits for its block.
    pub fn is_pending(&self, envelope: &Hash) -> bool {
        self.shared.is_pending(envelope)
    }

    /// The ledger as of its last block, which the next header proves.
    pub fn view(&self) -> Arc<View> {
        self.shared.view()
    }

    /// Tells of every new block: the receiver holds the latest view.
    pub fn views(&self) -> watch::Receiver<Arc<View>> {
        self.shared.committed.subscribe()
    }

    /// Tells of every state that a header proves; none before the first.
    pub fn proven_views(&self) -> watch::Receiver<Option<Arc<View>>> {
        self.shared.proven.subscribe()
    }

    /// Tells of what is durable in the store, for whoever derives from it and must not be ahead of it after a crash.
    pub fn synced_views(&self) -> watch::Receiver<Synced> {
        self.shared.synced.subscribe()
    }

    /// The header of a block that is decided and not yet committed here, at this height: it proves the state before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn newest_header(&self, height: u64) -> Result<Option<SignedHeader>, EngineError> {
        match self.shared.proven() {
            Some(proven) => proven.header_at(height),
            None => Ok(None),
        }
    }

    /// The last state that a header proves; waits, for some seconds, when the block after it changed `key`.
    pub async fn proven_view(&self, key: &str) -> Arc<View> {
        let committed = self.view();
        let shows = |proven: &Option<Arc<View>>| {
            proven.as_ref().is_some_and(|proven| {
                proven.last_block() >= committed.last_block()
                    || proven.value(key).ok() == committed.value(key).ok()
            })
        };
        let mut views = self.shared.proven.subscribe();
        let waited = tokio::time::timeout(PROOF_PATIENCE, views.wait_for(shows)).await;
        match waited {
            Ok(Ok(proven)) => proven.clone().unwrap_or(committed),
            // The last block's own view says why nothing is proven; where an older state is, that one is the answer.
            _ => self.shared.proven().unwrap_or(committed),
        }
    }

    /// The last block's state, where a header proves it.
    pub fn proven_already(&self) -> Option<Arc<View>> {
        let committed = self.view().last_block();
        let proven = self.shared.proven()?;
        (proven.last_block() >= committed).then_some(proven)
    }

    /// A header with the validators that it names, which CometBFT is asked for when they are no longer the present ones.
    ///
    /// # Errors
    /// When CometBFT does not give them.
    pub async fn light_block(&self, header: SignedHeader) -> Result<LightBlock, EngineError> {
        let shared = Arc::clone(&self.shared);
        let asking = tokio::task::spawn_blocking(move || shared.light_block(header));
        asking.await.unwrap_or_else(|error| {
            Err(EngineError::Consensus {
                reason: error.to_string(),
            })
        })
    }

    /// Passes a question of another node's light client on to CometBFT: for headers, validators and parameters, nothing else.
    ///
    /// # Errors
    /// When the question is another one, enough are being answered, or CometBFT does not answer.
    pub async fn ask(&self, question: Vec<u8>) -> Result<Vec<u8>, NotAsked> {
        let rpc = self.shared.rpc.clone();
        let place = rpc.admit()?;
        let asking = tokio::task::spawn_blocking(move || {
            let _place = place;
            rpc.pass_on(&question)
        });
        asking.await.unwrap_or(Err(NotAsked::Silent))
    }

    /// The last block.
    pub fn head(&self) -> Head {
        self.view().head()
    }

    /// Whether the ledger takes writes.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Whether the last block here is of now by this node's clock: a node that is cut off or behind does not know who is a
    /// member.
    pub fn is_current(&self) -> bool {
        self.shared.is_current()
    }

    /// Tells when the engine stops or cannot write.
    pub fn healths(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    /// Tells of validators that new blocks convict.
    pub fn offences(&self) -> broadcast::Receiver<Offence> {
        self.shared.offences.subscribe()
    }

    /// The ledger's genesis.
    pub fn genesis(&self) -> &LedgerGenesis {
        &self.shared.genesis
    }

    /// The validators of the genesis, for clients to pin.
    pub fn trust_root(&self) -> &TrustRoot {
        &self.shared.trust_root
    }

    /// Stops taking envelopes and ends CometBFT. Blocks until it has ended.
    pub fn stop(&self) {
        self.running.stop();
    }
}

impl Running {
    fn stop(&self) {
        self.gateway.stop();
        // What waits may be in other mempools: whoever asks again finds what became of it.
        self.shared.pending.refuse_all(&SubmitError::Stopped);
        let parts = self
            .parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(parts);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Comet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Comet")
            .field("ledger", &self.shared.trust_root.ledger())
            .field("head", &self.head())
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}
