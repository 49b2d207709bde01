//! `chopmark schema publish`.

use super::{reference, url};
use crate::cli::acting::ActingArgs;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::Context as _;
use chop_credential::Contexts;
use chop_credential::schema::Schema;
use chop_integrity::json::{self, Limits};
use chop_protocol::{Action, PublishSchema, SchemaBody, SchemaKind, SchemaRef};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `chopmark schema publish`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark schema publish inspection@1.0.0 inspection.json --as orchard
  chopmark schema publish orchard-terms@1.1.0 context.json --as orchard

The file holds a JSON Schema of the dialect 2020-12, with $schema and $id, or an object with the one member @context. It refers
to no other document and has at most 64 KiB.")]
pub(super) struct Args {
    /// The name and the version, such as inspection@1.0.0
    #[arg(value_name = "NAME@VERSION", value_parser = reference)]
    schema: SchemaRef,
    /// The document (JSON)
    file: PathBuf,
    #[command(flatten)]
    owner: ActingArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let shown = args.file.display().to_string();
    let (kind, body) = read(&args.file)
        .with_context(|| format!("{shown} cannot be published"))
        .map_err(Failure::usage)?;
    let digest = body.digest();
    let SchemaRef { name, version } = args.schema.clone();
    let action = Action::PublishSchema(Box::new(PublishSchema {
        name,
        version,
        kind,
        body,
    }));
    let (_, height) = args.owner.send(action, terminal).await?;
    let url = url(&args.owner.stack, &digest);
    let page = Page::new()
        .heading(Mark::Good, format!("published {}", args.schema))
        .field("kind", kind.as_str())
        .field("digest", digest)
        .field("URL", &url)
        .field("height", height);
    let value = json!({
        "name": args.schema.name, "version": args.schema.version, "kind": kind,
        "digest": digest, "url": url, "height": height,
    });
    Ok(Done::new(value, page))
}

/// Reads a document, and tries it as issuers and verifiers will: the ledger does not ask whether it works.
fn read(file: &Path) -> anyhow::Result<(SchemaKind, SchemaBody)> {
    let bytes = std::fs::read(file)?;
    let value = json::parse(&bytes, &Limits::CREDENTIAL)?;
    let is_context = value.get("@context").is_some();
    let body = SchemaBody::canonical(&value)?;
    if !is_context {
        Schema::compile(body.text().as_bytes())?;
        return Ok((SchemaKind::JsonSchema, body));
    }
    let tried = "https://context.invalid/";
    let contexts = Arc::new(Contexts::embedded()).extended([(tried, body.text())])?;
    if let Value::Object(document) = json!({"@context": tried}) {
        contexts.check_document(&document)?;
    }
    Ok((SchemaKind::JsonLdContext, body))
}
