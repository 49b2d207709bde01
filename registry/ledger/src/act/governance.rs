//! How members decide: proposals, votes, and what follows from the deciding one.

mod change;
mod members;
mod promotion;
mod rules;
mod validators;
mod voters;

use chop_did::ChopDid;
use chop_integrity::Hash;
use chop_protocol::governance::{MAX_OPEN, MAX_OPEN_BY_ONE};
use chop_protocol::{
    Ballot, CastVote, Change, Choice, Decision, DecisionKind, Governance, Proposal, Propose, Tally,
    Verdict, Vote, keys,
};

use super::Act;
use crate::refusal::{GovernanceRefusal, Refusal};
use crate::state::{ExecuteError, StateReader, Stop, View};
use change::Effects;
use voters::Voters;

/// What is proposed, by whom, and under which name.
#[derive(Clone, Copy)]
struct Proposed<'a> {
    change: &'a Change,
    proposer: ChopDid,
    id: Hash,
}

/// Makes a proposal, which is its proposer's yes, and decides it when that is enough.
pub(super) fn propose<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: &Propose,
) -> Result<(), Stop<S::Error>> {
    let voters = Voters::read(view)?;
    check_voter(&voters, act)?;
    check_open(view, act)?;
    // What cannot take effect now is not worth a vote; it is checked again when it is decided.
    let proposed = Proposed {
        change: &body.change,
        proposer: act.actor,
        id: act.signed.hash(),
    };
    Effects::of(view, &voters, act.header, proposed)?;
    let governance = governance(view)?;
    let now = act.header.time;
    let proposal = Proposal {
        id: act.signed.hash(),
        proposer: act.actor,
        change: body.change.clone(),
        time: now,
        height: act.header.height,
        expires: now.plus_ms(governance.ballot_life_ms),
        decision: None,
        signed: act.signed.to_value(),
    };
    let ballot = Ballot {
        proposer: act.actor,
    };
    view.write(keys::ballot(proposal.expires, &proposal.id), &ballot)?;
    if proposal.change.concerns() != Some(&act.actor) {
        record(view, act, (proposal.id, Choice::Yes))?;
    }
    decide(view, &voters, act, proposal)
}

/// Casts a vote, and decides the proposal when that is the last one needed.
pub(super) fn vote<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    body: CastVote,
) -> Result<(), Stop<S::Error>> {
    let voters = Voters::read(view)?;
    check_voter(&voters, act)?;
    let (id, now) = (body.proposal, act.header.time);
    let proposal: Proposal = view
        .read(&keys::proposal(&id))?
        .ok_or_else(|| refused(GovernanceRefusal::ProposalUnknown { id }))?;
    if let Some(decision) = &proposal.decision {
        let kind = decision.kind;
        return Err(refused(GovernanceRefusal::Decided { id, kind }).into());
    }
    let expires = proposal.expires;
    if expires < now {
        return Err(refused(GovernanceRefusal::ProposalExpired { id, expires, now }).into());
    }
    let voter = act.actor;
    if proposal.change.concerns() == Some(&voter) {
        return Err(refused(GovernanceRefusal::OwnCase { voter }).into());
    }
    if view.contains(&keys::vote(&id, &voter.scid()))? {
        return Err(refused(GovernanceRefusal::Voted { id, voter }).into());
    }
    record(view, act, (id, body.choice))?;
    decide(view, &voters, act, proposal)
}

/// Writes the proposal, with its decision when the votes make one, and carries an accepted change out.
fn decide<S: StateReader>(
    view: &mut View<'_, S>,
    voters: &Voters,
    act: &Act<'_>,
    mut proposal: Proposal,
) -> Result<(), Stop<S::Error>> {
    let tally = tally(view, voters, &proposal)?;
    let threshold = governance(view)?.threshold(&proposal.change);
    let (kind, rule) = match threshold.verdict(tally.yes, tally.no, tally.voters) {
        Verdict::Open => return Ok(view.write(keys::proposal(&proposal.id), &proposal)?),
        Verdict::Rejected => (DecisionKind::Rejected, None),
        Verdict::Accepted => {
            let proposed = Proposed {
                change: &proposal.change,
                proposer: proposal.proposer,
                id: proposal.id,
            };
            match Effects::of(view, voters, act.header, proposed) {
                Ok(effects) => {
                    effects.write(view)?;
                    (DecisionKind::Accepted, None)
                }
                Err(Stop::Refused(refusal)) => {
                    (DecisionKind::Failed, Some(refusal.rule().to_owned()))
                }
                Err(failed) => return Err(failed),
            }
        }
    };
    proposal.decision = Some(Decision {
        kind,
        time: act.header.time,
        height: act.header.height,
        tally,
        rule,
    });
    view.delete(keys::ballot(proposal.expires, &proposal.id));
    Ok(view.write(keys::proposal(&proposal.id), &proposal)?)
}

/// Counts the votes of those who may vote now: a vote goes with the membership of who cast it.
fn tally<S: StateReader>(
    view: &View<'_, S>,
    voters: &Voters,
    proposal: &Proposal,
) -> Result<Tally, ExecuteError<S::Error>> {
    let mut tally = Tally::default();
    for voter in voters.beside(proposal.change.concerns()) {
        tally.voters += 1;
        let vote: Option<Vote> = view.read(&keys::vote(&proposal.id, &voter.scid()))?;
        match vote.map(|vote| vote.choice) {
            Some(Choice::Yes) => tally.yes += 1,
            Some(Choice::No) => tally.no += 1,
            None => {}
        }
    }
    Ok(tally)
}

fn record<S: StateReader>(
    view: &mut View<'_, S>,
    act: &Act<'_>,
    (proposal, choice): (Hash, Choice),
) -> Result<(), ExecuteError<S::Error>> {
    let vote = Vote {
        proposal,
        voter: act.actor,
        choice,
        time: act.header.time,
        height: act.header.height,
        signed: act.signed.to_value(),
    };
    view.write(keys::vote(&proposal, &vote.voter.scid()), &vote)
}

fn check_voter(voters: &Voters, act: &Act<'_>) -> Result<(), Refusal> {
    if voters.contains(&act.actor) {
        Ok(())
    } else {
        Err(refused(GovernanceRefusal::NotVoter { actor: act.actor }))
    }
}

/// Bounds what is open, in all and by one member, so that nobody fills the list alone.
fn check_open<S: StateReader>(view: &View<'_, S>, act: &Act<'_>) -> Result<(), Stop<S::Error>> {
    let from = keys::ballots_from(act.header.time);
    let open: Vec<(String, Ballot)> = view.scan(&from, &keys::after(keys::BALLOTS), MAX_OPEN)?;
    let own = |(_, ballot): &&(String, Ballot)| ballot.proposer == act.actor;
    let (own, open) = (open.iter().filter(own).count(), open.len());
    if open >= MAX_OPEN || own >= MAX_OPEN_BY_ONE {
        let (most, most_own) = (MAX_OPEN, MAX_OPEN_BY_ONE);
        return Err(refused(GovernanceRefusal::TooManyOpen {
            open,
            own,
            most,
            most_own,
        })
        .into());
    }
    Ok(())
}

fn governance<S: StateReader>(view: &View<'_, S>) -> Result<Governance, ExecuteError<S::Error>> {
    Ok(view.read(keys::GOVERNANCE)?.unwrap_or_default())
}

fn refused(refusal: GovernanceRefusal) -> Refusal {
    Refusal::from(refusal)
}
