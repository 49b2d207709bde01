//! Recomputing a ledger from its genesis and its blocks, and comparing everything that can be compared.

use std::collections::BTreeMap;

use chop_integrity::Timestamp;
use chop_keys::KnownKeys;
use chop_ledger::{Block, StateReader, tree};
use chop_proof::build::{Draft, time_ms};
use chop_proof::{
    Freshness, LightBlock, ProofError, StateProof, TrustRoot, TrustRootError, TrustedHeader,
    verify_header,
};
use chop_protocol::transaction::unbundle;
use chop_protocol::{GenesisValidator, LedgerGenesis};
use data_encoding::HEXLOWER;
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use tendermint::block::Header;
use thiserror::Error;

use super::batch::{encoded, recorded};
use super::{EngineError, handover};
use crate::store::{BlockRecord, Snapshot, StoreError};

/// What a replay went through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Height of the last block.
    pub height: u64,
    /// Envelopes executed.
    pub envelopes: u64,
    /// Root of the state after the last block.
    pub root: [u8; 32],
}

/// Names the first difference between the stored ledger and the recomputed one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The ledger could not be read or executed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The genesis cannot found a ledger.
    #[error("the ledger cannot be founded: {reason}")]
    Found {
        /// What is wrong with it.
        reason: String,
    },
    /// A block is missing.
    #[error("block {height} is missing")]
    Missing {
        /// Its height.
        height: u64,
    },
    /// A stored transaction is none.
    #[error("transaction {index} of block {height} is none: {reason}")]
    Transaction {
        /// Height of the block.
        height: u64,
        /// Place in the block, from 0.
        index: usize,
        /// What the parser said.
        reason: String,
    },
    /// Something recomputed differs from what is stored.
    #[error("block {height}: the stored {what} is {stored}, recomputed it is {computed}")]
    Differs {
        /// Height of the block.
        height: u64,
        /// What differs.
        what: &'static str,
        /// The stored form.
        stored: String,
        /// The recomputed form.
        computed: String,
    },
    /// A header is not signed as it must be.
    #[error("the header of block {height} does not verify: {reason}")]
    Header {
        /// Height of the block.
        height: u64,
        /// What the light client said.
        reason: ProofError,
    },
    /// The values in the store are not those of the recomputed state.
    #[error("the stored value under {key:?} is not the recomputed one")]
    Value {
        /// The first key that differs.
        key: String,
    },
}

impl From<StoreError> for ReplayError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<TrustRootError> for ReplayError {
    fn from(error: TrustRootError) -> Self {
        Self::Found {
            reason: error.to_string(),
        }
    }
}

/// Who made the headers of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// This process: every field can be recomputed.
    BySolo,
    /// Validators on CometBFT, which decide the time, the proposer, the commit before and the evidence. Commits are
    /// checked while the validators are those of the genesis.
    ByValidators,
}

/// Executes every block again, from genesis, in memory, and compares headers, results, roots and values.
///
/// Takes memory for the whole state.
///
/// # Errors
/// Names the first difference.
pub fn verify_replay(
    snapshot: &Snapshot,
    genesis: &LedgerGenesis,
    sealed: Sealed,
) -> Result<Replayed, ReplayError> {
    let validators: Vec<_> = genesis
        .terms()
        .validators
        .iter()
        .map(|listed| (listed.public_key.clone(), listed.power))
        .collect();
    let root = TrustRoot::new(&genesis.id().to_string(), &validators)?;
    let last = snapshot.last_block()?.map_or(0, |(height, _)| height);
    let handover = handover::read(snapshot)?;
    // What came before a promotion was made by one process.
    let sealed = if handover.is_some() {
        Sealed::BySolo
    } else {
        sealed
    };
    let mut replay = Replay::found(root, genesis, sealed)?;
    replay.last_of_solo = handover
        .map(|handover| handover.last.decode())
        .transpose()
        .map_err(|reason| ReplayError::Header { height: 0, reason })?;
    for height in 1..=last {
        let record = snapshot
            .block(height)?
            .ok_or(ReplayError::Missing { height })?;
        replay.block(height, record)?;
        replay.hand_over(height)?;
    }
    replay.compare_values(snapshot)?;
    Ok(Replayed {
        height: last,
        envelopes: replay.envelopes,
        root: replay.app_hash,
    })
}

