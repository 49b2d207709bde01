//! Which nodes may be connected with this one: those whose members are live.
//!
//! CometBFT knows its peers by their node keys alone. Whose a node key is, the ledger says once its member has bound it like a
//! TLS key, and before that the files that the members exchanged. CometBFT asks when a peer connects; peers that were let in
//! and are refused since are looked for at every glance, and CometBFT is started again without them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chop_did::ChopDid;
use chop_keys::{KeyType, PublicKey};
use chop_protocol::{Binding, Member, MemberStanding, keys};
use serde_json::Value;

use super::home::{Peering, node_id};
use crate::engine::{EngineError, View};

/// Bindings that are read at once.
const PAGE: usize = 256;

/// Decides about peers.
#[derive(Debug)]
pub(super) struct Guests {
    /// The nodes that this one was told of, and whose they are where that was said.
    told: BTreeMap<String, Option<ChopDid>>,
    /// Whether nodes of which nothing is known are refused.
    members_only: bool,
    seen: Mutex<Option<Seen>>,
}

/// What is known as of a block.
#[derive(Debug)]
struct Seen {
    height: u64,
    admitted: BTreeMap<String, bool>,
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
            seen: Mutex::default(),
        }
    }

    /// Says whether the node of this id must not be connected, as of a view.
    pub(super) fn refuses(&self, view: &View, id: &str) -> Result<bool, EngineError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let height = view.last_block();
        let fresh = match seen.take() {
            Some(seen) if seen.height == height => seen,
            _ => Seen {
                height,
                admitted: self.admitted(view)?,
            },
        };
        let known = fresh.admitted.get(id).copied();
        *seen = Some(fresh);
        Ok(!known.unwrap_or(!self.members_only))
    }

    /// Every node of which something is known. The ledger's word goes before what was told.
    fn admitted(&self, view: &View) -> Result<BTreeMap<String, bool>, EngineError> {
        let mut admitted = BTreeMap::new();
        for (id, member) in &self.told {
            let gone = match member {
                Some(member) => has_gone(view, member)?,
                None => false,
            };
            admitted.insert(id.clone(), !gone);
        }
        let to = keys::after(keys::BINDINGS);
        let mut from = keys::BINDINGS.to_owned();
        loop {
            let page = view.snapshot().scan(&from, &to, PAGE)?;
            for (_, bytes) in &page {
                let binding: Binding = decode(bytes)?;
                if let Some(id) = id_of(&binding) {
                    let stays = binding.ended.is_none() && !has_gone(view, &binding.member)?;
                    admitted.insert(id, stays);
                }
            }
            match page.last() {
                // The first text behind a key is the key with the smallest character at its end.
                Some((key, _)) if page.len() == PAGE => from = format!("{key}\0"),
                _ => return Ok(admitted),
            }
        }
    }
}

/// The node that a bound key would name; `None` for a key that CometBFT does not take.
fn id_of(binding: &Binding) -> Option<String> {
    let key = binding.signed.get("publicKey").and_then(Value::as_str)?;
    let key = PublicKey::from_multikey(key).ok()?;
    (key.key_type() == KeyType::Ed25519).then(|| node_id(&key))
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
