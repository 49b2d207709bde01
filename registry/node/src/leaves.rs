//! The leaves of batches: checked as they come, kept beside the ledger, never read by what executes blocks.
//!
//! ```text
//! runs       (batch number, run)       → lines of 1,024 leaves (chop_protocol::batch::leaves)
//! items      (first 8 bytes of an item's hash, batch number) → nothing: the index scid → batch
//! kept       hash of the batch's terms → borsh(Kept)
//! numbers    batch number              → hash of the batch's terms
//! pending    batch number              → nothing: leaves that have not all come; forgotten at the next start
//! meta       "next"                    → the next batch number
//! ```
//!
//! The file is not the ledger's: a million leaves on their way keep no block waiting.

mod error;
pub(crate) mod held;
mod intake;
mod keeper;
mod lookup;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use borsh::{BorshDeserialize, BorshSerialize};
use chop_did::Template;
use chop_integrity::Hash;
use chop_proof::leaves::Node;
use chop_protocol::BatchTerms;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

pub use error::LeafStoreError;
pub use keeper::{Collected, LeafKeeper};
pub use lookup::Found;

use intake::Intake;

const RUNS: TableDefinition<'static, (u32, u32), &[u8]> = TableDefinition::new("runs");
const ITEMS: TableDefinition<'static, (u64, u32), ()> = TableDefinition::new("items");
const KEPT: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("kept");
const NUMBERS: TableDefinition<'static, u32, &[u8]> = TableDefinition::new("numbers");
const PENDING: TableDefinition<'static, u32, ()> = TableDefinition::new("pending");
const META: TableDefinition<'static, &str, u32> = TableDefinition::new("meta");
const NEXT: &str = "next";

/// Bytes of the file that are kept in memory.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// The leaves that a node holds.
pub struct LeafStore {
    database: Database,
    intakes: Mutex<HashMap<Hash, Arc<Mutex<Intake>>>>,
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
    /// Milliseconds since the Unix epoch.
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
    pub fn open(path: &Path) -> Result<Self, LeafStoreError> {
        let mut builder = Database::builder();
        let database = builder.set_cache_size(CACHE_BYTES).create(path)?;
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
        Ok(Self {
            database,
            intakes: Mutex::default(),
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

    /// Forgets leaves that no ledger's batch needs and that are older than `before_ms`.
    ///
    /// # Errors
    /// When the database fails or a record is damaged.
    pub fn forget(
        &self,
        before_ms: i64,
        needed: impl Fn(&BatchTerms) -> bool,
    ) -> Result<usize, LeafStoreError> {
        let mut unused = Vec::new();
        for entry in self.database.begin_read()?.open_table(KEPT)?.iter()? {
            let (hash, kept) = entry?;
            let kept = Kept::decode(kept.value())?;
            if kept.since_ms < before_ms && !needed(&kept.read()?.0) {
                unused.push((hash.value().to_vec(), kept));
            }
        }
        if unused.is_empty() {
            return Ok(0);
        }
        let transaction = self.database.begin_write()?;
        {
            let mut runs = transaction.open_table(RUNS)?;
            let mut items = transaction.open_table(ITEMS)?;
            for (hash, kept) in &unused {
                let number = kept.number;
                runs.retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?;
                items.retain(|(_, of), ()| of != number)?;
                transaction.open_table(KEPT)?.remove(hash.as_slice())?;
                transaction.open_table(NUMBERS)?.remove(number)?;
            }
        }
        transaction.commit()?;
        Ok(unused.len())
    }

    fn kept(&self, terms: &Hash) -> Result<Option<Kept>, LeafStoreError> {
        let table = self.database.begin_read()?.open_table(KEPT)?;
        let found = table.get(terms.as_bytes().as_slice())?;
        found.map(|bytes| Kept::decode(bytes.value())).transpose()
    }

    fn bytes(&self, number: u32, run: u32) -> Result<Option<Vec<u8>>, LeafStoreError> {
        let table = self.database.begin_read()?.open_table(RUNS)?;
        Ok(table
            .get((number, run))?
            .map(|bytes| bytes.value().to_vec()))
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
