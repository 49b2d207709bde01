//! Exchanges generated documents with other implementations, or measures them beside us.

use anyhow::{Context as _, bail};
use chop_conformance::interop::{self, Extent, InteropError, Report, bench, peer, vectors};
use chop_integrity::Timestamp;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Exchanges generated documents with other implementations, in both directions
#[derive(Parser)]
#[command(name = "chopmark-interop", version)]
struct Arguments {
    /// Peers by their folder under conformance/peers, separated by commas; `all` means each
    #[arg(long, default_value = "all", value_delimiter = ',')]
    peers: Vec<String>,
    /// Suites, separated by commas; every one that both have if left out
    #[arg(long, value_delimiter = ',')]
    suites: Vec<String>,
    /// Documents for each suite, key type and direction
    #[arg(long, default_value_t = 100)]
    documents: usize,
    /// From which the documents are generated
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write the whole outcome as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// A folder to which to write what the peers made, as vectors
    #[arg(long)]
    record: Option<PathBuf>,
    /// Measure how long verifying takes, instead of exchanging documents
    #[arg(long)]
    bench: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let kinds = kinds(&arguments.peers)?;
    if arguments.bench {
        return measure(&arguments, &kinds);
    }
    let extent = Extent {
        seed: arguments.seed,
        now: now(),
        documents: arguments.documents,
        suites: arguments.suites.clone(),
    };
    let mut report = Report {
        seed: arguments.seed,
        judged: extent.judged().to_string(),
        documents: arguments.documents,
        ..Report::default()
    };
    let mut absent = 0;
    for kind in kinds {
        match interop::run(kind, &extent, &mut report) {
            Ok(()) => {}
            Err(error @ InteropError::Missing { .. }) => {
                absent += 1;
                eprintln!("NOT RUN: {error}");
            }
            Err(error) => return Err(error).with_context(|| format!("peer {}", kind.folder)),
        }
    }
    println!("{}", report.markdown());
    eprint!("{}", report.remarks());
    if let Some(path) = &arguments.json {
        write(path, &report)?;
    }
    if let Some(folder) = &arguments.record {
        let count = vectors::record(&report, folder)?;
        eprintln!("wrote {count} vectors");
    }
    Ok(if report.agrees() && absent == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn kinds(names: &[String]) -> anyhow::Result<Vec<peer::Kind>> {
    let mut kinds = Vec::new();
    for name in names {
        match peer::find(name) {
            _ if name == "all" => kinds.extend(peer::PEERS),
            Some(kind) => kinds.push(*kind),
            None => bail!("there is no peer {name}"),
        }
    }
    Ok(kinds)
}

fn measure(arguments: &Arguments, kinds: &[peer::Kind]) -> anyhow::Result<ExitCode> {
    let mut measured = Vec::new();
    for kind in kinds {
        measured.extend(bench::run(*kind, now()).with_context(|| format!("peer {}", kind.folder))?);
    }
    println!("{}", bench::markdown(&measured));
    if let Some(path) = &arguments.json {
        write(path, &measured)?;
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a run judges as of the wall clock, which some peers cannot be kept from reading"
)]
fn now() -> Timestamp {
    let elapsed = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_unix_ms(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

fn write(path: &PathBuf, outcome: &impl serde::Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(outcome)?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
