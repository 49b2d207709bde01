//! From envelopes to blocks: execution, tree, headers. Reads a snapshot, writes nothing.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use chop_integrity::{Timestamp, canonicalize};
use chop_keys::Signer;
use chop_ledger::{Block, Decoded, StateReader, tree};
use chop_proof::build::Draft;
use chop_proof::{Handover, LightBlock};
use chop_protocol::{Action, GenesisValidator, LedgerGenesis, Outcome, SignedEnvelope};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use tendermint::block::signed_header::SignedHeader;
use tendermint::{chain, validator};

use super::{EngineError, handover, rules};
use crate::store::{BlockRecord, BlockWrite, RecordedResult, Snapshot, StoreError};

/// The code of what is no transaction.
const NO_TRANSACTION: u32 = 2;

/// What stays the same from block to block.
#[derive(Clone, Copy)]
pub(super) struct Chain<'a> {
    pub(super) id: &'a chain::Id,
    pub(super) validators: &'a validator::Set,
    /// Who signs after the next block: the same, unless it is the last one of the ledger.
    pub(super) next_validators: &'a validator::Set,
    pub(super) signer: &'a dyn Signer,
    pub(super) founding: &'a [GenesisValidator],
}

/// The block that the next one follows.
#[derive(Clone, Default)]
pub(super) struct Parent {
    pub(super) height: u64,
    pub(super) header: Option<SignedHeader>,
    pub(super) record: Option<BlockRecord>,
    pub(super) root: [u8; 32],
}

/// Blocks that are ready to be committed.
pub(super) struct Batch {
    pub(super) first_height: u64,
    pub(super) blocks: Vec<BlockRecord>,
    pub(super) versions: Vec<tree::TreeUpdate>,
    pub(super) delta: BTreeMap<String, Option<Vec<u8>>>,
    /// One per envelope, in order.
    pub(super) outcomes: Vec<Outcome>,
    /// The same, as they are stored.
    bodies: Vec<Vec<u8>>,
    pub(super) operations: Vec<(String, u64, Vec<u8>)>,
    pub(super) round: u16,
    /// How the ledger ends here, when this batch promotes it; the first header of its validators is still to come.
    pub(super) handover: Option<Handover>,
}

/// Makes the next block of these envelopes and, when it changes the state, the empty one after it.
///
/// The header after a block is the first to commit to the state that the block leaves; made in the same commit, it lets
/// proofs of the new state exist as soon as the envelopes are answered.
pub(super) fn make(
    chain: &Chain<'_>,
    snapshot: &Snapshot,
    parent: &Parent,
    envelopes: &[SignedEnvelope],
    (now_ms, round): (i64, u16),
) -> Result<Batch, EngineError> {
    let mut batch = Batch::empty(parent.height + 1, round);
    let txs: Vec<Vec<u8>> = envelopes
        .iter()
        .map(|envelope| envelope.bytes().to_vec())
        .collect();
    let time_ms = parent.time_ms().saturating_add(1).max(now_ms);
    if !envelopes.is_empty() {
        let height = parent.height + 1;
        let block = Block {
            height,
            time: Timestamp::from_unix_ms(time_ms),
            envelopes,
            founding: chain.founding,
        };
        let executed = chop_ledger::execute(snapshot, &block)
            .map_err(|error| rules::failed(height, &error))?;
        batch.delta = executed.delta;
        batch.bodies = encoded(&executed.outcomes)?;
        batch.outcomes = executed.outcomes;
        batch.operations = operations(envelopes, &batch.outcomes)?;
    }
    let next = batch.extend_over(chain, Some(snapshot), parent, (txs, time_ms))?;
    if next.root != parent.root {
        let successors = handover::successors(&batch.delta)?;
        let chain = Chain {
            next_validators: successors.as_ref().unwrap_or(chain.next_validators),
            ..*chain
        };
        let content = (Vec::new(), time_ms.saturating_add(1));
        let last = batch.extend_over(&chain, Some(snapshot), &next, content)?;
        if let (Some(next_validators), Some(signed_header)) = (successors.clone(), last.header) {
            let last = LightBlock {
                signed_header,
                validators: chain.validators.clone(),
                next_validators,
            };
            batch.handover = Some(handover::begun(&batch, snapshot, &last)?);
        }
    }
    Ok(batch)
}

/// Makes the founding state, version 0 of the tree, and the first block, which is empty.
pub(super) fn found(
    chain: &Chain<'_>,
    genesis: &LedgerGenesis,
    delta: BTreeMap<String, Option<Vec<u8>>>,
    now_ms: i64,
) -> Result<Batch, EngineError> {
    let mut batch = Batch::empty(1, 0);
    batch.delta = delta;
    let founding = founding_tree(&batch.delta)?;
    let parent = Parent {
        root: founding.root,
        ..Parent::default()
    };
    batch.versions.push(founding);
    batch.operations = founding_operations(genesis)?;
    let time_ms = genesis.terms().time.unix_ms().saturating_add(1).max(now_ms);
    batch.extend_over(chain, None, &parent, (Vec::new(), time_ms))?;
    Ok(batch)
}

