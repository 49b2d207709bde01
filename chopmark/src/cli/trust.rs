//! `chopmark trust`: accreditations, and lists of whom an authority accredited for readers of other trust frameworks.

mod accredit;
mod export;
mod folder;
mod serve;
mod shelf;
mod source;

use super::{Done, Failure, Terminal};
use clap::Subcommand;

/// Arguments of `chopmark trust`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark trust accredit lab --type QualityInspection --jurisdiction CN --as ministry
  chopmark trust suspend ACCREDITATION --as ministry
  chopmark trust export --format lote --as ministry --directory names.json --out public
  chopmark trust serve --as ministry --directory names.json --listen 127.0.0.1:8410

A list holds what the ledger proves and nothing else; it is signed with the authority's own key.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let a DID issue credentials of a type
    Accredit(accredit::Args),
    /// Let an accreditation not count until it is reinstated
    Suspend(accredit::EventArgs),
    /// Let a suspended accreditation count again
    Reinstate(accredit::EventArgs),
    /// End an accreditation for ever
    Revoke(accredit::RevokeArgs),
    /// Write and sign the list of those whom an authority accredited
    Export(Box<export::Args>),
    /// Serve the list and the entity statements, proved anew as they age
    Serve(Box<serve::Args>),
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Accredit(args) => accredit::run(args, terminal).await,
        Command::Suspend(args) => accredit::suspend(args, terminal).await,
        Command::Reinstate(args) => accredit::reinstate(args, terminal).await,
        Command::Revoke(args) => accredit::revoke(args, terminal).await,
        Command::Export(args) => export::run(*args, terminal).await,
        Command::Serve(args) => serve::run(*args, terminal).await,
    }
}
