//! `chopmark did batch`: many items in one transaction, and the life of their codes.

mod change;
mod create;
mod items;
pub(crate) mod prepare;
mod rows;
mod secrets;
mod show;

pub(crate) use create::Order;

use super::act::{LIFE_MS, submit};
use super::{keys, named_chop};
use crate::cli::keyring::KeyringArgs;
use crate::cli::stack::{MAX_AGE_MS, Stack, StackArgs, read_failure, trust_root};
use crate::cli::{Done, Failure, Terminal};
use chop_client::{Proven, Registry as _};
use chop_http::clock;
use chop_integrity::Hash;
use chop_protocol::{Action, Batch, keys as state};
use clap::Subcommand;

/// Arguments of `chopmark did batch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark did batch create --template crate.json --items crates.csv --controller orchard --secrets
  chopmark did batch secrets crates.csv.batch --base-url https://id.example/ --out labels.csv
  chopmark did batch activate BATCH 0..5000 --lot L-2026-11 --controller orchard
  chopmark did batch void BATCH 17..18 --reason \"label torn\" --controller orchard
  chopmark did batch show BATCH

Items are numbered from 0 in the order of the file: these ordinals are what ranges count, from the first up to, not including, the
second. A batch is born reserved: `activate` puts its codes into use.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register up to a million items in one transaction; run it again to take up where it stopped
    Create(create::Args),
    /// Put a range of codes into use, and bind it to a lot
    Activate(change::ActivateArgs),
    /// Take a range of codes out of use, for ever
    Void(change::VoidArgs),
    /// Show a batch, proved, and where its codes stand
    Show(show::Args),
    /// Write what the printer needs: each item's URL with the secret behind its #
    Secrets(secrets::Args),
}

/// Who controls the items, and the service to send to.
#[derive(Clone, Debug, clap::Args)]
struct ControllerArgs {
    /// The DID whose keys act for the items, or its name in the key folder
    #[arg(long, value_name = "DID|NAME")]
    controller: String,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Create(args) => create::run(args, terminal).await,
        Command::Activate(args) => change::activate(args, terminal).await,
        Command::Void(args) => change::void(args, terminal).await,
        Command::Show(args) => show::run(args, terminal).await,
        Command::Secrets(args) => secrets::run(&args, terminal),
    }
}

impl ControllerArgs {
    /// Sends actions of the controller, sponsored by the service's operator; answers the height.
    async fn send(&self, actions: Vec<Action>, terminal: &Terminal) -> Result<u64, Failure> {
        let actor = named_chop(&self.controller, &self.keyring)?;
        let stack = self.stack.connect(terminal)?;
        let state = stack.state(&actor).await?;
        let keyring = self.keyring.open(terminal)?;
        let held = keys::invoking(&keyring, &state, clock::now_ms())?
            .at_least(1, &format!("acting for {actor}"))?;
        submit(&stack, actor, actions, &held.signers(1)).await
    }
}

/// Reads the record of a batch, proved against the genesis; `None` when the ledger proves that it has none.
async fn registered(stack: &Stack, id: &Hash) -> Result<Option<Batch>, Failure> {
    let root = trust_root(&stack.genesis().await?)?;
    let registry = stack.registry(root, MAX_AGE_MS);
    let read = registry.read(&state::batch(id)).await;
    let batch: Proven<Option<Batch>> = read.and_then(Proven::parse).map_err(read_failure)?;
    Ok(batch.value)
}

/// Reads a batch's id on the command line.
pub(super) fn batch_id(text: &str) -> Result<Hash, String> {
    text.parse()
        .map_err(|error| format!("a batch's id is 52 characters of base32: {error}"))
}

/// Reads `FROM..TO` on the command line.
fn range(text: &str) -> Result<(u32, u32), String> {
    let ends = text
        .split_once("..")
        .map(|(from, to)| (from.parse(), to.parse()));
    match ends {
        Some((Ok(from), Ok(to))) if from < to => Ok((from, to)),
        _ => Err(
            "a range is FROM..TO, ordinals from the first up to, not including, the second"
                .to_owned(),
        ),
    }
}
