//! Which nodes may be connected with this one: those whose members are live.
//!
//! CometBFT knows its peers by their node keys alone. Whose a node key is, the ledger says once its member has bound it like a
//! TLS key, and before that the files that the members exchanged. CometBFT asks when a peer connects. Peers whose members were
//! voted out since are looked for at every glance, and CometBFT is started again without them; what one member decides alone,
//! such as the end of a binding, bars the next connection only, or one member could have every node start again at will.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_keys::{KeyType, PublicKey};
use chop_protocol::{Binding, Member, MemberStanding, keys, spki_hash};
use serde_json::Value;

use super::home::{Peering, node_id};
use crate::engine::{EngineError, View};

/// Bindings that are read at once.
const PAGE: usize = 256;

/// Where a node stands with this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guest {
    /// Nothing stands against it.
    Welcome,
    /// Nothing is known of it, and this node takes members only.
    Stranger,
    /// Its member has ended its binding.
    Unbound,
    /// The members have suspended or removed its member.
    Gone,
}

/// Decides about peers.
#[derive(Debug)]
pub(super) struct Guests {
    /// The nodes that this one was told of, and whose they are where that was said.
    told: BTreeMap<String, Option<ChopDid>>,
    /// Whether nodes of which nothing is known are refused.
    members_only: bool,
    bound: Mutex<Bound>,
}

/// The nodes whose keys are or were bound. A key is bound once and stays in the state, so this only grows, up to
/// [`chop_protocol::membership::MAX_BINDINGS`] for each member.
#[derive(Debug, Default)]
struct Bound {
    /// Whether the bindings of the state were read; from then on blocks tell of new ones.
    is_read: bool,
    /// The height of the snapshot that the state came from: what an older view shows is not all.
    from: u64,
    nodes: BTreeMap<String, (ChopDid, Hash)>,
}

impl Guests {
    pub(super) fn new(peering: &Peering) -> Self {
        let ids = peering.peers.iter().filter_map(|peer| peer.split_once('@'));
        let mut told: BTreeMap<_, _> = ids.map(|(id, _)| (id.to_owned(), None)).collect();
        for (id, member) in &peering.members {
            told.insert(id.clone(), Some(*member));
        }
        Self {
            told,
            members_only: peering.members_only,
            bound: Mutex::default(),
        }
    }

    /// Takes the bindings that a block wrote, as it is committed.
    pub(super) fn learn<'a>(
        &self,
        written: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), EngineError> {
        let mut bound = self.lock();
        for bytes in written {
            bound.add(bytes)?;
        }
        Ok(())
    }

    /// Tells that the state is another one now: that of a snapshot of this height.
    pub(super) fn forget(&self, height: u64) {
        let mut bound = self.lock();
        (bound.is_read, bound.from) = (false, height);
    }

    /// Says where the node of this id stands, as of a view. The ledger's word goes before what was told.
    pub(super) fn standing(&self, view: &View, id: &str) -> Result<Guest, EngineError> {
        let Some((member, spki)) = self.bound(view, id)? else {
            return match self.told.get(id) {
                Some(Some(member)) if has_gone(view, member)? => Ok(Guest::Gone),
                None if self.members_only => Ok(Guest::Stranger),
                _ => Ok(Guest::Welcome),
            };
        };
        if has_gone(view, &member)? {
            return Ok(Guest::Gone);
        }
        let binding = view.value(&keys::binding(&spki))?;
        let binding: Option<Binding> = binding.map(|bytes| decode(&bytes)).transpose()?;
        Ok(match binding {
            Some(binding) if binding.ended.is_some() => Guest::Unbound,
            _ => Guest::Welcome,
        })
    }

    /// The member that bound the node's key, and the key's hash.
    fn bound(&self, view: &View, id: &str) -> Result<Option<(ChopDid, Hash)>, EngineError> {
        let mut bound = self.lock();
        if !bound.is_read {
            bound.read(view)?;
        }
        Ok(bound.nodes.get(id).copied())
    }

    fn lock(&self) -> MutexGuard<'_, Bound> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bound {
    /// Reads every binding of the state. Those of later blocks, which were told of meanwhile, stay.
    fn read(&mut self, view: &View) -> Result<(), EngineError> {
        let to = keys::after(keys::BINDINGS);
        let mut from = keys::BINDINGS.to_owned();
        loop {
            let page = view.snapshot().scan(&from, &to, PAGE)?;
            for (_, bytes) in &page {
                self.add(bytes)?;
            }
            match page.last() {
                // The first text behind a key is the key with the smallest character at its end.
                Some((key, _)) if page.len() == PAGE => from = format!("{key}\0"),
                _ => break,
            }
        }
        // Whoever took its view before a snapshot came reads the state before it.
        self.is_read = view.last_block() >= self.from;
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let binding: Binding = decode(bytes)?;
        if let Some((id, spki)) = node_of(&binding) {
            self.nodes.insert(id, (binding.member, spki));
        }
        Ok(())
    }
}

/// The node that a bound key would name, and the key's hash; `None` for a key that CometBFT does not take.
fn node_of(binding: &Binding) -> Option<(String, Hash)> {
    let key = binding.signed.get("publicKey").and_then(Value::as_str)?;
    let key = PublicKey::from_multikey(key).ok()?;
    let is_nodes = key.key_type() == KeyType::Ed25519;
    is_nodes.then_some(())?;
    Some((node_id(&key), spki_hash(&key)?))
}

/// Whether a DID was a member and is none for now. One that never was may be about to become one.
fn has_gone(view: &View, member: &ChopDid) -> Result<bool, EngineError> {
    let Some(bytes) = view.value(&keys::member(&member.scid()))? else {
        return Ok(false);
    };
    let record: Member = decode(&bytes)?;
    Ok(record.standing() != MemberStanding::Live)
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(bytes).map_err(|error| EngineError::Json {
        what: "member or binding",
        reason: error.to_string(),
    })
}
