use super::world::{Party, World};
use chop_did::LedgerId;
use chop_did::build;
use chop_integrity::Hash;
use chop_keys::{KeyType, PrivateKey};
use chop_ledger::admit;
use chop_protocol::{
    Action, AnchorCredential, ExecutionResult, Parameters, Quota, SignedEnvelope, keys,
};

fn anchor(text: &str) -> Action {
    let digest = chop_protocol::anchor_digest(text.as_bytes());
    Action::Anchor(AnchorCredential {
        digest,
        credential_type: None,
        subject: None,
    })
}

#[test]
fn an_envelope_of_actor_and_sponsor_takes_effect() {
    let mut world = World::new();
    let envelope = world.by_party(vec![anchor("a"), anchor("b")]);
    world.commit(std::slice::from_ref(&envelope));
    assert_eq!(
        world
            .state
            .0
            .keys()
            .filter(|key| key.starts_with("anchor/"))
            .count(),
        2
    );
}

#[test]
fn actions_take_effect_all_or_none() {
    let mut world = World::new();
    let envelope = world.by_party(vec![anchor("a"), anchor("a")]);
    assert_eq!(world.refusal(&envelope), "anchor.exists");
    assert!(!world.state.0.keys().any(|key| key.starts_with("anchor/")));
}

#[test]
fn envelopes_of_one_block_see_each_other() {
    let mut world = World::new();
    let first = world.by_party(vec![anchor("a")]);
    let second = world.by_founder(vec![anchor("a")]);
    let third = world.by_founder(vec![anchor("b")]);
    let outcomes = world.block(&[first, second, third]).outcomes;
    assert!(outcomes[0].is_committed());
    assert!(
        matches!(&outcomes[1].result, ExecutionResult::Refused { rule, .. } if rule == "anchor.exists")
    );
    assert!(outcomes[2].is_committed());
}

#[test]
fn refuses_an_envelope_for_another_ledger() {
    let mut world = World::new();
    let mut envelope = world.envelope(world.founder.did, vec![anchor("a")]);
    // Another ledger whose short id is the same: only the full id tells them apart.
    let mut bytes = *world.ledger().hash().as_bytes();
    bytes[31] ^= 1;
    envelope.ledger = LedgerId::new(Hash::from_bytes(bytes));
    let envelope = envelope.sign(&[&world.founder.act]).unwrap();
    assert_eq!(world.refusal(&envelope), "envelope.ledger");
}

#[test]
fn refuses_an_envelope_after_its_time() {
    let mut world = World::new();
    let mut envelope = world.envelope(world.founder.did, vec![anchor("a")]);
    envelope.valid_until = world.now().minus_ms(1);
    let late = envelope.sign(&[&world.founder.act]).unwrap();
    assert_eq!(world.refusal(&late), "envelope.expired");
    envelope.valid_until = world.now();
    let just_in_time = envelope.sign(&[&world.founder.act]).unwrap();
    assert_eq!(world.refusal(&just_in_time), "committed");
}

#[test]
fn refuses_an_envelope_that_lives_too_long() {
    let mut world = World::new();
    let mut envelope = world.envelope(world.founder.did, vec![anchor("a")]);
    envelope.valid_until = world.now().plus_ms(86_400_001);
    let long = envelope.sign(&[&world.founder.act]).unwrap();
    assert_eq!(world.refusal(&long), "envelope.too-far");
}

#[test]
fn refuses_a_replay_in_the_same_block_and_later() {
    let mut world = World::new();
    let envelope = world.by_party(vec![anchor("a")]);
    let outcomes = world.block(&[envelope.clone(), envelope.clone()]).outcomes;
    assert!(outcomes[0].is_committed());
    assert!(!outcomes[1].is_settled());
    assert_eq!(world.refusal(&envelope), "envelope.replayed");
}

#[test]
fn a_refused_envelope_cannot_succeed_later() {
    let mut world = World::new();
    let digest = chop_protocol::anchor_digest(b"a");
    let status = chop_protocol::AnchorStatus::Suspended;
    let early = world.by_party(vec![Action::SetStatus(chop_protocol::SetStatus {
        digest,
        status,
    })]);
    assert_eq!(world.refusal(&early), "anchor.unknown");
    let envelope = world.by_party(vec![anchor("a")]);
    world.commit(&[envelope]);
    assert_eq!(world.refusal(&early), "envelope.replayed");
}

