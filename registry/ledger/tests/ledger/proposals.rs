use super::council::Council;
use super::world::{Party, World};
use chop_integrity::Hash;
use chop_protocol::governance::{MAX_OPEN_BY_ONE, MemberChange};
use chop_protocol::{
    Action, CastVote, Change, Choice, DecisionKind, Governance, Parameters, ProposalStanding,
    Propose, Role, Setting, SignedEnvelope, Tally, Threshold, Vote, keys,
};
use proptest::prelude::*;

fn heartbeat(ms: i64) -> Change {
    Change::SetParameter(Setting::HeartbeatMs(ms))
}

fn ballots(council: &Council) -> usize {
    let all = council.world.state.0.keys();
    all.filter(|key| key.starts_with(keys::BALLOTS)).count()
}

#[test]
fn a_proposal_is_its_proposers_yes_and_takes_effect_with_the_deciding_vote() {
    let mut council = Council::of(4);
    let id = council.propose(0, heartbeat(5_000));
    council.vote(1, id, Choice::Yes);
    assert_eq!(council.decided(&id), None);
    assert_eq!(ballots(&council), 1);
    council.vote(2, id, Choice::Yes);
    let parameters: Parameters = council.world.read(keys::PARAMETERS).unwrap();
    assert_eq!(parameters.heartbeat_ms, 5_000);
    let decision = council.proposal(&id).decision.unwrap();
    assert_eq!(decision.kind, DecisionKind::Accepted);
    assert_eq!(
        decision.tally,
        Tally {
            yes: 3,
            no: 0,
            voters: 4
        }
    );
    assert_eq!(
        (decision.time, decision.height),
        (council.world.time, council.world.height)
    );
    assert_eq!(ballots(&council), 0);
}

#[test]
fn a_single_member_decides_with_its_proposal() {
    let mut world = World::new();
    let propose = Propose {
        change: heartbeat(5_000),
        note: None,
    };
    let envelope = world.by_founder(vec![Action::Propose(Box::new(propose))]);
    world.commit(&[envelope]);
    let parameters: Parameters = world.read(keys::PARAMETERS).unwrap();
    assert_eq!(parameters.heartbeat_ms, 5_000);
}

#[test]
fn so_many_noes_that_it_can_never_pass_reject_a_proposal() {
    let mut council = Council::of(4);
    let id = council.propose(0, heartbeat(5_000));
    council.vote(1, id, Choice::No);
    assert_eq!(council.decided(&id), None);
    council.vote(2, id, Choice::No);
    assert_eq!(council.decided(&id), Some(DecisionKind::Rejected));
    let parameters: Parameters = council.world.read(keys::PARAMETERS).unwrap();
    assert_eq!(parameters, Parameters::default());
    let late = council.voting(3, id, Choice::Yes);
    assert_eq!(council.world.refusal(&late), "proposal.decided");
}

#[test]
fn a_proposal_and_every_vote_keep_the_signed_envelope() {
    let mut council = Council::of(4);
    let id = council.propose(0, heartbeat(5_000));
    council.vote(1, id, Choice::No);
    council.proposal(&id).check_signed().unwrap();
    for (who, choice) in [(0, Choice::Yes), (1, Choice::No)] {
        let voter = council.members[who].did;
        let vote: Vote = council.world.read(&keys::vote(&id, &voter.scid())).unwrap();
        assert_eq!((vote.voter, vote.choice), (voter, choice));
        vote.check_signed().unwrap();
        let mut altered = vote.clone();
        altered.voter = council.members[2].did;
        assert!(altered.check_signed().is_err());
        altered = vote;
        altered.choice = if choice == Choice::Yes {
            Choice::No
        } else {
            Choice::Yes
        };
        assert!(altered.check_signed().is_err());
    }
    let mut altered = council.proposal(&id);
    altered.change = heartbeat(6_000);
    assert!(altered.check_signed().is_err());
}

