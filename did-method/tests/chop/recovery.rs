//! The rules of recovery, and of what waits and may be vetoed (SPEC §6.3, §6.5, §6.6).

use crate::common::{DELAY, HOUR, World, commitment, key, keys_of, set, sign, update_keys};
use crate::rules::{rule, with_organisation};
use chop_did::build::{self, GenesisDraft};
use chop_did::{Class, DidState, Document, UpdateKeys};
use serde_json::Value;

#[test]
fn a_recovery_acts_at_once_and_serves_once() {
    let (mut world, _, state) = with_organisation();
    let recover = |state: &DidState, from: u8, to: u8| {
        let keys = update_keys(to, Some(to + 1));
        build::recover(
            state,
            state.document(),
            &keys_of(&[from]),
            &keys,
            &commitment(&[to + 2], 1),
        )
    };
    assert_eq!(
        rule(&mut world, recover(&state, 40, 30), &[40]),
        "did.recovery-mismatch"
    );
    assert_eq!(
        rule(&mut world, recover(&state, 12, 30), &[10]),
        "did.stranger"
    );
    let reuse = build::recover(
        &state,
        state.document(),
        &keys_of(&[12]),
        &update_keys(30, Some(31)),
        &commitment(&[12], 1),
    );
    assert_eq!(rule(&mut world, reuse, &[12]), "did.key-reuse");
    let state = world
        .act(&sign(recover(&state, 12, 30), &[key(12)]))
        .unwrap();
    assert_eq!(
        rule(&mut world, build::update(&state, state.document()), &[10]),
        "did.stranger"
    );
    assert_eq!(
        rule(&mut world, recover(&state, 12, 50), &[12]),
        "did.recovery-mismatch"
    );
    world
        .act(&sign(recover(&state, 32, 50), &[key(32)]))
        .unwrap();
}

#[test]
fn a_change_of_the_recovery_set_waits_and_then_holds() {
    let (mut world, did, state) = with_organisation();
    let ask = build::update(&state, state.document()).with_recovery(&commitment(&[60], 1));
    let state = world.act(&sign(ask, &[key(10)])).unwrap();
    let effective = state.pending_recovery_at(world.time()).unwrap().effective;
    assert_eq!(effective, world.time().plus_ms(DELAY));
    let again = build::update(&state, state.document()).with_recovery(&commitment(&[61], 1));
    assert_eq!(rule(&mut world, again, &[10]), "did.recovery-pending");
    let by_new = |state: &DidState| {
        build::recover(
            state,
            state.document(),
            &keys_of(&[60]),
            &update_keys(30, Some(31)),
            &commitment(&[62], 1),
        )
    };
    world.now = effective.unix_ms() - HOUR - 1;
    assert_eq!(
        rule(&mut world, by_new(&state), &[60]),
        "did.recovery-mismatch"
    );
    world.now = effective.unix_ms() - HOUR;
    world.act(&sign(by_new(&state), &[key(60)])).unwrap();
    assert!(
        world
            .state(&did)
            .pending_recovery_at(world.time())
            .is_none()
    );
}

#[test]
fn a_veto_stops_a_change_of_the_recovery_set_while_it_waits() {
    let (mut world, _, state) = with_organisation();
    let ask = build::update(&state, state.document()).with_recovery(&commitment(&[60], 1));
    let state = world.act(&sign(ask, &[key(10)])).unwrap();
    let pending = state.pending_recovery_at(world.time()).unwrap().clone();
    let mut late = world.clone();
    late.now = pending.effective.unix_ms();
    assert_eq!(
        rule(&mut late, build::veto(&state, &pending), &[10]),
        "did.nothing-to-veto"
    );
    let state = world
        .act(&sign(build::veto(&state, &pending), &[key(10)]))
        .unwrap();
    assert_eq!(
        rule(&mut world, build::veto(&state, &pending), &[10]),
        "did.nothing-to-veto"
    );
    world.now += 2 * DELAY;
    assert_eq!(state.recovery_at(world.time()), Some(&commitment(&[12], 1)));
}

#[test]
fn a_recovery_beats_a_thief_who_asked_for_another_recovery_set() {
    let (mut world, _, state) = with_organisation();
    let theft = build::update(&state, state.document()).with_recovery(&commitment(&[66], 1));
    let state = world.act(&sign(theft, &[key(10)])).unwrap();
    let rescue = build::recover(
        &state,
        state.document(),
        &keys_of(&[12]),
        &update_keys(30, Some(31)),
        &commitment(&[32], 1),
    );
    let state = world.act(&sign(rescue, &[key(12)])).unwrap();
    world.now += 2 * DELAY;
    assert_eq!(state.recovery_at(world.time()), Some(&commitment(&[32], 1)));
}

#[test]
fn a_veto_repeats_the_document() {
    let (mut world, _, state) = with_organisation();
    let ask = build::update(&state, state.document()).with_recovery(&commitment(&[60], 1));
    let state = world.act(&sign(ask, &[key(10)])).unwrap();
    let pending = state.pending_recovery_at(world.time()).unwrap().clone();
    let other = state
        .document()
        .with_also_known_as("https://example.com/")
        .unwrap();
    let mut value = Value::Object(build::veto(&state, &pending).unsigned().clone());
    value["document"] = serde_json::to_value(other).unwrap();
    let draft = build::Draft::from_unsigned(value).unwrap();
    assert_eq!(rule(&mut world, draft, &[10]), "did.veto-changes-document");
}

#[test]
fn a_full_document_never_locks_recovery_out() {
    let mut world = World::new();
    let seeds: Vec<u8> = (10..15).collect();
    let next: Vec<u8> = (20..25).collect();
    let spare: Vec<u8> = (30..35).collect();
    let keys = UpdateKeys {
        current: set(&seeds, 5),
        next: Some(commitment(&next, 5)),
    };
    let genesis = GenesisDraft::own_keys(Class::Organisation, keys, [1; 16])
        .with_recovery(commitment(&spare, 5))
        .build(&world.ledger)
        .unwrap();
    let signers = |seeds: &[u8]| seeds.iter().map(|seed| key(*seed)).collect::<Vec<_>>();
    let state = world
        .act(&sign(build::create(&genesis), &signers(&seeds)))
        .unwrap();
    let mut full = Document::empty();
    for index in 0.. {
        match full.with_service(
            &format!("#s{index}"),
            "X",
            &format!("https://example.com/{}", "x".repeat(400)),
        ) {
            Ok(wider) => full = wider,
            Err(_) => break,
        }
    }
    let full_update = build::update(&state, &full);
    let state = world.act(&sign(full_update, &signers(&seeds))).unwrap();
    let fresh = UpdateKeys {
        current: set(&[40, 41, 42, 43, 44], 5),
        next: Some(commitment(&[50, 51, 52, 53, 54], 5)),
    };
    let rescue = build::recover(
        &state,
        &full,
        &keys_of(&spare),
        &fresh,
        &commitment(&[60, 61, 62, 63, 64], 5),
    );
    world.act(&sign(rescue, &signers(&spare))).unwrap();
}
