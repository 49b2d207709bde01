//! DID operations: `chop_did` decides, the ledger remembers.

use chop_did::{ApplyContext, ChopDid, DidState, Operation};
use chop_protocol::keys;
use std::sync::Arc;

use super::Act;
use crate::entry::did_state;
use crate::refusal::Refusal;
use crate::state::{ExecuteError, StateReader, Stop, View};

/// Applies an operation. Its own proofs authorise it, so any actor may carry it: a DID whose keys are lost is recovered
/// under somebody else's envelope.
pub(super) fn apply<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    operation: &Operation,
) -> Result<(), Stop<S::Error>> {
    let scid = operation.did().scid();
    let current: Option<DidState> = view.read(&keys::did(&scid))?;
    let named = match &current {
        Some(state) => state.controller(),
        None => operation.genesis().and_then(|genesis| genesis.controller()),
    };
    let controller = controller(view, named)?;
    let new_controller = self::controller(view, operation.new_controller())?;
    let context = ApplyContext {
        ledger: &act.header.ledger,
        time: act.header.time,
        recovery_delay_ms: act.header.parameters.recovery_delay_ms,
        controller: controller.as_deref(),
        new_controller: new_controller.as_deref(),
    };
    let (state, record) =
        chop_did::apply(current.as_ref(), operation, &context).map_err(Refusal::from)?;
    let version = keys::did_version(&scid, state.seq());
    if view.contains(&version)? {
        // History is never rewritten; a state whose seq lags behind its history is corrupt.
        let reason = "this version is written already".to_owned();
        return Err(ExecuteError::Corrupt {
            key: version,
            reason,
        }
        .into());
    }
    view.write(version, &record)?;
    view.write(keys::did(&scid), &state)?;
    Ok(())
}

fn controller<S: StateReader>(
    view: &View<'_, S>,
    did: Option<&ChopDid>,
) -> Result<Option<Arc<DidState>>, ExecuteError<S::Error>> {
    did.map_or(Ok(None), |did| did_state(view, did))
}
