//! Who may sign the versions of a DID, along a log of operations of which only the proofs are in question.
//!
//! The hash that a [`crate::VersionRecord`] holds leaves the proofs out, so whoever is handed a log and trusts the records
//! knows what was done, but not that those proofs are by keys that could do it.

use super::{
    Rejection, check_givers, check_invokers, check_revealed, check_rotation, check_threshold,
};
use crate::chop::ChopDid;
use crate::control::{Control, KeyCommitment};
use crate::document::{Document, Relationship};
use crate::genesis::Genesis;
use crate::operation::{Body, Operation};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use std::sync::Arc;

/// What authorises the next operation of a DID.
#[derive(Clone, Debug, PartialEq)]
pub struct Authority {
    control: Control,
    recovery: Option<KeyCommitment>,
    /// A change of the recovery set that waits, or is in force by now: for how long it waited, a log does not say.
    asked: Option<KeyCommitment>,
}

/// By what the controllers act that an operation concerns.
#[derive(Clone, Copy, Debug)]
pub struct Controllers<'a> {
    /// The time of the header that holds the operation.
    pub time: Timestamp,
    /// The documents that the DID's controller had in the course of that block, while it lived.
    pub controller: &'a [Arc<Document>],
    /// Those of the controller that a transfer names.
    pub new_controller: &'a [Arc<Document>],
}

impl Authority {
    /// Begins with a genesis: what authorises its create, and what comes after.
    pub fn of_genesis(genesis: &Genesis) -> Self {
        Self {
            control: genesis.control().clone(),
            recovery: genesis.recovery().cloned(),
            asked: None,
        }
    }

    /// Begins with an item of a batch, whose first version nobody signs (SPEC §13.6).
    pub fn of_item(controller: ChopDid) -> Self {
        Self {
            control: Control::Controller(controller),
            recovery: None,
            asked: None,
        }
    }

    /// Returns the controller whose keys act for the DID.
    pub fn controller(&self) -> Option<&ChopDid> {
        match &self.control {
            Control::Controller(did) => Some(did),
            Control::Keys(_) => None,
        }
    }

    /// Checks that the operation's signers could authorise it (SPEC §6.2 to §6.8); all else about it is taken for right.
    ///
    /// # Errors
    /// Returns the [`Rejection`] that the state machine would have answered with.
    pub fn check(&self, op: &Operation, controllers: &Controllers<'_>) -> Result<(), Rejection> {
        let signers = op.signers();
        let acts = |documents: &[Arc<Document>], key: &PublicKey| {
            documents.iter().any(|document| {
                document.grants(Relationship::CapabilityInvocation, key, controllers.time)
            })
        };
        let gives = |key: &PublicKey| acts(controllers.controller, key);
        let takes = |key: &PublicKey| acts(controllers.new_controller, key);
        match (&self.control, op.body()) {
            // SPEC §6.4
            (Control::Keys(keys), Body::Rotate { keys: new, .. }) => {
                check_rotation(keys, new, signers)
            }
            // SPEC §6.5: the set in force, or the one that may have come into force.
            (Control::Keys(_), Body::Recover { revealed, .. }) => {
                let mut refused = Rejection::NoRecovery;
                for committed in self.recovery.iter().chain(&self.asked) {
                    match check_revealed(committed, revealed, signers) {
                        Ok(()) => return Ok(()),
                        Err(rejection) => refused = rejection,
                    }
                }
                Err(refused)
            }
            (Control::Keys(_), Body::Transfer { .. }) => Err(Rejection::NotControlled),
            // SPEC §6.2, §6.3, §6.6, §6.7
            (Control::Keys(keys), _) => check_threshold(keys, signers),
            (Control::Controller(_), Body::Rotate { .. } | Body::Recover { .. }) => {
                Err(Rejection::Controlled)
            }
            // SPEC §6.8
            (Control::Controller(_), Body::Transfer { .. }) => check_givers(signers, gives, takes),
            // SPEC §6.10
            (Control::Controller(_), _) => check_invokers(signers, gives),
        }
    }

    /// Goes on to what authorises the operation after this one.
    pub fn follow(&mut self, op: &Operation) {
        match op.body() {
            Body::Create { .. } | Body::Deactivate { .. } => {}
            Body::Update { recovery, .. } => self.ask(recovery.as_ref()),
            Body::Rotate { keys, recovery, .. } => {
                self.control = Control::Keys(keys.clone());
                self.ask(recovery.as_ref());
            }
            Body::Recover { keys, recovery, .. } => {
                self.control = Control::Keys(keys.clone());
                self.recovery = Some(recovery.clone());
                self.asked = None;
            }
            Body::Veto { .. } => self.asked = None,
            Body::Transfer { controller, .. } => self.control = Control::Controller(*controller),
        }
    }

    fn ask(&mut self, asked: Option<&KeyCommitment>) {
        let Some(asked) = asked else { return };
        // SPEC §6.3: one change waits at a time, so the one before is in force.
        if let Some(before) = self.asked.replace(asked.clone()) {
            self.recovery = Some(before);
        }
    }
}
