//! Offline bundles: everything about one DID, or about one membership, and everything that proves it.

use chop_did::ChopDid;
use chop_integrity::{Hash, json};
use chop_proof::Evidence;
use serde::{Deserialize, Serialize};

use crate::http::{ItemAnswer, LogEntry};

/// The largest bundle that is read, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;
const LIMITS: json::Limits = json::Limits {
    max_bytes: MAX_BYTES,
    max_depth: 32,
};

/// A DID with its log and the evidence for its state and every version, to be verified without a network.
///
/// As JSON `{"type": "ChopDidBundle", "did", "item", "log": [log entry], "evidence"}`. The evidence states the values under
/// `did/{scid}` and `did/{scid}/{seq}` for every version, and that there is no later one.
///
/// A bundle about an item of a batch, and no other, has `item`, and its evidence also states `batch/{id}`, the segment of codes
/// that holds its ordinal, and `claim/{scid}`. Its log begins with version 1: no operation made the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DidBundle {
    /// Says what the file is.
    #[serde(rename = "type")]
    pub kind: BundleKind,
    /// The DID.
    pub did: ChopDid,
    /// The item that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Box<ItemAnswer>>,
    /// Its operations, oldest first.
    pub log: Vec<LogEntry>,
    /// What proves them.
    pub evidence: Evidence,
}

/// The one kind of bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BundleKind {
    /// A DID with its log.
    #[serde(rename = "ChopDidBundle")]
    Did,
}

/// That a DID is a member, and what the ledger says of one TLS key, to be verified without a network.
///
/// As JSON `{"type": "ChopMembershipBundle", "member", "spki", "evidence"}`. The evidence states the values under
/// `member/{scid}`, `did/{scid}` and `binding/{spki}`, or their absence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MembershipBundle {
    /// Says what the file is.
    #[serde(rename = "type")]
    pub kind: MembershipBundleKind,
    /// The DID.
    pub member: ChopDid,
    /// The key's [`crate::spki_hash`].
    pub spki: Hash,
    /// What proves them.
    pub evidence: Evidence,
}

/// The one kind of membership bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MembershipBundleKind {
    /// A membership and a TLS key.
    #[serde(rename = "ChopMembershipBundle")]
    Membership,
}

/// Says why bytes are no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The bytes are not strict JSON, or too many.
    #[error("the bundle is not strict JSON")]
    Json(#[from] json::JsonError),
    /// The members are not those of a bundle.
    #[error("the bundle is malformed")]
    Shape(#[source] serde_json::Error),
}

impl DidBundle {
    /// Reads a bundle; nothing in it is verified yet.
    ///
    /// # Errors
    /// When the bytes are not strict JSON of at most 8 MiB, or not a bundle.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let value = json::parse(bytes, &LIMITS)?;
        serde_json::from_value(value).map_err(BundleError::Shape)
    }
}

impl MembershipBundle {
    /// Reads a bundle; nothing in it is verified yet.
    ///
    /// # Errors
    /// When the bytes are not strict JSON of at most 8 MiB, or not a bundle.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        let value = json::parse(bytes, &LIMITS)?;
        serde_json::from_value(value).map_err(BundleError::Shape)
    }
}
