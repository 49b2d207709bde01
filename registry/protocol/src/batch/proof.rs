//! That an item is of its batch, or that no item of the batch has a scid.

use chop_did::{Item, ItemContext, Scid, ScidVersion};
use chop_integrity::Hash;
use chop_proof::leaves::{self, Node, PathError};
use serde::{Deserialize, Serialize};

use super::Batch;

/// An item with its place in the tree of its batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemProof {
    /// The batch's id.
    pub batch: Hash,
    /// Its place among the leaves, from 0.
    pub index: u32,
    /// Its number in the batch, from 0: what ranges of codes count.
    pub ordinal: u32,
    /// The item.
    pub item: Item,
    /// The nodes beside the way to the root, the lowest first.
    pub path: Vec<Hash>,
}

/// That no item of a batch has a scid: the leaves between which it would stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ItemAbsence {
    /// The batch's id.
    pub batch: Hash,
    /// The last leaf before it; absent when it would be the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Neighbour>,
    /// The first leaf after it; absent when it would be the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Neighbour>,
}

/// A leaf beside the place of what is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Neighbour {
    /// Its place among the leaves, from 0.
    pub index: u32,
    /// Its number in the batch, from 0.
    pub ordinal: u32,
    /// Its item's hash.
    pub item: Hash,
    /// The nodes beside the way to the root, the lowest first.
    pub path: Vec<Hash>,
}

/// Says what is not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemProofError {
    /// It is for another batch.
    #[error("it is for batch {found}, not {expected}")]
    OtherBatch {
        /// The batch that it names.
        found: Hash,
        /// The batch that it was held against.
        expected: Hash,
    },
    /// The item or the terms have no canonical form.
    #[error("the item has no canonical form")]
    Canonical,
    /// The path does not lead to the batch's root.
    #[error("{0}")]
    Path(#[from] PathError),
    /// No code of the batch has this number: the leaves were not those that a receipt is for.
    #[error("ordinal {ordinal} was named of {count}")]
    Ordinal {
        /// The ordinal, from 0.
        ordinal: u32,
        /// How many items the batch has.
        count: u32,
    },
    /// The leaves are not those beside the scid.
    #[error("these leaves do not show that the item is absent")]
    NotNeighbours,
    /// The scid is no batch item's.
    #[error("a scid that begins with \"a\" is of no batch")]
    NoItem,
}

impl ItemProof {
    /// Checks that the item is of `batch`, and returns its scid.
    ///
    /// # Errors
    /// Returns [`ItemProofError`], which says what does not fit.
    pub fn check(&self, batch: &Batch) -> Result<Scid, ItemProofError> {
        same_batch(self.batch, batch)?;
        let context = ItemContext {
            batch: self.batch,
            template: batch.terms.template,
        };
        let bytes = self.item.bytes().map_err(|_| ItemProofError::Canonical)?;
        let item = context.hash(&bytes);
        check_path(batch, (self.index, self.ordinal), &item, &self.path)?;
        Ok(Scid::of_batch_item(item))
    }
}

impl ItemAbsence {
    /// Checks that no item of `batch` has this scid.
    ///
    /// # Errors
    /// Returns [`ItemProofError`], which says what does not fit.
    pub fn check(&self, batch: &Batch, scid: &Scid) -> Result<(), ItemProofError> {
        same_batch(self.batch, batch)?;
        if scid.version() != ScidVersion::BatchItem {
            return Err(ItemProofError::NoItem);
        }
        for leaf in [&self.before, &self.after].into_iter().flatten() {
            check_path(batch, (leaf.index, leaf.ordinal), &leaf.item, &leaf.path)?;
        }
        let (absent, count) = (scid.digest(), batch.terms.count);
        let between = match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                before.index.checked_add(1) == Some(after.index)
                    && before.item < *absent
                    && *absent < after.item
            }
            (Some(before), None) => {
                before.index.checked_add(1) == Some(count) && before.item < *absent
            }
            (None, Some(after)) => after.index == 0 && *absent < after.item,
            (None, None) => false,
        };
        if between {
            Ok(())
        } else {
            Err(ItemProofError::NotNeighbours)
        }
    }
}

fn same_batch(found: Hash, batch: &Batch) -> Result<(), ItemProofError> {
    let expected = batch.terms.id().map_err(|_| ItemProofError::Canonical)?;
    if found == expected {
        Ok(())
    } else {
        Err(ItemProofError::OtherBatch { found, expected })
    }
}

fn check_path(
    batch: &Batch,
    (index, ordinal): (u32, u32),
    item: &Hash,
    path: &[Hash],
) -> Result<(), ItemProofError> {
    let count = batch.terms.count;
    // The path covers the ordinal but not that it is one: validators who signed for what they did not see may have let
    // another pass, and no segment of codes holds it.
    if ordinal >= count {
        return Err(ItemProofError::Ordinal { ordinal, count });
    }
    let leaf = leaves::leaf(item.as_bytes(), ordinal);
    let path: Vec<Node> = path.iter().map(|node| *node.as_bytes()).collect();
    let root = batch.terms.root.as_bytes();
    Ok(leaves::check(root, (index, count), leaf, &path)?)
}
