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
//! first all of them, then those that a block touched. While blocks are still missing that the state already shows, only
//! questions about blocks and what is in them are answered.
//!
//! A ledger does not wait for its read model: where the database does not answer, lists are refused until it does.

mod entity;
mod error;
mod follow;
mod meta;
mod page;
mod place;
mod plan;
mod read;
mod search;
mod sql;
mod table;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chop_did::LedgerId;
use tokio::sync::watch;
use tracing::{error, warn};

use crate::store::Snapshot;
use meta::Meta;
use sql::Database;

pub use error::{CursorError, OpenReadModelError, ProjectionError};
pub use follow::{Follower, Moment, Rebuilt, Stage};
pub(crate) use page::Filters;
pub use place::{Place, PlaceError};
pub(crate) use read::{Accredited, Facets, Page, Position, Reading};
pub(crate) use search::Search;

/// How long an answer waits for the blocks that the node had when it was asked.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How many blocks behind it may be for that to be worth the wait.
const NEAR: u64 = 64;

/// The read model of one ledger. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Projection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: Database,
    ledger: LedgerId,
    /// Whether the database has answered, its tables are made, and what is in them is this node's.
    reached: AtomicBool,
    /// Whether the database refused the user or the password when it was last asked.
    refused: AtomicBool,
    /// What was last committed here; none before the model was begun.
    progress: watch::Sender<Option<Meta>>,
    /// Whether streams shall end.
    ending: watch::Sender<bool>,
}

impl Projection {
    /// Opens the model at a place, made when there is none, and checks that it is one of this ledger, as `held` has it. Where the
    /// database fails, whoever follows the ledger tries again.
    ///
    /// # Errors
    /// [`OpenReadModelError`] when the place is none, or the database holds somebody else's tables, or the model of another
    /// ledger, of another version, or of blocks that this node does not have.
    pub async fn open(
        place: &Place,
        ledger: LedgerId,
        held: &Snapshot,
    ) -> Result<Self, OpenReadModelError> {
        let projection = Self::over(Database::at(place)?, ledger);
        match projection.reach(held).await {
            Err(OpenReadModelError::Failed(ProjectionError::Database(error)))
                if !matches!(error, sqlx::Error::Configuration(_)) =>
            {
                projection.failed(&error.into());
            }
            reached => reached?,
        }
        Ok(projection)
    }

    /// Makes the tables where they are missing, and checks that what is in them is this node's.
    async fn reach(&self, held: &Snapshot) -> Result<(), OpenReadModelError> {
        let found = meta::prepare(&self.inner.database).await?;
        if let Some(found) = &found {
            meta::check(found, self.inner.ledger, held)?;
        }
        self.inner.progress.send_replace(found);
        self.inner.reached.store(true, Ordering::Release);
        self.inner.refused.store(false, Ordering::Release);
        Ok(())
    }

    /// Tells the operator why the model is not written or read now, and notes whether that is theirs to mend.
    fn failed(&self, failure: &ProjectionError) {
        let is_refused = failure.is_refusal();
        self.inner.refused.store(is_refused, Ordering::Release);
        if is_refused {
            error!(
                error = %failure,
                "the read model's database refuses this node: see to the user and the password of --read-model"
            );
        } else if self.is_reached() {
            warn!(error = %failure, "the read model stays behind");
        } else {
            warn!(
                error = %failure,
                "the read model's database is not reached: lists are refused until it is"
            );
        }
    }

    /// Notes that the database takes what is written.
    fn goes_on(&self) {
        self.inner.refused.store(false, Ordering::Release);
    }

    /// Whether the database answers, and refuses the user or the password.
    pub(crate) fn is_refused(&self) -> bool {
        self.inner.refused.load(Ordering::Acquire)
    }

    /// Answers nothing from what is there until it is reached, and checked, again.
    fn give_up(&self) {
        self.inner.reached.store(false, Ordering::Release);
        self.inner.progress.send_replace(None);
    }

    fn is_reached(&self) -> bool {
        self.inner.reached.load(Ordering::Acquire)
    }

    /// Opens the model at a place and forgets what is in it, whichever ledger it was of.
    ///
    /// # Errors
    /// When the database cannot be used, or has tables that are no read model's.
    pub async fn begin_anew(place: &Place, ledger: LedgerId) -> Result<Self, ProjectionError> {
        let projection = Self::over(Database::at(place)?, ledger);
        meta::drop_all(&projection.inner.database).await?;
        meta::prepare(&projection.inner.database).await?;
        projection.inner.reached.store(true, Ordering::Release);
        Ok(projection)
    }

    fn over(database: Database, ledger: LedgerId) -> Self {
        Self {
            inner: Arc::new(Inner {
                database,
                ledger,
                reached: AtomicBool::new(false),
                refused: AtomicBool::new(false),
                progress: watch::Sender::new(None),
                ending: watch::Sender::new(false),
            }),
        }
    }

    /// The last block that shows in it; 0 before the first.
    pub fn height(&self) -> u64 {
        self.begun().unwrap_or(0)
    }

    /// The last block that shows in it; none before its database was reached and it was begun.
    pub(crate) fn begun(&self) -> Option<u64> {
        self.inner.progress.borrow().map(|meta| meta.height)
    }

    /// The first block whose transactions it knows; none before its database was reached and it was begun.
    pub(crate) fn first(&self) -> Option<u64> {
        self.inner.progress.borrow().map(|meta| meta.first)
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
        if !self.is_reached() {
            return;
        }
        let mut progress = self.watch();
        // Later than that, the answer says that it is older.
        let _late = tokio::time::timeout(PATIENCE, progress.wait_for(near)).await;
    }
}

#[cfg(test)]
mod tests;
