//! Who signs blocks, and which changes of that neither stop the ledger nor lose its light clients.

use chop_did::ChopDid;
use chop_keys::KeyType;
use chop_protocol::governance::{MAX_VALIDATORS, ValidatorChange, ValidatorsChange};
use chop_protocol::membership::MAX_POWER;
use chop_protocol::{Validator, ValidatorSet, keys};
use std::collections::BTreeSet;

use super::change::Effects;
use super::refused;
use super::voters::Voters;
use crate::refusal::GovernanceRefusal;
use crate::state::{StateReader, Stop, View};

/// Works out the set after a change of powers.
pub(super) fn changed<S: StateReader>(
    view: &View<'_, S>,
    voters: &Voters,
    change: &ValidatorsChange,
) -> Result<Effects, Stop<S::Error>> {
    let set: Option<ValidatorSet> = view.read(keys::VALIDATORS)?;
    let set = set.ok_or_else(|| refused(GovernanceRefusal::Solo))?;
    let entries = change.validators.len();
    if entries == 0 {
        return Err(miscounted(entries).into());
    }
    let mut named = BTreeSet::new();
    let mut validators = set.validators().to_vec();
    for entry in &change.validators {
        let key = &entry.public_key;
        if !named.insert(key) {
            return Err(refused(GovernanceRefusal::ValidatorTwice { key: key.clone() }).into());
        }
        let validator = changed_one(&set, voters, entry).map_err(refused)?;
        validators.retain(|validator| validator.public_key != *key);
        if validator.power > 0 {
            validators.push(validator);
        }
    }
    let after = ValidatorSet::new(validators);
    let most = entries.max(after.validators().len());
    if most > MAX_VALIDATORS {
        return Err(miscounted(most).into());
    }
    check(view, voters, &after)?;
    Ok(Effects {
        validators: Some(after),
        ..Effects::default()
    })
}

/// Works out the set without those that a member runs; `None` when that changes nothing.
pub(super) fn without<S: StateReader>(
    view: &View<'_, S>,
    voters: &Voters,
    member: &ChopDid,
) -> Result<Option<ValidatorSet>, Stop<S::Error>> {
    let set: Option<ValidatorSet> = view.read(keys::VALIDATORS)?;
    let Some(set) = set else {
        return Ok(None);
    };
    let others = set.validators().iter();
    let after = ValidatorSet::new(others.filter(|by| by.member != *member).cloned());
    if after == set {
        return Ok(None);
    }
    check(view, voters, &after)?;
    Ok(Some(after))
}

fn changed_one(
    set: &ValidatorSet,
    voters: &Voters,
    entry: &ValidatorChange,
) -> Result<Validator, GovernanceRefusal> {
    let (key, power) = (entry.public_key.clone(), entry.power);
    if key.key_type() != KeyType::Ed25519 {
        return Err(GovernanceRefusal::ValidatorKey { key });
    }
    if power > MAX_POWER {
        let most = MAX_POWER;
        return Err(GovernanceRefusal::ValidatorPower { key, power, most });
    }
    let unknown = |expected| {
        let key = entry.public_key.clone();
        GovernanceRefusal::ValidatorUnknown { key, expected }
    };
    let (before, member) = match (set.find(&key), entry.member) {
        (Some(before), None) => (before.power, before.member),
        (Some(_), Some(_)) => return Err(unknown("its key is known, so no member is named")),
        (None, Some(member)) => (0, member),
        (None, None) => {
            return Err(unknown(
                "its key is new, so the member that runs it is named",
            ));
        }
    };
    if power == before {
        return Err(GovernanceRefusal::ValidatorUnchanged { key });
    }
    if power > before && !voters.contains(&member) {
        return Err(GovernanceRefusal::ValidatorMember { key, member });
    }
    Ok(Validator {
        public_key: key,
        power,
        member,
    })
}

fn miscounted(found: usize) -> crate::Refusal {
    let most = MAX_VALIDATORS;
    refused(GovernanceRefusal::ValidatorCount { found, most })
}

/// Checks that blocks are made and light clients can follow.
///
/// The step is measured from the set before this block: one header carries all that its envelopes change.
fn check<S: StateReader>(
    view: &View<'_, S>,
    voters: &Voters,
    after: &ValidatorSet,
) -> Result<(), Stop<S::Error>> {
    let total = after.power();
    let live = after.power_of(|validator| voters.contains(&validator.member));
    // CometBFT decides with more than two thirds; an empty set decides nothing.
    if live.saturating_mul(3) <= total.saturating_mul(2) {
        return Err(refused(GovernanceRefusal::Quorum { live, total }).into());
    }
    let before: Option<ValidatorSet> = view.read_parent(keys::VALIDATORS)?;
    before
        .unwrap_or_default()
        .check_step(after)
        .map_err(|error| refused(GovernanceRefusal::Overlap(error)).into())
}
