//! `chopmark did log`.

use super::named_chop;
use crate::cli::keyring::KeyringArgs;
use crate::cli::stack::{Stack, StackArgs};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_protocol::http::{DidLog, LogEntry};
use serde_json::Value;

/// Arguments of `chopmark did log`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  chopmark did log orchard --json > orchard.log.json")]
pub(super) struct Args {
    /// The DID, or its name in the key folder
    #[arg(value_name = "DID|NAME")]
    did: String,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let did = named_chop(&args.did, &args.keyring)?.to_string();
    let stack = args.stack.connect(terminal)?;
    let entries = whole(&stack, &did).await?;
    let value = serde_json::to_value(&entries).map_err(Failure::internal)?;
    let mut page =
        Page::new().heading(Mark::None, format!("{did}: {} operation(s)", entries.len()));
    for entry in &entries {
        let kind = entry
            .operation
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("?");
        page = page.field(
            entry.time.to_string(),
            format!("{kind:<10} {}", entry.version_id),
        );
    }
    Ok(Done::new(value, page))
}

/// Every operation, page by page.
async fn whole(stack: &Stack, did: &str) -> Result<Vec<LogEntry>, Failure> {
    let (segments, what) = (["v1", "dids", did, "log"], format!("the log of {did}"));
    let mut entries = Vec::new();
    let mut from = 0;
    loop {
        let query = [("from", &*from.to_string())];
        let page = stack.get_with(&segments, &query, &what).await?;
        let page: DidLog = serde_json::from_value(page).map_err(Failure::internal)?;
        entries.extend(page.operations);
        match page.next {
            None => return Ok(entries),
            Some(next) if next > from => from = next,
            Some(next) => {
                return Err(Failure::internal(anyhow!(
                    "{what} goes on with version {next} behind version {from}"
                )));
            }
        }
    }
}
