//! The gateway: puts envelopes that arrive together into one transaction and hands it to CometBFT's mempool.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chop_protocol::SignedEnvelope;
use chop_protocol::transaction::{MAX_BUNDLE, MAX_BYTES, bundle};
use tracing::{debug, warn};

use super::rpc::Broadcast;
use super::shared::Shared;
use crate::engine::SubmitError;

/// How long the first envelope of a bundle waits for others.
const WINDOW: Duration = Duration::from_millis(3);
/// Threads that talk to the mempool.
const WORKERS: usize = 4;
/// How often it looks for envelopes that got lost with a mempool.
const LOOK: Duration = Duration::from_secs(2);
/// After how long without a block an envelope is sent again.
const RESEND: Duration = Duration::from_secs(10);

/// The threads that send. They end when this goes.
pub(super) struct Gateway {
    queue: usize,
    sender: RwLock<Option<SyncSender<Arc<SignedEnvelope>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Gateway {
    /// Starts sending; `queue` envelopes may wait, `most` go into one transaction.
    pub(super) fn start(shared: &Arc<Shared>, queue: usize, most: usize) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::new();
        for worker in 0..WORKERS {
            let (shared, receiver) = (Arc::clone(shared), Arc::clone(&receiver));
            let thread = std::thread::Builder::new()
                .name(format!("gateway-{worker}"))
                .spawn(move || run(&shared, &receiver, most.clamp(1, MAX_BUNDLE)))?;
            threads.push(thread);
        }
        Ok(Self {
            queue,
            sender: RwLock::new(Some(sender)),
            threads: Mutex::new(threads),
        })
    }

    /// Hands an envelope over.
    ///
    /// # Errors
    /// When too many wait, or the ledger is stopping.
    pub(super) fn send(&self, envelope: Arc<SignedEnvelope>) -> Result<(), SubmitError> {
        let sender = self.sender.read().unwrap_or_else(PoisonError::into_inner);
        let Some(sender) = sender.as_ref() else {
            return Err(SubmitError::Stopped);
        };
        sender.try_send(envelope).map_err(|error| match error {
            TrySendError::Full(_) => SubmitError::Busy { queued: self.queue },
            TrySendError::Disconnected(_) => SubmitError::Stopped,
        })
    }

    /// Ends the threads.
    pub(super) fn stop(&self) {
        let sender = self
            .sender
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(sender);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ended = thread.join();
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(shared: &Shared, receiver: &Mutex<Receiver<Arc<SignedEnvelope>>>, most: usize) {
    loop {
        let gathered = {
            let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            gather(&receiver, most)
        };
        match gathered {
            Ok(envelopes) => send_all(shared, &envelopes, most),
            Err(RecvTimeoutError::Timeout) => {
                send_all(shared, &shared.pending.overdue(RESEND), most);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Waits for an envelope and takes what arrives within the window.
fn gather(
    receiver: &Receiver<Arc<SignedEnvelope>>,
    most: usize,
) -> Result<Vec<Arc<SignedEnvelope>>, RecvTimeoutError> {
    let mut gathered = vec![receiver.recv_timeout(LOOK)?];
    let until = Instant::now() + WINDOW;
    while gathered.len() < most {
        match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(envelope) => gathered.push(envelope),
            Err(_) => break,
        }
    }
    Ok(gathered)
}

fn send_all(shared: &Shared, envelopes: &[Arc<SignedEnvelope>], most: usize) {
    for bundle in bundles(envelopes, most) {
        send(shared, &bundle);
    }
}

/// Bundles of one sponsor each, so that a block's shares can be counted by sponsor, within the bounds of a transaction.
fn bundles(envelopes: &[Arc<SignedEnvelope>], most: usize) -> Vec<Vec<&SignedEnvelope>> {
    let mut by_sponsor: BTreeMap<_, Vec<Vec<&SignedEnvelope>>> = BTreeMap::new();
    let mut bytes: BTreeMap<_, usize> = BTreeMap::new();
    for envelope in envelopes {
        let sponsor = envelope.envelope().sponsor;
        let bundles = by_sponsor.entry(sponsor).or_default();
        let used = bytes.entry(sponsor).or_default();
        let more = envelope.bytes().len() + 1;
        match bundles.last_mut() {
            Some(last) if last.len() < most && *used + more < MAX_BYTES => {
                last.push(envelope);
                *used += more;
            }
            _ => {
                bundles.push(vec![envelope]);
                *used = more + 1;
            }
        }
    }
    by_sponsor.into_values().flatten().collect()
}

fn send(shared: &Shared, envelopes: &[&SignedEnvelope]) {
    match shared.rpc.broadcast(&bundle(envelopes)) {
        Ok(Broadcast::Taken) => {}
        Ok(Broadcast::Full) => {
            for envelope in envelopes {
                let busy = SubmitError::Busy {
                    queued: envelopes.len(),
                };
                shared.pending.refuse(&envelope.hash(), &busy);
            }
        }
        Ok(Broadcast::Refused { rule, detail }) => match envelopes {
            [envelope] => {
                let refused = SubmitError::NotAdmitted { rule, detail };
                shared.pending.refuse(&envelope.hash(), &refused);
            }
            // One of them spoils the bundle: each gets an answer of its own.
            several => {
                debug!(%rule, envelopes = several.len(), "a bundle was refused, its envelopes go singly");
                for envelope in several {
                    send(shared, &[envelope]);
                }
            }
        },
        // It stays pending, and is sent again when CometBFT is back.
        Err(error) => warn!(%error, "envelopes wait for CometBFT"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{envelope, envelope_of, party};
    use super::*;

    #[test]
    fn bundles_hold_one_sponsor_and_no_more_than_they_may() {
        let mut envelopes: Vec<_> = (0..5).map(|n| Arc::new(envelope(n))).collect();
        envelopes.insert(2, Arc::new(envelope_of(&party(9), 1)));
        let sizes = |most| {
            let mut sizes: Vec<_> = bundles(&envelopes, most).iter().map(Vec::len).collect();
            sizes.sort_unstable();
            sizes
        };
        assert_eq!(sizes(64), [1, 5]);
        assert_eq!(sizes(2), [1, 1, 2, 2]);
        assert_eq!(sizes(1), [1; 6]);
        for bundle in bundles(&envelopes, 64) {
            let sponsor = bundle[0].envelope().sponsor;
            assert!(
                bundle
                    .iter()
                    .all(|envelope| envelope.envelope().sponsor == sponsor)
            );
        }
    }

    #[test]
    fn a_bundle_is_never_longer_than_a_transaction() {
        let envelopes: Vec<_> = (0..1_000).map(|n| Arc::new(envelope(n))).collect();
        let bundles = bundles(&envelopes, MAX_BUNDLE);
        assert_eq!(bundles.iter().map(Vec::len).sum::<usize>(), 1_000);
        for envelopes in bundles {
            assert!(bundle(&envelopes).len() <= MAX_BYTES);
        }
    }

    #[test]
    fn gathers_what_arrives_together() {
        let (sender, receiver) = sync_channel(16);
        for n in 0..5 {
            sender.send(Arc::new(envelope(n))).unwrap();
        }
        assert_eq!(gather(&receiver, 3).unwrap().len(), 3);
        assert_eq!(gather(&receiver, 3).unwrap().len(), 2);
        drop(sender);
        assert!(matches!(
            gather(&receiver, 3),
            Err(RecvTimeoutError::Disconnected)
        ));
    }
}