#[test]
fn refuses_a_vote_of_one_that_is_no_member_with_a_vote() {
    let mut council = Council::of(4);
    let supervisor = council.newcomer(20);
    let mut admission = council.admission(supervisor);
    admission.role = Role::Supervisor;
    council.pass(Change::Admit(admission), &[1, 2, 3]);
    council.newcomer(21);
    let id = council.propose(0, heartbeat(5_000));
    for who in [20, 21] {
        let vote = Action::Vote(CastVote {
            proposal: id,
            choice: Choice::Yes,
        });
        let party = Party::new(who, &council.world.ledger());
        let vote = council.world.by(&party, vec![vote]);
        assert_eq!(council.world.refusal(&vote), "proposal.not-voter");
    }
}

#[test]
fn refuses_a_vote_on_what_was_never_proposed() {
    let mut council = Council::of(4);
    let vote = council.voting(0, Hash::from_bytes([1; 32]), Choice::Yes);
    assert_eq!(council.world.refusal(&vote), "proposal.unknown");
}

#[test]
fn refuses_a_second_vote_of_the_same_member() {
    let mut council = Council::of(4);
    let id = council.propose(0, heartbeat(5_000));
    let again = council.voting(0, id, Choice::No);
    assert_eq!(council.world.refusal(&again), "proposal.voted");
}

#[test]
fn a_member_does_not_vote_on_its_own_suspension() {
    let mut council = Council::of(4);
    let change = Change::Suspend(council.change_of(3));
    let id = council.propose(0, change);
    let vote = council.voting(3, id, Choice::No);
    assert_eq!(council.world.refusal(&vote), "proposal.own-case");
}

#[test]
fn a_ballot_expires_by_header_time_and_is_swept_by_a_later_block() {
    let mut council = Council::of(4);
    let id = council.propose(0, heartbeat(5_000));
    let expires = council.proposal(&id).expires;
    assert_eq!(
        expires,
        council
            .world
            .time
            .plus_ms(Governance::default().ballot_life_ms)
    );
    council.world.time = expires.minus_ms(1_000);
    council.vote(1, id, Choice::Yes);
    assert_eq!(council.world.time, expires, "the last moment counts");
    let late = council.voting(2, id, Choice::Yes);
    assert_eq!(
        council.proposal(&id).standing_at(expires),
        ProposalStanding::Open
    );
    // The block sweeps the ballot's place, so that the refusal leaves a deletion beside its mark.
    assert_eq!(council.world.refusal(&late), "proposal.expired");
    let now = council.world.time;
    assert_eq!(
        council.proposal(&id).standing_at(now),
        ProposalStanding::Expired
    );
    assert_eq!(ballots(&council), 0);
}

#[test]
fn no_member_fills_the_list_of_proposals_alone() {
    let mut council = Council::of(4);
    let ms = |n: usize| heartbeat(5_000 + i64::try_from(n).unwrap());
    let first = council.propose(0, ms(0));
    for n in 1..MAX_OPEN_BY_ONE {
        council.propose(0, ms(n));
    }
    assert_eq!(council.refusal(0, ms(99)), "proposal.too-many");
    council.propose(1, ms(100));
    council.vote(1, first, Choice::No);
    council.vote(2, first, Choice::No);
    council.propose(0, ms(99));
    let life = Governance::default().ballot_life_ms;
    council.world.time = council.world.time.plus_ms(life + 1);
    council.propose(0, ms(101));
}

#[test]
fn a_vote_goes_with_the_membership_of_who_cast_it() {
    let mut council = Council::of(5);
    let id = council.propose(0, heartbeat(5_000));
    council.vote(4, id, Choice::Yes);
    let suspend = Change::Suspend(council.change_of(4));
    council.pass(suspend, &[1, 2]);
    council.vote(1, id, Choice::Yes);
    assert_eq!(council.decided(&id), None, "two of four");
    council.vote(2, id, Choice::Yes);
    let tally = council.proposal(&id).decision.unwrap().tally;
    assert_eq!((tally.yes, tally.voters), (3, 4));
}

