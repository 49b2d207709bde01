//! The genesis of a DID: what its identifier is the hash of (SPEC §4.4).

use crate::chop::{ChopDid, LedgerId, Scid};
use crate::control::{Control, ControlError, KeyCommitment, RawControl};
use crate::document::{Document, DocumentError};
use chop_integrity::Hash;
use chop_integrity::json::{self, Limits};
use chop_keys::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// The domain tag of a genesis hash.
pub const GENESIS_TAG: &str = "chop/genesis/v1";

/// What kind of thing a DID stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Class {
    /// A legal entity; it rotates by commitment, always.
    Organisation,
    /// A place: an orchard, a plant, a hospital.
    Facility,
    /// A machine or an instrument.
    Device,
    /// A product item, lot or kind.
    Product,
    /// A creative or technical work.
    Work,
    /// A body of data.
    Dataset,
    /// A software service.
    Service,
}

/// A well-formed genesis: every rule of SPEC §4.4 holds for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Genesis {
    value: Map<String, Value>,
    scid: Scid,
    ledger: LedgerId,
    class: Class,
    control: Control,
    recovery: Option<KeyCommitment>,
    document: Document,
}

/// Says why a genesis is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// The JSON breaks the restricted profile or the size bound.
    #[error("genesis is outside the restricted JSON profile: {reason}")]
    Profile {
        /// What the JSON layer said.
        reason: String,
    },
    /// A member is missing, unknown or of the wrong type.
    #[error("genesis is not of the required shape: {reason}")]
    Shape {
        /// What the decoder said.
        reason: String,
    },
    /// The update keys, commitments or controller are malformed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The document is malformed.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// An organisation has no update keys of its own or no commitment to the next ones.
    #[error("an organisation has its own update keys and commits to the next ones")]
    Organisation,
    /// A controlled DID carries a recovery commitment.
    #[error("a controlled DID has no recovery set: its controller's recovery serves it")]
    ControlledRecovery,
    /// The controller is on another ledger.
    #[error("the controller is on ledger {controller}, the genesis on {genesis}")]
    ForeignController {
        /// The controller's ledger.
        controller: String,
        /// The ledger of this genesis.
        genesis: String,
    },
    /// The nonce is not 32 lower-case hexadecimal digits.
    #[error("the nonce is 32 lower-case hexadecimal digits")]
    Nonce,
}

impl GenesisError {
    /// Returns the stable rule code (SPEC §12).
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Profile { .. } => "did.profile", // SPEC §4.1
            Self::Shape { .. } => "did.shape",     // SPEC §4.1
            Self::Control(_) => "did.control",     // SPEC §4.3
            Self::Document(_) => "did.document",   // SPEC §4.5
            // SPEC §4.4
            Self::Organisation
            | Self::ControlledRecovery
            | Self::ForeignController { .. }
            | Self::Nonce => "did.genesis",
        }
    }
}

/// The JSON form of a genesis.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawGenesis {
    ledger: LedgerId,
    class: Class,
    update_keys: Option<Vec<String>>,
    threshold: Option<u8>,
    next_key_hashes: Option<Vec<Hash>>,
    next_threshold: Option<u8>,
    controller: Option<ChopDid>,
    recovery: Option<KeyCommitment>,
    document: Value,
    nonce: String,
}

