//! What a bench answers: costs beside their floors, lengths, and what could not be measured.

use serde::Serialize;

use super::row::{Budget, Row};

/// What a measurement says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Figure {
    /// A cost beside its floor.
    Row(Box<Row>),
    /// A length.
    Size(Size),
    /// Why there is none.
    Failed(Failed),
}

/// A length that was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Size {
    /// What was measured, such as `cluster/proof`.
    pub(super) name: &'static str,
    /// Bytes of one.
    pub(super) bytes: f64,
    /// Over how many that is the mean.
    pub(super) over: usize,
    /// One of what.
    pub(super) of: &'static str,
    /// How many it may be; none where no budget was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) budget: Option<Budget>,
    /// Whether it is no more than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) met: Option<bool>,
}

/// A measurement that did not come about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Failed {
    /// What was to be measured.
    pub(super) name: &'static str,
    /// In which run, from 1, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<usize>,
    /// Why it was not.
    #[serde(rename = "failed")]
    pub(super) why: String,
}

impl Figure {
    /// Says why a measurement did not come about.
    pub(super) fn failed(name: &'static str, run: Option<usize>, error: &anyhow::Error) -> Self {
        Self::Failed(Failed {
            name,
            run,
            why: format!("{error:#}"),
        })
    }

    /// Writes it as a line for people.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Row(row) => row.line(),
            Self::Size(size) => size.line(),
            Self::Failed(failed) => failed.line(),
        }
    }

    /// Whether it is missing.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

impl From<Row> for Figure {
    fn from(row: Row) -> Self {
        Self::Row(Box::new(row))
    }
}

impl From<Size> for Figure {
    fn from(size: Size) -> Self {
        Self::Size(size)
    }
}

impl Size {
    /// The mean of a total.
    pub(super) fn mean(name: &'static str, total: u64, over: usize, of: &'static str) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "bytes on a disk and what a run made are far below 2^52"
        )]
        let bytes = total as f64 / over.max(1) as f64;
        Self {
            name,
            bytes: bytes.round(),
            over,
            of,
            budget: None,
            met: None,
        }
    }

    /// Says how many bytes one may have.
    pub(super) fn at_most(mut self, bytes: f64) -> Self {
        self.budget = Some(Budget::Bytes(bytes));
        self.met = Some(self.bytes <= bytes);
        self
    }

    fn line(&self) -> String {
        let Self {
            name,
            bytes,
            over,
            of,
            ..
        } = self;
        let verdict = match (self.budget, self.met) {
            (Some(budget), Some(met)) => budget.verdict(met),
            _ => String::new(),
        };
        format!("{name:<32} {bytes:>9.0} bytes per {of}, of {over}{verdict}")
    }
}

impl Failed {
    fn line(&self) -> String {
        let run = self
            .run
            .map_or_else(String::new, |run| format!(" in run {run}"));
        format!("{:<32} FAILED{run}: {}", self.name, self.why)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_size_is_a_mean_that_may_have_a_budget() {
        let size = Size::mean("cluster/proof", 1_001, 2, "proof");
        assert!((size.bytes - 501.0).abs() < f64::EPSILON);
        let line = size.line();
        assert!(line.ends_with("501 bytes per proof, of 2"), "{line}");
        assert!(Size::mean("a", 5, 0, "DID").bytes.is_finite());
        assert_eq!(size.at_most(501.0).met, Some(true));
        let missed = size.at_most(500.0);
        assert!(missed.line().ends_with("MISSED"), "{}", missed.line());
    }

    #[test]
    fn a_size_and_a_row_are_told_apart_by_their_members() {
        let size = Figure::Size(Size::mean("cluster/proof", 2_300, 1, "proof").at_most(6_144.0));
        let json = serde_json::to_value(&size).unwrap();
        assert_eq!(json["bytes"], 2_300.0);
        assert_eq!(json["budget"]["bytes"], 6_144.0);
        assert!(json.get("us").is_none());
        assert!(!size.is_missing());
    }

    #[test]
    fn what_failed_says_why_and_in_which_run() {
        let error = anyhow!("the port is taken").context("cannot start node2");
        let failed = Figure::failed("cluster/submit", Some(3), &error);
        let why = "FAILED in run 3: cannot start node2: the port is taken";
        assert!(failed.line().ends_with(why), "{}", failed.line());
        assert!(failed.is_missing());
        let json = serde_json::to_value(Figure::failed("http", None, &error)).unwrap();
        assert_eq!(json["failed"], "cannot start node2: the port is taken");
        assert!(json.get("run").is_none());
    }
}
