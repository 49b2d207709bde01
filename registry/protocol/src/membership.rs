//! Members of the consortium, and the validators that they run.

use chop_did::ChopDid;
use chop_integrity::{Hash, Timestamp};
use chop_keys::PublicKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::envelope::MAX_WORK;
pub use crate::terms::MemberName;

/// Most member records of a ledger, ended memberships included.
pub const MAX_MEMBERS: usize = 128;
/// Most events in one record. The last place is kept for a removal.
pub const MAX_MEMBER_EVENTS: usize = 64;
/// Most TLS keys that one member binds, ended bindings included: every node remembers all of them. A certificate that is
/// renewed over its key takes none.
pub const MAX_BINDINGS: u32 = 256;
/// Largest power of one validator, and largest quota: the engine sums powers in an `i64` and multiplies the sum.
pub const MAX_POWER: u64 = 1 << 40;

/// A member of the consortium, as stored under [`crate::keys::member`]; the record stays when the membership ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Member {
    /// The member's DID.
    pub did: ChopDid,
    /// Header time of its first admission.
    pub since: Timestamp,
    /// Height of its first admission; 0 for a founder.
    pub height: u64,
    /// What people call it; founders have none but what their DID document says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<MemberName>,
    /// What it may do.
    #[serde(default, skip_serializing_if = "Role::is_member")]
    pub role: Role,
    /// What it may sponsor; the parameters' numbers when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<MemberQuota>,
    /// What happened since, in ledger order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<MemberEvent>,
}

/// One change of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberEvent {
    /// What happened.
    pub kind: MemberEventKind,
    /// Header time.
    pub time: Timestamp,
    /// Height.
    pub height: u64,
    /// The proposal that decided it.
    pub proposal: Hash,
}

/// What happened to a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberEventKind {
    /// It was taken in, for the first time or again.
    Admitted,
    /// It may not act until it is reinstated.
    Suspended,
    /// It may act again.
    Reinstated,
    /// It is no member any more.
    Removed,
}

/// Where a membership stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberStanding {
    /// It may act.
    Live,
    /// It may not act for now.
    Suspended,
    /// It has ended.
    Removed,
}

/// What a member may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sponsors, votes, runs validators.
    #[default]
    Member,
    /// Sponsors and reads under supervision law; neither votes nor runs a validator.
    Supervisor,
}

/// What one member may sponsor, in work units; see [`crate::Action::work`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberQuota {
    /// In one block.
    pub block_work: u64,
    /// On one day.
    pub day_work: u64,
}

/// The set of validators, as stored under [`crate::keys::VALIDATORS`] where members govern it, ordered by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValidatorSet(Vec<Validator>);

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Validator {
    /// The Ed25519 key that signs headers, as Multikey.
    pub public_key: PublicKey,
    /// Voting power, from 1.
    pub power: u64,
    /// The member that runs it.
    pub member: ChopDid,
}

/// A validator whose power differs after a block: what the engine is told. It acts two heights later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorUpdate {
    /// The Ed25519 key that signs headers.
    pub public_key: PublicKey,
    /// The new power; 0 when the validator goes.
    pub power: u64,
}

/// Says in what way one set must not follow another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kept} of power stays of {before} before and {after} after, fewer than a third of their sum"
)]
pub struct OverlapError {
    /// Power that both sets give to the same keys.
    pub kept: u64,
    /// Total power before.
    pub before: u64,
    /// Total power after.
    pub after: u64,
}

impl Role {
    /// Says whether it is a member's part: the one that is left out of JSON.
    pub const fn is_member(&self) -> bool {
        matches!(self, Self::Member)
    }
}

impl MemberQuota {
    /// Says whether an envelope of the largest weight fits, and nothing overflows.
    pub fn is_usable(&self) -> bool {
        let usable = MAX_WORK..=MAX_POWER;
        usable.contains(&self.block_work) && usable.contains(&self.day_work)
    }
}

