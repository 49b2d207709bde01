//! Before there is a ledger: keys, the members' candidacies, and the genesis that they make together.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chop_http::{clock, random};
use chop_integrity::Timestamp;
use chop_protocol::terms::Nonce;
use chop_protocol::{ConsortiumTerms, GenesisTerms, LedgerGenesis, Parameters, genesis};
use clap::Args;
use serde_json::json;

use crate::cli::{Done, Failure, Mark, Page};
use crate::up::{Candidate, Folder, Mode, Peers, keystore, passphrase};

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The data folder; made when it does not exist
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// Where the other validators will find this node, host:port
    #[arg(long)]
    peer_address: String,
    /// The file with the passphrase of the keys
    #[arg(long, env = "CHOPMARK_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Found {
    /// What `chopmark node init` printed, of each member
    #[arg(required = true)]
    members: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Join {
    /// The data folder of `chopmark node init`
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// The genesis that the members agreed on
    #[arg(long)]
    genesis: PathBuf,
    /// Another validator, ID@HOST:PORT (repeatable)
    #[arg(long = "peer", value_name = "PEER")]
    peers: Vec<String>,
    /// What `chopmark node init` printed, of each member
    members: Vec<PathBuf>,
}

impl Init {
    /// Makes the keys and prints the candidacy.
    pub(super) fn run(&self) -> Result<Done, Failure> {
        let passphrase =
            passphrase::given(self.passphrase_file.as_deref()).map_err(Failure::usage)?;
        let folder = Folder::open(&self.data, Mode::Standard).map_err(Failure::usage)?;
        let keystore = keystore(&folder, passphrase).map_err(Failure::usage)?;
        let candidate =
            Candidate::of(&folder, &keystore, &self.peer_address).map_err(Failure::usage)?;
        let text = serde_json::to_string_pretty(&candidate).map_err(Failure::internal)?;
        let value = serde_json::to_value(&candidate).map_err(Failure::internal)?;
        Ok(Done::new(value, Page::new().raw(format!("{text}\n"))))
    }
}

impl Found {
    /// Prints the genesis; every member compares its ledger id before it joins.
    pub(super) fn run(&self) -> Result<Done, Failure> {
        let members = candidates(&self.members).map_err(Failure::usage)?;
        let genesis = genesis_of(&members, Parameters::default()).map_err(Failure::usage)?;
        let bytes = genesis.canonical_bytes().map_err(Failure::internal)?;
        let value = serde_json::from_slice(&bytes).map_err(Failure::internal)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Done::new(value, Page::new().raw(format!("{text}\n"))))
    }
}

impl Join {
    /// Takes the genesis and the peers into the folder.
    pub(super) fn run(&self) -> Result<Done, Failure> {
        let folder = Folder::open(&self.data, Mode::Standard).map_err(Failure::usage)?;
        let text = std::fs::read_to_string(&self.genesis)
            .with_context(|| format!("cannot read {}", self.genesis.display()))
            .map_err(Failure::usage)?;
        let genesis = LedgerGenesis::parse(text.trim_end().as_bytes()).map_err(Failure::usage)?;
        let members = candidates(&self.members).map_err(Failure::usage)?;
        let mut peers = self.peers.clone();
        peers.extend(members.into_iter().map(|member| member.peer));
        Peers::join(&folder, &genesis, &peers).map_err(Failure::usage)?;
        let value = json!({"ledger": genesis.id(), "chainId": genesis.chain_id()});
        let page = Page::new()
            .heading(Mark::Good, "the folder has joined the ledger")
            .field("ledger", genesis.id())
            .field("chain", genesis.chain_id())
            .text("Compare the ledger's id with the other members' before you start.");
        Ok(Done::new(value, page))
    }
}

/// The genesis of a ledger that these members found now.
///
/// # Errors
/// When two members share a key, or a candidacy is malformed.
pub(crate) fn genesis_of(
    members: &[Candidate],
    parameters: Parameters,
) -> anyhow::Result<LedgerGenesis> {
    let terms = GenesisTerms {
        chain_version: genesis::CHAIN_VERSION,
        time: Timestamp::from_unix_ms(clock::now_ms()),
        nonce: Nonce::new(random::bytes()),
        validators: members
            .iter()
            .map(|member| member.validator.clone())
            .collect(),
        parameters,
        // Each member runs the validator that it came with.
        consortium: Some(ConsortiumTerms {
            operators: (0..).take(members.len()).collect(),
            governance: None,
        }),
        founders: members
            .iter()
            .map(|member| member.founder.clone())
            .collect(),
    };
    Ok(LedgerGenesis::try_from(terms)?)
}

fn candidates(files: &[PathBuf]) -> anyhow::Result<Vec<Candidate>> {
    files.iter().map(|file| candidate(file)).collect()
}

fn candidate(file: &Path) -> anyhow::Result<Candidate> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what `chopmark node init` prints", file.display()))
}
