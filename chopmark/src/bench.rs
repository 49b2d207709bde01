//! `chopmark bench`: what verifying and the services cost, as ratios to a raw floor measured in the same run.
//!
//! The floor of a verification is the signature check alone with a parsed key; the floor of a service is an `axum` handler
//! that answers a body of equal size. Absolute figures move from machine to machine, the ratios less so.

mod floor;
mod load;
mod measure;
mod services;
mod verify;

use clap::Parser;
use serde::Serialize;

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
    /// Seconds of each service measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
}

/// One measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured, such as `verify/eddsa-jcs-2022`.
    pub name: &'static str,
    /// Microseconds per operation; of services, wall time per answered request.
    pub us: f64,
    /// Microseconds of the raw floor in the same run.
    pub raw_us: f64,
    /// `us / raw_us`.
    pub ratio: f64,
}

impl Row {
    /// Puts a measurement beside its floor.
    pub(crate) fn new(name: &'static str, us: f64, raw_us: f64) -> Self {
        let round = |value: f64| (value * 1_000.0).round() / 1_000.0;
        Self {
            name,
            us: round(us),
            raw_us: round(raw_us),
            ratio: round(us / raw_us),
        }
    }
}

/// Runs the measurements.
///
/// # Errors
/// When something that is measured does not work.
pub(crate) async fn run(args: Args, _terminal: &Terminal) -> Result<Done, Failure> {
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| name.contains(only));
    let mut rows = verify::rows(&wanted).map_err(Failure::internal)?;
    if ["resolve", "resolve+proof", "submit"]
        .into_iter()
        .any(wanted)
    {
        let services = services::rows(&wanted, args.identifiers, args.seconds).await;
        rows.extend(services.map_err(Failure::internal)?);
    }
    let page = rows.iter().fold(Page::new(), |page, row| {
        page.text(format!(
            "{:<28} {:>9.1} µs   floor {:>8.1} µs   × {:.2}",
            row.name, row.us, row.raw_us, row.ratio
        ))
    });
    let value = serde_json::to_value(&rows).map_err(Failure::internal)?;
    Ok(Done::new(value, page))
}
