//! From a solo ledger to a consortium's (ADR 0010): who takes over, checked before the solo key signs for the last time.

use chop_keys::KeyType;
use chop_protocol::governance::{LEAST_VALIDATORS, MAX_VALIDATORS, PromotedValidator, Promotion};
use chop_protocol::membership::MAX_POWER;
use chop_protocol::{
    GenesisValidator, Member, PromotionRecord, Role, Validator, ValidatorSet, keys,
};
use std::collections::BTreeSet;

use super::change::Effects;
use super::voters::Voters;
use super::{Proposed, members, refused};
use crate::entry::Header;
use crate::refusal::GovernanceRefusal;
use crate::state::{StateReader, Stop, View};

/// Works out the consortium that takes the ledger over.
pub(super) fn changed<S: StateReader>(
    view: &View<'_, S>,
    voters: &Voters,
    header: &Header<'_>,
    (proposed, promotion): (Proposed<'_>, &Promotion),
) -> Result<Effects, Stop<S::Error>> {
    if view.contains(keys::VALIDATORS)? {
        return Err(refused(GovernanceRefusal::NotSolo).into());
    }
    let by = proposed.proposer;
    let operator: Option<Member> = view.read(&keys::member(&by.scid()))?;
    if operator.is_none_or(|member| member.height > 0) {
        return Err(refused(GovernanceRefusal::NotFounder { by }).into());
    }
    // The header that ends the ledger is by this key: whoever reads the record must find who signs no more.
    let is_own = |own: &GenesisValidator| own.public_key == promotion.retires;
    if !matches!(header.founding, [own] if is_own(own)) {
        let found = promotion.retires.clone();
        return Err(refused(GovernanceRefusal::OtherKey { found }).into());
    }
    check_count(promotion).map_err(refused)?;
    let admissions = (proposed, promotion.admit.as_slice());
    let admitted = members::taken_in(view, voters.records(), header, admissions)?;
    let runs = |validator: &PromotedValidator| {
        let did = &validator.member;
        let is_new = |member: &Member| member.did == *did && member.role == Role::Member;
        voters.contains(did) || admitted.iter().any(is_new)
    };
    let mut named = BTreeSet::new();
    for validator in &promotion.validators {
        let key = validator.public_key.clone();
        if !named.insert(&validator.public_key) {
            return Err(refused(GovernanceRefusal::ValidatorTwice { key }).into());
        }
        check_one(promotion, validator).map_err(refused)?;
        if !runs(validator) {
            let member = validator.member;
            return Err(refused(GovernanceRefusal::ValidatorMember { key, member }).into());
        }
        if !validator.is_possessed(&header.ledger) {
            return Err(refused(GovernanceRefusal::NotPossessed { key }).into());
        }
    }
    let validators = promotion.validators.iter().map(|validator| Validator {
        public_key: validator.public_key.clone(),
        power: validator.power,
        member: validator.member,
    });
    Ok(Effects {
        members: admitted,
        validators: Some(ValidatorSet::new(validators)),
        promotion: Some(PromotionRecord {
            height: header.height,
            time: header.time,
            proposal: proposed.id,
            retires: promotion.retires.clone(),
        }),
        ..Effects::default()
    })
}

fn check_count(promotion: &Promotion) -> Result<(), GovernanceRefusal> {
    let found = promotion.validators.len();
    if !(1..=MAX_VALIDATORS).contains(&found) {
        let most = MAX_VALIDATORS;
        return Err(GovernanceRefusal::ValidatorCount { found, most });
    }
    if found < LEAST_VALIDATORS && !promotion.fewer {
        let least = LEAST_VALIDATORS;
        return Err(GovernanceRefusal::FewValidators { found, least });
    }
    Ok(())
}

fn check_one(
    promotion: &Promotion,
    validator: &PromotedValidator,
) -> Result<(), GovernanceRefusal> {
    let (key, power) = (validator.public_key.clone(), validator.power);
    if key.key_type() != KeyType::Ed25519 {
        return Err(GovernanceRefusal::ValidatorKey { key });
    }
    if key == promotion.retires {
        return Err(GovernanceRefusal::Retired { key });
    }
    if !(1..=MAX_POWER).contains(&power) {
        let most = MAX_POWER;
        return Err(GovernanceRefusal::ValidatorPower { key, power, most });
    }
    Ok(())
}