#[test]
fn replay_marks_are_swept_after_their_time_and_only_by_blocks_with_envelopes() {
    let mut world = World::new();
    let envelope = world.by_party(vec![anchor("a")]);
    world.commit(std::slice::from_ref(&envelope));
    let marks = |world: &World| {
        world
            .state
            .0
            .keys()
            .filter(|key| key.starts_with(keys::NONCES))
            .count()
    };
    assert_eq!(marks(&world), 2);
    world.time = world.time.plus_ms(86_400_000);
    assert_eq!(world.block(&[]).delta.len(), 0);
    assert_eq!(marks(&world), 2);
    let other = world.by_founder(vec![anchor("b")]);
    world.commit(&[other]);
    assert_eq!(marks(&world), 1);
    assert_eq!(world.refusal(&envelope), "envelope.expired");
    let quotas: Vec<_> = world
        .state
        .0
        .keys()
        .filter(|key| key.starts_with(keys::QUOTAS))
        .collect();
    assert_eq!(
        quotas,
        [&keys::quota(
            keys::day(world.time),
            &world.founder.did.scid()
        )]
    );
}

#[test]
fn refuses_a_sponsor_that_is_no_member() {
    let mut world = World::new();
    let mut envelope = world.envelope(world.party.did, vec![anchor("a")]);
    envelope.sponsor = world.party.did;
    let envelope = envelope.sign(&[&world.party.act]).unwrap();
    assert_eq!(world.refusal(&envelope), "envelope.sponsor-not-member");
}

#[test]
fn refuses_an_envelope_without_its_sponsors_signature() {
    let mut world = World::new();
    let envelope = world.envelope(world.party.did, vec![anchor("a")]);
    let alone = envelope.sign(&[&world.party.act]).unwrap();
    assert_eq!(world.refusal(&alone), "envelope.sponsor-key");
    let by_update_key = envelope
        .sign(&[&world.party.act, &world.founder.update])
        .unwrap();
    assert_eq!(world.refusal(&by_update_key), "envelope.sponsor-key");
    let mut countersigned = alone;
    countersigned.countersign(&world.founder.act).unwrap();
    assert_eq!(world.refusal(&countersigned), "committed");
    assert_eq!(
        SignedEnvelope::try_from(countersigned.bytes())
            .unwrap()
            .bytes(),
        countersigned.bytes()
    );
}

#[test]
fn refuses_an_actor_that_does_not_exist() {
    let mut world = World::new();
    let nobody = Party::new(9, &world.ledger());
    let envelope = world.by(&nobody, vec![anchor("a")]);
    assert_eq!(world.refusal(&envelope), "envelope.actor-unknown");
    let create = Action::Did(Box::new(nobody.create()));
    let too_late = world.envelope(nobody.did, vec![anchor("a"), create]);
    let too_late = too_late
        .sign(&[&nobody.update, &world.founder.act])
        .unwrap();
    assert_eq!(world.refusal(&too_late), "envelope.actor-unknown");
}

#[test]
fn a_new_did_acts_in_the_envelope_that_creates_it() {
    let mut world = World::new();
    let newcomer = Party::new(9, &world.ledger());
    let create = Action::Did(Box::new(newcomer.create()));
    let envelope = world.envelope(newcomer.did, vec![create, anchor("a")]);
    let stranger = envelope.sign(&[&newcomer.act, &world.founder.act]).unwrap();
    assert_eq!(world.refusal(&stranger), "envelope.actor-key");
    let signed = envelope
        .sign(&[&newcomer.update, &world.founder.act])
        .unwrap();
    world.commit(&[signed]);
    assert_eq!(world.did(&newcomer.did).seq(), 0);
}

#[test]
fn refuses_an_actor_that_was_deactivated_before_or_within_the_envelope() {
    let mut world = World::new();
    let state = world.did(&world.party.did);
    let end = build::deactivate(&state)
        .signed_by(&[&world.party.update])
        .unwrap();
    let end = Action::Did(Box::new(end));
    let within = world.by_party(vec![end.clone(), anchor("a")]);
    assert_eq!(world.refusal(&within), "envelope.actor-deactivated");
    let alone = world.by_party(vec![end]);
    world.commit(&[alone]);
    let after = world.by_party(vec![anchor("a")]);
    assert_eq!(world.refusal(&after), "envelope.actor-deactivated");
}

#[test]
fn refuses_an_actors_retired_or_foreign_key() {
    let mut world = World::new();
    let stranger = PrivateKey::from_seed(KeyType::P256, &[5; 32]).unwrap();
    let envelope = world.envelope(world.party.did, vec![anchor("a")]);
    let foreign = envelope.sign(&[&stranger, &world.founder.act]).unwrap();
    assert_eq!(world.refusal(&foreign), "envelope.actor-key");
    let update = envelope
        .sign(&[&world.party.update, &world.founder.act])
        .unwrap();
    assert_eq!(world.refusal(&update), "envelope.actor-key");
}

