//! The one binary: registry, issuer and verifier in one process, and the tools around them.

mod bench;
mod ca;
mod cli;
mod files;
mod ledger;
mod localnet;
mod node;
mod scenario;
mod trust;
mod up;

use std::process::ExitCode;

/// Judging a credential makes many small, short-lived values on many threads; this allocator makes them in less time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
