//! What the ledger holds about a DID: the values under `did/{scid}` and `did/{scid}/{seq}` (SPEC §4.8, §4.9).

use crate::chop::ChopDid;
use crate::control::{Control, KeyCommitment, KeySet};
use crate::document::{Document, Relationship};
use crate::genesis::Class;
use chop_integrity::{Hash, Timestamp};
use chop_keys::PublicKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The current state of a DID.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DidState {
    pub(crate) did: ChopDid,
    pub(crate) class: Class,
    pub(crate) seq: u64,
    pub(crate) operation: Hash,
    pub(crate) control: Control,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recovery: Option<KeyCommitment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending_recovery: Option<PendingRecovery>,
    pub(crate) document: Document,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) deactivated: bool,
}

/// A change of the recovery set that waits (SPEC §6.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PendingRecovery {
    /// The set that will be in force.
    pub commitment: KeyCommitment,
    /// The hash of the operation that asked for it: what a veto names.
    pub operation: Hash,
    /// The header time from which it is in force.
    pub effective: Timestamp,
}

/// What is kept of every version, for ever: the value under `did/{scid}/{seq}` (SPEC §4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VersionRecord {
    /// The operation hash.
    pub operation: Hash,
    /// The document hash.
    pub document: Hash,
    /// The time of the header that holds the operation.
    pub time: Timestamp,
}

/// The name of a version: `<seq>-<operation hash>` (SPEC §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId {
    /// The position, from 0.
    pub seq: u64,
    /// The operation hash.
    pub operation: Hash,
}

/// Says that a string is no version id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a versionId is <seq>-<operation hash>, with no leading zeros")]
pub struct VersionIdError;

impl DidState {
    /// Returns the DID.
    pub fn did(&self) -> &ChopDid {
        &self.did
    }

    /// Returns what the DID stands for.
    pub fn class(&self) -> Class {
        self.class
    }

    /// Returns the current version's position.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the hash of the last operation.
    pub fn operation(&self) -> Hash {
        self.operation
    }

    /// Returns the name of the current version.
    pub fn version_id(&self) -> VersionId {
        VersionId {
            seq: self.seq,
            operation: self.operation,
        }
    }

    /// Returns what authorises operations.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Returns the controller of a controlled DID.
    pub fn controller(&self) -> Option<&ChopDid> {
        match &self.control {
            Control::Controller(did) => Some(did),
            Control::Keys(_) => None,
        }
    }

    /// Returns the update keys in force, unless the DID is controlled.
    pub fn update_keys(&self) -> Option<&KeySet> {
        match &self.control {
            Control::Keys(keys) => Some(&keys.current),
            Control::Controller(_) => None,
        }
    }

    /// Returns the recovery commitment in force at a header time: a waiting change counts once its time has come.
    pub fn recovery_at(&self, time: Timestamp) -> Option<&KeyCommitment> {
        match &self.pending_recovery {
            Some(pending) if time >= pending.effective => Some(&pending.commitment),
            _ => self.recovery.as_ref(),
        }
    }

    /// Returns a change of the recovery set that still waits at a header time.
    pub fn pending_recovery_at(&self, time: Timestamp) -> Option<&PendingRecovery> {
        self.pending_recovery
            .as_ref()
            .filter(|pending| time < pending.effective)
    }

    /// Returns the current document, with relative ids.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Returns the header time of the create.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// Returns the header time of the last operation.
    pub fn updated(&self) -> Timestamp {
        self.updated
    }

    /// Tells that the DID has ended.
    pub fn deactivated(&self) -> bool {
        self.deactivated
    }

    /// Tells that a key may act for this DID at a header time: it is listed under `capabilityInvocation`, is neither retired,
    /// expired nor compromised, and the DID lives (SPEC §6.10).
    pub fn invokes(&self, key: &PublicKey, at: Timestamp) -> bool {
        !self.deactivated
            && self
                .document
                .grants(Relationship::CapabilityInvocation, key, at)
    }
}

impl VersionId {
    /// Parses the canonical form.
    ///
    /// # Errors
    /// Returns [`VersionIdError`] for any other spelling.
    pub fn parse(text: &str) -> Result<Self, VersionIdError> {
        let (seq, operation) = text.split_once('-').ok_or(VersionIdError)?;
        if !seq.bytes().all(|b| b.is_ascii_digit()) || (seq.len() > 1 && seq.starts_with('0')) {
            return Err(VersionIdError);
        }
        let seq = seq.parse().map_err(|_| VersionIdError)?;
        Ok(Self {
            seq,
            operation: operation.parse().map_err(|_| VersionIdError)?,
        })
    }
}

impl FromStr for VersionId {
    type Err = VersionIdError;

    fn from_str(text: &str) -> Result<Self, VersionIdError> {
        Self::parse(text)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.seq, self.operation)
    }
}

impl Serialize for VersionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VersionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
