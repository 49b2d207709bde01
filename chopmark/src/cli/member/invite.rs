//! `chopmark member invite`: what a newcomer is handed.

use super::act::{Council, LedgerArgs};
use crate::cli::stack::trust_root;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::Context as _;
use chop_protocol::http::MemberList;
use serde_json::json;
use std::path::PathBuf;

/// Arguments of `chopmark member invite`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file holds the ledger's genesis, whose hash is the ledger's id, the trust root that it makes, where the service is,
and what admission takes. It holds no secret; compare the ledger id by another way than the one it came.")]
pub(super) struct Args {
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let council = Council::open(&args.ledger, terminal).await?;
    let list = council
        .stack
        .get(&["v1", "members"], "the list of members")
        .await?;
    let list: MemberList = serde_json::from_value(list).map_err(Failure::internal)?;
    let genesis = &council.genesis;
    let invitation = json!({
        "ledger": genesis.id(),
        "chainId": genesis.chain_id(),
        "url": args.ledger.stack.url.as_str(),
        "genesis": genesis.terms(),
        "trustRoot": trust_root(genesis)?,
        "governance": list.governance,
    });
    let text = format!("{invitation:#}\n");
    let Some(file) = &args.out else {
        return Ok(Done::new(invitation, Page::new().raw(text.trim_end())));
    };
    std::fs::write(file, text)
        .with_context(|| format!("cannot write {}", file.display()))
        .map_err(Failure::usage)?;
    let page = Page::new()
        .heading(Mark::Good, format!("wrote {}", file.display()))
        .field("ledger", genesis.id())
        .text("The newcomer makes its DID, which a member sponsors:")
        .text(format!(
            "  chopmark did create --name NAME --url {}",
            args.ledger.stack.url
        ))
        .text("and any member proposes it:")
        .text("  chopmark member propose admit DID --name 'NAME'");
    Ok(Done::new(
        json!({"file": file, "ledger": genesis.id()}),
        page,
    ))
}
