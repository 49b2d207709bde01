//! The end of a solo ledger: its last header hands over to the validators that its members promoted (ADR 0010).

use std::collections::BTreeMap;

use chop_integrity::{Hash, Timestamp};
use chop_ledger::tree;
use chop_proof::{Handover, LightBlock, ProofError, validator_set};
use chop_protocol::governance::MAX_OPEN;
use chop_protocol::{Change, Proposal, ValidatorSet, keys};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;

use super::batch::{Batch, Layered};
use super::{EngineError, View};
use crate::store::{Snapshot, StoreError};

/// How a store's ledger ended as a solo one.
#[derive(Debug, Clone)]
pub struct Promoted {
    /// What leads to its validators; their first header is there once they have made it.
    pub handover: Handover,
    /// Height of the last header of the solo ledger.
    pub height: u64,
}

impl Promoted {
    /// Reads it; `None` of a ledger that was not promoted.
    ///
    /// # Errors
    /// When the store fails or is damaged.
    pub fn read(snapshot: &Snapshot) -> Result<Option<Self>, EngineError> {
        let Some(handover) = read(snapshot)? else {
            return Ok(None);
        };
        let height = handover.last_height().map_err(|error| unreadable(&error))?;
        Ok(Some(Self { handover, height }))
    }
}

fn unreadable(error: &ProofError) -> EngineError {
    EngineError::Header {
        height: 0,
        reason: error.to_string(),
    }
}

/// Who takes over after a block with these changes; `None` when it promotes nobody.
pub(super) fn successors(
    delta: &BTreeMap<String, Option<Vec<u8>>>,
) -> Result<Option<validator::Set>, EngineError> {
    let written = |key| delta.get(key).and_then(Option::as_deref);
    let (Some(_), Some(set)) = (written(keys::PROMOTION), written(keys::VALIDATORS)) else {
        return Ok(None);
    };
    let unusable = |reason: String| EngineError::Json {
        what: "validators",
        reason,
    };
    let set: ValidatorSet =
        serde_json::from_slice(set).map_err(|error| unusable(error.to_string()))?;
    let listed: Vec<_> = set
        .validators()
        .iter()
        .map(|validator| (validator.public_key.clone(), validator.power))
        .collect();
    let set = validator_set(&listed).map_err(|error| unusable(error.to_string()))?;
    Ok(Some(set))
}

/// Says whether a vote may still decide a promotion.
pub(super) fn is_proposed(view: &View) -> Result<bool, EngineError> {
    let unusable = |reason: String| EngineError::Json {
        what: "proposal",
        reason,
    };
    let from = keys::ballots_from(Timestamp::from_unix_ms(view.head().time_ms));
    let open = view
        .snapshot()
        .scan(&from, &keys::after(keys::BALLOTS), MAX_OPEN)?;
    for (key, _) in open {
        let id = key.rsplit('/').next().unwrap_or_default();
        let id: Hash = id.parse().map_err(|_| unusable(key.clone()))?;
        let Some(bytes) = view.value(&keys::proposal(&id))? else {
            continue;
        };
        let proposal: Proposal =
            serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        if matches!(proposal.change, Change::Promote(_)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The part of the handover that the solo ledger makes: its last header, and the record proven under it.
pub(super) fn begun(
    batch: &Batch,
    snapshot: &Snapshot,
    last: &LightBlock,
) -> Result<Handover, EngineError> {
    let value = batch.delta.get(keys::PROMOTION).cloned().flatten();
    let reader = Holding {
        tree: Layered {
            base: Some(snapshot),
            above: &batch.versions,
        },
        value: value.clone().unwrap_or_default(),
    };
    let version = last.height();
    let proven =
        tree::prove(&reader, version, keys::PROMOTION).map_err(|error| EngineError::Tree {
            version,
            reason: error.to_string(),
        })?;
    let value = value.map(String::from_utf8).transpose();
    let value = value.map_err(|error| EngineError::Json {
        what: "promotion",
        reason: error.to_string(),
    })?;
    Ok(Handover::begun(
        last,
        (value.unwrap_or_default(), proven.path),
    ))
}

/// Reads what a store keeps of the handover.
pub(super) fn read(snapshot: &Snapshot) -> Result<Option<Handover>, StoreError> {
    let Some(bytes) = snapshot.handover()? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| StoreError::Damaged {
            what: "handover",
            reason: error.to_string(),
        })
}

/// The whole handover, once the validators have made their first header.
pub(super) fn complete(
    snapshot: &Snapshot,
    first: impl FnOnce(u64) -> Result<Option<SignedHeader>, EngineError>,
) -> Result<Option<Handover>, EngineError> {
    let Some(begun) = read(snapshot)? else {
        return Ok(None);
    };
    if !begun.first.is_empty() {
        return Ok(Some(begun));
    }
    let height = begun.last_height().map_err(|error| unreadable(&error))?;
    Ok(first(height + 1)?.map(|first| begun.with_first(&first)))
}

/// A tree that knows the one value which is asked for.
struct Holding<'a> {
    tree: Layered<'a>,
    value: Vec<u8>,
}

impl TreeReader for Holding<'_> {
    fn get_node_option(&self, node_key: &NodeKey) -> anyhow::Result<Option<Node>> {
        self.tree.get_node_option(node_key)
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(Some(self.value.clone()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        self.tree.get_rightmost_leaf()
    }
}

#[cfg(test)]
mod tests;
