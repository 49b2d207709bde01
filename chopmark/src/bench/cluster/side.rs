//! One side of a comparison: what it gives under the load that suits it best, or at a rate that is offered.

use std::time::Duration;

use anyhow::{Context as _, anyhow};

use super::super::figure::Figure;
use super::super::measure::{Figures, cores, median};
use super::super::row::{Beside, Budget, Load, Row};
use super::drive::{Lane, Measured, Plan, drive};

/// What is put under way at once to find what gives most. A node handles 256 requests at once.
const LEVELS: [usize; 6] = [32, 64, 128, 256, 512, 1_024];
/// How long a level is tried.
const TRIAL: Duration = Duration::from_secs(4);
/// What is left out at the beginning of a measurement.
const WARM: Duration = Duration::from_secs(1);
/// What may be expected per second before anything was measured.
const GUESS: f64 = 500.0;
/// Samples are made for so many times the rate that is expected.
const SPARE: f64 = 2.0;
/// How many turns of a worker take a second at least, so that no connection idles.
const LEAST_TURNS: f64 = 0.5;

/// One side of a comparison.
#[derive(Default)]
pub(super) struct Side {
    /// How many are under way at once; found in the first run.
    pub(super) in_flight: Option<usize>,
    /// What was offered per second, where that was fixed.
    pub(super) offered: Option<f64>,
    /// What was found when the load was looked for, or in the last run.
    pub(super) expected: f64,
    /// What each run found, or why it found nothing.
    pub(super) runs: Vec<anyhow::Result<Measured>>,
}

/// What a row says of a run.
pub(super) type Said = fn(&Measured) -> f64;

/// Makes transactions, so many for each door.
type Supply<'a> = &'a dyn Fn(usize) -> anyhow::Result<Vec<Lane>>;

impl Side {
    /// Measures under the load that gives most, which it looks for first.
    pub(super) async fn saturated(&mut self, supply: Supply<'_>, lasting: Duration) {
        let found = match self.in_flight {
            Some(in_flight) => Ok(in_flight),
            None => self.look(supply, lasting.min(TRIAL)).await,
        };
        match found {
            Ok(in_flight) => {
                let plan = Plan {
                    in_flight,
                    offered: None,
                    warm: WARM,
                    lasting,
                };
                self.measure(plan, supply).await;
            }
            Err(error) => self.keep(Err(error)),
        }
    }

    /// Measures at a rate, which is offered whether it is kept or not.
    pub(super) async fn offered(&mut self, rate: f64, supply: Supply<'_>, lasting: Duration) {
        let workers = workers(rate);
        (self.in_flight, self.offered, self.expected) = (Some(workers), Some(rate), rate);
        let plan = Plan {
            in_flight: workers,
            offered: Some(rate),
            warm: WARM,
            lasting,
        };
        self.measure(plan, supply).await;
    }

    /// Keeps what a run found, or why it found nothing.
    pub(super) fn keep(&mut self, found: anyhow::Result<Measured>) {
        if let Ok(measured) = &found {
            self.expected = self.expected.max(measured.per_second);
        }
        self.runs.push(found);
    }

    /// What the last run found.
    pub(super) fn last(&self) -> Option<&Measured> {
        self.runs.last()?.as_ref().ok()
    }

    async fn measure(&mut self, plan: Plan, supply: Supply<'_>) {
        let found = sent(plan, self.expected, supply).await;
        self.keep(found);
    }

    /// Puts more and more under way, until some of it takes too long, and takes what gave most.
    async fn look(&mut self, supply: Supply<'_>, lasting: Duration) -> anyhow::Result<usize> {
        let mut best: Option<(usize, f64)> = None;
        let mut expected = GUESS;
        for in_flight in LEVELS {
            let plan = Plan {
                in_flight,
                offered: None,
                warm: WARM,
                lasting,
            };
            let measured = sent(plan, expected, supply).await?;
            if best.is_some() && measured.late > 0 {
                break;
            }
            if best.is_none_or(|(_, most)| measured.per_second > most) {
                best = Some((in_flight, measured.per_second));
            }
            expected = measured.per_second * 2.0;
        }
        let (in_flight, most) = best.context("no load was tried")?;
        (self.in_flight, self.expected) = (Some(in_flight), most);
        Ok(in_flight)
    }

    /// Puts the runs beside those of the floor in the same run, and says which found nothing, and why.
    pub(super) fn figures(
        &self,
        name: &'static str,
        floor: &Self,
        time: Said,
        budget: Option<Budget>,
    ) -> Vec<Figure> {
        let pairs: Vec<_> = self.pairs(floor).collect();
        let mut figures = Vec::new();
        if !pairs.is_empty() {
            let figures_of = Figures {
                us: median(pairs.iter().map(|(ours, _)| time(ours))),
                raw_us: median(pairs.iter().map(|(_, floor)| time(floor))),
                ratio: median(pairs.iter().map(|(ours, floor)| time(ours) / time(floor))),
            };
            let row = Row::new(name, figures_of, budget);
            figures.push(self.loaded(row, floor, &pairs).into());
        }
        for (run, outcome) in self.runs.iter().enumerate() {
            let floor = floor.runs.get(run).and_then(|floor| floor.as_ref().err());
            if let Err(error) = outcome {
                figures.push(Figure::failed(name, Some(run + 1), error));
            } else if let Some(error) = floor {
                let error = anyhow!("its floor: {error:#}");
                figures.push(Figure::failed(name, Some(run + 1), &error));
            }
        }
        figures
    }

