//! What a store holds of a ledger, or is founded with.

use chop_proof::{Handover, LightBlock, ProofError, TrustRoot, TrustRootError};
use chop_protocol::LedgerGenesis;

use super::super::block::{found, head_of};
use crate::engine::{EngineError, Head, OpenError, View};
use crate::store::{Snapshot, Store, StoreError};

pub(super) fn trust_root(genesis: &LedgerGenesis) -> Result<TrustRoot, TrustRootError> {
    let validators: Vec<_> = genesis
        .terms()
        .validators
        .iter()
        .map(|listed| (listed.public_key.clone(), listed.power))
        .collect();
    TrustRoot::new(&genesis.id().to_string(), &validators)
}

/// The last header of the solo ledger that this one was, checked from its genesis on.
pub(super) fn last_of_solo(
    handover: Option<&Handover>,
    root: &TrustRoot,
) -> Result<Option<LightBlock>, OpenError> {
    let Some(handover) = handover else {
        return Ok(None);
    };
    let unusable = |error: ProofError| {
        OpenError::from(StoreError::Damaged {
            what: "handover",
            reason: error.to_string(),
        })
    };
    handover.verify_last(root).map_err(unusable)?;
    handover.last.decode().map(Some).map_err(unusable)
}

pub(super) fn found_in(store: &Store, genesis: &LedgerGenesis) -> Result<(), OpenError> {
    let delta = chop_ledger::genesis_state(genesis).map_err(|error| OpenError::Found {
        reason: error.to_string(),
    })?;
    found(genesis, &delta, |write| Ok(store.commit(write)?))?;
    Ok(())
}

/// The state after the last block, or the founding one; checked against the tree.
pub(super) fn last_view(snapshot: Snapshot, genesis: &LedgerGenesis) -> Result<View, EngineError> {
    let Some((height, record)) = snapshot.last_block()? else {
        let head = Head {
            height: 0,
            time_ms: genesis.terms().time.unix_ms(),
            app_hash: snapshot.root(0)?,
            hash: [0; 32],
        };
        return Ok(View::committed(snapshot, 0, head));
    };
    snapshot.check_root(height, &record)?;
    let head = if record.signed_header.is_empty() {
        // A block that was replayed just before the last end: its header is fetched again.
        Head {
            height,
            time_ms: genesis.terms().time.unix_ms(),
            app_hash: record.root,
            hash: [0; 32],
        }
    } else {
        head_of(&record, &record.decode_header()?)?
    };
    Ok(View::committed(snapshot, height, head))
}
