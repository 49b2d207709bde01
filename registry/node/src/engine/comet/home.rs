//! CometBFT's folder: configuration, genesis document and keys, written before every start.
//!
//! ```text
//! HOME/abci.sock, rpc.sock                    where the two processes talk
//! HOME/config/config.toml, genesis.json       written anew at every start
//! HOME/config/node_key.json                   names the node to its peers (0600)
//! HOME/config/priv_validator_key.json         signs blocks (0600)
//! HOME/data/priv_validator_state.json         the last height that it signed: never start a key without it
//! HOME/data/…                                 CometBFT's own stores
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chop_did::ChopDid;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer as _};
use chop_proof::build::BLOCK_MAX_BYTES;
use chop_proof::{LightBlock, genesis_time_after};
use chop_protocol::LedgerGenesis;
use chop_protocol::transaction::MAX_BYTES;
use data_encoding::{BASE64, HEXLOWER, HEXUPPER};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

/// The longest path of a socket that systems take, with a little to spare.
const MAX_SOCKET_PATH: usize = 100;
const VALIDATOR_KEY: &str = "config/priv_validator_key.json";
const VALIDATOR_STATE: &str = "data/priv_validator_state.json";

/// How a node finds its peers.
#[derive(Debug, Clone)]
pub struct Peering {
    /// Where it listens for peers.
    pub listen: SocketAddr,
    /// What its peers dial, `host:port`; the listener when absent.
    pub external: Option<String>,
    /// The peers, each `<node id>@<host>:<port>`.
    pub peers: Vec<String>,
    /// Whose nodes are whose, by node id, as far as the members told; what the ledger says goes before it.
    pub members: BTreeMap<String, ChopDid>,
    /// Whether only nodes are let in that are named here or bound by a live member on the ledger.
    pub members_only: bool,
}

/// From whom an empty node takes a snapshot, and the header that leads it to the root which that must have.
#[derive(Debug, Clone)]
pub struct StateSync {
    /// Base URLs of at least two nodes whose headers are compared.
    pub nodes: Vec<url::Url>,
    /// Height of a verified header.
    pub trust_height: u64,
    /// Its hash.
    pub trust_hash: [u8; 32],
}

/// Names why CometBFT's folder cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HomeError {
    /// A file or folder cannot be made, read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds another key.
    #[error("{path} holds another key than the keystore")]
    OtherKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is there, and what it last signed is not.
    #[error(
        "{path} is missing, but the validator's key has been used: without the last height that it signed it may sign twice"
    )]
    NoLastSigned {
        /// The file.
        path: PathBuf,
    },
    /// A key is not Ed25519.
    #[error("CometBFT signs with Ed25519 keys, this one is {found}")]
    KeyType {
        /// The key's curve.
        found: &'static str,
    },
    /// A peer is not written as one.
    #[error("{peer:?} is no peer: it takes <40 hexadecimal digits>@<host>:<port>")]
    Peer {
        /// The text.
        peer: String,
    },
}

/// What a folder is written from.
pub(super) struct Content<'a> {
    pub(super) genesis: &'a LedgerGenesis,
    /// The last header of the solo ledger that this one was.
    pub(super) handover: Option<&'a LightBlock>,
    pub(super) validator: &'a PrivateKey,
    pub(super) node: &'a PrivateKey,
    pub(super) peering: &'a Peering,
}

/// What the configuration is written from, at every start of CometBFT.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) moniker: String,
    pub(super) peering: Peering,
    pub(super) sync: Option<StateSync>,
}

/// CometBFT's folder, ready for a start.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    /// Keeps the folder open: a path through it stays short however deep the folder lies.
    folder: File,
}

/// The name under which a node's peers know it: the first 20 bytes of its key's SHA-256 in hexadecimal digits.
pub fn node_id(key: &PublicKey) -> String {
    HEXLOWER.encode(&address(key))
}

/// Checks that a peer is written `<node id>@<host>:<port>`.
///
/// # Errors
/// When it is not.
pub fn check_peer(peer: &str) -> Result<(), HomeError> {
    let well_formed = peer.split_once('@').is_some_and(|(id, address)| {
        let port = address
            .rsplit_once(':')
            .map(|(host, port)| (host, port.parse::<u16>()));
        id.len() == 40
            && HEXLOWER.decode(id.as_bytes()).is_ok()
            && port.is_some_and(|(host, port)| is_host(host) && port.is_ok_and(|port| port > 0))
    });
    if well_formed {
        Ok(())
    } else {
        Err(HomeError::Peer {
            peer: peer.to_owned(),
        })
    }
}

