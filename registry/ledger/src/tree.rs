//! Authenticated state: a Jellyfish Merkle tree over SHA-256, one version for every height.
//!
//! Version 0 is the genesis state; block H writes version H, and the header of block H + 1 carries its root.

use chop_proof::key_hash;
use jmt::proof::SparseMerkleProof;
use jmt::storage::{NodeBatch, NodeKey, TreeReader};
use jmt::{KeyHash, OwnedValue, RootHash, Sha256Jmt, Version};
use sha2::Sha256;

use crate::state::Delta;

/// What a new version of the tree adds and makes obsolete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeUpdate {
    /// Root of the new version.
    pub root: [u8; 32],
    /// New nodes by key, and new values by version and key hash (`None` for a deletion).
    pub nodes: NodeBatch,
    /// Nodes that no version from this one on reaches.
    pub stale: Vec<NodeKey>,
}

/// An entry with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The value; `None` when the key is absent.
    pub value: Option<Vec<u8>>,
    /// The Merkle path of inclusion or absence in borsh: `path` of a `chop_proof::StateProof`.
    pub path: Vec<u8>,
}

/// Says why the tree could not be extended or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// The stored tree does not end where the new version begins.
    #[error("version {version} needs a parent with root {expected:?}, the store has {found:?}")]
    Parent {
        /// The new version.
        version: u64,
        /// The parent root that the caller names.
        expected: Option<[u8; 32]>,
        /// The root that the store has at the version before.
        found: Option<[u8; 32]>,
    },
    /// The store cannot be read or holds a broken tree.
    #[error("the tree cannot be read: {reason}")]
    Tree {
        /// What the tree said.
        reason: String,
    },
    /// A path cannot be encoded.
    #[error("the path cannot be encoded: {reason}")]
    Encode {
        /// What the encoder said.
        reason: String,
    },
}

/// Computes the version that `delta` makes out of the version before; an empty delta makes a version with the same root.
///
/// `parent_root` is the root at `version` − 1, and `None` exactly at version 0. It is compared with the store, because
/// the tree would silently start from nothing at a gap in its versions.
///
/// # Errors
/// Returns [`TreeError`] when the parent is not there or is another one, or when the store cannot be read.
pub fn update<R: TreeReader>(
    reader: &R,
    version: u64,
    parent_root: Option<[u8; 32]>,
    delta: &Delta,
) -> Result<TreeUpdate, TreeError> {
    let tree = Sha256Jmt::new(reader);
    check_parent(&tree, version, parent_root)?;
    let entries = delta
        .iter()
        .map(|(key, value)| (key_hash(key), value.clone()));
    let inserts_only = !delta.is_empty() && delta.values().all(Option::is_some);
    let (root, batch) = if inserts_only {
        // One pass hashes each node once; the other way hashes a path for every key.
        let set: Vec<(KeyHash, OwnedValue)> = entries
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        let (roots, batch) = tree
            .batch_put_value_sets(vec![set], None, version)
            .map_err(|error| unreadable(&error))?;
        let root = roots.first().copied().ok_or_else(|| TreeError::Tree {
            reason: "the tree made no root".to_owned(),
        })?;
        (root, batch)
    } else {
        tree.put_value_set(entries, version)
            .map_err(|error| unreadable(&error))?
    };
    let mut stale: Vec<NodeKey> = batch
        .stale_node_index_batch
        .into_iter()
        .map(|index| index.node_key)
        .collect();
    // The tree copies an unchanged or empty root to the new version and forgets to retire the old copy.
    let new_root = batch
        .node_batch
        .nodes()
        .keys()
        .find(|key| key.nibble_path().is_empty());
    if let (Some(parent), Some(new_root)) = (version.checked_sub(1), new_root) {
        let old_root = NodeKey::new(parent, new_root.nibble_path().clone());
        if !stale.contains(&old_root) {
            stale.push(old_root);
        }
    }
    Ok(TreeUpdate {
        root: root.0,
        nodes: batch.node_batch,
        stale,
    })
}

/// Adds pairs to a tree that is being restored: to the version before, or to none at the first call.
///
/// Nothing is compared: the caller knows the root that comes out in the end.
///
/// # Errors
/// Returns [`TreeError::Tree`] when the store cannot be read.
pub fn restore<R: TreeReader>(
    reader: &R,
    version: u64,
    pairs: Vec<(String, Vec<u8>)>,
) -> Result<TreeUpdate, TreeError> {
    let set = pairs
        .into_iter()
        .map(|(key, value)| (key_hash(&key), Some(value)));
    let (root, batch) = Sha256Jmt::new(reader)
        .put_value_set(set, version)
        .map_err(|error| unreadable(&error))?;
    let stale = batch.stale_node_index_batch.into_iter();
    Ok(TreeUpdate {
        root: root.0,
        nodes: batch.node_batch,
        stale: stale.map(|index| index.node_key).collect(),
    })
}

/// Proves what the tree says about a key at a version.
///
/// # Errors
/// Returns [`TreeError::Tree`] when the version is not there (any more) or the store cannot be read.
pub fn prove<R: TreeReader>(reader: &R, version: u64, key: &str) -> Result<Proven, TreeError> {
    let (value, path): (_, SparseMerkleProof<Sha256>) = Sha256Jmt::new(reader)
        .get_with_proof(key_hash(key), version)
        .map_err(|error| unreadable(&error))?;
    let path = borsh::to_vec(&path).map_err(|error| TreeError::Encode {
        reason: error.to_string(),
    })?;
    Ok(Proven { value, path })
}

/// Returns the root at a version; `None` when the version is not there.
///
/// # Errors
/// Returns [`TreeError::Tree`] when the store cannot be read.
pub fn root<R: TreeReader>(reader: &R, version: u64) -> Result<Option<[u8; 32]>, TreeError> {
    let root = Sha256Jmt::new(reader)
        .get_root_hash_option(version)
        .map_err(|error| unreadable(&error))?;
    Ok(root.map(|RootHash(bytes)| bytes))
}

fn check_parent<R: TreeReader>(
    tree: &Sha256Jmt<'_, R>,
    version: Version,
    expected: Option<[u8; 32]>,
) -> Result<(), TreeError> {
    let found = match version.checked_sub(1) {
        Some(parent) => tree
            .get_root_hash_option(parent)
            .map_err(|error| unreadable(&error))?
            .map(|root| root.0),
        None => None,
    };
    if expected.is_some() == (version > 0) && found == expected {
        Ok(())
    } else {
        Err(TreeError::Parent {
            version,
            expected,
            found,
        })
    }
}

fn unreadable(error: &impl ToString) -> TreeError {
    TreeError::Tree {
        reason: error.to_string(),
    }
}
