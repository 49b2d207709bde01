//! `chopmark did batch activate` and `void`.

use super::{ControllerArgs, batch_id, range};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use chop_integrity::Hash;
use chop_protocol::{Action, ActivateCodes, Lot, Note, VoidCodes};
use serde_json::json;

/// Arguments of `chopmark did batch activate`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chopmark did batch activate BATCH 0..5000 --lot L-2026-11 --controller orchard"
)]
pub(super) struct ActivateArgs {
    /// The batch's id
    #[arg(value_parser = batch_id)]
    batch: Hash,
    /// Ordinals, from the first up to, not including, the second
    #[arg(value_name = "FROM..TO", value_parser = range)]
    range: (u32, u32),
    /// The lot that the codes are bound to
    #[arg(long, value_parser = Lot::parse)]
    lot: Lot,
    #[command(flatten)]
    by: ControllerArgs,
}

/// Arguments of `chopmark did batch void`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  chopmark did batch void BATCH 17..18 --reason \"label torn\" --controller orchard\n\nA code that is void stays void."
)]
pub(super) struct VoidArgs {
    /// The batch's id
    #[arg(value_parser = batch_id)]
    batch: Hash,
    /// Ordinals, from the first up to, not including, the second
    #[arg(value_name = "FROM..TO", value_parser = range)]
    range: (u32, u32),
    /// Why, for whoever scans such a code
    #[arg(long, value_parser = Note::parse)]
    reason: Option<Note>,
    #[command(flatten)]
    by: ControllerArgs,
}

pub(super) async fn activate(args: ActivateArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let (from, to) = args.range;
    let action = Action::ActivateCodes(ActivateCodes {
        batch: args.batch,
        from,
        to,
        lot: args.lot.clone(),
    });
    let height = args.by.send(vec![action], terminal).await?;
    let page = Page::new()
        .heading(Mark::Good, format!("activated {} codes", to - from))
        .field("batch", args.batch)
        .field("lot", &args.lot)
        .field("height", height);
    let value =
        json!({"batch": args.batch, "from": from, "to": to, "lot": args.lot, "height": height});
    Ok(Done::new(value, page))
}

pub(super) async fn void(args: VoidArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let (from, to) = args.range;
    let action = Action::VoidCodes(VoidCodes {
        batch: args.batch,
        from,
        to,
        reason: args.reason.clone(),
    });
    let height = args.by.send(vec![action], terminal).await?;
    let page = Page::new()
        .heading(Mark::Good, format!("voided {} codes", to - from))
        .field("batch", args.batch)
        .field("height", height);
    let value = json!({"batch": args.batch, "from": from, "to": to, "height": height});
    Ok(Done::new(value, page))
}
