//! Writes: what the consortium takes per second, and how soon a write is final, against CometBFT with a signature check.
//!
//! Each run starts one after the other what is compared, each in a folder of its own, so that one does not take the other's
//! cores. The first run also looks for the load under which each gives most.

use std::time::Duration;

use anyhow::anyhow;

use super::super::figure::{Figure, Size};
use super::super::progress::Progress;
use super::super::row::Budget;
use super::Settings;
use super::consortium::{Consortium, Disk};
use super::drive::Measured;
use super::samples;
use super::side::{Said, Side};
use super::yardstick::{Kind, Yardstick};

/// Finality is measured at this part of what our side gives at most.
const PART: f64 = 0.5;
/// What is offered per second where nothing is meant to wait for anything else.
const LIGHT: f64 = 20.0;
/// At least 60 % of the floor's throughput.
const THROUGHPUT: Budget = Budget::Times(1.0 / 0.6);
/// At most 1.2 times the floor's time.
const FINALITY: Budget = Budget::Times(1.2);

/// The names of what is measured here.
pub(super) const NAMES: [&str; 9] = [
    SUBMIT,
    FINALITY_MEDIAN,
    FINALITY_P95,
    FINALITY_LIGHT,
    KVSTORE,
    CREATE,
    BUNDLED,
    DISK_REGISTRY,
    DISK_COMETBFT,
];
const SUBMIT: &str = "cluster/submit";
const FINALITY_MEDIAN: &str = "cluster/finality";
const FINALITY_P95: &str = "cluster/finality-p95";
const FINALITY_LIGHT: &str = "cluster/finality-light";
const KVSTORE: &str = "cluster/kvstore";
const CREATE: &str = "cluster/create";
const BUNDLED: &str = "cluster/bundled";
const DISK_REGISTRY: &str = "cluster/create-disk-registry";
const DISK_COMETBFT: &str = "cluster/create-disk-cometbft";
/// What the offered rate is for, and what the heavier envelopes are for.
const FINALITIES: [&str; 2] = [FINALITY_MEDIAN, FINALITY_P95];
const CREATES: [&str; 3] = [CREATE, DISK_REGISTRY, DISK_COMETBFT];

/// Measures what is wanted. What fails in a run says why, and the other rows and runs are measured all the same.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: &Settings<'_>,
    progress: &Progress<'_>,
) -> Vec<Figure> {
    if !NAMES.into_iter().any(wanted) {
        return Vec::new();
    }
    let mut series = Series::default();
    for run in 1..=settings.runs {
        let course = Course {
            wanted,
            settings,
            progress,
            run,
        };
        series.run(&course).await;
    }
    series.figures(wanted)
}

/// One run of all that is wanted.
struct Course<'a> {
    wanted: &'a dyn Fn(&str) -> bool,
    settings: &'a Settings<'a>,
    progress: &'a Progress<'a>,
    /// Which run, from 1.
    run: usize,
}

impl Course<'_> {
    fn wants(&self, names: &[&str]) -> bool {
        names.iter().any(|name| (self.wanted)(name))
    }

    fn say(&self, name: &str) {
        let (run, runs) = (self.run, self.settings.runs);
        self.progress
            .say(format_args!("{name}, run {run} of {runs}"));
    }
}

/// Everything that was measured, by run.
#[derive(Default)]
struct Series {
    submit: Side,
    finality: Side,
    light: Side,
    create: Side,
    bundled: Side,
    floor: Side,
    floor_finality: Side,
    floor_light: Side,
    kvstore: Side,
    /// What the creates of the last run left on a node's disk, and how many they were.
    disk: Option<(Disk, usize)>,
}

impl Series {
    async fn run(&mut self, course: &Course<'_>) {
        let finality = course.wants(&FINALITIES);
        let light = course.wants(&[FINALITY_LIGHT]);
        let create = course.wants(&CREATES);
        let (binary, lasting) = (course.settings.binary, course.settings.lasting);
        if course.wants(&[SUBMIT]) || finality || light || create {
            match Consortium::start(binary, Some(1)).await {
                Ok(ours) => self.single(&ours, course).await,
                Err(error) => {
                    let sides = [
                        (&mut self.submit, true),
                        (&mut self.finality, finality),
                        (&mut self.light, light),
                        (&mut self.create, create),
                    ];
                    for (side, _) in sides.into_iter().filter(|(_, wanted)| *wanted) {
                        side.keep(Err(anyhow!("{error:#}")));
                    }
                }
            }
        }
        if course.wants(&[BUNDLED]) {
            course.say(BUNDLED);
            match Consortium::start(binary, None).await {
                Ok(ours) => {
                    let anchors = |each| samples::anchors(&ours.members, each);
                    self.bundled.saturated(&anchors, lasting).await;
                }
                Err(error) => self.bundled.keep(Err(error)),
            }
        }
        self.floors(course).await;
        if course.wants(&[KVSTORE]) {
            course.say(KVSTORE);
            match Yardstick::start(binary, Kind::Kvstore).await {
                Ok(store) => {
                    let pairs = |each| samples::pairs(store.doors(), each);
                    self.kvstore.saturated(&pairs, lasting).await;
                }
                Err(error) => self.kvstore.keep(Err(error)),
            }
        }
    }

