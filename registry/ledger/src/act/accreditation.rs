//! Accreditations: granted downwards within the scope above, changed by who granted them.

use chop_integrity::{Hash, Timestamp};
use chop_protocol::accreditation::{MAX_DEPTH, MAX_EVENTS};
use chop_protocol::{
    Accredit, Accreditation, AccreditationEvent, CredentialType, EventKind, ReinstateAccreditation,
    RevocationReason, RevokeAccreditation, Standing, SuspendAccreditation, accreditation_id, keys,
};

use super::{Act, is_live};
use crate::entry::is_member;
use crate::refusal::Refusal;
use crate::state::{ExecuteError, StateReader, Stop, View};

/// Most accreditations of one subject for one type, past ones included: a verifier reads them all.
const MAX_LISTED: usize = 64;
/// Most of them that an act is held against, the newest first.
const MAX_TRIED: usize = 16;
/// Most of them by one accreditor, so that no single one can fill the list.
const MAX_LISTED_BY_ONE: usize = 16;

pub(super) fn accredit<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &Accredit,
) -> Result<(), Stop<S::Error>> {
    let index = u16::try_from(act.index).unwrap_or(u16::MAX);
    let now = act.header.time;
    let granted = Accreditation {
        id: accreditation_id(&act.signed.hash(), index),
        accreditor: act.actor,
        subject: body.subject,
        credential_type: body.credential_type.clone(),
        jurisdiction: body.jurisdiction.clone(),
        valid_from: not_before(body.valid_from, now)?,
        valid_until: body.valid_until,
        depth: body.depth,
        parent: body.parent,
        time: now,
        height: act.header.height,
        events: Vec::new(),
    };
    if let Some(until) = granted
        .valid_until
        .filter(|until| *until <= granted.valid_from)
    {
        return Err(Refusal::Validity {
            from: granted.valid_from,
            until,
        }
        .into());
    }
    if granted.depth > MAX_DEPTH {
        return Err(Refusal::Depth {
            depth: granted.depth,
            most: MAX_DEPTH,
        }
        .into());
    }
    if !is_live(view, &granted.subject)? {
        return Err(Refusal::AccreditationSubject {
            subject: granted.subject,
        }
        .into());
    }
    if let Some(parent) = check_grantor(view, act, granted.parent)? {
        if parent.subject != act.actor {
            return Err(Refusal::NotHolder {
                parent: parent.id,
                holder: parent.subject,
            }
            .into());
        }
        parent.admits(&granted).map_err(Refusal::from)?;
    }
    list(view, &granted)?;
    Ok(view.write(keys::accreditation(&granted.id), &granted)?)
}

pub(super) fn suspend<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &SuspendAccreditation,
) -> Result<(), Stop<S::Error>> {
    let granted = own(view, act, body.accreditation)?;
    switch(view, act, granted, (EventKind::Suspended, body.effective))
}

pub(super) fn reinstate<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &ReinstateAccreditation,
) -> Result<(), Stop<S::Error>> {
    let granted = own(view, act, body.accreditation)?;
    // Restoring is granting again: it takes the authority that granting takes.
    check_grantor(view, act, granted.parent)?;
    switch(view, act, granted, (EventKind::Reinstated, body.effective))
}

/// Taking away needs no more than having granted: it stays possible for one whose own accreditation is gone.
pub(super) fn revoke<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &RevokeAccreditation,
) -> Result<(), Stop<S::Error>> {
    let mut granted = own(view, act, body.accreditation)?;
    let id = granted.id;
    let ab_initio = body.reason == RevocationReason::AbInitio;
    let effective = match (ab_initio, body.effective) {
        (true, Some(_)) => return Err(Refusal::AbInitioEffective.into()),
        (true, None) => granted.valid_from,
        (false, effective) => not_before(effective, act.header.time)?,
    };
    // A revocation may be brought forward or reach back, never be put off.
    let earlier = granted.revoked_from().is_none_or(|from| effective < from);
    if granted.is_voided() || !(ab_initio || earlier) {
        return Err(Refusal::AccreditationRevoked { id }.into());
    }
    // The last place is kept for a revocation ab initio, so that one is always possible.
    if granted.events.len() + usize::from(!ab_initio) >= MAX_EVENTS {
        return Err(Refusal::AccreditationHistory { id }.into());
    }
    granted.events.push(AccreditationEvent {
        kind: EventKind::Revoked,
        effective,
        time: act.header.time,
        height: act.header.height,
        reason: Some(body.reason),
    });
    Ok(view.write(keys::accreditation(&id), &granted)?)
}

