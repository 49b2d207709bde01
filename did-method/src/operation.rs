//! Operations: what is signed, and the checks that need no ledger state (SPEC §4.6, §4.7).

mod error;
mod parse;
mod proof;

pub use error::OperationError;
pub(crate) use proof::PURPOSE;

use crate::chop::ChopDid;
use crate::control::{KeyCommitment, UpdateKeys};
use crate::document::Document;
use crate::genesis::Genesis;
use chop_integrity::Hash;
use chop_keys::PublicKey;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// The domain tag of an operation hash.
pub const OPERATION_TAG: &str = "chop/operation/v1";
/// The most bytes that a signed operation may have in JCS form.
pub const MAX_OPERATION_BYTES: usize = 8_192;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Registers a DID from its genesis (SPEC §6.2).
    Create,
    /// Replaces the document (SPEC §6.3).
    Update,
    /// Replaces the update keys (SPEC §6.4).
    Rotate,
    /// Replaces the update keys by the authority of the recovery set (SPEC §6.5).
    Recover,
    /// Stops a pending change of the recovery set (SPEC §6.6).
    Veto,
    /// Ends the DID (SPEC §6.7).
    Deactivate,
    /// Gives a controlled DID to another controller (SPEC §6.8).
    Transfer,
}

/// An operation whose shape, size and every signature were checked, together with the JSON that was signed.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedOperation {
    value: Value,
    operation: Operation,
}

/// A well-formed operation and the keys that signed it; whether they may is for [`crate::apply`] to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    did: ChopDid,
    seq: u64,
    previous: Option<Hash>,
    hash: Hash,
    signers: BTreeSet<PublicKey>,
    body: Body,
}

/// What each kind of operation carries beside the document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    Create {
        genesis: Box<Genesis>,
    },
    Update {
        document: Document,
        recovery: Option<KeyCommitment>,
    },
    Rotate {
        document: Document,
        keys: UpdateKeys,
        recovery: Option<KeyCommitment>,
    },
    Recover {
        document: Document,
        revealed: BTreeSet<PublicKey>,
        keys: UpdateKeys,
        recovery: KeyCommitment,
    },
    Veto {
        document: Document,
        vetoed: Hash,
    },
    Deactivate {
        document: Document,
    },
    Transfer {
        document: Document,
        controller: ChopDid,
    },
}

/// Where an operation stands in its log: what can be read of it when its hash is known and vouched for, so that whoever vouches
/// has checked the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The hash of the operation.
    pub hash: Hash,
    /// The hash of the one before; a create has none.
    pub previous: Option<Hash>,
    /// The controller that a create or a transfer names.
    pub controller: Option<ChopDid>,
}

impl Link {
    /// Reads the link of an operation, proofs included, without checking its shape or its signatures.
    ///
    /// # Errors
    /// Returns an error when the value is too large or no operation at all.
    pub fn of(value: &Value) -> Result<Self, OperationError> {
        parse::link(value)
    }
}

impl SignedOperation {
    /// Returns the checked operation.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Returns the signed JSON, proofs included.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Gives up the signed JSON.
    pub fn into_value(self) -> Value {
        self.value
    }
}

impl TryFrom<Value> for SignedOperation {
    type Error = OperationError;

    /// Checks profile, size, shape, document and every signature (SPEC §4.6, §4.7).
    fn try_from(value: Value) -> Result<Self, OperationError> {
        let operation = parse::parse(&value)?;
        Ok(Self { value, operation })
    }
}

impl Serialize for SignedOperation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SignedOperation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Operation {
    /// Returns the DID that the operation changes.
    pub fn did(&self) -> &ChopDid {
        &self.did
    }

    /// Returns what the operation does.
    pub fn kind(&self) -> OperationKind {
        match &self.body {
            Body::Create { .. } => OperationKind::Create,
            Body::Update { .. } => OperationKind::Update,
            Body::Rotate { .. } => OperationKind::Rotate,
            Body::Recover { .. } => OperationKind::Recover,
            Body::Veto { .. } => OperationKind::Veto,
            Body::Deactivate { .. } => OperationKind::Deactivate,
            Body::Transfer { .. } => OperationKind::Transfer,
        }
    }

    /// Returns the version that the operation makes; a create makes version 0.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the hash of the operation before; a create has none.
    pub fn previous(&self) -> Option<&Hash> {
        self.previous.as_ref()
    }

    /// Returns SHA-256(`chop/operation/v1` ‖ JCS(operation without proof)).
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Returns the distinct keys whose signatures verified.
    pub fn signers(&self) -> &BTreeSet<PublicKey> {
        &self.signers
    }

    /// Returns the genesis that a create registers.
    pub fn genesis(&self) -> Option<&Genesis> {
        match &self.body {
            Body::Create { genesis } => Some(genesis),
            _ => None,
        }
    }

    /// Returns the controller that a transfer names.
    pub fn new_controller(&self) -> Option<&ChopDid> {
        match &self.body {
            Body::Transfer { controller, .. } => Some(controller),
            _ => None,
        }
    }

    /// Returns the full document that the operation states, with relative ids.
    pub fn document(&self) -> &Document {
        match &self.body {
            Body::Create { genesis } => genesis.document(),
            Body::Update { document, .. }
            | Body::Rotate { document, .. }
            | Body::Recover { document, .. }
            | Body::Veto { document, .. }
            | Body::Deactivate { document }
            | Body::Transfer { document, .. } => document,
        }
    }

    pub(crate) fn body(&self) -> &Body {
        &self.body
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Rotate => "rotate",
            Self::Recover => "recover",
            Self::Veto => "veto",
            Self::Deactivate => "deactivate",
            Self::Transfer => "transfer",
        })
    }
}
