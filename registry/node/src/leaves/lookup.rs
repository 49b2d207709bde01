//! From a scid to its item with the path to the batch's root, or to the leaves between which it would stand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::intake::prefix;
use super::{ITEMS, Kept, LeafStore, LeafStoreError, NUMBERS, damaged};
use chop_did::{Item, ItemContext, Scid, ScidVersion, Template};
use chop_integrity::Hash;
use chop_proof::leaves::{self as tree, Levels};
use chop_protocol::batch::leaves::{RUN, lines, read_line};
use chop_protocol::{BatchTerms, ItemAbsence, ItemProof, Neighbour};

/// An item that is kept here.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its batch's terms; whether that batch is on the ledger is for the ledger to say.
    pub terms: BatchTerms,
    /// Its batch's template.
    pub template: Template,
    /// The item and its place.
    pub proof: ItemProof,
}

/// One leaf of a run.
struct Leaf {
    hash: Hash,
    ordinal: u32,
    item: Vec<u8>,
}

/// A run with what its paths need.
pub(super) struct Run {
    leaves: Vec<Leaf>,
    levels: Levels,
    number: u32,
}

/// What is kept of a batch, read, with what the upper parts of its paths need.
pub(super) struct ReadyBatch {
    kept: Kept,
    terms: BatchTerms,
    template: Template,
    context: ItemContext,
    levels: Levels,
}

/// What was looked into last, the newest in front.
pub(super) struct Recent<K, V> {
    most: usize,
    held: Mutex<VecDeque<(K, Arc<V>)>>,
}

/// Runs are found by the hash of a batch's terms and their own number. Terms name the bytes of their runs, so that none is ever
/// out of date.
type Place = (Hash, u32);
/// Runs that are kept ready: at most 24 MiB.
pub(super) type ReadyRuns = Recent<Place, Run>;
/// Batches that are kept ready, by a number that no other batch ever gets: some 150 KiB each, when it has a million items.
pub(super) type ReadyBatches = Recent<u32, ReadyBatch>;

impl<K: PartialEq, V> Recent<K, V> {
    /// Holds so many at most.
    pub(super) fn holding(most: usize) -> Self {
        Self {
            most,
            held: Mutex::default(),
        }
    }

    fn find(&self, key: &K) -> Option<Arc<V>> {
        let mut held = self.held();
        let at = held.iter().position(|(known, _)| known == key)?;
        let (key, value) = held.remove(at)?;
        held.push_front((key, Arc::clone(&value)));
        Some(value)
    }

