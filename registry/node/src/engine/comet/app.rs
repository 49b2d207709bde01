//! The application of CometBFT: what it asks through ABCI 2.0, answered by the state machine and the store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use chop_integrity::Timestamp;
use chop_protocol::{LedgerGenesis, ValidatorUpdate, keys};
use prost::bytes::Bytes;
use tendermint::block::signed_header::SignedHeader;
use tendermint_proto::v0_38::abci as pb;
use tendermint_proto::v0_38::abci::request::Value as Ask;
use tendermint_proto::v0_38::abci::response::Value as Answer;
use tendermint_proto::v0_38::crypto::{PublicKey, public_key::Sum};
use tracing::{debug, error, warn};

use super::abci::Application;
use super::ahead::{Ahead, Aim};
use super::block::{Content, Executed, execute, next_height};
use super::guests::{Guest, Guests};
use super::offence::Offence;
use super::packing::pack;
use super::receiving::Incoming;
use super::rpc::RpcError;
use super::shared::Shared;
use super::snapshots::{SnapshotConfig, Snapshots};
use super::verified::Parsed;
use crate::engine::solo::Health;
use crate::engine::{EngineError, View, rules};
use crate::store::BlockRecord;

/// The version of the state machine that headers name.
const APP_VERSION: u64 = 1;
/// The code under which a transaction is refused.
const REFUSED: u32 = 1;

/// The application. CometBFT asks on four connections at once; only one of them moves the state.
pub(super) struct App {
    shared: Arc<Shared>,
    guests: Arc<Guests>,
    moving: Mutex<Moving>,
    ahead: Ahead,
    snapshots: Snapshots,
    incoming: Mutex<Incoming>,
}

/// What only consensus touches.
#[derive(Default)]
struct Moving {
    /// The block that `FinalizeBlock` computed and `Commit` will write.
    deciding: Option<Deciding>,
}

/// A block between `FinalizeBlock` and `Commit`.
struct Deciding {
    executed: Executed,
    /// The state before it, which its header proves.
    before: Arc<View>,
    /// Its header, on its way here: CometBFT is asked for it while it goes on with the block. None where the system gave no
    /// thread for it.
    header: Option<JoinHandle<Result<SignedHeader, RpcError>>>,
}

impl App {
    pub(super) fn new(shared: Arc<Shared>, guests: Arc<Guests>, snapshots: SnapshotConfig) -> Self {
        Self {
            shared,
            guests,
            moving: Mutex::default(),
            ahead: Ahead::default(),
            snapshots: Snapshots::new(snapshots),
            incoming: Mutex::default(),
        }
    }

