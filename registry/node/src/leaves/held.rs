//! The items of the batches that this ledger has: from the leaves here and the state.

use std::sync::Arc;

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
pub(crate) async fn held(
    keeper: &LeafKeeper,
    view: &Arc<View>,
    scid: Scid,
) -> Result<Option<Held>, EngineError> {
    let view = Arc::clone(view);
    reading(keeper, move |keeper| find(keeper, &view, &scid)).await
}

/// Shows that an item is not of a batch of this ledger; `None` when it is, or when that cannot be shown here.
pub(crate) async fn absent(
    keeper: &LeafKeeper,
    view: &Arc<View>,
    (batch, scid): (Hash, Scid),
) -> Result<Option<ItemAbsence>, EngineError> {
    let view = Arc::clone(view);
    reading(keeper, move |keeper| show(keeper, &view, (&batch, &scid))).await
}

/// Reads leaves where nobody else waits for it: a run is read from the disk and hashed. So many do at once, the others wait for
/// their turn.
async fn reading<T: Send + 'static>(
    keeper: &LeafKeeper,
    read: impl FnOnce(&LeafKeeper) -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    let turn = Arc::clone(&keeper.readers).acquire_owned().await;
    let (keeper, turn) = (keeper.clone(), turn.map_err(|error| broken(&error))?);
    let work = move || {
        let read = read(&keeper);
        drop(turn);
        read
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| broken(&error))?
}

fn broken(error: &dyn std::fmt::Display) -> EngineError {
    EngineError::Json {
        what: "leaves",
        reason: error.to_string(),
    }
}

fn find(keeper: &LeafKeeper, view: &View, scid: &Scid) -> Result<Option<Held>, EngineError> {
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

fn show(
    keeper: &LeafKeeper,
    view: &View,
    (batch, scid): (&Hash, &Scid),
) -> Result<Option<ItemAbsence>, EngineError> {
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

#[cfg(test)]
mod tests {
    use super::super::keeper::tests::waiting;
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    #[tokio::test]
    async fn reading_leaves_keeps_no_other_work_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let (keeper, _silent) = waiting(&folder);
        let (other, done) = channel();
        // One thread runs both: what is read would wait in vain where it stood in the way of the other.
        let read = reading(&keeper, move |_| {
            let waited = done.recv_timeout(Duration::from_secs(20));
            waited.map_err(|error| broken(&error))
        });
        let work = async { other.send(7).unwrap() };
        let (read, ()) = tokio::join!(read, work);
        assert_eq!(read.unwrap(), 7);
    }

    #[tokio::test]
    async fn so_many_read_at_once_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let (keeper, _silent) = waiting(&folder);
        let free = keeper.readers.available_permits();
        let left = Arc::clone(&keeper.readers);
        let seen = reading(&keeper, move |_| Ok(left.available_permits())).await;
        assert_eq!(seen.unwrap(), free - 1);
        assert_eq!(keeper.readers.available_permits(), free);
    }
}
