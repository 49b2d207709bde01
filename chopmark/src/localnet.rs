//! `chopmark localnet`: a whole consortium on this machine, each member's node a process of its own.
//!
//! ```text
//! DIR/localnet.json     the addresses of the nodes, fixed by the first start
//! DIR/genesis.json      the ledger that they found together
//! DIR/ca                the authority that certifies members' TLS keys
//! DIR/node0 … nodeN     a data folder of `chopmark node` each, with pid and node.log
//! ```

mod folder;
mod nodes;

use std::path::PathBuf;

use anyhow::anyhow;
use chop_http::server;
use chop_node::engine::comet::Binary;
use clap::{Parser, Subcommand};
use serde_json::json;
use std::io::Write as _;

use crate::cli::{Done, Failure, Mark, Page, Terminal};
pub(crate) use folder::{Network, Node};
pub(crate) use nodes::{Launch, Started};

/// Runs a consortium on this machine: one node for each member, over CometBFT
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  chopmark localnet --validators 4 --data ./consortium\n  chopmark localnet status --data ./consortium\n  chopmark localnet stop --data ./consortium"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The folder; made at the first start
    #[arg(long, default_value = "chopmark-localnet", global = true)]
    data: PathBuf,
    /// How many members, each with one validator
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=16))]
    validators: u16,
    /// Leave the nodes running, and return when they are ready
    #[arg(long)]
    detach: bool,
    /// The cometbft to run; looked for in PATH and where `go install` puts it when absent
    #[arg(long, env = "CHOPMARK_COMETBFT")]
    cometbft: Option<PathBuf>,
    /// Most envelopes that a node puts into one transaction; 1 puts each into its own
    #[arg(long)]
    bundle: Option<usize>,
    /// What the nodes log
    #[arg(long, env = "CHOPMARK_LOG", default_value = "info")]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// End all nodes
    Stop,
    /// Say which nodes run, and how far they are
    Status,
}

/// Starts, stops or shows a consortium.
///
/// # Errors
/// When CometBFT is missing, a folder or port cannot be used, or a node does not start.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        None => start(args, terminal).await,
        Some(Command::Stop) => {
            let network = Network::open(&args.data).map_err(Failure::not_found)?;
            stop(network).await
        }
        Some(Command::Status) => {
            let network = Network::open(&args.data).map_err(Failure::not_found)?;
            Ok(status(&network))
        }
    }
}

/// Starts the nodes that do not run, waits until all are ready, says so, and looks after them.
async fn start(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let binary = args
        .cometbft
        .map_or_else(Binary::find, Binary::at)
        .map_err(Failure::usage)?;
    let network = Network::open_or_create(&args.data, args.validators).map_err(Failure::usage)?;
    let asked_to_end = server::shutdown_signal().map_err(Failure::internal)?;
    let launch = Launch {
        cometbft: binary.path().to_owned(),
        bundle: args.bundle,
        log: args.log,
    };
    let mut started = Started::launch(&network, &launch).map_err(Failure::usage)?;
    let ready = tokio::select! {
        () = asked_to_end => None,
        ready = started.until_ready(&network) => Some(ready),
    };
    match ready {
        Some(Ok(())) => {}
        ended => {
            tokio::task::spawn_blocking(move || nodes::stop(&network))
                .await
                .map_err(Failure::internal)?;
            return match ended {
                Some(Err(error)) => Err(Failure::internal(error)),
                _ => Ok(Done::silent()),
            };
        }
    }
    let urls = network.urls();
    let mut out = std::io::stdout();
    writeln!(out, "ready {}", urls.join(" "))
        .and_then(|()| out.flush())
        .map_err(Failure::internal)?;
    if args.detach {
        return Ok(Done::silent());
    }
    if terminal.live() {
        terminal.warn("Ctrl-C ends the nodes");
    }
    let asked_to_end = server::shutdown_signal().map_err(Failure::internal)?;
    tokio::select! {
        () = asked_to_end => {
            tokio::task::spawn_blocking(move || nodes::stop(&network))
                .await
                .map_err(Failure::internal)?;
        }
        () = started.until_all_ended() => {}
    }
    Ok(Done::silent())
}

async fn stop(network: Network) -> Result<Done, Failure> {
    let (killed, stopped) = tokio::task::spawn_blocking(move || nodes::stop(&network))
        .await
        .map_err(Failure::internal)?;
    let value = json!({"stopped": stopped, "killed": killed});
    if killed > 0 {
        return Err(Failure::internal(anyhow!(
            "{killed} nodes did not end by themselves and were killed"
        )));
    }
    let page = Page::new().heading(Mark::Good, format!("{stopped} nodes stopped"));
    Ok(Done::new(value, page))
}

fn status(network: &Network) -> Done {
    let mut page = Page::new();
    let mut list = Vec::new();
    for node in network.nodes() {
        let state = nodes::look(&node);
        page = page.field(
            node.name.clone(),
            match &state {
                Some(state) => format!("{} height {} {}", node.url(), state.height, state.app_hash),
                None if crate::up::is_in_use(&node.folder) => {
                    format!("{} runs, does not answer", node.url())
                }
                None => "does not run".to_owned(),
            },
        );
        list.push(json!({
            "node": node.name,
            "url": node.url(),
            "runs": crate::up::is_in_use(&node.folder),
            "height": state.as_ref().map(|state| state.height),
            "appHash": state.as_ref().map(|state| state.app_hash.clone()),
        }));
    }
    Done::new(json!({"nodes": list}), page)
}
