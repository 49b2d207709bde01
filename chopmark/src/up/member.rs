//! An organisation of a consortium: its candidacy, the ledger that it joined, and its validator.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail, ensure};
use chop_did::{Genesis, LedgerId};
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
use super::peers::{PEERS, Peers, peer_id};
use crate::ledger::promote::PromotionFile;

/// Envelopes that may wait for their block.
const QUEUE: usize = 8_192;
const MEMBER: &str = "member.json";
pub(super) const GENESIS: &str = "genesis.json";
/// Beside the keystore's files: which validator keys CometBFT has had.
pub(crate) const USED_KEYS: &str = "keys/validators.used";
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
        if folder.has(MEMBER) {
            let kept = Self::read(folder)?;
            let found = kept.peer.split_once('@').map(|(_, host)| host);
            ensure!(
                found == Some(host),
                "the folder was made for a node at {}, not {host}",
                found.unwrap_or_default()
            );
            return Ok(kept);
        }
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
        candidate.write(folder)?;
        Ok(candidate)
    }

    /// Takes another key of the folder as the node's: peers know it under another id from the next start.
    ///
    /// # Errors
    /// When the folder has no candidacy, the key is none of a node, or the file cannot be written.
    pub(crate) fn with_node_key(
        folder: &Folder,
        name: &str,
        key: &PublicKey,
    ) -> anyhow::Result<Self> {
        ensure!(
            key.key_type() == KeyType::Ed25519,
            "{name} is a {} key, expected {}: CometBFT takes no other as a node's",
            key.key_type(),
            KeyType::Ed25519
        );
        let mut candidate = Self::read(folder)?;
        ensure!(
            candidate.validator.public_key != *key,
            "{name} is the validator's key, expected one that was made for the node"
        );
        let (_, host) = candidate
            .peer
            .split_once('@')
            .context("member.json is malformed")?;
        candidate.peer = format!("{}@{host}", node_id(key));
        candidate.write(folder)?;
        Ok(candidate)
    }

    /// Whether the node goes by this key.
    pub(crate) fn is_node_key(&self, key: &PublicKey) -> bool {
        node_id(key) == peer_id(&self.peer)
    }

    fn write(&self, folder: &Folder) -> anyhow::Result<()> {
        Ok(folder.write(MEMBER, &serde_json::to_vec_pretty(self)?)?)
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
        candidate.write(folder)?;
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
        let candidate = Candidate::read(folder)?;
        Ok(Self {
            genesis,
            validator: validator_key(keystore, &candidate.validator.public_key)?,
            node: node_key(keystore, &candidate)?,
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

/// The folder's node key: the one whose id is in `member.json`.
fn node_key(keystore: &Keystore, candidate: &Candidate) -> anyhow::Result<Arc<PrivateKey>> {
    let held = keystore.list()?;
    let entry = held
        .iter()
        .find(|entry| candidate.is_node_key(&entry.public_key))
        .with_context(|| {
            let id = peer_id(&candidate.peer);
            format!("the keystore does not hold the node key {id} of member.json")
        })?;
    Ok(keystore.load(&entry.name)?)
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
