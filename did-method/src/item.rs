//! Items of a batch: what a scid of version `b` is the hash of, and what it resolves to (SPEC §13).

mod template;

pub use template::{MAX_FIELDS, MAX_TEMPLATE_BYTES, TEMPLATE_TAG, Template, TemplateError};

use crate::chop::{ChopDid, LedgerId, Scid};
use crate::control::Control;
use crate::document::Document;
use crate::state::{DidState, VersionRecord};
use chop_integrity::json::{self, Limits};
use chop_integrity::{Hash, JcsError, Timestamp, canonicalize};
use chop_keys::{KeyType, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The domain tag of a batch's id.
pub const BATCH_TAG: &str = "chop/batch/v1";
/// The domain tag of an item's hash.
pub const ITEM_TAG: &str = "chop/batch-item/v1";
/// The most bytes of one value.
pub const MAX_VALUE_BYTES: usize = 128;
/// The most bytes of an item in JCS form.
pub const MAX_ITEM_BYTES: usize = 512;

const LIMITS: Limits = Limits {
    max_bytes: MAX_ITEM_BYTES,
    max_depth: 4,
};

/// What one item of a batch says beside the batch's template: `{"data": [values], "key": multikey}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The values of the template's fields, in their order.
    pub data: Vec<String>,
    /// The Ed25519 key of the secret under the scratch layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PublicKey>,
}

/// Says why something is no item of a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ItemError {
    /// Not restricted JSON, or too large.
    #[error("the item is outside the restricted JSON profile: {reason}")]
    Profile {
        /// What the JSON layer said.
        reason: String,
    },
    /// A member is missing, unknown or of the wrong type.
    #[error("the item is not of the required shape: {reason}")]
    Shape {
        /// What the decoder said.
        reason: String,
    },
    /// The same item could be written in other bytes.
    #[error("the item is not in canonical form")]
    NotCanonical,
    /// Another number of values than the template has fields.
    #[error("the item has {found} values for {expected} fields")]
    Count {
        /// How many values there are.
        found: usize,
        /// How many fields the template has.
        expected: usize,
    },
    /// A value is empty, too long, or holds a control character.
    #[error("value {index} is not 1 to {MAX_VALUE_BYTES} bytes without control characters")]
    Value {
        /// Its place, from 0.
        index: usize,
    },
    /// A code's key is of another type.
    #[error("the key of a code is an Ed25519 key, found {found}")]
    KeyType {
        /// The type found.
        found: KeyType,
    },
    /// With these values the template makes no document.
    #[error("with these values the document has {reason}")]
    Document {
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// What makes the items of one batch its own: the hashes that each item's preimage begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemContext {
    /// The batch's id.
    pub batch: Hash,
    /// The template's digest.
    pub template: Hash,
}

/// Names a batch: `H("chop/batch/v1", JCS({"controller", "ledger", "nonce"}))`; the nonce is 32 hexadecimal digits.
///
/// # Errors
/// Returns the JCS error; such an object has none.
pub fn batch_id(ledger: &LedgerId, controller: &ChopDid, nonce: &str) -> Result<Hash, JcsError> {
    Hash::of_json(
        BATCH_TAG,
        &serde_json::json!({"controller": controller, "ledger": ledger, "nonce": nonce}),
    )
}

impl ItemContext {
    /// Hashes the canonical bytes of an item (SPEC §13.3): the hash inside its scid.
    pub fn hash(&self, item: &[u8]) -> Hash {
        let bytes = [
            self.batch.as_bytes().as_slice(),
            self.template.as_bytes().as_slice(),
            item,
        ];
        Hash::of(ITEM_TAG, &bytes.concat())
    }

    /// Makes the scid of an item.
    pub fn scid(&self, item: &[u8]) -> Scid {
        Scid::of_batch_item(self.hash(item))
    }
}

impl Item {
    /// Parses the canonical bytes of an item, and checks it against its template.
    ///
    /// # Errors
    /// Returns [`ItemError`], which says which rule of SPEC §13.2 is broken.
    pub fn parse(bytes: &[u8], template: &Template) -> Result<Self, ItemError> {
        let profile = |reason: String| ItemError::Profile { reason };
        let value = json::parse_restricted(bytes, &LIMITS).map_err(|e| profile(e.to_string()))?;
        let item: Self = serde_json::from_value(value).map_err(|e| ItemError::Shape {
            reason: e.to_string(),
        })?;
        if item.bytes().map_err(|e| profile(e.to_string()))? != bytes {
            return Err(ItemError::NotCanonical);
        }
        item.check(template)?;
        Ok(item)
    }

    /// Checks an item against its template.
    ///
    /// # Errors
    /// Returns [`ItemError`], which says which rule of SPEC §13.2 is broken.
    pub fn check(&self, template: &Template) -> Result<(), ItemError> {
        let (found, expected) = (self.data.len(), template.fields().len());
        if found != expected {
            return Err(ItemError::Count { found, expected });
        }
        let unusable = |value: &String| {
            !(1..=MAX_VALUE_BYTES).contains(&value.len()) || value.chars().any(char::is_control)
        };
        if let Some(index) = self.data.iter().position(unusable) {
            return Err(ItemError::Value { index });
        }
        if let Some(key) = self
            .key
            .as_ref()
            .filter(|key| key.key_type() != KeyType::Ed25519)
        {
            return Err(ItemError::KeyType {
                found: key.key_type(),
            });
        }
        template.check_values(&self.data)
    }

    /// Returns the canonical bytes.
    ///
    /// # Errors
    /// Returns the JCS error; an item of text has none.
    pub fn bytes(&self) -> Result<Vec<u8>, JcsError> {
        canonicalize(self)
    }

    /// Makes the state that the item has before its first operation (SPEC §13.6): version 0, whose operation is the item.
    ///
    /// # Errors
    /// Returns [`ItemError`] when the item is none of the template.
    pub fn state(
        &self,
        template: &Template,
        did: ChopDid,
        (controller, time): (ChopDid, Timestamp),
    ) -> Result<DidState, ItemError> {
        self.check(template)?;
        Ok(DidState {
            did,
            class: template.class(),
            seq: 0,
            operation: *did.scid().digest(),
            control: Control::Controller(controller),
            recovery: None,
            pending_recovery: None,
            document: self.document(template)?,
            created: time,
            updated: time,
            deactivated: false,
        })
    }

    /// Makes the item's first document, with relative ids.
    ///
    /// # Errors
    /// Returns [`ItemError`] when the template makes none of these values.
    pub fn document(&self, template: &Template) -> Result<Document, ItemError> {
        let members = template.filled(&self.data);
        Document::parse(Value::Object(members)).map_err(|_| ItemError::Document {
            reason: "a member that no document may have",
        })
    }
}

impl DidState {
    /// Returns the record of this version, as the ledger keeps it.
    ///
    /// # Errors
    /// Returns the JCS error; a parsed document has none.
    pub fn record(&self) -> Result<VersionRecord, JcsError> {
        Ok(VersionRecord {
            operation: self.operation,
            document: self.document.hash()?,
            time: self.updated,
        })
    }
}

#[cfg(test)]
mod tests;
