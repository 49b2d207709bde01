//! Following the ledger: at the start from wherever the model ended, then block by block; or all at once, to build it anew.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chop_protocol::keys;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, error, info, warn};

use super::entity::{PREFIXES, project};
use super::meta::{self, Meta};
use super::plan::{Plan, plan};
use super::sql::{Dialect, Work};
use super::table::Rows;
use super::{OpenReadModelError, Projection, ProjectionError};
use crate::engine::comet::Synced;
use crate::engine::{Engine, View};
use crate::store::Snapshot;

/// Entries of the state that one SQL transaction takes.
const SEED: usize = 2_000;
/// How long it waits before it tries again what failed, at least and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// How often it looks for headers that come without a block.
const LOOK: Duration = Duration::from_secs(1);

/// The ledger at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The state after block `height`.
    pub(super) state: Arc<Snapshot>,
    pub(super) height: u64,
    /// The blocks, of which later ones do not matter, and their headers, as far as they are there.
    pub(super) blocks: Arc<Snapshot>,
}

impl Moment {
    /// The ledger as a store has it, whose last block is `height`.
    pub fn stored(snapshot: Snapshot, height: u64) -> Self {
        let snapshot = Arc::new(snapshot);
        Self {
            state: Arc::clone(&snapshot),
            height,
            blocks: snapshot,
        }
    }
}

/// How far building the model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Whether blocks are read, or the state before them.
    pub blocks: bool,
    /// Blocks or entries that are done.
    pub done: u64,
    /// How many there are.
    pub of: u64,
}

/// What building the model came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// The first block that it knows.
    pub first: u64,
    /// The last one.
    pub height: u64,
}

/// The task that keeps a model up with a running ledger; it ends with the ledger, or when it is dropped.
#[derive(Debug)]
pub struct Follower {
    task: JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        // What it was writing is rolled back.
        self.task.abort();
    }
}

impl Projection {
    /// Keeps the model up with a running ledger.
    pub fn follow(&self, engine: &Engine) -> Follower {
        let following = self.following(engine);
        let task = tokio::spawn(to_its_end(move || following.clone().run()));
        Follower { task }
    }

    pub(super) fn following(&self, engine: &Engine) -> Following {
        Following {
            projection: self.clone(),
            source: Source::of(engine),
            moment: None,
        }
    }

    /// Brings the model up to a moment of the ledger, and tells how far it is.
    ///
    /// # Errors
    /// When the database or the store fails, or blocks are missing between the model and the store.
    pub async fn catch_up(
        &self,
        moment: &Moment,
        mut tell: impl FnMut(Stage),
    ) -> Result<Rebuilt, ProjectionError> {
        while self.step(moment, &mut tell).await? {}
        let held = *self.inner.progress.borrow();
        let (first, height) = held.map_or((1, 0), |meta| (meta.first, meta.height));
        Ok(Rebuilt { first, height })
    }

