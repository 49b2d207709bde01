//! Transactions sent until each is committed: as many at a time as are asked for, or so many per second.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use super::super::generator;
use super::super::load::{At, Connection};
use super::commits::Commits;

/// How long a transaction may take; a node answers 202 after as long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where transactions are handed over, and how their commit is known.
#[derive(Clone, Debug)]
pub(super) struct Door {
    /// Where it listens.
    pub(super) at: At,
    /// Who tells of commits, behind CometBFT's own RPC; a node's API answers when the block is committed.
    pub(super) commits: Option<Arc<Commits>>,
}

/// One transaction, ready to be sent.
#[derive(Debug)]
pub(super) struct Sample {
    /// The whole HTTP request.
    pub(super) request: Vec<u8>,
    /// CometBFT's hash of the transaction, where its commit is told by that.
    pub(super) hash: Option<[u8; 32]>,
}

/// A door with the transactions that go through it.
pub(super) type Lane = (Door, Vec<Sample>);

/// How hard and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Transactions under way at most, over all doors.
    pub(super) in_flight: usize,
    /// Transactions per second; as many as are answered when absent.
    pub(super) offered: Option<f64>,
    /// What is left out at the beginning.
    pub(super) warm: Duration,
    /// What is measured then.
    pub(super) lasting: Duration,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Transactions committed per second.
    pub(super) per_second: f64,
    /// Microseconds from sending (with a rate: from when it was due) to knowing of the commit: the median.
    pub(super) median_us: f64,
    /// The same: the 95th of 100.
    pub(super) p95_us: f64,
    /// Transactions whose commit nobody told within the patience.
    pub(super) late: usize,
    /// Transactions that were committed altogether, those before and after the measurement included.
    pub(super) committed: usize,
    /// The part of all cores' time that the load generator took.
    pub(super) share: f64,
}

/// Sends transactions through all doors alike, on the load generator's threads.
///
/// # Errors
/// When a door refuses a transaction or closes, or none is committed.
pub(super) async fn drive(lanes: Vec<Lane>, plan: Plan) -> anyhow::Result<Measured> {
    let (measured, share) = generator::run(run(lanes, plan)).await?;
    Ok(Measured { share, ..measured })
}

/// What the workers share.
struct Course {
    lanes: Vec<(Lane, AtomicUsize)>,
    plan: Plan,
    started: Instant,
    /// When the samples were used up, if that was before the end.
    exhausted: Mutex<Option<Instant>>,
}

/// What one worker saw.
#[derive(Default)]
struct Seen {
    /// When a commit was known, and how long it had taken.
    commits: Vec<(Instant, Duration)>,
    late: usize,
}

async fn run(lanes: Vec<Lane>, plan: Plan) -> anyhow::Result<Measured> {
    let course = Arc::new(Course {
        lanes: lanes
            .into_iter()
            .map(|lane| (lane, AtomicUsize::new(0)))
            .collect(),
        plan,
        started: Instant::now(),
        exhausted: Mutex::default(),
    });
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..plan.in_flight {
        workers.spawn(work(Arc::clone(&course), number));
    }
    let mut seen = Seen::default();
    while let Some(worker) = workers.join_next().await {
        let one = worker.context("a load worker ended early")??;
        seen.commits.extend(one.commits);
        seen.late += one.late;
    }
    course.judge(seen)
}

async fn work(course: Arc<Course>, number: usize) -> anyhow::Result<Seen> {
    let lane = number % course.lanes.len().max(1);
    let ((door, samples), next) = course.lanes.get(lane).context("no doors to send through")?;
    let mut connection = Connection::open(&door.at).await?;
    let mut seen = Seen::default();
    for turn in 0_u32.. {
        let due = course.plan.due(number, turn);
        let begun = if let Some(due) = due {
            let due = course.started + due;
            if due >= course.end() {
                break;
            }
            tokio::time::sleep_until(due.into()).await;
            due
        } else {
            Instant::now()
        };
        if Instant::now() >= course.end() {
            break;
        }
        let Some(sample) = samples.get(next.fetch_add(1, Ordering::Relaxed)) else {
            course.exhaust();
            break;
        };
        let committing = door.commit(&mut connection, sample);
        let committing = tokio::time::timeout(PATIENCE, committing).await;
        if let Ok(committed) = committing
            && committed?
        {
            seen.commits.push((Instant::now(), begun.elapsed()));
            continue;
        }
        seen.late += 1;
        connection = Connection::open(&door.at).await?;
    }
    Ok(seen)
}

impl Plan {
    /// When a worker's turn is due, from the start; always with a rate, never without.
    fn due(self, worker: usize, turn: u32) -> Option<Duration> {
        let rate = self.offered?;
        let place = u64::from(turn) * self.in_flight as u64 + worker as u64;
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of a run of seconds are far below 2^52"
        )]
        Some(Duration::from_secs_f64(place as f64 / rate))
    }
}

