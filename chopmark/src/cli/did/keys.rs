//! Which keys of the folder may act for a DID, and fresh ones to follow them.

use crate::cli::Failure;
use crate::cli::keyring::Keyring;
use anyhow::anyhow;
use chop_did::control::{KeyCommitment, KeySet};
use chop_did::{Control, DidState, Relationship, UpdateKeys};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use std::sync::Arc;

/// A set of keys with their names in the folder.
pub(crate) struct Held {
    /// The names, in the order of the keys.
    pub(super) names: Vec<String>,
    /// The keys.
    pub(super) keys: Vec<Arc<PrivateKey>>,
}

impl Held {
    /// Makes `count` keys under `NAME.role-N`.
    pub(super) fn fresh(
        keyring: &Keyring,
        stem: &str,
        count: u8,
        key_type: KeyType,
    ) -> Result<Self, Failure> {
        let mut held = Self {
            names: Vec::new(),
            keys: Vec::new(),
        };
        for _ in 0..count {
            let (name, key) = keyring.generate_next(stem, key_type)?;
            held.names.push(name);
            held.keys.push(key);
        }
        Ok(held)
    }

    /// Finds the keys of the folder that a test picks.
    pub(super) fn find(
        keyring: &Keyring,
        wanted: impl Fn(&PublicKey) -> bool,
    ) -> Result<Self, Failure> {
        let (names, keys) = keyring.load_known(wanted)?.into_iter().unzip();
        Ok(Self { names, keys })
    }

    /// The set that these keys make.
    pub(super) fn set(&self, threshold: u8) -> Result<KeySet, Failure> {
        KeySet::new(
            self.keys.iter().map(|key| key.public_key().clone()),
            threshold,
        )
        .map_err(Failure::usage)
    }

    /// The keys as signers, at most `count` of them.
    pub(crate) fn signers(&self, count: usize) -> Vec<&dyn Signer> {
        self.keys
            .iter()
            .take(count)
            .map(|key| key.as_ref() as &dyn Signer)
            .collect()
    }

    /// Refuses when fewer keys are here than are needed.
    pub(crate) fn at_least(self, needed: usize, what: &str) -> Result<Self, Failure> {
        if self.keys.len() >= needed {
            return Ok(self);
        }
        Err(Failure::usage(anyhow!(
            "{what} takes {needed} key(s) of which {} are in this key folder",
            self.keys.len()
        )))
    }
}

/// The keys of the folder that may invoke capabilities for a DID: one of them signs envelopes.
pub(crate) fn invoking(keyring: &Keyring, state: &DidState, now_ms: i64) -> Result<Held, Failure> {
    let at = Timestamp::from_unix_ms(now_ms);
    Held::find(keyring, |key| state.invokes(key, at))
}

/// The update keys of the folder that satisfy the threshold of a DID's own control.
pub(crate) fn updating(keyring: &Keyring, keys: &UpdateKeys) -> Result<Held, Failure> {
    let held = Held::find(keyring, |key| keys.current.keys().contains(key))?;
    held.at_least(
        usize::from(keys.current.threshold()),
        "an operation on this DID",
    )
}

/// The keys that a commitment names: all of them, since a set is revealed whole.
pub(super) fn committed(
    keyring: &Keyring,
    commitment: &KeyCommitment,
    what: &str,
) -> Result<Held, Failure> {
    Held::find(keyring, |key| commitment.contains(key))?
        .at_least(commitment.key_hashes().len(), what)
}

/// The update keys of a DID that has its own.
pub(crate) fn own_control(state: &DidState) -> Result<&UpdateKeys, Failure> {
    match state.control() {
        Control::Keys(keys) => Ok(keys),
        Control::Controller(controller) => Err(Failure::usage(anyhow!(
            "{} has no update keys of its own: {controller} controls it",
            state.did()
        ))),
    }
}

/// What a key is for a DID: whether it signs its operations, is committed to sign them, or acts by its document.
pub(crate) fn purpose(state: &DidState, key: &PublicKey, now_ms: i64) -> Option<&'static str> {
    let at = Timestamp::from_unix_ms(now_ms);
    if let Control::Keys(keys) = state.control() {
        if keys.current.keys().contains(key) {
            return Some("an update key");
        }
        if keys.next.as_ref().is_some_and(|next| next.contains(key)) {
            return Some("one of the next update keys");
        }
    }
    let pending = state
        .pending_recovery_at(at)
        .map(|pending| &pending.commitment);
    let mut recovery = state.recovery_at(at).into_iter().chain(pending);
    if recovery.any(|committed| committed.contains(key)) {
        return Some("a recovery key");
    }
    let relationships = [
        (Relationship::CapabilityInvocation, "a key that acts"),
        (
            Relationship::AssertionMethod,
            "a key that signs credentials",
        ),
    ];
    let mut granted = relationships.into_iter();
    granted
        .find(|(relationship, _)| state.document().grants(*relationship, key, at))
        .map(|(_, purpose)| purpose)
}

/// The stem of key names for a DID: its name in the folder, else the start of its identifier.
pub(super) fn stem(keyring: &Keyring, state: &DidState) -> Result<String, Failure> {
    let did = state.did().to_string();
    let names = keyring.names()?;
    let known = names
        .into_iter()
        .find(|(_, known)| *known == did)
        .map(|(name, _)| name);
    Ok(known.unwrap_or_else(|| {
        did.rsplit(':')
            .next()
            .unwrap_or_default()
            .chars()
            .take(12)
            .collect()
    }))
}

/// The type of new keys: that of the keys that they follow.
pub(super) fn kind_of(held: &Held) -> KeyType {
    held.keys
        .first()
        .map_or(KeyType::Ed25519, |key| key.public_key().key_type())
}
