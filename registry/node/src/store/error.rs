//! Why the store could not do what it was asked.

use std::io;

use thiserror::Error;

/// Names a failure of the store. Its words are for the log; they never leave the process.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// redb failed.
    #[error("the database failed: {0}")]
    Database(#[source] Box<redb::Error>),
    /// The file could not be opened.
    #[error("the database file could not be opened: {0}")]
    File(#[from] io::Error),
    /// The file holds another format than this program writes.
    #[error("the database is of format {found}, but this program writes {expected}")]
    OtherFormat {
        /// Format in the file.
        found: u64,
        /// Format of this program.
        expected: u64,
    },
    /// The file holds another ledger.
    #[error("the database holds ledger {found}, but ledger {expected} was asked for")]
    OtherLedger {
        /// Genesis hash in the file.
        found: String,
        /// Genesis hash that was asked for.
        expected: String,
    },
    /// A write does not follow the last block.
    #[error("block {found} was to be written, but block {expected} comes next")]
    NotNext {
        /// Height of the first block of the write.
        found: u64,
        /// Height that comes next.
        expected: u64,
    },
    /// The tree does not hold the state that the last block left.
    #[error("the tree at version {version} has root {found}, but the last block left {expected}")]
    OtherRoot {
        /// Version of the tree, the height of the last block.
        version: u64,
        /// Root of the tree.
        found: String,
        /// Root that the block record holds.
        expected: String,
    },
    /// A record does not decode.
    #[error("the {what} record does not decode: {reason}")]
    Damaged {
        /// What kind of record.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The database takes no writes since one failed.
    #[error("the database is open for reading only")]
    ReadOnly,
    /// The database is being reopened.
    #[error("the database is closed")]
    Closed,
    /// Nothing was ever written.
    #[error("the database holds no block")]
    Empty,
}

impl StoreError {
    /// Says whether the database was closed or reopened under the reader, so that asking again helps.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Closed => true,
            Self::Database(error) => matches!(
                **error,
                redb::Error::PreviousIo | redb::Error::DatabaseClosed
            ),
            _ => false,
        }
    }
}

macro_rules! from_redb {
    ($($error:ty),+) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )+};
}

from_redb!(
    redb::CommitError,
    redb::CursorError,
    redb::DatabaseError,
    redb::SetDurabilityError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError
);
