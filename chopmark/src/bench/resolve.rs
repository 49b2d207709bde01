//! Resolving at a stack of this process: against a bare handler, and among many DIDs against among few.

use std::time::Duration;

use anyhow::bail;
use chop_did::ChopDid;
use chop_protocol::http::Status;
use tokio::time::Instant;

use super::figure::Figure;
use super::folder::Folder;
use super::growth::{FLAT, Growth, PROVEN};
use super::progress::Progress;
use super::reads::{Reads, Rounds};
use super::row::{Budget, Row};
use super::running::Running;
use super::{creation, hot, load};
use crate::scenario::Client;

/// Rounds of which the median counts.
const ROUNDS: usize = 3;
/// How long the read model gets to read the blocks of what was created.
const CATCHING_UP: Duration = Duration::from_mins(20);
const LOOK: Duration = Duration::from_millis(200);

/// What is asked for: its name and that of its growth, the query, and how much dearer it may get.
const TABLE: [Kind; 2] = [
    Kind {
        name: "resolve",
        growth: "resolve/growth",
        query: "",
        most: FLAT,
    },
    Kind {
        name: "resolve+proof",
        growth: "resolve+proof/growth",
        query: "?proof=true",
        most: PROVEN,
    },
];

/// How many, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// All that are created.
    pub(super) identifiers: usize,
    /// Those that are asked for.
    pub(super) hot: usize,
    /// How long each measurement takes.
    pub(super) lasting: Duration,
}

struct Kind {
    name: &'static str,
    growth: &'static str,
    query: &'static str,
    most: Budget,
}

/// Says whether anything is measured here.
pub(super) fn is_wanted(wanted: &dyn Fn(&str) -> bool, settings: Settings) -> bool {
    let grows = settings.growth().is_some();
    TABLE
        .iter()
        .any(|kind| wanted(kind.name) || grows && wanted(kind.growth))
}

/// Starts a stack in a folder of its own, creates DIDs and measures what is wanted.
///
/// # Errors
/// When the stack does not start, the DIDs are not created, or an answer is not the one expected.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: Settings,
    progress: &Progress<'_>,
) -> anyhow::Result<Vec<Figure>> {
    let folder = Folder::make()?;
    let running = Running::start(folder.path()).await?;
    let client = &running.client;
    let growth = settings.growth();
    let growth = growth.filter(|_| TABLE.iter().any(|kind| wanted(kind.growth)));
    let mut dids = Vec::new();
    let mut few = Vec::new();
    if let Some(growth) = growth {
        dids = creation::register(client, growth.from, progress).await?;
        caught_up(client, progress).await?;
        for kind in TABLE.iter().filter(|kind| wanted(kind.growth)) {
            let reads = kind.measure(&running, &dids, settings, progress).await?;
            few.push((kind.growth, reads));
        }
    }
    let more = settings.identifiers.saturating_sub(dids.len());
    dids.extend(creation::register(client, more, progress).await?);
    caught_up(client, progress).await?;
    let mut figures = Vec::new();
    for kind in &TABLE {
        let before = few.iter().find(|(name, _)| *name == kind.growth);
        if !wanted(kind.name) && before.is_none() {
            continue;
        }
        let now = kind.measure(&running, &dids, settings, progress).await?;
        if wanted(kind.name) {
            let row = Row::new(kind.name, now.figures(), None).under(now.load());
            figures.push(row.into());
        }
        if let (Some(growth), Some((_, before))) = (growth, before) {
            figures.push(growth.row(kind.growth, before, &now, kind.most).into());
        }
    }
    running.end().await?;
    Ok(figures)
}

/// A request that resolves a DID.
pub(super) fn request(did: &ChopDid, query: &str) -> Vec<u8> {
    let path = format!("/1.0/identifiers/{did}{query}");
    load::get(&path, "application/did-resolution")
}

/// Waits until the node's lists show what is the last block now, so that nothing but reads is measured.
///
/// # Errors
/// When they take too long.
pub(super) async fn caught_up(client: &Client, progress: &Progress<'_>) -> anyhow::Result<()> {
    let deadline = Instant::now() + CATCHING_UP;
    let height = status(client).await?.height;
    let mut said = false;
    loop {
        let shown = status(client).await?.read_model.unwrap_or(0);
        let behind = height.saturating_sub(shown);
        if behind == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "the node's lists are {behind} blocks behind after {} s",
                CATCHING_UP.as_secs()
            );
        }
        if !std::mem::replace(&mut said, true) {
            progress.say(format_args!("the node's lists are {behind} blocks behind"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn status(client: &Client) -> anyhow::Result<Status> {
    Ok(serde_json::from_value(
        client.get(&["v1", "status"]).await?,
    )?)
}

impl Settings {
    fn growth(self) -> Option<Growth> {
        Growth::to(self.identifiers, self.hot)
    }
}

impl Kind {
    async fn measure(
        &self,
        running: &Running,
        dids: &[ChopDid],
        settings: Settings,
        progress: &Progress<'_>,
    ) -> anyhow::Result<Reads> {
        let hot = hot::of(dids, settings.hot);
        let requests = hot.iter().map(|did| request(did, self.query)).collect();
        let rounds = Rounds {
            count: ROUNDS,
            lasting: settings.lasting,
        };
        let say = |round| {
            progress.say(format_args!(
                "{}, {} hot of {} DIDs, round {round} of {ROUNDS}",
                self.name,
                hot.len(),
                dids.len()
            ));
        };
        Reads::measure(running.address, requests, rounds, say).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(identifiers: usize) -> Settings {
        Settings {
            identifiers,
            hot: 10_000,
            lasting: Duration::from_secs(1),
        }
    }

    #[test]
    fn growth_is_measured_only_among_more_than_ten_thousand() {
        let growth = |name: &str| name == "resolve+proof/growth";
        assert!(is_wanted(&growth, settings(10_001)));
        assert!(!is_wanted(&growth, settings(10_000)));
        assert!(is_wanted(&|name| name == "resolve", settings(10)));
        assert!(!is_wanted(&|name| name == "submit", settings(1_000_000)));
    }
}
