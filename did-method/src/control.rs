//! Who may change a DID: key sets with thresholds, commitments to key sets, controllers (SPEC §4.3).

use crate::chop::ChopDid;
use chop_integrity::Hash;
use chop_integrity::proof::JcsSuite;
use chop_keys::PublicKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most keys that a set or a commitment may hold.
pub const MAX_KEYS: usize = 7;
/// The domain tag of a key hash.
pub const KEY_TAG: &str = "chop/key/v1";

/// A set of distinct keys of which `threshold` must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySet {
    keys: BTreeSet<PublicKey>,
    threshold: u8,
}

/// A promise of a key set: the hash of each key and the threshold; the set is revealed whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "RawCommitment")]
pub struct KeyCommitment {
    key_hashes: BTreeSet<Hash>,
    threshold: u8,
}

/// The update keys of a DID and the commitment to the set that follows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateKeys {
    /// The keys in force.
    pub current: KeySet,
    /// The keys that the next rotation must reveal; `None` when the DID does not rotate by commitment.
    pub next: Option<KeyCommitment>,
}

/// What authorises the operations of a DID.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawControl", into = "RawControl")]
pub enum Control {
    /// The DID's own update keys.
    Keys(UpdateKeys),
    /// The `capabilityInvocation` keys in another DID's document.
    Controller(ChopDid),
}

/// Says why a key set, a commitment or the control of a DID is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// A set is empty or holds more than [`MAX_KEYS`].
    #[error("{member} has {count} entries, allowed are 1 to {MAX_KEYS}")]
    Count {
        /// The JSON member.
        member: &'static str,
        /// How many entries it has.
        count: usize,
    },
    /// An entry occurs twice.
    #[error("{member} repeats an entry")]
    Duplicate {
        /// The JSON member.
        member: &'static str,
    },
    /// The threshold is zero or more than the number of entries.
    #[error("threshold {threshold} cannot be met by {count} keys")]
    Threshold {
        /// The threshold given.
        threshold: u8,
        /// How many keys there are.
        count: usize,
    },
    /// A key is no canonical Multikey of a signing type.
    #[error("{member} holds a key that is no canonical Multikey of a type that signs operations")]
    Key {
        /// The JSON member.
        member: &'static str,
    },
    /// Neither or both of update keys and controller are given, or a threshold without its set.
    #[error(
        "control is either updateKeys with threshold or a controller, and nextKeyHashes come with nextThreshold"
    )]
    Shape,
    /// A key serves two purposes among update, next and recovery.
    #[error("one key serves two of the update, next and recovery sets")]
    Reuse,
}

impl KeySet {
    /// Makes a set from distinct keys and a threshold.
    ///
    /// # Errors
    /// Returns [`ControlError`] when there are none or too many, one repeats, or the threshold cannot be met (SPEC §4.3).
    pub fn new(
        keys: impl IntoIterator<Item = PublicKey>,
        threshold: u8,
    ) -> Result<Self, ControlError> {
        let given: Vec<PublicKey> = keys.into_iter().collect();
        let count = given.len();
        let keys: BTreeSet<PublicKey> = given.into_iter().collect();
        check_counts("updateKeys", count, keys.len(), threshold)?;
        Ok(Self { keys, threshold })
    }

    /// Returns the keys.
    pub fn keys(&self) -> &BTreeSet<PublicKey> {
        &self.keys
    }

    /// Returns how many distinct keys must sign.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Counts the distinct signers that belong to this set.
    pub fn count(&self, signers: &BTreeSet<PublicKey>) -> usize {
        self.keys.intersection(signers).count()
    }

    /// Tells that enough of this set signed.
    pub fn is_met_by(&self, signers: &BTreeSet<PublicKey>) -> bool {
        self.count(signers) >= usize::from(self.threshold)
    }

    /// Makes the commitment that this set will satisfy when it is revealed.
    pub fn commitment(&self) -> KeyCommitment {
        KeyCommitment {
            key_hashes: self.keys.iter().map(key_hash).collect(),
            threshold: self.threshold,
        }
    }
}

impl KeyCommitment {
    /// Makes a commitment from distinct key hashes and a threshold.
    ///
    /// # Errors
    /// Returns [`ControlError`] like [`KeySet::new`].
    pub fn new(
        hashes: impl IntoIterator<Item = Hash>,
        threshold: u8,
    ) -> Result<Self, ControlError> {
        let given: Vec<Hash> = hashes.into_iter().collect();
        let count = given.len();
        let key_hashes: BTreeSet<Hash> = given.into_iter().collect();
        check_counts("keyHashes", count, key_hashes.len(), threshold)?;
        Ok(Self {
            key_hashes,
            threshold,
        })
    }

    /// Returns the hashes.
    pub fn key_hashes(&self) -> &BTreeSet<Hash> {
        &self.key_hashes
    }

    /// Returns how many of the revealed keys must sign.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Tells that these keys are the whole committed set, none missing and none added.
    pub fn is_opened_by(&self, keys: &BTreeSet<PublicKey>) -> bool {
        keys.len() == self.key_hashes.len() && keys.iter().all(|key| self.contains(key))
    }

