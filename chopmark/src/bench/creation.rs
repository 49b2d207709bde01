//! DIDs for the reads, created as fast as the ledger takes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use chop_did::{ChopDid, Class, Document};
use chop_protocol::Action;
use indicatif::ProgressBar;
use tokio::task::{JoinSet, block_in_place};

use super::progress::Progress;
use crate::scenario::{Actor, Client};

/// Creates that travel in one envelope.
const CREATES: usize = 50;
/// Envelopes that are under way at once: while some are ordered, others are signed. On a busy machine more of them would wait
/// longer than a client does.
const IN_FLIGHT: usize = 8;

/// Registers DIDs that one owner controls.
///
/// # Errors
/// When the ledger does not take them.
pub(super) async fn register(
    client: &Arc<Client>,
    count: usize,
    progress: &Progress<'_>,
) -> anyhow::Result<Vec<ChopDid>> {
    progress.say(format_args!("creating {count} DIDs"));
    let started = Instant::now();
    let course = Arc::new(Course {
        client: Arc::clone(client),
        owner: Actor::create(client, Class::Organisation).await?,
        count,
        next: AtomicUsize::new(0),
        bar: progress.bar(count as u64, "creating DIDs"),
    });
    let mut workers = JoinSet::new();
    for _ in 0..IN_FLIGHT.min(count.div_ceil(CREATES)) {
        workers.spawn(Arc::clone(&course).work());
    }
    let mut dids = Vec::with_capacity(count);
    while let Some(worker) = workers.join_next().await {
        dids.extend(worker.context("a worker that creates DIDs ended early")??);
    }
    course.bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    progress.say(format_args!("created {count} DIDs in {seconds:.1} s"));
    Ok(dids)
}

/// What the workers share.
struct Course {
    client: Arc<Client>,
    owner: Actor,
    count: usize,
    next: AtomicUsize,
    bar: ProgressBar,
}

impl Course {
    /// Signs and submits one envelope after the other until all are taken.
    async fn work(self: Arc<Self>) -> anyhow::Result<Vec<ChopDid>> {
        let mut dids = Vec::new();
        loop {
            let from = self.next.fetch_add(CREATES, Ordering::Relaxed);
            let many = CREATES.min(self.count.saturating_sub(from));
            if many == 0 {
                return Ok(dids);
            }
            let (made, actions) = block_in_place(|| self.creates(many))?;
            let owner = &self.owner;
            let signers = [&owner.invoke as &dyn chop_keys::Signer];
            self.client.submit(&owner.did, actions, &signers).await?;
            dids.extend(made);
            self.bar.inc(many as u64);
        }
    }

    fn creates(&self, many: usize) -> anyhow::Result<(Vec<ChopDid>, Vec<Action>)> {
        let document =
            Document::empty().with_also_known_as("https://id.example/01/09521234543213")?;
        let create = |_| {
            let document = document.clone();
            let made = self
                .owner
                .controlled(&self.client, Class::Product, document);
            made.map(|(genesis, create)| (genesis.did(), create))
        };
        (0..many).map(create).collect()
    }
}
