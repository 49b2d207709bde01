//! From a scid to its item with the path to the batch's root, or to the leaves between which it would stand.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::intake::prefix;
use super::{ITEMS, Kept, LeafStore, LeafStoreError, NUMBERS, RUNS, damaged};
use chop_did::{ItemContext, Scid, ScidVersion, Template};
use chop_integrity::Hash;
use chop_proof::leaves::{self as tree, Levels, Node};
use chop_protocol::batch::leaves::{Line, RUN, lines, read_line};
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

/// Leaves that have a node in memory over them: a power of two, so that they are nodes of the tree.
const GROUP: usize = 32;

/// What is kept of a batch, read, with what the upper parts of its paths need.
pub(super) struct ReadyBatch {
    kept: Kept,
    terms: BatchTerms,
    template: Template,
    context: ItemContext,
    /// Over the roots of its runs.
    levels: Levels,
    /// Over each run's groups of leaves, once somebody has asked for a path through them.
    groups: Vec<OnceLock<Levels>>,
}

/// Batches that are kept ready, by a number that no other batch ever gets: some 2 MiB each, when it has a million items.
pub(super) type ReadyBatches = Recent<ReadyBatch>;

/// What was looked into last, the newest in front.
pub(super) struct Recent<V> {
    most: usize,
    held: Mutex<VecDeque<(u32, Arc<V>)>>,
}

/// The leaves of a run as they are kept: sorted by their items' hashes.
struct Run<'a> {
    batch: &'a ReadyBatch,
    number: u32,
    lines: Vec<&'a [u8]>,
}

impl<V> Recent<V> {
    /// Holds so many at most.
    pub(super) fn holding(most: usize) -> Self {
        Self {
            most,
            held: Mutex::default(),
        }
    }

    fn find(&self, number: u32) -> Option<Arc<V>> {
        let mut held = self.held();
        let at = held.iter().position(|(known, _)| *known == number)?;
        let (number, value) = held.remove(at)?;
        held.push_front((number, Arc::clone(&value)));
        Some(value)
    }

    fn keep(&self, number: u32, value: &Arc<V>) {
        let mut held = self.held();
        held.retain(|(known, _)| *known != number);
        held.truncate(self.most.saturating_sub(1));
        held.push_front((number, Arc::clone(value)));
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<(u32, Arc<V>)>> {
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
                && let Some(item) = self.item(&batch, scid.digest())?
            {
                found.push(item);
            }
        }
        Ok(found)
    }

