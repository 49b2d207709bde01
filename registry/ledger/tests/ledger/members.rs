use super::council::Council;
use super::world::{Party, World};
use chop_did::build;
use chop_protocol::governance::Admission;
use chop_protocol::membership::MAX_MEMBER_EVENTS;
use chop_protocol::{
    Action, AnchorCredential, Change, Choice, ExecutionResult, MemberEventKind, MemberName,
    MemberQuota, MemberStanding, Role, SignedEnvelope, anchor_digest,
};

fn anchor(text: &str) -> Action {
    Action::Anchor(AnchorCredential {
        digest: anchor_digest(text.as_bytes()),
        credential_type: None,
        subject: None,
    })
}

fn rule(council: &mut Council, envelope: &SignedEnvelope) -> String {
    let executed = council.world.block(std::slice::from_ref(envelope));
    match executed.outcomes[0].result.clone() {
        ExecutionResult::Committed => "committed".to_owned(),
        ExecutionResult::Refused { rule, .. } => rule,
    }
}

#[test]
fn a_newcomer_is_admitted_by_all_and_then_acts() {
    let mut council = Council::of(4);
    let newcomer = council.newcomer(20);
    let before = council.by(newcomer, anchor("before"));
    assert_eq!(rule(&mut council, &before), "envelope.sponsor-not-member");
    let admission = council.admission(newcomer);
    let id = council.propose(0, Change::Admit(admission));
    for who in [1, 2] {
        council.vote(who, id, Choice::Yes);
    }
    assert_eq!(council.decided(&id), None);
    council.vote(3, id, Choice::Yes);
    let member = council.member(newcomer);
    assert_eq!(member.name, Some(MemberName::parse("Fruit Co").unwrap()));
    assert_eq!(
        (member.since, member.height),
        (council.world.time, council.world.height)
    );
    assert_eq!(member.events[0].proposal, id);
    let after = council.by(newcomer, anchor("after"));
    council.world.commit(&[after]);
    let id = council.propose(newcomer, Change::Suspend(council.change_of(3)));
    assert!(council.decided(&id).is_none());
}

#[test]
fn a_suspension_closes_a_members_writes_as_actor_as_sponsor_and_as_controller() {
    let mut council = Council::of(4);
    let (product, create) = council.world.product(&council.members[3], 1);
    let create = council.by(3, create);
    council.world.commit(&[create]);
    let suspend = Change::Suspend(council.change_of(3));
    let id = council.propose(0, suspend);
    council.vote(1, id, Choice::Yes);
    // What stands behind the deciding vote in the same block is refused already.
    let vote = council.voting(2, id, Choice::Yes);
    let write = council.by(3, anchor("too late"));
    let executed = council.world.block(&[vote, write]);
    assert_eq!(executed.outcomes[0].result, ExecutionResult::Committed);
    assert!(!executed.outcomes[1].is_committed());
    assert_eq!(council.standing(3), MemberStanding::Suspended);

    let alone = council.by(3, anchor("alone"));
    assert_eq!(rule(&mut council, &alone), "envelope.sponsor-not-member");
    let suspended = Party::new(13, &council.world.ledger());
    let sponsored = council.world.by(&suspended, vec![anchor("sponsored")]);
    assert_eq!(council.world.refusal(&sponsored), "envelope.actor-barred");
    let envelope = council.world.envelope(product, vec![anchor("product")]);
    let founder = &council.members[0];
    let controlled = envelope.sign(&[&suspended.act, &founder.act]).unwrap();
    assert_eq!(council.world.refusal(&controlled), "envelope.actor-barred");

    let reinstate = Change::Reinstate(council.change_of(3));
    council.pass(reinstate, &[1, 2]);
    let again = council.by(3, anchor("again"));
    council.world.commit(&[again]);
    let kinds: Vec<_> = council
        .member(3)
        .events
        .iter()
        .map(|event| event.kind)
        .collect();
    assert_eq!(
        kinds,
        [MemberEventKind::Suspended, MemberEventKind::Reinstated]
    );
}

#[test]
fn a_removed_member_comes_back_only_by_another_admission() {
    let mut council = Council::of(4);
    let remove = Change::Remove(council.change_of(3));
    council.pass(remove, &[1, 2]);
    let write = council.by(3, anchor("removed"));
    assert_eq!(rule(&mut council, &write), "envelope.sponsor-not-member");
    let reinstate = Change::Reinstate(council.change_of(3));
    assert_eq!(council.refusal(0, reinstate), "member.standing");
    let admission = council.admission(3);
    council.pass(Change::Admit(admission), &[1, 2]);
    let write = council.by(3, anchor("back"));
    council.world.commit(&[write]);
    assert_eq!(council.member(3).events.len(), 2);
}

#[test]
fn the_keys_of_a_suspended_member_are_changed_under_somebody_elses_envelope() {
    let mut council = Council::of(4);
    let suspend = Change::Suspend(council.change_of(3));
    council.pass(suspend, &[1, 2]);
    let state = council.world.did(&council.members[3].did);
    let document = super::world::document(&council.members[3].act);
    let update = build::update(&state, &document).signed_by(&[&council.members[3].update]);
    let envelope = council.by(0, Action::Did(Box::new(update.unwrap())));
    council.world.commit(&[envelope]);
}

#[test]
fn refuses_to_admit_a_did_that_is_not_there_or_has_ended() {
    let mut council = Council::of(4);
    let nobody = Admission {
        did: Party::new(30, &council.world.ledger()).did,
        ..council.admission(0)
    };
    assert_eq!(
        council.refusal(0, Change::Admit(nobody)),
        "member.did-unknown"
    );
    let newcomer = council.newcomer(20);
    let party = &council.members[newcomer];
    let deactivate = build::deactivate(&council.world.did(&party.did)).signed_by(&[&party.update]);
    let deactivate = council.by(0, Action::Did(Box::new(deactivate.unwrap())));
    council.world.commit(&[deactivate]);
    let ended = council.admission(newcomer);
    assert_eq!(
        council.refusal(0, Change::Admit(ended)),
        "member.did-unknown"
    );
}

