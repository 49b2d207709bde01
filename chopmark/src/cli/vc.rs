//! `chopmark vc`: credentials on the command line.

pub(crate) mod batch;
mod bind;
mod decode;
mod derive;
mod disclose;
mod inspect;
pub(crate) mod issue;
mod jose_cose;
mod offline;
mod sd_paths;
mod status;
mod verify;

use super::{Done, Failure, Terminal};
use anyhow::Context as _;
use clap::Subcommand;
use std::io::Read as _;
use std::path::Path;

/// Arguments of `chopmark vc`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark vc issue claim.json --as orchard > credential.json
  chopmark vc issue claim.json --instance lab --status revocation > credential.json
  chopmark vc derive credential.json --reveal /credentialSubject/grade > shown.json
  chopmark vc verify credential.json
  chopmark vc status set credential.json suspended
  chopmark vc inspect credential.json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sign a credential with a key of the key folder, or have a service issue it
    Issue(Box<issue::Args>),
    /// Derive from a credential one that shows some of its claims
    Derive(derive::Args),
    /// Commit to a secret, so that a bbs-2023 credential can be bound to it
    Bind(bind::Args),
    /// Choose what an SD-JWT shows, and bind it to the verifier that asked
    Disclose(disclose::Args),
    /// Judge a credential or presentation: by the service with the ledger's evidence, or offline
    Verify(verify::Args),
    /// Revoke, suspend or reinstate an issued credential, or show its status
    Status(status::Args),
    /// Show what a credential or presentation says, without judging it
    Inspect(inspect::Args),
    /// Secure and verify as the W3C test suite of VC-JOSE-COSE asks for it
    JoseCose(jose_cose::Args),
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Issue(args) => issue::run(&args, terminal).await,
        Command::Derive(args) => derive::run(&args),
        Command::Bind(args) => bind::run(&args),
        Command::Disclose(args) => disclose::run(&args, terminal),
        Command::Verify(args) => verify::run(args, terminal).await,
        Command::Status(args) => status::run(args, terminal).await,
        Command::Inspect(args) => inspect::run(&args),
        Command::JoseCose(args) => jose_cose::run(&args),
    }
}

/// Reads a file, or standard input for `-`, of at most a mebibyte.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    const MOST: u64 = 1024 * 1024;
    let mut bytes = Vec::new();
    let source: Box<dyn std::io::Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let opened =
            std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()));
        Box::new(opened.map_err(Failure::usage)?)
    };
    source
        .take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(Failure::usage)?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::usage(anyhow::anyhow!(
            "{} is larger than a mebibyte",
            file.display()
        )));
    }
    Ok(bytes)
}
