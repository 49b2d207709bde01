//! A solo ledger becomes a consortium's, once and under its rules.

use super::council::{Council, power, set};
use super::world::{Party, World, key};
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use chop_protocol::governance::{Admission, possession_input};
use chop_protocol::{
    Action, Change, ExecutionResult, Member, MemberName, MemberStanding, PossessionProof,
    PromotedValidator, Promotion, PromotionRecord, Propose, Role, SignedEnvelope, ValidatorSet,
    keys,
};

/// Founder, seed 1, and three organisations that are no members yet, seeds 2 to 4; each with a validator of power 1.
struct Eve {
    world: World,
    parties: Vec<Party>,
}

impl Eve {
    fn new() -> Self {
        let mut world = World::new();
        let ledger = world.ledger();
        let mut parties = vec![Party::new(1, &ledger), Party::new(2, &ledger)];
        parties.extend([world.add(3), world.add(4)]);
        Self { world, parties }
    }

    /// The validator of a party, with a key of role 9 that the solo ledger does not use.
    fn validator(&self, who: usize) -> PromotedValidator {
        let signer = key(50 + u8::try_from(who).unwrap(), 9);
        self.possessed(who, &signer)
    }

    fn possessed(&self, who: usize, signer: &PrivateKey) -> PromotedValidator {
        let (member, public_key) = (self.parties[who].did, signer.public_key().clone());
        let input = possession_input(&self.world.ledger(), &member, &public_key).unwrap();
        let signature = signer.sign_possession(&input).unwrap();
        PromotedValidator {
            possession: PossessionProof::from_bytes(signature.as_bytes()).unwrap(),
            public_key,
            power: 1,
            member,
        }
    }

    fn admission(&self, who: usize) -> Admission {
        Admission {
            did: self.parties[who].did,
            name: MemberName::parse("Fruit Co").unwrap(),
            role: Role::Member,
            quota: None,
        }
    }

    fn promotion(&self) -> Promotion {
        Promotion {
            retires: solo_key(),
            validators: (0..4).map(|who| self.validator(who)).collect(),
            admit: (1..4).map(|who| self.admission(who)).collect(),
            fewer: false,
        }
    }

    fn proposing(&mut self, promotion: Promotion) -> SignedEnvelope {
        let change = Change::Promote(promotion);
        let propose = Action::Propose(Box::new(Propose { change, note: None }));
        self.world.by_founder(vec![propose])
    }

    fn refusal(&mut self, promotion: Promotion) -> String {
        let envelope = self.proposing(promotion);
        self.world.refusal(&envelope)
    }
}

fn solo_key() -> PublicKey {
    key(1, 9).public_key().clone()
}

#[test]
fn a_promotion_takes_members_in_sets_validators_and_leaves_a_record() {
    let mut eve = Eve::new();
    let promotion = eve.promotion();
    let envelope = eve.proposing(promotion.clone());
    eve.world.commit(std::slice::from_ref(&envelope));
    let set: ValidatorSet = eve.world.read(keys::VALIDATORS).unwrap();
    assert_eq!(set.validators().len(), 4);
    for validator in &promotion.validators {
        let stored = set.find(&validator.public_key).unwrap();
        assert_eq!((stored.power, stored.member), (1, validator.member));
        let member: Member = eve
            .world
            .read(&keys::member(&validator.member.scid()))
            .unwrap();
        assert_eq!(member.standing(), MemberStanding::Live);
    }
    let record: PromotionRecord = eve.world.read(keys::PROMOTION).unwrap();
    let expected = PromotionRecord {
        height: eve.world.height,
        time: eve.world.time,
        proposal: envelope.hash(),
        retires: solo_key(),
    };
    assert_eq!(record, expected);
    let again = eve.world.replayed();
    assert_eq!((again.root, again.state), (eve.world.root, eve.world.state));
}

#[test]
fn the_members_of_a_promoted_ledger_decide_together() {
    let mut eve = Eve::new();
    let promotion = eve.promotion();
    let envelope = eve.proposing(promotion.clone());
    eve.world.commit(&[envelope]);
    let mut change = power(0, 2);
    change.public_key = promotion.validators[1].public_key.clone();
    let propose = Action::Propose(Box::new(Propose {
        change: set(vec![change]),
        note: None,
    }));
    let proposal = eve.world.by_founder(vec![propose]);
    let executed = eve.world.block(&[proposal]);
    assert_eq!(executed.outcomes[0].result, ExecutionResult::Committed);
    assert!(
        executed.validator_updates.is_empty(),
        "one of four is not enough"
    );
}

