//! What fits into one block.

use std::collections::{BTreeMap, HashSet, VecDeque};

use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_protocol::Parameters;

use super::sequencer::Waiting;

/// Most envelopes in one block, so that the first of them does not wait for too many others.
const BLOCK_ENVELOPES: u64 = 1_024;
/// Most bytes of envelopes in one block; a header allows `chop_proof::build::BLOCK_MAX_BYTES` with everything else.
const BLOCK_BYTES: usize = 3 * 1024 * 1024;

/// What still fits into the block that is being gathered.
pub(super) struct Room {
    envelopes: u64,
    bytes: usize,
    work: u64,
    sponsor_work: u64,
    used: BTreeMap<ChopDid, u64>,
    hashes: HashSet<Hash>,
}

impl Room {
    pub(super) fn of(parameters: &Parameters) -> Self {
        Self {
            envelopes: parameters.block_envelopes.min(BLOCK_ENVELOPES),
            bytes: BLOCK_BYTES,
            work: parameters.block_work,
            sponsor_work: parameters.sponsor_block_work,
            used: BTreeMap::new(),
            hashes: HashSet::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.envelopes == 0
    }

    /// Puts an envelope into this block, or off to the next one when it does not fit or its twin is in this one: the
    /// twin's outcome, if it is final, will be its answer.
    pub(super) fn take(
        &mut self,
        waiting: Waiting,
        now: &mut Vec<Waiting>,
        later: &mut VecDeque<Waiting>,
    ) {
        let envelope = waiting.envelope.envelope();
        let work = envelope.work();
        let bytes = waiting.envelope.bytes().len();
        let used = self
            .used
            .get(&envelope.sponsor)
            .copied()
            .unwrap_or(0)
            .saturating_add(work);
        // The first one always goes in: what can never fit is for the state machine to refuse.
        let fits = self.envelopes > 0
            && bytes <= self.bytes
            && work <= self.work
            && used <= self.sponsor_work;
        if !(fits || now.is_empty()) || !self.hashes.insert(waiting.envelope.hash()) {
            later.push_back(waiting);
            return;
        }
        self.envelopes = self.envelopes.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.work = self.work.saturating_sub(work);
        self.used.insert(envelope.sponsor, used);
        now.push(waiting);
    }
}
