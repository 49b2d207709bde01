//! `chopmark did log`.

use super::named_chop;
use crate::cli::keyring::KeyringArgs;
use crate::cli::stack::StackArgs;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use chop_protocol::http::LogEntry;
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
    let value = stack
        .get(&["v1", "dids", &did, "log"], &format!("the log of {did}"))
        .await?;
    let entries: Vec<LogEntry> =
        serde_json::from_value(value.clone()).map_err(Failure::internal)?;
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