    /// What is measured without bundles, on one consortium.
    async fn single(&mut self, ours: &Consortium, course: &Course<'_>) {
        let lasting = course.settings.lasting;
        let anchors = |each| samples::anchors(&ours.members, each);
        course.say(SUBMIT);
        self.submit.saturated(&anchors, lasting).await;
        if course.wants(&FINALITIES) {
            course.say(FINALITY_MEDIAN);
            let most = Some(self.submit.expected).filter(|most| *most > 0.0);
            match self.finality.offered.or(most.map(|most| most * PART)) {
                Some(rate) => self.finality.offered(rate, &anchors, lasting).await,
                None => self.finality.keep(Err(no_rate())),
            }
        }
        if course.wants(&[FINALITY_LIGHT]) {
            course.say(FINALITY_LIGHT);
            self.light.offered(LIGHT, &anchors, lasting).await;
        }
        if course.wants(&CREATES) {
            course.say(CREATE);
            if let Err(error) = self.creates(ours, lasting).await {
                self.create.keep(Err(error));
            }
        }
    }

    /// The floor under the same loads.
    async fn floors(&mut self, course: &Course<'_>) {
        let lasting = course.settings.lasting;
        course.say("the floor");
        let floor = match Yardstick::start(course.settings.binary, Kind::Signed).await {
            Ok(floor) => floor,
            Err(error) => {
                self.floor_finality.keep(Err(anyhow!("{error:#}")));
                self.floor_light.keep(Err(anyhow!("{error:#}")));
                self.floor.keep(Err(error));
                return;
            }
        };
        let signed = |each| samples::signed(floor.doors(), each);
        self.floor.saturated(&signed, lasting).await;
        match self.finality.offered {
            Some(rate) => self.floor_finality.offered(rate, &signed, lasting).await,
            None => self.floor_finality.keep(Err(no_rate())),
        }
        if course.wants(&[FINALITY_LIGHT]) {
            self.floor_light.offered(LIGHT, &signed, lasting).await;
        }
    }

    /// The same load with the heavier envelopes; looks at the first node's disk before and after.
    async fn creates(&mut self, ours: &Consortium, lasting: Duration) -> anyhow::Result<()> {
        self.create.in_flight = self.submit.in_flight;
        self.create.expected = self.create.expected.max(self.submit.expected);
        let creates = |each| samples::creates(&ours.members, each);
        let node = ours.first()?;
        let before = node.disk()?;
        self.create.saturated(&creates, lasting).await;
        if let (Some(last), Ok(after)) = (self.create.last(), node.disk()) {
            self.disk = Some((after.since(before), last.committed));
        }
        Ok(())
    }

    fn figures(&self, wanted: &dyn Fn(&str) -> bool) -> Vec<Figure> {
        let mut figures = Vec::new();
        let throughput = [
            (SUBMIT, &self.submit, Some(THROUGHPUT)),
            (CREATE, &self.create, None),
            (BUNDLED, &self.bundled, None),
            (KVSTORE, &self.kvstore, None),
        ];
        for (name, side, budget) in throughput {
            if wanted(name) {
                figures.extend(side.figures(name, &self.floor, interval, budget));
            }
        }
        let (half, light) = (
            (&self.finality, &self.floor_finality),
            (&self.light, &self.floor_light),
        );
        let finality: [(_, _, Said); 3] = [
            (FINALITY_MEDIAN, half, |run| run.median_us),
            (FINALITY_P95, half, |run| run.p95_us),
            (FINALITY_LIGHT, light, |run| run.median_us),
        ];
        for (name, (ours, floor), time) in finality {
            if wanted(name) {
                figures.extend(ours.figures(name, floor, time, Some(FINALITY)));
            }
        }
        let parts: [(_, Part); 2] = [
            (DISK_REGISTRY, |disk| disk.registry),
            (DISK_COMETBFT, |disk| disk.cometbft),
        ];
        for (name, bytes) in parts.into_iter().filter(|(name, _)| wanted(name)) {
            figures.push(match &self.disk {
                Some((disk, made)) => Size::mean(name, bytes(disk), *made, "DID").into(),
                None => Figure::failed(name, None, &anyhow!("no DID was created")),
            });
        }
        figures
    }
}

/// A part of what a node's disk takes.
type Part = fn(&Disk) -> u64;

fn no_rate() -> anyhow::Error {
    anyhow!("{SUBMIT} found no rate, of which a part is offered")
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
        assert!(series.figures(&|_| false).is_empty());
        let missing = series.figures(&|name| name == DISK_REGISTRY);
        assert!(missing[0].line().contains("no DID"), "{missing:?}");
        let grown = Disk {
            registry: 3_000,
            cometbft: 5_000,
        };
        series.disk = Some((grown, 2));
        let lines: Vec<String> = series
            .figures(&|name| name.contains("disk"))
            .iter()
            .map(Figure::line)
            .collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("2500 bytes per DID, of 2"), "{lines:?}");
    }
}
