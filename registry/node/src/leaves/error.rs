//! Why leaves were not taken or found.

use chop_protocol::LeafError;
use thiserror::Error;

use crate::store::StoreError;

/// Names a failure of the store of leaves, or of what was to be stored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LeafStoreError {
    /// redb failed.
    #[error("the database of leaves failed: {0}")]
    Database(#[source] Box<redb::Error>),
    /// The file cannot be opened, or takes no writes at present.
    #[error("the file of the leaves: {0}")]
    File(#[from] StoreError),
    /// A record does not decode.
    #[error("a record of the leaves does not decode: {reason}")]
    Damaged {
        /// What the decoder said.
        reason: String,
    },
    /// The leaves are not those of their terms.
    #[error("{0}")]
    Leaves(#[from] LeafError),
    /// Another run comes next.
    #[error("run {found} came, run {expected} comes next")]
    OutOfTurn {
        /// The run that came.
        found: u32,
        /// The run that comes next.
        expected: u32,
    },
    /// Nobody said that leaves of these terms would come.
    #[error("no leaves of these terms are expected here")]
    Unexpected,
    /// As many batches are on their way as may be.
    #[error("the leaves of {most} batches are on their way already")]
    Busy {
        /// How many may be.
        most: usize,
    },
}

impl LeafStoreError {
    /// Says whether the database has to be opened anew, which redb needs after any failed access to its file.
    pub(super) fn is_of_the_file(&self) -> bool {
        match self {
            Self::Database(error) => matches!(
                **error,
                redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed
            ),
            Self::File(error) => error.is_passing(),
            _ => false,
        }
    }
}

/// Turns each of redb's errors into [`LeafStoreError::Database`].
macro_rules! from_redb {
    ($($error:ty),+) => {$(
        impl From<$error> for LeafStoreError {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )+};
}

from_redb!(
    redb::CommitError,
    redb::DatabaseError,
    redb::SetDurabilityError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError
);
