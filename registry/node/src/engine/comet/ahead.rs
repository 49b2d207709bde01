//! Executing a proposed block while the validators vote on it, so that little is left to do once it is decided.
//!
//! Execution reads the state before the block and writes nothing: a block that is not decided leaves no trace.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tracing::debug;

use super::block::Executed;
use crate::engine::EngineError;

/// What comes of one block on one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Aim {
    /// Hash of the block's header, which commits to all that is in the block.
    pub(super) block: [u8; 32],
    /// Root of the state before it.
    pub(super) parent: [u8; 32],
}

type Work = JoinHandle<Result<Executed, EngineError>>;

/// The block that is executed ahead. However many a proposer names, there is one at a time.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    begun: Mutex<Option<(Aim, Work)>>,
}

impl Ahead {
    /// Begins to execute a block on a thread of its own, unless another one still has it.
    pub(super) fn begin(
        &self,
        aim: Aim,
        work: impl FnOnce() -> Result<Executed, EngineError> + Send + 'static,
    ) {
        let mut begun = self.lock();
        let has_it = begun.as_ref().is_some_and(|(last, _)| *last == aim);
        if has_it || is_under_way(begun.as_ref()) {
            return;
        }
        // Where the system gives no thread, it is executed when it is decided.
        let thread = std::thread::Builder::new()
            .name("ahead".to_owned())
            .spawn(work);
        *begun = thread.ok().map(|thread| (aim, thread));
    }

    /// What came of the block, waiting for it when it is under way; none when another was begun, or it failed and has to be
    /// executed again to fail where it is seen.
    pub(super) fn take(&self, aim: Aim) -> Option<Executed> {
        let (_, thread) = self.lock().take_if(|(begun, _)| *begun == aim)?;
        match thread.join() {
            Ok(Ok(executed)) => Some(executed),
            Ok(Err(error)) => {
                debug!(%error, "a block that was executed ahead is executed again");
                None
            }
            Err(_) => None,
        }
    }

    /// Whether a block is being executed.
    #[cfg(test)]
    pub(super) fn is_busy(&self) -> bool {
        is_under_way(self.lock().as_ref())
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Aim, Work)>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_under_way(begun: Option<&(Aim, Work)>) -> bool {
    begun.is_some_and(|(_, thread)| !thread.is_finished())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    fn aim(n: u8) -> Aim {
        Aim {
            block: [n; 32],
            parent: [0; 32],
        }
    }

    fn failure() -> Result<Executed, EngineError> {
        Err(EngineError::Unproven { height: 1 })
    }

    #[test]
    fn executes_one_block_at_a_time_and_each_once() {
        let ahead = Ahead::default();
        let (release, held) = channel::<()>();
        let others = Arc::new(AtomicUsize::new(0));
        let other = || {
            let others = Arc::clone(&others);
            move || {
                others.fetch_add(1, Ordering::SeqCst);
                failure()
            }
        };
        ahead.begin(aim(1), move || {
            let _released = held.recv();
            failure()
        });
        ahead.begin(aim(2), other());
        assert!(ahead.take(aim(2)).is_none());
        release.send(()).unwrap();
        while ahead.is_busy() {
            std::thread::yield_now();
        }
        ahead.begin(aim(1), other());
        assert_eq!(others.load(Ordering::SeqCst), 0);
        ahead.begin(aim(2), other());
        assert!(ahead.take(aim(2)).is_none());
        assert_eq!(others.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn gives_nothing_where_the_work_failed_or_panicked() {
        let ahead = Ahead::default();
        ahead.begin(aim(1), failure);
        assert!(ahead.take(aim(1)).is_none());
        ahead.begin(aim(1), || panic!("as a test"));
        assert!(ahead.take(aim(1)).is_none());
    }
}