    fn incoming(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moving(&self) -> MutexGuard<'_, Moving> {
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn info(&self) -> pb::ResponseInfo {
        let view = self.shared.view();
        // What came before a promotion is no block of CometBFT's, which asks for the initial state then.
        let founded = view.last_block() > self.shared.height_before();
        pb::ResponseInfo {
            data: "chopmark".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            app_version: APP_VERSION,
            last_block_height: if founded {
                signed(view.last_block())
            } else {
                0
            },
            last_block_app_hash: if founded {
                Bytes::copy_from_slice(&view.head().app_hash)
            } else {
                Bytes::new()
            },
        }
    }

    fn init_chain(&self, ask: &pb::RequestInitChain) -> Result<pb::ResponseInitChain, EngineError> {
        let found = LedgerGenesis::parse(&ask.app_state_bytes).map(|genesis| genesis.id());
        let expected = self.shared.genesis.id();
        if !found.as_ref().is_ok_and(|found| *found == expected) {
            return Err(EngineError::Consensus {
                reason: format!(
                    "CometBFT's genesis document is of ledger {found:?}, this is {expected}"
                ),
            });
        }
        let (asked, next) = (ask.initial_height, self.shared.view().last_block() + 1);
        if asked != signed(next) {
            return Err(EngineError::Consensus {
                reason: format!(
                    "CometBFT's genesis document begins with block {asked}, but block {next} comes next"
                ),
            });
        }
        Ok(pb::ResponseInitChain {
            consensus_params: None,
            validators: Vec::new(),
            app_hash: Bytes::copy_from_slice(&self.shared.view().head().app_hash),
        })
    }

    /// Refuses what the next block would not execute. After a block, what is left of a bundle may go on.
    fn check_tx(&self, ask: &pb::RequestCheckTx) -> pb::ResponseCheckTx {
        let refuse = |rule: &str, detail: String| pb::ResponseCheckTx {
            code: REFUSED,
            codespace: rule.to_owned(),
            log: detail,
            ..pb::ResponseCheckTx::default()
        };
        let bundle = match self.shared.verified.parse(&ask.tx) {
            Ok(bundle) => bundle,
            Err(error) => return refuse("transaction.malformed", error.to_string()),
        };
        let view = self.shared.view();
        let now_ms = view.head().time_ms.max((self.shared.clock)());
        let again = ask.r#type == pb::CheckTxType::Recheck as i32;
        let mut refusal = None;
        for envelope in bundle.iter() {
            let admitted =
                chop_ledger::admit(view.snapshot(), envelope, Timestamp::from_unix_ms(now_ms));
            match admitted {
                Ok(Ok(())) if again => return pb::ResponseCheckTx::default(),
                Ok(Ok(())) => {}
                Ok(Err(refused)) if again => refusal = Some(refused),
                Ok(Err(refused)) => return refuse(refused.rule(), refused.to_string()),
                Err(error) => {
                    error!(%error, "the state cannot be read to check a transaction");
                    return refuse("internal", "the node's store failed".to_owned());
                }
            }
        }
        refusal.map_or_else(pb::ResponseCheckTx::default, |refused| {
            refuse(refused.rule(), refused.to_string())
        })
    }

    fn prepare(&self, ask: &pb::RequestPrepareProposal) -> pb::ResponsePrepareProposal {
        let parsed = self.shared.verified.parse_all(&ask.txs);
        let sizes: Vec<usize> = ask.txs.iter().map(Bytes::len).collect();
        let max_bytes = usize::try_from(ask.max_tx_bytes).unwrap_or(0);
        let parameters = self.shared.parameters();
        let txs = pack(&sizes, &parsed, &parameters, max_bytes)
            .into_iter()
            .filter_map(|index| ask.txs.get(index).cloned())
            .collect();
        pb::ResponsePrepareProposal { txs }
    }

    /// Refuses a block with anything in it that is no transaction, or with more envelopes than a block holds. Every
    /// validator decides alike: on the bytes and the committed parameters alone, never on its clock.
    fn process(&self, ask: &pb::RequestProcessProposal) -> pb::ResponseProcessProposal {
        use pb::response_process_proposal::ProposalStatus;
        let most = self.shared.parameters().block_envelopes;
        let parsed = self.shared.verified.parse_all(&ask.txs);
        let mut envelopes = 0_u64;
        for bundle in &parsed {
            envelopes = bundle.as_ref().map_or(u64::MAX, |bundle| {
                envelopes.saturating_add(bundle.len() as u64)
            });
        }
        let status = if envelopes <= most {
            self.execute_ahead(ask.into(), parsed);
            ProposalStatus::Accept
        } else {
            error!(
                height = ask.height,
                "refused a proposed block: it holds what is no transaction, or too much"
            );
            ProposalStatus::Reject
        };
        pb::ResponseProcessProposal {
            status: status as i32,
        }
    }

    /// Begins with a block that will most likely be decided.
    fn execute_ahead(&self, content: Content<'_>, parsed: Vec<Option<Parsed>>) {
        let before = self.shared.view();
        // What cannot be executed is answered for when it is decided.
        let Ok(decided) = content.decided(&before, parsed) else {
            return;
        };
        let aim = Aim {
            block: decided.hash,
            parent: before.head().app_hash,
        };
        let shared = Arc::clone(&self.shared);
        self.ahead.begin(aim, move || {
            let founding = &shared.genesis.terms().validators;
            execute(before.snapshot(), aim.parent, founding, decided)
        });
    }

    /// What comes of a decided block: what came of it when it was proposed, or what comes of it now.
    fn executed(&self, content: Content<'_>, before: &View) -> Result<Executed, EngineError> {
        let aim = Aim {
            block: content.hash()?,
            parent: before.head().app_hash,
        };
        if let Some(executed) = self.ahead.take(aim) {
            return Ok(executed);
        }
        let parsed = self.shared.verified.parse_all(content.txs);
        let decided = content.decided(before, parsed)?;
        let founding = &self.shared.genesis.terms().validators;
        execute(before.snapshot(), aim.parent, founding, decided)
    }

    /// Executes the decided block, while its header is fetched: it commits to the state before, which is proven as soon as it
    /// is here.
    fn finalize(
        &self,
        ask: &pb::RequestFinalizeBlock,
    ) -> Result<pb::ResponseFinalizeBlock, EngineError> {
        let before = self.shared.view();
        let height = next_height(ask.height, &before)?;
        self.report(ask, height);
        let rpc = self.shared.rpc.clone();
        let header = std::thread::Builder::new()
            .name("header".to_owned())
            .spawn(move || rpc.signed_header(height))
            .ok();
        let executed = self.executed(ask.into(), &before)?;
        self.shared.verified.forget(&ask.txs);
        let tx_results = executed
            .record
            .results
            .iter()
            .map(|result| pb::ExecTxResult {
                code: result.code,
                data: Bytes::copy_from_slice(&result.data),
                ..pb::ExecTxResult::default()
            })
            .collect();
        let answer = pb::ResponseFinalizeBlock {
            tx_results,
            validator_updates: executed.validator_updates.iter().map(told).collect(),
            app_hash: Bytes::copy_from_slice(&executed.head.app_hash),
            ..pb::ResponseFinalizeBlock::default()
        };
        self.moving().deciding = Some(Deciding {
            executed,
            before,
            header,
        });
        Ok(answer)
    }

    /// Tells of the validators that a block convicts, however old it is: who hears it looks what became of their members,
    /// and asks to suspend them.
    fn report(&self, ask: &pb::RequestFinalizeBlock, height: u64) {
        for evidence in &ask.misbehavior {
            let Some(offence) = Offence::reported(evidence, height) else {
                continue;
            };
            warn!(
                validator = offence.address_text(),
                height = offence.height,
                "a validator is convicted of signing two blocks of one height"
            );
            // Nobody listens where no operator acts on it, as in tests.
            let _heard = self.shared.offences.send(offence);
        }
    }

    fn take_header(
        &self,
        view: &View,
        executed: &mut Executed,
        header: SignedHeader,
    ) -> Result<(), EngineError> {
        let height = executed.head.height;
        let found = header.header.hash();
        if found.as_bytes() != executed.head.hash {
            return Err(EngineError::Header {
                height,
                reason: format!("CometBFT gave {found}, the decided block is another"),
            });
        }
        self.shared.prove(view, header.clone())?;
        executed.record.signed_header = BlockRecord::encode_header(header);
        Ok(())
    }

    /// Writes the executed block, and shows it. CometBFT has synced the block itself before it was executed, and brings it again
    /// when a crash takes it back here; see [`super::syncing`].
    fn commit(&self) -> Result<pb::ResponseCommit, EngineError> {
        let deciding = self.moving().deciding.take();
        let deciding = deciding.ok_or_else(|| EngineError::Consensus {
            reason: "a commit without a block".to_owned(),
        })?;
        let Deciding {
            mut executed,
            before,
            header,
        } = deciding;
        let height = executed.head.height;
        match header.map(JoinHandle::join) {
            Some(Ok(Ok(header))) => self.take_header(&before, &mut executed, header)?,
            // While CometBFT replays blocks at its start it answers no questions: the header is fetched later.
            Some(Ok(Err(error))) => debug!(height, %error, "the header is fetched later"),
            Some(Err(_)) | None => debug!(height, "the header is fetched later"),
        }
        self.guests.learn(executed.written(keys::BINDINGS))?;
        let keep_from = self.shared.keep_from(height);
        let mut write = executed.write();
        write.keep_from = keep_from;
        self.shared.store.commit_unsynced(&write)?;
        let view = View::committed(self.shared.store.snapshot()?, height, executed.head);
        if !executed.record.signed_header.is_empty() {
            let header = executed.record.decode_header()?;
            // A block that changes nothing proves the state after itself as well.
            if chop_proof::build::state_root(&header.header) == Some(executed.head.app_hash) {
                self.shared.prove(&view, header)?;
            }
        }
        self.shared.commit(view, &executed.outcomes);
        rules::look_ahead(self.shared.view().snapshot());
        self.snapshots
            .committed(height, self.shared.last_of_solo(), || {
                self.shared.store.snapshot()
            });
        Ok(pb::ResponseCommit {
            // What is not durable here yet, CometBFT has to keep.
            retain_height: signed(keep_from.min(self.shared.synced_until())),
        })
    }

    fn offer(
        &self,
        ask: &pb::RequestOfferSnapshot,
    ) -> Result<pb::ResponseOfferSnapshot, EngineError> {
        self.incoming().offer(&self.shared, ask)
    }

    fn apply_chunk(
        &self,
        ask: &pb::RequestApplySnapshotChunk,
    ) -> Result<pb::ResponseApplySnapshotChunk, EngineError> {
        self.incoming().apply(&self.shared, &self.guests, ask)
    }

    /// Whether a peer may be connected: what CometBFT asks of every address and then of the node behind it.
    fn query(&self, path: &str) -> Result<pb::ResponseQuery, EngineError> {
        let refuse = |log: &str| pb::ResponseQuery {
            code: REFUSED,
            log: log.to_owned(),
            ..pb::ResponseQuery::default()
        };
        if path.starts_with("/p2p/filter/addr/") {
            return Ok(pb::ResponseQuery::default());
        }
        let Some(id) = path.strip_prefix("/p2p/filter/id/") else {
            return Ok(refuse("reads go over the node's HTTP API"));
        };
        let is_let_in = match self.guests.standing(&self.shared.view(), id)? {
            Guest::Welcome => true,
            Guest::Stranger => false,
            // The blocks that are still to come may have bound it again or reinstated its member.
            Guest::Unbound | Guest::Gone => self.shared.is_behind(),
        };
        if !is_let_in {
            debug!(id, "refused a peer");
            return Ok(refuse("the node is not that of a live member"));
        }
        Ok(pb::ResponseQuery::default())
    }

    fn dispatch(&self, ask: Ask) -> Result<Answer, EngineError> {
        Ok(match ask {
            Ask::Echo(pb::RequestEcho { message }) => Answer::Echo(pb::ResponseEcho { message }),
            Ask::Flush(_) => Answer::Flush(pb::ResponseFlush {}),
            Ask::Info(_) => Answer::Info(self.info()),
            Ask::InitChain(ask) => Answer::InitChain(self.init_chain(&ask)?),
            Ask::CheckTx(ask) => Answer::CheckTx(self.check_tx(&ask)),
            Ask::PrepareProposal(ask) => Answer::PrepareProposal(self.prepare(&ask)),
            Ask::ProcessProposal(ask) => Answer::ProcessProposal(self.process(&ask)),
            Ask::FinalizeBlock(ask) => Answer::FinalizeBlock(self.finalize(&ask)?),
            Ask::Commit(_) => Answer::Commit(self.commit()?),
            Ask::Query(ask) => Answer::Query(self.query(&ask.path)?),
            Ask::ListSnapshots(_) => Answer::ListSnapshots(self.snapshots.list()),
            Ask::OfferSnapshot(ask) => Answer::OfferSnapshot(self.offer(&ask)?),
            Ask::LoadSnapshotChunk(ask) => Answer::LoadSnapshotChunk(self.snapshots.chunk(ask)),
            Ask::ApplySnapshotChunk(ask) => Answer::ApplySnapshotChunk(self.apply_chunk(&ask)?),
            // Vote extensions are off.
            Ask::ExtendVote(_) => Answer::ExtendVote(pb::ResponseExtendVote::default()),
            Ask::VerifyVoteExtension(_) => {
                Answer::VerifyVoteExtension(pb::ResponseVerifyVoteExtension::default())
            }
        })
    }
}

impl Application for App {
    fn answer(&self, ask: Ask) -> Option<Answer> {
        if *self.shared.health.borrow() != Health::Ready {
            return None;
        }
        match self.dispatch(ask) {
            Ok(answer) => Some(answer),
            Err(error @ EngineError::Store(_)) => {
                self.shared.fail(&error);
                None
            }
            Err(error @ EngineError::Rules { .. }) => {
                error!(%error, "the ledger stops");
                self.shared.health.send_replace(Health::Stopped);
                None
            }
            Err(error) => {
                error!(%error, "the application cannot go on with CometBFT");
                None
            }
        }
    }
}

fn signed(height: u64) -> i64 {
    i64::try_from(height).unwrap_or(i64::MAX)
}

/// A validator's new power as CometBFT takes it; the state machine bounds powers far below an `i64`.
fn told(update: &ValidatorUpdate) -> pb::ValidatorUpdate {
    pb::ValidatorUpdate {
        pub_key: Some(PublicKey {
            sum: Some(Sum::Ed25519(update.public_key.raw().to_vec())),
        }),
        power: i64::try_from(update.power).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests;
