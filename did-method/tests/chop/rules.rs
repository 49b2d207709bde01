//! The rules of SPEC §5 and §6, one sentence each; those of recovery stand in a file of their own.

use crate::common::{
    World, commitment, document, key, keys_of, ledger, organisation, product, public, set, sign,
    update_keys,
};
use chop_did::build::{self, GenesisDraft};
use chop_did::{ChopDid, Class, DidState, Document, KeySet, UpdateKeys};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer};
use serde_json::Value;

pub(crate) fn rule(world: &mut World, draft: build::Draft, seeds: &[u8]) -> &'static str {
    let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
    world.act(&sign(draft, &keys)).unwrap_err().rule()
}

pub(crate) fn with_organisation() -> (World, ChopDid, DidState) {
    let mut world = World::new();
    let did = world.organisation(10);
    let state = world.state(&did).clone();
    (world, did, state)
}

#[test]
fn an_organisation_lives_through_update_rotation_and_deactivation() {
    let (mut world, _, state) = with_organisation();
    let wider = state
        .document()
        .with_service("#site", "LinkedDomains", "https://example.com/")
        .unwrap();
    let state = world
        .act(&sign(build::update(&state, &wider), &[key(10)]))
        .unwrap();
    let state = world
        .act(&sign(
            build::rotate(&state, &wider, &update_keys(11, Some(20))),
            &[key(11)],
        ))
        .unwrap();
    assert_eq!(state.seq(), 2);
    let state = world
        .act(&sign(build::deactivate(&state), &[key(11)]))
        .unwrap();
    assert!(state.deactivated());
}

#[test]
fn deactivation_is_final_for_every_kind_of_operation() {
    let (mut world, did, state) = with_organisation();
    world
        .act(&sign(build::deactivate(&state), &[key(10)]))
        .unwrap();
    let state = world.state(&did).clone();
    let rotation = build::rotate(&state, state.document(), &update_keys(11, Some(20)));
    let recovery = build::recover(
        &state,
        state.document(),
        &keys_of(&[12]),
        &update_keys(30, Some(31)),
        &commitment(&[32], 1),
    );
    assert_eq!(
        rule(&mut world, build::update(&state, state.document()), &[10]),
        "did.deactivated"
    );
    assert_eq!(rule(&mut world, rotation, &[11]), "did.deactivated");
    assert_eq!(rule(&mut world, recovery, &[12]), "did.deactivated");
    assert_eq!(
        rule(&mut world, build::deactivate(&state), &[10]),
        "did.deactivated"
    );
}

#[test]
fn refuses_a_deactivation_signed_by_a_stranger() {
    let (mut world, _, state) = with_organisation();
    assert_eq!(
        rule(&mut world, build::deactivate(&state), &[99]),
        "did.stranger"
    );
    assert_eq!(
        rule(&mut world, build::deactivate(&state), &[10, 99]),
        "did.stranger"
    );
}

#[test]
fn refuses_an_operation_that_does_not_follow_the_current_version() {
    let (mut world, _, state) = with_organisation();
    let update = sign(build::update(&state, state.document()), &[key(10)]);
    world.act(&update).unwrap();
    assert_eq!(world.act(&update).unwrap_err().rule(), "did.stale");
}

#[test]
fn refuses_a_second_create_and_a_first_operation_that_is_no_create() {
    let (mut world, did, state) = with_organisation();
    let genesis = organisation(10).build(&world.ledger).unwrap();
    assert_eq!(
        rule(&mut world, build::create(&genesis), &[10]),
        "did.exists"
    );
    world.states.remove(&did);
    assert_eq!(
        rule(&mut world, build::update(&state, state.document()), &[10]),
        "did.unknown"
    );
}

#[test]
fn refuses_the_create_of_another_ledger() {
    let mut world = World::new();
    let genesis = organisation(10).build(&ledger("two")).unwrap();
    assert_eq!(
        rule(&mut world, build::create(&genesis), &[10]),
        "did.ledger"
    );
}

#[test]
fn refuses_a_create_that_its_own_keys_did_not_sign() {
    let mut world = World::new();
    let genesis = organisation(10).build(&world.ledger).unwrap();
    assert_eq!(
        rule(&mut world, build::create(&genesis), &[11]),
        "did.stranger"
    );
}

