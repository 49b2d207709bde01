//! Envelopes that were handed over and are in no block yet, with whoever waits for their outcome.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chop_integrity::Hash;
use chop_protocol::{Outcome, SignedEnvelope};
use tokio::sync::oneshot;

use crate::engine::SubmitError;

/// What a waiting caller gets.
pub(super) type Reply = oneshot::Sender<Result<Outcome, SubmitError>>;

/// The envelopes that wait, by hash.
#[derive(Default)]
pub(super) struct Pending {
    entries: Mutex<HashMap<Hash, Entry>>,
}

struct Entry {
    envelope: Arc<SignedEnvelope>,
    replies: Vec<Reply>,
    sent: Instant,
}

impl Pending {
    /// Adds a caller. Gives the envelope back when it is new and has to be sent.
    pub(super) fn add(
        &self,
        envelope: SignedEnvelope,
        reply: Reply,
        most: usize,
    ) -> Result<Option<Arc<SignedEnvelope>>, SubmitError> {
        let mut entries = self.lock();
        if let Some(entry) = entries.get_mut(&envelope.hash()) {
            entry.replies.retain(|reply| !reply.is_closed());
            entry.replies.push(reply);
            return Ok(None);
        }
        if entries.len() >= most {
            return Err(SubmitError::Busy {
                queued: entries.len(),
            });
        }
        let envelope = Arc::new(envelope);
        let entry = Entry {
            envelope: Arc::clone(&envelope),
            replies: vec![reply],
            sent: Instant::now(),
        };
        entries.insert(envelope.hash(), entry);
        Ok(Some(envelope))
    }

    pub(super) fn contains(&self, hash: &Hash) -> bool {
        self.lock().contains_key(hash)
    }

    /// Answers everybody who waits for one of these. The first outcome of an envelope counts: another copy in the same
    /// block was refused because of it.
    pub(super) fn settle(&self, outcomes: &[Outcome]) {
        let mut entries = self.lock();
        for outcome in outcomes {
            if let Some(entry) = entries.remove(&outcome.hash) {
                entry.answer(&Ok(outcome.clone()));
            }
        }
    }

    /// Answers everybody who waits for this envelope with an error.
    pub(super) fn refuse(&self, hash: &Hash, error: &SubmitError) {
        if let Some(entry) = self.lock().remove(hash) {
            entry.answer(&Err(error.clone()));
        }
    }

    /// Answers everybody with an error: the ledger takes no writes.
    pub(super) fn refuse_all(&self, error: &SubmitError) {
        for (_, entry) in self.lock().drain() {
            entry.answer(&Err(error.clone()));
        }
    }

    /// Forgets what no block can take any more.
    pub(super) fn expire(&self, time_ms: i64) {
        self.lock().retain(|_, entry| {
            let until_ms = entry.envelope.envelope().valid_until.unix_ms();
            if until_ms < time_ms {
                for reply in entry.replies.drain(..) {
                    let _gone = reply.send(Err(SubmitError::Expired));
                }
            }
            until_ms >= time_ms
        });
    }

    /// What was sent this long ago and is in no block: CometBFT may have lost it in a restart. Counts as sent now.
    pub(super) fn overdue(&self, age: Duration) -> Vec<Arc<SignedEnvelope>> {
        let mut overdue = Vec::new();
        for entry in self.lock().values_mut() {
            if entry.sent.elapsed() >= age {
                entry.sent = Instant::now();
                overdue.push(Arc::clone(&entry.envelope));
            }
        }
        overdue
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Hash, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn answer(self, answer: &Result<Outcome, SubmitError>) {
        for reply in self.replies {
            let _gone = reply.send(answer.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{FOUNDED_MS, envelope};
    use super::*;
    use chop_protocol::ExecutionResult;

    fn outcome(n: u64, result: ExecutionResult) -> Outcome {
        Outcome {
            hash: envelope(n).hash(),
            height: 7,
            result,
        }
    }

    #[test]
    fn answers_every_caller_with_the_first_outcome() {
        let pending = Pending::default();
        let (first, mut one) = oneshot::channel();
        let (second, mut two) = oneshot::channel();
        assert!(pending.add(envelope(1), first, 8).unwrap().is_some());
        assert!(pending.add(envelope(1), second, 8).unwrap().is_none());
        let committed = outcome(1, ExecutionResult::Committed);
        let replayed = outcome(
            1,
            ExecutionResult::Refused {
                rule: "envelope.replayed".to_owned(),
                detail: String::new(),
                settled: false,
            },
        );
        pending.settle(&[committed.clone(), replayed]);
        for receiver in [&mut one, &mut two] {
            assert_eq!(receiver.try_recv().unwrap(), Ok(committed.clone()));
        }
        assert!(!pending.contains(&committed.hash));
    }

    #[test]
    fn is_busy_when_too_many_wait() {
        let pending = Pending::default();
        let (reply, _kept) = oneshot::channel();
        pending.add(envelope(1), reply, 1).unwrap();
        let (reply, _kept) = oneshot::channel();
        assert_eq!(
            pending.add(envelope(2), reply, 1).unwrap_err(),
            SubmitError::Busy { queued: 1 }
        );
    }

    #[test]
    fn forgets_an_envelope_whose_time_has_passed() {
        let pending = Pending::default();
        let (reply, mut answer) = oneshot::channel();
        pending.add(envelope(1), reply, 8).unwrap();
        pending.expire(FOUNDED_MS + 3_600_000);
        assert!(pending.contains(&envelope(1).hash()));
        pending.expire(FOUNDED_MS + 3_600_001);
        assert_eq!(answer.try_recv().unwrap(), Err(SubmitError::Expired));
        assert!(!pending.contains(&envelope(1).hash()));
    }

    #[test]
    fn names_what_was_sent_long_ago_once_a_period() {
        let pending = Pending::default();
        let (reply, _kept) = oneshot::channel();
        pending.add(envelope(1), reply, 8).unwrap();
        assert_eq!(pending.overdue(Duration::ZERO).len(), 1);
        assert!(pending.overdue(Duration::from_mins(1)).is_empty());
    }
}
