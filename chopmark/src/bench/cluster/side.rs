//! One side of a comparison: what it gives under the load that suits it best, or at a rate that is offered.

use std::time::Duration;

use anyhow::Context as _;

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
    pub(super) runs: Vec<Measured>,
}

/// What a row says of a run.
pub(super) type Said = fn(&Measured) -> f64;

/// Makes transactions, so many for each door.
type Supply<'a> = &'a dyn Fn(usize) -> anyhow::Result<Vec<Lane>>;

impl Side {
    /// Measures under the load that gives most, which it looks for first.
    ///
    /// # Errors
    /// When a door refuses, or nothing is committed.
    pub(super) async fn saturated(
        &mut self,
        supply: Supply<'_>,
        lasting: Duration,
    ) -> anyhow::Result<()> {
        let in_flight = match self.in_flight {
            Some(in_flight) => in_flight,
            None => self.look(supply, lasting.min(TRIAL)).await?,
        };
        let plan = Plan {
            in_flight,
            offered: None,
            warm: WARM,
            lasting,
        };
        self.measure(plan, supply).await
    }

    /// Measures at a rate, which is offered whether it is kept or not.
    ///
    /// # Errors
    /// As [`Self::saturated`].
    pub(super) async fn offered(
        &mut self,
        rate: f64,
        supply: Supply<'_>,
        lasting: Duration,
    ) -> anyhow::Result<()> {
        let workers = workers(rate);
        (self.in_flight, self.offered, self.expected) = (Some(workers), Some(rate), rate);
        let plan = Plan {
            in_flight: workers,
            offered: Some(rate),
            warm: WARM,
            lasting,
        };
        self.measure(plan, supply).await
    }

    async fn measure(&mut self, plan: Plan, supply: Supply<'_>) -> anyhow::Result<()> {
        let measured = sent(plan, self.expected, supply).await?;
        self.expected = self.expected.max(measured.per_second);
        self.runs.push(measured);
        Ok(())
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

    /// Puts the runs beside those of the floor.
    pub(super) fn row(
        &self,
        name: &'static str,
        floor: &Self,
        time: Said,
        budget: Option<Budget>,
    ) -> Row {
        let pairs = self.runs.iter().zip(&floor.runs);
        let figures = Figures {
            us: median(self.runs.iter().map(time)),
            raw_us: median(floor.runs.iter().map(time)),
            ratio: median(pairs.map(|(ours, floor)| time(ours) / time(floor))),
        };
        Row::new(name, figures, budget)
            .under(Load {
                per_second: self.median(|run| run.per_second),
                generator_share: self.median(|run| run.share),
            })
            .beside(Beside {
                cores: cores(),
                in_flight: self.in_flight.unwrap_or_default(),
                offered_per_second: self.offered,
                late: self.runs.iter().map(|run| run.late).sum(),
                floor_per_second: floor.median(|run| run.per_second),
                floor_in_flight: floor.in_flight.unwrap_or_default(),
                floor_generator_share: floor.median(|run| run.share),
            })
    }

    fn median(&self, of: Said) -> f64 {
        median(self.runs.iter().map(of))
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
        let run = |per_second| Measured {
            per_second,
            median_us: 1e6 / per_second,
            p95_us: 2e6 / per_second,
            late: 1,
            committed: 10,
            share: 0.1,
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
        let row = ours.row("cluster/submit", &floor, |run| run.median_us, budget);
        assert!((row.us - 5_000.0).abs() < 1e-6);
        assert!((row.raw_us - 2_500.0).abs() < 1e-6);
        assert!((row.ratio - 2.0).abs() < 1e-6);
        assert_eq!(row.met, Some(false));
        assert_eq!(row.beside.unwrap().late, 3);
    }

    #[test]
    fn there_are_connections_enough_for_a_rate_and_none_idles() {
        assert_eq!(workers(0.1), 4);
        assert_eq!(workers(100.0), 200);
        assert_eq!(workers(1e6), 1_024);
    }
}
