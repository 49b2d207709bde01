//! Another version of the rules, from a height on.

use chop_protocol::governance::{FIRST_RULES, LEAST_NOTICE, MOST_NOTICE, RulesChange, RulesRecord};
use chop_protocol::keys;

use super::change::Effects;
use super::{Proposed, refused};
use crate::entry::Header;
use crate::refusal::GovernanceRefusal;
use crate::state::{StateReader, Stop, View};

/// Works out the record of the version that is to come.
///
/// Whether this program knows the version plays no part: nodes that do and nodes that do not decide alike.
pub(super) fn changed<S: StateReader>(
    view: &View<'_, S>,
    header: &Header,
    (proposed, change): (Proposed<'_>, RulesChange),
) -> Result<Effects, Stop<S::Error>> {
    let RulesChange { version, height } = change;
    let current: Option<RulesRecord> = view.read(keys::RULES)?;
    if let Some(coming) = current.filter(|record| !record.is_in_force(header.height)) {
        let (version, from) = (coming.version, coming.from);
        return Err(refused(GovernanceRefusal::RulesPending { version, from }).into());
    }
    let expected = current
        .map_or(FIRST_RULES, |record| record.version)
        .saturating_add(1);
    if version != expected {
        return Err(refused(GovernanceRefusal::RulesVersion { version, expected }).into());
    }
    let (least, most) = (
        header.height.saturating_add(LEAST_NOTICE),
        header.height.saturating_add(MOST_NOTICE),
    );
    if !(least..=most).contains(&height) {
        return Err(refused(GovernanceRefusal::RulesHeight {
            height,
            least,
            most,
        })
        .into());
    }
    Ok(Effects {
        rules: Some(RulesRecord {
            version,
            from: height,
            proposal: proposed.id,
        }),
        ..Effects::default()
    })
}