impl Course {
    fn end(&self) -> Instant {
        self.started + self.plan.warm + self.plan.lasting
    }

    fn exhaust(&self) {
        let mut exhausted = self
            .exhausted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        exhausted.get_or_insert_with(Instant::now);
    }

    /// Counts the commits of the measured time. What was still under way at its end counts for nothing.
    fn judge(&self, seen: Seen) -> anyhow::Result<Measured> {
        let from = self.started + self.plan.warm;
        let exhausted = *self
            .exhausted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let to = exhausted.map_or(self.end(), |exhausted| exhausted.min(self.end()));
        let committed = seen.commits.len();
        let mut latencies: Vec<Duration> = seen
            .commits
            .into_iter()
            .filter(|(at, _)| (from..to).contains(at))
            .map(|(_, latency)| latency)
            .collect();
        latencies.sort_unstable();
        let measured = to.saturating_duration_since(from).as_secs_f64();
        if latencies.is_empty() {
            bail!(
                "no transaction was committed in {measured:.1} s; {committed} before and after, {} late",
                seen.late
            );
        }
        let place = |part: usize| latencies.get(latencies.len() * part / 100);
        let micros = |part| place(part).map_or(0.0, |latency| latency.as_secs_f64() * 1e6);
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of a run of seconds are far below 2^52"
        )]
        let per_second = latencies.len() as f64 / measured;
        Ok(Measured {
            per_second,
            median_us: micros(50),
            p95_us: micros(95),
            late: seen.late,
            committed,
            share: 0.0,
        })
    }
}

impl Door {
    /// Hands a transaction over; true when its commit is known, false when the door says that it takes long.
    async fn commit(&self, connection: &mut Connection, sample: &Sample) -> anyhow::Result<bool> {
        let (Some(commits), Some(hash)) = (&self.commits, sample.hash) else {
            let (status, length) = connection.exchange(&sample.request).await?;
            let text = String::from_utf8_lossy(connection.body(length));
            ensure!(
                matches!(status, 201 | 202),
                "expected status 201, got {status}: {text}"
            );
            return Ok(status == 201);
        };
        let committed = commits.expect(hash);
        let (_, length) = connection.exchange(&sample.request).await?;
        let text = String::from_utf8_lossy(connection.body(length));
        ensure!(
            text.contains("\"code\":0"),
            "CometBFT refused a transaction: {text}"
        );
        committed.await.context("the application has ended")?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan {
        in_flight: 4,
        offered: Some(8.0),
        warm: Duration::from_secs(1),
        lasting: Duration::from_secs(2),
    };

    fn course(started: Instant) -> Course {
        Course {
            lanes: Vec::new(),
            plan: PLAN,
            started,
            exhausted: Mutex::default(),
        }
    }

    #[test]
    fn turns_are_due_at_the_offered_rate_over_all_workers() {
        let due = |worker, turn| PLAN.due(worker, turn).unwrap().as_millis();
        assert_eq!(
            [due(0, 0), due(1, 0), due(3, 0), due(0, 1), due(2, 3)],
            [0, 125, 375, 500, 1_750]
        );
        let closed = Plan {
            offered: None,
            ..PLAN
        };
        assert_eq!(closed.due(3, 7), None);
    }

    #[test]
    fn counts_what_was_committed_in_the_measured_time_only() {
        let started = Instant::now();
        let at = |ms| started + Duration::from_millis(ms);
        let latency = Duration::from_millis;
        let seen = Seen {
            commits: vec![
                (at(999), latency(1)),
                (at(1_000), latency(10)),
                (at(1_500), latency(20)),
                (at(2_000), latency(30)),
                (at(3_000), latency(4_000)),
            ],
            late: 1,
        };
        let measured = course(started).judge(seen).unwrap();
        assert!((measured.per_second - 1.5).abs() < 1e-9);
        assert!((measured.median_us - 20_000.0).abs() < 1e-6);
        assert!((measured.p95_us - 30_000.0).abs() < 1e-6);
        assert_eq!((measured.late, measured.committed), (1, 5));
    }

    #[test]
    fn ends_where_the_samples_did() {
        let started = Instant::now();
        let course = course(started);
        *course.exhausted.lock().unwrap() = Some(started + Duration::from_millis(1_500));
        let at = started + Duration::from_millis(1_200);
        let seen = Seen {
            commits: vec![(at, Duration::from_millis(5)); 10],
            late: 0,
        };
        assert!((course.judge(seen).unwrap().per_second - 20.0).abs() < 1e-9);
        let nothing = course.judge(Seen::default()).unwrap_err().to_string();
        assert!(nothing.contains("no transaction"), "{nothing}");
    }
}