    fn keep(&self, key: K, value: &Arc<V>) {
        let mut held = self.held();
        held.retain(|(known, _)| *known != key);
        held.truncate(self.most.saturating_sub(1));
        held.push_front((key, Arc::clone(value)));
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<(K, Arc<V>)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeafStore {
    /// Finds an item in every batch that is kept here; as a rule in one at most.
    ///
    /// # Errors
    /// When the database fails or a record is damaged.
    pub fn find(&self, scid: &Scid) -> Result<Vec<Found>, LeafStoreError> {
        if scid.version() != ScidVersion::BatchItem {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for (number, terms) in self.candidates(scid)? {
            if let Some(batch) = self.batch(number, &terms)?
                && let Some(item) = self.item(&batch, &terms, scid.digest())?
            {
                found.push(item);
            }
        }
        Ok(found)
    }

    /// A batch that the index names, by its number and the hash of its terms.
    fn batch(&self, number: u32, terms: &Hash) -> Result<Option<Arc<ReadyBatch>>, LeafStoreError> {
        if let Some(batch) = self.batches.find(&number) {
            return Ok(Some(batch));
        }
        // Forgotten since, and perhaps brought again under another number.
        let kept = self.kept(terms)?.filter(|kept| kept.number == number);
        let Some(batch) = kept.map(ReadyBatch::read).transpose()? else {
            return Ok(None);
        };
        let batch = Arc::new(batch);
        self.batches.keep(number, &batch);
        Ok(Some(batch))
    }

    /// Shows that no item of these terms has a scid; `None` when one has, or the leaves are not here.
    ///
    /// # Errors
    /// When the database fails or a record is damaged.
    pub fn absence(
        &self,
        terms: &Hash,
        scid: &Scid,
    ) -> Result<Option<ItemAbsence>, LeafStoreError> {
        let Some(kept) = self.kept(terms)? else {
            return Ok(None);
        };
        let batch = ReadyBatch::read(kept)?;
        let absent = scid.digest();
        let run_number = batch.kept.run_of(absent);
        let run = self.load(&batch, (*terms, run_number))?;
        let at = run.leaves.partition_point(|leaf| leaf.hash < *absent);
        if run.leaves.get(at).is_some_and(|leaf| leaf.hash == *absent) {
            return Ok(None);
        }
        let before = match at.checked_sub(1) {
            Some(at) => run.neighbour(&batch, at),
            None => None,
        };
        let after = if at < run.leaves.len() {
            run.neighbour(&batch, at)
        } else if (run_number as usize) + 1 < batch.kept.roots.len() {
            self.load(&batch, (*terms, run_number + 1))?
                .neighbour(&batch, 0)
        } else {
            None
        };
        Ok(Some(ItemAbsence {
            batch: batch.context.batch,
            before,
            after,
        }))
    }

    /// The batches that may have an item: the number of each, and the hash of its terms.
    fn candidates(&self, scid: &Scid) -> Result<Vec<(u32, Hash)>, LeafStoreError> {
        let first = prefix(scid.digest());
        self.file.read(|transaction| {
            let (items, numbers) = (
                transaction.open_table(ITEMS)?,
                transaction.open_table(NUMBERS)?,
            );
            let mut found = Vec::new();
            for entry in items.range((first, 0)..=(first, u32::MAX))? {
                let (key, ()) = entry.map(|(key, _)| (key, ()))?;
                let (_, number) = key.value();
                let hash = numbers.get(number)?;
                let hash = hash.and_then(|hash| <[u8; 32]>::try_from(hash.value()).ok());
                found.extend(hash.map(|hash| (number, Hash::from_bytes(hash))));
            }
            Ok(found)
        })
    }

    fn item(
        &self,
        batch: &ReadyBatch,
        hash: &Hash,
        wanted: &Hash,
    ) -> Result<Option<Found>, LeafStoreError> {
        let run = self.load(batch, (*hash, batch.kept.run_of(wanted)))?;
        let Ok(at) = run.leaves.binary_search_by(|leaf| leaf.hash.cmp(wanted)) else {
            return Ok(None);
        };
        let Some(leaf) = run.leaves.get(at) else {
            return Ok(None);
        };
        let item: Item = serde_json::from_slice(&leaf.item).map_err(|error| damaged(&error))?;
        let proof = ItemProof {
            batch: batch.context.batch,
            index: run.index(at),
            ordinal: leaf.ordinal,
            item,
            path: run.path(batch, at),
        };
        Ok(Some(Found {
            terms: batch.terms.clone(),
            template: batch.template.clone(),
            proof,
        }))
    }

    fn load(&self, batch: &ReadyBatch, place: Place) -> Result<Arc<Run>, LeafStoreError> {
        if let Some(run) = self.runs.find(&place) {
            return Ok(run);
        }
        let (_, number) = place;
        let bytes = self.bytes(batch.kept.number, number)?;
        let bytes = bytes.ok_or_else(|| damaged(&format!("run {number} is not here")))?;
        let mut leaves = Vec::with_capacity(RUN as usize);
        for line in lines(&bytes).into_iter().flatten() {
            let line = read_line(line).ok_or_else(|| damaged(&"a line is none"))?;
            leaves.push(Leaf {
                hash: batch.context.hash(line.item),
                ordinal: line.ordinal,
                item: line.item.to_vec(),
            });
        }
        let nodes = leaves
            .iter()
            .map(|leaf| tree::leaf(leaf.hash.as_bytes(), leaf.ordinal));
        let levels = Levels::over(nodes.collect());
        let run = Arc::new(Run {
            leaves,
            levels,
            number,
        });
        self.runs.keep(place, &run);
        Ok(run)
    }
}

impl ReadyBatch {
    fn read(kept: Kept) -> Result<Self, LeafStoreError> {
        let (terms, template) = kept.read()?;
        Ok(Self {
            context: ItemContext {
                batch: terms.id().map_err(|error| damaged(&error))?,
                template: terms.template,
            },
            levels: Levels::over(kept.roots.clone()),
            kept,
            terms,
            template,
        })
    }
}

impl Kept {
    /// The run in which a hash stands or would stand.
    fn run_of(&self, hash: &Hash) -> u32 {
        let after = self
            .firsts
            .partition_point(|first| first <= hash.as_bytes());
        u32::try_from(after.saturating_sub(1)).unwrap_or(u32::MAX)
    }
}

impl Run {
    fn index(&self, at: usize) -> u32 {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.number.saturating_mul(RUN).saturating_add(at)
    }

    fn path(&self, batch: &ReadyBatch, at: usize) -> Vec<Hash> {
        let low = self.levels.path(at).unwrap_or_default();
        let high = batch.levels.path(self.number as usize);
        let high = high.unwrap_or_default();
        low.into_iter().chain(high).map(Hash::from_bytes).collect()
    }

    fn neighbour(&self, batch: &ReadyBatch, at: usize) -> Option<Neighbour> {
        let leaf = self.leaves.get(at)?;
        Some(Neighbour {
            index: self.index(at),
            ordinal: leaf.ordinal,
            item: leaf.hash,
            path: self.path(batch, at),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_looked_into_last() {
        let recent = Recent::holding(16);
        for number in 0..=16 {
            recent.keep(number, &Arc::new(number));
            // Looked into again and again.
            assert!(number == 0 || recent.find(&1).is_some());
        }
        assert_eq!(recent.held().len(), 16);
        assert!(recent.find(&0).is_none());
        assert_eq!(recent.find(&16).as_deref(), Some(&16));
    }
}
