//! Logs: operations of one or more DIDs in order; the last of an invalid log is refused by the rule that the file names.

use super::{Case, invalid, valid};
use crate::common::{
    DELAY, HOUR, World, commitment, document, key, keys_of, ledger, organisation, product, set,
    sign, update_keys,
};
use chop_did::build::{self, Draft, GenesisDraft};
use chop_did::{ChopDid, Class, SignedOperation, UpdateKeys};
use chop_integrity::Timestamp;
use serde_json::{Value, json};

pub(super) fn all() -> Vec<Case> {
    let mut cases = accepted();
    cases.extend(refused_by_state());
    cases.extend(refused_by_shape());
    cases
}

/// Writes a world's log and the state that it explains.
fn good(name: &str, world: &World, did: &ChopDid) -> Case {
    let mut content = content(world);
    content["state"] = serde_json::to_value(world.state(did)).unwrap();
    content["versionId"] = json!(world.state(did).version_id());
    valid(name, content)
}

/// Writes a world's log followed by an operation that the rule refuses.
fn bad(name: &str, world: &World, last: &Value, rule: &str) -> Case {
    let mut content = content(world);
    let at = Timestamp::from_unix_ms(world.now + HOUR);
    content["operations"]
        .as_array_mut()
        .unwrap()
        .push(json!({"time": at, "operation": last}));
    content["rule"] = json!(rule);
    invalid(name, content)
}

fn content(world: &World) -> Value {
    let operations: Vec<Value> = world
        .log
        .iter()
        .map(|(time, signed)| json!({"time": Timestamp::from_unix_ms(*time), "operation": signed.value()}))
        .collect();
    json!({"kind": "log", "ledger": world.ledger, "recoveryDelayMs": DELAY, "operations": operations})
}

fn accepted() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut world = World::new();
    let one = world.organisation(10);
    cases.push(good("log-create", &world, &one));
    let wider = world
        .state(&one)
        .document()
        .with_service("#site", "LinkedDomains", "https://example.com/")
        .unwrap();
    world
        .act(&sign(build::update(world.state(&one), &wider), &[key(10)]))
        .unwrap();
    cases.push(good("log-update", &world, &one));
    world
        .act(&sign(
            build::rotate(world.state(&one), &wider, &update_keys(11, Some(20))),
            &[key(11)],
        ))
        .unwrap();
    cases.push(good("log-rotate", &world, &one));
    let asks = build::update(world.state(&one), &wider).with_recovery(&commitment(&[60], 1));
    world.act(&sign(asks, &[key(11)])).unwrap();
    cases.push(good("log-recovery-change-waits", &world, &one));
    let pending = world
        .state(&one)
        .pending_recovery_at(world.time())
        .unwrap()
        .clone();
    let mut vetoed = world.clone();
    vetoed
        .act(&sign(build::veto(world.state(&one), &pending), &[key(11)]))
        .unwrap();
    cases.push(good("log-veto", &vetoed, &one));
    world.now += DELAY;
    let fresh = update_keys(70, Some(71));
    let rescue = build::recover(
        world.state(&one),
        &wider,
        &keys_of(&[60]),
        &fresh,
        &commitment(&[72], 1),
    );
    world.act(&sign(rescue, &[key(60)])).unwrap();
    cases.push(good("log-recover", &world, &one));
    world
        .act(&sign(build::deactivate(world.state(&one)), &[key(70)]))
        .unwrap();
    cases.push(good("log-deactivate", &world, &one));

    let mut world = World::new();
    let (seller, buyer) = (world.organisation(10), world.organisation(110));
    let item = world.product(&seller, 10, 1);
    cases.push(good("log-create-controlled", &world, &item));
    let state = world.state(&item).clone();
    world
        .act(&sign(
            build::transfer(&state, state.document(), &buyer),
            &[key(13), key(113)],
        ))
        .unwrap();
    cases.push(good("log-transfer", &world, &item));

    let mut world = World::new();
    let keys = UpdateKeys {
        current: set(&[10, 11, 12], 2),
        next: Some(commitment(&[20, 21], 2)),
    };
    let genesis = GenesisDraft::own_keys(Class::Organisation, keys, [3; 16])
        .build(&world.ledger)
        .unwrap();
    world
        .act(&sign(build::create(&genesis), &[key(12), key(10)]))
        .unwrap();
    cases.push(good("log-two-of-three", &world, &genesis.did()));
    cases
}

