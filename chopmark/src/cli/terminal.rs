//! How answers look: text with colours for people, one JSON document for programs.

use super::Failure;
use super::failure::Kind;
use anstyle::{AnsiColor, Style};
use chop_http::telemetry::{self, Format};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

/// Where answers go and how they may look.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    json: bool,
    colour: bool,
    live: bool,
}

/// A command's answer in both forms, and the exit code when it is no success.
#[derive(Debug)]
pub(crate) struct Done {
    value: Option<Value>,
    page: Page,
    ending: Option<Kind>,
}

/// A short text for a person: headings, fields, plain lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    lines: Vec<Line>,
}

/// What a heading says before its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It holds or is done.
    Good,
    /// It does not hold.
    Bad,
    /// It holds with a reservation, or was not looked at.
    Note,
    /// Nothing.
    None,
}

#[derive(Clone, Debug)]
enum Line {
    Heading(Mark, String),
    Field(String, String),
    Text(String),
    Dim(String),
    Raw(String),
}

impl Terminal {
    /// Looks at standard output, standard error and the environment.
    pub(crate) fn detect(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            json,
            colour: !json && !plain && std::io::stdout().is_terminal(),
            live: !json && !plain && std::io::stderr().is_terminal(),
        }
    }

    /// A terminal at which nobody looks.
    pub(crate) fn unwatched() -> Self {
        Self {
            json: false,
            colour: false,
            live: false,
        }
    }

    /// Whether the answer shall be one JSON document.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Whether standard output shows colours.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// Begins the log of a service, in the form of the answers: JSON, or text with colours where they show.
    pub(crate) fn begin_log(&self, directives: &str) {
        let format = if self.json {
            Format::Json
        } else {
            Format::Text {
                colour: self.colour,
            }
        };
        telemetry::init(format, directives);
    }

    /// Whether somebody watches standard error on a terminal.
    pub(crate) fn live(&self) -> bool {
        self.live
    }

    /// A progress bar over `length` steps; invisible where nobody watches.
    pub(crate) fn progress(&self, length: u64, doing: &'static str) -> ProgressBar {
        if !self.live {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(length).with_message(doing);
        // A template that does not parse leaves the default look.
        match ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// Says something beside the answer, on standard error: a warning or a hint.
    pub(crate) fn warn(&self, words: &str) {
        let style = if self.live {
            AnsiColor::Yellow.on_default()
        } else {
            Style::new()
        };
        // Nothing can be done when standard error is gone.
        let _ = writeln!(std::io::stderr(), "{style}warning:{style:#} {words}");
    }

    /// Prints the answer or the failure and says how the process ends.
    pub(crate) fn finish(&self, outcome: Result<Done, Failure>) -> ExitCode {
        match outcome {
            Ok(done) => {
                let text = self.render(&done);
                // A reader that went away (`| head`) is no failure of the command.
                let _ = std::io::stdout().write_all(text.as_bytes());
                done.ending.map_or(ExitCode::SUCCESS, Into::into)
            }
            Err(failure) => {
                self.report(&failure);
                failure.kind().into()
            }
        }
    }

    fn render(&self, done: &Done) -> String {
        match &done.value {
            Some(value) if self.json => format!("{value:#}\n"),
            _ => done.page.render(self.colour),
        }
    }

    fn report(&self, failure: &Failure) {
        let chain = failure.chain();
        let (message, causes) = chain
            .split_first()
            .map_or(("unknown", &[][..]), |(first, rest)| (first.as_str(), rest));
        if self.json {
            let document = json!({"error": {"kind": failure.kind().name(), "message": message, "causes": causes}});
            let _ = writeln!(std::io::stdout(), "{document:#}");
            return;
        }
        let style = if self.live {
            AnsiColor::Red.on_default().bold()
        } else {
            Style::new()
        };
        let mut text = format!("{style}error:{style:#} {message}\n");
        for cause in causes {
            let _ = writeln!(text, "  because: {cause}");
        }
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

impl Done {
    /// An answer: the JSON document and the page.
    pub(crate) fn new(value: Value, page: Page) -> Self {
        Self {
            value: Some(value),
            page,
            ending: None,
        }
    }

    /// An answer that was already given.
    pub(crate) fn silent() -> Self {
        Self {
            value: None,
            page: Page::default(),
            ending: None,
        }
    }

    /// Marks the answer as a refusal when `refused`: printed like any, with exit code 1.
    #[must_use]
    pub(crate) fn refused_if(self, refused: bool) -> Self {
        if refused {
            self.ending(Kind::Refused)
        } else {
            self
        }
    }

    /// Prints the answer like any, and ends with the exit code of this kind.
    #[must_use]
    pub(crate) fn ending(mut self, kind: Kind) -> Self {
        self.ending = Some(kind);
        self
    }
}

impl Page {
    /// An empty page.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a heading.
    #[must_use]
    pub(crate) fn heading(mut self, mark: Mark, words: impl Into<String>) -> Self {
        self.lines.push(Line::Heading(mark, words.into()));
        self
    }

    /// Adds a named value; values of neighbouring fields line up.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers hand over numbers, times and texts alike"
    )]
    pub(crate) fn field(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.lines.push(Line::Field(name.into(), value.to_string()));
        self
    }

    /// Adds a line of text.
    #[must_use]
    pub(crate) fn text(mut self, words: impl Into<String>) -> Self {
        self.lines.push(Line::Text(words.into()));
        self
    }

    /// Adds a line of secondary text.
    #[must_use]
    pub(crate) fn dim(mut self, words: impl Into<String>) -> Self {
        self.lines.push(Line::Dim(words.into()));
        self
    }

    /// Adds text exactly as it is: a document to pipe into a file.
    #[must_use]
    pub(crate) fn raw(mut self, text: impl Into<String>) -> Self {
        self.lines.push(Line::Raw(text.into()));
        self
    }

    fn render(&self, colour: bool) -> String {
        let width = self
            .lines
            .iter()
            .map(|line| {
                if let Line::Field(name, _) = line {
                    name.chars().count()
                } else {
                    0
                }
            })
            .max()
            .unwrap_or(0);
        let paint = |style: Style, words: &str| {
            if colour {
                format!("{style}{}{style:#}", clean(words))
            } else {
                clean(words)
            }
        };
        let mut text = String::new();
        for line in &self.lines {
            // Writing to a string cannot fail.
            let _ = match line {
                Line::Heading(mark, words) => writeln!(
                    text,
                    "{}{}",
                    mark.render(colour),
                    paint(Style::new().bold(), words)
                ),
                Line::Field(name, value) => writeln!(
                    text,
                    "  {}  {}",
                    paint(Style::new().dimmed(), &format!("{name:<width$}")),
                    clean(value)
                ),
                Line::Text(words) => writeln!(text, "{}", clean(words)),
                Line::Dim(words) => writeln!(text, "{}", paint(Style::new().dimmed(), words)),
                Line::Raw(raw) => writeln!(text, "{raw}"),
            };
        }
        text
    }
}

impl Mark {
    fn render(self, colour: bool) -> String {
        let (sign, style) = match self {
            Self::Good => ("✓ ", AnsiColor::Green.on_default().bold()),
            Self::Bad => ("✗ ", AnsiColor::Red.on_default().bold()),
            Self::Note => ("• ", AnsiColor::Yellow.on_default().bold()),
            Self::None => ("", Style::new()),
        };
        if colour && !sign.is_empty() {
            format!("{style}{sign}{style:#}")
        } else {
            sign.to_owned()
        }
    }
}

/// Replaces control characters: what a credential says must not steer the terminal that shows it.
fn clean(words: &str) -> String {
    words
        .chars()
        .map(|character| {
            if character.is_control() && character != '\n' {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_line_up_and_marks_lead() {
        let page = Page::new()
            .heading(Mark::Good, "created")
            .field("did", "did:chop:x")
            .field("height", 7);
        assert_eq!(
            page.render(false),
            "✓ created\n  did     did:chop:x\n  height  7\n"
        );
    }

    #[test]
    fn a_value_cannot_steer_the_terminal() {
        let page = Page::new().field("name", "\u{1b}[2Jgone");
        assert!(!page.render(true).contains("\u{1b}[2J"));
    }

    #[test]
    fn json_is_printed_instead_of_the_page() {
        let terminal = Terminal {
            json: true,
            colour: false,
            live: false,
        };
        let done = Done::new(json!({"a": 1}), Page::new().text("words"));
        assert_eq!(terminal.render(&done), "{\n  \"a\": 1\n}\n");
    }
}
