//! `chopmark did`: identifiers on the ledger.

pub(super) mod act;
pub(crate) mod batch;
mod bundle;
mod claim;
mod create;
mod document;
mod item;
pub(super) mod keys;
mod log;
mod replace;
mod resolve;
mod update;

use super::keyring::{KeyringArgs, read_names};
use super::stack::StackArgs;
use super::{Done, Failure, Terminal};
use anyhow::anyhow;
use chop_did::ChopDid;
use clap::Subcommand;

/// Arguments of `chopmark did`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark did create --name orchard --class organisation
  chopmark did create --name box-17 --class product --controller orchard
  chopmark did update orchard --service LinkedDomains=https://orchard.example
  chopmark did rotate orchard
  chopmark did resolve orchard --verify

A DID may be given by the name that `create` gave it in the key folder. `create` makes all keys: the update key, the
next update key (committed to by hash), the recovery key and the document's key. Keep a copy of the recovery key elsewhere:
it is the way back when the others are lost or stolen.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a DID and register it
    Create(create::Args),
    /// Show the document of a DID of any supported method, with --verify proved by the ledger
    Resolve(resolve::Args),
    /// Change the document: services, keys, other names
    Update(update::Args),
    /// Replace the update keys by those committed to before
    Rotate(replace::RotateArgs),
    /// Take a DID back with its recovery key: new update keys, a new recovery key
    Recover(replace::RecoverArgs),
    /// Stop a change of the recovery set that still waits
    Veto(act::Args),
    /// End a DID for ever
    Deactivate(act::DeactivateArgs),
    /// List every operation of a DID
    Log(log::Args),
    /// Register items by the million, and put their codes into use or out of it
    Batch(batch::Args),
    /// Claim the code of an item with the secret under its scratch layer
    Claim(claim::Args),
}

/// The DID to act on, the keys to act with, and the service to send to.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Target {
    /// The DID, or its name in the key folder
    #[arg(value_name = "DID|NAME")]
    did: String,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Create(args) => create::run(args, terminal).await,
        Command::Resolve(args) => resolve::run(args, terminal).await,
        Command::Update(args) => update::run(args, terminal).await,
        Command::Rotate(args) => replace::rotate(args, terminal).await,
        Command::Recover(args) => replace::recover(args, terminal).await,
        Command::Veto(args) => act::veto(args, terminal).await,
        Command::Deactivate(args) => act::deactivate(args, terminal).await,
        Command::Log(args) => log::run(args, terminal).await,
        Command::Batch(args) => batch::run(args, terminal).await,
        Command::Claim(args) => claim::run(args, terminal).await,
    }
}

/// Turns a name of the key folder into its DID; what begins with `did:` is one already.
pub(super) fn named(given: &str, keyring: &KeyringArgs) -> Result<String, Failure> {
    if given.starts_with("did:") {
        return Ok(given.to_owned());
    }
    let names = read_names(&keyring.keys)?;
    names.get(given).cloned().ok_or_else(|| {
        Failure::not_found(anyhow!(
            "`{given}` is no DID and no name in {}",
            keyring.keys.display()
        ))
    })
}

/// Reads a DID of this ledger's method, or the name of one.
pub(crate) fn named_chop(given: &str, keyring: &KeyringArgs) -> Result<ChopDid, Failure> {
    ChopDid::parse(&named(given, keyring)?).map_err(Failure::usage)
}
