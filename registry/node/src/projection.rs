//! The read model: what explorers ask for and no key of the state answers, kept in SQL beside the ledger.
//!
//! It is made of the blocks and the state alone, so that it can be dropped and built again at any time. It follows the ledger
//! at its own pace and never holds it up. Nothing in it is proven: every answer says as of which height it speaks.
//!
//! ```text
//! engine ─▶ settled state ─▶ plan (rows of some blocks) ─▶ one SQL transaction: rows and height ─▶ watchers
//! ```
//!
//! Blocks and transactions come from the blocks. DIDs, proposals, accreditations and words come from the state, at its newest:
//! first all of them, then those that a block touched. While blocks are still missing that the state already shows, the model
//! says that it is being built and answers nothing else.

mod entity;
mod error;
mod follow;
mod meta;
mod page;
mod plan;
mod read;
mod search;
mod sql;
mod table;
mod words;

use std::sync::Arc;
use std::time::Duration;

use chop_did::LedgerId;
use tokio::sync::{Semaphore, watch};

use crate::store::Snapshot;
use meta::Meta;
use sql::Database;

pub use error::{CursorError, OpenReadModelError, ProjectionError};
pub use follow::{Follower, Moment, Rebuilt, Stage};
pub(crate) use page::Filters;
pub(crate) use read::{Accredited, Facets, Page, Position, Reading};
pub(crate) use search::Search;
pub use sql::{Place, PlaceError};

/// How long an answer waits for the blocks that the node had when it was asked.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How many blocks behind it may be for that to be worth the wait.
const NEAR: u64 = 64;
/// Most streams of events at once.
const MAX_STREAMS: usize = 64;

/// The read model of one ledger. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Projection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: Database,
    ledger: LedgerId,
    /// What was last committed here; none before the model was begun.
    progress: watch::Sender<Option<Meta>>,
    streams: Arc<Semaphore>,
    /// Whether streams shall end.
    ending: watch::Sender<bool>,
}

impl Projection {
    /// Opens the model at a place, made when there is none, and checks that it is one of this ledger, as `held` has it.
    ///
    /// # Errors
    /// [`OpenReadModelError`] when the database cannot be used, or holds the model of another ledger, of another version, or of
    /// blocks that this node does not have.
    pub async fn open(
        place: &Place,
        ledger: LedgerId,
        held: &Snapshot,
    ) -> Result<Self, OpenReadModelError> {
        let database = Database::open(place).await?;
        let found = meta::prepare(&database).await?;
        if let Some(found) = &found {
            meta::check(found, ledger, held)?;
        }
        Ok(Self::over(database, ledger, found))
    }

    /// Opens the model at a place and forgets whatever is in it, whosever it was.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn begin_anew(place: &Place, ledger: LedgerId) -> Result<Self, ProjectionError> {
        let database = Database::open(place).await?;
        meta::drop_all(&database).await?;
        meta::prepare(&database).await?;
        Ok(Self::over(database, ledger, None))
    }

    fn over(database: Database, ledger: LedgerId, found: Option<Meta>) -> Self {
        Self {
            inner: Arc::new(Inner {
                database,
                ledger,
                progress: watch::Sender::new(found),
                streams: Arc::new(Semaphore::new(MAX_STREAMS)),
                ending: watch::Sender::new(false),
            }),
        }
    }

    /// The last block that shows in it; 0 before the first.
    pub fn height(&self) -> u64 {
        self.inner.progress.borrow().map_or(0, |meta| meta.height)
    }

    /// Ends the streams of events, so that the connections that carry them can end.
    pub fn end_streams(&self) {
        self.inner.ending.send_replace(true);
    }

    /// Tells when streams shall end.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.inner.ending.subscribe()
    }

    /// Closes the connections; what was under way is rolled back.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// Tells of every change; ends when nobody follows the ledger any more.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Meta>> {
        self.inner.progress.subscribe()
    }

    /// Waits, for a moment, until this block shows, when it is about to.
    pub(crate) async fn until(&self, height: u64) {
        let near = |meta: &Option<Meta>| {
            let shown = meta.map_or(0, |meta| meta.height);
            shown >= height || height - shown > NEAR
        };
        let mut progress = self.watch();
        // Later than that, the answer says that it is older.
        let _late = tokio::time::timeout(PATIENCE, progress.wait_for(near)).await;
    }

    /// A place among the streams of events; none when all are taken.
    pub(crate) fn stream(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        Arc::clone(&self.inner.streams).try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests;
