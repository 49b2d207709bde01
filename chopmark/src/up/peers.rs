//! The other nodes of a consortium, as a folder knows them: where they are, and whose.

use std::collections::BTreeMap;

use anyhow::{bail, ensure};
use chop_did::ChopDid;
use chop_node::engine::comet::check_peer;
use chop_proof::TrustRoot;
use chop_protocol::LedgerGenesis;
use serde::{Deserialize, Serialize};

use super::folder::Folder;
use super::member::{Candidate, GENESIS, trust_root};

/// Where they are kept.
pub(super) const PEERS: &str = "peers.json";

/// How a folder's node is reached by its peers, and where they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Peers {
    /// The other nodes, each `<node id>@<host>:<port>`.
    pub peers: Vec<String>,
    /// Whose nodes they are, by node id, as far as that was said.
    #[serde(default)]
    pub members: BTreeMap<String, ChopDid>,
}

impl Peers {
    /// The nodes of these members on a ledger, and peers of which only the address is known.
    ///
    /// # Errors
    /// When a candidacy or a peer is malformed.
    pub(crate) fn of(
        genesis: &LedgerGenesis,
        members: &[Candidate],
        more: &[String],
    ) -> anyhow::Result<Self> {
        let mut known = Self::default();
        for member in members {
            known.add(&member.peer, member.genesis(&genesis.id())?.did())?;
        }
        for peer in more {
            check_peer(peer)?;
            known.peers.push(peer.clone());
        }
        Ok(known)
    }

    /// Takes in a member's node.
    ///
    /// # Errors
    /// When the peer is malformed, or the node is another member's: with whoever named it first it would be put out.
    pub(crate) fn add(&mut self, peer: &str, member: ChopDid) -> anyhow::Result<()> {
        check_peer(peer)?;
        self.name(peer_id(peer).to_owned(), member)?;
        self.peers.push(peer.to_owned());
        Ok(())
    }

    /// These, and others of which they know nothing.
    ///
    /// # Errors
    /// When the others name another member for a node.
    pub(crate) fn and(mut self, others: Self) -> anyhow::Result<Self> {
        for (id, member) in others.members {
            self.name(id, member)?;
        }
        for peer in others.peers {
            if !self
                .peers
                .iter()
                .any(|known| peer_id(known) == peer_id(&peer))
            {
                self.peers.push(peer);
            }
        }
        Ok(self)
    }

    /// Notes whose a node is.
    fn name(&mut self, id: String, member: ChopDid) -> anyhow::Result<()> {
        if let Some(known) = self.members.get(&id).filter(|known| **known != member) {
            bail!("{member} names the node {id}, which is that of {known}: a node has one member");
        }
        self.members.insert(id, member);
        Ok(())
    }

    /// Puts genesis, trust root and the other nodes into a folder.
    ///
    /// # Errors
    /// When the folder is of another ledger or has no candidacy, or a peer is malformed.
    pub(crate) fn join(
        folder: &Folder,
        genesis: &LedgerGenesis,
        known: Self,
    ) -> anyhow::Result<()> {
        Self::join_under(folder, genesis, &trust_root(genesis)?, known)
    }

    /// The same with a trust root that is not that of the genesis: a promoted ledger has other validators.
    ///
    /// # Errors
    /// As [`Peers::join`].
    pub(crate) fn join_under(
        folder: &Folder,
        genesis: &LedgerGenesis,
        root: &TrustRoot,
        mut known: Self,
    ) -> anyhow::Result<()> {
        let own = Candidate::read(folder)?.peer;
        for peer in &known.peers {
            check_peer(peer)?;
        }
        known.peers.retain(|peer| peer_id(peer) != peer_id(&own));
        known.members.remove(peer_id(&own));
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
        folder.write(PEERS, &serde_json::to_vec_pretty(&known)?)?;
        Ok(())
    }
}

/// The node id of a peer.
pub(super) fn peer_id(peer: &str) -> &str {
    peer.split_once('@').map_or(peer, |(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_did::Scid;
    use chop_integrity::Hash;

    fn member(byte: u8) -> ChopDid {
        let scid = Scid::of_genesis(Hash::from_bytes([byte; 32]));
        let ledger = chop_did::LedgerId::new(Hash::from_bytes([9; 32]));
        ChopDid::new(ledger.short(), scid)
    }

    #[test]
    fn what_is_known_goes_before_what_a_file_says_and_no_node_stands_twice() {
        let [a, b] = ["a", "b"].map(|digit| digit.repeat(40));
        let (mut known, mut others) = (Peers::default(), Peers::default());
        known.add(&format!("{a}@new.example:1"), member(1)).unwrap();
        others
            .add(&format!("{a}@old.example:1"), member(1))
            .unwrap();
        others.add(&format!("{b}@b.example:1"), member(3)).unwrap();
        let both = known.and(others).unwrap();
        assert_eq!(
            both.peers,
            [format!("{a}@new.example:1"), format!("{b}@b.example:1")]
        );
        assert_eq!(
            both.members,
            BTreeMap::from([(a, member(1)), (b, member(3))])
        );
        assert!(Peers::default().add("nobody", member(1)).is_err());
    }

    #[test]
    fn refuses_a_member_that_names_the_node_of_another() {
        let peer = format!("{}@a.example:1", "a".repeat(40));
        let (mut known, mut others) = (Peers::default(), Peers::default());
        known.add(&peer, member(1)).unwrap();
        let refused = known.add(&peer, member(2)).unwrap_err().to_string();
        assert!(refused.contains("which is that of"), "{refused}");
        assert_eq!(known.peers, std::slice::from_ref(&peer));
        others.add(&peer, member(2)).unwrap();
        assert!(known.and(others).is_err());
    }
}
