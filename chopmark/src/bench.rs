//! `chopmark bench`: what verifying and the services cost, as ratios to a raw floor measured in the same run.
//!
//! The floor of a verification is the signature check alone with a parsed key, of issuing the signature alone; the floor of a
//! service is an `axum` handler that answers a body of equal size, and of the verifying service the signature check again; the
//! floor of a consortium is CometBFT with one signature check. Absolute figures move from machine to machine, the ratios less
//! so.

mod bulk;
mod cluster;
mod creation;
mod figure;
mod floor;
mod folder;
mod generator;
mod growth;
mod hot;
mod http;
mod items;
mod load;
mod measure;
mod memory;
mod progress;
mod reads;
mod resolve;
mod restore;
mod row;
mod running;
mod services;
mod submit;
mod suites;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use chop_http::server;
use chop_node::engine::comet::Binary;
use clap::Parser;

use crate::cli::failure::Kind;
use crate::cli::{Done, Failure, Page, Terminal};
use figure::Figure;
use progress::Progress;

/// Seconds of a measurement of one process, unless it is told otherwise.
const SECONDS: u64 = 3;
/// Seconds of a measurement of a consortium: some dozens of blocks.
const CLUSTER_SECONDS: u64 = 10;

/// Measures verification, the services and a consortium against their raw floor
#[derive(Debug, Parser)]
#[command(
    after_help = "Run it from a release build:\n  cargo run --release -- bench --json\n  cargo run --release -- bench --cluster --json"
)]
pub(crate) struct Args {
    /// Only what has this in its name
    #[arg(long)]
    only: Option<String>,
    /// Identifiers that the resolve measurements create; growth is measured from more than 10,000 on
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    identifiers: u32,
    /// How many of them are asked for, spread evenly; no more than there are
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    hot: u32,
    /// Items that are registered: in one transaction up to a million, for the growth beyond that in several
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    items: u32,
    /// Seconds of each service measurement [default: 3; with --cluster 10]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: Option<u64>,
    /// Measure four validators over CometBFT, and nothing else
    #[arg(long)]
    cluster: bool,
    /// Runs of a consortium, of which the median counts
    #[arg(long, default_value_t = 5, requires = "cluster", value_parser = clap::value_parser!(u16).range(1..=99))]
    runs: u16,
    /// Say on standard error what is being measured, also where that is no terminal
    #[arg(long)]
    verbose: bool,
    /// The cometbft to run; looked for in PATH and where `go install` puts it when absent
    #[arg(long, env = "CHOPMARK_COMETBFT")]
    cometbft: Option<PathBuf>,
}

/// Runs the measurements until they are done or asked to end; in either case nothing that they started is left. What could not
/// be measured says why, and the process ends with an error.
///
/// # Errors
/// When nothing is measured under the name that is asked for, CometBFT is not found, or it is asked to end.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| name.contains(only));
    let progress = Progress::new(terminal, args.verbose);
    let binary = match (args.cluster, args.cometbft.clone()) {
        (false, _) => None,
        (true, None) => Some(Binary::find().map_err(Failure::usage)?),
        (true, Some(path)) => Some(Binary::at(path).map_err(Failure::usage)?),
    };
    let mut figures = Vec::new();
    if binary.is_none() {
        // These hold their thread throughout, so they end by the signal itself.
        figures.extend(suites::figures(&wanted, &progress));
        figures.extend(tokio::task::block_in_place(|| {
            bulk::figures(&wanted, &progress)
        }));
    }
    let asked_to_end = server::shutdown_signal().map_err(Failure::internal)?;
    let measuring = async {
        match &binary {
            Some(binary) => {
                let settings = args.cluster_settings(binary)?;
                anyhow::Ok(Box::pin(cluster::figures(&wanted, &settings, &progress)).await)
            }
            None => Box::pin(stacks(&wanted, &args, &progress)).await,
        }
    };
    tokio::select! {
        measured = measuring => figures.extend(measured.map_err(Failure::internal)?),
        () = asked_to_end => return Err(Failure::internal(anyhow!("ended before it was done"))),
    }
    answer(&figures, args.only.as_deref())
}

/// Measures what runs as a stack of this process, one after the other.
async fn stacks(
    wanted: &dyn Fn(&str) -> bool,
    args: &Args,
    progress: &Progress<'_>,
) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let lasting = Duration::from_secs(args.seconds.unwrap_or(SECONDS));
    let hot = usize::try_from(args.hot)?;
    let reading = resolve::Settings {
        identifiers: usize::try_from(args.identifiers)?,
        hot,
        lasting,
    };
    if resolve::is_wanted(wanted, reading) {
        let found = Box::pin(resolve::figures(wanted, reading, progress)).await;
        figures.extend(or_failed("resolve", found));
    }
    if wanted(restore::NAME) {
        let row = Box::pin(restore::row(reading.identifiers, progress)).await;
        figures.extend(or_failed(restore::NAME, row.map(|row| vec![row.into()])));
    }
    if services::is_wanted(wanted) {
        let found = Box::pin(services::figures(wanted, lasting, progress)).await;
        figures.extend(or_failed("services", found));
    }
    if items::is_wanted(wanted) {
        let row = Box::pin(items::row(args.items.min(items::MOST), progress)).await;
        figures.extend(or_failed(items::NAME, row.map(|row| vec![row.into()])));
    }
    let growing = items::growth::Settings {
        items: args.items,
        hot,
        lasting,
    };
    if items::growth::is_wanted(wanted, growing) {
        let found = Box::pin(items::growth::figures(wanted, growing, progress)).await;
        figures.extend(or_failed("items/growth", found));
    }
    Ok(figures)
}

/// What was measured, or why it was not.
fn or_failed(name: &'static str, found: anyhow::Result<Vec<Figure>>) -> Vec<Figure> {
    found.unwrap_or_else(|error| vec![Figure::failed(name, None, &error)])
}

fn answer(figures: &[Figure], only: Option<&str>) -> Result<Done, Failure> {
    if figures.is_empty() {
        return Err(Failure::usage(anyhow!(
            "nothing is measured that has {} in its name; growth takes more than 10,000 --identifiers or --items, and cluster rows --cluster",
            only.unwrap_or_default()
        )));
    }
    let page = figures
        .iter()
        .fold(Page::new(), |page, figure| page.text(figure.line()));
    let value = serde_json::to_value(figures).map_err(Failure::internal)?;
    let done = Done::new(value, page);
    if figures.iter().any(Figure::is_missing) {
        return Ok(done.ending(Kind::Internal));
    }
    Ok(done)
}

impl Args {
    fn cluster_settings<'a>(&self, binary: &'a Binary) -> anyhow::Result<cluster::Settings<'a>> {
        Ok(cluster::Settings {
            binary,
            runs: usize::from(self.runs),
            lasting: Duration::from_secs(self.seconds.unwrap_or(CLUSTER_SECONDS)),
            identifiers: usize::try_from(self.identifiers)?,
            hot: usize::try_from(self.hot)?,
            items: self.items,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_figure_names_what_was_asked_for() {
        let nothing = answer(&[], Some("resolve/growht")).unwrap_err();
        assert_eq!(nothing.kind(), Kind::Usage);
        assert!(nothing.chain()[0].contains("resolve/growht"));
        let failed = Figure::failed("http", None, &anyhow!("the port is taken"));
        assert!(answer(&[failed], Some("http")).is_ok());
    }
}