    /// Moves the model on by one SQL transaction, or begins it; false when it knows all that the moment has.
    async fn step(
        &self,
        moment: &Moment,
        tell: &mut impl FnMut(Stage),
    ) -> Result<bool, ProjectionError> {
        let held = *self.inner.progress.borrow();
        let Some(held) = held else {
            self.seed(None, moment, tell).await?;
            return Ok(true);
        };
        if held.height >= moment.height {
            return Ok(false);
        }
        let next = held.height + 1;
        let reading = moment.clone();
        let planned = match blocking(move || plan(&reading, next, held.seeded)).await {
            Ok(Some(planned)) => planned,
            Ok(None) => return Ok(false),
            Err(ProjectionError::Gap { next, first }) => {
                warn!(
                    next,
                    first,
                    "blocks that the read model lacks were pruned: it begins anew with those that are there"
                );
                self.seed(Some(&held), moment, tell).await?;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let moved = self.write(&held, moment, planned).await?;
        self.inner.progress.send_replace(Some(moved));
        tell(Stage {
            blocks: true,
            done: moved.height.saturating_sub(moved.first) + 1,
            of: moment.height.saturating_sub(moved.first) + 1,
        });
        Ok(true)
    }

    async fn write(
        &self,
        held: &Meta,
        moment: &Moment,
        planned: Plan,
    ) -> Result<Meta, ProjectionError> {
        let state = if planned.reads_state {
            moment.height
        } else {
            planned.height
        };
        let moved = held.moved(planned.height, planned.hash, state);
        let mut work = self.inner.database.begin_writing().await?;
        meta::move_on(&mut work, held, &moved).await?;
        put(&mut work, planned.rows, self.inner.database.dialect).await?;
        work.commit().await?;
        Ok(moved)
    }

    /// Begins the model, in the place of what is `known` to be there: every entry of the state first. All in one transaction, so
    /// that the old one is read until the new one has begun, and two processes do not mix theirs.
    async fn seed(
        &self,
        known: Option<&Meta>,
        moment: &Moment,
        tell: &mut impl FnMut(Stage),
    ) -> Result<(), ProjectionError> {
        let database = &self.inner.database;
        let mut work = database.begin_writing().await?;
        meta::clear(&mut work, database.dialect, known).await?;
        let (of, mut done) = (moment.state.value_count()?, 0);
        for prefix in PREFIXES {
            let mut from = prefix.to_owned();
            loop {
                let (reading, at) = (moment.clone(), from.clone());
                let (rows, read, last) = blocking(move || entries(&reading, prefix, &at)).await?;
                let Some(last) = last else { break };
                put(&mut work, rows, database.dialect).await?;
                done += read;
                tell(Stage {
                    blocks: false,
                    done,
                    of,
                });
                // The first text behind a key is the key with the smallest character at its end.
                from = format!("{last}\0");
            }
        }
        // Of entries of other kinds there is nothing to write.
        tell(Stage {
            blocks: false,
            done: of,
            of,
        });
        let first = moment.blocks.first_height()?.unwrap_or(1);
        let begun = Meta::begun(self.inner.ledger, first, moment.height);
        meta::begin(&mut work, &begun).await?;
        work.commit().await?;
        info!(first, state = moment.height, "began the read model");
        self.inner.progress.send_replace(Some(begun));
        Ok(())
    }
}

/// What keeps a model up with a running ledger.
#[derive(Clone)]
pub(super) struct Following {
    projection: Projection,
    source: Source,
    /// What is being written. It is held until all of it is, because the store it shows keeps blocks that are pruned meanwhile;
    /// but not over a failure, which may last, for the ledger's file grows by all that is not given up.
    moment: Option<Moment>,
}

impl Following {
    async fn run(mut self) {
        let mut pause = PAUSES.0;
        loop {
            match self.turn().await {
                Ok(true) => {
                    pause = PAUSES.0;
                    self.projection.goes_on();
                }
                Ok(false) => {
                    pause = PAUSES.0;
                    if !self.source.changed().await {
                        debug!("the read model follows no longer: the ledger has ended");
                        return;
                    }
                }
                Err(error) => {
                    self.projection.failed(&error);
                    self.moment = None;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                    self.reread().await;
                }
            }
        }
    }

    /// Takes what is there after a failure, which another process may have written, as the new beginning, when it is this node's.
    pub(super) async fn reread(&mut self) {
        let projection = &self.projection;
        let Some(moment) = self.source.moment().filter(|_| projection.is_reached()) else {
            return;
        };
        match projection.reach(&moment.blocks).await {
            Ok(()) => {}
            Err(OpenReadModelError::Failed(error)) => {
                debug!(%error, "the read model cannot be read");
            }
            Err(error) => {
                warn!(%error, "the read model is no longer this node's: lists are refused");
                projection.give_up();
            }
        }
    }

    /// Moves the model on by one SQL transaction; false when it knows all that there is.
    pub(super) async fn turn(&mut self) -> Result<bool, ProjectionError> {
        if self.moment.is_none() {
            self.moment = self.source.moment();
        }
        let Some(moment) = &self.moment else {
            return Ok(false);
        };
        if !self.projection.is_reached() {
            let reached = self.projection.reach(&moment.blocks).await;
            reached.map_err(|error| match error {
                OpenReadModelError::Failed(error) => error,
                other => ProjectionError::NotThisNodes {
                    reason: other.to_string(),
                },
            })?;
            info!("the read model's database answers");
        }
        let moved = self.projection.step(moment, &mut |_| {}).await?;
        if !moved {
            self.moment = None;
        }
        Ok(moved)
    }
}

/// Runs a task to its end, and again, after a pause, when it broke off. Nothing of it is left when this is dropped.
async fn to_its_end<F>(begin: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let mut running = JoinSet::new();
        running.spawn(begin());
        match running.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                error!(%error, "what keeps the read model up broke off, and begins again");
                tokio::time::sleep(LOOK).await;
            }
            _ => return,
        }
    }
}

