//! The command line: what can be asked, how the answer looks, and with which code the process ends.

mod acting;
mod anchors;
mod ca;
pub(crate) mod did;
pub(crate) mod failure;
mod key;
pub(crate) mod keyring;
mod member;
mod schema;
pub(crate) mod stack;
pub(crate) mod terminal;
mod trust;
pub(crate) mod vc;

pub(crate) use anchors::{TrustArgs, trust_anchors};
pub(crate) use failure::Failure;
pub(crate) use terminal::{Done, Mark, Page, Terminal};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use std::io::Write as _;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Examples:
  chopmark did create --name orchard --class organisation
  chopmark did resolve did:chop:… --verify
  chopmark vc issue --as orchard claim.json > credential.json
  chopmark vc verify credential.json

Exit codes:
  0  done; the credential or proof holds
  1  refused: the ledger refused the operation, or the credential or proof does not hold
  2  usage: an argument, a file or a passphrase is missing or wrong
  3  not found: no such DID, key, instance or transaction
  4  cannot reach the service, or it has not decided yet
  5  internal: the service or this program failed

With --json, standard output is one JSON document, also for a failure: {\"error\":{\"kind\",\"message\",\"causes\"}}.
Colours appear on a terminal only, and not when NO_COLOR is set.";

/// Chopmark: identifiers, credentials and the ledger that proves them.
#[derive(Debug, Parser)]
#[command(name = "chopmark", version, about, after_help = AFTER_HELP, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(crate::up::Args),
    Node(Box<crate::node::Args>),
    Localnet(crate::localnet::Args),
    Scenario(crate::scenario::Args),
    Bench(crate::bench::Args),
    Ledger(crate::ledger::Args),
    /// Make, list and export keys of the encrypted key folder
    Key(key::Args),
    /// Create, resolve, change and end DIDs on the ledger
    Did(did::Args),
    /// Propose and vote on members, validators and parameters; list them
    Member(member::Args),
    /// Run the consortium's certificate authority: certify TLS keys of members
    Ca(ca::Args),
    /// Publish, deprecate and show JSON Schemas and JSON-LD contexts of the ledger
    Schema(schema::Args),
    /// Accredit issuers, and publish whom an authority accredited, as other trust frameworks write it
    Trust(trust::Args),
    /// Issue, verify and inspect credentials
    Vc(vc::Args),
    /// Print the completions of a shell, to be sourced
    #[command(after_help = "Example:\n  source <(chopmark completions bash)")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Reads the arguments, runs the command, prints its answer and says how it ended.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::detect(cli.json);
    let outcome = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(dispatch(cli.command, &terminal)),
        Err(error) => Err(Failure::internal(error)),
    };
    terminal.finish(outcome)
}

async fn dispatch(command: Command, terminal: &Terminal) -> Result<Done, Failure> {
    match command {
        Command::Up(args) => crate::up::run(args, terminal).await,
        Command::Node(args) => crate::node::run(*args, terminal).await,
        Command::Localnet(args) => crate::localnet::run(args, terminal).await,
        Command::Ledger(args) => crate::ledger::run(&args, terminal).await,
        Command::Bench(args) => crate::bench::run(args, terminal).await,
        Command::Scenario(args) => crate::scenario::run(args, terminal).await,
        Command::Key(args) => key::run(args, terminal),
        Command::Did(args) => did::run(args, terminal).await,
        Command::Member(args) => member::run(args, terminal).await,
        Command::Ca(args) => ca::run(args, terminal).await,
        Command::Schema(args) => schema::run(args, terminal).await,
        Command::Trust(args) => trust::run(args, terminal).await,
        Command::Vc(args) => vc::run(args, terminal).await,
        Command::Completions { shell } => completions(shell),
    }
}

fn completions(shell: Shell) -> Result<Done, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "chopmark", &mut script);
    std::io::stdout()
        .write_all(&script)
        .map_err(Failure::internal)?;
    Ok(Done::silent())
}

#[cfg(test)]
mod tests;