#[test]
fn what_stands_against_a_change_when_it_is_decided_fails_it() {
    let mut council = Council::of(4);
    let change = Change::Suspend(council.change_of(3));
    let first = council.propose(0, change.clone());
    let second = council.propose(1, change);
    for id in [first, second] {
        for who in [0, 1, 2] {
            if council.decided(&id).is_none()
                && !(who == 0 && id == first)
                && !(who == 1 && id == second)
            {
                council.vote(who, id, Choice::Yes);
            }
        }
    }
    assert_eq!(council.decided(&first), Some(DecisionKind::Accepted));
    let decision = council.proposal(&second).decision.unwrap();
    assert_eq!(decision.kind, DecisionKind::Failed);
    assert_eq!(decision.rule.as_deref(), Some("member.standing"));
    assert_eq!(council.member(3).events.len(), 1);
}

#[test]
fn a_threshold_is_lowered_only_by_those_whom_it_asks_for() {
    let mut council = Council::of(4);
    let change = Change::SetParameter(Setting::Admission(Threshold::Majority));
    let id = council.propose(0, change);
    council.vote(1, id, Choice::Yes);
    council.vote(2, id, Choice::Yes);
    assert_eq!(
        council.decided(&id),
        None,
        "admission takes all, so this does too"
    );
    council.vote(3, id, Choice::Yes);
    let governance: Governance = council.world.read(keys::GOVERNANCE).unwrap();
    assert_eq!(governance.admission, Threshold::Majority);
    let newcomer = council.newcomer(20);
    let admission = council.admission(newcomer);
    council.pass(Change::Admit(admission), &[1, 2]);
}

#[test]
fn refuses_a_parameter_out_of_range() {
    let mut council = Council::of(4);
    for setting in [
        Setting::HeartbeatMs(1),
        Setting::BlockWork(1),
        Setting::MaxEnvelopeLifeMs(1 << 50),
        Setting::BallotLifeMs(59_999),
        Setting::RecoveryDelayMs(-1),
    ] {
        let rule = council.refusal(0, Change::SetParameter(setting));
        assert_eq!(rule, "parameter.range", "{setting:?}");
    }
}

#[test]
fn refuses_a_parameter_that_is_so_already() {
    let mut council = Council::of(4);
    for setting in [
        Setting::HeartbeatMs(60_000),
        Setting::Membership(Threshold::TwoThirds),
    ] {
        let rule = council.refusal(0, Change::SetParameter(setting));
        assert_eq!(rule, "parameter.unchanged");
    }
}

