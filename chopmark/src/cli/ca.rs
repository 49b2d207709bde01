//! `chopmark ca`: the consortium's certificate authority, whose word is necessary for the member API and never sufficient.

mod crl;
mod init;
mod issue;
mod show;

use super::keyring::{Keyring, KeyringArgs};
use super::{Done, Failure, Terminal};
use crate::ca::{Authority, KEY};
use anyhow::Context as _;
use chop_keys::PrivateKey;
use clap::Subcommand;
use std::path::PathBuf;
use std::sync::Arc;

/// Arguments of `chopmark ca`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example, from admission to the member API:
  chopmark ca init --trust-root trust-root.json --name 'Fruit consortium'     the authority, once
  chopmark member csr orchard.tls-1 --as orchard --out orchard.csr            the member
  chopmark ca issue orchard.csr --out orchard.pem                             the authority
  chopmark member bind orchard.pem --as orchard                               the member

On a machine without a network the authority is given what the ledger says in a file:
  chopmark member prove orchard.csr --out orchard.proof.json                  anybody
  chopmark ca issue orchard.csr --membership orchard.proof.json               the authority

A certificate opens nothing by itself: nodes take it while its key is bound on the ledger to a live member.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an authority: a root key, encrypted, and its certificate
    Init(init::Args),
    /// Certify the key of a live member's request
    Issue(issue::Args),
    /// Certify the same key again, when two thirds of its certificate's time are over
    Renew(issue::RenewArgs),
    /// Revoke a certificate; the next list says so
    Revoke(crl::RevokeArgs),
    /// Sign the list of revoked certificates, for outsiders
    Crl(crl::Args),
    /// Show the authority and every certificate that it issued
    Show(show::Args),
}

/// Where the authority is and what opens its key.
#[derive(Clone, Debug, clap::Args)]
struct AuthorityArgs {
    /// Folder of the authority
    #[arg(
        long = "ca",
        value_name = "DIR",
        default_value = "chopmark-ca",
        env = "CHOPMARK_CA"
    )]
    folder: PathBuf,
    /// File with the passphrase of the root's key; else `CHOPMARK_PASSPHRASE`, else a prompt
    #[arg(long, value_name = "FILE", env = "CHOPMARK_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
}

impl AuthorityArgs {
    fn keyring(&self) -> KeyringArgs {
        KeyringArgs {
            keys: self.folder.join("keys"),
            passphrase_file: self.passphrase_file.clone(),
        }
    }

    fn authority(&self) -> Result<Authority, Failure> {
        Authority::open(&self.folder).map_err(Failure::usage)
    }

    /// The root's key.
    fn key(&self, terminal: &Terminal) -> Result<Arc<PrivateKey>, Failure> {
        let keyring: Keyring = self.keyring().open(terminal)?;
        keyring.load(KEY)
    }
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Init(args) => init::run(&args, terminal),
        Command::Issue(args) => issue::run(args, terminal).await,
        Command::Renew(args) => issue::renew(args, terminal).await,
        Command::Revoke(args) => crl::revoke(&args),
        Command::Crl(args) => crl::run(&args, terminal),
        Command::Show(args) => show::run(&args),
    }
}

/// Writes what the authority keeps in its folder to another file too, when one is named; the file that people take.
fn written(out: Option<PathBuf>, kept: PathBuf, text: &str) -> Result<PathBuf, Failure> {
    let Some(file) = out else {
        return Ok(kept);
    };
    std::fs::write(&file, text)
        .with_context(|| format!("cannot write {}", file.display()))
        .map_err(Failure::usage)?;
    Ok(file)
}