impl Genesis {
    /// Parses a genesis and checks every rule that needs no ledger state (SPEC §4.4).
    ///
    /// # Errors
    /// Returns [`GenesisError`], which says which rule is broken.
    pub fn parse(value: Value) -> Result<Self, GenesisError> {
        json::check_restricted(&value, &Limits::OPERATION).map_err(|e| GenesisError::Profile {
            reason: e.to_string(),
        })?;
        let digest = Hash::of_json(GENESIS_TAG, &value).map_err(|e| GenesisError::Profile {
            reason: e.to_string(),
        })?;
        refuse_nulls(&value)?;
        let raw: RawGenesis =
            serde_json::from_value(value.clone()).map_err(|e| GenesisError::Shape {
                reason: e.to_string(),
            })?;
        let Value::Object(value) = value else {
            return Err(GenesisError::Shape {
                reason: "not an object".to_owned(),
            });
        };
        let control = Control::try_from(RawControl {
            update_keys: raw.update_keys,
            threshold: raw.threshold,
            next_key_hashes: raw.next_key_hashes,
            next_threshold: raw.next_threshold,
            controller: raw.controller,
        })?;
        check_control(raw.class, &raw.ledger, &control, raw.recovery.as_ref())?;
        if raw.nonce.len() != 32
            || !raw
                .nonce
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(GenesisError::Nonce);
        }
        let document = Document::parse(raw.document)?;
        let scid = Scid::of_genesis(digest);
        Ok(Self {
            value,
            scid,
            ledger: raw.ledger,
            class: raw.class,
            control,
            recovery: raw.recovery,
            document,
        })
    }

    /// Completes a founder's genesis, written before its ledger had an id, with that id (SPEC §6.9).
    ///
    /// # Errors
    /// Returns [`GenesisError`] when the template already names a ledger or the completed genesis is malformed.
    pub fn complete(template: Value, ledger: &LedgerId) -> Result<Self, GenesisError> {
        let Value::Object(mut members) = template else {
            return Err(GenesisError::Shape {
                reason: "not an object".to_owned(),
            });
        };
        if members
            .insert("ledger".to_owned(), Value::String(ledger.to_string()))
            .is_some()
        {
            return Err(GenesisError::Shape {
                reason: "a founder's genesis names no ledger".to_owned(),
            });
        }
        Self::parse(Value::Object(members))
    }

    /// Returns the self-certifying identifier: SHA-256(`chop/genesis/v1` ‖ JCS(genesis)).
    pub fn scid(&self) -> Scid {
        self.scid
    }

    /// Returns the DID that this genesis makes.
    pub fn did(&self) -> ChopDid {
        ChopDid::new(self.ledger.short(), self.scid)
    }

    /// Returns the full id of the ledger that the DID lives on.
    pub fn ledger(&self) -> &LedgerId {
        &self.ledger
    }

    /// Returns what the DID stands for.
    pub fn class(&self) -> Class {
        self.class
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

    /// Iterates over the update keys; a controlled DID has none.
    pub fn update_keys(&self) -> impl Iterator<Item = &PublicKey> {
        match &self.control {
            Control::Keys(keys) => Some(keys.current.keys().iter()),
            Control::Controller(_) => None,
        }
        .into_iter()
        .flatten()
    }

    /// Returns the commitment to the recovery set.
    pub fn recovery(&self) -> Option<&KeyCommitment> {
        self.recovery.as_ref()
    }

    /// Returns the first document, with relative ids.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Returns the JSON that the identifier is the hash of.
    pub fn value(&self) -> &Map<String, Value> {
        &self.value
    }
}

/// Checks what class, ledger and recovery ask of the control of a new DID.
fn check_control(
    class: Class,
    ledger: &LedgerId,
    control: &Control,
    recovery: Option<&KeyCommitment>,
) -> Result<(), GenesisError> {
    match control {
        // SPEC §4.4: an organisation is nobody's instrument, and it rotates by commitment.
        Control::Controller(_) if class == Class::Organisation => Err(GenesisError::Organisation),
        Control::Keys(keys) if class == Class::Organisation && keys.next.is_none() => {
            Err(GenesisError::Organisation)
        }
        Control::Controller(_) if recovery.is_some() => Err(GenesisError::ControlledRecovery),
        Control::Controller(did) if did.ledger() != ledger.short() => {
            Err(GenesisError::ForeignController {
                controller: did.ledger().to_string(),
                genesis: ledger.short().to_string(),
            })
        }
        Control::Controller(_) => Ok(()),
        Control::Keys(keys) => Ok(keys.check_distinct_from(recovery)?),
    }
}

/// Refuses members that are null: an absent member is left out, so that one meaning has one hash.
fn refuse_nulls(value: &Value) -> Result<(), GenesisError> {
    match value {
        Value::Object(members) if members.values().any(Value::is_null) => {
            Err(GenesisError::Shape {
                reason: "an absent member is left out, not null".to_owned(),
            })
        }
        _ => Ok(()),
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Organisation => "organisation",
            Self::Facility => "facility",
            Self::Device => "device",
            Self::Product => "product",
            Self::Work => "work",
            Self::Dataset => "dataset",
            Self::Service => "service",
        })
    }
}
