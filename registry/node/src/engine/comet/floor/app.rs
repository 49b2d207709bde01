//! The floor's application: a key-value store in memory behind one signature check.
//!
//! ```text
//! transaction   public key (32) ‖ signature (64) ‖ signed
//! signed        "e30." ‖ key (32 hexadecimal digits) ‖ value       one JWS signing input, ASCII
//! app hash      zeros at first; after a block that changed something SHA-256(app hash before ‖ hashes of what was applied)
//! ```

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chop_keys::{
    InputError, JwsSigningInput, KeyType, PrivateKey, PublicKey, SignError, Signer as _,
};
use data_encoding::HEXLOWER;
use prost::bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tendermint_proto::v0_38::abci as pb;
use tendermint_proto::v0_38::abci::request::Value as Ask;
use tendermint_proto::v0_38::abci::response::Value as Answer;
use thiserror::Error;

use super::super::abci::Application;
use super::Told;

/// What a key lies behind: public key, signature, and the signed text's own first four bytes.
const KEY_AT: usize = 32 + 64 + PREFIX.len();
const PREFIX: &str = "e30.";
const KEY_LENGTH: usize = 32;
/// What a transaction of a block takes beside its bytes: a tag and its length.
const FRAME_BYTES: usize = 8;
/// The code under which a transaction is refused.
const REFUSED: u32 = 1;

