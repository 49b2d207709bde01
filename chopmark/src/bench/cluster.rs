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
mod items;
mod reads;
mod samples;
mod side;
mod writes;
mod yardstick;

use std::time::Duration;

use chop_node::engine::comet::Binary;

use super::figure::Figure;
use super::progress::Progress;

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
    /// Identifiers that the reads create.
    pub(super) identifiers: usize,
    /// Identifiers that the reads ask for.
    pub(super) hot: usize,
    /// Items of the batch.
    pub(super) items: u32,
}

/// Measures what is wanted of a consortium; what fails says why, and the others are measured all the same. When this is dropped
/// before its end, everything that it started ends.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    settings: &Settings<'_>,
    progress: &Progress<'_>,
) -> Vec<Figure> {
    let mut figures = items::figures(wanted, settings, progress).await;
    figures.extend(writes::figures(wanted, settings, progress).await);
    figures.extend(reads::figures(wanted, settings, progress).await);
    figures
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_measurement_has_a_name_of_its_own_under_cluster() {
        let names = writes::NAMES.into_iter().chain(reads::NAMES);
        let names: Vec<&str> = names.chain(items::NAMES).collect();
        let different: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(different.len(), names.len());
        assert!(names.iter().all(|name| name.starts_with("cluster/")));
    }
}
