//! What a member's node does by itself when a validator is convicted: it asks the members to suspend whose it is.
//!
//! Nothing is decided here. The proposal is an ordinary one, signed by the operator, on which members vote; its note names the
//! block that holds the evidence.

use std::time::Duration;

use chop_did::ChopDid;
use chop_integrity::Timestamp;
use chop_protocol::governance::MemberChange;
use chop_protocol::terms::{Nonce, Note};
use chop_protocol::{
    Action, Change, Envelope, ExecutionResult, Member, Proposal, Propose, Validator, ValidatorSet,
    keys,
};
use tokio::sync::broadcast::error::RecvError;
use tracing::{error, info, warn};

use crate::engine::comet::Offence;
use crate::engine::{Engine, EngineError, Health, View};
use crate::http::{Operator, any_proposal, decode, undecided};

/// The first member in turn proposes at once, each further one so much later, so that one proposal is made and not many.
const TURN: Duration = Duration::from_secs(2);
/// How often a node tries where the ledger takes no writes yet.
const ATTEMPTS: u32 = 20;
/// How long the envelope is good for, in milliseconds.
const ENVELOPE_LIFE_MS: i64 = 60_000;

/// Proposes the suspension of members whose validators new blocks convict, as long as the engine runs.
///
/// Whose turn it is follows from the height of the offence, so a member that is down is stood in for by the next.
pub async fn accuse(engine: Engine, operator: Operator) {
    let Some(mut offences) = engine.offences() else {
        return;
    };
    loop {
        match offences.recv().await {
            Ok(offence) => {
                if let Err(error) = answer(&engine, &operator, &offence).await {
                    error!(%error, "an offence could not be looked into");
                }
            }
            Err(RecvError::Lagged(missed)) => warn!(missed, "offences came faster than proposals"),
            Err(RecvError::Closed) => return,
        }
    }
}

async fn answer(
    engine: &Engine,
    operator: &Operator,
    offence: &Offence,
) -> Result<(), EngineError> {
    for attempt in 0..ATTEMPTS {
        if !until_current(engine).await {
            return Ok(());
        }
        let Some(case) = Case::of(&engine.view(), operator, offence)? else {
            return Ok(());
        };
        let waits = if attempt == 0 { case.turn } else { 1 };
        tokio::time::sleep(TURN * waits).await;
        // Somebody else may have proposed it meanwhile.
        if Case::of(&engine.view(), operator, offence)?.is_none() {
            return Ok(());
        }
        match propose(engine, operator, offence, &case).await {
            Ok(ExecutionResult::Committed) => {
                info!(member = %case.offender.member, height = offence.height, "proposed to suspend a member whose validator signed twice");
                return Ok(());
            }
            Ok(ExecutionResult::Refused { rule, detail, .. }) => {
                warn!(member = %case.offender.member, rule, detail, "the proposal to suspend a member is refused");
                return Ok(());
            }
            Err(reason) => {
                warn!(attempt, reason, "the proposal to suspend a member waits");
            }
        }
    }
    Ok(())
}

/// Waits until the last block here is of now: an older state does not say what became of the member since. False when the
/// ledger stops before.
async fn until_current(engine: &Engine) -> bool {
    loop {
        match engine.health() {
            Health::Ready if engine.is_current() => return true,
            Health::Stopped | Health::Promoted => return false,
            Health::Ready | Health::Waiting | Health::ReadOnly => tokio::time::sleep(TURN).await,
        }
    }
}

/// A conviction that calls for a proposal by this node's member.
struct Case {
    offender: Validator,
    /// How many members come before this one.
    turn: u32,
}

impl Case {
    /// `None` where the validator or its member is gone, the members were asked about it or decided on it since the block with
    /// the evidence, or it is this very member.
    fn of(
        view: &View,
        operator: &Operator,
        offence: &Offence,
    ) -> Result<Option<Self>, EngineError> {
        let Some(bytes) = view.value(keys::VALIDATORS)? else {
            return Ok(None);
        };
        let set: ValidatorSet = decode(&bytes, "set of validators")?;
        let Some(offender) = set
            .validators()
            .iter()
            .find(|validator| offence.is_by(&validator.public_key))
        else {
            return Ok(None);
        };
        if offender.member == operator.did {
            error!(
                height = offence.height,
                "this node's own validator signed two blocks of one height: its key runs somewhere else too"
            );
            return Ok(None);
        }
        let bytes = view.value(&keys::member(&offender.member.scid()))?;
        let record = bytes.map(|bytes| decode(&bytes, "member")).transpose()?;
        let is_settled = record.is_none_or(|record| is_settled(&record, offence.reported));
        if is_settled || is_accused(view, &offender.member, offence.reported)? {
            return Ok(None);
        }
        Ok(Some(Self {
            turn: turn(&set, &offender.member, &operator.did, offence.height),
            offender: offender.clone(),
        }))
    }
}

