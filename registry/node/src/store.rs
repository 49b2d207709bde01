//! What a node keeps: the state tree, the current values, blocks, outcomes and operation logs, in one redb file.
//!
//! One block is one transaction, so that a crash leaves a whole block or none. [`Store::commit`] is durable; where somebody
//! else keeps the blocks and replays them, [`Store::commit_unsynced`] may go before one [`Store::sync`] for several. What is
//! durable comes with redb's allocator state ("quick repair"): after a kill the file opens at once. Where a write fails, the
//! file is opened anew without ever writing to it, so that reads go on.

mod disk;
mod error;
mod frozen;
mod nodes;
mod record;
mod restore;
mod snapshot;
mod tables;
mod upper;
mod write;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Database, Durability};

pub use disk::DiskLimit;
pub use error::StoreError;
pub use record::{BlockRecord, RecordedResult};
pub use restore::{Entry, Goal, Restoring};
pub use snapshot::Snapshot;
use upper::UpperNodes;
pub use write::BlockWrite;

/// The longest file that is written to see whether there is room.
const PROBE_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of the file that are kept in memory; redb's own default is 1 GiB.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// The open database file of one ledger.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    limit: Arc<DiskLimit>,
    opened: RwLock<Opened>,
    /// Whether a crash would take something back that was committed.
    is_unsynced: AtomicBool,
    /// Whether a block was written since the opening, or since a restored state took the file's place.
    has_begun: AtomicBool,
}

/// An opening of the file, with what of its tree most blocks read: another opening may find other nodes.
#[derive(Debug)]
struct Opened {
    handle: Handle,
    upper: Arc<UpperNodes>,
}

impl From<Handle> for Opened {
    fn from(handle: Handle) -> Self {
        Self {
            handle,
            upper: Arc::default(),
        }
    }
}

/// What became of a database file.
pub(crate) enum Handle {
    /// Open for reading and writing.
    Writable(Database),
    /// Open, but nothing reaches the file.
    Frozen(Database),
    /// Between two openings, or after an opening that failed.
    Closed,
}

impl Store {
    /// Opens the file for reading and writing; makes an empty one when there is none.
    ///
    /// # Errors
    /// When the file is in use, damaged beyond redb's repair, or of another format.
    pub fn open(path: &Path, limit: Arc<DiskLimit>) -> Result<Self, StoreError> {
        let database = open_writable(path, &limit)?;
        Ok(Self::of(path, limit, Handle::Writable(database)))
    }

    /// Opens the file for reading, and never writes to it: not even what redb notes at an opening and a closing.
    ///
    /// # Errors
    /// As [`Store::open`], and when there is no such file.
    pub fn open_frozen(path: &Path) -> Result<Self, StoreError> {
        let database = frozen_database(path)?;
        // What is missing in an old file is made in memory.
        tables::prepare(&database)?;
        let limit = Arc::new(DiskLimit::none());
        Ok(Self::of(path, limit, Handle::Frozen(database)))
    }

    /// Opens a database over a backend of the caller's, as crash tests do.
    ///
    /// # Errors
    /// As [`Store::open`].
    #[cfg(test)]
    pub(crate) fn over(backend: impl redb::StorageBackend) -> Result<Self, StoreError> {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(backend)?;
        tables::prepare(&database)?;
        let limit = Arc::new(DiskLimit::none());
        Ok(Self::of(Path::new(""), limit, Handle::Writable(database)))
    }

    fn of(path: &Path, limit: Arc<DiskLimit>, handle: Handle) -> Self {
        Self {
            path: path.to_owned(),
            limit,
            opened: RwLock::new(handle.into()),
            is_unsynced: AtomicBool::new(false),
            has_begun: AtomicBool::new(false),
        }
    }

