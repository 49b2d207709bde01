use super::world::{Party, World, document, key, update_keys};
use chop_did::{VersionRecord, build};
use chop_protocol::{Action, keys};

fn did(operation: chop_did::SignedOperation) -> Action {
    Action::Did(Box::new(operation))
}

#[test]
fn a_did_lives_through_create_update_rotate_and_deactivate() {
    let mut world = World::new();
    let scid = world.party.did.scid();
    let mut records = vec![];
    let record = |world: &World, seq| {
        world
            .read::<VersionRecord>(&keys::did_version(&scid, seq))
            .unwrap()
    };
    records.push(record(&world, 0));

    let new_act = key(2, 4);
    let state = world.did(&world.party.did);
    let mut changed = state.document().members().clone();
    let methods = changed["verificationMethod"].as_array_mut().unwrap();
    methods.push(document(&new_act).members()["verificationMethod"][0].clone());
    methods[1]["id"] = "#act-2".into();
    changed["capabilityInvocation"] = serde_json::json!(["#act", "#act-2"]);
    let changed = chop_did::Document::parse(changed.into()).unwrap();
    let update = build::update(&state, &changed)
        .signed_by(&[&world.party.update])
        .unwrap();
    let envelope = world.by_party(vec![did(update)]);
    world.commit(&[envelope]);
    records.push(record(&world, 1));

    let state = world.did(&world.party.did);
    let rotate = build::rotate(
        &state,
        &changed,
        &update_keys(&world.party.next, &key(2, 5)),
    );
    let envelope = world.by_party(vec![did(rotate.signed_by(&[&world.party.next]).unwrap())]);
    world.commit(&[envelope]);
    records.push(record(&world, 2));

    let state = world.did(&world.party.did);
    let end = build::deactivate(&state)
        .signed_by(&[&world.party.next])
        .unwrap();
    let envelope = world.by_party(vec![did(end)]);
    world.commit(&[envelope]);
    assert!(world.did(&world.party.did).deactivated());

    for (seq, kept) in records.iter().enumerate() {
        assert_eq!(record(&world, seq.try_into().unwrap()), *kept);
    }
}

#[test]
fn a_packer_creates_many_products_in_one_envelope() {
    let mut world = World::new();
    let (dids, creates): (Vec<_>, Vec<_>) = (0..64).map(|n| world.product(&world.party, n)).unzip();
    let envelope = world.by_party(creates);
    assert!(
        envelope.bytes().len() <= 128 * 1024,
        "{} bytes",
        envelope.bytes().len()
    );
    world.commit(&[envelope]);
    for product in dids {
        assert_eq!(world.did(&product).controller(), Some(&world.party.did));
    }
}

#[test]
fn refuses_a_second_create_and_names_the_methods_rule() {
    let mut world = World::new();
    let again = world.by_founder(vec![did(world.party.create())]);
    assert_eq!(world.refusal(&again), "did.exists");
}

#[test]
fn refuses_an_operation_out_of_turn() {
    let mut world = World::new();
    let state = world.did(&world.party.did);
    let update = build::update(&state, state.document())
        .signed_by(&[&world.party.update])
        .unwrap();
    let envelope = world.by_party(vec![did(update.clone())]);
    world.commit(&[envelope]);
    let again = world.by_party(vec![did(update)]);
    assert_eq!(world.refusal(&again), "did.stale");
}

#[test]
fn anybody_with_a_sponsor_may_carry_an_operation_that_its_did_signed() {
    let mut world = World::new();
    let newcomer = Party::new(9, &world.ledger());
    let envelope = world.by_founder(vec![did(newcomer.create())]);
    world.commit(&[envelope]);
    assert_eq!(*world.did(&newcomer.did).did(), newcomer.did);
}

#[test]
fn a_product_passes_from_one_controller_to_another() {
    let mut world = World::new();
    let other = world.add(9);
    let (product, create) = world.product(&world.party, 1);
    let envelope = world.by_party(vec![create]);
    world.commit(&[envelope]);
    let state = world.did(&product);
    let one_sided = build::transfer(&state, state.document(), &other.did)
        .signed_by(&[&world.party.act])
        .unwrap();
    let envelope = world.by_party(vec![did(one_sided)]);
    assert_eq!(world.refusal(&envelope), "did.transfer-unsigned");
    let both = build::transfer(&state, state.document(), &other.did)
        .signed_by(&[&world.party.act, &other.act])
        .unwrap();
    let envelope = world.by_party(vec![did(both)]);
    world.commit(&[envelope]);
    assert_eq!(world.did(&product).controller(), Some(&other.did));
}

#[test]
fn refuses_a_recovery_of_a_did_that_committed_to_none() {
    let mut world = World::new();
    let state = world.did(&world.party.did);
    let recovery = key(2, 6);
    let set = |key: &chop_keys::PrivateKey| {
        chop_did::KeySet::new([chop_keys::Signer::public_key(key).clone()], 1).unwrap()
    };
    let recover = build::recover(
        &state,
        state.document(),
        set(&recovery).keys(),
        &update_keys(&key(2, 7), &key(2, 8)),
        &set(&key(2, 9)).commitment(),
    );
    let recover = recover.signed_by(&[&recovery]).unwrap();
    let envelope = world.by_founder(vec![did(recover)]);
    assert_eq!(world.refusal(&envelope), "did.no-recovery");
}

#[test]
fn refuses_an_operation_on_the_state_of_another_did() {
    let world = World::new();
    let (own, other) = (world.did(&world.party.did), world.did(&world.founder.did));
    let update = build::update(&own, own.document())
        .signed_by(&[&world.party.update])
        .unwrap();
    let context = chop_did::ApplyContext {
        ledger: &world.ledger(),
        time: world.now(),
        recovery_delay_ms: 0,
        controller: None,
        new_controller: None,
    };
    let rejection = chop_did::apply(Some(&other), update.operation(), &context).unwrap_err();
    assert_eq!(rejection.rule(), "did.other-did");
}