/// Whether a member is out, or the members decided on it since: one that they reinstated is not accused again, by a node
/// that executes old blocks.
fn is_settled(record: &Member, reported: u64) -> bool {
    !record.is_live() || record.events.iter().any(|event| event.height >= reported)
}

/// Whether the members are asked about a member, or were since, whatever they answered.
fn is_accused(view: &View, member: &ChopDid, reported: u64) -> Result<bool, EngineError> {
    let about = |proposal: &Proposal| proposal.change.concerns() == Some(member);
    Ok(undecided(view)?.iter().any(about)
        || any_proposal(view, |proposal| {
            proposal.height >= reported && about(proposal)
        })?)
}

/// The place of a member among those with validators, the offender left out, counted from one that the height picks.
fn turn(set: &ValidatorSet, offender: &ChopDid, member: &ChopDid, height: u64) -> u32 {
    let mut others: Vec<&ChopDid> = set
        .validators()
        .iter()
        .map(|validator| &validator.member)
        .filter(|member| *member != offender)
        .collect();
    others.sort_unstable();
    others.dedup();
    let count = others.len() as u64;
    // A member without a validator comes after all who have one.
    let Some(place) = others.iter().position(|other| *other == member) else {
        return u32::try_from(count).unwrap_or(u32::MAX);
    };
    let turn = (place as u64 + count - height % count) % count;
    u32::try_from(turn).unwrap_or(u32::MAX)
}

/// Signs and submits the proposal; an error says why it did not reach a block.
async fn propose(
    engine: &Engine,
    operator: &Operator,
    offence: &Offence,
    case: &Case,
) -> Result<ExecutionResult, String> {
    let note = format!(
        "validator {} signed two blocks of height {}; block {} holds the evidence",
        offence.address_text(),
        offence.height,
        offence.reported
    );
    let propose = Propose {
        change: Change::Suspend(MemberChange {
            member: case.offender.member,
        }),
        note: Note::parse(&note).ok(),
    };
    let envelope = Envelope {
        ledger: engine.genesis().id(),
        actor: operator.did,
        sponsor: operator.did,
        nonce: Nonce::new(chop_http::random::bytes()),
        valid_until: Timestamp::from_unix_ms(chop_http::clock::now_ms()).plus_ms(ENVELOPE_LIFE_MS),
        actions: vec![Action::Propose(Box::new(propose))],
    };
    let signed = envelope
        .sign(&[&*operator.signer])
        .map_err(|error| error.to_string())?;
    let outcome = engine.submit(signed).await;
    outcome
        .map(|outcome| outcome.result)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_integrity::Hash;
    use chop_keys::{KeyType, PrivateKey, Signer as _};
    use chop_protocol::{MemberEvent, MemberEventKind, Role};

    fn member(seed: u8) -> ChopDid {
        let scid = Hash::from_bytes([seed; 32]);
        format!("did:chop:{}:a{scid}", "a".repeat(16))
            .parse()
            .unwrap()
    }

    fn validator(seed: u8) -> Validator {
        let key = PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap();
        Validator {
            public_key: key.public_key().clone(),
            power: 1,
            member: member(seed),
        }
    }

    /// A member that was suspended and reinstated at these heights.
    fn record(events: &[(MemberEventKind, u64)]) -> Member {
        let event = |&(kind, height): &(MemberEventKind, u64)| MemberEvent {
            kind,
            time: Timestamp::from_unix_ms(0),
            height,
            proposal: Hash::from_bytes([7; 32]),
        };
        Member {
            did: member(1),
            since: Timestamp::from_unix_ms(0),
            height: 0,
            name: None,
            role: Role::Member,
            quota: None,
            events: events.iter().map(event).collect(),
        }
    }

    #[test]
    fn what_the_members_decided_since_the_evidence_settles_it() {
        use MemberEventKind::{Reinstated, Suspended};
        let settled = |events: &[_], reported| is_settled(&record(events), reported);
        assert!(!settled(&[], 9));
        assert!(settled(&[(Suspended, 9)], 20));
        let reinstated = [(Suspended, 9), (Reinstated, 12)];
        assert!(settled(&reinstated, 8));
        assert!(settled(&reinstated, 12));
        assert!(!settled(&reinstated, 13));
    }

    #[test]
    fn every_member_but_the_offender_has_a_turn_of_its_own_at_every_height() {
        let set = ValidatorSet::new((1..=4).map(validator));
        for height in 0..9 {
            let mut turns: Vec<u32> = (2..=4)
                .map(|seed| turn(&set, &member(1), &member(seed), height))
                .collect();
            turns.sort_unstable();
            assert_eq!(turns, [0, 1, 2], "height {height}");
        }
        assert_eq!(turn(&set, &member(1), &member(9), 5), 3);
    }
}
