//! After a commit that failed: what the store says, reads from what is there, and writes once the disk takes them again.

use std::sync::Arc;
use std::time::Instant;

use tracing::{error, info, warn};

use super::{RETRY, Sequencer, last_block};
use crate::engine::solo::Health;
use crate::engine::{EngineError, OpenError, View, handover};

/// Room that must be there before it writes again, in bytes.
const ROOM_BYTES: u64 = 8 * 1024 * 1024;

impl Sequencer {
    /// After a failed commit: reads go on from what the disk has, writes wait for better times.
    pub(super) fn fail(&mut self, failure: &EngineError) {
        error!(height = self.parent.height + 1, error = %failure, "a commit failed, the ledger is read-only now");
        if self.health() != Health::Promoted {
            self.shared.health.send_replace(Health::ReadOnly);
        }
        self.read_only();
    }

    /// Tries to take writes again; what becomes of it is the ledger's health.
    pub(super) fn recover(&mut self) {
        // The look itself writes: callers do not make it happen more often.
        if self.looked.is_some_and(|looked| looked.elapsed() < RETRY) {
            return;
        }
        self.looked = Some(Instant::now());
        if !self.shared.store.has_room(ROOM_BYTES) {
            return;
        }
        let opened = self
            .shared
            .store
            .reopen_writable()
            .map_err(OpenError::from)
            .and_then(|()| self.reload());
        match opened {
            Ok(()) if self.health() == Health::Promoted => {}
            Ok(()) => {
                info!(height = self.parent.height, "the disk takes writes again");
                self.shared.health.send_replace(Health::Ready);
            }
            Err(error) => {
                warn!(%error, "the disk has room, but the database does not open for writing");
                self.read_only();
            }
        }
    }

    /// Opens the database for reading, and shows what is in it.
    fn read_only(&mut self) {
        let opened = self.shared.store.reopen_read_only();
        if let Err(error) = opened.map_err(OpenError::from).and_then(|()| self.reload()) {
            error!(%error, "the database does not open for reading either");
        }
    }

    /// Takes parent and view from the store anew, and whether the ledger ended: the store alone knows what a failed commit left.
    fn reload(&mut self) -> Result<(), OpenError> {
        let parent = last_block(&self.shared.store)?;
        if parent.height != self.parent.height {
            // The commit that failed reached the disk after all; its round is over.
            self.round = 0;
        }
        self.parent = parent;
        let view = View::of(
            &self.shared.store,
            self.shared.trust_root.validators(),
            None,
        )?;
        let ended = handover::read(view.snapshot())?.is_some();
        self.shared.view.send_replace(Arc::new(view));
        if ended {
            self.end();
        }
        Ok(())
    }

    /// The store holds the handover: this key signs no more, whatever else fails.
    pub(super) fn end(&self) {
        info!("the ledger was promoted; its own key signs no more");
        self.shared.health.send_replace(Health::Promoted);
    }
}
