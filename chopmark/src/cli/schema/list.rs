//! `chopmark schema list`.

use crate::cli::stack::StackArgs;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use chop_protocol::http::SchemaPage;
use serde_json::json;

/// Arguments of `chopmark schema list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark schema list

The service says what there is; nothing proves that its list is complete. `schema show` proves what it shows.")]
pub(super) struct Args {
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let stack = args.stack.connect(terminal)?;
    let mut schemas = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut query = vec![("limit", "200")];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let value = stack
            .get_with(&["v1", "schemas"], &query, "the schemas")
            .await?;
        let page: SchemaPage = serde_json::from_value(value).map_err(Failure::internal)?;
        // A service that stands still would have us ask for ever.
        let more = page
            .after
            .map(|name| name.to_string())
            .filter(|_| !page.schemas.is_empty());
        schemas.extend(page.schemas);
        if more.is_none() || more <= after {
            break;
        }
        after = more;
    }
    let mut page = Page::new().heading(Mark::None, format!("{} schema(s)", schemas.len()));
    for schema in &schemas {
        let last = schema.versions.last().map(ToString::to_string);
        let last = last.unwrap_or_default();
        let line = format!("{last:<10} {:<16} {}", schema.kind.as_str(), schema.owner);
        page = page.field(schema.name.to_string(), line);
    }
    Ok(Done::new(
        json!({"schemas": schemas, "proven": false}),
        page,
    ))
}