/// Version 0 of the tree.
pub(super) fn founding_tree(
    delta: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<tree::TreeUpdate, EngineError> {
    let nothing = Layered {
        base: None,
        above: &[],
    };
    tree::update(&nothing, 0, None, delta).map_err(|error| EngineError::Tree {
        version: 0,
        reason: error.to_string(),
    })
}

/// The create operations of the founders, which the genesis vouches for.
pub(super) fn founding_operations(
    genesis: &LedgerGenesis,
) -> Result<Vec<(String, u64, Vec<u8>)>, EngineError> {
    let mut operations = Vec::new();
    for founder in genesis.founders() {
        let create = chop_did::build::create(founder);
        operations.push((
            founder.did().scid().to_string(),
            0,
            canonical("operation", create.unsigned())?,
        ));
    }
    Ok(operations)
}

impl Parent {
    /// Header time; before the first block, the beginning of time.
    fn time_ms(&self) -> i64 {
        self.header.as_ref().map_or(i64::MIN, |header| {
            chop_proof::build::time_ms(&header.header)
        })
    }
}

impl Batch {
    fn empty(first_height: u64, round: u16) -> Self {
        Self {
            first_height,
            blocks: Vec::new(),
            versions: Vec::new(),
            delta: BTreeMap::new(),
            outcomes: Vec::new(),
            bodies: Vec::new(),
            operations: Vec::new(),
            round,
            handover: None,
        }
    }

    /// Adds one block. The first on a stored state applies the delta; at the founding, version 0 already did.
    fn extend_over(
        &mut self,
        chain: &Chain<'_>,
        base: Option<&Snapshot>,
        parent: &Parent,
        (txs, time_ms): (Vec<Vec<u8>>, i64),
    ) -> Result<Parent, EngineError> {
        let height = parent.height + 1;
        let unchanged = BTreeMap::new();
        let delta = if self.blocks.is_empty() && base.is_some() {
            &self.delta
        } else {
            &unchanged
        };
        let update = tree::update(
            &Layered {
                base,
                above: &self.versions,
            },
            height,
            Some(parent.root),
            delta,
        )
        .map_err(|error| EngineError::Tree {
            version: height,
            reason: error.to_string(),
        })?;
        let last_results = parent
            .record
            .as_ref()
            .map(BlockRecord::tx_results)
            .unwrap_or_default();
        let header = Draft {
            chain_id: chain.id,
            height,
            time_ms,
            previous: parent.header.as_ref(),
            txs: &txs,
            app_hash: parent.root,
            last_results: &last_results,
            validators: chain.validators,
            next_validators: chain.next_validators,
        }
        .seal(self.round, chain.signer)?;
        let results = if txs.is_empty() {
            Vec::new()
        } else {
            recorded(&vec![1; txs.len()], &self.outcomes, &self.bodies)
        };
        let record = BlockRecord {
            signed_header: BlockRecord::encode_header(header.clone()),
            txs,
            results,
            root: update.root,
        };
        let next = Parent {
            height,
            header: Some(header),
            root: update.root,
            record: Some(record.clone()),
        };
        self.blocks.push(record);
        self.versions.push(update);
        Ok(next)
    }

    /// The one durable transaction that commits this batch.
    pub(super) fn write<'a>(
        &'a self,
        genesis: Option<&'a [u8]>,
    ) -> Result<BlockWrite<'a>, EngineError> {
        let mut write = BlockWrite {
            genesis,
            first_height: self.first_height,
            blocks: &self.blocks,
            versions: self
                .versions
                .iter()
                .map(|version| (&version.nodes, version.stale.as_slice()))
                .collect(),
            round: self.round,
            operations: &self.operations,
            outcomes: settled(&self.outcomes, &self.bodies),
            values: self
                .delta
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_deref()))
                .collect(),
            ..BlockWrite::default()
        };
        if let Some(handover) = &self.handover {
            write.handover = Some(canonical("handover", handover)?);
        }
        Ok(write)
    }
}

/// Outcomes as they are stored, canonical JSON.
pub(super) fn encoded(outcomes: &[Outcome]) -> Result<Vec<Vec<u8>>, EngineError> {
    let bodies = outcomes.iter();
    bodies
        .map(|outcome| canonical("outcome", outcome))
        .collect()
}

/// The final ones of these outcomes, by envelope hash.
pub(super) fn settled<'a>(
    outcomes: &[Outcome],
    bodies: &'a [Vec<u8>],
) -> Vec<([u8; 32], &'a [u8])> {
    let stored = outcomes.iter().zip(bodies);
    stored
        .filter(|(outcome, _)| outcome.is_settled())
        .map(|(outcome, body)| (*outcome.hash.as_bytes(), body.as_slice()))
        .collect()
}

