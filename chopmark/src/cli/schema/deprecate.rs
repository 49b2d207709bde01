//! `chopmark schema deprecate`.

use super::reference;
use crate::cli::acting::ActingArgs;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use chop_protocol::{Action, DeprecateSchema, DeprecationReason, SchemaRef, SchemaTermError};
use serde_json::json;

/// Arguments of `chopmark schema deprecate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark schema deprecate inspection@1.0.0 --as orchard --reason \"grades were renamed\" --replaced-by inspection@2.0.0

A deprecation is final. The document stays, and what was issued under it stays good.")]
pub(super) struct Args {
    /// The version
    #[arg(value_name = "NAME@VERSION", value_parser = reference)]
    schema: SchemaRef,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<DeprecationReason>,
    /// What takes its place: a version of the same kind
    #[arg(long, value_name = "NAME@VERSION", value_parser = reference)]
    replaced_by: Option<SchemaRef>,
    #[command(flatten)]
    owner: ActingArgs,
}

fn reason(text: &str) -> Result<DeprecationReason, SchemaTermError> {
    DeprecationReason::parse(text)
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let SchemaRef { name, version } = args.schema.clone();
    let action = Action::DeprecateSchema(DeprecateSchema {
        name,
        version,
        reason: args.reason,
        replaced_by: args.replaced_by.clone(),
    });
    let (_, height) = args.owner.send(action, terminal).await?;
    let mut page = Page::new().heading(Mark::Good, format!("deprecated {}", args.schema));
    if let Some(successor) = &args.replaced_by {
        page = page.field("successor", successor);
    }
    let value = json!({
        "name": args.schema.name, "version": args.schema.version,
        "replacedBy": args.replaced_by, "height": height,
    });
    Ok(Done::new(value, page.field("height", height)))
}
