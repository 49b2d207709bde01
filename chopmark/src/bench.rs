//! `chopmark bench`: what verifying and the services cost, as ratios to a raw floor measured in the same run.
//!
//! The floor of a verification is the signature check alone with a parsed key, of issuing the signature alone; the floor of a
//! service is an `axum` handler that answers a body of equal size, and of the verifying service the signature check again. Absolute figures move from machine to machine, the ratios less so.

mod bulk;
mod floor;
mod folder;
mod http;
mod items;
mod load;
mod measure;
mod row;
mod services;
mod suites;

use clap::Parser;

use crate::cli::{Done, Failure, Page, Terminal};

/// Measures verification and the services against their raw floor
#[derive(Debug, Parser)]
#[command(after_help = "Run it from a release build: cargo run --release -- bench --json")]
pub(crate) struct Args {
    /// Only what has this in its name
    #[arg(long)]
    only: Option<String>,
    /// Identifiers in the hot set of the resolve measurements
    #[arg(long, default_value_t = 10_000)]
    identifiers: usize,
    /// Items of the batch that is registered
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    items: u32,
    /// Seconds of each service measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

/// Runs the measurements.
///
/// # Errors
/// When something that is measured does not work.
pub(crate) async fn run(args: Args, _terminal: &Terminal) -> Result<Done, Failure> {
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| name.contains(only));
    let mut rows = suites::rows(&wanted).map_err(Failure::internal)?;
    let bulk = tokio::task::block_in_place(|| bulk::rows(&wanted));
    rows.extend(bulk.map_err(Failure::internal)?);
    if services::is_wanted(&wanted) {
        let services = services::rows(&wanted, args.identifiers, args.seconds).await;
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
