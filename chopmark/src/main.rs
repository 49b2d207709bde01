//! The one binary: registry, issuer and verifier in one process, and the tools around them.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
