//! Reads at a service and at a handler that answers as many bytes, measured in turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::load::{self, Rate};
use super::measure::{Figures, cores, median};
use super::row::Load;
use super::{floor, generator};

/// Connections of the load generator.
pub(super) const CONNECTIONS: usize = 16;

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    /// Rounds of which the median counts.
    pub(super) count: usize,
    /// How long each side of a round takes.
    pub(super) lasting: Duration,
}

/// What was measured, by round.
pub(super) struct Reads {
    ours: Vec<Run>,
    floors: Vec<Run>,
}

/// The rate of one side of a round.
#[derive(Clone, Copy, Debug)]
struct Run {
    rate: Rate,
    /// The part of all cores' time that the load generator took.
    share: f64,
}

impl Reads {
    /// Reads from the service and from the floor in turn, after one round that makes everything hot.
    ///
    /// # Errors
    /// When an answer is not the one expected.
    pub(super) async fn measure(
        address: SocketAddr,
        requests: Vec<Vec<u8>>,
        rounds: Rounds,
        say: impl Fn(usize),
    ) -> anyhow::Result<Self> {
        let requests = Arc::new(requests);
        let hot = load::once(address, requests.to_vec(), 200, CONNECTIONS).await?;
        let (bare, serving) = floor::serve(hot.body).await?;
        let mut reads = Self {
            ours: Vec::new(),
            floors: Vec::new(),
        };
        for round in 1..=rounds.count {
            say(round);
            for (runs, address) in [(&mut reads.ours, address), (&mut reads.floors, bare)] {
                let requests = Arc::clone(&requests);
                let load = load::run(address, requests, 200, CONNECTIONS, rounds.lasting);
                let (rate, share) = generator::run(load).await?;
                runs.push(Run { rate, share });
            }
        }
        serving.abort();
        Ok(reads)
    }

    /// Wall time per answered request, beside the floor's.
    pub(super) fn figures(&self) -> Figures {
        let micros = |runs: &[Run]| median(runs.iter().map(|run| run.rate.micros()));
        let pairs = self.ours.iter().zip(&self.floors);
        Figures {
            us: micros(&self.ours),
            raw_us: micros(&self.floors),
            ratio: median(pairs.map(|(ours, floor)| ours.rate.micros() / floor.rate.micros())),
        }
    }

    /// What the service takes now beside what it took before: microseconds of one core, without the load generator's. Each
    /// is divided by the floor of its own time, so that what else the machine does is not counted as growth.
    pub(super) fn grown_from(&self, before: &Self) -> Figures {
        let (us, raw_us) = (service(&self.ours), service(&before.ours));
        let machine = service(&self.floors) / service(&before.floors);
        Figures {
            us,
            raw_us,
            ratio: us / raw_us / machine,
        }
    }

    /// The load on the service.
    pub(super) fn load(&self) -> Load {
        load_of(&self.ours)
    }

    /// The load on the floor.
    pub(super) fn floor_load(&self) -> Load {
        load_of(&self.floors)
    }
}

fn load_of(runs: &[Run]) -> Load {
    Load {
        per_second: median(runs.iter().map(|run| run.rate.per_second)),
        generator_share: median(runs.iter().map(|run| run.share)),
    }
}

/// Microseconds of one core for a request, without the load generator's.
fn service(runs: &[Run]) -> f64 {
    let own = |run: &Run| run.rate.micros() * cores() * (1.0 - run.share);
    median(runs.iter().map(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(rates: [f64; 3], share: f64) -> Vec<Run> {
        let run = |per_second| Run {
            rate: Rate {
                per_second,
                body: 1_000,
            },
            share,
        };
        rates.map(run).into()
    }

    #[test]
    fn a_read_is_compared_round_by_round() {
        let reads = Reads {
            ours: runs([80.0, 50.0, 90.0], 0.25),
            floors: runs([100.0; 3], 0.25),
        };
        assert!((reads.figures().ratio - 1.25).abs() < 1e-9);
        assert!((reads.load().per_second - 80.0).abs() < 1e-9);
        assert!((reads.floor_load().per_second - 100.0).abs() < 1e-9);
    }

    #[test]
    fn growth_leaves_out_the_load_generator_and_what_slowed_the_machine() {
        let before = Reads {
            ours: runs([100.0; 3], 0.5),
            floors: runs([200.0; 3], 0.5),
        };
        let slower = Reads {
            ours: runs([50.0; 3], 0.5),
            floors: runs([100.0; 3], 0.5),
        };
        assert!((slower.grown_from(&before).ratio - 1.0).abs() < 1e-9);
        let now = Reads {
            ours: runs([100.0; 3], 0.25),
            floors: runs([200.0; 3], 0.5),
        };
        let grown = now.grown_from(&before);
        assert!((grown.ratio - 1.5).abs() < 1e-9, "{grown:?}");
        assert!((grown.us / grown.raw_us - 1.5).abs() < 1e-9, "{grown:?}");
    }
}
