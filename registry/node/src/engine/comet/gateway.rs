//! The gateway: puts envelopes that arrive together into one transaction and hands it to CometBFT's mempool.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use chop_protocol::SignedEnvelope;
use chop_protocol::transaction::{MAX_BUNDLE, MAX_BYTES, bundle};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tracing::{debug, warn};

use super::mempool::{Broadcast, Mempool};
use super::shared::Shared;
use crate::engine::SubmitError;

/// How long the first envelope of a bundle waits for others.
const WINDOW: Duration = Duration::from_millis(3);
/// Bundles that are under way at once: while they are, the next ones grow.
const BUNDLES: usize = 4;
/// Single envelopes that are under way at once.
const SINGLES: usize = 32;
/// How often it looks for envelopes that got lost with a mempool.
const LOOK: Duration = Duration::from_secs(2);
/// How long what was handed over may still go out when the ledger stops.
const GRACE: Duration = Duration::from_secs(1);
/// After how long without a block an envelope is sent again.
const RESEND: Duration = Duration::from_secs(10);

/// Envelopes on their way to the mempool, taken by one worker at a time.
type Queue = tokio::sync::Mutex<Receiver<Arc<SignedEnvelope>>>;

/// The thread that sends. It ends when this goes.
pub(super) struct Gateway {
    queue: usize,
    sender: RwLock<Option<Sender<Arc<SignedEnvelope>>>>,
    thread: Mutex<Option<Thread>>,
}

/// A thread, and what tells it to stop by going.
type Thread = (oneshot::Sender<Infallible>, JoinHandle<()>);

/// Whether an envelope can be in the mempool already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// It cannot: what the mempool says of it is its fate.
    First,
    /// It can: only a block or its end says what became of it.
    Again,
}

impl Gateway {
    /// Starts sending; `queue` envelopes may wait, `most` go into one transaction.
    pub(super) fn start(shared: &Arc<Shared>, queue: usize, most: usize) -> std::io::Result<Self> {
        let (sender, receiver) = channel(queue);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (shared, most) = (Arc::clone(shared), most.clamp(1, MAX_BUNDLE));
        let (running, stopping) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("gateway".to_owned())
            .spawn(move || runtime.block_on(run(shared, receiver, most, stopping)))?;
        Ok(Self {
            queue,
            sender: RwLock::new(Some(sender)),
            thread: Mutex::new(Some((running, thread))),
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
            TrySendError::Closed(_) => SubmitError::Stopped,
        })
    }

