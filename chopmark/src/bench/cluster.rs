//! `chopmark bench --cluster`: four validators of four members on this machine, against what their consensus engine gives at
//! most.
//!
//! ```text
//! cluster/submit    load ─ HTTP ─▶ 4 nodes ── rpc.sock ─▶ 4 CometBFT ◀─ abci.sock ─▶ the state machine
//! its floor         load ────────────────────────────────▶ 4 CometBFT ◀─ abci.sock ─▶ one signature check, a map
//! cluster/kvstore   load ────────────────────────────────▶ 4 CometBFT, with the map inside, and no check
//! ```
//!
//! All of it shares the machine's cores with the load generator, whose part of them stands beside each figure.

mod commits;
mod consortium;
mod drive;
mod reads;
mod samples;
mod side;
mod writes;
mod yardstick;

use std::time::Duration;

use chop_node::engine::comet::Binary;
use serde::Serialize;

use super::row::{Row, Size};
use crate::cli::Terminal;

/// Validators, each of a member of its own.
const VALIDATORS: u16 = 4;
/// The same as a count: transactions go through each of them alike.
const LANES: usize = VALIDATORS as usize;

/// How the measurements are made.
pub(super) struct Settings<'a> {
    /// The CometBFT that everything runs on.
    pub(super) binary: &'a Binary,
    /// Runs of which the median counts.
    pub(super) runs: usize,
    /// How long each measurement of a run takes.
    pub(super) lasting: Duration,
    /// Identifiers in the hot set of the reads.
    pub(super) identifiers: usize,
}

/// What a measurement says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Figure {
    /// A cost beside its floor.
    Row(Row),
    /// A length.
    Size(Size),
}

impl Figure {
    /// Writes it as a line for people.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Row(row) => row.line(),
            Self::Size(size) => size.line(),
        }
    }
}

/// Measures what is wanted of a consortium. When this is dropped before its end, everything that it started ends.
///
/// # Errors
/// When something does not start, or does not answer as expected.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: &Settings<'_>,
    terminal: &Terminal,
) -> anyhow::Result<Vec<Figure>> {
    let steps = settings.runs as u64 + 2;
    let progress = terminal.progress(steps, "runs");
    let mut figures = writes::figures(wanted, settings, &progress).await?;
    figures.extend(reads::figures(wanted, settings, &progress).await?);
    progress.finish_and_clear();
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_measurement_has_a_name_of_its_own_under_cluster() {
        let names: Vec<&str> = writes::NAMES.into_iter().chain(reads::NAMES).collect();
        let different: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(different.len(), names.len());
        assert!(names.iter().all(|name| name.starts_with("cluster/")));
    }

    #[test]
    fn a_size_and_a_row_are_told_apart_by_their_members() {
        let size = Figure::Size(Size::mean("cluster/proof", 2_300, 1, "proof"));
        let json = serde_json::to_value(&size).unwrap();
        assert_eq!(json["bytes"], 2_300.0);
        assert!(json.get("us").is_none());
    }
}