/// Says why there is no such transaction.
#[derive(Debug, Error)]
pub enum TransactionError {
    /// It would not be long enough.
    #[error("a transaction has {least} bytes at least, not {asked}", least = KEY_AT + KEY_LENGTH)]
    Length {
        /// The length that was asked for.
        asked: usize,
    },
    /// The text cannot be signed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The key does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Makes a transaction of `length` bytes that sets a key to a value of one letter over and over; `key` is an Ed25519 key.
///
/// # Errors
/// When it is too short, or the key does not sign.
pub fn transaction(
    key: &PrivateKey,
    name: [u8; KEY_LENGTH / 2],
    length: usize,
) -> Result<Vec<u8>, TransactionError> {
    let value = length
        .checked_sub(KEY_AT + KEY_LENGTH)
        .ok_or(TransactionError::Length { asked: length })?;
    let name = HEXLOWER.encode(&name);
    let input = JwsSigningInput::new(format!("{PREFIX}{name}{}", "v".repeat(value)))?;
    let signature = key.sign_jws(&input)?;
    let public = key.public_key().raw();
    Ok([public, signature.as_bytes(), input.as_bytes()].concat())
}

/// The application of one validator.
pub(super) struct App {
    told: Told,
    /// Hashes of transactions whose signature was verified and that are in no block yet.
    verified: Mutex<HashSet<[u8; 32]>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    height: i64,
    app_hash: [u8; 32],
    values: HashMap<Vec<u8>, Vec<u8>>,
    /// What the decided block holds, until it is committed.
    decided: Vec<[u8; 32]>,
}

impl App {
    pub(super) fn new(told: Told) -> Self {
        Self {
            told,
            verified: Mutex::default(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verified(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transaction's hash when its signature is right; it is verified unless that was done before.
    fn check(&self, tx: &[u8]) -> Option<[u8; 32]> {
        let hash: [u8; 32] = Sha256::digest(tx).into();
        if self.verified().contains(&hash) {
            return Some(hash);
        }
        if !is_signed(tx) {
            return None;
        }
        self.verified().insert(hash);
        Some(hash)
    }

    fn info(&self) -> pb::ResponseInfo {
        let state = self.state();
        pb::ResponseInfo {
            data: "floor".to_owned(),
            app_version: 1,
            last_block_height: state.height,
            last_block_app_hash: if state.height > 0 {
                Bytes::copy_from_slice(&state.app_hash)
            } else {
                Bytes::new()
            },
            ..pb::ResponseInfo::default()
        }
    }

    /// Takes transactions in the mempool's order, as many as fit.
    fn prepare(ask: pb::RequestPrepareProposal) -> pb::ResponsePrepareProposal {
        let mut room = usize::try_from(ask.max_tx_bytes).unwrap_or(0);
        let fits = |tx: &Bytes| {
            let left = room.checked_sub(tx.len().saturating_add(FRAME_BYTES));
            room = left.unwrap_or(room);
            left.is_some()
        };
        pb::ResponsePrepareProposal {
            txs: ask.txs.into_iter().take_while(fits).collect(),
        }
    }

    fn process(&self, ask: &pb::RequestProcessProposal) -> pb::ResponseProcessProposal {
        use pb::response_process_proposal::ProposalStatus;
        let status = if ask.txs.iter().all(|tx| self.check(tx).is_some()) {
            ProposalStatus::Accept
        } else {
            ProposalStatus::Reject
        };
        pb::ResponseProcessProposal {
            status: status as i32,
        }
    }

    fn finalize(&self, ask: &pb::RequestFinalizeBlock) -> pb::ResponseFinalizeBlock {
        let checked: Vec<_> = ask.txs.iter().map(|tx| self.check(tx)).collect();
        let mut state = self.state();
        let mut results = Vec::with_capacity(checked.len());
        let mut applied = Vec::with_capacity(checked.len());
        for (tx, hash) in ask.txs.iter().zip(&checked) {
            let code = match (
                hash,
                tx.get(KEY_AT..)
                    .and_then(|body| body.split_at_checked(KEY_LENGTH)),
            ) {
                (Some(hash), Some((key, value))) => {
                    state.values.insert(key.to_vec(), value.to_vec());
                    applied.push(*hash);
                    0
                }
                _ => REFUSED,
            };
            results.push(pb::ExecTxResult {
                code,
                ..pb::ExecTxResult::default()
            });
        }
        if !applied.is_empty() {
            let mut hasher = Sha256::new();
            hasher.update(state.app_hash);
            for hash in &applied {
                hasher.update(hash);
            }
            state.app_hash = hasher.finalize().into();
        }
        state.height = ask.height;
        state.decided = applied;
        pb::ResponseFinalizeBlock {
            tx_results: results,
            app_hash: Bytes::copy_from_slice(&state.app_hash),
            ..pb::ResponseFinalizeBlock::default()
        }
    }

    fn commit(&self) -> pb::ResponseCommit {
        let decided = std::mem::take(&mut self.state().decided);
        {
            let mut verified = self.verified();
            for hash in &decided {
                verified.remove(hash);
            }
        }
        (self.told)(&decided);
        pb::ResponseCommit { retain_height: 0 }
    }
}

impl Application for App {
    fn answer(&self, ask: Ask) -> Option<Answer> {
        Some(match ask {
            Ask::Echo(pb::RequestEcho { message }) => Answer::Echo(pb::ResponseEcho { message }),
            Ask::Flush(_) => Answer::Flush(pb::ResponseFlush {}),
            Ask::Info(_) => Answer::Info(self.info()),
            Ask::InitChain(_) => Answer::InitChain(pb::ResponseInitChain {
                app_hash: Bytes::copy_from_slice(&self.state().app_hash),
                ..pb::ResponseInitChain::default()
            }),
            Ask::CheckTx(ask) => Answer::CheckTx(pb::ResponseCheckTx {
                code: self.check(&ask.tx).map_or(REFUSED, |_| 0),
                ..pb::ResponseCheckTx::default()
            }),
            Ask::PrepareProposal(ask) => Answer::PrepareProposal(Self::prepare(ask)),
            Ask::ProcessProposal(ask) => Answer::ProcessProposal(self.process(&ask)),
            Ask::FinalizeBlock(ask) => Answer::FinalizeBlock(self.finalize(&ask)),
            Ask::Commit(_) => Answer::Commit(self.commit()),
            // Nothing is queried; no snapshots are offered and none is asked for; vote extensions are off.
            Ask::Query(_) => Answer::Query(pb::ResponseQuery::default()),
            Ask::ListSnapshots(_) => Answer::ListSnapshots(pb::ResponseListSnapshots::default()),
            Ask::OfferSnapshot(_) => Answer::OfferSnapshot(pb::ResponseOfferSnapshot::default()),
            Ask::LoadSnapshotChunk(_) => {
                Answer::LoadSnapshotChunk(pb::ResponseLoadSnapshotChunk::default())
            }
            Ask::ApplySnapshotChunk(_) => {
                Answer::ApplySnapshotChunk(pb::ResponseApplySnapshotChunk::default())
            }
            Ask::ExtendVote(_) => Answer::ExtendVote(pb::ResponseExtendVote::default()),
            Ask::VerifyVoteExtension(_) => {
                Answer::VerifyVoteExtension(pb::ResponseVerifyVoteExtension::default())
            }
        })
    }
}

fn is_signed(tx: &[u8]) -> bool {
    let Some((public, rest)) = tx.split_at_checked(32) else {
        return false;
    };
    let Some((signature, signed)) = rest.split_at_checked(64) else {
        return false;
    };
    tx.len() >= KEY_AT + KEY_LENGTH
        && PublicKey::from_raw(KeyType::Ed25519, public)
            .is_ok_and(|key| key.verify(signed, signature).is_ok())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pb::response_process_proposal::ProposalStatus;

    use super::super::super::super::fixtures::key;
    use super::*;

    fn app() -> (App, Arc<Mutex<Vec<[u8; 32]>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        let told: Told = Arc::new(move |hashes| hearing.lock().unwrap().extend_from_slice(hashes));
        (App::new(told), heard)
    }

    fn tx(n: u8) -> Bytes {
        transaction(&key(1), [n; 16], 1_024).unwrap().into()
    }

    fn decide(app: &App, height: i64, txs: &[Bytes]) -> pb::ResponseFinalizeBlock {
        let answer = app.finalize(&pb::RequestFinalizeBlock {
            txs: txs.to_vec(),
            height,
            ..pb::RequestFinalizeBlock::default()
        });
        app.commit();
        answer
    }

    #[test]
    fn a_transaction_has_the_length_that_was_asked_for_and_carries_its_signature() {
        assert_eq!(tx(1).len(), 1_024);
        assert!(is_signed(&tx(1)));
        assert!(matches!(
            transaction(&key(1), [0; 16], 131),
            Err(TransactionError::Length { asked: 131 })
        ));
        assert!(is_signed(&transaction(&key(1), [0; 16], 132).unwrap()));
    }

    #[test]
    fn refuses_a_transaction_that_was_changed_or_cut() {
        let (app, _) = app();
        for at in [0, 40, 100, 1_000] {
            let mut changed = tx(1).to_vec();
            changed[at] ^= 1;
            assert!(app.check(&changed).is_none(), "{at}");
        }
        for length in [0, 31, 95, 100, 131] {
            assert!(app.check(&tx(1)[..length]).is_none(), "{length}");
        }
        let proposal = pb::RequestProcessProposal {
            txs: vec![tx(1), tx(2).slice(..200)],
            ..pb::RequestProcessProposal::default()
        };
        assert_eq!(app.process(&proposal).status, ProposalStatus::Reject as i32);
    }

    #[test]
    fn the_app_hash_moves_with_what_was_applied_and_with_nothing_else() {
        let (one, heard) = app();
        let (other, _) = app();
        let bad = tx(3).slice(..500);
        let first = decide(&one, 1, &[tx(1), bad, tx(2)]);
        assert_eq!(
            first
                .tx_results
                .iter()
                .map(|result| result.code)
                .collect::<Vec<_>>(),
            [0, 1, 0]
        );
        let expected = Sha256::new()
            .chain_update([0; 32])
            .chain_update(Sha256::digest(tx(1)))
            .chain_update(Sha256::digest(tx(2)))
            .finalize();
        assert_eq!(first.app_hash.as_ref(), expected.as_slice());
        assert_eq!(heard.lock().unwrap().len(), 2);

        assert_eq!(decide(&other, 1, &[tx(1), tx(2)]).app_hash, first.app_hash);
        assert_eq!(decide(&one, 2, &[]).app_hash, first.app_hash);
        assert_ne!(decide(&one, 3, &[tx(4)]).app_hash, first.app_hash);
        assert_eq!(one.info().last_block_height, 3);
    }

    #[test]
    fn verifies_once_and_forgets_what_is_in_a_block() {
        let (app, _) = app();
        app.check(&tx(1)).unwrap();
        assert_eq!(app.verified().len(), 1);
        decide(&app, 1, &[tx(1), tx(2)]);
        assert!(app.verified().is_empty());
    }

    #[test]
    fn a_block_holds_what_fits() {
        let ask = pb::RequestPrepareProposal {
            txs: vec![tx(1), tx(2), tx(3)],
            max_tx_bytes: 2 * 1_032,
            ..pb::RequestPrepareProposal::default()
        };
        assert_eq!(App::prepare(ask).txs, [tx(1), tx(2)]);
    }
}