/// The rows of some entries of the state, how many were read, and the last key.
fn entries(
    moment: &Moment,
    prefix: &str,
    from: &str,
) -> Result<(Rows, u64, Option<String>), ProjectionError> {
    let found = moment.state.scan(from, &keys::after(prefix), SEED)?;
    let mut rows = Rows::default();
    for (key, value) in &found {
        project(&mut rows, key, value, moment.height)?;
    }
    rows.forget_old_words();
    let read = found.len() as u64;
    Ok((
        rows,
        read,
        found.into_iter().next_back().map(|(key, _)| key),
    ))
}

async fn put(work: &mut Work, rows: Rows, dialect: Dialect) -> Result<(), ProjectionError> {
    for (sql, cells) in rows.into_statements(dialect) {
        work.run(sql, cells).await?;
    }
    Ok(())
}

/// Reads the store away from the threads that answer requests.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ProjectionError> + Send + 'static,
) -> Result<T, ProjectionError> {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| {
        Err(ProjectionError::Unreadable {
            what: "rows",
            height: 0,
            reason: error.to_string(),
        })
    })
}

/// What a running ledger shows; it does not keep the ledger running.
#[derive(Clone)]
enum Source {
    Solo(watch::Receiver<Arc<View>>),
    /// Of the last state that a header proves, the block has its own header by then.
    Comet(watch::Receiver<Synced>),
}

impl Source {
    fn of(engine: &Engine) -> Self {
        match engine {
            Engine::Solo(solo) => Self::Solo(solo.views()),
            Engine::Comet(comet) => Self::Comet(comet.synced_views()),
        }
    }

    fn moment(&mut self) -> Option<Moment> {
        let (state, blocks) = match self {
            Self::Solo(views) => {
                let view = views.borrow_and_update().clone();
                (Arc::clone(&view), view)
            }
            Self::Comet(synced) => {
                let Synced { committed, proven } = synced.borrow_and_update().clone();
                (proven?, committed)
            }
        };
        (state.last_block() > 0).then(|| Moment {
            state: state.shared_snapshot(),
            height: state.last_block(),
            blocks: blocks.shared_snapshot(),
        })
    }

    /// Waits for more; false when the ledger has ended.
    async fn changed(&mut self) -> bool {
        match self {
            Self::Solo(views) => views.changed().await.is_ok(),
            Self::Comet(synced) => {
                tokio::select! {
                    changed = synced.changed() => changed.is_ok(),
                    // Headers that are completed after a start come without a block.
                    () = tokio::time::sleep(LOOK) => synced.has_changed().is_ok(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_breaks_off_begins_again_and_one_that_ends_does_not() {
        let begun = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&begun);
        to_its_end(move || {
            let begun = Arc::clone(&counting);
            async move {
                assert!(
                    begun.fetch_add(1, Ordering::SeqCst) > 0,
                    "the first breaks off"
                );
            }
        })
        .await;
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }
}
