//! The leaves of batches: checked as they come, kept beside the ledger, never read by what executes blocks.
//!
//! ```text
//! runs       (batch number, run)       → lines of 1,024 leaves (chop_protocol::batch::leaves)
//! items      (first 8 bytes of an item's hash, batch number) → nothing: the index scid → batch
//! kept       hash of the batch's terms → borsh(Kept)
//! numbers    batch number              → hash of the batch's terms
//! pending    batch number              → nothing: leaves that have not all come; forgotten when the file is opened
//! meta       "next"                    → the next batch number
//! ```
//!
//! The file is not the ledger's: a million leaves on their way keep no block waiting.

mod error;
mod file;
pub(crate) mod held;
mod intake;
mod keeper;
mod lookup;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use chop_did::Template;
use chop_integrity::Hash;
use chop_proof::leaves::Node;
use chop_protocol::BatchTerms;
use redb::{Database, ReadableTable, TableDefinition};

pub use error::LeafStoreError;
pub use keeper::{Collected, LeafKeeper};
pub use lookup::Found;

use crate::store::DiskLimit;
use file::LeafFile;
use intake::Intake;
use lookup::ReadyBatches;

const RUNS: TableDefinition<'static, (u32, u32), &[u8]> = TableDefinition::new("runs");
const ITEMS: TableDefinition<'static, (u64, u32), ()> = TableDefinition::new("items");
const KEPT: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("kept");
const NUMBERS: TableDefinition<'static, u32, &[u8]> = TableDefinition::new("numbers");
const PENDING: TableDefinition<'static, u32, ()> = TableDefinition::new("pending");
const META: TableDefinition<'static, &str, u32> = TableDefinition::new("meta");
const NEXT: &str = "next";

/// Batches that are kept in memory, read and hashed.
const READY_BATCHES: usize = 16;
/// How long a batch's leaves may rest before another batch takes their place.
const PATIENCE: Duration = Duration::from_mins(10);
/// A receipt asks for leaves to be kept anew when this many milliseconds have passed since they last were.
const RENEW_MS: i64 = 60 * 60 * 1000;

/// The leaves that a node holds.
///
/// An intake's lock is never waited for while the map of them is locked: whoever brings a run holds the intake and then
/// asks the map.
pub struct LeafStore {
    file: LeafFile,
    intakes: Mutex<HashMap<Hash, Arc<Mutex<Intake>>>>,
    batches: ReadyBatches,
    patience: Duration,
}

/// How far the leaves of a batch have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All are here, and are those of the terms.
    Complete,
    /// This run comes next.
    Next(u32),
}

/// What is kept of a batch beside its runs.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
struct Kept {
    number: u32,
    /// JSON of the terms.
    terms: String,
    /// JSON of the template.
    template: String,
    /// When they came, or a receipt was last signed for them: milliseconds since the Unix epoch.
    since_ms: i64,
    /// The roots of the runs.
    roots: Vec<Node>,
    /// The first item's hash of each run.
    firsts: Vec<[u8; 32]>,
}

impl LeafStore {
    /// Opens the file, or makes it; forgets leaves that never came whole.
    ///
    /// # Errors
    /// When the file is in use or damaged.
    pub fn open(path: &Path, limit: Arc<DiskLimit>) -> Result<Self, LeafStoreError> {
        Ok(Self {
            file: LeafFile::open(path, limit, prepare)?,
            intakes: Mutex::default(),
            batches: ReadyBatches::holding(READY_BATCHES),
            patience: PATIENCE,
        })
    }

