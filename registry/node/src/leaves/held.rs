//! The items of the batches that this ledger has: from the leaves here and the state.

use chop_did::Scid;
use chop_integrity::Hash;
use chop_protocol::{Batch, ItemAbsence, Segment, keys};
use serde::de::DeserializeOwned;

use super::{Found, LeafKeeper};
use crate::engine::{EngineError, View};

/// An item of a batch of this ledger, and the segment that says where its code stands.
pub(crate) struct Held {
    pub(crate) found: Found,
    pub(crate) segment: String,
}

/// Finds an item among the batches of this ledger.
pub(crate) fn held(
    keeper: &LeafKeeper,
    view: &View,
    scid: &Scid,
) -> Result<Option<Held>, EngineError> {
    let broken = |error: &dyn std::fmt::Display| EngineError::Json {
        what: "leaves",
        reason: error.to_string(),
    };
    for found in keeper.store().find(scid).map_err(|error| broken(&error))? {
        let id = found.proof.batch;
        let batch: Option<Batch> = record(view, &keys::batch(&id))?;
        // Leaves whose batch never came to the ledger, or came with other terms, are nobody's.
        if batch.is_none_or(|batch| batch.terms != found.terms) {
            continue;
        }
        let ordinal = found.proof.ordinal;
        let segment = segments(view, &id, ordinal, 1)?.pop();
        let segment = segment.ok_or_else(|| broken(&"no segment holds the ordinal"))?;
        return Ok(Some(Held {
            found,
            segment: keys::segment(&id, segment.to),
        }));
    }
    Ok(None)
}

/// Shows that an item is not of a batch of this ledger; `None` when it is, or when that cannot be shown here.
pub(crate) fn absent(
    keeper: &LeafKeeper,
    view: &View,
    (batch, scid): (&Hash, &Scid),
) -> Result<Option<ItemAbsence>, EngineError> {
    let broken = |error: &dyn std::fmt::Display| EngineError::Json {
        what: "leaves",
        reason: error.to_string(),
    };
    let Some(batch) = record::<Batch>(view, &keys::batch(batch))? else {
        return Ok(None);
    };
    let terms = batch.terms.hash().map_err(|error| broken(&error))?;
    let absence = keeper.store().absence(&terms, scid);
    absence.map_err(|error| broken(&error))
}

pub(crate) fn segments(
    view: &View,
    batch: &Hash,
    from: u32,
    limit: usize,
) -> Result<Vec<Segment>, EngineError> {
    let first = keys::segment(batch, from.saturating_add(1));
    let end = keys::after(&keys::segments(batch));
    let found = view.snapshot().scan(&first, &end, limit)?;
    found.iter().map(|(_, value)| parsed(value)).collect()
}

/// Reads a record of the state.
pub(crate) fn record<T: DeserializeOwned>(
    view: &View,
    key: &str,
) -> Result<Option<T>, EngineError> {
    view.value(key)?.map(|value| parsed(&value)).transpose()
}

fn parsed<T: DeserializeOwned>(value: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(value).map_err(|error| EngineError::Json {
        what: "state value",
        reason: error.to_string(),
    })
}
