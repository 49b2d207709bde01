//! The thread that orders envelopes: it alone writes.
//!
//! Envelopes that arrive while a commit is under way wait for the next one and share its fsync (group commit). Nothing
//! is answered before it is durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use chop_keys::Signer;
use chop_proof::TrustRoot;
use chop_protocol::{Outcome, Parameters, SignedEnvelope, keys};
use tendermint::chain;
use tokio::sync::oneshot;
use tracing::{error, info};

use super::batch::{self, Batch, Chain, Parent};
use super::founding;
use super::handover;
use super::room::Room;
use super::rules;
use super::solo::{Health, Shared};
use super::{EngineError, OpenError, SoloConfig, SubmitError, View};
use crate::store::{Store, StoreError};

/// How often a ledger whose disk refused a write looks whether there is room again.
const RETRY: Duration = Duration::from_secs(2);
/// How far header time may run ahead of the clock before the sequencer waits; clients allow ten seconds.
const MAX_LEAD_MS: i64 = 2_000;

/// What callers ask of the sequencer.
pub(super) enum Command {
    /// Execute this.
    Submit {
        envelope: Box<SignedEnvelope>,
        reply: oneshot::Sender<Result<Outcome, SubmitError>>,
    },
    /// Make a block, even an empty one, unless the last one is of this time or later.
    Heartbeat {
        not_before_ms: i64,
        reply: oneshot::Sender<()>,
    },
}

/// An envelope with whom to answer.
pub(super) struct Waiting {
    pub(super) envelope: SignedEnvelope,
    reply: oneshot::Sender<Result<Outcome, SubmitError>>,
}

/// What the next commit is for.
#[derive(Default)]
struct Round {
    waiting: Vec<Waiting>,
    heartbeats: Vec<oneshot::Sender<()>>,
    /// The latest time that a heartbeat asks for.
    not_before_ms: Option<i64>,
}

pub(super) struct Sequencer {
    shared: Arc<Shared>,
    signer: Arc<dyn Signer>,
    chain_id: chain::Id,
    parent: Parent,
    /// Idle time after which a block is made; the parameter in force when `None`.
    heartbeat: Option<Duration>,
    /// How many blocks are kept; all when absent.
    keep_blocks: Option<u64>,
    /// Round to sign in: how many headers of the next height were signed and not committed.
    round: u16,
    /// When it last looked for room.
    looked: Option<Instant>,
    /// Envelopes that did not fit into the block before, or whose twin was in it.
    deferred: VecDeque<Waiting>,
}

impl Sequencer {
    /// Writes founding state and first block into an empty store; checks that an old one is of this ledger.
    pub(super) fn found_if_new(
        store: &Store,
        config: &SoloConfig,
        root: &TrustRoot,
    ) -> Result<(), OpenError> {
        let genesis = &config.genesis;
        if founding::is_founded(store, genesis)? {
            return Ok(());
        }
        let canonical = founding::canonical(genesis)?;
        let delta = chop_ledger::genesis_state(genesis).map_err(|error| OpenError::Found {
            reason: error.to_string(),
        })?;
        let chain_id = parse_chain_id(root)?;
        let chain = Chain {
            id: &chain_id,
            validators: root.validators(),
            next_validators: root.validators(),
            signer: &*config.signer,
            founding: &genesis.terms().validators,
        };
        let batch = batch::found(&chain, genesis, delta, (config.clock)())?;
        store.commit(&batch.write(Some(&canonical))?)?;
        info!(ledger = root.ledger(), "founded the ledger");
        Ok(())
    }

    /// Takes up after the last block, once it is checked against the state.
    pub(super) fn resume(
        shared: Arc<Shared>,
        signer: Arc<dyn Signer>,
        (heartbeat, keep_blocks): (Option<Duration>, Option<u64>),
    ) -> Result<Self, OpenError> {
        let chain_id = parse_chain_id(&shared.trust_root)?;
        let parent = last_block(&shared.store)?;
        rules::check(&shared.store.snapshot()?, parent.height + 2)?;
        Ok(Self {
            shared,
            signer,
            chain_id,
            parent,
            heartbeat,
            keep_blocks,
            round: 0,
            looked: None,
            deferred: VecDeque::new(),
        })
    }

