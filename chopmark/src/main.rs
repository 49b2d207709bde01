//! The one binary: registry, issuer and verifier in one process, and the tools around them.

mod bench;
mod cli;
mod ledger;
mod scenario;
mod up;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