    /// Tells that this key is one of those committed.
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.key_hashes.contains(&key_hash(key))
    }
}

impl UpdateKeys {
    /// Refuses a key that stands in two of: update set, next set, recovery set (SPEC §4.3).
    ///
    /// # Errors
    /// Returns [`ControlError::Reuse`].
    pub fn check_distinct_from(
        &self,
        recovery: Option<&KeyCommitment>,
    ) -> Result<(), ControlError> {
        let in_both =
            |a: &KeyCommitment, b: &KeyCommitment| !a.key_hashes.is_disjoint(&b.key_hashes);
        let current = self.current.commitment();
        let clash = self
            .next
            .as_ref()
            .is_some_and(|next| in_both(&current, next))
            || recovery.is_some_and(|recovery| in_both(&current, recovery))
            || self
                .next
                .as_ref()
                .zip(recovery)
                .is_some_and(|(next, recovery)| in_both(next, recovery));
        if clash {
            Err(ControlError::Reuse)
        } else {
            Ok(())
        }
    }
}

/// Hashes a key for a commitment: SHA-256(`chop/key/v1` ‖ multikey text) (SPEC §4.3).
pub fn key_hash(key: &PublicKey) -> Hash {
    Hash::of(KEY_TAG, key.multikey().as_bytes())
}

/// Parses distinct canonical Multikeys, of types that sign operations.
pub(crate) fn parse_keys(
    member: &'static str,
    texts: &[String],
) -> Result<BTreeSet<PublicKey>, ControlError> {
    if texts.is_empty() || texts.len() > MAX_KEYS {
        return Err(ControlError::Count {
            member,
            count: texts.len(),
        });
    }
    let mut keys = BTreeSet::new();
    for text in texts {
        let key = PublicKey::from_multikey(text)
            .ok()
            .filter(|key| JcsSuite::for_key(key.key_type()).is_some())
            .ok_or(ControlError::Key { member })?;
        if !keys.insert(key) {
            return Err(ControlError::Duplicate { member });
        }
    }
    Ok(keys)
}

fn check_counts(
    member: &'static str,
    given: usize,
    distinct: usize,
    threshold: u8,
) -> Result<(), ControlError> {
    if given == 0 || given > MAX_KEYS {
        return Err(ControlError::Count {
            member,
            count: given,
        });
    }
    if distinct != given {
        return Err(ControlError::Duplicate { member });
    }
    if threshold == 0 || usize::from(threshold) > given {
        return Err(ControlError::Threshold {
            threshold,
            count: given,
        });
    }
    Ok(())
}

/// The JSON form of a commitment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawCommitment {
    key_hashes: Vec<Hash>,
    threshold: u8,
}

impl TryFrom<RawCommitment> for KeyCommitment {
    type Error = ControlError;

    fn try_from(raw: RawCommitment) -> Result<Self, ControlError> {
        Self::new(raw.key_hashes, raw.threshold)
    }
}

/// The JSON members that state control, as they stand in a genesis, an operation and the state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RawControl {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) update_keys: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_key_hashes: Option<Vec<Hash>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_threshold: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) controller: Option<ChopDid>,
}

impl TryFrom<RawControl> for UpdateKeys {
    type Error = ControlError;

    fn try_from(raw: RawControl) -> Result<Self, ControlError> {
        let (Some(texts), Some(threshold), None) = (raw.update_keys, raw.threshold, raw.controller)
        else {
            return Err(ControlError::Shape);
        };
        let current = KeySet::new(parse_keys("updateKeys", &texts)?, threshold)?;
        let next = match (raw.next_key_hashes, raw.next_threshold) {
            (Some(hashes), Some(threshold)) => Some(KeyCommitment::new(hashes, threshold)?),
            (None, None) => None,
            _ => return Err(ControlError::Shape),
        };
        Ok(Self { current, next })
    }
}

impl TryFrom<RawControl> for Control {
    type Error = ControlError;

    fn try_from(raw: RawControl) -> Result<Self, ControlError> {
        match raw {
            RawControl {
                update_keys: None,
                threshold: None,
                next_key_hashes: None,
                next_threshold: None,
                controller: Some(did),
            } => Ok(Self::Controller(did)),
            raw => UpdateKeys::try_from(raw).map(Self::Keys),
        }
    }
}

impl From<Control> for RawControl {
    fn from(control: Control) -> Self {
        match control {
            Control::Controller(did) => Self {
                controller: Some(did),
                ..Self::default()
            },
            Control::Keys(keys) => Self::from(&keys),
        }
    }
}

impl From<&UpdateKeys> for RawControl {
    fn from(keys: &UpdateKeys) -> Self {
        let mut texts: Vec<String> = keys.current.keys.iter().map(PublicKey::multikey).collect();
        texts.sort_unstable();
        Self {
            update_keys: Some(texts),
            threshold: Some(keys.current.threshold),
            next_key_hashes: keys
                .next
                .as_ref()
                .map(|next| next.key_hashes.iter().copied().collect()),
            next_threshold: keys.next.as_ref().map(|next| next.threshold),
            controller: None,
        }
    }
}