    /// Serves until every sender is gone.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let mut round = Round::default();
            if let Err(RecvTimeoutError::Disconnected) = self.gather(commands, &mut round)
                && round.waiting.is_empty()
                && self.deferred.is_empty()
            {
                break;
            }
            // The next commit makes up to two blocks.
            let view = self.shared.view.borrow().clone();
            if let Err(error) = rules::check(view.snapshot(), self.parent.height + 2) {
                error!(%error, "the ledger stops");
                self.refuse(round, &SubmitError::Stopped);
                break;
            }
            self.serve(round);
        }
        info!(height = self.parent.height, "the sequencer ended");
    }

    /// Collects what goes into the next commit; waits for the first of it, or until a heartbeat is due.
    fn gather(
        &mut self,
        commands: &Receiver<Command>,
        round: &mut Round,
    ) -> Result<(), RecvTimeoutError> {
        let mut room = Room::of(&self.parameters());
        let mut left = VecDeque::new();
        for waiting in std::mem::take(&mut self.deferred) {
            room.take(waiting, &mut round.waiting, &mut left);
        }
        self.deferred = left;
        if round.waiting.is_empty() && self.deferred.is_empty() {
            match commands.recv_timeout(self.until_heartbeat()) {
                Ok(command) => self.accept(command, &mut room, round),
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            }
        }
        while !room.is_full() && self.deferred.is_empty() {
            match commands.try_recv() {
                Ok(command) => self.accept(command, &mut room, round),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            }
        }
        Ok(())
    }

    fn accept(&mut self, command: Command, room: &mut Room, round: &mut Round) {
        match command {
            Command::Heartbeat {
                not_before_ms,
                reply,
            } => {
                round.heartbeats.push(reply);
                round.not_before_ms = round.not_before_ms.max(Some(not_before_ms));
            }
            Command::Submit { envelope, reply } => {
                room.take(
                    Waiting {
                        envelope: *envelope,
                        reply,
                    },
                    &mut round.waiting,
                    &mut self.deferred,
                );
            }
        }
    }

    /// Commits one round and answers everybody in it; an empty round is a heartbeat.
    fn serve(&mut self, round: Round) {
        if self.health() == Health::ReadOnly {
            self.recover();
        }
        // What recovering found in the store counts: the commit that failed may have been the ledger's last.
        match self.health() {
            Health::Promoted => return self.refuse(round, &SubmitError::Promoted),
            Health::ReadOnly => return self.refuse(round, &SubmitError::ReadOnly),
            Health::Ready | Health::Waiting | Health::Stopped => {}
        }
        let Round {
            waiting,
            heartbeats,
            not_before_ms,
        } = round;
        let asked = !waiting.is_empty();
        let waiting = self.answer_known(waiting);
        let late = not_before_ms.is_some_and(|time_ms| self.head_ms() < time_ms);
        // Nothing to do when every envelope had its answer already and the last header is fresh enough for everybody.
        if waiting.is_empty() && (asked || not_before_ms.is_some()) && !late {
            for reply in heartbeats {
                let _gone = reply.send(());
            }
            return;
        }
        self.keep_to_the_clock();
        let (envelopes, replies): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .map(|waiting| (waiting.envelope, waiting.reply))
            .unzip();
        let committed = self.commit(&envelopes);
        for envelope in &envelopes {
            self.shared.settle(&envelope.hash());
        }
        match committed {
            // A caller that went away can ask for the outcome later.
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    let _gone = reply.send(Ok(outcome));
                }
            }
            Err(failure) => {
                self.fail(&failure);
                for reply in replies {
                    let _gone = reply.send(Err(SubmitError::ReadOnly));
                }
            }
        }
        for reply in heartbeats {
            let _gone = reply.send(());
        }
    }

    fn health(&self) -> Health {
        *self.shared.health.borrow()
    }

    fn head_ms(&self) -> i64 {
        self.shared.view.borrow().head().time_ms
    }

    /// Waits when header time has run ahead of the clock, as it does by a millisecond for every block: clients refuse
    /// headers from the future. What arrives meanwhile shares the next commit.
    fn keep_to_the_clock(&self) {
        let lead_ms = self.head_ms().saturating_sub((self.shared.clock)());
        let over_ms = lead_ms.saturating_sub(MAX_LEAD_MS).clamp(0, MAX_LEAD_MS);
        std::thread::sleep(Duration::from_millis(over_ms.unsigned_abs()));
    }

    /// Answers those envelopes that already have a final outcome; gives back the others.
    fn answer_known(&self, waiting: Vec<Waiting>) -> Vec<Waiting> {
        let view = self.shared.view.borrow().clone();
        let mut unknown = Vec::with_capacity(waiting.len());
        for waiting in waiting {
            let hash = waiting.envelope.hash();
            match view.outcome(&hash) {
                Ok(Some(outcome)) => {
                    self.shared.settle(&hash);
                    let _gone = waiting.reply.send(Ok(outcome));
                }
                Ok(None) | Err(_) => unknown.push(waiting),
            }
        }
        unknown
    }

    fn commit(&mut self, envelopes: &[SignedEnvelope]) -> Result<Vec<Outcome>, EngineError> {
        let view = self.shared.view.borrow().clone();
        let chain = Chain {
            id: &self.chain_id,
            validators: self.shared.trust_root.validators(),
            next_validators: self.shared.trust_root.validators(),
            signer: &*self.signer,
            founding: &self.shared.genesis.terms().validators,
        };
        let now_ms = (self.shared.clock)();
        let batch = batch::make(
            &chain,
            view.snapshot(),
            &self.parent,
            envelopes,
            (now_ms, self.round),
        )?;
        // From here on headers of these heights are signed: another attempt signs in a later round.
        self.round = self.round.saturating_add(1);
        let mut write = batch.write(None)?;
        let last = self.parent.height + batch.blocks.len() as u64;
        write.keep_from = self.keep_from(&view, last)?;
        self.shared.store.commit(&write)?;
        self.round = 0;
        if batch.handover.is_some() {
            self.end();
        }
        self.advance(&batch, &view)?;
        Ok(batch.outcomes)
    }

    /// The first block that stays; all do while a vote may promote the ledger, for whoever takes it over executes each of them.
    fn keep_from(&self, view: &View, last: u64) -> Result<u64, EngineError> {
        let keep = self.keep_blocks;
        let from = keep.map_or(0, |keep| last.saturating_add(1).saturating_sub(keep));
        if from > 1 && handover::is_proposed(view)? {
            return Ok(0);
        }
        Ok(from)
    }

    /// Makes what was committed the state that everybody sees.
    fn advance(&mut self, batch: &Batch, before: &View) -> Result<(), EngineError> {
        let view = View::of(
            &self.shared.store,
            self.shared.trust_root.validators(),
            Some(before),
        )?;
        let record = batch.blocks.last().cloned();
        rules::look_ahead(view.snapshot());
        self.parent = Parent {
            height: view.head().height,
            header: view.signed_header().cloned(),
            root: view.head().app_hash,
            record,
        };
        self.shared.view.send_replace(Arc::new(view));
        Ok(())
    }

    fn refuse(&self, round: Round, why: &SubmitError) {
        for waiting in round.waiting {
            self.shared.settle(&waiting.envelope.hash());
            let _gone = waiting.reply.send(Err(why.clone()));
        }
        for reply in round.heartbeats {
            let _gone = reply.send(());
        }
    }

    fn until_heartbeat(&self) -> Duration {
        if self.health() != Health::Ready {
            return RETRY;
        }
        let age_ms = (self.shared.clock)().saturating_sub(self.head_ms());
        let heartbeat = self.heartbeat.unwrap_or_else(|| {
            let ms = self.parameters().heartbeat_ms;
            Duration::from_millis(u64::try_from(ms).unwrap_or(60_000))
        });
        heartbeat.saturating_sub(Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)))
    }

    /// The parameters in force; the genesis's where the state does not tell.
    fn parameters(&self) -> Parameters {
        let value = self
            .shared
            .view
            .borrow()
            .value(keys::PARAMETERS)
            .ok()
            .flatten();
        let parsed = value.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        parsed.unwrap_or(self.shared.genesis.terms().parameters)
    }
}

impl Drop for Sequencer {
    /// However the thread ends, nobody is left to write.
    fn drop(&mut self) {
        self.shared.health.send_replace(Health::Stopped);
    }
}

/// The last block, checked against the tree: a gap in its versions would silently start an empty one.
fn last_block(store: &Store) -> Result<Parent, OpenError> {
    let snapshot = store.snapshot()?;
    let (height, record) = snapshot.last_block()?.ok_or(StoreError::Empty)?;
    snapshot.check_root(height, &record)?;
    let header = record.decode_header()?;
    Ok(Parent {
        height,
        header: Some(header),
        root: record.root,
        record: Some(record),
    })
}

fn parse_chain_id(root: &TrustRoot) -> Result<chain::Id, OpenError> {
    root.chain_id().parse().map_err(|_| OpenError::Found {
        reason: format!("{} is no chain id", root.chain_id()),
    })
}

mod recovery;
#[cfg(test)]
mod tests;
