//! A promotion in a state that holds nothing else.

use chop_ledger::{Delta, tree};
use chop_proof::PROMOTION_KEY;
use jmt::storage::{LeafNode, Node, NodeBatch, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, Version};

/// The record of a promotion, and the state in which it is all there is.
#[derive(Clone)]
pub(crate) struct Promoted {
    /// Height of the block that promoted.
    pub(crate) height: u64,
    /// Root of the state.
    pub(crate) root: [u8; 32],
    path: Vec<u8>,
}

impl Promoted {
    pub(crate) fn at(height: u64) -> Self {
        let value = record(height).into_bytes();
        let delta = Delta::from([(PROMOTION_KEY.to_owned(), Some(value.clone()))]);
        let mut state = State {
            nodes: NodeBatch::default(),
            value,
        };
        let update = tree::update(&state, 0, None, &delta).unwrap();
        state.nodes = update.nodes;
        Self {
            height,
            root: update.root,
            path: tree::prove(&state, 0, PROMOTION_KEY).unwrap().path,
        }
    }

    /// Value and path of the record.
    pub(crate) fn proven(&self) -> (String, Vec<u8>) {
        (record(self.height), self.path.clone())
    }
}

fn record(height: u64) -> String {
    format!("{{\"height\":{height}}}")
}

struct State {
    nodes: NodeBatch,
    value: Vec<u8>,
}

impl TreeReader for State {
    fn get_node_option(&self, key: &NodeKey) -> anyhow::Result<Option<Node>> {
        Ok(self.nodes.get_node(key).cloned())
    }

    fn get_value_option(&self, _: Version, _: KeyHash) -> anyhow::Result<Option<OwnedValue>> {
        Ok(Some(self.value.clone()))
    }

    fn get_rightmost_leaf(&self) -> anyhow::Result<Option<(NodeKey, LeafNode)>> {
        anyhow::bail!("the tree is never restored from leaves")
    }
}
