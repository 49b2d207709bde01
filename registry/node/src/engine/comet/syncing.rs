//! The thread that makes committed blocks durable in the store.
//!
//! CometBFT syncs a block to its own store, and that it is decided to its log, before the application executes it
//! (`finalizeCommit` of its consensus); what the application has lost after a crash it replays. So a write need not wait for
//! the store's own sync, and the blocks of [`PAUSE`] share one. What is derived from blocks, and the pruning of CometBFT's,
//! follow what is durable here: see ADR 0015.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::shared::{Shared, Synced};
use crate::engine::EngineError;
use crate::store::StoreError;

/// From one sync to the next, at least: a crash takes back about as much.
const PAUSE: Duration = Duration::from_secs(1);

/// The thread. When it goes, it syncs what is left.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    pub(super) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let (watched, ends) = (Arc::clone(shared), Arc::clone(&ending));
        let thread = std::thread::Builder::new()
            .name("sync".to_owned())
            .spawn(move || run(&watched, &ends))?;
        let _first = shared.syncing.set(thread.thread().clone());
        Ok(Self {
            shared: Arc::clone(shared),
            ending,
            thread: Some(thread),
        })
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ended = thread.join();
        }
        sync(&self.shared);
    }
}

fn run(shared: &Shared, ending: &AtomicBool) {
    let mut synced: Option<Instant> = None;
    while !ending.load(Ordering::SeqCst) {
        let rest = synced.map_or(Duration::ZERO, |at| PAUSE.saturating_sub(at.elapsed()));
        if shared.is_all_synced() {
            std::thread::park();
        } else if rest > Duration::ZERO {
            std::thread::park_timeout(rest);
        } else {
            sync(shared);
            synced = Some(Instant::now());
        }
    }
}

/// Makes durable what is shown, and tells so.
pub(super) fn sync(shared: &Shared) {
    // Whatever is shown was written before.
    let shown = Synced {
        proven: shared.proven(),
        committed: shared.view(),
    };
    match shared.store.sync() {
        // Unless a failure took the blocks back meanwhile.
        Ok(()) => {
            if shown.committed.last_block() <= shared.view().last_block() {
                shared.synced.send_replace(shown);
            }
        }
        // Somebody else met the failure, or the node ends.
        Err(StoreError::ReadOnly | StoreError::Closed) => {}
        Err(error) => shared.fail(&EngineError::from(error)),
    }
}
