//! Leaves on their way in: run after run, each checked before it is written.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chop_did::Template;
use chop_integrity::{Hash, canonicalize};
use chop_protocol::{BatchTerms, LeafCheck};
use redb::{Durability, ReadableTable as _};

use super::{
    ITEMS, KEPT, Kept, LeafStore, LeafStoreError, META, NEXT, NUMBERS, PENDING, Progress, RUNS,
    damaged,
};

/// Batches whose leaves may be on their way at once.
const MAX_INTAKES: usize = 8;
/// How long a batch's leaves may rest before another batch takes their place.
const PATIENCE: Duration = Duration::from_mins(10);
/// Every so many runs the file is made durable, so that it can use its free pages again.
const DURABLE_EVERY: u32 = 64;

/// The leaves of one batch on their way in.
pub(super) struct Intake {
    number: u32,
    template: Template,
    check: LeafCheck,
    prefixes: Vec<u64>,
    firsts: Vec<[u8; 32]>,
    touched: Instant,
}

impl LeafStore {
    /// Expects the leaves of these terms, and says which run comes next.
    ///
    /// # Errors
    /// When the template is another, too many batches are on their way, or the database fails.
    pub fn begin(&self, terms: BatchTerms, template: Template) -> Result<Progress, LeafStoreError> {
        let hash = terms.hash().map_err(|error| damaged(&error))?;
        if self.holds(&hash)? {
            return Ok(Progress::Complete);
        }
        let mut intakes = self.intakes();
        if let Some(intake) = intakes.get(&hash) {
            let intake = intake.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(Progress::Next(intake.check.next_run()));
        }
        intakes.retain(|_, intake| {
            // One that is being written to is not at rest.
            intake
                .try_lock()
                .map_or(true, |intake| intake.touched.elapsed() < PATIENCE)
        });
        if intakes.len() >= MAX_INTAKES {
            return Err(LeafStoreError::Busy { most: MAX_INTAKES });
        }
        let check = LeafCheck::new(terms, template.clone())?;
        let intake = Intake {
            number: self.number()?,
            template,
            check,
            prefixes: Vec::new(),
            firsts: Vec::new(),
            touched: Instant::now(),
        };
        intakes.insert(hash, Arc::new(Mutex::new(intake)));
        Ok(Progress::Next(0))
    }

    /// Takes the next run of leaves; after the last one all are compared with the terms, and kept. `now_ms` is the time
    /// in milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// When the leaves are not those of the terms (then all of them are forgotten), the run is not the next one, or the
    /// database fails.
    pub fn put(
        &self,
        terms: &Hash,
        (run, bytes): (u32, &[u8]),
        now_ms: i64,
    ) -> Result<Progress, LeafStoreError> {
        if self.holds(terms)? {
            return Ok(Progress::Complete);
        }
        let intake = self.intakes().get(terms).map(Arc::clone);
        let intake = intake.ok_or(LeafStoreError::Unexpected)?;
        let mut intake = intake.lock().unwrap_or_else(PoisonError::into_inner);
        let expected = intake.check.next_run();
        if run != expected || intake.check.is_complete() {
            return Err(LeafStoreError::OutOfTurn {
                found: run,
                expected,
            });
        }
        let taken = self.take(&mut intake, run, bytes, (*terms, now_ms));
        if !matches!(taken, Ok(Progress::Next(_))) {
            self.intakes().remove(terms);
        }
        if taken.is_err() {
            self.discard(intake.number)?;
        }
        taken
    }

    fn take(
        &self,
        intake: &mut Intake,
        run: u32,
        bytes: &[u8],
        (terms, now_ms): (Hash, i64),
    ) -> Result<Progress, LeafStoreError> {
        let hashes = intake.check.run(bytes)?;
        intake
            .firsts
            .extend(hashes.first().map(|hash| *hash.as_bytes()));
        intake.prefixes.extend(hashes.iter().map(prefix));
        intake.touched = Instant::now();
        let mut transaction = self.database.begin_write()?;
        if !run.is_multiple_of(DURABLE_EVERY) {
            // What is lost in a crash is sent again.
            transaction.set_durability(Durability::None)?;
        }
        transaction
            .open_table(RUNS)?
            .insert((intake.number, run), bytes)?;
        transaction.commit()?;
        if intake.check.is_complete() {
            self.keep(intake, terms, now_ms)?;
            return Ok(Progress::Complete);
        }
        Ok(Progress::Next(intake.check.next_run()))
    }

    fn keep(&self, intake: &mut Intake, hash: Hash, now_ms: i64) -> Result<(), LeafStoreError> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let terms = canonicalize(intake.check.terms()).map_err(|error| damaged(&error))?;
        let template = canonicalize(&intake.template).map_err(|error| damaged(&error))?;
        // A check with no leaves to come takes its place; this one ends here.
        let fresh = LeafCheck::new(intake.check.terms().clone(), intake.template.clone())?;
        let roots = std::mem::replace(&mut intake.check, fresh).finish()?;
        let kept = Kept {
            number: intake.number,
            terms: text(terms),
            template: text(template),
            since_ms: now_ms,
            roots,
            firsts: std::mem::take(&mut intake.firsts),
        };
        let record = borsh::to_vec(&kept).map_err(|error| damaged(&error))?;
        let transaction = self.database.begin_write()?;
        {
            let mut items = transaction.open_table(ITEMS)?;
            for prefix in &intake.prefixes {
                items.insert((*prefix, kept.number), ())?;
            }
            let hash = hash.as_bytes().as_slice();
            transaction
                .open_table(KEPT)?
                .insert(hash, record.as_slice())?;
            transaction.open_table(NUMBERS)?.insert(kept.number, hash)?;
            transaction.open_table(PENDING)?.remove(kept.number)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Gives the batch a number of its own, never used again.
    fn number(&self) -> Result<u32, LeafStoreError> {
        let transaction = self.database.begin_write()?;
        let number = {
            let mut meta = transaction.open_table(META)?;
            let number = meta.get(NEXT)?.map_or(0, |next| next.value());
            meta.insert(NEXT, number.saturating_add(1))?;
            transaction.open_table(PENDING)?.insert(number, ())?;
            number
        };
        transaction.commit()?;
        Ok(number)
    }

    fn discard(&self, number: u32) -> Result<(), LeafStoreError> {
        let transaction = self.database.begin_write()?;
        transaction
            .open_table(RUNS)?
            .retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?;
        transaction.open_table(PENDING)?.remove(number)?;
        transaction.commit()?;
        Ok(())
    }
}

/// The first 8 bytes of an item's hash, under which the index has it.
pub(super) fn prefix(hash: &Hash) -> u64 {
    hash.as_bytes()
        .first_chunk::<8>()
        .map_or(0, |first| u64::from_be_bytes(*first))
}
