//! `chopmark node`: one member's node of a ledger that several members run.

mod backup;
pub(crate) mod found;
mod register;
mod restore;
mod sync;
mod take_over;
mod use_key;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use chop_http::server;
use chop_http::tls::Identity;
use chop_node::engine::comet::Binary;
use clap::{Parser, Subcommand, ValueEnum};

use crate::cli::{Done, Failure, Terminal, TrustArgs};
use crate::up::{
    LEAST_KEPT, Ledger, Member, MemberApi, Options, ProxyArgs, ReadModelArgs, Stack, announce,
    passphrase,
};

/// Most envelopes that a node puts into one transaction, unless it is told otherwise.
const BUNDLE: usize = 128;

/// Runs one member's node, or prepares one
#[derive(Debug, Parser)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "A ledger of four members:
  chopmark node init --data ./data --peer-address a.example:26656 > a.json     # each, on its own host
  chopmark node genesis a.json b.json c.json d.json > genesis.json             # one of them
  chopmark node join --data ./data --genesis genesis.json a.json b.json c.json d.json
  chopmark node --data ./data --engine cometbft --p2p-listen 0.0.0.0:26656"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a node's keys, and print what the other members need to know of it
    Init(found::Init),
    /// Print the genesis of the ledger that these members found together
    Genesis(found::Found),
    /// Register the organisation of a node's folder on a ledger that it did not found
    Register(register::Register),
    /// Take a genesis and the addresses of the other nodes into the data folder
    Join(found::Join),
    /// Copy the data folder of a node that is stopped, of a solo ledger or a member
    Backup(backup::Backup),
    /// Make a data folder of a backup, in which no key signs a height twice
    Restore(restore::Restore),
    /// Let the node go by another key of its folder
    UseKey(use_key::UseKey),
}

/// Who orders and signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// This process alone
    Solo,
    /// The members' validators, over CometBFT
    Cometbft,
}

#[derive(Debug, clap::Args)]
struct Run {
    /// The data folder
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// Who orders and signs
    #[arg(long, value_enum, default_value = "cometbft")]
    engine: Kind,
    /// Where to listen for http; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8400")]
    listen: SocketAddr,
    /// Where to listen for https, with a self-signed certificate
    #[arg(long)]
    tls_listen: Option<SocketAddr>,
    /// The base URL under which others reach this node; the listener's own when absent
    #[arg(long)]
    public_url: Option<url::Url>,
    /// Where to listen for the other validators
    #[arg(long, default_value = "127.0.0.1:26656")]
    p2p_listen: SocketAddr,
    /// What the other validators dial, host:port; the listener when absent
    #[arg(long)]
    p2p_external: Option<String>,
    /// Base URL of another member's node, with which this one exchanges the leaves of batches (repeatable)
    #[arg(long = "member-url", value_name = "URL")]
    members: Vec<url::Url>,
    /// Another validator, ID@HOST:PORT, beside those of `node join` (repeatable)
    #[arg(long = "peer", value_name = "PEER")]
    peers: Vec<String>,
    /// Let in only nodes that are named here or in `node join`, or whose node key a live member has bound
    #[arg(long)]
    members_only: bool,
    /// The cometbft to run; looked for in PATH and where `go install` puts it when absent
    #[arg(long, env = "CHOPMARK_COMETBFT")]
    cometbft: Option<PathBuf>,
    /// Most envelopes that this node puts into one transaction; 1 puts each into its own
    #[arg(long, default_value_t = BUNDLE)]
    bundle: usize,
    /// Take a snapshot of the state, for nodes that join, at every height that this divides; 0 takes none
    #[arg(long, env = "CHOPMARK_SNAPSHOT_INTERVAL", default_value_t = 1_000)]
    snapshot_interval: u64,
    /// Keep so many blocks and remove older ones; an archive node, which this is when absent, keeps all
    #[arg(long, value_name = "BLOCKS", env = "CHOPMARK_KEEP_BLOCKS", value_parser = clap::value_parser!(u64).range(LEAST_KEPT..))]
    keep_blocks: Option<u64>,
    /// The file with the passphrase of the keys
    #[arg(long, env = "CHOPMARK_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    member_api: MemberArgs,
    /// What to log: error, warn, info, debug or directives of tracing
    #[arg(long, env = "CHOPMARK_LOG", default_value = "info")]
    log: String,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    read_model: ReadModelArgs,
    #[command(flatten)]
    proxies: ProxyArgs,
}

