//! The tree over the items of a batch (SPEC §13.4): that of RFC 9162 §2.1 with tags of its own.
//!
//! ```text
//! leaf    SHA-256("chop/batch-leaf/v1" ‖ item hash (32) ‖ ordinal (4, big endian))
//! node    SHA-256("chop/batch-node/v1" ‖ left (32) ‖ right (32))
//! ```
//!
//! Of n > 1 leaves the first k stand left, k being the largest power of two below n: no leaf is doubled, and the number
//! of leaves fixes the shape, so that a path has one length.

use sha2::{Digest as _, Sha256};

/// Most leaves of a batch.
pub const MAX_LEAVES: u32 = 1_000_000;
/// Longest path: 2^20 is more than [`MAX_LEAVES`].
pub const MAX_PATH: usize = 20;

const LEAF_TAG: &[u8] = b"chop/batch-leaf/v1";
const NODE_TAG: &[u8] = b"chop/batch-node/v1";

/// A node of the tree.
pub type Node = [u8; 32];

/// Says why a path does not lead from a leaf to a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The place is behind the last leaf.
    #[error("leaf {index} was named of {count}")]
    Index {
        /// The place, from 0.
        index: u32,
        /// How many leaves there are.
        count: u32,
    },
    /// The path is longer or shorter than that of this place.
    #[error("the path has {found} nodes instead of {expected}")]
    Length {
        /// How many nodes there are.
        found: usize,
        /// How many lead from this place to the root.
        expected: usize,
    },
    /// It leads to another root.
    #[error("the path leads to another root")]
    Root,
}

/// Hashes a leaf.
pub fn leaf(item: &[u8; 32], ordinal: u32) -> Node {
    let mut hasher = Sha256::new();
    hasher.update(LEAF_TAG);
    hasher.update(item);
    hasher.update(ordinal.to_be_bytes());
    hasher.finalize().into()
}

/// Computes the root over nodes of one level, in order; `None` of none.
pub fn root(nodes: &[Node]) -> Option<Node> {
    let mut level = nodes.to_vec();
    while level.len() > 1 {
        level = above(&level);
    }
    level.first().copied()
}

/// Returns the nodes beside the way from place `index` up to the root, the lowest first; `None` when nothing is there.
///
/// Over the roots of whole runs of 2^k leaves it is the upper part of each leaf's path.
pub fn path(nodes: &[Node], index: usize) -> Option<Vec<Node>> {
    Levels::over(nodes.to_vec()).path(index)
}

/// All nodes over those of one level, for whoever asks for many paths: as many again as there are below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels(Vec<Vec<Node>>);

impl Levels {
    /// Computes them over nodes of one level, in order.
    pub fn over(nodes: Vec<Node>) -> Self {
        let mut levels = vec![nodes];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(above(level));
        }
        Self(levels)
    }

    /// The path of a place, as [`path`] gives it.
    pub fn path(&self, index: usize) -> Option<Vec<Node>> {
        self.0.first()?.get(index)?;
        let beside = self.0.iter().enumerate();
        Some(
            beside
                .filter_map(|(height, level)| level.get((index >> height) ^ 1).copied())
                .collect(),
        )
    }
}

/// Checks that `path` leads from `leaf` at place `index` of `count` to `root` (RFC 9162 §2.1.3.2).
///
/// # Errors
/// Returns [`PathError`], which says what does not fit.
pub fn check(
    root: &Node,
    (index, count): (u32, u32),
    leaf: Node,
    path: &[Node],
) -> Result<(), PathError> {
    if index >= count {
        return Err(PathError::Index { index, count });
    }
    let expected = path_length(index, count);
    if path.len() != expected {
        let found = path.len();
        return Err(PathError::Length { found, expected });
    }
    let (mut place, mut last) = (index, count - 1);
    let mut found = leaf;
    for beside in path {
        // A node that is the last of its level and stands left has no neighbour: it rises as it is.
        while place == last && place.is_multiple_of(2) {
            place /= 2;
            last /= 2;
        }
        found = if place.is_multiple_of(2) {
            node(&found, beside)
        } else {
            node(beside, &found)
        };
        place /= 2;
        last /= 2;
    }
    if found == *root {
        Ok(())
    } else {
        Err(PathError::Root)
    }
}