#[test]
fn refuses_to_admit_a_did_that_another_controls() {
    let mut council = Council::of(4);
    let (product, create) = council.world.product(&council.members[0], 1);
    let create = council.by(0, create);
    council.world.commit(&[create]);
    let admission = Admission {
        did: product,
        ..council.admission(0)
    };
    assert_eq!(
        council.refusal(0, Change::Admit(admission)),
        "member.controlled"
    );
}

#[test]
fn refuses_to_admit_who_is_a_member() {
    let mut council = Council::of(4);
    let admission = council.admission(1);
    assert_eq!(
        council.refusal(0, Change::Admit(admission)),
        "member.standing"
    );
}

#[test]
fn refuses_to_change_the_membership_of_one_that_never_had_any() {
    let mut council = Council::of(4);
    let stranger = council.newcomer(20);
    let of = council.change_of(stranger);
    for change in [
        Change::Suspend(of),
        Change::Reinstate(of),
        Change::Remove(of),
    ] {
        assert_eq!(council.refusal(0, change), "member.unknown");
    }
}

#[test]
fn a_members_own_quota_bounds_what_it_sponsors() {
    let mut council = Council::of(4);
    let newcomer = council.newcomer(20);
    let mut admission = council.admission(newcomer);
    for (block_work, day_work) in [(1, 1 << 20), (1 << 20, 1), (1 << 20, 1 << 41)] {
        admission.quota = Some(MemberQuota {
            block_work,
            day_work,
        });
        let change = Change::Admit(admission.clone());
        assert_eq!(council.refusal(0, change), "member.quota");
    }
    let quota = MemberQuota {
        block_work: 4_096,
        day_work: 4_096,
    };
    admission.quota = Some(quota);
    council.pass(Change::Admit(admission), &[1, 2, 3]);
    assert_eq!(council.member(newcomer).quota, Some(quota));
    // A proposal weighs 385 units, so ten of them are within 4,096 and an eleventh is not.
    let mut last = String::new();
    for _ in 0..11 {
        let envelope = council.proposing(newcomer, Change::Remove(council.change_of(newcomer)));
        last = rule(&mut council, &envelope);
    }
    assert_eq!(last, "quota.day");
}

#[test]
fn no_member_puts_another_out_alone_and_the_last_one_stays() {
    let mut council = Council::of(2);
    let other = Change::Suspend(council.change_of(1));
    assert_eq!(council.refusal(0, other), "member.too-few");
    let own = Change::Remove(council.change_of(1));
    let id = council.propose(1, own);
    council.vote(0, id, Choice::Yes);
    assert_eq!(council.standing(1), MemberStanding::Removed);
    let last = Change::Remove(council.change_of(0));
    assert_eq!(council.refusal(0, last), "member.too-few");
}

#[test]
fn a_member_whose_did_has_ended_does_not_stop_the_others() {
    let mut council = Council::of(3);
    let party = &council.members[2];
    let deactivate = build::deactivate(&council.world.did(&party.did)).signed_by(&[&party.update]);
    let deactivate = council.by(0, Action::Did(Box::new(deactivate.unwrap())));
    council.world.commit(&[deactivate]);
    let newcomer = council.newcomer(20);
    let admission = council.admission(newcomer);
    council.pass(Change::Admit(admission), &[1]);
    let remove = Change::Remove(council.change_of(2));
    council.pass(remove, &[1, newcomer]);
    assert_eq!(council.standing(2), MemberStanding::Removed);
}

#[test]
fn a_supervisor_sponsors_and_does_not_decide() {
    let mut council = Council::of(4);
    let supervisor = council.newcomer(20);
    let mut admission = council.admission(supervisor);
    admission.role = Role::Supervisor;
    council.pass(Change::Admit(admission), &[1, 2, 3]);
    let write = council.by(supervisor, anchor("order"));
    council.world.commit(&[write]);
    let propose = Change::Suspend(council.change_of(3));
    assert_eq!(council.refusal(supervisor, propose), "proposal.not-voter");
}

#[test]
fn a_full_history_leaves_room_for_a_removal() {
    let mut council = Council::of(4);
    let of = council.change_of(3);
    for n in 0..MAX_MEMBER_EVENTS - 1 {
        let change = if n % 2 == 0 {
            Change::Suspend(of)
        } else {
            Change::Reinstate(of)
        };
        council.pass(change, &[1, 2]);
    }
    assert_eq!(
        council.refusal(0, Change::Reinstate(of)),
        "member.history-full"
    );
    council.pass(Change::Remove(of), &[1, 2]);
    assert_eq!(council.standing(3), MemberStanding::Removed);
}

#[test]
fn a_ledger_has_at_most_128_members() {
    let mut world = World::new();
    let admit = |world: &World, seed: u8| {
        let admission = Admission {
            did: Party::new(seed, &world.ledger()).did,
            name: MemberName::parse("Observer").unwrap(),
            role: Role::Supervisor,
            quota: None,
        };
        let change = Change::Admit(admission);
        Action::Propose(Box::new(chop_protocol::Propose { change, note: None }))
    };
    for seed in 100..=226 {
        world.add(seed);
        let admit = admit(&world, seed);
        let envelope = world.by_founder(vec![admit]);
        world.commit(&[envelope]);
    }
    world.add(227);
    let admit = admit(&world, 227);
    let envelope = world.by_founder(vec![admit]);
    assert_eq!(world.refusal(&envelope), "member.too-many");
}