#[test]
fn counts_a_threshold_over_distinct_keys() {
    let mut world = World::new();
    let keys = UpdateKeys {
        current: set(&[10, 11, 12], 2),
        next: Some(commitment(&[20, 21], 2)),
    };
    let genesis = GenesisDraft::own_keys(Class::Organisation, keys, [1; 16])
        .build(&world.ledger)
        .unwrap();
    assert_eq!(
        rule(&mut world, build::create(&genesis), &[10]),
        "did.threshold"
    );
    assert_eq!(
        rule(&mut world, build::create(&genesis), &[10, 10, 10]),
        "did.threshold"
    );
    let state = world
        .act(&sign(build::create(&genesis), &[key(12), key(10)]))
        .unwrap();
    assert_eq!(
        rule(
            &mut world,
            build::update(&state, state.document()),
            &[11, 11]
        ),
        "did.threshold"
    );
}

#[test]
fn a_rotation_reveals_the_whole_committed_set_with_its_threshold() {
    let mut world = World::new();
    let keys = UpdateKeys {
        current: set(&[10], 1),
        next: Some(commitment(&[20, 21], 2)),
    };
    let genesis = GenesisDraft::own_keys(Class::Organisation, keys, [1; 16])
        .build(&world.ledger)
        .unwrap();
    let state = world
        .act(&sign(build::create(&genesis), &[key(10)]))
        .unwrap();
    let rotate = |current, next: Option<u8>| {
        build::rotate(
            &state,
            state.document(),
            &UpdateKeys {
                current,
                next: next.map(|next| commitment(&[next], 1)),
            },
        )
    };
    assert_eq!(
        rule(&mut world, rotate(set(&[20], 1), Some(30)), &[20]),
        "did.next-mismatch"
    );
    assert_eq!(
        rule(
            &mut world,
            rotate(set(&[20, 21, 22], 2), Some(30)),
            &[20, 21]
        ),
        "did.next-mismatch"
    );
    assert_eq!(
        rule(&mut world, rotate(set(&[20, 21], 1), Some(30)), &[20]),
        "did.next-mismatch"
    );
    assert_eq!(
        rule(&mut world, rotate(set(&[20, 21], 2), None), &[20, 21]),
        "did.next-missing"
    );
    assert_eq!(
        rule(&mut world, rotate(set(&[20, 21], 2), Some(30)), &[20]),
        "did.threshold"
    );
    assert_eq!(
        rule(&mut world, rotate(set(&[20, 21], 2), Some(30)), &[10]),
        "did.threshold"
    );
    assert_eq!(
        rule(&mut world, rotate(set(&[20, 21], 2), Some(21)), &[20, 21]),
        "did.key-reuse"
    );
    world
        .act(&sign(
            rotate(set(&[20, 21], 2), Some(30)),
            &[key(20), key(21)],
        ))
        .unwrap();
}

#[test]
fn a_rotation_without_commitment_is_signed_by_the_old_set_and_the_new() {
    let mut world = World::new();
    let genesis = GenesisDraft::own_keys(Class::Device, update_keys(10, None), [1; 16])
        .build(&world.ledger)
        .unwrap();
    let state = world
        .act(&sign(build::create(&genesis), &[key(10)]))
        .unwrap();
    let rotate = || build::rotate(&state, state.document(), &update_keys(11, None));
    assert_eq!(rule(&mut world, rotate(), &[11]), "did.threshold");
    assert_eq!(rule(&mut world, rotate(), &[10]), "did.threshold");
    world.act(&sign(rotate(), &[key(10), key(11)])).unwrap();
}

#[test]
fn a_published_method_stays_as_it_was() {
    let (mut world, _, state) = with_organisation();
    assert_eq!(
        rule(&mut world, build::update(&state, &Document::empty()), &[10]),
        "did.method-removed"
    );
    assert_eq!(
        rule(&mut world, build::update(&state, &document(77)), &[10]),
        "did.method-altered"
    );
}

