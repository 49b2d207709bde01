//! Whether resolving an item gets dearer with the items of the ledger: of a small batch, then of many millions.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chop_did::{ChopDid, Class};

use super::super::figure::Figure;
use super::super::folder::Folder;
use super::super::growth::{FLAT, Growth, PROVEN};
use super::super::hot;
use super::super::progress::Progress;
use super::super::reads::{Reads, Rounds};
use super::super::resolve;
use super::super::row::Budget;
use super::super::running::Running;
use super::{MOST, WORK, register, write_items};
use crate::scenario::{Actor, Client};

/// Rounds of which the median counts.
const ROUNDS: usize = 3;
/// What is asked for: its name, the query, and how much dearer it may get.
const TABLE: [(&str, &str, Budget); 2] = [
    ("items/growth", "", FLAT),
    ("items+proof/growth", "?proof=true", PROVEN),
];

/// How many, and how long.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Settings {
    /// All items, in batches of a million at most.
    pub(in super::super) items: u32,
    /// Those that are asked for.
    pub(in super::super) hot: usize,
    /// How long each measurement takes.
    pub(in super::super) lasting: Duration,
}

/// Says whether anything is measured here.
pub(in super::super) fn is_wanted(wanted: &dyn Fn(&str) -> bool, settings: Settings) -> bool {
    settings.growth().is_some() && TABLE.iter().any(|(name, ..)| wanted(name))
}

/// Starts a stack in a folder of its own, and measures a small batch before the others come.
///
/// # Errors
/// When a batch is not registered, or an answer is not the one expected.
pub(in super::super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: Settings,
    progress: &Progress<'_>,
) -> anyhow::Result<Vec<Figure>> {
    let Some(growth) = settings.growth() else {
        return Ok(Vec::new());
    };
    let folder = Folder::make()?;
    let running = Running::start(&folder.path().join("data")).await?;
    let registering = Registering {
        client: &running.client,
        actor: Actor::create(&running.client, Class::Organisation).await?,
        folder: folder.path(),
        progress,
    };
    let few = registering.batches(growth.from, growth.hot).await?;
    let mut before = Vec::new();
    for kind in TABLE.into_iter().filter(|(name, ..)| wanted(name)) {
        let reads = measure(&running, &few, kind, (settings, progress)).await?;
        before.push((kind, reads));
    }
    let many = registering.batches(growth.to, growth.hot).await?;
    let mut figures = Vec::new();
    for (kind, before) in before {
        let now = measure(&running, &many, kind, (settings, progress)).await?;
        let (name, _, most) = kind;
        figures.push(growth.row(name, &before, &now, most).into());
    }
    running.end().await?;
    Ok(figures)
}

impl Settings {
    fn growth(self) -> Option<Growth> {
        Growth::to(self.items as usize, self.hot)
    }
}

/// Who registers batches, and where.
struct Registering<'a> {
    client: &'a Client,
    actor: Actor,
    folder: &'a Path,
    progress: &'a Progress<'a>,
}

impl Registering<'_> {
    /// Registers so many items, and gives a hot set of them.
    async fn batches(&self, items: usize, hot: usize) -> anyhow::Result<Vec<ChopDid>> {
        let places = hot::places(items, hot);
        let mut dids = Vec::with_capacity(places.len());
        let mut from = 0;
        for count in batches(items) {
            let most = count as usize;
            self.progress.say(format_args!(
                "registering items {from} to {} of {items}",
                from + most
            ));
            write_items(self.folder, count)?;
            let terminal = self.progress.terminal();
            let (terms, work) = register(self.client, &self.actor, self.folder, terminal).await?;
            let scids = tokio::task::block_in_place(|| work.scids(&terms))?;
            let hot = hot::pick(&scids, from..from + most, &places);
            let ledger = self.client.ledger().short();
            dids.extend(hot.into_iter().map(|scid| ChopDid::new(ledger, scid)));
            fs::remove_dir_all(self.folder.join(WORK))?;
            from += most;
        }
        resolve::caught_up(self.client, self.progress).await?;
        Ok(dids)
    }
}

/// Batches as large as one transaction takes, and a last one with the rest.
fn batches(items: usize) -> Vec<u32> {
    let most = MOST as usize;
    let batch = |from: usize| u32::try_from(most.min(items - from)).unwrap_or(MOST);
    (0..items).step_by(most).map(batch).collect()
}

async fn measure(
    running: &Running,
    dids: &[ChopDid],
    (name, query, _): (&'static str, &'static str, Budget),
    (settings, progress): (Settings, &Progress<'_>),
) -> anyhow::Result<Reads> {
    let requests = dids.iter().map(|did| resolve::request(did, query));
    let rounds = Rounds {
        count: ROUNDS,
        lasting: settings.lasting,
    };
    let say = |round| {
        let hot = dids.len();
        progress.say(format_args!("{name}, {hot} hot, round {round} of {ROUNDS}"));
    };
    Reads::measure(running.address, requests.collect(), rounds, say).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_a_million_items_at_most_and_none_is_lost() {
        assert_eq!(batches(10_000), [10_000]);
        assert_eq!(batches(1_000_000), [1_000_000]);
        assert_eq!(batches(2_500_000), [1_000_000, 1_000_000, 500_000]);
        assert!(batches(0).is_empty());
    }

    #[test]
    fn growth_is_measured_only_among_more_than_ten_thousand() {
        let settings = |items| Settings {
            items,
            hot: 10_000,
            lasting: Duration::from_secs(1),
        };
        let growth = |name: &str| name.contains("items");
        assert!(is_wanted(&growth, settings(10_001)));
        assert!(!is_wanted(&growth, settings(10_000)));
        assert!(!is_wanted(&|name| name == "submit", settings(10_001)));
    }
}
