//! What an engine asks about an envelope before it orders it.

use chop_integrity::Timestamp;
use chop_protocol::{LedgerGenesis, Outcome, SignedEnvelope};

use super::solo::Clock;
use super::{SubmitError, View};

/// The outcome of an envelope that has one already; an error when it is for another ledger.
pub(super) fn known(
    genesis: &LedgerGenesis,
    view: &View,
    envelope: &SignedEnvelope,
) -> Result<Option<Outcome>, SubmitError> {
    let named = envelope.envelope().ledger;
    let here = genesis.id();
    if named != here {
        return Err(SubmitError::OtherLedger { named, here });
    }
    // Where the store cannot be read now, the one who executes finds out.
    Ok(view.outcome(&envelope.hash()).ok().flatten())
}

/// Asks the state machine whether the next block would execute the envelope, so that blocks hold none that it would not.
/// Where the state cannot be read, the one who executes finds out.
pub(super) fn admit(
    view: &View,
    envelope: &SignedEnvelope,
    clock: &Clock,
) -> Result<(), SubmitError> {
    let next_ms = view.head().time_ms.saturating_add(1).max(clock());
    match chop_ledger::admit(view.snapshot(), envelope, Timestamp::from_unix_ms(next_ms)) {
        Ok(Err(refusal)) => Err(SubmitError::NotAdmitted {
            rule: refusal.rule().to_owned(),
            detail: refusal.to_string(),
        }),
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}