fn refused_by_state() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut world = World::new();
    let one = world.organisation(10);
    let state = world.state(&one).clone();
    let update = |draft: Draft, seeds: &[u8]| {
        sign(
            draft,
            &seeds.iter().map(|seed| key(*seed)).collect::<Vec<_>>(),
        )
    };
    let mut push = |name: &str, signed: &SignedOperation, rule: &str| {
        cases.push(bad(name, &world, signed.value(), rule));
    };
    push(
        "log-create-twice",
        &update(
            build::create(&organisation(10).build(&world.ledger).unwrap()),
            &[10],
        ),
        "did.exists",
    );
    push(
        "log-stranger-signs",
        &update(build::update(&state, state.document()), &[99]),
        "did.stranger",
    );
    push(
        "log-next-key-signs-an-update",
        &update(build::update(&state, state.document()), &[11]),
        "did.stranger",
    );
    push(
        "log-stranger-deactivates",
        &update(build::deactivate(&state), &[99]),
        "did.stranger",
    );
    push(
        "log-method-removed",
        &update(build::update(&state, &chop_did::Document::empty()), &[10]),
        "did.method-removed",
    );
    push(
        "log-method-altered",
        &update(build::update(&state, &document(77)), &[10]),
        "did.method-altered",
    );
    let rotate =
        |current: u8, next| build::rotate(&state, state.document(), &update_keys(current, next));
    push(
        "log-rotate-to-uncommitted-key",
        &update(rotate(50, Some(51)), &[50]),
        "did.next-mismatch",
    );
    push(
        "log-rotate-signed-by-the-old-key",
        &update(rotate(11, Some(51)), &[10]),
        "did.threshold",
    );
    push(
        "log-rotate-without-next-commitment",
        &update(rotate(11, None), &[11]),
        "did.next-missing",
    );
    let rescue = |from: u8| {
        build::recover(
            &state,
            state.document(),
            &keys_of(&[from]),
            &update_keys(30, Some(31)),
            &commitment(&[32], 1),
        )
    };
    push(
        "log-recover-with-other-keys",
        &update(rescue(40), &[40]),
        "did.recovery-mismatch",
    );
    push(
        "log-recover-signed-by-update-key",
        &update(rescue(12), &[10]),
        "did.stranger",
    );
    let foreign = organisation(10).build(&ledger("two")).unwrap();
    push(
        "log-cross-ledger-replay",
        &update(build::create(&foreign), &[10]),
        "did.ledger",
    );

    cases.extend(refused_after_more(&world, &one));
    cases.extend(refused_by_controllers());
    cases
}

/// Logs that go one step further before the refusal.
fn refused_after_more(world: &World, one: &ChopDid) -> Vec<Case> {
    let state = world.state(one).clone();
    let update = |draft: Draft, seed: u8| sign(draft, &[key(seed)]);
    let mut moved_on = world.clone();
    let replayed = update(build::update(&state, state.document()), 10);
    moved_on.act(&replayed).unwrap();
    let mut ended = world.clone();
    ended.act(&update(build::deactivate(&state), 10)).unwrap();
    let after = update(build::update(ended.state(one), state.document()), 10);
    let rescue = |world: &World, to: u8| {
        let keys = update_keys(to, Some(to + 1));
        let state = world.state(one);
        update(
            build::recover(
                state,
                state.document(),
                &keys_of(&[12]),
                &keys,
                &commitment(&[to + 2], 1),
            ),
            12,
        )
    };
    let mut used = world.clone();
    used.act(&rescue(world, 30)).unwrap();
    let again = rescue(&used, 40);
    vec![
        bad(
            "log-operation-replayed",
            &moved_on,
            replayed.value(),
            "did.stale",
        ),
        bad(
            "log-update-after-deactivation",
            &ended,
            after.value(),
            "did.deactivated",
        ),
        bad(
            "log-recovery-set-used-twice",
            &used,
            again.value(),
            "did.recovery-mismatch",
        ),
    ]
}

