//! The builder of a genesis.

use crate::chop::{ChopDid, LedgerId};
use crate::control::{Control, KeyCommitment, RawControl, UpdateKeys};
use crate::document::Document;
use crate::genesis::{Class, Genesis, GenesisError};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// A genesis in the making.
#[derive(Clone, Debug)]
pub struct GenesisDraft {
    class: Class,
    control: Control,
    recovery: Option<KeyCommitment>,
    document: Document,
    nonce: [u8; 16],
}

impl GenesisDraft {
    /// Starts a DID with update keys of its own; the nonce is 16 random bytes.
    pub fn own_keys(class: Class, keys: UpdateKeys, nonce: [u8; 16]) -> Self {
        Self {
            class,
            control: Control::Keys(keys),
            recovery: None,
            document: Document::empty(),
            nonce,
        }
    }

    /// Starts a DID that its controller's keys act for; the nonce is 16 random bytes.
    pub fn controlled(class: Class, controller: ChopDid, nonce: [u8; 16]) -> Self {
        Self {
            class,
            control: Control::Controller(controller),
            recovery: None,
            document: Document::empty(),
            nonce,
        }
    }

    /// Commits to a recovery set.
    #[must_use]
    pub fn with_recovery(mut self, recovery: KeyCommitment) -> Self {
        self.recovery = Some(recovery);
        self
    }

    /// States the first document.
    #[must_use]
    pub fn with_document(mut self, document: Document) -> Self {
        self.document = document;
        self
    }

    /// Finishes the genesis for a ledger.
    ///
    /// # Errors
    /// Returns [`GenesisError`], which says what rule of SPEC §4.4 is broken.
    pub fn build(&self, ledger: &LedgerId) -> Result<Genesis, GenesisError> {
        Genesis::complete(self.template(), ledger)
    }

    /// Returns the genesis without its ledger: what stands in the genesis of a ledger for a founder (SPEC §6.9).
    pub fn template(&self) -> Value {
        let mut members = match serde_json::to_value(RawControl::from(self.control.clone())) {
            Ok(Value::Object(members)) => members,
            _ => Map::new(),
        };
        let nonce = self
            .nonce
            .iter()
            .fold(String::with_capacity(32), |mut text, byte| {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            });
        members.insert("class".to_owned(), json!(self.class));
        members.insert("document".to_owned(), json!(self.document));
        members.insert("nonce".to_owned(), Value::String(nonce));
        if let Some(recovery) = &self.recovery {
            members.insert("recovery".to_owned(), json!(recovery));
        }
        Value::Object(members)
    }
}