#[test]
fn a_retirement_is_stated_once_and_not_for_the_past() {
    let (mut world, _, state) = with_organisation();
    let retired = |at: Timestamp| state.document().with_revoked("#key-1", at).unwrap();
    let early = retired(state.updated().minus_ms(1));
    assert_eq!(
        rule(&mut world, build::update(&state, &early), &[10]),
        "did.revoked-backdated"
    );
    let good = retired(state.updated().plus_ms(5));
    let next = world
        .act(&sign(build::update(&state, &good), &[key(10)]))
        .unwrap();
    assert_eq!(
        rule(&mut world, build::update(&next, state.document()), &[10]),
        "did.mark-undone"
    );
    let moved = retired(next.updated());
    assert_eq!(
        rule(&mut world, build::update(&next, &moved), &[10]),
        "did.mark-undone"
    );
}

#[test]
fn a_compromise_may_turn_out_earlier_but_never_later() {
    let (mut world, _, state) = with_organisation();
    let since = |ms: i64| {
        state
            .document()
            .with_compromised("#key-1", Timestamp::from_unix_ms(ms))
            .unwrap()
    };
    let state_1 = world
        .act(&sign(build::update(&state, &since(1_000_000)), &[key(10)]))
        .unwrap();
    assert_eq!(
        rule(
            &mut world,
            build::update(&state_1, &since(1_000_001)),
            &[10]
        ),
        "did.mark-undone"
    );
    assert_eq!(
        rule(&mut world, build::update(&state_1, state.document()), &[10]),
        "did.mark-undone"
    );
    let state_2 = world
        .act(&sign(build::update(&state_1, &since(999_999)), &[key(10)]))
        .unwrap();
    let rescue = build::recover(
        &state_2,
        state.document(),
        &keys_of(&[12]),
        &update_keys(30, Some(31)),
        &commitment(&[32], 1),
    );
    assert!(
        world.act(&sign(rescue, &[key(12)])).is_ok(),
        "the recovery set undoes a mark that a thief may have set"
    );
}

#[test]
fn a_founder_exists_as_its_unsigned_create_says() {
    let world = World::new();
    let genesis = organisation(10).build(&world.ledger).unwrap();
    let created = sign(build::create(&genesis), &[key(10)]);
    let (state, record) = chop_did::found(&genesis, world.time()).unwrap();
    assert_eq!(record.operation, created.operation().hash());
    assert_eq!((state.seq(), state.did()), (0, &genesis.did()));
}

#[test]
fn a_founder_has_keys_of_its_own() {
    let mut world = World::new();
    let owner = world.organisation(10);
    let genesis = product(&owner, 1).build(&world.ledger).unwrap();
    assert_eq!(
        chop_did::found(&genesis, world.time()).unwrap_err().rule(),
        "did.founder-controlled"
    );
}

#[test]
fn every_rule_has_one_name() {
    let mut sorted: Vec<&str> = chop_did::RULES.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), chop_did::RULES.len());
}

#[test]
fn keys_of_every_signing_type_serve_side_by_side() {
    let mut world = World::new();
    let p256 = PrivateKey::from_seed(KeyType::P256, &[7; 32]).unwrap();
    let p384 = PrivateKey::from_seed(KeyType::P384, &[7; 48]).unwrap();
    let all = [p256.public_key(), p384.public_key(), key(10).public_key()].map(Clone::clone);
    let keys = UpdateKeys {
        current: KeySet::new(all, 3).unwrap(),
        next: Some(commitment(&[20], 1)),
    };
    let genesis = GenesisDraft::own_keys(Class::Organisation, keys, [1; 16])
        .build(&world.ledger)
        .unwrap();
    let partly = build::create(&genesis).signed_by(&[&p256, &p384]).unwrap();
    assert_eq!(world.act(&partly).unwrap_err().rule(), "did.threshold");
    let whole = build::create(&genesis)
        .signed_by(&[&p256, &p384, &key(10)])
        .unwrap();
    world.act(&whole).unwrap();
}

#[test]
fn a_signature_made_elsewhere_is_attached_to_the_bytes_that_were_handed_out() {
    let (mut world, _, state) = with_organisation();
    let handed_out = Value::Object(build::deactivate(&state).unsigned().clone());
    let mut draft = build::Draft::from_unsigned(handed_out).unwrap();
    let input = draft.signing_input(&public(10)).unwrap();
    let signature = key(10).sign_operation(&input).unwrap();
    draft.attach(&public(10), &signature).unwrap();
    world.act(&draft.clone().finish().unwrap()).unwrap();
    draft.attach(&public(11), &signature).unwrap();
    assert!(
        draft.finish().is_err(),
        "a signature counts for its own key only"
    );
}
