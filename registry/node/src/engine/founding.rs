//! Whether a store is of a ledger already.

use chop_protocol::LedgerGenesis;

use super::OpenError;
use crate::store::{Store, StoreError};

/// Says whether the store holds this ledger; an error when it holds another one.
pub(super) fn is_founded(store: &Store, genesis: &LedgerGenesis) -> Result<bool, OpenError> {
    let Some(found) = store.snapshot()?.genesis()? else {
        return Ok(false);
    };
    if found == canonical(genesis)? {
        return Ok(true);
    }
    let found = LedgerGenesis::parse(&found).map(|found| found.id().to_string());
    let found = found.unwrap_or_else(|error| error.to_string());
    Err(StoreError::OtherLedger {
        found,
        expected: genesis.id().to_string(),
    }
    .into())
}

/// The bytes of a genesis as the store keeps them.
pub(super) fn canonical(genesis: &LedgerGenesis) -> Result<Vec<u8>, OpenError> {
    genesis.canonical_bytes().map_err(|error| OpenError::Found {
        reason: error.to_string(),
    })
}
