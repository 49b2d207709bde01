//! Before there is a ledger: keys, the members' candidacies, and the genesis that they make together.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use chop_http::{clock, random};
use chop_integrity::Timestamp;
use chop_protocol::terms::Nonce;
use chop_protocol::{
    ConsortiumTerms, GenesisTerms, LedgerGenesis, MemberName, Parameters, genesis,
};
use clap::Args;
use serde_json::json;
use url::Url;

use super::{sync, take_over};
use crate::cli::{Done, Failure, Mark, Page};
use crate::up::{Applicant, Candidate, Folder, Mode, Peers, keystore, passphrase};

#[derive(Debug, Args)]
pub(super) struct Init {
    /// The data folder; made when it does not exist
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// Where the other validators will find this node, host:port
    #[arg(long)]
    peer_address: String,
    /// The genesis of a solo ledger that this node will help to run: prints an application to its operator
    #[arg(long, value_name = "GENESIS", requires = "name")]
    ledger: Option<PathBuf>,
    /// What people will call the organisation on that ledger
    #[arg(long, requires = "ledger")]
    name: Option<String>,
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
    #[arg(long, required_unless_present = "promotion")]
    genesis: Option<PathBuf>,
    /// What `chopmark ledger promote` wrote of a solo ledger that became a consortium's
    #[arg(long, value_name = "FILE", conflicts_with = "genesis")]
    promotion: Option<PathBuf>,
    /// The state that `chopmark ledger promote` wrote beside it
    #[arg(long, value_name = "FILE", requires = "promotion")]
    state: Option<PathBuf>,
    /// Another validator, ID@HOST:PORT (repeatable)
    #[arg(long = "peer", value_name = "PEER")]
    peers: Vec<String>,
    /// A node to take a snapshot of the state from, instead of executing every block; two or more, whose headers are compared
    #[arg(long, value_name = "URL")]
    state_sync: Vec<Url>,
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
        let value = match (&self.ledger, &self.name) {
            (Some(genesis), Some(name)) => {
                let genesis = read_genesis(genesis)?;
                let name = MemberName::parse(name).map_err(Failure::usage)?;
                let applicant = Applicant::of(&keystore, &candidate, &genesis, name);
                serde_json::to_value(applicant.map_err(Failure::usage)?)
            }
            _ => serde_json::to_value(&candidate),
        };
        let value = value.map_err(Failure::internal)?;
        let text = serde_json::to_string_pretty(&value).map_err(Failure::internal)?;
        Ok(Done::new(value, Page::new().raw(format!("{text}\n"))))
    }
}

impl Found {
    /// Prints the genesis; every member compares its ledger id before it joins.
    pub(super) fn run(&self) -> Result<Done, Failure> {
        let members = candidates(&self.members).map_err(Failure::usage)?;
        let genesis = genesis_of(&members, Parameters::default()).map_err(Failure::usage)?;
        // Nobody could join with these candidacies where two name one node.
        Peers::of(&genesis, &members, &[]).map_err(Failure::usage)?;
        let bytes = genesis.canonical_bytes().map_err(Failure::internal)?;
        let value = serde_json::from_slice(&bytes).map_err(Failure::internal)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Done::new(value, Page::new().raw(format!("{text}\n"))))
    }
}

impl Join {
    /// Takes the genesis and the peers into the folder.
    pub(super) async fn run(&self) -> Result<Done, Failure> {
        let folder = Folder::open(&self.data, Mode::Standard).map_err(Failure::usage)?;
        let members = candidates(&self.members).map_err(Failure::usage)?;
        let genesis = match (&self.genesis, &self.promotion) {
            (Some(genesis), _) => {
                let genesis = read_genesis(genesis)?;
                let known = Peers::of(&genesis, &members, &self.peers).map_err(Failure::usage)?;
                Peers::join(&folder, &genesis, known).map_err(Failure::usage)?;
                genesis
            }
            (None, Some(promotion)) => {
                let others = (members.as_slice(), self.peers.as_slice());
                take_over::run(&folder, promotion, self.state.as_deref(), others)?
            }
            (None, None) => return Err(Failure::usage(anyhow!("a genesis is needed"))),
        };
        if !self.state_sync.is_empty() {
            sync::prepare(&folder, &self.state_sync).await?;
        }
        let value = json!({"ledger": genesis.id(), "chainId": genesis.chain_id()});
        let page = Page::new()
            .heading(Mark::Good, "the folder has joined the ledger")
            .field("ledger", genesis.id())
            .field("chain", genesis.chain_id())
            .text("Compare the ledger's id with the other members' before you start.");
        Ok(Done::new(value, page))
    }
}

fn read_genesis(file: &Path) -> Result<LedgerGenesis, Failure> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(Failure::usage)?;
    LedgerGenesis::parse(text.trim_end().as_bytes()).map_err(Failure::usage)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_genesis_of_members_of_which_one_names_the_others_node() {
        let root = tempfile::tempdir().unwrap();
        let candidate = |name: &str| {
            let folder = Folder::open(&root.path().join(name), Mode::Standard).unwrap();
            let keystore = keystore(&folder, None).unwrap();
            Candidate::of(&folder, &keystore, &format!("{name}.example:1")).unwrap()
        };
        let (a, mut b) = (candidate("a"), candidate("b"));
        let found = |members: [&Candidate; 2]| {
            let file = |(n, member): (usize, &Candidate)| {
                let path = root.path().join(format!("{n}.json"));
                std::fs::write(&path, serde_json::to_vec(member).unwrap()).unwrap();
                path
            };
            let members = members.into_iter().enumerate().map(file).collect();
            Found { members }.run()
        };
        assert!(found([&a, &b]).is_ok());
        b.peer.clone_from(&a.peer);
        let refused = found([&a, &b]).err().unwrap().chain().concat();
        assert!(refused.contains("a node has one member"), "{refused}");
    }
}
