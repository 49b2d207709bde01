//! Leaves on their way in: run after run, each checked before it is written.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chop_did::Template;
use chop_integrity::{Hash, canonicalize};
use chop_protocol::{BatchTerms, LeafCheck};
use redb::{Durability, ReadableTable as _};
use tracing::warn;

use super::{
    ITEMS, KEPT, Kept, LeafStore, LeafStoreError, META, NEXT, NUMBERS, PENDING, Progress, RUNS,
    damaged,
};

/// Batches whose leaves may be on their way at once.
const MAX_INTAKES: usize = 8;
/// Every so many runs the file is made durable, so that it can use its free pages again.
const DURABLE_EVERY: u32 = 64;

/// The leaves of one batch on their way in.
pub(super) struct Intake {
    number: u32,
    /// How often the file had been opened anew: the first runs of an older one are gone.
    opened: u64,
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
        let check = LeafCheck::new(terms, template.clone())?;
        if let Some(progress) = self.progress(&hash)? {
            return Ok(progress);
        }
        self.drop_rested()?;
        let (number, opened) = self.number()?;
        let intake = Arc::new(Mutex::new(Intake {
            number,
            opened,
            template,
            check,
            prefixes: Vec::new(),
            firsts: Vec::new(),
            touched: Instant::now(),
        }));
        {
            let mut intakes = self.intakes();
            if intakes.len() < MAX_INTAKES && !intakes.contains_key(&hash) {
                intakes.insert(hash, intake);
                return Ok(Progress::Next(0));
            }
        }
        self.discard(&[number])?;
        // Somebody else began with it meanwhile, or there is no place.
        let progress = self.progress(&hash)?;
        progress.ok_or(LeafStoreError::Busy { most: MAX_INTAKES })
    }

    /// How far the leaves of these terms have come; `None` when nobody expects them.
    fn progress(&self, terms: &Hash) -> Result<Option<Progress>, LeafStoreError> {
        loop {
            if self.holds(terms)? {
                return Ok(Some(Progress::Complete));
            }
            let known = self.intakes().get(terms).map(Arc::clone);
            let Some(known) = known else {
                return Ok(None);
            };
            let intake = known.lock().unwrap_or_else(PoisonError::into_inner);
            if self.is_current(terms, &known, &intake) {
                return Ok(Some(Progress::Next(intake.check.next_run())));
            }
            self.leave(terms, &known);
        }
    }

    /// Says whether runs may still be added to an intake, whose lock the caller holds.
    fn is_current(&self, terms: &Hash, known: &Arc<Mutex<Intake>>, intake: &Intake) -> bool {
        let is_expected = self
            .intakes()
            .get(terms)
            .is_some_and(|here| Arc::ptr_eq(here, known));
        is_expected && intake.opened == self.file.times()
    }

    /// Expects no more runs of an intake; one that took its place stays.
    fn leave(&self, terms: &Hash, known: &Arc<Mutex<Intake>>) {
        let mut intakes = self.intakes();
        if intakes
            .get(terms)
            .is_some_and(|here| Arc::ptr_eq(here, known))
        {
            intakes.remove(terms);
        }
    }

    /// Gives up the intakes that have rested too long, or whose first runs are gone.
    fn drop_rested(&self) -> Result<(), LeafStoreError> {
        let (opened, mut rested) = (self.file.times(), Vec::new());
        self.intakes().retain(|_, intake| {
            // One that is being written to is not at rest.
            let Ok(intake) = intake.try_lock() else {
                return true;
            };
            let stays = intake.opened == opened && intake.touched.elapsed() < self.patience;
            if !stays {
                rested.push(intake.number);
            }
            stays
        });
        if rested.is_empty() {
            return Ok(());
        }
        self.discard(&rested)
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
        let known = self.intakes().get(terms).map(Arc::clone);
        let known = known.ok_or(LeafStoreError::Unexpected)?;
        let mut intake = known.lock().unwrap_or_else(PoisonError::into_inner);
        // While this one waited for the lock, the last run may have come, or a bad one.
        if !self.is_current(terms, &known, &intake) {
            return if self.holds(terms)? {
                Ok(Progress::Complete)
            } else {
                Err(LeafStoreError::Unexpected)
            };
        }
        let expected = intake.check.next_run();
        if run != expected || intake.check.is_complete() {
            return Err(LeafStoreError::OutOfTurn {
                found: run,
                expected,
            });
        }
        let taken = self.take(&mut intake, run, bytes, (*terms, now_ms));
        if !matches!(taken, Ok(Progress::Next(_))) {
            self.leave(terms, &known);
        }
        if taken.is_err()
            && let Err(error) = self.discard(&[intake.number])
        {
            // They go when the file is opened the next time; what the caller has to know is the first failure.
            warn!(%terms, %error, "refused leaves are not removed yet");
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
        self.file.write(|transaction, opened| {
            if opened != intake.opened {
                return Err(LeafStoreError::Unexpected);
            }
            if !run.is_multiple_of(DURABLE_EVERY) {
                // What is lost in a crash is sent again.
                transaction.set_durability(Durability::None)?;
            }
            transaction
                .open_table(RUNS)?
                .insert((intake.number, run), bytes)?;
            Ok(())
        })?;
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
        self.file.write(|transaction, opened| {
            if opened != intake.opened {
                return Err(LeafStoreError::Unexpected);
            }
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
            Ok(())
        })
    }

    /// Gives the batch a number of its own, never used again; says also how often the file was opened anew.
    fn number(&self) -> Result<(u32, u64), LeafStoreError> {
        self.file.write(|transaction, opened| {
            let mut meta = transaction.open_table(META)?;
            let number = meta.get(NEXT)?.map_or(0, |next| next.value());
            meta.insert(NEXT, number.saturating_add(1))?;
            transaction.open_table(PENDING)?.insert(number, ())?;
            Ok((number, opened))
        })
    }

    /// Removes the runs of batches that did not come whole.
    fn discard(&self, numbers: &[u32]) -> Result<(), LeafStoreError> {
        self.file.write(|transaction, _| {
            let mut runs = transaction.open_table(RUNS)?;
            for &number in numbers {
                runs.retain_in((number, 0)..=(number, u32::MAX), |_, _| false)?;
                transaction.open_table(PENDING)?.remove(number)?;
            }
            Ok(())
        })
    }
}

/// The first 8 bytes of an item's hash, under which the index has it.
pub(super) fn prefix(hash: &Hash) -> u64 {
    hash.as_bytes()
        .first_chunk::<8>()
        .map_or(0, |first| u64::from_be_bytes(*first))
}
