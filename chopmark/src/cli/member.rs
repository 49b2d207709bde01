//! `chopmark member`: who belongs to the consortium, and how its members decide.

mod act;
mod bind;
mod csr;
mod diff;
mod invite;
mod list;
mod propose;
mod show;
mod vote;

use super::{Done, Failure, Terminal};
pub(super) use act::{Council, LedgerArgs};
use clap::Subcommand;

/// Arguments of `chopmark member`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark member list
  chopmark member propose admit did:chop:… --name 'Fruit Co' --as orchard
  chopmark member vote PROPOSAL yes --as mill
  chopmark member propose set heartbeatMs 30000 --dry-run

Every command that changes something shows first what changes: what the ledger proves to be so now, and what would be.
Without --as the operator of the service acts, which takes the administrator's token.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Propose a change; it counts as the proposer's yes
    Propose(propose::Args),
    /// Say yes or no to a proposal
    Vote(vote::Args),
    /// List the members, the validators and the open proposals
    List(list::Args),
    /// Show a proposal with its votes, each proved and its signature checked
    Show(show::Args),
    /// Make a TLS key and ask for its certificate
    Csr(csr::Args),
    /// Write what proves to an authority without a network that a request is a live member's
    Prove(csr::ProveArgs),
    /// Bind a TLS key to a member, signed by the key and by the member's update keys
    Bind(bind::Args),
    /// End the binding of a TLS key, for ever
    Unbind(bind::EndArgs),
    /// Write what a newcomer needs to ask for admission
    Invite(invite::Args),
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Propose(args) => propose::run(args, terminal).await,
        Command::Vote(args) => vote::run(args, terminal).await,
        Command::List(args) => list::run(args, terminal).await,
        Command::Show(args) => show::run(args, terminal).await,
        Command::Csr(args) => csr::run(&args, terminal),
        Command::Prove(args) => csr::prove(args, terminal).await,
        Command::Bind(args) => bind::run(args, terminal).await,
        Command::Unbind(args) => bind::end(args, terminal).await,
        Command::Invite(args) => invite::run(args, terminal).await,
    }
}