/// Letters, digits and what stands in names and addresses: nothing that could end a string in the configuration.
fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

impl Home {
    /// Opens the folder, and makes it (0700) when it does not exist.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn open(path: &Path) -> Result<Self, HomeError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| HomeError::Io { path, source }
        };
        for folder in [path.to_owned(), path.join("config"), path.join("data")] {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .map_err(fail(&folder))?;
        }
        Ok(Self {
            path: path.to_owned(),
            folder: File::open(path).map_err(fail(path))?,
        })
    }

    /// Writes the genesis document, and the keys where they are missing.
    ///
    /// # Errors
    /// When a file cannot be written, holds another key, or the record of what was last signed is missing.
    pub(super) fn prepare(&self, content: &Content<'_>) -> Result<(), HomeError> {
        for peer in &content.peering.peers {
            check_peer(peer)?;
        }
        self.write_validator(content.validator)?;
        self.write_node_key(content.node)?;
        let document = genesis_document(content.genesis, content.handover);
        self.write("config/genesis.json", document.to_string().as_bytes())
    }

    /// Writes the configuration, with those of the peers that are not refused.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn configure(
        &self,
        settings: &Settings,
        heartbeat_ms: i64,
        refused: impl Fn(&str) -> bool,
    ) -> Result<(), HomeError> {
        let stays = |peer: &&String| !peer.split_once('@').is_some_and(|(id, _)| refused(id));
        let peers: Vec<_> = settings.peering.peers.iter().filter(stays).collect();
        let peers: Vec<&str> = peers.into_iter().map(String::as_str).collect();
        let text = config(settings, heartbeat_ms, &peers.join(","));
        self.write("config/config.toml", text.as_bytes())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a socket in the folder.
    pub(super) fn socket(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        if path.as_os_str().len() <= MAX_SOCKET_PATH {
            return path;
        }
        PathBuf::from(format!("/proc/self/fd/{}", self.folder.as_raw_fd())).join(name)
    }

    /// The state first: a key without it is refused from then on.
    fn write_validator(&self, key: &PrivateKey) -> Result<(), HomeError> {
        let state = self.path.join(VALIDATOR_STATE);
        if self.path.join(VALIDATOR_KEY).exists() {
            if !state.exists() {
                return Err(HomeError::NoLastSigned { path: state });
            }
        } else if !state.exists() {
            self.write(VALIDATOR_STATE, br#"{"height":"0","round":0,"step":0}"#)?;
        }
        let public = key.public_key();
        let text = Zeroizing::new(
            json!({
                "address": HEXUPPER.encode(&address(public)),
                "pub_key": public_json(public),
                "priv_key": private_json(key)?,
            })
            .to_string(),
        );
        self.write_key(VALIDATOR_KEY, &text)
    }

    fn write_node_key(&self, key: &PrivateKey) -> Result<(), HomeError> {
        let text = Zeroizing::new(json!({"priv_key": private_json(key)?}).to_string());
        self.write_key("config/node_key.json", &text)
    }

    fn write_key(&self, name: &str, text: &str) -> Result<(), HomeError> {
        let path = self.path.join(name);
        match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(found) if found.as_str() == text => Ok(()),
            Ok(_) => Err(HomeError::OtherKey { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.write(name, text.as_bytes())
            }
            Err(source) => Err(HomeError::Io { path, source }),
        }
    }

    /// Writes a file (0600) whole or not at all.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), HomeError> {
        let path = self.path.join(name);
        let temporary = path.with_extension("new");
        let written = || -> io::Result<()> {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            File::open(path.parent().unwrap_or(&self.path))?.sync_all()
        };
        written().map_err(|source| HomeError::Io {
            path: path.clone(),
            source,
        })
    }
}

pub(super) fn address(key: &PublicKey) -> Vec<u8> {
    address_of(key.raw())
}

fn address_of(raw: &[u8]) -> Vec<u8> {
    Sha256::digest(raw).iter().take(20).copied().collect()
}

fn public_json(key: &PublicKey) -> Value {
    json!({"type": "tendermint/PubKeyEd25519", "value": BASE64.encode(key.raw())})
}

/// Go's form of an Ed25519 key: seed and public key.
fn private_json(key: &PrivateKey) -> Result<Value, HomeError> {
    let public = key.public_key();
    if public.key_type() != KeyType::Ed25519 {
        return Err(HomeError::KeyType {
            found: public.key_type().curve(),
        });
    }
    let mut bytes = key.secret_bytes();
    bytes.extend_from_slice(public.raw());
    Ok(json!({"type": "tendermint/PrivKeyEd25519", "value": BASE64.encode(&bytes)}))
}

