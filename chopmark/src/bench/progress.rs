//! What is being measured, said on standard error while it is.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::cli::Terminal;

/// Says which row is measured, and shows how far a long preparation is.
pub(super) struct Progress<'a> {
    terminal: &'a Terminal,
    speaks: bool,
    started: Instant,
}

impl<'a> Progress<'a> {
    /// Speaks when standard error is a terminal, and anyway when it is `verbose`.
    pub(super) fn new(terminal: &'a Terminal, verbose: bool) -> Self {
        Self {
            terminal,
            speaks: verbose || std::io::stderr().is_terminal(),
            started: Instant::now(),
        }
    }

    /// Says one line.
    pub(super) fn say(&self, words: impl fmt::Display) {
        if self.speaks {
            let line = line(self.started.elapsed(), words);
            // Nothing can be done when standard error is gone.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }

    /// A bar for a preparation of so many steps; invisible where nobody watches.
    pub(super) fn bar(&self, length: u64, doing: &'static str) -> ProgressBar {
        self.terminal.progress(length, doing)
    }

    /// The terminal that shows the bars of what others prepare.
    pub(super) fn terminal(&self) -> &'a Terminal {
        self.terminal
    }
}

fn line(elapsed: Duration, words: impl fmt::Display) -> String {
    format!("{:>5} s  {words}\n", elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_the_seconds_since_the_start() {
        let said = line(Duration::from_millis(61_900), "cluster/submit, run 2 of 5");
        assert_eq!(said, "   61 s  cluster/submit, run 2 of 5\n");
    }
}
