//! `chopmark ledger`: works on a ledger from the outside: its data folder while no process uses it, evidence of a fork.

mod reindex;

pub(crate) mod promote;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chop_integrity::Timestamp;
use chop_node::engine::{Sealed, verify_replay};
use chop_node::store::Store;
use chop_proof::{Fork, TrustRoot};
use chop_protocol::LedgerGenesis;
use clap::{Parser, Subcommand};
use data_encoding::HEXUPPER;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::cli::{Done, Failure, Mark, Page, Terminal};

/// Replay, reindex or promote the ledger of a data folder that no process uses, or check the evidence of a fork
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
    /// Make a consortium's ledger of a solo one
    #[command(
        after_help = "A solo ledger and three organisations that join its operator:
  chopmark node init --data ./b --peer-address b.example:26656 --ledger genesis.json --name 'Fruit Co' > b.json
  chopmark ledger promote --data ./data --peer-address a.example:26656 --out ./promotion b.json c.json d.json
  chopmark node join --data ./b --promotion ./promotion/promotion.json --state ./promotion/registry.redb
  chopmark node --data ./b --engine cometbft --p2p-listen 0.0.0.0:26656"
    )]
    Promote(promote::Promote),
    /// Build the read model again from the state and the blocks that the node has
    Reindex(reindex::Reindex),
    /// Check the evidence of a fork: two headers of one height, and who signed both
    Fork {
        /// The file that `did resolve --witness` wrote
        #[arg(value_name = "FILE")]
        evidence: PathBuf,
        /// The pinned trust root
        #[arg(
            long,
            value_name = "FILE",
            default_value = "chopmark-data/trust-root.json"
        )]
        trust_root: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// When the folder is in use or damaged, or a block differs.
pub(crate) async fn run(args: &Args, terminal: &Terminal) -> Result<Done, Failure> {
    match &args.command {
        Command::Reindex(reindex) => reindex.run(terminal).await,
        Command::Replay { data } => replay(data),
        Command::Promote(args) => promote::run(args).await,
        Command::Fork {
            evidence,
            trust_root,
        } => fork(evidence, trust_root),
    }
}

fn fork(evidence: &Path, trust_root: &Path) -> Result<Done, Failure> {
    let root: TrustRoot = read_json(trust_root)?;
    let fork: Fork = read_json(evidence)?;
    let proven = fork.verify(&root).map_err(Failure::refused)?;
    let time = |index: usize| {
        proven
            .times_ms
            .get(index)
            .map(|ms| Timestamp::from_unix_ms(*ms))
    };
    let mut page = Page::new().heading(
        Mark::Bad,
        format!("the ledger forked at height {}", proven.height),
    );
    for (index, hash) in proven.hashes.iter().enumerate() {
        let time = time(index).map(|time| time.to_string()).unwrap_or_default();
        page = page.field("header", format!("{} of {time}", HEXUPPER.encode(hash)));
    }
    let mut both = Vec::new();
    for signer in &proven.signed_both {
        let how = if signer.same_round {
            "signed both in one round"
        } else {
            "signed both, in two rounds"
        };
        page = page.field(&signer.validator, how);
        both.push(json!({"validator": signer.validator, "sameRound": signer.same_round}));
    }
    let hashes: Vec<_> = proven
        .hashes
        .iter()
        .map(|hash| HEXUPPER.encode(hash))
        .collect();
    let value = json!({"height": proven.height, "headers": hashes, "signedBoth": both});
    Ok(Done::new(value, page))
}

pub(crate) fn read_json<T: DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(Failure::usage)?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is malformed", file.display()))
        .map_err(Failure::usage)
}

fn replay(data: &Path) -> Result<Done, Failure> {
    let (genesis, store) = opened(data)?;
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

/// The genesis and the store of a data folder that no process uses, or of a backup; nothing of it is written.
fn opened(data: &Path) -> Result<(LedgerGenesis, Store), Failure> {
    let genesis = std::fs::read(data.join("genesis.json"))
        .with_context(|| format!("cannot read the genesis in {}", data.display()))
        .map_err(Failure::usage)?;
    let genesis = LedgerGenesis::parse(&genesis).map_err(Failure::usage)?;
    let store = Store::open_frozen(&data.join("registry.redb")).map_err(Failure::usage)?;
    Ok((genesis, store))
}
