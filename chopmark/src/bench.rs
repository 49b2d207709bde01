//! `chopmark bench`: what verifying and the services cost, as ratios to a raw floor measured in the same run.
//!
//! The floor of a verification is the signature check alone with a parsed key, of issuing the signature alone; the floor of a
//! service is an `axum` handler that answers a body of equal size, and of the verifying service the signature check again; the
//! floor of a consortium is CometBFT with one signature check. Absolute figures move from machine to machine, the ratios less
//! so.

mod bulk;
mod cluster;
mod floor;
mod folder;
mod generator;
mod http;
mod items;
mod load;
mod measure;
mod row;
mod running;
mod services;
mod suites;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use chop_http::server;
use chop_node::engine::comet::Binary;
use clap::Parser;

use crate::cli::{Done, Failure, Page, Terminal};

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
    /// Identifiers in the hot set of the resolve measurements
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    identifiers: u32,
    /// Items of the batch that is registered
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
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
    /// The cometbft to run; looked for in PATH and where `go install` puts it when absent
    #[arg(long, env = "CHOPMARK_COMETBFT")]
    cometbft: Option<PathBuf>,
}

/// Runs the measurements.
///
/// # Errors
/// When something that is measured does not work.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    if args.cluster {
        return Box::pin(cluster(args, terminal)).await;
    }
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| name.contains(only));
    let identifiers = usize::try_from(args.identifiers).map_err(Failure::usage)?;
    let seconds = args.seconds.unwrap_or(SECONDS);
    let mut rows = suites::rows(&wanted).map_err(Failure::internal)?;
    let bulk = tokio::task::block_in_place(|| bulk::rows(&wanted));
    rows.extend(bulk.map_err(Failure::internal)?);
    if services::is_wanted(&wanted) {
        let services = services::rows(&wanted, identifiers, seconds).await;
        rows.extend(services.map_err(Failure::internal)?);
    }
    if items::is_wanted(&wanted) {
        let row = Box::pin(items::row(args.items)).await;
        rows.push(row.map_err(Failure::internal)?);
    }
    let page = rows
        .iter()
        .fold(Page::new(), |page, row| page.text(row.line()));
    let value = serde_json::to_value(&rows).map_err(Failure::internal)?;
    Ok(Done::new(value, page))
}

/// Measures a consortium until it is done or asked to end; in either case nothing that it started is left.
async fn cluster(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| name.contains(only));
    let binary = args
        .cometbft
        .map_or_else(Binary::find, Binary::at)
        .map_err(Failure::usage)?;
    let settings = cluster::Settings {
        binary: &binary,
        runs: usize::from(args.runs),
        lasting: Duration::from_secs(args.seconds.unwrap_or(CLUSTER_SECONDS)),
        identifiers: usize::try_from(args.identifiers).map_err(Failure::usage)?,
    };
    let asked_to_end = server::shutdown_signal().map_err(Failure::internal)?;
    let figures = tokio::select! {
        figures = cluster::figures(&wanted, &settings, terminal) => figures.map_err(Failure::internal)?,
        () = asked_to_end => {
            return Err(Failure::internal(anyhow!("ended before it was done")));
        }
    };
    let page = figures
        .iter()
        .fold(Page::new(), |page, figure| page.text(figure.line()));
    let value = serde_json::to_value(&figures).map_err(Failure::internal)?;
    Ok(Done::new(value, page))
}