    /// Ends the thread, after what was handed over as far as it goes out at once.
    pub(super) fn stop(&self) {
        let sender = self
            .sender
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(sender);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((running, thread)) = thread {
            drop(running);
            let _ended = thread.join();
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Sends what comes until it is to stop; then what has come, for a moment.
async fn run(
    shared: Arc<Shared>,
    receiver: Receiver<Arc<SignedEnvelope>>,
    most: usize,
    stopping: oneshot::Receiver<Infallible>,
) {
    let queue = Arc::new(Queue::new(receiver));
    let mut workers = JoinSet::new();
    for _ in 0..if most == 1 { SINGLES } else { BUNDLES } {
        workers.spawn(work(Arc::clone(&shared), Arc::clone(&queue), most));
    }
    let resending = tokio::spawn(resend(shared, most));
    let _stopping = stopping.await;
    resending.abort();
    // A CometBFT that gives no answer holds nobody up: what is left goes with its workers.
    let sending = async { while workers.join_next().await.is_some() {} };
    let _ended = timeout(GRACE, sending).await;
}

async fn work(shared: Arc<Shared>, queue: Arc<Queue>, most: usize) {
    let mut mempool = shared.rpc.mempool();
    loop {
        let envelopes = gather(&mut *queue.lock().await, most).await;
        if envelopes.is_empty() {
            return;
        }
        send_all(
            &shared,
            &mut mempool,
            bundles(&envelopes, most),
            Sending::First,
        )
        .await;
    }
}

/// Sends again what is in no block for long.
async fn resend(shared: Arc<Shared>, most: usize) {
    let mut mempool = shared.rpc.mempool();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let overdue = shared.pending.overdue(RESEND);
        send_all(
            &shared,
            &mut mempool,
            bundles(&overdue, most),
            Sending::Again,
        )
        .await;
    }
}

/// Waits for an envelope and takes what arrives within the window; nothing when nothing can come any more.
async fn gather(
    receiver: &mut Receiver<Arc<SignedEnvelope>>,
    most: usize,
) -> Vec<Arc<SignedEnvelope>> {
    let Some(first) = receiver.recv().await else {
        return Vec::new();
    };
    let mut gathered = vec![first];
    let until = Instant::now() + WINDOW;
    while gathered.len() < most {
        match timeout_at(until, receiver.recv()).await {
            Ok(Some(envelope)) => gathered.push(envelope),
            Ok(None) | Err(_) => break,
        }
    }
    gathered
}

async fn send_all(
    shared: &Shared,
    mempool: &mut Mempool,
    bundles: Vec<Vec<&SignedEnvelope>>,
    sending: Sending,
) {
    for bundle in bundles {
        if hand_over(shared, mempool, &bundle, sending).await {
            continue;
        }
        // One of them spoils the bundle: each gets an answer of its own.
        for envelope in bundle {
            hand_over(shared, mempool, &[envelope], sending).await;
        }
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

/// Puts a transaction into the mempool and answers whoever waits for an envelope that it does not take; false when it is a
/// bundle that was refused, of which nobody was told.
async fn hand_over(
    shared: &Shared,
    mempool: &mut Mempool,
    envelopes: &[&SignedEnvelope],
    sending: Sending,
) -> bool {
    let tx = bundle(envelopes);
    shared.verified.learn(&tx, envelopes);
    match mempool.broadcast(&tx).await {
        Ok(Broadcast::Taken) => {}
        Ok(Broadcast::Full) if sending == Sending::Again => {
            debug!("the mempool is full, envelopes wait to be sent again");
        }
        Ok(Broadcast::Full) => {
            for envelope in envelopes {
                let busy = SubmitError::Busy {
                    queued: envelopes.len(),
                };
                shared.pending.refuse(&envelope.hash(), &busy);
            }
        }
        Ok(Broadcast::Refused { rule, detail }) => {
            let [envelope] = envelopes else {
                debug!(%rule, envelopes = envelopes.len(), "a bundle was refused, its envelopes go singly");
                return false;
            };
            if sending == Sending::Again {
                debug!(%rule, "an envelope that may be in the mempool is refused now");
                return true;
            }
            let refused = SubmitError::NotAdmitted { rule, detail };
            shared.pending.refuse(&envelope.hash(), &refused);
        }
        // It stays pending, and is sent again when CometBFT is back.
        Err(error) => warn!(%error, "envelopes wait for CometBFT"),
    }
    true
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use chop_protocol::Outcome;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::super::super::fixtures::{TestClock, envelope, envelope_of, genesis, party};
    use super::super::mempool::tests::{FULL, MUTE, REFUSED, TAKEN, answering};
    use super::super::rpc::Rpc;
    use super::*;
    use crate::store::{DiskLimit, Store};

    type Answer = oneshot::Receiver<Result<Outcome, SubmitError>>;

    /// A ledger whose CometBFT is at a socket.
    fn shared(folder: &tempfile::TempDir, socket: PathBuf) -> Arc<Shared> {
        let path = folder.path().join("ledger.redb");
        let store = Store::open(&path, Arc::new(DiskLimit::none())).unwrap();
        let clock = TestClock::new();
        let around: (crate::engine::Clock, _) = (Arc::new(move || clock.now()), None);
        Arc::new(Shared::open(store, genesis(), Rpc::at(socket), around, None).unwrap())
    }

    /// Envelopes that somebody waits for.
    fn waiting(shared: &Shared, count: u64) -> (Vec<Arc<SignedEnvelope>>, Vec<Answer>) {
        let wait = |n| {
            let (reply, answer) = oneshot::channel();
            let added = shared.pending.add(envelope(n), reply, 8).unwrap();
            (added.unwrap(), answer)
        };
        (0..count).map(wait).unzip()
    }

    /// Sends them to a mempool with these answers; what each caller was told.
    async fn told(
        answers: &[&'static str],
        (count, sending): (u64, Sending),
    ) -> Vec<Result<Result<Outcome, SubmitError>, TryRecvError>> {
        let (folder, mut mempool, _) = answering(answers.to_vec(), answers.len());
        if answers.contains(&MUTE) {
            mempool.patience = Duration::from_millis(100);
        }
        let shared = shared(&folder, folder.path().join("rpc.sock"));
        let (envelopes, mut replies) = waiting(&shared, count);
        send_all(&shared, &mut mempool, bundles(&envelopes, 8), sending).await;
        replies.iter_mut().map(Answer::try_recv).collect()
    }

    fn not_admitted() -> Result<Outcome, SubmitError> {
        let (rule, detail) = ("envelope.replayed".to_owned(), "no".to_owned());
        Err(SubmitError::NotAdmitted { rule, detail })
    }

    #[tokio::test]
    async fn what_is_sent_first_has_its_fate_in_the_mempools_answer() {
        let busy = || Ok(Err(SubmitError::Busy { queued: 2 }));
        let first = |count| (count, Sending::First);
        assert_eq!(told(&[FULL], first(2)).await, [busy(), busy()]);
        assert_eq!(told(&[REFUSED], first(1)).await, [Ok(not_admitted())]);
        assert_eq!(told(&[TAKEN], first(1)).await, [Err(TryRecvError::Empty)]);
    }

    #[tokio::test]
    async fn of_a_refused_bundle_each_envelope_gets_an_answer_of_its_own() {
        let told = told(&[REFUSED, TAKEN, REFUSED], (2, Sending::First)).await;
        assert_eq!(told, [Err(TryRecvError::Empty), Ok(not_admitted())]);
    }

    #[tokio::test]
    async fn what_is_sent_again_waits_on_whatever_the_mempool_says() {
        let again = (2, Sending::Again);
        let waits = [Err(TryRecvError::Empty), Err(TryRecvError::Empty)];
        for answers in [&[FULL][..], &[REFUSED; 3], &[REFUSED, FULL, REFUSED]] {
            assert_eq!(told(answers, again).await, waits, "{answers:?}");
        }
    }

    #[tokio::test]
    async fn envelopes_wait_where_no_answer_comes_in_time() {
        let waits = [Err(TryRecvError::Empty), Err(TryRecvError::Empty)];
        assert_eq!(told(&[MUTE], (2, Sending::First)).await, waits);
    }

    #[test]
    fn stops_soon_where_nobody_answers() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("rpc.sock");
        let _mute = UnixListener::bind(&socket).unwrap();
        let shared = shared(&folder, socket);
        let gateway = Gateway::start(&shared, 8, 1).unwrap();
        let (envelopes, mut replies) = waiting(&shared, 3);
        for envelope in envelopes {
            gateway.send(envelope).unwrap();
        }
        let started = Instant::now();
        gateway.stop();
        assert!(started.elapsed() < 2 * GRACE, "{:?}", started.elapsed());
        let late = gateway.send(Arc::new(envelope(9)));
        assert_eq!(late.unwrap_err(), SubmitError::Stopped);
        shared.pending.refuse_all(&SubmitError::Stopped);
        for reply in &mut replies {
            assert_eq!(reply.try_recv().unwrap(), Err(SubmitError::Stopped));
        }
    }

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

    #[tokio::test]
    async fn gathers_what_arrives_together() {
        let (sender, mut receiver) = channel(16);
        for n in 0..5 {
            sender.send(Arc::new(envelope(n))).await.unwrap();
        }
        assert_eq!(gather(&mut receiver, 3).await.len(), 3);
        assert_eq!(gather(&mut receiver, 3).await.len(), 2);
        drop(sender);
        assert!(gather(&mut receiver, 3).await.is_empty());
    }
}
