//! Chains of headers whose validators change, and nodes that serve them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use chop_client::Service;
use chop_keys::{KeyType, PrivateKey, Signer as _, VoteSignBytes};
use chop_proof::build::Draft;
use chop_proof::hashes::{block_id, last_commit_hash, results_hash, vote_sign_bytes};
use chop_proof::{EncodedLightBlock, Handover, LightBlock, StateProof, TrustRoot, validator_set};
use chop_protocol::http::ProvenValue;
use tendermint::block::signed_header::SignedHeader;
use tendermint::block::{Commit, CommitSig, Round};
use tendermint::{Hash, Signature};

use crate::http::service;
use crate::promoted::Promoted;

const GENESIS: &str = "mfrggzdfmztwq2lknnwg23tpobyxe43uov3ho6dzpiydcmrtgq2q";
/// The state root of a tree that holds nothing, and the path which shows that any key is absent there.
const EMPTY_ROOT: [u8; 32] = *b"SPARSE_MERKLE_PLACEHOLDER_HASH__";
const EMPTY_PATH: [u8; 5] = [0; 5];

/// Who signs at a height: the seeds of their keys.
pub(crate) type Schedule = fn(u64) -> Vec<u8>;

/// Headers 1 to the length, one a second until now.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) blocks: Vec<LightBlock>,
    /// How the solo ledger was promoted that the chain began as.
    promoted: Option<Promoted>,
}

impl Chain {
    pub(crate) fn new(length: u64, schedule: Schedule) -> Self {
        Self::begun(None).extended(length, schedule, &[])
    }

    /// A solo ledger that the block of height `at` promoted: another set signs from the second block after it on.
    pub(crate) fn promoted(length: u64, at: u64, schedule: Schedule) -> Self {
        Self::begun(Some(Promoted::at(at))).extended(length, schedule, &[])
    }

    fn begun(promoted: Option<Promoted>) -> Self {
        Self {
            blocks: Vec::new(),
            promoted,
        }
    }

    fn handover(&self) -> Option<Handover> {
        let promoted = self.promoted.as_ref()?;
        let at = usize::try_from(promoted.height).unwrap();
        let begun = Handover::begun(&self.blocks[at], promoted.proven());
        Some(begun.with_first(&self.blocks[at + 1].signed_header))
    }

    /// The same history up to a height, and another one from there, told apart by a transaction.
    pub(crate) fn forked(&self, after: u64, length: u64, schedule: Schedule) -> Self {
        let kept = usize::try_from(after).unwrap();
        let blocks = self.blocks[..kept].to_vec();
        let promoted = self.promoted.clone();
        Self { blocks, promoted }.extended(length, schedule, &[b"fork".to_vec()])
    }

    fn extended(mut self, length: u64, schedule: Schedule, txs: &[Vec<u8>]) -> Self {
        let now_ms = chop_http::clock::now_ms();
        let from = u64::try_from(self.blocks.len()).unwrap() + 1;
        for height in from..=length {
            let validators = set(&schedule(height));
            let next_validators = set(&schedule(height + 1));
            let root = root(&schedule(height));
            let draft = Draft {
                chain_id: &root.chain_id().parse().unwrap(),
                height,
                time_ms: now_ms - i64::try_from(length - height).unwrap() * 1_000,
                previous: self.blocks.last().map(|block| &block.signed_header),
                txs,
                app_hash: self.promoted.as_ref().map_or(EMPTY_ROOT, |it| it.root),
                last_results: &[],
                validators: &validators,
                next_validators: &validators,
            };
            let mut header = draft.header().unwrap();
            header.next_validators_hash = next_validators.hash();
            let promoted = self.promoted.as_ref();
            if promoted.is_some_and(|promoted| promoted.height + 2 == height) {
                header.last_block_id = None;
                header.last_commit_hash = Some(last_commit_hash(None));
                header.last_results_hash = Some(results_hash(&[]));
            }
            let mut commit = Commit {
                height: header.height,
                round: Round::from(0_u16),
                block_id: block_id(&header, txs, None).unwrap(),
                signatures: Vec::new(),
            };
            for info in validators.validators() {
                let entry = |signature| CommitSig::BlockIdFlagCommit {
                    validator_address: info.address,
                    timestamp: header.time,
                    signature,
                };
                let message = vote_sign_bytes(&header.chain_id, &commit, &entry(None)).unwrap();
                let keys = schedule(height).into_iter().map(key);
                let signer = keys
                    .into_iter()
                    .find(|key| key.public_key().raw() == info.pub_key.to_bytes())
                    .unwrap();
                let message = VoteSignBytes::new(message).unwrap();
                let signature = signer.sign_header(&message).unwrap();
                let signature = Signature::try_from(signature.as_bytes()).unwrap();
                commit.signatures.push(entry(Some(signature)));
            }
            self.blocks.push(LightBlock {
                signed_header: SignedHeader::new(header, commit).unwrap(),
                validators,
                next_validators,
            });
        }
        self
    }

    pub(crate) fn hash(&self, height: u64) -> Hash {
        let block = &self.blocks[usize::try_from(height).unwrap() - 1];
        block.signed_header.header.hash()
    }

    /// Serves headers and, under the last one, the absence of every key.
    pub(crate) async fn serve(&self) -> (Service, Arc<Node>) {
        let node = Arc::new(Node {
            blocks: Mutex::new(self.blocks.clone()),
            requests: AtomicUsize::new(0),
        });
        let (of_headers, of_state) = (Arc::clone(&node), Arc::clone(&node));
        let handover = self.handover();
        let header = move |Path(asked): Path<String>| async move {
            let block = of_headers.header(&asked);
            block.map(Json).ok_or(StatusCode::NOT_FOUND)
        };
        let state = move |Path(key): Path<String>| async move {
            let last = of_state.blocks.lock().unwrap().last().unwrap().clone();
            let path = EMPTY_PATH.to_vec();
            Json(ProvenValue {
                key,
                value: None,
                proof: Some(StateProof::new(last.signed_header, &last.validators, path)),
            })
        };
        let router = Router::new()
            .route("/v1/headers/{height}", get(header))
            .route(
                "/v1/handover",
                get(|| async { handover.map(Json).ok_or(StatusCode::NOT_FOUND) }),
            )
            .route("/v1/state/{*key}", get(state));
        (service(router).await, node)
    }
}

/// A node that serves a chain.
pub(crate) struct Node {
    blocks: Mutex<Vec<LightBlock>>,
    requests: AtomicUsize,
}

impl Node {
    /// How many headers were asked for.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Serves another history from now on.
    pub(crate) fn switch(&self, chain: &Chain) {
        self.blocks.lock().unwrap().clone_from(&chain.blocks);
    }

    fn header(&self, asked: &str) -> Option<EncodedLightBlock> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let blocks = self.blocks.lock().unwrap();
        let index = match asked {
            "first" => 0,
            "latest" => blocks.len() - 1,
            height => height.parse::<usize>().unwrap() - 1,
        };
        blocks.get(index).map(EncodedLightBlock::from)
    }
}

/// The trust root that pins these validators.
pub(crate) fn root(seeds: &[u8]) -> TrustRoot {
    TrustRoot::new(GENESIS, &listed(seeds)).unwrap()
}

fn set(seeds: &[u8]) -> tendermint::validator::Set {
    validator_set(&listed(seeds)).unwrap()
}

fn listed(seeds: &[u8]) -> Vec<(chop_keys::PublicKey, u64)> {
    let keys = seeds.iter().map(|seed| key(*seed));
    keys.map(|key| (key.public_key().clone(), 1)).collect()
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap()
}