fn refused_by_controllers() -> Vec<Case> {
    let mut world = World::new();
    let (seller, buyer) = (world.organisation(10), world.organisation(110));
    let item = world.product(&seller, 10, 1);
    let state = world.state(&item).clone();
    let transfer = |seeds: &[u8]| {
        let keys: Vec<_> = seeds.iter().map(|seed| key(*seed)).collect();
        sign(build::transfer(&state, state.document(), &buyer), &keys)
    };
    let create = |controller: &ChopDid, seed: u8| {
        sign(
            build::create(&product(controller, 9).build(&world.ledger).unwrap()),
            &[key(seed)],
        )
    };
    vec![
        bad(
            "log-transfer-by-seller-alone",
            &world,
            transfer(&[13]).value(),
            "did.transfer-unsigned",
        ),
        bad(
            "log-transfer-by-buyer-alone",
            &world,
            transfer(&[113]).value(),
            "did.transfer-unsigned",
        ),
        bad(
            "log-controller-update-key-acts",
            &world,
            sign(build::deactivate(&state), &[key(10)]).value(),
            "did.not-controller",
        ),
        bad(
            "log-create-below-a-controlled-did",
            &world,
            create(&item, 13).value(),
            "did.controller-controlled",
        ),
        bad(
            "log-create-for-a-stranger",
            &world,
            create(&buyer, 13).value(),
            "did.not-controller",
        ),
    ]
}

fn refused_by_shape() -> Vec<Case> {
    let mut world = World::new();
    let one = world.organisation(10);
    let other = world.organisation(110);
    let state = world.state(&one).clone();
    let good = sign(build::update(&state, state.document()), &[key(10)]).into_value();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value = good.clone();
        change(&mut value);
        value
    };
    let mut cases = Vec::new();
    let mut push = |name: &str, change: &dyn Fn(&mut Value), rule: &str| {
        cases.push(bad(name, &world, &changed(change), rule));
    };
    push(
        "log-document-tampered",
        &|v| v["document"]["alsoKnownAs"] = json!(["https://evil.example/"]),
        "did.signature",
    );
    push(
        "log-proof-of-another-did",
        &|v| v["did"] = json!(other),
        "did.signature",
    );
    push(
        "log-proof-purpose-wrong",
        &|v| v["proof"][0]["proofPurpose"] = json!("authentication"),
        "did.proof",
    );
    push(
        "log-cryptosuite-wrong",
        &|v| v["proof"][0]["cryptosuite"] = json!("ecdsa-jcs-2019"),
        "did.proof",
    );
    push(
        "log-proof-with-expiry",
        &|v| v["proof"][0]["expires"] = json!("2030-01-01T00:00:00Z"),
        "did.proof",
    );
    push(
        "log-without-proof",
        &|v| drop(v.as_object_mut().unwrap().remove("proof")),
        "did.proof",
    );
    push(
        "log-proof-list-empty",
        &|v| v["proof"] = json!([]),
        "did.proof",
    );
    push(
        "log-unknown-member",
        &|v| v["note"] = json!("x"),
        "did.shape",
    );
    push(
        "log-member-of-another-kind",
        &|v| v["controller"] = json!(other),
        "did.shape",
    );
    push("log-float", &|v| v["seq"] = json!(1.5), "did.profile");
    push(
        "log-integer-too-large",
        &|v| v["seq"] = json!(9_007_199_254_740_992_u64),
        "did.profile",
    );
    push(
        "log-too-large",
        &|v| v["note"] = json!("x".repeat(8_200)),
        "did.size",
    );
    push(
        "log-update-as-version-zero",
        &|v| v["seq"] = json!(0),
        "did.shape",
    );
    cases.extend(refused_by_parts(&world, &one, &good));
    cases
}

/// Operations with a malformed document, key set or genesis, or under an identifier that is not theirs.
fn refused_by_parts(world: &World, one: &ChopDid, good: &Value) -> Vec<Case> {
    let state = world.state(one).clone();
    let mut cases = Vec::new();
    let mut malformed = good.clone();
    malformed["document"]["id"] = json!(one);
    cases.push(bad(
        "log-document-malformed",
        world,
        &malformed,
        "did.document",
    ));
    let rotation = build::rotate(&state, state.document(), &update_keys(11, Some(20)));
    let mut rotation = sign(rotation, &[key(11)]).into_value();
    rotation["threshold"] = json!(2);
    cases.push(bad(
        "log-rotate-to-a-threshold-that-nobody-meets",
        world,
        &rotation,
        "did.control",
    ));
    let mut homeless = sign(
        build::create(&organisation(40).build(&world.ledger).unwrap()),
        &[key(40)],
    )
    .into_value();
    homeless["genesis"]["nonce"] = json!("short");
    cases.push(bad(
        "log-create-with-malformed-genesis",
        world,
        &homeless,
        "did.genesis",
    ));
    let mut forged = sign(
        build::create(&organisation(40).build(&world.ledger).unwrap()),
        &[key(40)],
    )
    .into_value();
    forged["did"] = json!(one);
    cases.push(bad(
        "log-create-under-another-scid",
        world,
        &forged,
        "did.scid",
    ));
    cases
}