    /// Says whether all leaves of these terms are here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn holds(&self, terms: &Hash) -> Result<bool, LeafStoreError> {
        Ok(self.kept(terms)?.is_some())
    }

    /// The terms and the template that leaves are kept for.
    ///
    /// # Errors
    /// When the database fails or a record is damaged.
    pub fn terms(&self, terms: &Hash) -> Result<Option<(BatchTerms, Template)>, LeafStoreError> {
        self.kept(terms)?.map(|kept| kept.read()).transpose()
    }

    /// One run of leaves, as it came.
    ///
    /// # Errors
    /// When the database fails.
    pub fn run(&self, terms: &Hash, run: u32) -> Result<Option<Vec<u8>>, LeafStoreError> {
        let Some(kept) = self.kept(terms)? else {
            return Ok(None);
        };
        self.bytes(kept.number, run)
    }

    /// Has the leaves of these terms kept from `now_ms` on, as a receipt for them promises; says whether all are here.
    ///
    /// # Errors
    /// When the database fails or a record is damaged.
    pub fn renew(&self, terms: &Hash, now_ms: i64) -> Result<bool, LeafStoreError> {
        let Some(kept) = self.kept(terms)? else {
            return Ok(false);
        };
        // Anybody may ask for a receipt: not every one costs a write.
        if now_ms.saturating_sub(kept.since_ms) < RENEW_MS {
            return Ok(true);
        }
        self.file.write(|transaction, _| {
            let key = terms.as_bytes().as_slice();
            let mut table = transaction.open_table(KEPT)?;
            let kept = table
                .get(key)?
                .map(|bytes| Kept::decode(bytes.value()))
                .transpose()?;
            let Some(mut kept) = kept else {
                return Ok(false);
            };
            kept.since_ms = now_ms;
            let record = borsh::to_vec(&kept).map_err(|error| damaged(&error))?;
            table.insert(key, record.as_slice())?;
            Ok(true)
        })
    }

    /// Forgets leaves that no ledger's batch needs and that no receipt was signed for since `before_ms`.
    ///
    /// # Errors
    /// When the database fails or a record is damaged.
    pub fn forget(
        &self,
        before_ms: i64,
        needed: impl Fn(&BatchTerms) -> bool,
    ) -> Result<usize, LeafStoreError> {
        let is_unused = |bytes: &[u8]| -> Result<Option<u32>, LeafStoreError> {
            let kept = Kept::decode(bytes)?;
            let is_unused = kept.since_ms < before_ms && !needed(&kept.read()?.0);
            Ok(is_unused.then_some(kept.number))
        };
        let old = self.file.read(|transaction| {
            let mut old = Vec::new();
            for entry in transaction.open_table(KEPT)?.iter()? {
                let (hash, kept) = entry?;
                if is_unused(kept.value())?.is_some() {
                    old.push(hash.value().to_vec());
                }
            }
            Ok(old)
        })?;
        if old.is_empty() {
            return Ok(0);
        }
        self.file.write(|transaction, _| {
            let mut numbers = BTreeSet::new();
            {
                let mut kept = transaction.open_table(KEPT)?;
                for hash in &old {
                    // A receipt or a batch may have come meanwhile.
                    let number = kept.get(hash.as_slice())?;
                    let number = number.map(|bytes| is_unused(bytes.value())).transpose()?;
                    if let Some(number) = number.flatten() {
                        kept.remove(hash.as_slice())?;
                        numbers.insert(number);
                    }
                }
                let mut runs = transaction.open_table(RUNS)?;
                for &number in &numbers {
                    runs.retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?;
                    transaction.open_table(NUMBERS)?.remove(number)?;
                }
                // The index is by item: one way through it for all of them.
                transaction
                    .open_table(ITEMS)?
                    .retain(|(_, of), ()| !numbers.contains(&of))?;
            }
            Ok(numbers.len())
        })
    }

    fn kept(&self, terms: &Hash) -> Result<Option<Kept>, LeafStoreError> {
        self.file.read(|transaction| {
            let table = transaction.open_table(KEPT)?;
            let found = table.get(terms.as_bytes().as_slice())?;
            found.map(|bytes| Kept::decode(bytes.value())).transpose()
        })
    }

    fn bytes(&self, number: u32, run: u32) -> Result<Option<Vec<u8>>, LeafStoreError> {
        self.file.read(|transaction| {
            let bytes = transaction.open_table(RUNS)?.get((number, run))?;
            Ok(bytes.map(|bytes| bytes.value().to_vec()))
        })
    }

    fn intakes(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, Arc<Mutex<Intake>>>> {
        self.intakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn decode(bytes: &[u8]) -> Result<Self, LeafStoreError> {
        borsh::from_slice(bytes).map_err(|error| damaged(&error))
    }

    fn read(&self) -> Result<(BatchTerms, Template), LeafStoreError> {
        let terms = serde_json::from_str(&self.terms).map_err(|error| damaged(&error))?;
        let template = serde_json::from_str(&self.template).map_err(|error| damaged(&error))?;
        Ok((terms, template))
    }
}

/// Makes the tables; removes leaves that had not all come.
fn prepare(database: &Database) -> Result<(), LeafStoreError> {
    let transaction = database.begin_write()?;
    {
        transaction.open_table(ITEMS)?;
        transaction.open_table(KEPT)?;
        transaction.open_table(NUMBERS)?;
        transaction.open_table(META)?;
        let mut pending = transaction.open_table(PENDING)?;
        let mut runs = transaction.open_table(RUNS)?;
        let stale = pending
            .iter()?
            .map(|entry| entry.map(|(number, _)| number.value()))
            .collect::<Result<Vec<u32>, _>>()?;
        for number in stale {
            runs.retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?;
            pending.remove(number)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn damaged(error: &impl ToString) -> LeafStoreError {
    LeafStoreError::Damaged {
        reason: error.to_string(),
    }
}

impl std::fmt::Debug for LeafStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LeafStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
