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
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use chop_did::ChopDid;
use chop_keys::{PrivateKey, PublicKey};
use chop_proof::LightBlock;
use chop_protocol::LedgerGenesis;
use data_encoding::HEXLOWER;
use thiserror::Error;

mod config;
mod keys;

pub(super) use keys::address;
pub use keys::{last_signed, raise_last_signed};

/// The longest path of a socket that systems take, with a little to spare.
const MAX_SOCKET_PATH: usize = 100;
/// CometBFT's own stores, which it fetches from its peers again when they are gone; what its key signed last is none of them.
const STORES: [&str; 5] = [
    "blockstore.db",
    "state.db",
    "evidence.db",
    "tx_index.db",
    "cs.wal",
];
/// Where CometBFT keeps the chunks of a snapshot that it fetches, in the folder in which it is started.
const CHUNKS: &str = "data/statesync";

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
        "{path} is missing, but the validator's key has been used: without the last height that it signed it may sign twice; `chopmark node backup` and `node restore` give the node a new validator key"
    )]
    NoLastSigned {
        /// The file.
        path: PathBuf,
    },
    /// The key has been used, and its record says that it signed nothing.
    #[error(
        "{path} says that the validator's key has signed nothing, but CometBFT has had the key before: expected the last height that it signed; `chopmark node backup` and `node restore` give the node a new validator key"
    )]
    SignedNothing {
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
    /// The file beside the keystore that lists the keys which CometBFT has had.
    pub(super) used: &'a Path,
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

/// Whether the CometBFT of a folder answers: one whose node was killed lives on for a moment.
///
/// # Errors
/// When the folder cannot be made or read.
pub fn is_running(home: &Path) -> Result<bool, HomeError> {
    let socket = Home::open(home)?.socket("rpc.sock");
    Ok(UnixStream::connect(socket).is_ok())
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
        for folder in ["", "config", "data"].map(|name| path.join(name)) {
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
        self.write_validator(content.validator, content.used)?;
        self.write_node_key(content.node)?;
        let document = config::genesis_document(content.genesis, content.handover);
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
        let is_new = last_signed(&self.path)?.unwrap_or(0) == 0;
        let text = config::config(settings, (heartbeat_ms, is_new), &peers.join(","));
        self.write("config/config.toml", text.as_bytes())
    }

    /// Empties the folder of the chunks that CometBFT fetches: one that was killed leaves them.
    ///
    /// # Errors
    /// When it cannot be removed or made.
    pub(super) fn forget_chunks(&self) -> Result<(), HomeError> {
        let path = self.path.join(CHUNKS);
        let removed = match fs::remove_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        let mut made = fs::DirBuilder::new();
        removed
            .and_then(|()| made.mode(0o700).create(&path))
            .map_err(|source| HomeError::Io { path, source })
    }

    /// Removes CometBFT's own stores, so that it begins anew; what the validator's key signed last stays.
    ///
    /// # Errors
    /// When one cannot be removed.
    pub(super) fn forget_stores(&self) -> Result<(), HomeError> {
        for name in STORES {
            let path = self.path.join("data").join(name);
            match fs::remove_dir_all(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(HomeError::Io { path, source });
                }
                _ => {}
            }
        }
        Ok(())
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

    fn write(&self, name: &str, content: &[u8]) -> Result<(), HomeError> {
        write_whole(&self.path.join(name), content)
    }
}

/// Writes a file (0600) whole or not at all.
fn write_whole(path: &Path, content: &[u8]) -> Result<(), HomeError> {
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
        fs::rename(&temporary, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    written().map_err(|source| HomeError::Io {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
