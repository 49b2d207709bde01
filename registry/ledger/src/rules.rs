//! Which version of the rules executes a block: what members decided, exactly from the height that they named.
//!
//! A program that does not know the version stops before that height, at every node alike: executing by other rules would
//! give another state.

use chop_protocol::governance::RulesRecord;
use chop_protocol::keys;

use crate::state::{ExecuteError, StateReader, View};

/// The newest version that this program knows. Version 2 executes as version 1 does: its number is there to rehearse an upgrade.
pub const KNOWN_RULES: u32 = 2;

/// Says whether this program executes the block at a height on this state.
///
/// # Errors
/// [`ExecuteError::Rules`] when members decided on a version that it does not know; also when the state cannot be read.
pub fn check_rules<S: StateReader>(state: &S, height: u64) -> Result<(), ExecuteError<S::Error>> {
    match unknown_rules(state)? {
        Some(record) if record.is_in_force(height) => Err(ExecuteError::Rules {
            version: record.version,
            from: record.from,
            known: KNOWN_RULES,
        }),
        _ => Ok(()),
    }
}

/// The decision that this program cannot follow, in force or still to come.
///
/// # Errors
/// When the state cannot be read.
pub fn unknown_rules<S: StateReader>(
    state: &S,
) -> Result<Option<RulesRecord>, ExecuteError<S::Error>> {
    let record: Option<RulesRecord> = View::new(state).read(keys::RULES)?;
    Ok(record.filter(|record| record.version > KNOWN_RULES))
}