/// The agreed results of a block's transactions, of which each holds as many envelopes as `sizes` says.
pub(super) fn recorded(
    sizes: &[usize],
    outcomes: &[Outcome],
    bodies: &[Vec<u8>],
) -> Vec<RecordedResult> {
    let mut rest = (outcomes, bodies);
    let mut results = Vec::with_capacity(sizes.len());
    for size in sizes {
        let (these, others) = rest.0.split_at_checked(*size).unwrap_or((rest.0, &[]));
        let (texts, more) = rest.1.split_at_checked(*size).unwrap_or((rest.1, &[]));
        rest = (others, more);
        results.push(result(these, texts));
    }
    results
}

fn result(outcomes: &[Outcome], bodies: &[Vec<u8>]) -> RecordedResult {
    let data = match bodies {
        [] => {
            return RecordedResult {
                code: NO_TRANSACTION,
                data: Vec::new(),
            };
        }
        [body] => body.clone(),
        // What is canonical stays so in an array.
        bundled => [b"[", bundled.join(&b',').as_slice(), b"]"].concat(),
    };
    let code = u32::from(!outcomes.iter().any(Outcome::is_committed));
    RecordedResult { code, data }
}

/// The DID operations that took effect: (scid, sequence number, signed operation).
pub(super) fn operations<E: Borrow<SignedEnvelope>>(
    envelopes: &[E],
    outcomes: &[Outcome],
) -> Result<Vec<(String, u64, Vec<u8>)>, EngineError> {
    let mut operations = Vec::new();
    for (envelope, _) in envelopes
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| outcome.is_committed())
    {
        for action in &envelope.borrow().envelope().actions {
            if let Action::Did(signed) = action {
                let operation = signed.operation();
                let body = canonical("operation", signed.value())?;
                operations.push((operation.did().scid().to_string(), operation.seq(), body));
            }
        }
    }
    Ok(operations)
}

pub(super) fn canonical(
    what: &'static str,
    value: &impl serde::Serialize,
) -> Result<Vec<u8>, EngineError> {
    canonicalize(value).map_err(|error| EngineError::Json {
        what,
        reason: error.to_string(),
    })
}

impl StateReader for Snapshot {
    type Error = StoreError;

    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Self::value(self, key)
    }

    fn scan(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, Self::Error> {
        Self::scan(self, from, to, limit)
    }

    fn decoded(&self) -> Option<&Decoded> {
        Some(Self::decoded(self))
    }
}

/// The stored tree with versions above it that are not stored yet.
pub(super) struct Layered<'a> {
    pub(super) base: Option<&'a Snapshot>,
    pub(super) above: &'a [tree::TreeUpdate],
}

impl TreeReader for Layered<'_> {
    fn get_node_option(&self, node_key: &NodeKey) -> anyhow::Result<Option<Node>> {
        let above = self
            .above
            .iter()
            .rev()
            .find_map(|version| version.nodes.get_node(node_key));
        match (above, self.base) {
            (Some(node), _) => Ok(Some(node.clone())),
            (None, Some(base)) => base.get_node_option(node_key),
            (None, None) => Ok(None),
        }
    }

    fn get_value_option(&self, _: Version, key: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        anyhow::bail!("the value under {key:?} was asked for by hash")
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("the tree is never restored from leaves")
    }
}

#[cfg(test)]
mod tests {
    use chop_integrity::Hash;
    use chop_protocol::ExecutionResult;

    use super::*;

    #[test]
    fn a_bundles_result_is_the_canonical_array_of_its_outcomes() {
        let outcome = |n: u8, result| Outcome {
            hash: Hash::of("test", &[n]),
            height: u64::from(n),
            result,
        };
        let refused = |settled| ExecutionResult::Refused {
            rule: "anchor.exists".to_owned(),
            detail: "a \"quoted\" \u{7} detail, with \u{e9}".to_owned(),
            settled,
        };
        let outcomes = [
            outcome(1, ExecutionResult::Committed),
            outcome(2, refused(true)),
            outcome(3, refused(false)),
            outcome(4, ExecutionResult::Committed),
        ];
        let bodies = encoded(&outcomes).unwrap();
        let [one, none, bundle] = recorded(&[1, 0, 3], &outcomes, &bodies).try_into().unwrap();
        assert_eq!(one.data, canonical("outcome", &outcomes[0]).unwrap());
        assert_eq!((none.code, none.data.len()), (NO_TRANSACTION, 0));
        assert_eq!(bundle.data, canonical("outcome", &&outcomes[1..]).unwrap());
        assert_eq!(bundle.outcomes().unwrap(), outcomes[1..]);
        assert_eq!([one.code, bundle.code], [0, 0]);
        let [refused] = recorded(&[2], &outcomes[1..3], &bodies[1..3])
            .try_into()
            .unwrap();
        assert_eq!(refused.code, 1);
        let settled: Vec<_> = settled(&outcomes, &bodies);
        let hashes: Vec<_> = settled.iter().map(|(hash, _)| *hash).collect();
        let kept = [0, 1, 3].map(|at: usize| *outcomes[at].hash.as_bytes());
        assert_eq!(hashes, kept);
    }
}
