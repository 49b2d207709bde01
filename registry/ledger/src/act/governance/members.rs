//! Admission, suspension, reinstatement, removal.

use chop_did::ChopDid;
use chop_protocol::envelope::MAX_WORK;
use chop_protocol::governance::Admission;
use chop_protocol::membership::{MAX_MEMBER_EVENTS, MAX_MEMBERS, MAX_POWER};
use chop_protocol::{Change, Member, MemberEvent, MemberEventKind, MemberStanding, keys};

use super::change::Effects;
use super::voters::Voters;
use super::{Proposed, refused, validators};
use crate::entry::{Header, did_state};
use crate::refusal::GovernanceRefusal;
use crate::state::{StateReader, Stop, View};

pub(super) fn changed<S: StateReader>(
    view: &View<'_, S>,
    voters: &Voters,
    header: &Header<'_>,
    proposed: Proposed<'_>,
) -> Result<Effects, Stop<S::Error>> {
    use MemberEventKind::{Admitted, Reinstated, Removed, Suspended};
    let (kind, mut member) = match proposed.change {
        Change::Admit(admission) => {
            let member = admitted(view, voters.records(), header, admission)?;
            (Admitted, member)
        }
        Change::Suspend(of) => (Suspended, in_standing(view, of.member, Suspended)?),
        Change::Reinstate(of) => (Reinstated, in_standing(view, of.member, Reinstated)?),
        Change::Remove(of) => (Removed, in_standing(view, of.member, Removed)?),
        // Validators and parameters are no members' matter; a later protocol's change never parses here.
        _ => return Ok(Effects::default()),
    };
    let did = member.did;
    let closes = matches!(kind, Suspended | Removed);
    if closes {
        check_rest(voters, &did, &proposed.proposer)?;
    }
    note(&mut member, kind, header, proposed)?;
    let validators = if closes {
        validators::without(view, voters, &did)?
    } else {
        None
    };
    Ok(Effects {
        members: vec![member],
        validators,
        ..Effects::default()
    })
}

/// Takes members in together with something else; `records` member records are there already.
pub(super) fn taken_in<S: StateReader>(
    view: &View<'_, S>,
    records: usize,
    header: &Header<'_>,
    (proposed, admissions): (Proposed<'_>, &[Admission]),
) -> Result<Vec<Member>, Stop<S::Error>> {
    let mut members: Vec<Member> = Vec::with_capacity(admissions.len());
    for admission in admissions {
        if let Some(twice) = members.iter().find(|member| member.did == admission.did) {
            return Err(wrong_standing(twice).into());
        }
        let records = records.saturating_add(members.len());
        let mut member = admitted(view, records, header, admission)?;
        note(&mut member, MemberEventKind::Admitted, header, proposed)?;
        members.push(member);
    }
    Ok(members)
}

/// Adds an event to a member's history.
fn note(
    member: &mut Member,
    kind: MemberEventKind,
    header: &Header<'_>,
    proposed: Proposed<'_>,
) -> Result<(), crate::Refusal> {
    let is_removal = kind == MemberEventKind::Removed;
    // The last place is kept for a removal, so that one is always possible.
    if member.events.len() + usize::from(!is_removal) >= MAX_MEMBER_EVENTS {
        let member = member.did;
        return Err(refused(GovernanceRefusal::MemberHistory { member }));
    }
    member.events.push(MemberEvent {
        kind,
        time: header.time,
        height: header.height,
        proposal: proposed.id,
    });
    Ok(())
}

/// The record of a new member, or the old one of a member that comes back.
fn admitted<S: StateReader>(
    view: &View<'_, S>,
    records: usize,
    header: &Header<'_>,
    admission: &Admission,
) -> Result<Member, Stop<S::Error>> {
    let did = admission.did;
    let state = did_state(view, &did)?.filter(|state| !state.deactivated());
    let state = state.ok_or_else(|| refused(GovernanceRefusal::MemberDid { did }))?;
    if let Some(controller) = state.controller().copied() {
        return Err(refused(GovernanceRefusal::MemberControlled { did, controller }).into());
    }
    if admission.quota.is_some_and(|quota| !quota.is_usable()) {
        let (least, most) = (MAX_WORK, MAX_POWER);
        return Err(refused(GovernanceRefusal::MemberQuota { least, most }).into());
    }
    let former: Option<Member> = view.read(&keys::member(&did.scid()))?;
    let former = match former {
        Some(former) if former.standing() == MemberStanding::Removed => former,
        Some(former) => return Err(wrong_standing(&former).into()),
        None if records >= MAX_MEMBERS => {
            let most = MAX_MEMBERS;
            return Err(refused(GovernanceRefusal::TooManyMembers { most }).into());
        }
        None => Member {
            height: header.height,
            ..Member::founder(did, header.time)
        },
    };
    Ok(Member {
        name: Some(admission.name.clone()),
        role: admission.role,
        quota: admission.quota,
        ..former
    })
}

/// Reads the record of a member whose standing lets the event happen.
fn in_standing<S: StateReader>(
    view: &View<'_, S>,
    member: ChopDid,
    event: MemberEventKind,
) -> Result<Member, Stop<S::Error>> {
    let stored: Option<Member> = view.read(&keys::member(&member.scid()))?;
    let stored = stored
        .filter(|stored| stored.did == member)
        .ok_or_else(|| refused(GovernanceRefusal::MemberUnknown { member }))?;
    let standing = stored.standing();
    let fits = match event {
        MemberEventKind::Admitted => false,
        MemberEventKind::Suspended => standing == MemberStanding::Live,
        MemberEventKind::Reinstated => standing == MemberStanding::Suspended,
        MemberEventKind::Removed => standing != MemberStanding::Removed,
    };
    if fits {
        Ok(stored)
    } else {
        Err(wrong_standing(&stored).into())
    }
}

/// Checks that enough members are left: somebody to decide, and two to put a third one out, so that no one does it alone.
fn check_rest(voters: &Voters, member: &ChopDid, proposer: &ChopDid) -> Result<(), crate::Refusal> {
    let left = voters.beside(Some(member)).count();
    let is_put_out = voters.contains(member) && proposer != member;
    let least = if is_put_out { 2 } else { 1 };
    if left >= least {
        Ok(())
    } else {
        let member = *member;
        Err(refused(GovernanceRefusal::TooFew {
            member,
            left,
            least,
        }))
    }
}

fn wrong_standing(member: &Member) -> crate::Refusal {
    refused(GovernanceRefusal::MemberStanding {
        member: member.did,
        standing: member.standing(),
    })
}