#[test]
fn refuses_to_promote_a_consortium() {
    let mut eve = Eve::new();
    let promotion = eve.promotion();
    let envelope = eve.proposing(promotion.clone());
    eve.world.commit(&[envelope]);
    assert_eq!(eve.refusal(promotion), "promotion.not-solo");

    let mut council = Council::of(4);
    let promotion = Eve::new().promotion();
    let refused = council.refusal(0, Change::Promote(promotion));
    assert_eq!(refused, "promotion.not-solo");
}

#[test]
fn refuses_a_promotion_by_one_who_did_not_found_the_ledger() {
    let mut eve = Eve::new();
    let admit = Change::Admit(eve.admission(1));
    let propose = Action::Propose(Box::new(Propose {
        change: admit,
        note: None,
    }));
    let envelope = eve.world.by_founder(vec![propose]);
    eve.world.commit(&[envelope]);
    let mut promotion = eve.promotion();
    promotion.admit.remove(0);
    let propose = Action::Propose(Box::new(Propose {
        change: Change::Promote(promotion),
        note: None,
    }));
    let envelope = eve.world.by_party(vec![propose]);
    assert_eq!(eve.world.refusal(&envelope), "promotion.not-founder");
}

#[test]
fn refuses_to_retire_another_key_than_the_one_that_signs_the_ledger() {
    let mut eve = Eve::new();
    let mut other = eve.promotion();
    other.retires = key(7, 9).public_key().clone();
    assert_eq!(eve.refusal(other), "promotion.other-key");
}

#[test]
fn refuses_fewer_than_four_validators_that_nobody_means() {
    let mut eve = Eve::new();
    let mut promotion = eve.promotion();
    promotion.validators.pop();
    assert_eq!(eve.refusal(promotion.clone()), "promotion.few-validators");
    let none = Promotion {
        validators: vec![],
        fewer: true,
        ..promotion.clone()
    };
    assert_eq!(eve.refusal(none), "validators.count");
    promotion.fewer = true;
    let envelope = eve.proposing(promotion);
    eve.world.commit(&[envelope]);
}

#[test]
fn refuses_the_retired_key_as_a_validator() {
    let mut eve = Eve::new();
    let mut promotion = eve.promotion();
    promotion.validators[0] = eve.possessed(0, &key(1, 9));
    assert_eq!(eve.refusal(promotion), "promotion.retired-key");
}

#[test]
fn refuses_a_validator_whose_key_nobody_has_shown_to_hold() {
    let mut eve = Eve::new();
    let mut swapped = eve.promotion();
    swapped.validators[0].possession = swapped.validators[1].possession.clone();
    assert_eq!(eve.refusal(swapped), "promotion.possession");
    // Shown for another member, it counts for nothing here.
    let mut taken = eve.promotion();
    taken.validators[2].member = eve.parties[3].did;
    assert_eq!(eve.refusal(taken), "promotion.possession");
}

#[test]
fn refuses_validators_as_any_change_of_them_does() {
    let mut eve = Eve::new();
    let mut twice = eve.promotion();
    twice.validators[1] = twice.validators[0].clone();
    assert_eq!(eve.refusal(twice), "validators.twice");
    let mut none = eve.promotion();
    none.validators[1].power = 0;
    assert_eq!(eve.refusal(none), "validators.power");
    let mut stranger = eve.promotion();
    stranger.admit.pop();
    assert_eq!(eve.refusal(stranger), "validators.member");
    let mut twice = eve.promotion();
    twice.admit.push(eve.admission(3));
    assert_eq!(eve.refusal(twice), "member.standing");
    let mut supervisor = eve.promotion();
    supervisor.admit[0].role = Role::Supervisor;
    assert_eq!(eve.refusal(supervisor), "validators.member");
    let p256 = PrivateKey::from_seed(KeyType::P256, &[3; 32]).unwrap();
    let mut other = eve.promotion();
    other.validators[1].public_key = p256.public_key().clone();
    assert_eq!(eve.refusal(other), "validators.key");
}
