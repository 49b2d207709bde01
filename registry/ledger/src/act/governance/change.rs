//! What a change does, worked out and checked before any of it is written.

use chop_protocol::governance::RulesRecord;
use chop_protocol::{
    Change, Governance, Member, Parameters, PromotionRecord, Setting, ValidatorSet, keys,
};

use super::voters::Voters;
use super::{Proposed, governance, members, promotion, refused, rules, validators};
use crate::entry::Header;
use crate::refusal::GovernanceRefusal;
use crate::state::{ExecuteError, StateReader, Stop, View};

/// The records that a change writes.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) members: Vec<Member>,
    pub(super) validators: Option<ValidatorSet>,
    pub(super) parameters: Option<Parameters>,
    pub(super) governance: Option<Governance>,
    pub(super) promotion: Option<PromotionRecord>,
    pub(super) rules: Option<RulesRecord>,
}

impl Effects {
    /// Works out what a change does now, or which rule stands against it.
    pub(super) fn of<S: StateReader>(
        view: &View<'_, S>,
        voters: &Voters,
        header: &Header<'_>,
        proposed: Proposed<'_>,
    ) -> Result<Self, Stop<S::Error>> {
        match proposed.change {
            Change::SetValidators(change) => validators::changed(view, voters, change),
            Change::SetRules(change) => rules::changed(view, header, (proposed, *change)),
            Change::Promote(promotion) => {
                promotion::changed(view, voters, header, (proposed, promotion))
            }
            Change::SetParameter(setting) => parameter(view, *setting),
            _ => members::changed(view, voters, header, proposed),
        }
    }

    pub(super) fn write<S: StateReader>(
        &self,
        view: &mut View<'_, S>,
    ) -> Result<(), ExecuteError<S::Error>> {
        for member in &self.members {
            view.write(keys::member(&member.did.scid()), member)?;
        }
        if let Some(validators) = &self.validators {
            view.write(keys::VALIDATORS.to_owned(), validators)?;
        }
        if let Some(rules) = &self.rules {
            view.write(keys::RULES.to_owned(), rules)?;
        }
        if let Some(promotion) = &self.promotion {
            view.write(keys::PROMOTION.to_owned(), promotion)?;
        }
        if let Some(parameters) = &self.parameters {
            view.write(keys::PARAMETERS.to_owned(), parameters)?;
        }
        if let Some(governance) = &self.governance {
            view.write(keys::GOVERNANCE.to_owned(), governance)?;
        }
        Ok(())
    }
}

fn parameter<S: StateReader>(
    view: &View<'_, S>,
    setting: Setting,
) -> Result<Effects, Stop<S::Error>> {
    let before: (Parameters, Governance) = (view.read_linked(keys::PARAMETERS)?, governance(view)?);
    let after = setting.apply(before.0, before.1).map_err(|error| {
        let name = error.parameter().unwrap_or_default();
        refused(GovernanceRefusal::ParameterRange { name })
    })?;
    if after == before {
        return Err(refused(GovernanceRefusal::ParameterUnchanged).into());
    }
    Ok(Effects {
        parameters: (after.0 != before.0).then_some(after.0),
        governance: (after.1 != before.1).then_some(after.1),
        ..Effects::default()
    })
}
