//! Transactions whose signatures were verified: once for each node, whichever of CometBFT's questions comes first.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use chop_keys::KnownKeys;
use chop_protocol::SignedEnvelope;
use chop_protocol::transaction::{MAX_BUNDLE, MAX_BYTES, TransactionError, unbundle};
use sha2::{Digest, Sha256};

/// Bytes of transactions that are remembered; parsed, they take several times as much.
const CACHE_BYTES: usize = 24 * 1024 * 1024;
/// Fewer transactions than this are not worth another thread.
const WORTH_A_THREAD: usize = 8;

/// A parsed transaction.
pub(super) type Parsed = Arc<Vec<SignedEnvelope>>;

/// Where in a list a transaction stands that was never parsed, its hash, and its bytes.
type Unknown<'a> = (usize, [u8; 32], &'a [u8]);

/// Remembers parsed transactions by the hash of their bytes; the oldest go first.
#[derive(Debug, Default)]
pub(super) struct Verified {
    kept: Mutex<Kept>,
    known: KnownKeys,
}

#[derive(Debug, Default)]
struct Kept {
    by_hash: HashMap<[u8; 32], (Parsed, usize)>,
    order: VecDeque<[u8; 32]>,
    bytes: usize,
}

impl Verified {
    /// Parses a transaction and verifies its signatures, unless that was done before.
    pub(super) fn parse(&self, tx: &[u8]) -> Result<Parsed, TransactionError> {
        let hash = hash(tx);
        match self.find(&hash) {
            Some(known) => Ok(known),
            None => self.parse_anew(hash, tx),
        }
    }

    /// Parses many at once, what is not known yet on as many threads as the machine has; `None` for what is no transaction.
    pub(super) fn parse_all<T: AsRef<[u8]> + Sync>(&self, txs: &[T]) -> Vec<Option<Parsed>> {
        let mut parsed = Vec::with_capacity(txs.len());
        let mut unknown = Vec::new();
        for (index, tx) in txs.iter().enumerate() {
            let hash = hash(tx.as_ref());
            let known = self.find(&hash);
            if known.is_none() {
                unknown.push((index, hash, tx.as_ref()));
            }
            parsed.push(known);
        }
        for (index, anew) in self.parse_unknown(&unknown) {
            if let Some(place) = parsed.get_mut(index) {
                *place = anew;
            }
        }
        parsed
    }