    /// The runs in which both sides found something.
    fn pairs<'a>(&'a self, floor: &'a Self) -> impl Iterator<Item = (&'a Measured, &'a Measured)> {
        let pairs = self.runs.iter().zip(&floor.runs);
        pairs.filter_map(|(ours, floor)| Some((ours.as_ref().ok()?, floor.as_ref().ok()?)))
    }

    fn loaded(&self, row: Row, floor: &Self, pairs: &[(&Measured, &Measured)]) -> Row {
        let ours = |of: Said| median(pairs.iter().map(|(ours, _)| of(ours)));
        let floors = |of: Said| median(pairs.iter().map(|(_, floor)| of(floor)));
        row.under(Load {
            per_second: ours(|run| run.per_second),
            generator_share: ours(|run| run.share),
        })
        .beside(Beside {
            cores: cores(),
            in_flight: self.in_flight.unwrap_or_default(),
            offered_per_second: self.offered,
            late: pairs.iter().map(|(ours, _)| ours.late).sum(),
            floor_per_second: floors(|run| run.per_second),
            floor_in_flight: floor.in_flight.unwrap_or_default(),
            floor_generator_share: floors(|run| run.share),
        })
    }
}

/// Connections that offer a rate: each has a turn every other second at least, and there are enough for answers that take
/// two seconds.
fn workers(rate: f64) -> usize {
    let needed = whole(rate / LEAST_TURNS);
    needed.clamp(4, LEVELS.last().copied().unwrap_or(needed))
}

/// Makes samples for a plan and sends them.
async fn sent(plan: Plan, expected: f64, supply: Supply<'_>) -> anyhow::Result<Measured> {
    let seconds = (plan.warm + plan.lasting).as_secs_f64();
    let each = (whole(expected * SPARE * seconds) + plan.in_flight) / super::LANES + 1;
    let lanes = tokio::task::block_in_place(|| supply(each))?;
    drive(lanes, plan).await
}

fn whole(value: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of a run of seconds, never negative"
    )]
    {
        value.max(0.0).ceil() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(rates: [f64; 3]) -> Side {
        let run = |per_second| {
            Ok(Measured {
                per_second,
                median_us: 1e6 / per_second,
                p95_us: 2e6 / per_second,
                late: 1,
                committed: 10,
                share: 0.1,
            })
        };
        Side {
            in_flight: Some(64),
            runs: rates.map(run).into(),
            ..Side::default()
        }
    }

    #[test]
    fn a_row_takes_the_median_of_the_runs_and_of_their_ratios() {
        let (ours, floor) = (side([100.0, 400.0, 200.0]), side([200.0, 500.0, 400.0]));
        let budget = Some(Budget::Times(1.0 / 0.6));
        let figures = ours.figures("cluster/submit", &floor, |run| run.median_us, budget);
        let [Figure::Row(row)] = figures.as_slice() else {
            panic!("{figures:?}");
        };
        assert!((row.us - 5_000.0).abs() < 1e-6);
        assert!((row.raw_us - 2_500.0).abs() < 1e-6);
        assert!((row.ratio - 2.0).abs() < 1e-6);
        assert_eq!(row.met, Some(false));
        assert_eq!(row.beside.unwrap().late, 3);
    }

    #[test]
    fn a_run_that_failed_on_either_side_is_left_out_and_said() {
        let (mut ours, mut floor) = (side([100.0, 400.0, 200.0]), side([200.0, 500.0, 400.0]));
        ours.runs[1] = Err(anyhow!("node1 ended"));
        floor.runs[2] = Err(anyhow!("the port is taken"));
        let figures = ours.figures("cluster/submit", &floor, |run| run.median_us, None);
        let [
            Figure::Row(row),
            Figure::Failed(second),
            Figure::Failed(third),
        ] = figures.as_slice()
        else {
            panic!("{figures:?}");
        };
        assert!((row.ratio - 2.0).abs() < 1e-6);
        assert!((row.us - 10_000.0).abs() < 1e-6);
        assert_eq!((second.run, second.why.as_str()), (Some(2), "node1 ended"));
        assert_eq!(
            (third.run, third.why.as_str()),
            (Some(3), "its floor: the port is taken")
        );
    }

    #[test]
    fn there_is_no_row_where_every_run_failed() {
        let mut ours = Side::default();
        ours.keep(Err(anyhow!("node1 ended")));
        let figures = ours.figures("cluster/submit", &side([1.0; 3]), |run| run.p95_us, None);
        assert!(
            matches!(figures.as_slice(), [Figure::Failed(_)]),
            "{figures:?}"
        );
    }

    #[test]
    fn there_are_connections_enough_for_a_rate_and_none_idles() {
        assert_eq!(workers(0.1), 4);
        assert_eq!(workers(100.0), 200);
        assert_eq!(workers(1e6), 1_024);
    }
}
