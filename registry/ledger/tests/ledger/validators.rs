use super::council::{Council, power, set};
use super::world::{World, key};
use chop_did::build;
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use chop_protocol::governance::ValidatorChange;
use chop_protocol::{Action, Change, Choice, Propose, ValidatorUpdate};

fn new_key(seed: u8) -> PublicKey {
    key(seed, 9).public_key().clone()
}

fn added(council: &Council, seed: u8, power: u64, member: usize) -> ValidatorChange {
    ValidatorChange {
        public_key: new_key(seed),
        power,
        member: Some(council.members[member].did),
    }
}

fn refused(council: &mut Council, validators: Vec<ValidatorChange>) -> String {
    council.refusal(0, set(validators))
}

#[test]
fn a_fifth_validator_comes_and_the_engine_is_told_with_the_deciding_vote() {
    let mut council = Council::of(4);
    let newcomer = council.newcomer(20);
    let admission = council.admission(newcomer);
    council.pass(Change::Admit(admission), &[1, 2, 3]);
    let added = added(&council, 20, 10, newcomer);
    let executed = council.pass(set(vec![added]), &[1, 2, 3]);
    let update = ValidatorUpdate {
        public_key: new_key(20),
        power: 10,
    };
    assert_eq!(executed.validator_updates, [update]);
    let stored = council.validators();
    assert_eq!(
        stored.find(&new_key(20)).unwrap().member,
        council.members[newcomer].did
    );
    assert_eq!(stored.power(), 50);

    let remove = Change::Remove(council.change_of(newcomer));
    let executed = council.pass(remove, &[1, 2]);
    let gone = ValidatorUpdate {
        public_key: new_key(20),
        power: 0,
    };
    assert_eq!(executed.validator_updates, [gone]);
    assert_eq!(council.validators().power(), 40);
}

#[test]
fn a_suspension_sets_the_power_of_the_members_validators_to_0() {
    let mut council = Council::of(4);
    let suspend = Change::Suspend(council.change_of(3));
    let executed = council.pass(suspend, &[1, 2]);
    let gone = ValidatorUpdate {
        public_key: new_key(13),
        power: 0,
    };
    assert_eq!(executed.validator_updates, [gone]);
    let reinstate = Change::Reinstate(council.change_of(3));
    let executed = council.pass(reinstate, &[1, 2]);
    assert!(
        executed.validator_updates.is_empty(),
        "it takes a proposal of its own"
    );
}

#[test]
fn two_changes_in_one_block_are_one_step() {
    let mut council = Council::of(4);
    let first = council.propose(0, Change::Suspend(council.change_of(3)));
    council.vote(1, first, Choice::Yes);
    let second = council.propose(0, set(vec![power(2, 0)]));
    council.vote(1, second, Choice::Yes);
    let third = council.propose(0, set(vec![power(1, 0)]));
    council.vote(1, third, Choice::Yes);
    let votes: Vec<_> = [first, second, third]
        .into_iter()
        .map(|id| council.voting(2, id, Choice::Yes))
        .collect();
    let executed = council.world.block(&votes);
    assert_eq!(
        executed.validator_updates.len(),
        2,
        "the third would leave one of four"
    );
    let failed = council.proposal(&third).decision.unwrap();
    assert_eq!(failed.rule.as_deref(), Some("validators.overlap"));
}

#[test]
fn refuses_to_change_the_validators_of_a_solo_ledger() {
    let mut world = World::new();
    let change = set(vec![ValidatorChange {
        public_key: new_key(20),
        power: 10,
        member: Some(world.founder.did),
    }]);
    let propose = Action::Propose(Box::new(Propose { change, note: None }));
    let envelope = world.by_founder(vec![propose]);
    assert_eq!(world.refusal(&envelope), "validators.solo");
}

