//! What the ledger remembers: entries, tree, logs, and the last header.

use std::collections::BTreeMap;

use chop_integrity::Timestamp;
use chop_ledger::{Delta, StateReader, tree};
use chop_protocol::http::LogEntry;
use chop_protocol::{Action, SignedEnvelope};
use jmt::storage::{LeafNode, Node, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};
use tendermint::block::signed_header::SignedHeader;

#[derive(Default)]
pub(super) struct State {
    pub(super) entries: BTreeMap<String, Vec<u8>>,
    pub(super) nodes: BTreeMap<NodeKey, Node>,
    pub(super) values: BTreeMap<(KeyHash, Version), Option<OwnedValue>>,
    pub(super) log: BTreeMap<String, Vec<LogEntry>>,
    pub(super) header: Option<SignedHeader>,
    pub(super) height: u64,
    pub(super) tree_root: [u8; 32],
    pub(super) time_ms: i64,
    pub(super) count: u8,
}

impl State {
    pub(super) fn write(&mut self, version: u64, delta: &Delta) {
        let parent = version.checked_sub(1).map(|_| self.tree_root);
        let update = tree::update(self, version, parent, delta).unwrap();
        self.nodes.extend(update.nodes.nodes().clone());
        for ((version, key), value) in update.nodes.values() {
            self.values.insert((*key, *version), value.clone());
        }
        self.tree_root = update.root;
        for (key, value) in delta {
            match value {
                Some(value) => self.entries.insert(key.clone(), value.clone()),
                None => self.entries.remove(key),
            };
        }
    }

    pub(super) fn record(&mut self, envelopes: &[SignedEnvelope], time: Timestamp) {
        for action in envelopes
            .iter()
            .flat_map(|envelope| &envelope.envelope().actions)
        {
            if let Action::Did(signed) = action {
                let did = signed.operation().did().to_string();
                let log = self.log.entry(did).or_default();
                let operation = signed.operation();
                let version_id = format!("{}-{}", operation.seq(), operation.hash());
                log.push(LogEntry {
                    version_id,
                    operation: signed.value().clone(),
                    time,
                });
            }
        }
    }
}

impl StateReader for State {
    type Error = std::convert::Infallible;

    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.entries.get(key).cloned())
    }

    fn scan(
        &self,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, Self::Error> {
        let range = self
            .entries
            .range(from.to_owned()..to.to_owned())
            .take(limit);
        Ok(range
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

impl TreeReader for State {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.nodes.get(key).cloned())
    }

    fn get_value_option(
        &self,
        version: Version,
        key: KeyHash,
    ) -> anyhow::Result<Option<OwnedValue>> {
        Ok(self
            .values
            .range((key, 0)..=(key, version))
            .next_back()
            .and_then(|(_, value)| value.clone()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        Ok(None)
    }
}
