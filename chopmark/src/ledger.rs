//! `chopmark ledger`: looks into the ledger of a data folder that no process uses.

use std::path::PathBuf;

use anyhow::Context as _;
use chop_node::engine::{Sealed, verify_replay};
use chop_node::store::{DiskLimit, Store};
use chop_protocol::LedgerGenesis;
use clap::{Parser, Subcommand};
use data_encoding::HEXUPPER;
use serde_json::json;

use crate::cli::{Done, Failure, Mark, Page};

/// Looks into the ledger of a data folder that no process uses
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Execute every block again from genesis and compare results, headers and state roots
    Replay {
        /// The data folder
        #[arg(long, default_value = "chopmark-data")]
        data: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// When the folder is in use or damaged, or a block differs.
pub(crate) fn run(args: &Args) -> Result<Done, Failure> {
    let Command::Replay { data } = &args.command;
    let genesis = std::fs::read(data.join("genesis.json"))
        .with_context(|| format!("cannot read the genesis in {}", data.display()))
        .map_err(Failure::usage)?;
    let genesis = LedgerGenesis::parse(&genesis).map_err(Failure::usage)?;
    let store = Store::open(&data.join("registry.redb"), DiskLimit::none().into())
        .map_err(Failure::usage)?;
    let snapshot = store.snapshot().map_err(Failure::internal)?;
    let sealed = if data.join("cometbft").exists() {
        Sealed::ByValidators
    } else {
        Sealed::BySolo
    };
    let replayed = verify_replay(&snapshot, &genesis, sealed).map_err(Failure::refused)?;
    let root = HEXUPPER.encode(&replayed.root);
    let value =
        json!({"height": replayed.height, "envelopes": replayed.envelopes, "appHash": root});
    let page = Page::new()
        .heading(
            Mark::Good,
            "every block, result and state root is as it was",
        )
        .field("height", replayed.height)
        .field("envelopes", replayed.envelopes)
        .field("state root", root);
    Ok(Done::new(value, page))
}
