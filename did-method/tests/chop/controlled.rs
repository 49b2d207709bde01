//! The rules of DIDs that others control, and of passing them on (SPEC §6).

use crate::common::{
    HOUR, World, commitment, document, key, organisation, product, public, sign, update_keys,
};
use crate::rules::rule;
use chop_did::build::{self, GenesisDraft};
use chop_did::{ChopDid, Class, Document, Link, Relationship};

#[test]
fn a_controlled_did_is_acted_on_by_its_controllers_invocation_keys() {
    let mut world = World::new();
    let owner = world.organisation(10);
    let item = world.product(&owner, 10, 1);
    let state = world.state(&item).clone();
    let wider = Document::empty()
        .with_also_known_as("https://id.gs1.org/01/09506000134352")
        .unwrap();
    assert_eq!(
        rule(&mut world, build::update(&state, &wider), &[10]),
        "did.not-controller"
    );
    let state = world
        .act(&sign(build::update(&state, &wider), &[key(13)]))
        .unwrap();
    let rotation = build::rotate(&state, &wider, &update_keys(50, None));
    assert_eq!(rule(&mut world, rotation, &[13]), "did.controlled");
    let asks = build::update(&state, &wider).with_recovery(&commitment(&[60], 1));
    assert_eq!(rule(&mut world, asks, &[13]), "did.controlled");
}

#[test]
fn a_controller_key_that_is_retired_compromised_or_expired_acts_no_more() {
    let mut world = World::new();
    let owner = world.organisation(10);
    let item = world.product(&owner, 10, 1);
    let controller = world.state(&owner).clone();
    let retired = controller
        .document()
        .with_revoked("#key-1", world.time().plus_ms(HOUR))
        .unwrap();
    world
        .act(&sign(build::update(&controller, &retired), &[key(10)]))
        .unwrap();
    let state = world.state(&item).clone();
    assert_eq!(
        rule(&mut world, build::deactivate(&state), &[13]),
        "did.not-controller"
    );
}

#[test]
fn nobody_acts_for_a_controller_that_has_ended() {
    let mut world = World::new();
    let owner = world.organisation(10);
    let item = world.product(&owner, 10, 1);
    let controller = world.state(&owner).clone();
    world
        .act(&sign(build::deactivate(&controller), &[key(10)]))
        .unwrap();
    let state = world.state(&item).clone();
    assert_eq!(
        rule(&mut world, build::deactivate(&state), &[13]),
        "did.controller-deactivated"
    );
}

#[test]
fn a_controller_has_keys_of_its_own() {
    let mut world = World::new();
    let owner = world.organisation(10);
    let genesis = GenesisDraft::controlled(Class::Facility, owner, [5; 16])
        .with_document(document(70))
        .build(&world.ledger)
        .unwrap();
    world
        .act(&sign(build::create(&genesis), &[key(13)]))
        .unwrap();
    let below = product(&genesis.did(), 6).build(&world.ledger).unwrap();
    assert_eq!(
        rule(&mut world, build::create(&below), &[70]),
        "did.controller-controlled"
    );
}

#[test]
fn a_controller_exists() {
    let mut world = World::new();
    let stranger = organisation(10).build(&world.ledger).unwrap().did();
    let item = product(&stranger, 6).build(&world.ledger).unwrap();
    assert_eq!(
        rule(&mut world, build::create(&item), &[13]),
        "did.controller-unknown"
    );
}

#[test]
fn a_transfer_is_signed_by_both_sides() {
    let mut world = World::new();
    let (seller, buyer) = (world.organisation(10), world.organisation(110));
    let item = world.product(&seller, 10, 1);
    let state = world.state(&item).clone();
    let transfer = |to: &ChopDid| build::transfer(&state, state.document(), to);
    assert_eq!(
        rule(&mut world, transfer(&buyer), &[13]),
        "did.transfer-unsigned"
    );
    assert_eq!(
        rule(&mut world, transfer(&buyer), &[113]),
        "did.transfer-unsigned"
    );
    assert_eq!(
        rule(&mut world, transfer(&buyer), &[13, 113, 99]),
        "did.stranger"
    );
    assert_eq!(
        rule(&mut world, transfer(&seller), &[13]),
        "did.same-controller"
    );
    let state = world
        .act(&sign(transfer(&buyer), &[key(13), key(113)]))
        .unwrap();
    assert_eq!(state.controller(), Some(&buyer));
    assert_eq!(
        rule(&mut world, build::deactivate(&state), &[13]),
        "did.not-controller"
    );
    world
        .act(&sign(build::deactivate(&state), &[key(113)]))
        .unwrap();
}

#[test]
fn a_link_says_of_an_operation_what_its_whole_says_and_needs_no_signature() {
    let mut world = World::new();
    let (seller, buyer) = (world.organisation(10), world.organisation(110));
    let item = world.product(&seller, 10, 1);
    let state = world.state(&item).clone();
    let transfer = build::transfer(&state, state.document(), &buyer);
    world.act(&sign(transfer, &[key(13), key(113)])).unwrap();
    let state = world.state(&item).clone();
    let update = build::update(&state, state.document());
    world.act(&sign(update, &[key(113)])).unwrap();
    let named = [Some(seller), Some(buyer), None];
    let log = world.log.iter().map(|(_, signed)| signed);
    let log = log.filter(|signed| *signed.operation().did() == item);
    for (signed, controller) in log.zip(named) {
        let (mut value, operation) = (signed.value().clone(), signed.operation());
        value["proof"] = serde_json::json!([]);
        let link = Link::of(&value).unwrap();
        assert_eq!(link.hash, operation.hash());
        assert_eq!(link.previous.as_ref(), operation.previous());
        assert_eq!(link.controller, controller);
    }
    for bad in ["[]", "{}", r#"{"proof": [], "previous": 1}"#] {
        Link::of(&serde_json::from_str(bad).unwrap()).unwrap_err();
    }
}

#[test]
fn one_shared_key_does_not_sign_for_both_sides_of_a_transfer() {
    let mut world = World::new();
    let (seller, buyer) = (world.organisation(10), world.organisation(110));
    let other = world.state(&buyer).clone();
    let shared = other
        .document()
        .with_key("#key-2", &public(13), &[Relationship::CapabilityInvocation])
        .unwrap();
    world
        .act(&sign(build::update(&other, &shared), &[key(110)]))
        .unwrap();
    let item = world.product(&seller, 10, 1);
    let state = world.state(&item).clone();
    let transfer = || build::transfer(&state, state.document(), &buyer);
    assert_eq!(rule(&mut world, transfer(), &[13]), "did.transfer-unsigned");
    world.act(&sign(transfer(), &[key(13), key(113)])).unwrap();
}

#[test]
fn a_did_with_its_own_keys_is_not_transferred() {
    let mut world = World::new();
    let (one, other) = (world.organisation(10), world.organisation(110));
    let state = world.state(&one).clone();
    assert_eq!(
        rule(
            &mut world,
            build::transfer(&state, state.document(), &other),
            &[13, 113]
        ),
        "did.not-controlled"
    );
}