struct Replay {
    root: TrustRoot,
    founding: Vec<GenesisValidator>,
    sealed: Sealed,
    /// The header that ends a solo ledger.
    last_of_solo: Option<LightBlock>,
    state: Memory,
    app_hash: [u8; 32],
    previous: Option<BlockRecord>,
    envelopes: u64,
    known: KnownKeys,
}

impl Replay {
    fn found(
        root: TrustRoot,
        genesis: &LedgerGenesis,
        sealed: Sealed,
    ) -> Result<Self, ReplayError> {
        let delta = chop_ledger::genesis_state(genesis).map_err(|error| ReplayError::Found {
            reason: error.to_string(),
        })?;
        let mut state = Memory::default();
        let app_hash = state.apply(0, None, delta)?;
        Ok(Self {
            root,
            founding: genesis.terms().validators.clone(),
            sealed,
            last_of_solo: None,
            state,
            app_hash,
            previous: None,
            envelopes: 0,
            known: KnownKeys::default(),
        })
    }

    fn block(&mut self, height: u64, record: BlockRecord) -> Result<(), ReplayError> {
        let signed = record.decode_header()?;
        let mut envelopes = Vec::with_capacity(record.txs.len());
        let mut sizes = Vec::with_capacity(record.txs.len());
        for (index, tx) in record.txs.iter().enumerate() {
            let bundle = unbundle(tx, &self.known).map_err(|error| ReplayError::Transaction {
                height,
                index,
                reason: error.to_string(),
            })?;
            sizes.push(bundle.len());
            envelopes.extend(bundle);
        }
        self.compare_header(height, &record)?;
        let mut delta = BTreeMap::new();
        if !envelopes.is_empty() {
            let time = Timestamp::from_unix_ms(time_ms(&signed.header));
            let executed = chop_ledger::execute(
                &self.state,
                &Block {
                    height,
                    time,
                    envelopes: &envelopes,
                    founding: &self.founding,
                },
            )
            .map_err(|error| EngineError::Execute {
                height,
                reason: error.to_string(),
            })?;
            let bodies = encoded(&executed.outcomes)?;
            let results = recorded(&sizes, &executed.outcomes, &bodies);
            if results != record.results {
                let show = |results| format!("{results:?}");
                return Err(differs(
                    height,
                    "results",
                    show(&record.results),
                    show(&results),
                ));
            }
            delta = executed.delta;
            self.envelopes = self.envelopes.saturating_add(envelopes.len() as u64);
        }
        let computed = self.state.apply(height, Some(self.app_hash), delta)?;
        if computed != record.root {
            return Err(differs(
                height,
                "root",
                HEXLOWER.encode(&record.root),
                HEXLOWER.encode(&computed),
            ));
        }
        self.app_hash = computed;
        self.previous = Some(record);
        Ok(())
    }

    /// After the last block of a solo ledger others sign, and their first block has no parent.
    fn hand_over(&mut self, height: u64) -> Result<(), ReplayError> {
        let Some(last) = self.last_of_solo.take_if(|last| last.height() == height) else {
            return Ok(());
        };
        let trusted = TrustedHeader::first(&self.root, &last)
            .map_err(|reason| ReplayError::Header { height, reason })?;
        self.root = trusted.trust_root()?;
        self.sealed = Sealed::ByValidators;
        self.previous = None;
        Ok(())
    }

