//! Measuring a computation beside its floor: many short rounds that time both, of which the median counts, so that a busy
//! neighbour moves the figures little and the ratio less.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Rounds of which the median counts.
const ROUNDS: usize = 101;
/// How long one side of a round takes about: shorter than a turn of the scheduler.
const SIDE: Duration = Duration::from_millis(2);

/// A computation and the floor that it is measured against.
pub(super) struct Case<'a> {
    ours: Box<dyn FnMut() + 'a>,
    floor: Box<dyn FnMut() + 'a>,
}

/// What a measurement found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Microseconds per operation.
    pub us: f64,
    /// Microseconds of the floor.
    pub raw_us: f64,
    /// How many times the floor.
    pub ratio: f64,
}

impl<'a> Case<'a> {
    /// Pairs a computation with its floor; what they return is not optimised away.
    pub(super) fn new<A, B>(
        mut ours: impl FnMut() -> A + 'a,
        mut floor: impl FnMut() -> B + 'a,
    ) -> Self {
        Self {
            ours: Box::new(move || {
                black_box(ours());
            }),
            floor: Box::new(move || {
                black_box(floor());
            }),
        }
    }

    /// Times both sides, in turn.
    pub(super) fn measure(mut self) -> Figures {
        let ours = calls_for(&mut *self.ours);
        let floor = calls_for(&mut *self.floor);
        let mut rounds = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS {
            // Neither side always comes first.
            let (us, raw_us) = if round % 2 == 0 {
                let us = micros(ours, &mut *self.ours);
                (us, micros(floor, &mut *self.floor))
            } else {
                let raw_us = micros(floor, &mut *self.floor);
                (micros(ours, &mut *self.ours), raw_us)
            };
            rounds.push((us, raw_us));
        }
        Figures {
            us: median(rounds.iter().map(|(us, _)| *us)),
            raw_us: median(rounds.iter().map(|(_, raw_us)| *raw_us)),
            ratio: median(rounds.iter().map(|(us, raw_us)| us / raw_us)),
        }
    }
}

/// How many cores this process may use.
pub(super) fn cores() -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores).map_or(1.0, f64::from)
}

/// Microseconds of one core per call, while every core makes its part of some calls.
pub(super) fn on_all_cores<T>(calls: u32, work: impl Fn() -> T + Sync) -> f64 {
    let started = Instant::now();
    let left = AtomicU32::new(calls);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let take = |left: u32| left.checked_sub(1);
                while left.fetch_update(Relaxed, Relaxed, take).is_ok() {
                    black_box(work());
                }
            });
        }
    });
    started.elapsed().as_secs_f64() * 1e6 * cores() / f64::from(calls)
}

/// The middle of some values, 0 of none.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Microseconds per call, over some calls.
fn micros(calls: u32, work: &mut dyn FnMut()) -> f64 {
    let started = Instant::now();
    for _ in 0..calls {
        work();
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
}

/// How many calls fill one side of a round; caches are warm afterwards.
fn calls_for(work: &mut dyn FnMut()) -> u32 {
    let started = Instant::now();
    let mut calls = 0;
    while started.elapsed() < 10 * SIDE {
        work();
        calls += 1;
    }
    (calls / 10).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_not_the_mean() {
        assert!((median([1.0, 100.0, 2.0].into_iter()) - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn every_call_is_made_once_on_whichever_core() {
        let made = AtomicU32::new(0);
        on_all_cores(1_000, || made.fetch_add(1, Relaxed));
        assert_eq!(made.into_inner(), 1_000);
    }

    #[test]
    fn twice_the_work_is_about_twice_the_floor() {
        let work = |times: u64| {
            move || (0..black_box(times * 20_000)).fold(0_u64, |sum, n| sum ^ black_box(n))
        };
        let figures = Case::new(work(2), work(1)).measure();
        assert!((1.5..3.0).contains(&figures.ratio), "{figures:?}");
    }
}