    fn parse_unknown(&self, unknown: &[Unknown<'_>]) -> Vec<(usize, Option<Parsed>)> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = unknown.len().div_ceil(threads).max(WORTH_A_THREAD);
        let parse = |share: &[Unknown<'_>]| -> Vec<(usize, Option<Parsed>)> {
            share
                .iter()
                .map(|(index, hash, tx)| (*index, self.parse_anew(*hash, tx).ok()))
                .collect()
        };
        if unknown.len() <= share {
            return parse(unknown);
        }
        std::thread::scope(|scope| {
            let running: Vec<_> = unknown
                .chunks(share)
                .map(|chunk| (chunk, scope.spawn(move || parse(chunk))))
                .collect();
            running
                .into_iter()
                // A thread that panicked leaves its share to this one, which then panics likewise and ends the process.
                .flat_map(|(chunk, thread)| thread.join().unwrap_or_else(|_| parse(chunk)))
                .collect()
        })
    }

    fn parse_anew(&self, hash: [u8; 32], tx: &[u8]) -> Result<Parsed, TransactionError> {
        let parsed = Arc::new(unbundle(tx, &self.known)?);
        self.keep(hash, &parsed, tx.len());
        Ok(parsed)
    }

    /// Takes over a transaction that this node makes of envelopes that it has verified; no other way of making it but
    /// [`bundle`](chop_protocol::transaction::bundle) counts.
    pub(super) fn learn(&self, tx: &[u8], envelopes: &[&SignedEnvelope]) {
        let different: BTreeSet<_> = envelopes.iter().map(|envelope| envelope.hash()).collect();
        let is_one = different.len() == envelopes.len()
            && (1..=MAX_BUNDLE).contains(&envelopes.len())
            && tx.len() <= MAX_BYTES;
        if is_one {
            let owned = envelopes.iter().map(|&envelope| envelope.clone());
            self.keep(hash(tx), &Arc::new(owned.collect()), tx.len());
        }
    }

    /// Forgets transactions that are in a block now.
    pub(super) fn forget<T: AsRef<[u8]>>(&self, txs: &[T]) {
        let mut kept = self.lock();
        for tx in txs {
            if let Some((_, bytes)) = kept.by_hash.remove(&hash(tx.as_ref())) {
                kept.bytes = kept.bytes.saturating_sub(bytes);
            }
        }
        let Kept { by_hash, order, .. } = &mut *kept;
        order.retain(|hash| by_hash.contains_key(hash));
    }

    fn find(&self, hash: &[u8; 32]) -> Option<Parsed> {
        self.lock()
            .by_hash
            .get(hash)
            .map(|(parsed, _)| Arc::clone(parsed))
    }

    fn keep(&self, hash: [u8; 32], parsed: &Parsed, bytes: usize) {
        let mut kept = self.lock();
        if kept
            .by_hash
            .insert(hash, (Arc::clone(parsed), bytes))
            .is_some()
        {
            return;
        }
        kept.order.push_back(hash);
        kept.bytes += bytes;
        while kept.bytes > CACHE_BYTES {
            let Some(oldest) = kept.order.pop_front() else {
                break;
            };
            if let Some((_, bytes)) = kept.by_hash.remove(&oldest) {
                kept.bytes = kept.bytes.saturating_sub(bytes);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(tx: &[u8]) -> [u8; 32] {
    Sha256::digest(tx).into()
}

#[cfg(test)]
mod tests {
    use chop_protocol::transaction::bundle;

    use super::super::super::fixtures::envelope;
    use super::*;

    #[test]
    fn verifies_a_transaction_once_until_it_is_in_a_block() {
        let verified = Verified::default();
        let tx = envelope(1).bytes().to_vec();
        let first = verified.parse(&tx).unwrap();
        assert!(Arc::ptr_eq(&first, &verified.parse(&tx).unwrap()));
        verified.forget(&[&tx]);
        assert!(!Arc::ptr_eq(&first, &verified.parse(&tx).unwrap()));
    }

    #[test]
    fn what_this_node_made_is_known_as_it_would_be_parsed() {
        let several: Vec<_> = (0..5).map(envelope).collect();
        for count in [1, 5] {
            let envelopes: Vec<_> = several.iter().take(count).collect();
            let tx = bundle(&envelopes);
            let (learnt, parsing) = (Verified::default(), Verified::default());
            learnt.learn(&tx, &envelopes);
            let (learnt, parsed) = (learnt.find(&hash(&tx)), parsing.parse(&tx).unwrap());
            assert_eq!(format!("{:?}", learnt.unwrap()), format!("{parsed:?}"));
        }
        let twice = [&several[0], &several[0]];
        let verified = Verified::default();
        verified.learn(&bundle(&twice), &twice);
        verified.learn(&bundle(&[]), &[]);
        assert!(
            verified.lock().by_hash.is_empty(),
            "these are no transactions"
        );
    }

    #[test]
    fn parses_many_in_their_order_and_marks_what_is_no_transaction() {
        let verified = Verified::default();
        let mut txs: Vec<Vec<u8>> = (0..40).map(|n| envelope(n).bytes().to_vec()).collect();
        txs.insert(17, b"nonsense".to_vec());
        let parsed = verified.parse_all(&txs);
        assert_eq!(parsed.len(), 41);
        for (tx, parsed) in txs.iter().zip(&parsed) {
            match parsed {
                Some(parsed) => assert_eq!(parsed[0].bytes(), tx),
                None => assert_eq!(tx, b"nonsense"),
            }
        }
        assert!(parsed[17].is_none());
    }

    #[test]
    fn forgets_the_oldest_when_it_is_full() {
        let verified = Verified::default();
        let parsed = verified.parse(envelope(0).bytes()).unwrap();
        let half = CACHE_BYTES / 2;
        for n in 1..=3 {
            verified.keep([n; 32], &parsed, half);
        }
        assert!(verified.find(&[1; 32]).is_none());
        assert!(verified.find(&[3; 32]).is_some());
        assert!(verified.lock().bytes <= CACHE_BYTES);
    }
}
