//! The folder of a local consortium.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use chop_http::{clock, random};
use chop_keystore::KeyName;
use chop_protocol::Parameters;
use serde::{Deserialize, Serialize};

use crate::ca;
use crate::node::found::genesis_of;
use crate::up::{Candidate, Folder, Mode, Peers, keystore};

const FILE: &str = "localnet.json";
const AUTHORITY: &str = "ca";

/// Where a node listens.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Addresses {
    listen: SocketAddr,
    p2p: SocketAddr,
    /// For members' programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    members: Option<SocketAddr>,
}

/// A local consortium.
#[derive(Debug)]
pub(crate) struct Network {
    path: PathBuf,
    addresses: Vec<Addresses>,
}

/// One of its nodes.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) p2p: SocketAddr,
    pub(crate) members: Option<SocketAddr>,
}

impl Node {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listen)
    }
}

impl Network {
    /// Opens a folder that was made before.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = path.join(FILE);
        let text = fs::read(&file)
            .with_context(|| format!("there is no consortium in {}", path.display()))?;
        let addresses: Vec<Addresses> = serde_json::from_slice(&text)
            .with_context(|| format!("{} is malformed", file.display()))?;
        Ok(Self {
            path: path.to_owned(),
            addresses,
        })
    }

    /// Opens the folder, or founds a ledger of so many members in it. The file with the addresses comes last, so a start
    /// that was cut short is taken up again.
    pub(crate) fn open_or_create(path: &Path, validators: u16) -> anyhow::Result<Self> {
        if path.join(FILE).exists() {
            let network = Self::open(path)?;
            ensure!(
                network.addresses.len() == usize::from(validators),
                "the consortium in {} has {} validators, not {validators}",
                path.display(),
                network.addresses.len()
            );
            return Ok(network);
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        let network = Self {
            path: path.to_owned(),
            addresses: free_addresses(usize::from(validators))?,
        };
        network.found()?;
        let temporary = path.join(".localnet.new");
        fs::write(&temporary, serde_json::to_vec_pretty(&network.addresses)?)?;
        fs::rename(&temporary, path.join(FILE))?;
        Ok(network)
    }

    /// The nodes, in their order.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        let node = |(index, addresses): (usize, &Addresses)| {
            let name = format!("node{index}");
            Node {
                folder: self.path.join(&name),
                name,
                listen: addresses.listen,
                p2p: addresses.p2p,
                members: addresses.members,
            }
        };
        self.addresses.iter().enumerate().map(node).collect()
    }

    /// The base URLs of the nodes, in their order.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes().iter().map(Node::url).collect()
    }

    fn found(&self) -> anyhow::Result<()> {
        let mut folders = Vec::new();
        let mut members = Vec::new();
        for node in self.nodes() {
            // What an earlier start left unfinished holds nothing yet, and its addresses are no longer these.
            if node.folder.exists() {
                fs::remove_dir_all(&node.folder)
                    .with_context(|| format!("cannot remove {}", node.folder.display()))?;
            }
            let folder = Folder::open(&node.folder, Mode::Standard)?;
            let keystore = keystore(&folder, None)?;
            members.push(Candidate::of(&folder, &keystore, &node.p2p.to_string())?);
            folders.push(folder);
        }
        let genesis = genesis_of(&members, Parameters::default())?;
        for folder in &folders {
            Peers::join(folder, &genesis, Peers::of(&genesis, &members, &[])?)?;
        }
        fs::write(self.path.join("genesis.json"), genesis.canonical_bytes()?)?;
        if let Some(folder) = folders.first() {
            fs::copy(
                folder.join("trust-root.json"),
                self.path.join("trust-root.json"),
            )?;
        }
        self.found_authority()
    }

    /// The certificate of the consortium's authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.path.join(AUTHORITY).join("ca.pem")
    }

    /// An authority, whose passphrase lies beside it like those of the nodes.
    fn found_authority(&self) -> anyhow::Result<()> {
        let path = self.path.join(AUTHORITY);
        if path.exists() {
            fs::remove_dir_all(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
        }
        let folder = Folder::open(&path, Mode::Standard)?;
        let keystore = keystore(&folder, None)?;
        let key = keystore.generate(&KeyName::parse(ca::KEY)?, ca::KEY_TYPE, &mut random::fill)?;
        let text = fs::read(self.path.join("trust-root.json"))?;
        let founding = ca::Founding {
            name: "localnet",
            trust_root: &serde_json::from_slice(&text)?,
            crl_url: None,
            days: 3650,
        };
        drop(folder);
        ca::Authority::found(&path, &key, &founding, clock::now_ms())?;
        Ok(())
    }
}

/// Ports that nobody listens on now, three for each node.
fn free_addresses(nodes: usize) -> anyhow::Result<Vec<Addresses>> {
    let mut held = Vec::new();
    let mut free = || -> anyhow::Result<SocketAddr> {
        let socket = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        let address = socket.local_addr()?;
        held.push(socket);
        Ok(address)
    };
    let mut addresses = Vec::new();
    for _ in 0..nodes {
        addresses.push(Addresses {
            listen: free()?,
            p2p: free()?,
            members: Some(free()?),
        });
    }
    Ok(addresses)
}
