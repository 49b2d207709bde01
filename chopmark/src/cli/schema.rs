//! `chopmark schema`: JSON Schemas and JSON-LD contexts on the ledger.

mod deprecate;
mod list;
mod publish;
mod show;

use super::stack::{MAX_AGE_MS, Stack, StackArgs, trust_root};
use super::{Done, Failure, Terminal};
use chop_client::HttpRegistry;
use chop_integrity::Hash;
use chop_protocol::{SchemaRef, SchemaTermError};
use clap::Subcommand;

/// Arguments of `chopmark schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark schema publish inspection@1.0.0 inspection.json --as orchard
  chopmark schema publish orchard-terms@1.0.0 context.json --as orchard
  chopmark schema deprecate inspection@1.0.0 --as orchard --replaced-by inspection@2.0.0
  chopmark schema show inspection
  chopmark schema show inspection@1.0.0 --body > inspection.json

A version never changes. Within a major version a schema only allows more and a context only defines more terms.
Credentials name a document by the URL that `publish` and `show` print; any host serves as well, for the digest decides.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Publish a version; the first one makes the name yours
    Publish(publish::Args),
    /// Say that a version should not be used for new credentials; old ones stay good
    Deprecate(deprecate::Args),
    /// List the schemas of the ledger
    List(list::Args),
    /// Show a schema or one version of it, proved by the ledger
    Show(show::Args),
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Publish(args) => publish::run(args, terminal).await,
        Command::Deprecate(args) => deprecate::run(args, terminal).await,
        Command::List(args) => list::run(args, terminal).await,
        Command::Show(args) => show::run(args, terminal).await,
    }
}

/// The ledger, with every answer proved.
async fn registry(stack: &Stack) -> Result<HttpRegistry, Failure> {
    let genesis = stack.genesis().await?;
    Ok(stack.registry(trust_root(&genesis)?, MAX_AGE_MS))
}

/// The URL under which credentials name a document.
fn url(stack: &StackArgs, digest: &Hash) -> String {
    let base = stack.url.as_str().trim_end_matches('/');
    format!("{base}/schemas/{digest}")
}

/// Reads `name@version` on the command line.
fn reference(text: &str) -> Result<SchemaRef, SchemaTermError> {
    SchemaRef::parse(text)
}