/// The same for every validator and at every start. After a promotion it begins where the solo ledger ended.
fn genesis_document(genesis: &LedgerGenesis, handover: Option<&LightBlock>) -> Value {
    let terms = genesis.terms();
    let validator = |key: &[u8], power: u64| {
        json!({
            "address": HEXUPPER.encode(&address_of(key)),
            "pub_key": {"type": "tendermint/PubKeyEd25519", "value": BASE64.encode(key)},
            "power": power.to_string(),
            "name": "",
        })
    };
    let (time, height, validators): (_, _, Vec<Value>) = match handover {
        None => {
            let listed = terms.validators.iter();
            let listed = listed.map(|listed| validator(listed.public_key.raw(), listed.power));
            (terms.time, 1, listed.collect())
        }
        Some(last) => {
            let listed = last.next_validators.validators().iter();
            let listed = listed.map(|info| validator(&info.pub_key.to_bytes(), info.power()));
            let time_ms = genesis_time_after(&last.signed_header.header);
            let time = Timestamp::from_unix_ms(time_ms);
            (time, last.height() + 1, listed.collect())
        }
    };
    json!({
        "genesis_time": time,
        "chain_id": genesis.chain_id(),
        "initial_height": height.to_string(),
        "consensus_params": {
            "block": {"max_bytes": BLOCK_MAX_BYTES.to_string(), "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": "1000000",
                "max_age_duration": "1209600000000000",
                "max_bytes": "65536",
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": "1"},
            "abci": {"vote_extensions_enable_height": "0"},
        },
        "validators": validators,
        "app_hash": "",
        "app_state": terms,
    })
}

fn state_sync(sync: Option<&StateSync>) -> String {
    let Some(sync) = sync else {
        return "enable = false".to_owned();
    };
    // A URL's own form holds no quote and no comma that would end its place here.
    let servers: Vec<String> = sync
        .nodes
        .iter()
        .map(|node| format!("{}v1/comet", node.as_str().replace([',', '"'], "")))
        .collect();
    format!(
        r#"enable = true
rpc_servers = "{}"
trust_height = {}
trust_hash = "{}"
trust_period = "720h0m0s"
discovery_time = "5s"
chunk_request_timeout = "10s""#,
        servers.join(","),
        sync.trust_height,
        HEXUPPER.encode(&sync.trust_hash),
    )
}

/// What differs from CometBFT's defaults.
fn config(settings: &Settings, heartbeat_ms: i64, peers: &str) -> String {
    let Peering {
        listen, external, ..
    } = &settings.peering;
    let moniker = &settings.moniker;
    let external = external
        .as_deref()
        .filter(|address| is_host(address))
        .unwrap_or("");
    let sync = state_sync(settings.sync.as_ref());
    format!(
        r#"# Written at every start of the node: changes here are lost.
proxy_app = "unix://abci.sock"
abci = "socket"
moniker = "{moniker}"
db_backend = "goleveldb"
log_level = "error"
log_format = "plain"
genesis_file = "config/genesis.json"
priv_validator_key_file = "config/priv_validator_key.json"
priv_validator_state_file = "data/priv_validator_state.json"
node_key_file = "config/node_key.json"
filter_peers = true

[rpc]
laddr = "unix://rpc.sock"
grpc_laddr = ""
unsafe = false
pprof_laddr = ""

[p2p]
laddr = "tcp://{listen}"
external_address = "{external}"
persistent_peers = "{peers}"
pex = false
addr_book_strict = false
allow_duplicate_ip = true
flush_throttle_timeout = "10ms"
send_rate = 20480000
recv_rate = 20480000

[mempool]
recheck = true
broadcast = true
size = 20000
max_txs_bytes = 67108864
cache_size = 40000
keep-invalid-txs-in-cache = false
max_tx_bytes = {MAX_BYTES}

[statesync]
{sync}

[consensus]
timeout_propose = "1s"
timeout_propose_delta = "500ms"
timeout_prevote = "500ms"
timeout_prevote_delta = "250ms"
timeout_precommit = "500ms"
timeout_precommit_delta = "250ms"
timeout_commit = "200ms"
skip_timeout_commit = true
create_empty_blocks = false
create_empty_blocks_interval = "{heartbeat_ms}ms"
peer_gossip_sleep_duration = "10ms"

[storage]
discard_abci_responses = true

[tx_index]
indexer = "null"

[instrumentation]
prometheus = false
"#
    )
}

#[cfg(test)]
mod tests;