/// Says whether the actor holds an accreditation for a credential type that is live at the header time.
pub(super) fn is_accredited<S: StateReader>(
    view: &View<'_, S>,
    act: &Act<'_>,
    credential_type: &CredentialType,
) -> Result<bool, Stop<S::Error>> {
    let ids: Option<Vec<Hash>> = view.read(&keys::accredited(&act.actor, credential_type))?;
    for id in ids.unwrap_or_default().iter().rev().take(MAX_TRIED) {
        let held: Accreditation = view.read_linked(&keys::accreditation(id))?;
        if held.live_at(act.header.time, &ancestors(view, &held)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn switch<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    mut granted: Accreditation,
    (kind, effective): (EventKind, Option<Timestamp>),
) -> Result<(), Stop<S::Error>> {
    let id = granted.id;
    let effective = not_before(effective, act.header.time)?;
    if granted.is_voided() || granted.revoked_from().is_some_and(|from| from <= effective) {
        return Err(Refusal::AccreditationRevoked { id }.into());
    }
    match (kind, granted.suspended_at(effective)) {
        (EventKind::Suspended, true) => {
            return Err(Refusal::AccreditationStanding {
                id,
                standing: "suspended",
            }
            .into());
        }
        (EventKind::Reinstated, false) => {
            return Err(Refusal::AccreditationStanding {
                id,
                standing: "not suspended",
            }
            .into());
        }
        _ => {}
    }
    // Two places are kept for revocations.
    if granted.events.len() + 2 >= MAX_EVENTS {
        return Err(Refusal::AccreditationHistory { id }.into());
    }
    granted.events.push(AccreditationEvent {
        kind,
        effective,
        time: act.header.time,
        height: act.header.height,
        reason: None,
    });
    Ok(view.write(keys::accreditation(&id), &granted)?)
}

/// Reads an accreditation that the actor granted.
fn own<S: StateReader>(
    view: &View<'_, S>,
    act: &Act<'_>,
    id: Hash,
) -> Result<Accreditation, Stop<S::Error>> {
    let granted: Accreditation = view
        .read(&keys::accreditation(&id))?
        .ok_or(Refusal::AccreditationUnknown { id })?;
    if granted.accreditor == act.actor {
        Ok(granted)
    } else {
        Err(Refusal::NotAccreditor {
            id,
            accreditor: granted.accreditor,
        }
        .into())
    }
}

/// Checks that grants can be made now where this one hangs, and returns its parent; at the root only members grant.
fn check_grantor<S: StateReader>(
    view: &View<'_, S>,
    act: &Act<'_>,
    parent: Option<Hash>,
) -> Result<Option<Accreditation>, Stop<S::Error>> {
    let Some(id) = parent else {
        return if is_member(view, &act.actor)? {
            Ok(None)
        } else {
            Err(Refusal::NotMember { actor: act.actor }.into())
        };
    };
    let parent: Accreditation = view
        .read(&keys::accreditation(&id))?
        .ok_or(Refusal::AccreditationUnknown { id })?;
    let ancestors = ancestors(view, &parent)?;
    let liveness = parent.liveness_at(act.header.time, &ancestors);
    if liveness.standing == Standing::Live {
        Ok(Some(parent))
    } else {
        let (link, standing) = (liveness.link, liveness.standing);
        Err(Refusal::ParentNotLive { link, standing }.into())
    }
}

/// Reads the chain above an accreditation, the nearest first; depths bound it.
fn ancestors<S: StateReader>(
    view: &View<'_, S>,
    granted: &Accreditation,
) -> Result<Vec<Accreditation>, ExecuteError<S::Error>> {
    let mut chain: Vec<Accreditation> = Vec::new();
    let mut next = granted.parent;
    while let Some(id) = next {
        let key = keys::accreditation(&id);
        if chain.len() >= usize::from(MAX_DEPTH) {
            let reason = "the chain above is longer than depths allow".to_owned();
            return Err(ExecuteError::Corrupt { key, reason });
        }
        let link: Accreditation = view.read_linked(&key)?;
        next = link.parent;
        chain.push(link);
    }
    Ok(chain)
}

/// Enters an accreditation into the list that verifiers read.
fn list<S: StateReader>(
    view: &mut View<'_, S>,
    granted: &Accreditation,
) -> Result<(), Stop<S::Error>> {
    let key = keys::accredited(&granted.subject, &granted.credential_type);
    let mut ids: Vec<Hash> = view.read(&key)?.unwrap_or_default();
    let mut own = 0;
    if ids.len() >= MAX_LISTED_BY_ONE {
        for id in &ids {
            let listed: Accreditation = view.read_linked(&keys::accreditation(id))?;
            own += usize::from(listed.accreditor == granted.accreditor);
        }
    }
    if ids.len() >= MAX_LISTED || own >= MAX_LISTED_BY_ONE {
        return Err(Refusal::TooMany {
            subject: granted.subject,
            count: ids.len(),
            own,
        }
        .into());
    }
    ids.push(granted.id);
    Ok(view.write(key, &ids)?)
}

/// Takes the header time when none is named, and refuses an earlier one.
fn not_before(named: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Refusal> {
    match named {
        Some(effective) if effective < now => Err(Refusal::Backdated { effective, now }),
        Some(effective) => Ok(effective),
        None => Ok(now),
    }
}
