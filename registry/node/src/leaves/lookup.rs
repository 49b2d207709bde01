//! From a scid to its item with the path to the batch's root, or to the leaves between which it would stand.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::intake::prefix;
use super::{ITEMS, Kept, LeafStore, LeafStoreError, NUMBERS, damaged};
use chop_did::{Item, ItemContext, Scid, ScidVersion, Template};
use chop_integrity::Hash;
use chop_proof::leaves::{self as tree, Node};
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
    nodes: Vec<Node>,
    number: u32,
}

/// Runs that are kept ready: at most 10 MiB.
const READY: usize = 16;

/// The runs that were looked into last, the newest in front. Terms name the bytes of their runs, so that none is ever out of date.
#[derive(Default)]
pub(super) struct ReadyRuns(Mutex<VecDeque<(Place, Arc<Run>)>>);

/// The hash of a batch's terms, and which of its runs.
type Place = (Hash, u32);

impl ReadyRuns {
    fn find(&self, place: Place) -> Option<Arc<Run>> {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = ready.iter().position(|(held, _)| *held == place)?;
        let (place, run) = ready.remove(at)?;
        ready.push_front((place, Arc::clone(&run)));
        Some(run)
    }

    fn keep(&self, place: Place, run: &Arc<Run>) {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready.retain(|(held, _)| *held != place);
        ready.truncate(READY - 1);
        ready.push_front((place, Arc::clone(run)));
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
        for terms in self.candidates(scid)? {
            if let Some(kept) = self.kept(&terms)?
                && let Some(item) = self.item(&kept, &terms, scid.digest())?
            {
                found.push(item);
            }
        }
        Ok(found)
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
        let (named, _) = kept.read()?;
        let context = context(&named)?;
        let absent = scid.digest();
        let run_number = kept.run_of(absent);
        let run = self.load(&kept, &context, (*terms, run_number))?;
        let at = run.leaves.partition_point(|leaf| leaf.hash < *absent);
        if run.leaves.get(at).is_some_and(|leaf| leaf.hash == *absent) {
            return Ok(None);
        }
        let before = match at.checked_sub(1) {
            Some(at) => run.neighbour(&kept, at),
            None => None,
        };
        let after = if at < run.leaves.len() {
            run.neighbour(&kept, at)
        } else if (run_number as usize) + 1 < kept.roots.len() {
            self.load(&kept, &context, (*terms, run_number + 1))?
                .neighbour(&kept, 0)
        } else {
            None
        };
        Ok(Some(ItemAbsence {
            batch: context.batch,
            before,
            after,
        }))
    }

    fn candidates(&self, scid: &Scid) -> Result<Vec<Hash>, LeafStoreError> {
        let first = prefix(scid.digest());
        self.file.read(|transaction| {
            let (items, numbers) = (
                transaction.open_table(ITEMS)?,
                transaction.open_table(NUMBERS)?,
            );
            let mut found = Vec::new();
            for entry in items.range((first, 0)..=(first, u32::MAX))? {
                let (key, ()) = entry.map(|(key, _)| (key, ()))?;
                let hash = numbers.get(key.value().1)?;
                let hash = hash.and_then(|hash| <[u8; 32]>::try_from(hash.value()).ok());
                found.extend(hash.map(Hash::from_bytes));
            }
            Ok(found)
        })
    }

    fn item(
        &self,
        kept: &Kept,
        hash: &Hash,
        wanted: &Hash,
    ) -> Result<Option<Found>, LeafStoreError> {
        let (terms, template) = kept.read()?;
        let context = context(&terms)?;
        let run = self.load(kept, &context, (*hash, kept.run_of(wanted)))?;
        let Ok(at) = run.leaves.binary_search_by(|leaf| leaf.hash.cmp(wanted)) else {
            return Ok(None);
        };
        let Some(leaf) = run.leaves.get(at) else {
            return Ok(None);
        };
        let item: Item = serde_json::from_slice(&leaf.item).map_err(|error| damaged(&error))?;
        let proof = ItemProof {
            batch: context.batch,
            index: run.index(at),
            ordinal: leaf.ordinal,
            item,
            path: run.path(kept, at),
        };
        Ok(Some(Found {
            terms,
            template,
            proof,
        }))
    }

    fn load(
        &self,
        kept: &Kept,
        context: &ItemContext,
        place: Place,
    ) -> Result<Arc<Run>, LeafStoreError> {
        if let Some(run) = self.ready.find(place) {
            return Ok(run);
        }
        let (_, number) = place;
        let bytes = self.bytes(kept.number, number)?;
        let bytes = bytes.ok_or_else(|| damaged(&format!("run {number} is not here")))?;
        let mut leaves = Vec::with_capacity(RUN as usize);
        for line in lines(&bytes).into_iter().flatten() {
            let line = read_line(line).ok_or_else(|| damaged(&"a line is none"))?;
            leaves.push(Leaf {
                hash: context.hash(line.item),
                ordinal: line.ordinal,
                item: line.item.to_vec(),
            });
        }
        let nodes = leaves
            .iter()
            .map(|leaf| tree::leaf(leaf.hash.as_bytes(), leaf.ordinal));
        let nodes = nodes.collect();
        let run = Arc::new(Run {
            leaves,
            nodes,
            number,
        });
        self.ready.keep(place, &run);
        Ok(run)
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

    fn path(&self, kept: &Kept, at: usize) -> Vec<Hash> {
        let low = tree::path(&self.nodes, at).unwrap_or_default();
        let high = tree::path(&kept.roots, self.number as usize).unwrap_or_default();
        low.into_iter().chain(high).map(Hash::from_bytes).collect()
    }

    fn neighbour(&self, kept: &Kept, at: usize) -> Option<Neighbour> {
        let leaf = self.leaves.get(at)?;
        Some(Neighbour {
            index: self.index(at),
            ordinal: leaf.ordinal,
            item: leaf.hash,
            path: self.path(kept, at),
        })
    }
}

fn context(terms: &BatchTerms) -> Result<ItemContext, LeafStoreError> {
    Ok(ItemContext {
        batch: terms.id().map_err(|error| damaged(&error))?,
        template: terms.template,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_runs_ready_that_were_looked_into_last() {
        let ready = ReadyRuns::default();
        let terms = Hash::from_bytes([1; 32]);
        let run = |number| {
            Arc::new(Run {
                leaves: Vec::new(),
                nodes: Vec::new(),
                number,
            })
        };
        let last = u32::try_from(READY).unwrap();
        for number in 0..=last {
            ready.keep((terms, number), &run(number));
            // Looked into again and again.
            assert!(number == 0 || ready.find((terms, 1)).is_some());
        }
        assert_eq!(ready.0.lock().unwrap().len(), READY);
        assert!(ready.find((terms, 0)).is_none());
        assert_eq!(ready.find((terms, last)).unwrap().number, last);
    }
}
