//! The database file opened without ever writing to it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// Bytes of a block of the overlay.
const BLOCK: usize = 4096;

/// A file whose changes stay in memory and go with it.
///
/// After a failed write redb must be opened anew, and opening an uncleanly closed file writes its header. Where there is
/// no room, or the disk refuses writes, that header is kept here; `redb::ReadOnlyDatabase` would refuse such a file.
#[derive(Debug)]
pub(super) struct Frozen {
    file: FileBackend,
    overlay: Mutex<Overlay>,
}

#[derive(Debug)]
struct Overlay {
    length: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Frozen {
    pub(super) fn new(file: File) -> Result<Self, DatabaseError> {
        let file = FileBackend::new(file)?;
        let length = file.len()?;
        Ok(Self {
            file,
            overlay: Mutex::new(Overlay {
                length,
                blocks: BTreeMap::new(),
            }),
        })
    }

    /// Calls `with` for each block that the range touches: block number, offset in the block, range in the buffer.
    fn each_block(
        offset: u64,
        length: usize,
        mut with: impl FnMut(u64, usize, std::ops::Range<usize>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < length {
            let at = offset.saturating_add(done as u64);
            let inside = usize::try_from(at % BLOCK as u64).unwrap_or_default();
            let end = length.min(done + BLOCK - inside);
            with(at / BLOCK as u64, inside, done..end)?;
            done = end;
        }
        Ok(())
    }

    /// The bytes of one block as the file has them; zero beyond its end.
    fn block_of_file(&self, number: u64) -> io::Result<Vec<u8>> {
        let start = number.saturating_mul(BLOCK as u64);
        let there = self.file.len()?.saturating_sub(start).min(BLOCK as u64);
        let mut block = vec![0; BLOCK];
        if let Some(there) = block.get_mut(..usize::try_from(there).unwrap_or(BLOCK)) {
            self.file.read(start, there)?;
        }
        Ok(block)
    }
}

impl StorageBackend for Frozen {
    fn len(&self) -> io::Result<u64> {
        Ok(self
            .overlay
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        if offset.saturating_add(out.len() as u64) > overlay.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Self::each_block(offset, out.len(), |number, inside, range| {
            let block = match overlay.blocks.get(&number) {
                Some(block) => Cow::Borrowed(block),
                None => Cow::Owned(self.block_of_file(number)?),
            };
            if let (Some(to), Some(from)) = (
                out.get_mut(range.clone()),
                block.get(inside..inside + range.len()),
            ) {
                to.copy_from_slice(from);
            }
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.overlay
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        Self::each_block(offset, data.len(), |number, inside, range| {
            let block = match overlay.blocks.entry(number) {
                Entry::Occupied(block) => block.into_mut(),
                Entry::Vacant(place) => place.insert(self.block_of_file(number)?),
            };
            let block = block.get_mut(inside..inside + range.len());
            if let (Some(to), Some(from)) = (block, data.get(range)) {
                to.copy_from_slice(from);
            }
            Ok(())
        })
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        // A file opened for reading takes shared locks only; they keep writers away just as well.
        self.file.try_lock_shared_range(start, end)
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
