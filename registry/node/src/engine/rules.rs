//! Stopping where members decided on rules that this program does not know.

use chop_ledger::{ExecuteError, check_rules, unknown_rules};
use tracing::warn;

use super::EngineError;
use crate::store::{Snapshot, StoreError};

/// Refuses to go on when the block at `height` needs rules that are not known here.
pub(super) fn check(snapshot: &Snapshot, height: u64) -> Result<(), EngineError> {
    check_rules(snapshot, height).map_err(|error| failed(height, &error))
}

/// Says, in the log, that new rules come that this program does not know.
pub(super) fn look_ahead(snapshot: &Snapshot) {
    if let Ok(Some(coming)) = unknown_rules(snapshot) {
        let (version, from) = (coming.version, coming.from);
        warn!(
            version,
            from,
            "new rules come into force that this program does not know: install a newer one before that height"
        );
    }
}

/// What an execution that failed means for the engine.
pub(super) fn failed(height: u64, error: &ExecuteError<StoreError>) -> EngineError {
    let reason = error.to_string();
    match error {
        ExecuteError::Rules { .. } => EngineError::Rules { reason },
        _ => EngineError::Execute { height, reason },
    }
}

#[cfg(test)]
mod tests;