    /// Makes the header anew from what was recomputed, and checks the signature on the stored one.
    fn compare_header(&self, height: u64, record: &BlockRecord) -> Result<(), ReplayError> {
        let signed = record.decode_header()?;
        let previous = self
            .previous
            .as_ref()
            .map(BlockRecord::decode_header)
            .transpose()?;
        let last_results = self
            .previous
            .as_ref()
            .map(BlockRecord::tx_results)
            .unwrap_or_default();
        let chain_id = signed.header.chain_id.clone();
        let mut computed = Draft {
            chain_id: &chain_id,
            height,
            time_ms: time_ms(&signed.header),
            previous: previous.as_ref(),
            txs: &record.txs,
            app_hash: self.app_hash,
            last_results: &last_results,
            validators: self.root.validators(),
            next_validators: self
                .last_of_solo
                .as_ref()
                .filter(|last| last.height() == height)
                .map_or(self.root.validators(), |last| &last.next_validators),
        }
        .header()
        .map_err(EngineError::from)?;
        if self.sealed == Sealed::ByValidators {
            adopt(&mut computed, &signed.header);
        }
        if computed != signed.header {
            return Err(differs(
                height,
                "header",
                format!("{:?}", signed.header),
                format!("{computed:?}"),
            ));
        }
        if previous.is_some_and(|previous| previous.header.time >= signed.header.time) {
            return Err(differs(
                height,
                "time",
                signed.header.time.to_string(),
                "later than the block before".to_owned(),
            ));
        }
        if signed.header.validators_hash != self.root.validators().hash() {
            return Ok(());
        }
        let proof = StateProof::new(signed, self.root.validators(), Vec::new());
        verify_header(&self.root, &proof, &Freshness::at_any_age(i64::MAX))
            .map_err(|reason| ReplayError::Header { height, reason })?;
        Ok(())
    }

    fn compare_values(&self, snapshot: &Snapshot) -> Result<(), ReplayError> {
        let stored: BTreeMap<_, _> = snapshot
            .scan("", "\u{10ffff}", usize::MAX)?
            .into_iter()
            .collect();
        let keys = stored.keys().chain(self.state.values.keys());
        match keys
            .into_iter()
            .find(|key| stored.get(*key) != self.state.values.get(*key))
        {
            Some(key) => Err(ReplayError::Value { key: key.clone() }),
            None => Ok(()),
        }
    }
}

/// Takes over what the validators decide, and no application can recompute.
fn adopt(computed: &mut Header, decided: &Header) {
    computed.time = decided.time;
    computed.last_commit_hash = decided.last_commit_hash;
    computed.evidence_hash = decided.evidence_hash;
    computed.proposer_address = decided.proposer_address;
    computed.validators_hash = decided.validators_hash;
    computed.next_validators_hash = decided.next_validators_hash;
}

fn differs(height: u64, what: &'static str, stored: String, computed: String) -> ReplayError {
    ReplayError::Differs {
        height,
        what,
        stored,
        computed,
    }
}

/// The state of a replay.
#[derive(Default)]
struct Memory {
    values: BTreeMap<String, Vec<u8>>,
    nodes: BTreeMap<NodeKey, Node>,
}

impl Memory {
    fn apply(
        &mut self,
        version: Version,
        parent: Option<[u8; 32]>,
        delta: BTreeMap<String, Option<Vec<u8>>>,
    ) -> Result<[u8; 32], EngineError> {
        let update =
            tree::update(self, version, parent, &delta).map_err(|error| EngineError::Tree {
                version,
                reason: error.to_string(),
            })?;
        self.nodes.extend(
            update
                .nodes
                .nodes()
                .iter()
                .map(|(key, node)| (key.clone(), node.clone())),
        );
        for key in &update.stale {
            self.nodes.remove(key);
        }
        for (key, value) in delta {
            match value {
                Some(value) => self.values.insert(key, value),
                None => self.values.remove(&key),
            };
        }
        Ok(update.root)
    }
}

impl StateReader for Memory {
    type Error = std::convert::Infallible;

    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.values.get(key).cloned())
    }

    fn scan(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, Self::Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        let range = self
            .values
            .range(from.to_owned()..to.to_owned())
            .take(limit);
        Ok(range
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

impl TreeReader for Memory {
    fn get_node_option(&self, node_key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.nodes.get(node_key).cloned())
    }

    fn get_value_option(&self, _: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        anyhow::bail!("the value under {key:?} was asked for by hash")
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("the tree is never restored from leaves")
    }
}
