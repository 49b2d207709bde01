//! From a proposed or decided block to what a commit writes: execution and tree. Reads a snapshot, writes nothing.

use std::collections::BTreeMap;

use chop_integrity::Timestamp;
use chop_ledger::{Block, tree};
use chop_proof::build::hash_bytes;
use chop_protocol::{GenesisValidator, LedgerGenesis, Outcome, SignedEnvelope, ValidatorUpdate};
use prost::bytes::Bytes;
use tendermint::block::signed_header::SignedHeader;
use tendermint_proto::google::protobuf::Timestamp as Time;
use tendermint_proto::v0_38::abci as pb;

use super::verified::Parsed;
use crate::engine::batch::{
    Layered, canonical, encoded, founding_operations, founding_tree, operations, recorded, settled,
};
use crate::engine::{EngineError, Head, View, rules};
use crate::store::{BlockRecord, BlockWrite, Snapshot};

/// What a block is made of, proposed or decided.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    height: i64,
    time: Option<&'a Time>,
    hash: &'a Bytes,
    pub(super) txs: &'a [Bytes],
}

impl<'a> From<&'a pb::RequestProcessProposal> for Content<'a> {
    fn from(ask: &'a pb::RequestProcessProposal) -> Self {
        Self {
            height: ask.height,
            time: ask.time.as_ref(),
            hash: &ask.hash,
            txs: &ask.txs,
        }
    }
}

impl<'a> From<&'a pb::RequestFinalizeBlock> for Content<'a> {
    fn from(ask: &'a pb::RequestFinalizeBlock) -> Self {
        Self {
            height: ask.height,
            time: ask.time.as_ref(),
            hash: &ask.hash,
            txs: &ask.txs,
        }
    }
}

impl Content<'_> {
    /// Hash of the header.
    pub(super) fn hash(self) -> Result<[u8; 32], EngineError> {
        let hash = self.hash.as_ref().try_into();
        hash.map_err(|_| unusable(format!("the hash of block {} is not 32 bytes", self.height)))
    }

    /// The block as it is executed after `before`, if it is the next one.
    pub(super) fn decided(
        self,
        before: &View,
        parsed: Vec<Option<Parsed>>,
    ) -> Result<Decided, EngineError> {
        let height = next_height(self.height, before)?;
        let time = self
            .time
            .ok_or_else(|| unusable(format!("block {height} has no time")))?;
        let time_ms = time
            .seconds
            .saturating_mul(1_000)
            .saturating_add(i64::from(time.nanos).div_euclid(1_000_000));
        Ok(Decided {
            height,
            time_ms,
            hash: self.hash()?,
            txs: self.txs.iter().map(|tx| tx.to_vec()).collect(),
            parsed,
        })
    }
}

/// The height that a block says, if it is the next one.
pub(super) fn next_height(said: i64, before: &View) -> Result<u64, EngineError> {
    let next = before.last_block() + 1;
    if u64::try_from(said).is_ok_and(|height| height == next) {
        return Ok(next);
    }
    Err(unusable(format!(
        "CometBFT decided block {said}, but block {next} comes next"
    )))
}

fn unusable(reason: String) -> EngineError {
    EngineError::Consensus { reason }
}

/// A block as it is executed.
pub(super) struct Decided {
    height: u64,
    /// Header time, milliseconds since the Unix epoch.
    time_ms: i64,
    /// Hash of the header.
    pub(super) hash: [u8; 32],
    txs: Vec<Vec<u8>>,
    /// The contents of the transactions; `None` for what is none.
    parsed: Vec<Option<Parsed>>,
}

/// A block that was executed and waits for its commit.
pub(super) struct Executed {
    pub(super) head: Head,
    pub(super) record: BlockRecord,
    pub(super) outcomes: Vec<Outcome>,
    /// The same, as they are stored.
    bodies: Vec<Vec<u8>>,
    /// What CometBFT is told about validators; it acts two heights later.
    pub(super) validator_updates: Vec<ValidatorUpdate>,
    update: tree::TreeUpdate,
    delta: BTreeMap<String, Option<Vec<u8>>>,
    operations: Vec<(String, u64, Vec<u8>)>,
}

