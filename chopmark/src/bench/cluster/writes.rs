//! Writes: what the consortium takes per second, and how soon a write is final, against CometBFT with a signature check.
//!
//! Each run starts one after the other what is compared, each in a folder of its own, so that one does not take the other's
//! cores. The first run also looks for the load under which each gives most.

use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;

use super::super::row::{Budget, Size};
use super::consortium::{Consortium, Disk};
use super::drive::Measured;
use super::samples;
use super::side::{Said, Side};
use super::yardstick::{Kind, Yardstick};
use super::{Figure, Settings};

/// Finality is measured at this part of what our side gives at most.
const PART: f64 = 0.5;
/// At least 60 % of the floor's throughput.
const THROUGHPUT: Budget = Budget::Times(1.0 / 0.6);
/// At most 1.2 times the floor's time.
const FINALITY: Budget = Budget::Times(1.2);

/// The names of what is measured here.
pub(super) const NAMES: [&str; 8] = [
    SUBMIT,
    FINALITY_MEDIAN,
    FINALITY_P95,
    KVSTORE,
    CREATE,
    BUNDLED,
    DISK_REGISTRY,
    DISK_COMETBFT,
];
const SUBMIT: &str = "cluster/submit";
const FINALITY_MEDIAN: &str = "cluster/finality";
const FINALITY_P95: &str = "cluster/finality-p95";
const KVSTORE: &str = "cluster/kvstore";
const CREATE: &str = "cluster/create";
const BUNDLED: &str = "cluster/bundled";
const DISK_REGISTRY: &str = "cluster/create-disk-registry";
const DISK_COMETBFT: &str = "cluster/create-disk-cometbft";

/// Measures what is wanted.
///
/// # Errors
/// When something does not start, or does not take what it is sent.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: &Settings<'_>,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<Figure>> {
    if !NAMES.into_iter().any(wanted) {
        return Ok(Vec::new());
    }
    let mut series = Series::default();
    for _ in 0..settings.runs {
        series.run(wanted, settings).await?;
        progress.inc(1);
    }
    series.figures(wanted)
}

/// Everything that was measured, by run.
#[derive(Default)]
struct Series {
    submit: Side,
    finality: Side,
    create: Side,
    bundled: Side,
    floor: Side,
    floor_finality: Side,
    kvstore: Side,
    /// What the creates of the last run left on a node's disk, and how many they were.
    disk: Option<(Disk, usize)>,
}

impl Series {
    async fn run(
        &mut self,
        wanted: &dyn Fn(&str) -> bool,
        settings: &Settings<'_>,
    ) -> anyhow::Result<()> {
        let (binary, lasting) = (settings.binary, settings.lasting);
        let finality = wanted(FINALITY_MEDIAN) || wanted(FINALITY_P95);
        let create = [CREATE, DISK_REGISTRY, DISK_COMETBFT]
            .into_iter()
            .any(wanted);
        if wanted(SUBMIT) || finality || create {
            let ours = Consortium::start(binary, Some(1)).await?;
            let anchors = |each| samples::anchors(&ours.members, each);
            self.submit.saturated(&anchors, lasting).await?;
            if finality {
                let rate = *self
                    .finality
                    .offered
                    .get_or_insert(self.submit.expected * PART);
                self.finality.offered(rate, &anchors, lasting).await?;
            }
            if create {
                self.creates(&ours, lasting).await?;
            }
        }
        if wanted(BUNDLED) {
            let ours = Consortium::start(binary, None).await?;
            let anchors = |each| samples::anchors(&ours.members, each);
            self.bundled.saturated(&anchors, lasting).await?;
        }
        let floor = Yardstick::start(binary, Kind::Signed).await?;
        let signed = |each| samples::signed(floor.doors(), each);
        self.floor.saturated(&signed, lasting).await?;
        if let Some(rate) = self.finality.offered {
            self.floor_finality.offered(rate, &signed, lasting).await?;
        }
        drop(floor);
        if wanted(KVSTORE) {
            let store = Yardstick::start(binary, Kind::Kvstore).await?;
            let pairs = |each| samples::pairs(store.doors(), each);
            self.kvstore.saturated(&pairs, lasting).await?;
        }
        Ok(())
    }

    /// The same load with the heavier envelopes; looks at the first node's disk before and after.
    async fn creates(&mut self, ours: &Consortium, lasting: Duration) -> anyhow::Result<()> {
        self.create.in_flight = self.submit.in_flight;
        self.create.expected = self.create.expected.max(self.submit.expected);
        let creates = |each| samples::creates(&ours.members, each);
        let node = ours.first()?;
        let before = node.disk()?;
        self.create.saturated(&creates, lasting).await?;
        let after = node.disk()?;
        let made = self.create.runs.last().map_or(0, |run| run.committed);
        let grown = Disk {
            registry: after.registry.saturating_sub(before.registry),
            cometbft: after.cometbft.saturating_sub(before.cometbft),
        };
        self.disk = Some((grown, made));
        Ok(())
    }

    fn figures(&self, wanted: &dyn Fn(&str) -> bool) -> anyhow::Result<Vec<Figure>> {
        let mut figures = Vec::new();
        let throughput = [
            (SUBMIT, &self.submit, Some(THROUGHPUT)),
            (CREATE, &self.create, None),
            (BUNDLED, &self.bundled, None),
            (KVSTORE, &self.kvstore, None),
        ];
        for (name, side, budget) in throughput {
            if wanted(name) {
                let row = side.row(name, &self.floor, interval, budget);
                figures.push(Figure::Row(row));
            }
        }
        let finality: [(_, Said); 2] = [
            (FINALITY_MEDIAN, |run| run.median_us),
            (FINALITY_P95, |run| run.p95_us),
        ];
        for (name, time) in finality {
            if wanted(name) {
                let row = self
                    .finality
                    .row(name, &self.floor_finality, time, Some(FINALITY));
                figures.push(Figure::Row(row));
            }
        }
        if wanted(DISK_REGISTRY) || wanted(DISK_COMETBFT) {
            let (disk, made) = self.disk.context("no DID was created")?;
            for (name, bytes) in [
                (DISK_REGISTRY, disk.registry),
                (DISK_COMETBFT, disk.cometbft),
            ] {
                if wanted(name) {
                    figures.push(Figure::Size(Size::mean(name, bytes, made, "DID")));
                }
            }
        }
        Ok(figures)
    }
}

/// Microseconds from one commit to the next.
fn interval(run: &Measured) -> f64 {
    1e6 / run.per_second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_is_wanted_and_says_what_is_missing() {
        let mut series = Series::default();
        assert!(series.figures(&|_| false).unwrap().is_empty());
        let missing = series.figures(&|name| name == DISK_REGISTRY).unwrap_err();
        assert!(missing.to_string().contains("no DID"), "{missing}");
        let grown = Disk {
            registry: 3_000,
            cometbft: 5_000,
        };
        series.disk = Some((grown, 2));
        let lines: Vec<String> = series
            .figures(&|name| name.contains("disk"))
            .unwrap()
            .iter()
            .map(Figure::line)
            .collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("2500 bytes per DID, of 2"), "{lines:?}");
    }
}
