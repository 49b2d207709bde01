//! What it is measured against: the same CometBFT, under the same configuration, with next to nothing on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use chop_node::engine::comet::floor::{Floor, FloorApp, FloorConfig};
use chop_node::engine::comet::{Binary, Peering};

use super::super::folder::Folder;
use super::super::load::At;
use super::VALIDATORS;
use super::commits::{Commits, Follower};
use super::drive::Door;
use crate::localnet::{Network, Node};
use crate::up::{self, Joined, Mode};

/// How long the validators get to find one another.
const START: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One signature is verified of each transaction.
    Signed,
    /// `cometbft start --proxy_app=kvstore`.
    Kvstore,
}

/// Four validators of the floor in a folder of their own. When it goes, they have ended and the folder is removed.
pub(super) struct Yardstick {
    floors: Vec<Floor>,
    doors: Vec<Door>,
    follower: Option<Follower>,
    _folder: Folder,
}

impl Yardstick {
    /// Starts the validators and waits until all know one another.
    ///
    /// # Errors
    /// When a folder or port cannot be used, or CometBFT does not start.
    pub(super) async fn start(binary: &Binary, kind: Kind) -> anyhow::Result<Self> {
        let folder = Folder::make()?;
        let mut yardstick = tokio::task::block_in_place(|| Self::launch(binary, kind, folder))?;
        let since = Instant::now();
        while !tokio::task::block_in_place(|| yardstick.is_connected())? {
            if since.elapsed() > START {
                bail!(
                    "CometBFT's validators did not find one another in {} s",
                    START.as_secs()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(yardstick)
    }

    /// CometBFT's own RPC, of each validator.
    pub(super) fn doors(&self) -> &[Door] {
        &self.doors
    }

    fn launch(binary: &Binary, kind: Kind, folder: Folder) -> anyhow::Result<Self> {
        let network = Network::open_or_create(&folder.path().join("yardstick"), VALIDATORS)?;
        let mut yardstick = Self {
            floors: Vec::new(),
            doors: Vec::new(),
            follower: None,
            _folder: folder,
        };
        let shared = Arc::new(Commits::default());
        for node in network.nodes() {
            let (commits, application) = match kind {
                Kind::Signed => {
                    let own = Arc::new(Commits::default());
                    let telling = Arc::clone(&own);
                    let told = move |hashes: &[[u8; 32]]| telling.settle(hashes);
                    (own, FloorApp::Signed(Arc::new(told)))
                }
                Kind::Kvstore => (Arc::clone(&shared), FloorApp::Kvstore),
            };
            let floor = Floor::start(config(binary, &node)?, application)?;
            yardstick.doors.push(Door {
                at: At::Unix(floor.socket().to_owned()),
                commits: Some(commits),
            });
            yardstick.floors.push(floor);
        }
        if let (Kind::Kvstore, Some(floor)) = (kind, yardstick.floors.first()) {
            yardstick.follower = Some(Follower::start(floor.blocks(), shared)?);
        }
        Ok(yardstick)
    }

    fn is_connected(&mut self) -> anyhow::Result<bool> {
        let others = self.floors.len().saturating_sub(1);
        for floor in &mut self.floors {
            ensure!(!floor.has_ended()?, "CometBFT ended while it started");
            if floor.peers() != Some(others) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for Yardstick {
    fn drop(&mut self) {
        drop(self.follower.take());
        for commits in self.doors.iter().filter_map(|door| door.commits.as_ref()) {
            commits.close();
        }
    }
}

/// A member's folder as `chopmark localnet` makes it, for its validator alone.
fn config(binary: &Binary, node: &Node) -> anyhow::Result<FloorConfig> {
    let folder = up::Folder::open(&node.folder, Mode::Standard)?;
    let joined = Joined::read(&folder, &up::keystore(&folder, None)?)?;
    Ok(FloorConfig {
        home: joined.home,
        binary: binary.clone(),
        genesis: joined.genesis,
        validator: joined.validator,
        node: joined.node,
        peering: Peering {
            listen: node.p2p,
            external: None,
            peers: joined.known.peers,
            members: joined.known.members,
            members_only: false,
        },
    })
}
