//! Who waits for which transaction on a bare CometBFT, and whoever sees it committed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chop_node::engine::comet::floor::Blocks;
use tokio::sync::oneshot;

use super::super::generator::THREADS;

/// How long the follower rests when there is no new block.
const REST: Duration = Duration::from_millis(2);

/// Transactions that somebody waits for, by CometBFT's hashes of them.
#[derive(Debug, Default)]
pub(super) struct Commits {
    waiting: Mutex<HashMap<[u8; 32], oneshot::Sender<()>>>,
}

impl Commits {
    /// Resolves when the transaction is committed; an error when nobody will tell any more.
    pub(super) fn expect(&self, hash: [u8; 32]) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.lock().insert(hash, sender);
        receiver
    }

    /// Tells those who wait for one of these.
    pub(super) fn settle(&self, hashes: &[[u8; 32]]) {
        let mut waiting = self.lock();
        for sender in hashes.iter().filter_map(|hash| waiting.remove(hash)) {
            let _gone = sender.send(());
        }
    }

    /// Lets go of everybody.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads every block of an application that tells nobody. Its thread counts as the load generator's; it ends when this goes.
pub(super) struct Follower {
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Follows from the first block.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(super) fn start(blocks: Blocks, commits: Arc<Commits>) -> std::io::Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let is_ending = Arc::clone(&ending);
        let follow = move || {
            let mut height = 1;
            while !is_ending.load(Ordering::Relaxed) {
                // A CometBFT that does not answer yet, or no longer, is asked again; who waits in vain says so.
                if let Ok(Some(hashes)) = blocks.transactions(height) {
                    commits.settle(&hashes);
                    height += 1;
                } else {
                    std::thread::sleep(REST);
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name(THREADS.to_owned())
            .spawn(follow)?;
        Ok(Self {
            ending,
            thread: Some(thread),
        })
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_who_waits_for_it_and_lets_the_others_go_at_the_end() {
        let commits = Commits::default();
        let (mut first, mut second) = (commits.expect([1; 32]), commits.expect([2; 32]));
        commits.settle(&[[3; 32], [1; 32]]);
        assert_eq!(first.try_recv(), Ok(()));
        assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Empty));
        commits.close();
        assert_eq!(second.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