/// Counts the nodes that lead from a place to the root.
fn path_length(index: u32, count: u32) -> usize {
    let (mut place, mut last) = (index, count - 1);
    let mut length = 0;
    while last > 0 {
        if place < last || !place.is_multiple_of(2) {
            length += 1;
        }
        place /= 2;
        last /= 2;
    }
    length
}

/// The level above: a node without a neighbour rises as it is.
fn above(level: &[Node]) -> Vec<Node> {
    let pairs = level.chunks(2);
    pairs
        .filter_map(|pair| match pair {
            [left, right] => Some(node(left, right)),
            [single] => Some(*single),
            _ => None,
        })
        .collect()
}

fn node(left: &Node, right: &Node) -> Node {
    let mut hasher = Sha256::new();
    hasher.update(NODE_TAG);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: u32) -> Vec<Node> {
        (0..count).map(|n| leaf(&[7; 32], n)).collect()
    }

    /// RFC 9162 §2.1.1, as it is written.
    fn defined(nodes: &[Node]) -> Node {
        if let [single] = nodes {
            return *single;
        }
        let mut k = 1;
        while k * 2 < nodes.len() {
            k *= 2;
        }
        node(&defined(&nodes[..k]), &defined(&nodes[k..]))
    }

    #[test]
    fn the_root_is_that_of_the_definition() {
        for count in 1..200 {
            let nodes = leaves(count);
            assert_eq!(root(&nodes), Some(defined(&nodes)), "{count}");
        }
        assert_eq!(root(&[]), None);
    }

    #[test]
    fn known_roots_stay() {
        let hex = |count| data_encoding::HEXLOWER.encode(&root(&leaves(count)).unwrap());
        assert_eq!(
            hex(1),
            "7029a0291692d478c680b7331fcfe87ceb5ac220d9b4ea7b040e702e7ac1748c"
        );
        assert_eq!(
            hex(5),
            "a26c1001c4d715e9f8dbe38c7437f886fdaf6e12d6356dbc44d52c8b05aec597"
        );
    }

    #[test]
    fn every_leaf_has_a_path_and_no_other_place_takes_it() {
        for count in [1_u32, 2, 3, 5, 8, 13, 64, 65] {
            let nodes = leaves(count);
            let top = root(&nodes).unwrap();
            for index in 0..count {
                let way = path(&nodes, index as usize).unwrap();
                let own = nodes[index as usize];
                assert_eq!(check(&top, (index, count), own, &way), Ok(()));
                for other in (0..count).filter(|other| *other != index) {
                    assert!(check(&top, (other, count), own, &way).is_err());
                }
                let mut longer = way.clone();
                longer.push([0; 32]);
                assert!(matches!(
                    check(&top, (index, count), own, &longer),
                    Err(PathError::Length { .. })
                ));
            }
            assert!(path(&nodes, count as usize).is_none());
        }
    }

    #[test]
    fn refuses_a_place_behind_the_last_and_an_inner_node_as_a_leaf() {
        let nodes = leaves(4);
        let top = root(&nodes).unwrap();
        assert_eq!(
            check(&top, (4, 4), nodes[0], &[]),
            Err(PathError::Index { index: 4, count: 4 })
        );
        let (left, right) = (root(&nodes[..2]).unwrap(), root(&nodes[2..]).unwrap());
        // Under another count it would be a tree of two leaves; the ledger's record names the count.
        assert!(check(&top, (0, 4), left, &[right]).is_err());
        assert_eq!(check(&top, (0, 2), left, &[right]), Ok(()));
        assert_ne!(
            leaf(
                &left,
                u32::from_be_bytes([right[0], right[1], right[2], right[3]])
            ),
            top
        );
    }

    #[test]
    fn the_longest_path_has_twenty_nodes() {
        assert_eq!(path_length(0, MAX_LEAVES), MAX_PATH);
        assert!(path_length(MAX_LEAVES - 1, MAX_LEAVES) < MAX_PATH);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_path_goes_through_the_roots_of_runs(count in 1_u32..5_000, at in any::<u32>()) {
            let index = at % count;
            let nodes = leaves(count);
            let runs: Vec<Node> = nodes.chunks(256).filter_map(root).collect();
            let run = index as usize / 256;
            let mut way = path(nodes.chunks(256).nth(run).unwrap(), index as usize % 256).unwrap();
            way.extend(path(&runs, run).unwrap());
            prop_assert_eq!(root(&runs), root(&nodes));
            prop_assert_eq!(check(&root(&nodes).unwrap(), (index, count), nodes[index as usize], &way), Ok(()));
        }
    }
}
