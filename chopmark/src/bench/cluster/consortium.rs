//! What is measured: four validators of four members, as `chopmark localnet` starts them.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use chop_node::engine::comet::Binary;
use url::Url;

use super::super::folder::Folder;
use super::super::load::At;
use super::super::memory;
use super::VALIDATORS;
use super::drive::Door;
use crate::localnet::{Launch, Network, Started};
use crate::scenario::Client;

/// Four nodes in a folder of their own. When it goes, they have ended and the folder is removed.
pub(super) struct Consortium {
    started: Started,
    pub(super) members: Vec<Member>,
    _folder: Folder,
}

/// One of the members, with a connection to its node.
pub(super) struct Member {
    pub(super) client: Arc<Client>,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    folder: PathBuf,
}

/// Bytes on a node's disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Disk {
    /// The node's own.
    pub(super) registry: u64,
    /// CometBFT's.
    pub(super) cometbft: u64,
}

impl Consortium {
    /// Founds a ledger and starts its nodes; `bundle` envelopes go into one transaction at most, the nodes' own default when
    /// absent.
    ///
    /// # Errors
    /// When the folder or the ports cannot be used, or a node does not become ready.
    pub(super) async fn start(binary: &Binary, bundle: Option<usize>) -> anyhow::Result<Self> {
        let folder = Folder::make()?;
        let launch = Launch {
            cometbft: binary.path().to_owned(),
            bundle,
            log: "warn".to_owned(),
        };
        let (network, started) = tokio::task::block_in_place(|| {
            let network = Network::open_or_create(&folder.path().join("consortium"), VALIDATORS)?;
            let started = Started::launch(&network, &launch)?;
            anyhow::Ok((network, started))
        })?;
        let mut consortium = Self {
            started,
            members: Vec::new(),
            _folder: folder,
        };
        consortium.started.until_ready(&network).await?;
        for node in network.nodes() {
            let token = std::fs::read_to_string(node.folder.join("admin.token"))
                .with_context(|| format!("{} has no admin token", node.name))?;
            let token = token.trim_end().to_owned();
            let client = Client::connect(Url::parse(&node.url())?, token.clone()).await?;
            consortium.members.push(Member {
                client: Arc::new(client),
                address: node.listen,
                token,
                folder: node.folder,
            });
        }
        Ok(consortium)
    }

    /// The first of the members.
    ///
    /// # Errors
    /// Never: there are four.
    pub(super) fn first(&self) -> anyhow::Result<&Member> {
        self.members.first().context("the consortium has no member")
    }
}

impl Drop for Consortium {
    fn drop(&mut self) {
        self.started.end();
    }
}

impl Member {
    /// Its node's API.
    pub(super) fn door(&self) -> Door {
        Door {
            at: At::Tcp(self.address),
            commits: None,
        }
    }

    /// What its node takes on the disk now.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(super) fn disk(&self) -> anyhow::Result<Disk> {
        let cometbft = bytes_under(&self.folder.join("cometbft"))?;
        Ok(Disk {
            registry: bytes_under(&self.folder)?.saturating_sub(cometbft),
            cometbft,
        })
    }

    /// The most memory that its node's process ever held, in bytes; CometBFT's is a process of its own.
    ///
    /// # Errors
    /// When the node or the system does not say.
    pub(super) fn peak_memory(&self) -> anyhow::Result<u64> {
        let file = self.folder.join("pid");
        let pid = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        memory::peak(pid.trim())
    }
}

impl Disk {
    /// What came since then.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            registry: self.registry.saturating_sub(before.registry),
            cometbft: self.cometbft.saturating_sub(before.cometbft),
        }
    }
}

/// Bytes that the files under a folder take on the disk. Files come and go while they are counted.
fn bytes_under(folder: &Path) -> anyhow::Result<u64> {
    /// What `st_blocks` counts in.
    const BLOCK: u64 = 512;
    let mut bytes = 0_u64;
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        bytes += if metadata.is_dir() {
            bytes_under(&entry.path())?
        } else {
            metadata.blocks() * BLOCK
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_files_take_in_all_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        assert_eq!(bytes_under(folder.path()).unwrap(), 0);
        for name in ["a", "inner/b"] {
            std::fs::write(folder.path().join(name), vec![7; 10_000]).unwrap();
        }
        let bytes = bytes_under(folder.path()).unwrap();
        assert!((20_000..60_000).contains(&bytes), "{bytes}");
    }
}
