//! The floor under this engine: the least that any application on CometBFT does, so that it can be said what ours costs.
//!
//! Only `chopmark bench --cluster` runs it; no node does. It shares with a node what is not under test: CometBFT's process, its
//! configuration and genesis document, and the framing of ABCI.

mod app;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::time::Instant;

use chop_keys::{PrivateKey, Signer as _};
use chop_protocol::LedgerGenesis;
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::abci::Server;
use super::binary::Binary;
use super::home::{Content, Home, Peering, Settings, node_id};
use super::process;
use super::rpc::{Rpc, RpcError};
use super::seeking::{self, Seeking};
use crate::engine::{EngineError, OpenError};

pub use app::{TransactionError, transaction};

/// What is told of the transactions that a block committed, by CometBFT's hashes of them.
pub type Told = Arc<dyn Fn(&[[u8; 32]]) + Send + Sync>;

/// What runs on CometBFT.
#[derive(Clone)]
pub enum FloorApp {
    /// A key-value store in memory that verifies one Ed25519 signature of each [`transaction`], once.
    Signed(Told),
    /// The store that CometBFT brings along, inside its own process; it verifies nothing.
    Kvstore,
}

impl fmt::Debug for FloorApp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Signed(_) => "Signed",
            Self::Kvstore => "Kvstore",
        })
    }
}

/// What a validator of the floor is made of; see [`super::CometConfig`].
pub struct FloorConfig {
    /// CometBFT's folder, made when it does not exist.
    pub home: PathBuf,
    /// The CometBFT to run.
    pub binary: Binary,
    /// Gives the chain id and the validators.
    pub genesis: LedgerGenesis,
    /// Signs blocks.
    pub validator: Arc<PrivateKey>,
    /// Names this node to its peers.
    pub node: Arc<PrivateKey>,
    /// How it finds its peers.
    pub peering: Peering,
}

/// A running validator of the floor. When it goes, its CometBFT has ended.
pub struct Floor {
    child: Child,
    socket: PathBuf,
    rpc: Rpc,
    wanted: Vec<String>,
    seeking: Seeking,
    /// Closed after CometBFT has ended; none where the application is CometBFT's own.
    _server: Option<Server>,
    /// Keeps the folder open that the socket's path may go through.
    _home: Home,
}

impl Floor {
    /// Writes CometBFT's folder as a node does, and starts CometBFT over the application.
    ///
    /// # Errors
    /// When the folder is unusable, or a socket, a thread or the process cannot be made.
    pub fn start(config: FloorConfig, application: FloorApp) -> Result<Self, OpenError> {
        let home = Home::open(&config.home)?;
        home.prepare(&Content {
            genesis: &config.genesis,
            handover: None,
            validator: &config.validator,
            used: &config.home.join("used-keys"),
            node: &config.node,
            peering: &config.peering,
        })?;
        let settings = Settings {
            moniker: node_id(config.node.public_key()),
            peering: config.peering,
            sync: None,
        };
        let heartbeat_ms = config.genesis.terms().parameters.heartbeat_ms;
        home.configure(&settings, heartbeat_ms, |_| false)?;
        let (server, arguments): (_, &[&str]) = match application {
            FloorApp::Signed(told) => {
                let app = Arc::new(app::App::new(told));
                (Some(Server::start(&home.socket("abci.sock"), app)?), &[])
            }
            FloorApp::Kvstore => (None, &["--proxy_app", "kvstore"]),
        };
        let socket = home.socket("rpc.sock");
        let child = process::spawn(&config.binary, &home, arguments)?;
        Ok(Self {
            child,
            rpc: Rpc::at(socket.clone()),
            socket,
            wanted: settings.peering.peers,
            seeking: Seeking::default(),
            _server: server,
            _home: home,
        })
    }

    /// Where CometBFT answers JSON-RPC over HTTP.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// How many peers are connected; `None` while CometBFT does not answer. Has those dialled that for long are not.
    pub fn peers(&mut self) -> Option<usize> {
        let connected = self.rpc.peers().ok()?;
        let missing = seeking::missing(&self.wanted, &connected);
        if self.seeking.look(&missing, Instant::now()) {
            self.rpc.dial(&missing).ok()?;
        }
        Some(connected.len())
    }

    /// Reads the blocks, also after this has gone to another thread.
    pub fn blocks(&self) -> Blocks {
        Blocks(self.rpc.clone())
    }

    /// Says whether CometBFT has ended.
    ///
    /// # Errors
    /// When the process cannot be looked at.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }
}

/// What CometBFT tells of its blocks, where the application tells nobody.
#[derive(Clone, Debug)]
pub struct Blocks(Rpc);

impl Blocks {
    /// The hashes of a block's transactions; `None` before the block is made.
    ///
    /// # Errors
    /// When CometBFT does not answer, or with something else than a block.
    pub fn transactions(&self, height: u64) -> Result<Option<Vec<[u8; 32]>>, EngineError> {
        #[derive(Deserialize)]
        struct Answer {
            block: Block,
        }
        #[derive(Deserialize)]
        struct Block {
            data: Data,
        }
        #[derive(Deserialize)]
        struct Data {
            txs: Vec<String>,
        }
        let failed = |reason: String| EngineError::Consensus { reason };
        let asked = json!({"height": height.to_string()});
        let answer: Answer = match self.0.call("block", &asked) {
            Ok(answer) => answer,
            Err(RpcError::Refused { reason, .. }) if reason.contains("must be less than") => {
                return Ok(None);
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        let hash = |tx: &String| {
            let bytes = BASE64
                .decode(tx.as_bytes())
                .map_err(|error| failed(format!("a transaction of block {height}: {error}")))?;
            Ok(Sha256::digest(&bytes).into())
        };
        let hashes: Result<_, EngineError> = answer.block.data.txs.iter().map(hash).collect();
        hashes.map(Some)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}

impl fmt::Debug for Floor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Floor")
            .field("pid", &self.child.id())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