#[test]
fn refuses_no_validators_and_too_many() {
    let mut council = Council::of(4);
    assert_eq!(refused(&mut council, vec![]), "validators.count");
    let many = (100..165)
        .map(|seed| added(&council, seed, 1, 0))
        .collect::<Vec<_>>();
    assert_eq!(refused(&mut council, many.clone()), "validators.count");
    let sixty_one = many[..61].to_vec();
    assert_eq!(refused(&mut council, sixty_one), "validators.count");
}

#[test]
fn refuses_to_name_a_key_twice() {
    let mut council = Council::of(4);
    let twice = vec![power(1, 5), power(1, 6)];
    assert_eq!(refused(&mut council, twice), "validators.twice");
}

#[test]
fn refuses_a_key_that_signs_no_headers() {
    let mut council = Council::of(4);
    let p256 = PrivateKey::from_seed(KeyType::P256, &[3; 32]).unwrap();
    let mut change = added(&council, 20, 10, 0);
    change.public_key = p256.public_key().clone();
    assert_eq!(refused(&mut council, vec![change]), "validators.key");
}

#[test]
fn refuses_a_power_out_of_bounds() {
    let mut council = Council::of(4);
    let huge = vec![power(1, (1 << 40) + 1)];
    assert_eq!(refused(&mut council, huge), "validators.power");
}

#[test]
fn refuses_a_new_key_without_a_member_and_a_known_one_with_one() {
    let mut council = Council::of(4);
    let mut unnamed = added(&council, 20, 10, 0);
    unnamed.member = None;
    assert_eq!(refused(&mut council, vec![unnamed]), "validators.unknown");
    let mut named = power(1, 5);
    named.member = Some(council.members[0].did);
    assert_eq!(refused(&mut council, vec![named]), "validators.unknown");
    let mut gone = power(9, 0);
    gone.public_key = new_key(99);
    assert_eq!(refused(&mut council, vec![gone]), "validators.unknown");
}

#[test]
fn refuses_a_validator_of_one_that_has_no_vote() {
    let mut council = Council::of(4);
    let stranger = council.newcomer(20);
    let change = added(&council, 20, 10, stranger);
    assert_eq!(refused(&mut council, vec![change]), "validators.member");
}

#[test]
fn refuses_a_power_that_it_has_already() {
    let mut council = Council::of(4);
    let same = vec![power(1, 10)];
    assert_eq!(refused(&mut council, same), "validators.unchanged");
}

#[test]
fn refuses_a_set_with_which_no_block_would_be_made() {
    let mut council = Council::of(4);
    let all = (0..4).map(|n| power(n, 0)).collect();
    assert_eq!(refused(&mut council, all), "validators.quorum");
    // A member whose DID has ended runs the fourth: with less power beside it, it alone could stop the ledger.
    let party = &council.members[3];
    let deactivate = build::deactivate(&council.world.did(&party.did)).signed_by(&[&party.update]);
    let deactivate = council.by(0, Action::Did(Box::new(deactivate.unwrap())));
    council.world.commit(&[deactivate]);
    let less = vec![power(0, 4), power(1, 4)];
    assert_eq!(refused(&mut council, less), "validators.quorum");
}

#[test]
fn refuses_a_step_that_light_clients_could_not_follow() {
    let mut council = Council::of(4);
    let much = vec![power(1, 100)];
    assert_eq!(refused(&mut council, much), "validators.overlap");
    let away = vec![power(1, 0), power(2, 0), power(3, 0)];
    assert_eq!(refused(&mut council, away), "validators.overlap");
    // Two of four may still be told apart from any other two.
    council.propose(0, set(vec![power(2, 0), power(3, 0)]));
}

#[test]
fn a_member_with_much_power_is_put_out_in_steps() {
    let mut council = Council::of(4);
    let grow = set(vec![power(3, 40)]);
    council.pass(grow, &[1, 2]);
    let suspend = Change::Suspend(council.change_of(3));
    assert_eq!(council.refusal(0, suspend.clone()), "validators.overlap");
    let shrink = set(vec![power(3, 10)]);
    council.pass(shrink, &[1, 2]);
    council.pass(suspend, &[1, 2]);
    assert_eq!(council.validators().validators().len(), 3);
}
