//! `chopmark up`: registry, issuer and verifier in one process on one port, with embedded stores and a solo ledger.

mod applicant;
mod folder;
mod identity;
pub(crate) mod ledger;
mod member;
mod page;
pub(crate) mod passphrase;
mod peers;
mod proxies;
mod read_model;
mod stack;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use chop_http::server;
use clap::Parser;

use crate::cli::{Done, Failure, Terminal, TrustArgs};
pub(crate) use applicant::{Applicant, operator_of};
pub(crate) use folder::{Folder, Mode, is_in_use, mark_copy, refuse_copy, unmark_copy};
pub(crate) use member::{Candidate, Joined, Member, SYNC, SyncFile, USED_KEYS, trust_root};
pub(crate) use peers::Peers;
pub(crate) use proxies::ProxyArgs;
pub(crate) use read_model::ReadModelArgs;
pub(crate) use stack::{Ledger, MemberApi, Options, READ_MODEL, Stack, keystore};

/// Fewest blocks that a node keeps: what its peers and its clients ask for in a hurry.
pub(crate) const LEAST_KEPT: u64 = 100;

/// Runs a whole stack: registry, issuer and verifier in one process
#[derive(Debug, Parser)]
#[command(
    after_help = "Examples:\n  chopmark up\n  chopmark up --data ./data --listen 127.0.0.1:8400\n  chopmark up --data ./suites --tls-listen 127.0.0.1:8443 --conformance"
)]
pub(crate) struct Args {
    /// The data folder; made at the first start
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// Where to listen for http; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8400")]
    listen: SocketAddr,
    /// Where to listen for https, with a self-signed certificate
    #[arg(long)]
    tls_listen: Option<SocketAddr>,
    /// The base URL under which others reach this stack; the listener's own when absent
    #[arg(long)]
    public_url: Option<url::Url>,
    /// Open everything to conformance suites: loopback only, keys of its own
    #[arg(long)]
    conformance: bool,
    /// The file with the passphrase of the keys
    #[arg(long, env = "CHOPMARK_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
    /// What to log: error, warn, info, debug or directives of tracing
    #[arg(long, env = "CHOPMARK_LOG", default_value = "info")]
    log: String,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    read_model: ReadModelArgs,
    #[command(flatten)]
    proxies: ProxyArgs,
    /// Check every block from genesis before starting
    #[arg(long)]
    replay: bool,
    /// Keep so many blocks and remove older ones; all are kept when absent
    #[arg(long, value_name = "BLOCKS", env = "CHOPMARK_KEEP_BLOCKS", value_parser = clap::value_parser!(u64).range(LEAST_KEPT..))]
    keep_blocks: Option<u64>,
}

/// Runs the stack until SIGTERM or SIGINT.
///
/// # Errors
/// When a folder, a port or a passphrase is wrong.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    terminal.begin_log(&args.log);
    let passphrase = passphrase::given(args.passphrase_file.as_deref()).map_err(Failure::usage)?;
    let options = Options {
        data: args.data,
        listen: args.listen,
        tls_listen: args.tls_listen,
        public_url: args.public_url,
        conformance: args.conformance,
        passphrase,
        trust: args.trust.read()?,
        read_model: args.read_model.place()?,
        proxies: args.proxies.proxies(),
        ledger: Ledger::Solo {
            replay: args.replay,
            keep_blocks: args.keep_blocks,
        },
        members: Vec::new(),
        member_api: None,
    };
    let stack = Stack::start(options).await.map_err(Failure::usage)?;
    // Whoever reads the line may ask it to end at once.
    let asked_to_end = server::shutdown_signal().map_err(Failure::internal)?;
    announce(&stack.base_url()).map_err(Failure::internal)?;
    stack.serve(asked_to_end).await.map_err(Failure::internal)?;
    Ok(Done::silent())
}

/// Prints the one line that scripts wait for.
pub(crate) fn announce(base: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "ready {base}")
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}
