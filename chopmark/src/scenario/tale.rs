//! The story as it is told: lines for a person, or a list of what happened for a program.

use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;
use serde::Serialize;
use std::io::Write as _;

use crate::cli::Terminal;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Chapter,
    Done,
    Attack,
    Accepted,
    Refused,
}

/// One line of the story.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    kind: Kind,
    text: String,
}

/// Tells the story while it happens, and remembers it.
pub(super) struct Tale<'a> {
    terminal: &'a Terminal,
    lines: Vec<Line>,
}

impl<'a> Tale<'a> {
    /// Begins.
    pub(super) fn new(terminal: &'a Terminal) -> Self {
        Self {
            terminal,
            lines: Vec::new(),
        }
    }

    /// A heading and what it is about.
    pub(super) fn chapter(&mut self, title: &str, text: &str) {
        self.say("");
        self.tell(Kind::Chapter, "", title, Style::new().bold());
        self.say(&format!("  {text}"));
    }

    /// Something was done.
    pub(super) fn done(&mut self, text: &str) {
        self.tell(Kind::Done, "  · ", text, Style::new());
    }

    /// Somebody cheats.
    pub(super) fn attack(&mut self, text: &str) {
        self.tell(Kind::Attack, "  ! ", text, AnsiColor::Yellow.on_default());
    }

    /// Something held, as it must.
    pub(super) fn accepted(&mut self, text: &str) {
        self.tell(Kind::Accepted, "  ✓ ", text, AnsiColor::Green.on_default());
    }

    /// Something was refused, as it must be.
    pub(super) fn refused(&mut self, text: &str) {
        self.tell(Kind::Refused, "  ✗ ", text, AnsiColor::Red.on_default());
    }

    /// A progress bar; it shows on a terminal only.
    pub(super) fn progress(&self, count: usize, what: &'static str) -> ProgressBar {
        self.terminal.progress(count as u64, what)
    }

    /// What was told.
    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    fn tell(&mut self, kind: Kind, sign: &str, text: &str, style: Style) {
        if self.terminal.colour() {
            self.say(&format!("{style}{sign}{text}{style:#}"));
        } else {
            self.say(&format!("{sign}{text}"));
        }
        self.lines.push(Line {
            kind,
            text: text.to_owned(),
        });
    }

    /// With `--json`, standard output is one document at the end; a closed pipe ends nothing.
    fn say(&self, line: &str) {
        if !self.terminal.json() {
            let _closed = writeln!(std::io::stdout(), "{line}");
        }
    }
}
