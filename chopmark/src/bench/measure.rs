//! Measuring a computation: the median of many short batches, so that a busy neighbour moves the figure little.

use std::hint::black_box;
use std::time::Instant;

/// Median microseconds per call of `work`, over `batches` batches of `calls` calls after one batch to warm up.
pub(super) fn micros<T>(batches: usize, calls: u32, mut work: impl FnMut() -> T) -> f64 {
    let mut batch = || {
        let started = Instant::now();
        for _ in 0..calls {
            black_box(work());
        }
        started.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
    };
    batch();
    let mut times: Vec<f64> = (0..batches.max(1)).map(|_| batch()).collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Median microseconds per call of two computations, their batches taken in turn so that both meet the same machine.
pub(super) fn pair<A, B>(
    batches: usize,
    calls: u32,
    mut ours: impl FnMut() -> A,
    mut floor: impl FnMut() -> B,
) -> (f64, f64) {
    let (mut a, mut b): (Vec<f64>, Vec<f64>) = (0..batches.max(1))
        .map(|_| (micros(1, calls, &mut ours), micros(1, calls, &mut floor)))
        .unzip();
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let middle = |times: &[f64]| times.get(times.len() / 2).copied().unwrap_or_default();
    (middle(&a), middle(&b))
}
