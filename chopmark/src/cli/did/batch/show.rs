//! `chopmark did batch show`.

use super::{batch_id, registered};
use crate::cli::stack::StackArgs;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_integrity::Hash;
use chop_protocol::http::CodePage;
use serde_json::json;

/// Segments that are shown.
const SHOWN: &str = "100";

/// Arguments of `chopmark did batch show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The batch's id
    #[arg(value_parser = batch_id)]
    batch: Hash,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let stack = args.stack.connect(terminal)?;
    let batch = registered(&stack, &args.batch).await?.ok_or_else(|| {
        Failure::not_found(anyhow!(
            "the ledger proves that it has no batch {}",
            args.batch
        ))
    })?;
    let id = args.batch.to_string();
    let query = [("limit", SHOWN)];
    let codes = stack
        .get_with(&["v1", "batches", &id, "codes"], &query, "the codes")
        .await?;
    let codes: CodePage = serde_json::from_value(codes).map_err(Failure::internal)?;
    let mut page = Page::new()
        .heading(
            Mark::Good,
            format!("proved: a batch of {} items", batch.terms.count),
        )
        .field("controller", batch.terms.controller)
        .field("root", batch.terms.root)
        .field("created", batch.time);
    if let Some(activation) = &batch.terms.activation {
        page = page.field("activation takes", activation);
    }
    for segment in &codes.segments {
        let lot = segment
            .lot
            .as_ref()
            .map_or_else(String::new, |lot| format!(", lot {lot}"));
        let reason = segment.reason.as_ref();
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        page = page.field(
            format!("{}..{}", segment.from, segment.to),
            format!("{}{lot}{reason}", segment.standing.as_str()),
        );
    }
    let page = page.dim(if codes.next.is_some() {
        "There are more segments. The list is the service's word; each item's own is proved by `did resolve --verify`."
    } else {
        "The list is the service's word; each item's own is proved by `did resolve --verify`."
    });
    Ok(Done::new(json!({"batch": batch, "codes": codes}), page))
}