/// Executes a block on the state after the one before, whose root is `parent`.
pub(super) fn execute(
    snapshot: &Snapshot,
    parent: [u8; 32],
    founding: &[GenesisValidator],
    decided: Decided,
) -> Result<Executed, EngineError> {
    let Decided {
        height,
        time_ms,
        hash,
        txs,
        parsed,
    } = decided;
    let sizes: Vec<usize> = parsed
        .iter()
        .map(|bundle| bundle.as_ref().map_or(0, |bundle| bundle.len()))
        .collect();
    let envelopes: Vec<&SignedEnvelope> = parsed
        .iter()
        .flatten()
        .flat_map(|bundle| bundle.iter())
        .collect();
    let block = Block {
        height,
        time: Timestamp::from_unix_ms(time_ms),
        envelopes: &envelopes,
        founding,
    };
    let executed =
        chop_ledger::execute(snapshot, &block).map_err(|error| rules::failed(height, &error))?;
    let base = Layered {
        base: Some(snapshot),
        above: &[],
    };
    let update = tree::update(&base, height, Some(parent), &executed.delta).map_err(|error| {
        EngineError::Tree {
            version: height,
            reason: error.to_string(),
        }
    })?;
    let bodies = encoded(&executed.outcomes)?;
    let record = BlockRecord {
        signed_header: Vec::new(),
        txs,
        results: recorded(&sizes, &executed.outcomes, &bodies),
        root: update.root,
    };
    Ok(Executed {
        head: Head {
            height,
            time_ms,
            app_hash: update.root,
            hash,
        },
        record,
        operations: operations(&envelopes, &executed.outcomes)?,
        outcomes: executed.outcomes,
        bodies,
        validator_updates: executed.validator_updates,
        update,
        delta: executed.delta,
    })
}

impl Executed {
    /// The values that it writes under keys that begin so.
    pub(super) fn written(&self, prefix: &str) -> impl Iterator<Item = &[u8]> {
        self.delta
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .filter_map(|(_, value)| value.as_deref())
    }

    /// The one transaction that commits this block.
    pub(super) fn write(&self) -> BlockWrite<'_> {
        BlockWrite {
            first_height: self.head.height,
            blocks: std::slice::from_ref(&self.record),
            versions: vec![(&self.update.nodes, &self.update.stale)],
            operations: &self.operations,
            outcomes: settled(&self.outcomes, &self.bodies),
            values: self
                .delta
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_deref()))
                .collect(),
            ..BlockWrite::default()
        }
    }
}

/// Writes the founding state, version 0 of the tree, and no block: CometBFT makes the first one.
pub(super) fn found(
    genesis: &LedgerGenesis,
    delta: &BTreeMap<String, Option<Vec<u8>>>,
    commit: impl FnOnce(&BlockWrite<'_>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let bytes = canonical("genesis", genesis.terms())?;
    let founding = founding_tree(delta)?;
    commit(&BlockWrite {
        genesis: Some(&bytes),
        first_height: 1,
        versions: vec![(&founding.nodes, &founding.stale)],
        operations: &founding_operations(genesis)?,
        values: delta
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_deref()))
            .collect(),
        ..BlockWrite::default()
    })
}

/// What a stored block shows of itself.
pub(super) fn head_of(record: &BlockRecord, header: &SignedHeader) -> Result<Head, EngineError> {
    let height = header.header.height.value();
    let hash = hash_bytes(header.header.hash()).ok_or_else(|| EngineError::Header {
        height,
        reason: "it has no hash".to_owned(),
    })?;
    Ok(Head {
        height,
        time_ms: chop_proof::build::time_ms(&header.header),
        app_hash: record.root,
        hash,
    })
}
