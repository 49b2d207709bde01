//! An organisation of a consortium: its candidacy, the ledger that it joined, and its validator.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail, ensure};
use chop_did::{ChopDid, Genesis, LedgerId};
use chop_http::{clock, random};
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer as _};
use chop_keystore::{KeyName, Keystore, KeystoreError};
use chop_node::Operator;
use chop_node::engine::comet::{Binary, Peering, SnapshotConfig, StateSync, check_peer, node_id};
use chop_node::engine::{Comet, CometConfig, Engine};
use chop_node::store::DiskLimit;
use chop_proof::{Handover, TrustRoot};
use chop_protocol::{GenesisValidator, LedgerGenesis};
use data_encoding::HEXUPPER;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::applicant::OWN_VALIDATOR;
use super::folder::Folder;
use super::ledger::{PROMOTED, founder, key};
use crate::ledger::promote::PromotionFile;

/// Envelopes that may wait for their block.
const QUEUE: usize = 8_192;
const MEMBER: &str = "member.json";
const PEERS: &str = "peers.json";
const GENESIS: &str = "genesis.json";
/// Beside the keystore's files: which validator keys CometBFT has had.
const USED_KEYS: &str = "keys/validators.used";
/// From whom an empty folder takes its state.
pub(crate) const SYNC: &str = "sync.json";

/// What an organisation hands to the others before there is a ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Candidate {
    /// Its DID genesis, without a ledger.
    pub founder: Value,
    /// The key that will sign blocks, and its power.
    pub validator: GenesisValidator,
    /// Where its node is found: `<node id>@<host>:<port>`.
    pub peer: String,
}

/// How a folder's node is reached by its peers, and where they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Peers {
    /// The other nodes, each `<node id>@<host>:<port>`.
    pub peers: Vec<String>,
    /// Whose nodes they are, by node id, as far as that was said.
    #[serde(default)]
    pub members: BTreeMap<String, ChopDid>,
}

/// From whom an empty folder takes its state, and the header that the folder's trust root led to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SyncFile {
    /// Base URLs of the nodes.
    pub nodes: Vec<String>,
    /// Height of the header.
    pub trust_height: u64,
    /// Its hash, 64 hexadecimal digits.
    pub trust_hash: String,
}

impl SyncFile {
    fn read(folder: &Folder) -> anyhow::Result<Option<StateSync>> {
        if !folder.has(SYNC) {
            return Ok(None);
        }
        let text = std::fs::read(folder.join(SYNC))?;
        let Self {
            nodes,
            trust_height,
            trust_hash,
        } = serde_json::from_slice(&text).context("sync.json is malformed")?;
        let hash = HEXUPPER.decode(trust_hash.as_bytes())?;
        let trust_hash = hash.try_into();
        let nodes: Result<_, _> = nodes.iter().map(|node| Url::parse(node)).collect();
        Ok(Some(StateSync {
            nodes: nodes?,
            trust_height,
            trust_hash: trust_hash.map_err(|_| anyhow!("sync.json holds no header hash"))?,
        }))
    }
}

/// How a member's validator is started.
#[derive(Debug)]
pub(crate) struct Member {
    /// The CometBFT to run.
    pub binary: Binary,
    /// Where to listen for peers.
    pub p2p_listen: std::net::SocketAddr,
    /// What peers dial, when it is not the listener.
    pub p2p_external: Option<String>,
    /// Peers beside those that the folder knows.
    pub peers: Vec<String>,
    /// Most envelopes in one transaction.
    pub bundle: usize,
    /// Whether unknown nodes are refused.
    pub members_only: bool,
    /// At which heights snapshots are taken.
    pub snapshot_interval: u64,
    /// How many blocks are kept; all when absent.
    pub keep_blocks: Option<u64>,
}

impl Candidate {
    /// The folder's candidacy, made with its keys at the first call; `host` is where its node will be found.
    ///
    /// # Errors
    /// When a key or file cannot be made or read.
    pub(crate) fn of(folder: &Folder, keystore: &Keystore, host: &str) -> anyhow::Result<Self> {
        let [validator, operator, node] = [
            key(keystore, "validator")?,
            key(keystore, "operator")?,
            key(keystore, "node")?,
        ];
        let candidate = Self {
            founder: founder(keystore, operator.public_key())?,
            validator: GenesisValidator {
                public_key: validator.public_key().clone(),
                power: 1,
            },
            peer: format!("{}@{host}", node_id(node.public_key())),
        };
        check_peer(&candidate.peer)?;
        let fresh = serde_json::to_string_pretty(&candidate)?;
        let text = folder.read_or_create(MEMBER, || fresh)?;
        let kept: Self = serde_json::from_str(&text).context("member.json is malformed")?;
        ensure!(
            kept.peer == candidate.peer,
            "the folder was made for a node at {}, not {}",
            kept.peer,
            candidate.peer
        );
        Ok(kept)
    }