/// Where members' programs are received, with certificates of the consortium's authority.
#[derive(Debug, clap::Args)]
struct MemberArgs {
    /// Where to listen for members' programs, over TLS with their certificates
    #[arg(
        id = "member_listen",
        long = "member-listen",
        value_name = "ADDR",
        requires = "member_ca"
    )]
    listen: Option<SocketAddr>,
    /// The certificate of the consortium's authority: ca.pem of `chopmark ca init`
    #[arg(
        id = "member_ca",
        long = "member-ca",
        value_name = "FILE",
        requires = "member_listen"
    )]
    authority: Option<PathBuf>,
    /// The certificate that this node shows to members, PEM, leaf first; self-signed when absent
    #[arg(id = "member_cert", long = "member-cert", value_name = "FILE", requires_all = ["member_key", "member_listen"])]
    certificate: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(
        id = "member_key",
        long = "member-key",
        value_name = "FILE",
        requires = "member_cert"
    )]
    key: Option<PathBuf>,
}

impl MemberArgs {
    fn read(self) -> anyhow::Result<Option<MemberApi>> {
        let (Some(listen), Some(authority)) = (self.listen, self.authority) else {
            return Ok(None);
        };
        let text = |file: &Path| {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
        };
        let identity = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some(Identity {
                certificate: text(&certificate)?,
                key: text(&key)?,
            }),
            _ => None,
        };
        Ok(Some(MemberApi {
            listen,
            authority: text(&authority)?,
            identity,
        }))
    }
}

/// Runs or prepares a node.
///
/// # Errors
/// When a folder, a port, a passphrase, a file or CometBFT is wrong or missing.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Some(Command::Init(init)) => init.run(),
        Some(Command::Genesis(found)) => found.run(),
        Some(Command::Register(register)) => register.run(terminal).await,
        Some(Command::Join(join)) => join.run().await,
        Some(Command::Backup(backup)) => backup.run(),
        Some(Command::Restore(restore)) => restore.run().await,
        Some(Command::UseKey(use_key)) => use_key.run(),
        None => serve(args.run, terminal).await,
    }
}

async fn serve(run: Run, terminal: &Terminal) -> Result<Done, Failure> {
    terminal.begin_log(&run.log);
    let pid = run.data.join("pid");
    let stack = Stack::start(options(run)?).await.map_err(Failure::usage)?;
    std::fs::write(&pid, format!("{}\n", std::process::id())).map_err(Failure::usage)?;
    let asked_to_end = server::shutdown_signal().map_err(Failure::internal)?;
    let (engine, base) = (stack.engine().clone(), stack.base_url());
    let ended = engine.clone();
    tokio::spawn(async move {
        if engine.until_ready().await
            && let Err(error) = announce(&base)
        {
            tracing::error!(%error, "nobody hears that the node is ready");
        }
    });
    let mut has_failed = false;
    let end = async {
        tokio::select! {
            () = asked_to_end => {}
            () = ended.until_stopped() => has_failed = true,
        }
    };
    stack.serve(end).await.map_err(Failure::internal)?;
    let _removed = std::fs::remove_file(&pid);
    if has_failed {
        return Err(Failure::internal(anyhow!(
            "the ledger's engine stopped; the log says why"
        )));
    }
    Ok(Done::silent())
}

fn options(run: Run) -> Result<Options, Failure> {
    let ledger = match run.engine {
        Kind::Solo => Ledger::Solo {
            replay: false,
            keep_blocks: run.keep_blocks,
        },
        Kind::Cometbft => Ledger::Member(Member {
            binary: run
                .cometbft
                .map_or_else(Binary::find, Binary::at)
                .map_err(Failure::usage)?,
            p2p_listen: run.p2p_listen,
            p2p_external: run.p2p_external,
            peers: run.peers,
            bundle: run.bundle,
            members_only: run.members_only,
            snapshot_interval: run.snapshot_interval,
            keep_blocks: run.keep_blocks,
        }),
    };
    Ok(Options {
        data: run.data,
        listen: run.listen,
        tls_listen: run.tls_listen,
        public_url: run.public_url,
        conformance: false,
        passphrase: passphrase::given(run.passphrase_file.as_deref()).map_err(Failure::usage)?,
        trust: run.trust.read()?,
        read_model: run.read_model.place()?,
        proxies: run.proxies.proxies(),
        ledger,
        members: run.members,
        member_api: run.member_api.read().map_err(Failure::usage)?,
    })
}