impl Member {
    /// Returns the record of a founder.
    pub const fn founder(did: ChopDid, since: Timestamp) -> Self {
        Self {
            did,
            since,
            height: 0,
            name: None,
            role: Role::Member,
            quota: None,
            events: Vec::new(),
        }
    }

    /// Says where the membership stands now.
    pub fn standing(&self) -> MemberStanding {
        standing_after(self.events.last())
    }

    /// Says where the membership stood at `at`; `None` before the first admission.
    pub fn standing_at(&self, at: Timestamp) -> Option<MemberStanding> {
        let before = self.events.iter().rfind(|event| event.time <= at);
        (self.since <= at).then(|| standing_after(before))
    }

    /// Says whether it may act.
    pub fn is_live(&self) -> bool {
        self.standing() == MemberStanding::Live
    }
}

fn standing_after(event: Option<&MemberEvent>) -> MemberStanding {
    match event.map(|event| event.kind) {
        None | Some(MemberEventKind::Admitted | MemberEventKind::Reinstated) => {
            MemberStanding::Live
        }
        Some(MemberEventKind::Suspended) => MemberStanding::Suspended,
        Some(MemberEventKind::Removed) => MemberStanding::Removed,
    }
}

impl ValidatorSet {
    /// Orders validators by key; of two with one key the later stays.
    pub fn new(validators: impl IntoIterator<Item = Validator>) -> Self {
        let by_key: BTreeMap<_, _> = validators
            .into_iter()
            .map(|validator| (validator.public_key.clone(), validator))
            .collect();
        Self(by_key.into_values().collect())
    }

    /// Returns the validators, ordered by key.
    pub fn validators(&self) -> &[Validator] {
        &self.0
    }

    /// Finds the validator with a key.
    pub fn find(&self, key: &PublicKey) -> Option<&Validator> {
        self.0.iter().find(|validator| validator.public_key == *key)
    }

    /// Returns the sum of the powers.
    pub fn power(&self) -> u64 {
        self.power_of(|_| true)
    }

    /// Returns the sum of the powers of some.
    pub fn power_of(&self, mut counts: impl FnMut(&Validator) -> bool) -> u64 {
        let counted = self.0.iter().filter(|validator| counts(validator));
        counted.fold(0, |sum, validator| sum.saturating_add(validator.power))
    }

    /// Checks that a light client that trusts this set can step to `next` at once.
    ///
    /// A commit of `next` lacks less than a third of its power, so the power that it carries of this set's keys is more
    /// than `kept − next/3`, where `kept` is what both sets give to the same keys. Skipping takes more than a third of
    /// this set's power: `3·kept ≥ this + next` makes sure of it, whoever signs.
    ///
    /// # Errors
    /// Returns [`OverlapError`] when too much power changes at once.
    pub fn check_step(&self, next: &Self) -> Result<(), OverlapError> {
        let kept = self.0.iter().fold(0_u64, |sum, validator| {
            let after = next
                .find(&validator.public_key)
                .map_or(0, |next| next.power);
            sum.saturating_add(validator.power.min(after))
        });
        let (before, after) = (self.power(), next.power());
        if kept.saturating_mul(3) >= before.saturating_add(after) {
            Ok(())
        } else {
            Err(OverlapError {
                kept,
                before,
                after,
            })
        }
    }

    /// Returns what an engine that runs this set is told to run `next`, ordered by key.
    pub fn updates_to(&self, next: &Self) -> Vec<ValidatorUpdate> {
        let powers = |set: &Self| -> BTreeMap<PublicKey, u64> {
            let pair = |v: &Validator| (v.public_key.clone(), v.power);
            set.0.iter().map(pair).collect()
        };
        let (before, mut after) = (powers(self), powers(next));
        for key in before.keys() {
            after.entry(key.clone()).or_insert(0);
        }
        after
            .into_iter()
            .filter(|(key, power)| before.get(key) != Some(power))
            .map(|(public_key, power)| ValidatorUpdate { public_key, power })
            .collect()
    }
}

#[cfg(test)]
mod tests;
