//! The file under the database, with an optional bound on its size.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// How many bytes the database file may take; it can be changed while the file is open.
///
/// A write that would grow the file beyond it fails as a full disk does, and so an operator can keep a ledger from
/// filling a shared disk.
#[derive(Debug)]
pub struct DiskLimit(AtomicU64);

impl DiskLimit {
    /// Leaves the bound to the disk.
    pub fn none() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    /// Bounds the file to `bytes` bytes.
    pub fn of(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    /// Changes the bound to `bytes` bytes.
    pub fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Release);
    }

    pub(super) fn allows_growth_of(&self, path: &Path, bytes: u64) -> bool {
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        self.check(length.saturating_add(bytes)).is_ok()
    }

    fn check(&self, length: u64) -> io::Result<()> {
        if length > self.0.load(Ordering::Acquire) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }
}

/// A file that does not grow beyond its limit.
#[derive(Debug)]
pub(super) struct Disk {
    file: FileBackend,
    limit: Arc<DiskLimit>,
}

impl Disk {
    pub(super) fn new(file: File, limit: Arc<DiskLimit>) -> Result<Self, DatabaseError> {
        Ok(Self {
            file: FileBackend::new(file)?,
            limit,
        })
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if len > self.file.len()? {
            self.limit.check(len)?;
        }
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
}

/// Bytes that the file system has left for this process; `None` where it does not say.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let told = rustix::fs::statvfs(path).ok()?;
    Some(told.f_bavail.saturating_mul(told.f_frsize))
}

/// Writes `bytes` bytes to a new file and syncs them.
pub(super) fn probe(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    // Real bytes: a hole would take no room.
    let chunk = [0x55_u8; 8 * 1024];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        file.write_all(chunk.get(..length).unwrap_or(&chunk))?;
        left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
    }
    file.sync_data()
}