    /// Keeps a candidacy that was made elsewhere.
    ///
    /// # Errors
    /// When the file cannot be written or another one is there.
    pub(super) fn keep(
        folder: &Folder,
        founder: Value,
        validator: &PublicKey,
        peer: String,
    ) -> anyhow::Result<()> {
        check_peer(&peer)?;
        let candidate = Self {
            founder,
            validator: GenesisValidator {
                public_key: validator.clone(),
                power: 1,
            },
            peer,
        };
        let fresh = serde_json::to_string_pretty(&candidate)?;
        let text = folder.read_or_create(MEMBER, || fresh.clone())?;
        ensure!(
            text == fresh,
            "the folder was made for another node, see {}",
            folder.join(MEMBER).display()
        );
        Ok(())
    }

    /// Makes a new validator key under a name, and keeps it as the folder's.
    ///
    /// # Errors
    /// When there is a key of that name, or a file cannot be written.
    pub(crate) fn renew_validator(
        folder: &Folder,
        keystore: &Keystore,
        name: &KeyName,
    ) -> anyhow::Result<Self> {
        let mut fill = |buffer: &mut [u8]| random::fill(buffer);
        let made = keystore.generate(name, KeyType::Ed25519, &mut fill)?;
        let mut candidate = Self::read(folder)?;
        candidate.validator.public_key = made.public_key().clone();
        folder.write(MEMBER, &serde_json::to_vec_pretty(&candidate)?)?;
        Ok(candidate)
    }

    /// The DID of the organisation on a ledger.
    ///
    /// # Errors
    /// When the candidacy is malformed.
    pub(crate) fn genesis(&self, ledger: &LedgerId) -> anyhow::Result<Genesis> {
        Ok(Genesis::complete(self.founder.clone(), ledger)?)
    }

    /// The folder's candidacy.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn read(folder: &Folder) -> anyhow::Result<Self> {
        ensure!(
            folder.has(MEMBER),
            "{} is missing: begin with `chopmark node init`",
            folder.join(MEMBER).display()
        );
        let text = std::fs::read(folder.join(MEMBER))?;
        serde_json::from_slice(&text).context("member.json is malformed")
    }
}

impl Peers {
    /// Puts genesis, trust root and the other members' nodes into a folder, and peers of which only the address is known.
    ///
    /// # Errors
    /// When the folder is of another ledger or has no candidacy, or a peer is malformed.
    pub(crate) fn join(
        folder: &Folder,
        genesis: &LedgerGenesis,
        members: &[Candidate],
        more: &[String],
    ) -> anyhow::Result<()> {
        Self::join_under(folder, genesis, &trust_root(genesis)?, members, more)
    }

    /// The same with a trust root that is not that of the genesis: a promoted ledger has other validators.
    ///
    /// # Errors
    /// As [`Peers::join`].
    pub(crate) fn join_under(
        folder: &Folder,
        genesis: &LedgerGenesis,
        root: &TrustRoot,
        members: &[Candidate],
        more: &[String],
    ) -> anyhow::Result<()> {
        let own = Candidate::read(folder)?.peer;
        let id = |peer: &str| peer.split_once('@').map(|(id, _)| id.to_owned());
        let mut others = Self {
            peers: Vec::new(),
            members: BTreeMap::new(),
        };
        for member in members {
            let did = member.genesis(&genesis.id())?.did();
            let node = id(&member.peer).filter(|node| Some(node) != id(&own).as_ref());
            others.members.extend(node.map(|node| (node, did)));
        }
        for peer in members.iter().map(|member| &member.peer).chain(more) {
            check_peer(peer)?;
            if id(peer) != id(&own) {
                others.peers.push(peer.clone());
            }
        }
        let canonical = genesis.canonical_bytes()?;
        let text =
            folder.read_or_create(GENESIS, || String::from_utf8_lossy(&canonical).into_owned())?;
        let kept = LedgerGenesis::parse(text.trim_end().as_bytes())?;
        ensure!(
            kept.id() == genesis.id(),
            "the folder has joined ledger {}, not {}",
            kept.id(),
            genesis.id()
        );
        folder.write("trust-root.json", &serde_json::to_vec_pretty(root)?)?;
        folder.write(PEERS, &serde_json::to_vec_pretty(&others)?)?;
        Ok(())
    }
}

