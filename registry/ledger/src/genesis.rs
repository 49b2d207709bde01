//! The state that a ledger begins with: tree version 0.

use chop_did::{ChopDid, Rejection};
use chop_integrity::{JcsError, canonicalize};
use chop_protocol::{LedgerGenesis, LedgerRecord, Member, keys};
use serde::Serialize;

use crate::state::Delta;

/// Says why a genesis makes no state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisStateError {
    /// A founder's DID breaks a rule of the method.
    #[error("founder {did}: {reason}")]
    Founder {
        /// The founder.
        did: ChopDid,
        /// The broken rule.
        reason: Rejection,
    },
    /// A value has no canonical form.
    #[error("a value of the genesis state has no canonical form: {0}")]
    Canonical(#[from] JcsError),
}

/// Makes the state at version 0: the ledger's record, its parameters, and the founders' DIDs and memberships; on a
/// consortium's ledger the validators, and how members decide where that is not the default.
///
/// # Errors
/// Returns [`GenesisStateError`] when a founder's DID breaks a rule of the method.
pub fn genesis_state(genesis: &LedgerGenesis) -> Result<Delta, GenesisStateError> {
    let terms = genesis.terms();
    let since = terms.time;
    let record = LedgerRecord {
        id: genesis.id(),
        chain_version: terms.chain_version,
        founded: since,
    };
    let mut delta = Delta::new();
    insert(&mut delta, keys::LEDGER.to_owned(), &record)?;
    insert(&mut delta, keys::PARAMETERS.to_owned(), &terms.parameters)?;
    if let Some(validators) = genesis.validator_set() {
        insert(&mut delta, keys::VALIDATORS.to_owned(), &validators)?;
    }
    let governance = terms.consortium.as_ref().and_then(|terms| terms.governance);
    if let Some(governance) = governance {
        insert(&mut delta, keys::GOVERNANCE.to_owned(), &governance)?;
    }
    for founder in genesis.founders() {
        let (did, scid) = (founder.did(), founder.scid());
        let (state, version) = chop_did::found(founder, since)
            .map_err(|reason| GenesisStateError::Founder { did, reason })?;
        insert(&mut delta, keys::did_version(&scid, state.seq()), &version)?;
        insert(&mut delta, keys::did(&scid), &state)?;
        insert(
            &mut delta,
            keys::member(&scid),
            &Member::founder(did, since),
        )?;
    }
    Ok(delta)
}

fn insert<T: Serialize>(delta: &mut Delta, key: String, value: &T) -> Result<(), JcsError> {
    delta.insert(key, Some(canonicalize(value)?));
    Ok(())
}