    /// A batch that the index names, by its number and the hash of its terms.
    fn batch(&self, number: u32, terms: &Hash) -> Result<Option<Arc<ReadyBatch>>, LeafStoreError> {
        if let Some(batch) = self.batches.find(number) {
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
        let beside = self.in_run(&batch, run_number, |run| {
            let Err(at) = run.search(absent)? else {
                return Ok(None);
            };
            let before = at.checked_sub(1).map(|at| run.neighbour(at)).transpose()?;
            let is_last = at == run.lines.len();
            let after = (!is_last).then(|| run.neighbour(at)).transpose()?;
            Ok(Some((before, after)))
        })?;
        let Some((before, mut after)) = beside else {
            return Ok(None);
        };
        let next = run_number + 1;
        if after.is_none() && (next as usize) < batch.kept.roots.len() {
            after = self.in_run(&batch, next, |run| run.neighbour(0).map(Some))?;
        }
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

    fn item(&self, batch: &ReadyBatch, wanted: &Hash) -> Result<Option<Found>, LeafStoreError> {
        let proof = self.in_run(batch, batch.kept.run_of(wanted), |run| {
            let Ok(at) = run.search(wanted)? else {
                return Ok(None);
            };
            let line = run.line(at)?;
            Ok(Some(ItemProof {
                batch: batch.context.batch,
                index: run.index(at),
                ordinal: line.ordinal,
                item: serde_json::from_slice(line.item).map_err(|error| damaged(&error))?,
                path: run.path(at)?,
            }))
        })?;
        Ok(proof.map(|proof| Found {
            terms: batch.terms.clone(),
            template: batch.template.clone(),
            proof,
        }))
    }

    fn in_run<T>(
        &self,
        batch: &ReadyBatch,
        number: u32,
        look: impl Fn(&Run<'_>) -> Result<T, LeafStoreError>,
    ) -> Result<T, LeafStoreError> {
        self.file.read(|transaction| {
            let table = transaction.open_table(RUNS)?;
            let bytes = table.get((batch.kept.number, number))?;
            let bytes = bytes.ok_or_else(|| damaged(&format!("run {number} is not here")))?;
            let lines = lines(bytes.value()).into_iter().flatten().collect();
            look(&Run {
                batch,
                number,
                lines,
            })
        })
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
            groups: kept.roots.iter().map(|_| OnceLock::new()).collect(),
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

impl Run<'_> {
    fn line(&self, at: usize) -> Result<Line<'_>, LeafStoreError> {
        let line = self.lines.get(at).and_then(|line| read_line(line));
        line.ok_or_else(|| damaged(&"a line is none"))
    }

    /// Where an item with this hash stands, or would stand.
    fn search(&self, wanted: &Hash) -> Result<Result<usize, usize>, LeafStoreError> {
        let (mut from, mut to) = (0, self.lines.len());
        while from < to {
            let middle = from.midpoint(to);
            let found = self.batch.context.hash(self.line(middle)?.item);
            match found.cmp(wanted) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Ok(Ok(middle)),
                Ordering::Greater => to = middle,
            }
        }
        Ok(Err(from))
    }

    fn index(&self, at: usize) -> u32 {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.number.saturating_mul(RUN).saturating_add(at)
    }

    fn path(&self, at: usize) -> Result<Vec<Hash>, LeafStoreError> {
        let (number, group) = (self.number as usize, at / GROUP);
        let low = Levels::over(self.leaves(group)?).path(at % GROUP);
        let high = self.batch.levels.path(number);
        let groups = self.batch.groups.get(number);
        let known = groups.ok_or_else(|| damaged(&format!("there is no run {number}")))?;
        let middle = if let Some(levels) = known.get() {
            levels.path(group)
        } else {
            let levels = self.groups()?;
            known.get_or_init(|| levels).path(group)
        };
        let parts = [low, middle, high];
        let path = parts.into_iter().map(Option::unwrap_or_default);
        Ok(path.flatten().map(Hash::from_bytes).collect())
    }

    /// The nodes of one group's leaves.
    fn leaves(&self, group: usize) -> Result<Vec<Node>, LeafStoreError> {
        let leaf = |at| {
            let line = self.line(at)?;
            let hash = self.batch.context.hash(line.item);
            Ok(tree::leaf(hash.as_bytes(), line.ordinal))
        };
        let from = group * GROUP;
        (from..self.lines.len().min(from + GROUP))
            .map(leaf)
            .collect()
    }

    fn groups(&self) -> Result<Levels, LeafStoreError> {
        let count = self.lines.len().div_ceil(GROUP);
        let roots =
            (0..count).map(|group| Ok(tree::root(&self.leaves(group)?).unwrap_or_default()));
        Ok(Levels::over(roots.collect::<Result<_, LeafStoreError>>()?))
    }

    fn neighbour(&self, at: usize) -> Result<Neighbour, LeafStoreError> {
        let line = self.line(at)?;
        Ok(Neighbour {
            index: self.index(at),
            ordinal: line.ordinal,
            item: self.batch.context.hash(line.item),
            path: self.path(at)?,
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
            assert!(number == 0 || recent.find(1).is_some());
        }
        assert_eq!(recent.held().len(), 16);
        assert!(recent.find(0).is_none());
        assert_eq!(recent.find(16).as_deref(), Some(&16));
    }
}
