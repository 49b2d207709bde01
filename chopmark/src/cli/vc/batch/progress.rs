//! Telling how far a batch is: a bar on a terminal, a line now and then where nobody watches, events for programs.

use super::work::Tally;
use crate::cli::Terminal;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// How often a line is written.
const LINES: Duration = Duration::from_secs(10);
/// How often an event is written.
const EVENTS: Duration = Duration::from_secs(1);

/// Tells how far a batch is.
pub(super) struct Teller {
    bar: ProgressBar,
    json: bool,
    live: bool,
    /// Bytes of the CSV file.
    bytes: u64,
    /// Rows that were done before.
    before: u64,
    started: Instant,
    told: Instant,
}

impl Teller {
    /// Begins with a file of so many bytes, of which so many rows are done.
    pub(super) fn begin(terminal: &Terminal, bytes: u64, before: u64) -> Self {
        let mut bar = terminal.progress(bytes, "issuing");
        // A template that does not parse leaves the look of other bars.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}") {
            bar = bar.with_style(style);
        }
        let now = Instant::now();
        Self {
            bar,
            json: terminal.json(),
            live: terminal.live(),
            bytes,
            before,
            started: now,
            told: now,
        }
    }

    /// Hears how far it is.
    pub(super) fn tell(&mut self, tally: &Tally) {
        let done = self.before + tally.issued + tally.refused;
        if self.live {
            self.bar.set_position(tally.bytes);
            self.bar
                .set_message(format!("{done} rows, {}/s", self.per_second(tally)));
            return;
        }
        let pause = if self.json { EVENTS } else { LINES };
        if self.told.elapsed() < pause {
            return;
        }
        self.told = Instant::now();
        let rate = self.per_second(tally);
        let line = if self.json {
            json!({
                "event": "progress",
                "rows": done,
                "issued": tally.issued,
                "refused": tally.refused,
                "bytes": tally.bytes,
                "ofBytes": self.bytes,
                "perSecond": rate,
            })
            .to_string()
        } else {
            let percent = tally.bytes.saturating_mul(100) / self.bytes.max(1);
            format!("{done} rows done, {percent} %, {rate}/s")
        };
        // Nothing can be done when standard error is gone.
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Credentials per second of this run.
    pub(super) fn per_second(&self, tally: &Tally) -> u64 {
        let millis = self.started.elapsed().as_millis().max(1);
        u64::try_from(u128::from(tally.issued) * 1_000 / millis).unwrap_or(u64::MAX)
    }
}