#[test]
fn a_controller_acts_for_what_it_controls() {
    let mut world = World::new();
    let (product, create) = world.product(&world.party, 1);
    let envelope = world.by_party(vec![create]);
    world.commit(&[envelope]);
    let envelope = world.envelope(product, vec![anchor("a")]);
    let stranger = envelope.sign(&[&world.founder.act]).unwrap();
    assert_eq!(world.refusal(&stranger), "envelope.actor-key");
    let signed = envelope
        .sign(&[&world.party.act, &world.founder.act])
        .unwrap();
    world.commit(&[signed]);
}

#[test]
fn refuses_a_proof_of_somebody_else() {
    let mut world = World::new();
    let other = world.add(9);
    let (product, create) = world.product(&world.founder, 1);
    let envelope = world.by_founder(vec![create]);
    world.commit(&[envelope]);
    // The founder's one key serves as the product's controller and as the sponsor, so the second proof serves nobody.
    let envelope = world.envelope(product, vec![anchor("a")]);
    let padded = envelope.sign(&[&world.founder.act, &other.act]).unwrap();
    assert_eq!(world.refusal(&padded), "envelope.proof-unused");
}

#[test]
fn a_stripped_copy_does_not_spoil_the_envelope() {
    let mut world = World::new();
    let envelope = world.envelope(world.party.did, vec![anchor("a")]);
    let stripped = envelope.sign(&[&world.party.act]).unwrap();
    let whole = envelope
        .sign(&[&world.party.act, &world.founder.act])
        .unwrap();
    assert_eq!(stripped.hash(), whole.hash());
    let outcomes = world.block(&[stripped, whole]).outcomes;
    assert!(!outcomes[0].is_settled());
    assert!(outcomes[1].is_committed());
}

fn tight() -> Parameters {
    Parameters {
        block_work: 3_000,
        sponsor_block_work: 2_060,
        sponsor_day_work: 2_060,
        ..Parameters::default()
    }
}

fn anchors(name: &str, count: usize) -> Vec<Action> {
    (0..count)
        .map(|index| anchor(&format!("{name}/{index}")))
        .collect()
}

#[test]
fn refuses_more_than_a_block_holds() {
    let parameters = Parameters {
        block_envelopes: 1,
        ..Parameters::default()
    };
    let mut world = World::with(parameters);
    let first = world.by_founder(anchors("a", 1));
    let second = world.by_founder(anchors("b", 1));
    let outcomes = world.block(&[first, second.clone()]).outcomes;
    assert!(
        matches!(&outcomes[1].result, ExecutionResult::Refused { rule, settled: false, .. } if rule == "block.full")
    );
    world.commit(&[second]);
}

#[test]
fn refuses_more_than_a_sponsors_share_of_a_block() {
    let mut world = World::with(Parameters {
        sponsor_day_work: 100_000,
        ..tight()
    });
    let envelopes: Vec<_> = (0..32)
        .map(|n| world.by_founder(anchors(&n.to_string(), 64)))
        .collect();
    let outcomes = world.block(&envelopes).outcomes;
    assert!(outcomes[30].is_committed());
    assert!(
        matches!(&outcomes[31].result, ExecutionResult::Refused { rule, settled: false, .. } if rule == "quota.block")
    );
}

#[test]
fn refuses_more_than_a_sponsors_share_of_a_day_until_the_next_day() {
    let mut world = World::with(tight());
    for n in 0..31 {
        let envelope = world.by_founder(anchors(&n.to_string(), 64));
        world.commit(&[envelope]);
    }
    let used: Quota = world
        .read(&keys::quota(
            keys::day(world.time),
            &world.founder.did.scid(),
        ))
        .unwrap();
    assert_eq!(
        used,
        Quota {
            work: 5 + 31 * 65,
            envelopes: 32
        }
    );
    let more = world.by_founder(anchors("more", 64));
    assert_eq!(world.refusal(&more), "quota.day");
    world.time = world.time.plus_ms(keys::DAY_MS);
    let tomorrow = world.by_founder(anchors("more", 64));
    world.commit(&[tomorrow]);
}

#[test]
fn the_door_refuses_what_the_next_block_would() {
    let mut world = World::new();
    let good = world.by_party(vec![anchor("a")]);
    assert!(admit(&world.state, &good, world.now()).unwrap().is_ok());
    world.commit(std::slice::from_ref(&good));
    let refused = admit(&world.state, &good, world.now())
        .unwrap()
        .unwrap_err();
    assert_eq!(refused.rule(), "envelope.replayed");
}
