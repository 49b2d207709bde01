//! `chopmark schema`: JSON Schemas and JSON-LD contexts on the ledger.

mod deprecate;
mod list;
mod publish;
mod show;

use super::did::{act, keys, named_chop};
use super::keyring::KeyringArgs;
use super::stack::{MAX_AGE_MS, Stack, StackArgs, trust_root};
use super::{Done, Failure, Terminal};
use chop_client::HttpRegistry;
use chop_http::{clock, random};
use chop_integrity::{Hash, Timestamp};
use chop_protocol::{Action, Envelope, Nonce, SchemaRef, SchemaTermError};
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

/// Who publishes or deprecates.
#[derive(Clone, Debug, clap::Args)]
struct OwnerArgs {
    /// The owner of the name, by DID or name in the key folder
    #[arg(long = "as", value_name = "DID|NAME")]
    owner: String,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

impl OwnerArgs {
    /// Sends one action of the owner, sponsored by the service's operator; answers the height.
    async fn send(&self, action: Action, terminal: &Terminal) -> Result<u64, Failure> {
        let actor = named_chop(&self.owner, &self.keyring)?;
        let stack = self.stack.connect(terminal)?;
        let genesis = stack.genesis().await?;
        let state = stack.state(&actor).await?;
        let keyring = self.keyring.open(terminal)?;
        let held = keys::invoking(&keyring, &state, clock::now_ms())?
            .at_least(1, &format!("acting for {actor}"))?;
        let envelope = Envelope {
            ledger: genesis.id(),
            actor,
            sponsor: stack.operator().await?,
            nonce: Nonce::new(random::bytes()),
            valid_until: Timestamp::from_unix_ms(clock::now_ms() + act::LIFE_MS),
            actions: vec![action],
        };
        let signed = envelope.sign(&held.signers(1)).map_err(Failure::usage)?;
        stack.submit(&signed).await
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
