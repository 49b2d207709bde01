//! The file under the leaves: an access that fails costs itself alone.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use tracing::{info, warn};

use super::LeafStoreError;
use crate::store::{self, DiskLimit, Handle, StoreError};

/// A database that is opened anew when the disk did not take a write, and is read meanwhile.
pub(super) struct LeafFile {
    path: PathBuf,
    limit: Arc<DiskLimit>,
    prepare: fn(&Database) -> Result<(), LeafStoreError>,
    opened: RwLock<Opened>,
}

struct Opened {
    handle: Handle,
    /// How often it was opened before: what was not durable then is gone.
    times: u64,
}

impl LeafFile {
    /// Opens the file, or makes it; `prepare` runs whenever it is opened.
    pub(super) fn open(
        path: &Path,
        limit: Arc<DiskLimit>,
        prepare: fn(&Database) -> Result<(), LeafStoreError>,
    ) -> Result<Self, LeafStoreError> {
        let database = store::database(path, &limit)?;
        prepare(&database)?;
        Ok(Self {
            path: path.to_owned(),
            limit,
            prepare,
            opened: RwLock::new(Opened {
                handle: Handle::Writable(database),
                times: 0,
            }),
        })
    }

    /// How often the file was opened anew.
    pub(super) fn times(&self) -> u64 {
        self.opened().times
    }

    /// Reads; tries a second time when the file had to be opened anew. No read or write may be begun inside `read`.
    pub(super) fn read<T>(
        &self,
        read: impl Fn(&ReadTransaction) -> Result<T, LeafStoreError>,
    ) -> Result<T, LeafStoreError> {
        let attempt = || {
            let opened = self.opened();
            let found = match &opened.handle {
                Handle::Writable(database) | Handle::Frozen(database) => database
                    .begin_read()
                    .map_err(LeafStoreError::from)
                    .and_then(|transaction| read(&transaction)),
                Handle::Closed => Err(StoreError::Closed.into()),
            };
            (found, opened.times)
        };
        match attempt() {
            (Err(error), times) if error.is_of_the_file() => {
                self.reopen(times, &error);
                attempt().0
            }
            (found, _) => found,
        }
    }

    /// Writes all of it or nothing; `write` is also told how often the file was opened anew. No read or write may be begun
    /// inside `write`.
    pub(super) fn write<T>(
        &self,
        write: impl FnOnce(&mut WriteTransaction, u64) -> Result<T, LeafStoreError>,
    ) -> Result<T, LeafStoreError> {
        let (is_writable, times) = {
            let opened = self.opened();
            (matches!(opened.handle, Handle::Writable(_)), opened.times)
        };
        if !is_writable {
            self.reopen(times, &StoreError::ReadOnly.into());
        }
        let opened = self.opened();
        let times = opened.times;
        let Handle::Writable(database) = &opened.handle else {
            return Err(StoreError::ReadOnly.into());
        };
        let attempt = || {
            let mut transaction = database.begin_write()?;
            let value = write(&mut transaction, times)?;
            transaction.commit()?;
            Ok(value)
        };
        let written: Result<T, LeafStoreError> = attempt();
        drop(opened);
        if let Err(error) = &written
            && error.is_of_the_file()
        {
            self.reopen(times, error);
        }
        written
    }

    /// Opens the file anew, for writing where the disk lets it, unless somebody did so already.
    fn reopen(&self, seen: u64, cause: &LeafStoreError) {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if opened.times != seen {
            return;
        }
        opened.times += 1;
        // The old one goes first: it holds the lock of the file.
        opened.handle = Handle::Closed;
        let writable = store::database(&self.path, &self.limit).map_err(LeafStoreError::from);
        let prepared = writable.and_then(|database| {
            (self.prepare)(&database)?;
            Ok(database)
        });
        opened.handle = match prepared {
            Ok(database) => {
                info!(%cause, "opened the leaves anew");
                Handle::Writable(database)
            }
            Err(error) => {
                warn!(%cause, %error, "the leaves take no writes");
                match store::frozen_database(&self.path) {
                    Ok(database) => Handle::Frozen(database),
                    Err(error) => {
                        warn!(%error, "the leaves cannot be read");
                        Handle::Closed
                    }
                }
            }
        };
    }

    fn opened(&self) -> RwLockReadGuard<'_, Opened> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner)
    }
}
