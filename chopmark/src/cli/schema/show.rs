//! `chopmark schema show`.

use super::{registry, url};
use crate::cli::stack::{StackArgs, read_failure};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_client::{HttpRegistry, schemas};
use chop_protocol::{SchemaName, SchemaRef, SchemaVersion};
use serde_json::{Value, json};

/// Arguments of `chopmark schema show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark schema show inspection                 who owns the name, and its versions
  chopmark schema show inspection@1.0.0           digest, URL, deprecation
  chopmark schema show inspection@1.0.0 --body > inspection.json")]
pub(super) struct Args {
    /// The name, or the name and a version
    #[arg(value_name = "NAME[@VERSION]")]
    schema: String,
    /// Print the document itself
    #[arg(long)]
    body: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let stack = args.stack.connect(terminal)?;
    let registry = registry(&stack).await?;
    if args.schema.contains('@') {
        let named = SchemaRef::parse(&args.schema).map_err(Failure::usage)?;
        let found = version(&registry, &named).await?;
        return if args.body {
            body(&registry, &found).await
        } else {
            one(&found, &args.stack)
        };
    }
    if args.body {
        return Err(Failure::usage(anyhow!(
            "--body takes a version: NAME@VERSION"
        )));
    }
    let name = SchemaName::parse(&args.schema).map_err(Failure::usage)?;
    all(&registry, &name).await
}

async fn version(registry: &HttpRegistry, named: &SchemaRef) -> Result<SchemaVersion, Failure> {
    let read = schemas::version(registry, named).await;
    let read = read.map_err(read_failure)?;
    read.value.ok_or_else(|| {
        Failure::not_found(anyhow!("the ledger proves that there is no schema {named}"))
    })
}

async fn all(registry: &HttpRegistry, name: &SchemaName) -> Result<Done, Failure> {
    let read = schemas::schema(registry, name).await;
    let schema = read.map_err(read_failure)?.value.ok_or_else(|| {
        Failure::not_found(anyhow!("the ledger proves that there is no schema {name}"))
    })?;
    let mut page = Page::new()
        .heading(Mark::Good, format!("{name} is on the ledger, proved"))
        .field("kind", schema.kind.as_str())
        .field("owner", schema.owner);
    let mut versions = Vec::new();
    for number in &schema.versions {
        let named = SchemaRef {
            name: name.clone(),
            version: *number,
        };
        let found = version(registry, &named).await?;
        let note = if found.deprecated.is_some() {
            "  deprecated"
        } else {
            ""
        };
        page = page.field(number.to_string(), format!("{}{note}", found.digest));
        versions.push(found);
    }
    let mut value = serde_json::to_value(&schema).map_err(Failure::internal)?;
    if let Value::Object(members) = &mut value {
        members.insert("versions".to_owned(), json!(versions));
    }
    Ok(Done::new(value, page))
}

fn one(found: &SchemaVersion, stack: &StackArgs) -> Result<Done, Failure> {
    let url = url(stack, &found.digest);
    let mut page = Page::new()
        .heading(
            Mark::Good,
            format!("{}@{} is on the ledger, proved", found.name, found.version),
        )
        .field("kind", found.kind.as_str())
        .field("owner", found.owner)
        .field("published", found.time)
        .field("digest", found.digest)
        .field("size", format!("{} bytes", found.size))
        .field("URL", &url);
    if let Some(deprecation) = &found.deprecated {
        page = page.heading(Mark::Note, format!("deprecated since {}", deprecation.time));
        if let Some(reason) = &deprecation.reason {
            page = page.field("reason", reason);
        }
        if let Some(successor) = &deprecation.replaced_by {
            page = page.field("successor", successor);
        }
    }
    let mut value = serde_json::to_value(found).map_err(Failure::internal)?;
    if let Value::Object(members) = &mut value {
        members.insert("url".to_owned(), json!(url));
    }
    Ok(Done::new(value, page))
}

async fn body(registry: &HttpRegistry, found: &SchemaVersion) -> Result<Done, Failure> {
    let read = schemas::document(registry, &found.digest).await;
    let document = read.map_err(read_failure)?.ok_or_else(|| {
        Failure::internal(anyhow!("the ledger names a document that it does not hold"))
    })?;
    let value: Value = serde_json::from_str(&document.text).map_err(Failure::internal)?;
    Ok(Done::new(value, Page::new().raw(document.text.as_ref())))
}
