//! What can go wrong with the read model.

use std::path::PathBuf;

use thiserror::Error;

use crate::store::StoreError;

/// Why the read model could not be written or asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// The database refused or failed.
    #[error("the read model's database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// It was not reached since the start.
    #[error("the read model's database was not reached yet")]
    Unreached,
    /// Since the start it lets in nobody of this user and password.
    #[error(
        "the read model's database refuses this node: its operator has to see to the user and the password"
    )]
    Refused,
    /// The database holds tables of somebody else.
    #[error(
        "the database has tables that are no read model's ({tables}): give the read model a database or a schema of its own"
    )]
    Foreign {
        /// Their names.
        tables: String,
    },
    /// It was reached late, and what is in it is not this node's.
    #[error("{reason}")]
    NotThisNodes {
        /// What [`OpenReadModelError`] says of it.
        reason: String,
    },
    /// The blocks could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file cannot be named in a URL.
    #[error("{path} is no path that a database can have")]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// A block or a value of the state is none that this version makes.
    #[error("the {what} of block {height} cannot be read: {reason}")]
    Unreadable {
        /// What cannot be read.
        what: &'static str,
        /// Height of the block, or of the state.
        height: u64,
        /// What the parser said.
        reason: String,
    },
    /// A row is none that this version writes.
    #[error("a stored {what} cannot be read: {reason}")]
    Row {
        /// What it should be.
        what: &'static str,
        /// What the parser said.
        reason: String,
    },
    /// Somebody else moved the model on.
    #[error("another process writes to the read model: it is no longer at height {expected}")]
    Moved {
        /// Where this process left it.
        expected: u64,
    },
    /// Blocks are missing between the model and the store.
    #[error("the next block of the read model is {next}, and the node's oldest is {first}")]
    Gap {
        /// The next block of the model.
        next: u64,
        /// The node's oldest.
        first: u64,
    },
    /// It knows no block yet, or not all that the state shows.
    #[error("the read model is being built: it is at height {height} of {until}")]
    Building {
        /// Where it is.
        height: u64,
        /// Where it will be.
        until: u64,
    },
}

impl ProjectionError {
    /// Whether the database answers, and refuses the user or the password (SQLSTATE class 28): waiting alone mends nothing.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Refused => true,
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code.starts_with("28"))
            }
            _ => false,
        }
    }

    /// Whether the same question may be answered later: the model is being built, or its database is busy, down, restarting, or
    /// refuses the node until its operator has seen to it.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Building { .. } | Self::Unreached => true,
            Self::Database(cause) => self.is_refusal() || passes(cause),
            _ => self.is_refusal(),
        }
    }
}

/// Whether a database that is busy, down or restarting says so.
fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code_passes(&code)),
        _ => false,
    }
}

/// `PostgreSQL`'s classes of connections, of too few resources and of its operator's doings, in codes of five characters; `SQLite`'s
/// busy, locked, failed, full and not to be opened, in the lowest byte of a number.
fn code_passes(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "53", "57"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    let number = code.parse::<u32>().unwrap_or_default();
    [5, 6, 10, 13, 14].contains(&(number & 0xff))
}

/// Why a read model cannot be this node's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenReadModelError {
    /// The database or the store failed.
    #[error(transparent)]
    Failed(#[from] ProjectionError),
    /// Another version wrote it.
    #[error("the read model has format {found}, this version writes {expected}; {REMEDY}")]
    OtherFormat {
        /// Its format.
        found: u64,
        /// This version's.
        expected: u64,
    },
    /// It is of another ledger.
    #[error("the read model is of ledger {found}, this node's is {expected}; {REMEDY}")]
    OtherLedger {
        /// The ledger that it is of.
        found: String,
        /// This node's.
        expected: String,
    },
    /// It knows blocks that the node does not have.
    #[error("the read model is at height {found}, the node at {held}; {REMEDY}")]
    Ahead {
        /// Height of the model.
        found: u64,
        /// Height of the node.
        held: u64,
    },
    /// It knows another block of that height.
    #[error("the read model knows block {height} as {found}, the node has {held}; {REMEDY}")]
    OtherBlock {
        /// Height of the block.
        height: u64,
        /// The hash in the model.
        found: String,
        /// The hash in the store.
        held: String,
    },
}

/// How an operator gets on.
const REMEDY: &str = "`chopmark ledger reindex` builds it again from what the node has";

/// Why a cursor is none of this list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a cursor is the `next` of an earlier answer to the same question, on this ledger: {reason}"
)]
pub struct CursorError {
    pub(super) reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for code in ["57P01", "53300", "08006", "5", "517", "14", "3850"] {
            assert!(code_passes(code), "{code}");
        }
        for code in ["42P01", "22021", "1", "11", "26", ""] {
            assert!(!code_passes(code), "{code}");
        }
    }
}