/// What a folder that has joined a ledger holds for its validator.
pub(crate) struct Joined {
    /// The ledger's genesis.
    pub genesis: LedgerGenesis,
    /// Signs blocks.
    pub validator: Arc<PrivateKey>,
    /// Names the node to its peers.
    pub node: Arc<PrivateKey>,
    /// The other nodes.
    pub known: Peers,
    /// CometBFT's folder.
    pub home: PathBuf,
}

impl Joined {
    /// Reads it.
    ///
    /// # Errors
    /// When the folder has joined no ledger, or a file or key is malformed.
    pub(crate) fn read(folder: &Folder, keystore: &Keystore) -> anyhow::Result<Self> {
        ensure!(
            folder.has(GENESIS) && folder.has(PEERS),
            "the folder has joined no ledger: `chopmark node join`"
        );
        let genesis = LedgerGenesis::parse(
            std::fs::read_to_string(folder.join(GENESIS))?
                .trim_end()
                .as_bytes(),
        )
        .context("genesis.json is malformed")?;
        let known: Peers = serde_json::from_slice(&std::fs::read(folder.join(PEERS))?)
            .context("peers.json is malformed")?;
        let validator = Candidate::read(folder)?.validator.public_key;
        Ok(Self {
            genesis,
            validator: validator_key(keystore, &validator)?,
            node: key(keystore, "node")?,
            known,
            home: folder.join("cometbft"),
        })
    }
}

impl Member {
    /// Opens the ledger that the folder has joined, and starts its validator.
    ///
    /// # Errors
    /// When the folder has not joined one, or a key, a file or CometBFT cannot be used.
    pub(super) fn open(
        &self,
        folder: &Folder,
        keystore: &Keystore,
    ) -> anyhow::Result<(Engine, Operator)> {
        let candidate = Candidate::read(folder)?;
        let joined = Joined::read(folder, keystore)?;
        let did = candidate.genesis(&joined.genesis.id())?.did();
        let signer = key(keystore, "operator")?;
        let peers = joined
            .known
            .peers
            .into_iter()
            .chain(self.peers.iter().cloned());
        let config = CometConfig {
            path: folder.join("registry.redb"),
            home: joined.home,
            binary: self.binary.clone(),
            genesis: joined.genesis,
            validator: joined.validator,
            used_keys: folder.join(USED_KEYS),
            node: joined.node,
            peering: Peering {
                listen: self.p2p_listen,
                external: self.p2p_external.clone(),
                peers: peers.collect(),
                members: joined.known.members,
                members_only: self.members_only,
            },
            clock: Arc::new(clock::now_ms),
            queue: QUEUE,
            bundle: self.bundle,
            limit: Arc::new(DiskLimit::none()),
            snapshots: SnapshotConfig {
                folder: folder.join("snapshots"),
                interval: self.snapshot_interval,
            },
            keep_blocks: self.keep_blocks,
            sync: SyncFile::read(folder)?,
            promotion: promotion(folder)?,
        };
        let engine = Comet::open(config).context("cannot open the ledger")?;
        Ok((engine.into(), Operator { did, signer }))
    }
}

/// The key that signs headers for the member of this folder.
///
/// # Errors
/// When the folder has no candidacy, or its keystore does not hold the key.
pub(super) fn validator(folder: &Folder, keystore: &Keystore) -> anyhow::Result<Arc<PrivateKey>> {
    validator_key(keystore, &Candidate::read(folder)?.validator.public_key)
}

/// The folder's validator key: the one that it was made with, or that of an operator whose solo ledger had one of its own.
fn validator_key(keystore: &Keystore, named: &PublicKey) -> anyhow::Result<Arc<PrivateKey>> {
    for name in [OWN_VALIDATOR, "validator"] {
        match keystore.load(&KeyName::parse(name)?) {
            Ok(held) if held.public_key() == named => return Ok(held),
            Ok(_) | Err(KeystoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the keystore does not hold the validator key {named} of member.json")
}

/// How the solo ledger ended that this one was.
fn promotion(folder: &Folder) -> anyhow::Result<Option<Handover>> {
    if !folder.has(PROMOTED) {
        return Ok(None);
    }
    let text = std::fs::read(folder.join(PROMOTED))?;
    let file: PromotionFile =
        serde_json::from_slice(&text).context("promotion.json is malformed")?;
    Ok(Some(file.handover))
}

/// What clients pin: the validators of the genesis.
pub(crate) fn trust_root(genesis: &LedgerGenesis) -> anyhow::Result<TrustRoot> {
    let validators: Vec<_> = genesis
        .terms()
        .validators
        .iter()
        .map(|listed| (listed.public_key.clone(), listed.power))
        .collect();
    Ok(TrustRoot::new(&genesis.id().to_string(), &validators)?)
}