    /// Takes a snapshot of everything that was committed so far.
    ///
    /// # Errors
    /// When the database is closed or fails.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        match &opened.handle {
            Handle::Writable(database) | Handle::Frozen(database) => {
                Snapshot::of(database, &opened.upper)
            }
            Handle::Closed => Err(StoreError::Closed),
        }
    }

    /// Writes blocks and all that they changed, durably and as a whole.
    ///
    /// # Errors
    /// When the blocks do not follow the last one, or the disk does not take them; then nothing of them is kept.
    pub fn commit(&self, write: &BlockWrite<'_>) -> Result<(), StoreError> {
        self.commit_with(write, Durability::Immediate)
    }

    /// Writes blocks and all that they changed, as a whole but not durably: a crash takes them back, whole blocks of them, unless
    /// a [`Self::sync`] or any other durable write came after. Whoever calls this can bring the blocks again. The first block is
    /// durable all the same: without one the restored state of a snapshot is taken for one that was never gone on from.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn commit_unsynced(&self, write: &BlockWrite<'_>) -> Result<(), StoreError> {
        if !self.has_begun.load(Ordering::SeqCst) {
            self.commit(write)?;
            self.has_begun.store(true, Ordering::SeqCst);
            return Ok(());
        }
        self.is_unsynced.store(true, Ordering::SeqCst);
        self.commit_with(write, Durability::None)
    }

    fn commit_with(
        &self,
        write: &BlockWrite<'_>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.write(|database, upper| {
            write.commit(database, durability)?;
            upper.follow(write.stale_nodes(), write.lasting_nodes());
            Ok(())
        })
    }

    /// Makes durable what was committed before.
    ///
    /// # Errors
    /// When the disk does not take it; then all that was not durable may be lost.
    pub fn sync(&self) -> Result<(), StoreError> {
        if !self.is_unsynced.swap(false, Ordering::SeqCst) {
            return Ok(());
        }
        let synced = self.write(|database, _| write::sync(database));
        if synced.is_err() {
            self.is_unsynced.store(true, Ordering::SeqCst);
        }
        synced
    }

    /// Writes headers that came after their blocks; from now on every header up to `until` is here.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn add_headers(&self, headers: &[(u64, Vec<u8>)], until: u64) -> Result<(), StoreError> {
        self.write(|database, _| write::add_headers(database, headers, until))
    }

    /// Writes how the solo ledger ended that this one was, instead of what is known of it: JSON of `chop_proof::Handover`.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn keep_handover(&self, handover: &[u8]) -> Result<(), StoreError> {
        self.write(|database, _| write::keep_handover(database, handover))
    }

    fn write(
        &self,
        work: impl FnOnce(&Database, &UpperNodes) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        match &opened.handle {
            Handle::Writable(database) => work(database, &opened.upper),
            Handle::Frozen(_) => Err(StoreError::ReadOnly),
            Handle::Closed => Err(StoreError::Closed),
        }
    }

    /// Closes the database and opens it for reading only, which redb needs after any failed write.
    ///
    /// # Errors
    /// When it does not open; then it stays closed.
    pub fn reopen_read_only(&self) -> Result<(), StoreError> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        *opened = Handle::Closed.into();
        *opened = Handle::Frozen(frozen_database(&self.path)?).into();
        Ok(())
    }

    /// Closes the database and opens it for writing again.
    ///
    /// # Errors
    /// When it does not open; then it stays closed.
    pub fn reopen_writable(&self) -> Result<(), StoreError> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        *opened = Handle::Closed.into();
        *opened = Handle::Writable(open_writable(&self.path, &self.limit)?).into();
        Ok(())
    }

    /// Begins to make a database of a snapshot's entries, beside this one.
    ///
    /// # Errors
    /// When its file cannot be made.
    pub fn restore(&self) -> Result<Restoring, StoreError> {
        Restoring::begin(&self.path, &self.limit)
    }

    /// Puts a restored database in the place of this one, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be moved or opened; then this one stays closed.
    pub fn replace(&self, restored: Restoring) -> Result<(), StoreError> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let from = restored.release();
        *opened = Handle::Closed.into();
        self.has_begun.store(false, Ordering::SeqCst);
        std::fs::rename(&from, &self.path)?;
        let folder = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        *opened = Handle::Writable(open_writable(&self.path, &self.limit)?).into();
        Ok(())
    }

    /// Says whether the disk takes `bytes` more, by writing and removing a file of that size next to the database; of more than
    /// [`PROBE_BYTES`] the file system is asked for the rest.
    pub fn has_room(&self, bytes: u64) -> bool {
        let probe = self.path.with_extension("room");
        if bytes > PROBE_BYTES && disk::free_bytes(&self.path).is_some_and(|free| free < bytes) {
            return false;
        }
        let taken = disk::probe(&probe, bytes.min(PROBE_BYTES));
        // A probe that cannot be removed costs room, but the answer stands.
        let _removed = std::fs::remove_file(&probe);
        taken.is_ok() && self.limit.allows_growth_of(&self.path, bytes)
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Writable(_) => "Writable",
            Self::Frozen(_) => "Frozen",
            Self::Closed => "Closed",
        })
    }
}

fn open_writable(path: &Path, limit: &Arc<DiskLimit>) -> Result<Database, StoreError> {
    let database = database(path, limit)?;
    tables::prepare(&database)?;
    Ok(database)
}

/// Opens a database file that grows up to its limit, or makes it so that it lasts.
pub(crate) fn database(path: &Path, limit: &Arc<DiskLimit>) -> Result<Database, StoreError> {
    let is_new = !path.exists();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    if is_new {
        // A file is durable only when the folder that names it is.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let backend = disk::Disk::new(file, Arc::clone(limit))?;
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    Ok(builder.create_with_backend(backend)?)
}

/// Opens a database file without ever writing to it.
pub(crate) fn frozen_database(path: &Path) -> Result<Database, StoreError> {
    let backend = frozen::Frozen::new(OpenOptions::new().read(true).open(path)?)?;
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    Ok(builder.create_with_backend(backend)?)
}

#[cfg(test)]
mod crash;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;