#[test]
fn every_parameter_is_set_by_its_own_name() {
    let ok = |text: &str| serde_json::from_str::<Change>(text).unwrap();
    assert_eq!(
        ok(r#"{"setParameter":{"membership":"all"}}"#),
        Change::SetParameter(Setting::Membership(Threshold::All))
    );
    for bad in [
        r#"{"setParameter":{"unknown":1}}"#,
        r#"{"setParameter":{"heartbeatMs":1000,"blockWork":4096}}"#,
        r#"{"setParameter":{"heartbeatMs":"all"}}"#,
        r#"{"setParameter":{"membership":1}}"#,
        r#"{"suspend":{"member":"did:chop:x"}}"#,
        r#"{"dissolve":{}}"#,
        "{}",
    ] {
        assert!(serde_json::from_str::<Change>(bad).is_err(), "{bad}");
    }
}

/// One thing that a member of a council does.
#[derive(Clone, Debug)]
enum Deed {
    Propose(usize, Motion),
    Vote(usize, prop::sample::Index, bool),
    Wait(i64),
}

#[derive(Clone, Debug)]
enum Motion {
    Suspend(usize),
    Reinstate(usize),
    Remove(usize),
    Admit(usize),
    Power(u8, u64),
    Heartbeat(i64),
    Threshold(Threshold),
}

fn deed() -> impl Strategy<Value = Deed> {
    let who = || 0..5_usize;
    let motion = prop_oneof![
        2 => who().prop_map(Motion::Suspend),
        2 => who().prop_map(Motion::Reinstate),
        1 => who().prop_map(Motion::Remove),
        1 => who().prop_map(Motion::Admit),
        3 => (0..5_u8, 0..40_u64).prop_map(|(of, power)| Motion::Power(of, power)),
        1 => (5_000..5_004_i64).prop_map(Motion::Heartbeat),
        1 => prop_oneof![Just(Threshold::Majority), Just(Threshold::All)].prop_map(Motion::Threshold),
    ];
    prop_oneof![
        4 => (who(), motion).prop_map(|(by, motion)| Deed::Propose(by, motion)),
        12 => (who(), any::<prop::sample::Index>(), prop::bool::weighted(0.8))
            .prop_map(|(by, which, yes)| Deed::Vote(by, which, yes)),
        1 => (0..400_000_000_i64).prop_map(Deed::Wait),
    ]
}

fn change(council: &Council, motion: &Motion) -> Change {
    let of = |who: usize| MemberChange {
        member: council.members[who].did,
    };
    match motion {
        Motion::Suspend(who) => Change::Suspend(of(*who)),
        Motion::Reinstate(who) => Change::Reinstate(of(*who)),
        Motion::Remove(who) => Change::Remove(of(*who)),
        Motion::Admit(who) => Change::Admit(council.admission(*who)),
        Motion::Power(of, power) => super::council::set(vec![super::council::power(*of, *power)]),
        Motion::Heartbeat(ms) => heartbeat(*ms),
        Motion::Threshold(threshold) => Change::SetParameter(Setting::Membership(*threshold)),
    }
}

/// What holds after every block, whoever asked for what.
fn check(council: &Council, before: &chop_protocol::ValidatorSet) {
    let after = council.validators();
    assert_eq!(before.check_step(&after), Ok(()), "light clients follow");
    assert!(after.power() > 0, "somebody signs");
    for validator in after.validators() {
        let key = keys::member(&validator.member.scid());
        let member: chop_protocol::Member = council.world.read(&key).unwrap();
        assert!(
            member.is_live(),
            "a member that may not act signs no blocks"
        );
    }
    let live = (0..5).filter(|who| council.member(*who).is_live()).count();
    assert!(live > 0, "somebody decides");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_council_stops_its_ledger_or_loses_its_light_clients(
        deeds in proptest::collection::vec(deed(), 1..48),
    ) {
        let mut council = Council::of(5);
        let mut proposed = vec![];
        let mut decided = std::collections::BTreeMap::new();
        for deed in &deeds {
            let envelope: SignedEnvelope = match deed {
                Deed::Wait(ms) => {
                    council.world.time = council.world.time.plus_ms(*ms);
                    continue;
                }
                Deed::Propose(by, motion) => {
                    let change = change(&council, motion);
                    council.proposing(*by, change)
                }
                Deed::Vote(_, _, _) if proposed.is_empty() => continue,
                Deed::Vote(by, which, yes) => {
                    let choice = if *yes { Choice::Yes } else { Choice::No };
                    council.voting(*by, *which.get(&proposed), choice)
                }
            };
            let before = council.validators();
            let executed = council.world.block(std::slice::from_ref(&envelope));
            let key = keys::proposal(&envelope.hash());
            if executed.delta.contains_key(&key) {
                proposed.push(envelope.hash());
            }
            prop_assert_eq!(before.updates_to(&council.validators()), executed.validator_updates);
            check(&council, &before);
            for id in &proposed {
                let decision = council.proposal(id).decision;
                if let Some(earlier) = decided.get(id) {
                    prop_assert_eq!(Some(earlier), decision.as_ref(), "a decision stays");
                }
                decision.map(|decision| decided.insert(*id, decision));
            }
        }
        let again = council.world.replayed();
        prop_assert_eq!(again.root, council.world.root);
        prop_assert_eq!(again.state, council.world.state);
    }
}
