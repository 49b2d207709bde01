use super::batches::{
    COUNT, Made, activate, nodes, receipt, registered, secret, segments, template, void,
};
use super::world::{Party, World, key};
use chop_did::{DidState, ItemContext, build, item};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{PrivateKey, Signer as _};
use chop_proof::leaves as tree;
use chop_protocol::{
    Accredit, Action, Batch, Claim, ClaimCode, ClaimTerms, CodeStanding, CredentialType, Envelope,
    ItemProof, Lot, MaterialiseItem, Nonce, Segment, Signed, SignedEnvelope, keys,
};

#[test]
fn ranges_are_activated_bound_to_a_lot_and_voided() {
    use CodeStanding::{Active, Reserved, Void};
    let (mut world, made) = registered();
    let envelope = world.by_party(vec![activate(&made, 2, 6)]);
    world.commit(&[envelope]);
    assert_eq!(
        segments(&world, &made),
        [(0, 2, Reserved), (2, 6, Active), (6, 10, Reserved)]
    );
    let envelope = world.by_party(vec![
        void(&made, 5, 7),
        activate(&made, 0, 2),
        activate(&made, 9, 10),
    ]);
    world.commit(&[envelope]);
    assert_eq!(
        segments(&world, &made),
        [
            (0, 2, Active),
            (2, 5, Active),
            (5, 6, Void),
            (6, 7, Void),
            (7, 9, Reserved),
            (9, 10, Active)
        ]
    );
    let lot = |to| {
        world
            .read::<Segment>(&keys::segment(&made.id(), to))
            .unwrap()
            .lot
    };
    // Where a void code was sold remains known.
    assert_eq!(lot(6), Lot::parse("L-7").ok());
    assert_eq!(lot(7), None);
}

#[test]
fn refuses_ranges_that_are_empty_inverted_or_beyond_the_batch() {
    let (mut world, made) = registered();
    for (from, to) in [
        (3, 3),
        (4, 2),
        (0, COUNT + 1),
        (COUNT, COUNT + 1),
        (0, u32::MAX),
        (u32::MAX, 0),
        (u32::MAX, u32::MAX),
    ] {
        for action in [activate(&made, from, to), void(&made, from, to)] {
            let envelope = world.by_party(vec![action]);
            assert_eq!(world.refusal(&envelope), "code.range", "{from}..{to}");
        }
    }
}

#[test]
fn refuses_to_activate_twice_or_what_is_void_and_to_void_twice() {
    let (mut world, made) = registered();
    let envelope = world.by_party(vec![activate(&made, 0, 3), void(&made, 5, 6)]);
    world.commit(&[envelope]);
    for action in [
        activate(&made, 2, 4),
        activate(&made, 3, 6),
        activate(&made, 0, 1),
        void(&made, 4, 7),
    ] {
        let envelope = world.by_party(vec![action]);
        assert_eq!(world.refusal(&envelope), "code.standing");
    }
    // An activation that is refused in part takes no effect at all.
    assert_eq!(segments(&world, &made).len(), 4);
}

#[test]
fn refuses_a_range_over_more_segments_than_one_act_changes() {
    let (mut world, made) = registered();
    for n in 0..9 {
        let envelope = world.by_party(vec![activate(&made, n, n + 1)]);
        world.commit(&[envelope]);
    }
    let envelope = world.by_party(vec![void(&made, 0, 9)]);
    assert_eq!(world.refusal(&envelope), "code.segments");
    let envelope = world.by_party(vec![void(&made, 0, 8), void(&made, 8, 10)]);
    world.commit(&[envelope]);
}

#[test]
fn activation_takes_the_accreditation_that_the_batch_asks_for() {
    let mut world = World::new();
    let release = CredentialType::parse("BatchRelease").unwrap();
    let mut made = Made::new(&world, world.party.did, 1);
    made.terms.activation = Some(release.clone());
    let create = made.create(vec![receipt(&made.terms, 1)]);
    let envelope = world.by_party(vec![create]);
    world.commit(&[envelope]);
    let envelope = world.by_party(vec![activate(&made, 0, 1)]);
    assert_eq!(world.refusal(&envelope), "code.accreditation");
    let grant = Action::Accredit(Accredit {
        subject: world.party.did,
        credential_type: release,
        jurisdiction: None,
        valid_from: None,
        valid_until: Some(world.now().plus_ms(10_000)),
        depth: 0,
        parent: None,
    });
    let envelope = world.by_founder(vec![grant]);
    world.commit(&[envelope]);
    let envelope = world.by_party(vec![activate(&made, 0, 1)]);
    world.commit(&[envelope]);
    world.time = world.time.plus_ms(10_000);
    let envelope = world.by_party(vec![activate(&made, 1, 2)]);
    assert_eq!(world.refusal(&envelope), "code.accreditation");
}

fn materialise(proof: ItemProof) -> Action {
    Action::Materialise(Box::new(MaterialiseItem { proof }))
}

#[test]
fn the_first_operation_of_an_item_follows_its_materialisation() {
    let (mut world, made) = registered();
    let did = made.did(3);
    let born: Batch = world.read(&keys::batch(&made.id())).unwrap();
    let first = made.items[3]
        .state(&template(), did, (world.party.did, born.time))
        .unwrap();
    let document = first.document().clone();
    let update = build::update(&first, &document)
        .signed_by(&[&world.party.act])
        .unwrap();
    let envelope = world.by_party(vec![
        materialise(made.proof(3)),
        Action::Did(Box::new(update)),
    ]);
    world.commit(&[envelope]);
    let state = world.did(&did);
    assert_eq!((state.seq(), state.created()), (1, born.time));
    assert_eq!(state.controller(), Some(&world.party.did));
    assert!(
        world
            .read::<serde_json::Value>(&keys::did_version(&did.scid(), 0))
            .is_some()
    );
    let again = world.by_party(vec![materialise(made.proof(3))]);
    assert_eq!(world.refusal(&again), "item.exists");
}

#[test]
fn an_item_without_a_state_of_its_own_has_no_operations() {
    let (mut world, made) = registered();
    let born: Batch = world.read(&keys::batch(&made.id())).unwrap();
    let first: DidState = made.items[3]
        .state(&template(), made.did(3), (world.party.did, born.time))
        .unwrap();
    let update = build::update(&first, first.document())
        .signed_by(&[&world.party.act])
        .unwrap();
    let envelope = world.by_party(vec![Action::Did(Box::new(update))]);
    assert_eq!(world.refusal(&envelope), "did.unknown");
}

#[test]
fn refuses_items_of_another_batch_at_another_place_or_altered() {
    let (mut world, made) = registered();
    let other = Made::new(&world, world.party.did, 2);
    let envelope = world.by_party(vec![other.create(vec![receipt(&other.terms, 1)])]);
    world.commit(&[envelope]);
    let with = |change: &dyn Fn(&mut ItemProof)| {
        let mut proof = made.proof(3);
        change(&mut proof);
        proof
    };
    let altered = [
        // The path of the same item in another batch of the controller.
        with(&|proof| proof.path = other.proof(3).path),
        with(&|proof| proof.batch = other.id()),
        with(&|proof| proof.ordinal = 4),
        with(&|proof| proof.index ^= 1),
        with(&|proof| proof.index = COUNT),
        with(&|proof| proof.item.data = vec!["S4".to_owned()]),
        with(&|proof| proof.item.data.push(String::new())),
        with(&|proof| proof.item.key = Some(secret(0).public_key().clone())),
        with(&|proof| proof.path.truncate(1)),
        with(&|proof| proof.path = vec![]),
        with(&|proof| proof.path.push(proof.batch)),
        with(&|proof| proof.path = vec![proof.batch; 1_000]),
    ];
    for proof in altered {
        let envelope = world.by_party(vec![materialise(proof)]);
        assert_eq!(world.refusal(&envelope), "item.proof");
    }
}

#[test]
fn refuses_an_item_that_is_none_of_the_template_whatever_receipts_say() {
    let mut world = World::new();
    let mut made = Made::new(&world, world.party.did, 1);
    made.items[0].data = vec!["x".repeat(item::MAX_VALUE_BYTES + 1)];
    let context = ItemContext {
        batch: made.id(),
        template: made.terms.template,
    };
    for leaf in &mut made.leaves {
        leaf.0 = context.hash(&made.items[leaf.1 as usize].bytes().unwrap());
    }
    made.leaves.sort();
    made.terms.root = Hash::from_bytes(tree::root(&nodes(&made.leaves)).unwrap());
    let create = made.create(vec![receipt(&made.terms, 1)]);
    let envelope = world.by_party(vec![create]);
    world.commit(&[envelope]);
    let envelope = world.by_party(vec![materialise(made.proof(0))]);
    assert_eq!(world.refusal(&envelope), "item.proof");
}

/// A claim of an item's code, signed for the envelope that carries it.
fn claim(
    world: &mut World,
    made: &Made,
    ordinal: u32,
    holder: Option<&PrivateKey>,
) -> SignedEnvelope {
    let mut envelope = world.envelope(world.founder.did, vec![]);
    envelope.actions = vec![claiming(&envelope, made, (ordinal, ordinal), holder)];
    envelope.sign(&[&world.founder.act]).unwrap()
}

/// The claim of one item's code under the secret of another.
fn claiming(
    envelope: &Envelope,
    made: &Made,
    (ordinal, by): (u32, u32),
    holder: Option<&PrivateKey>,
) -> Action {
    let holder = holder.map(|key| key.public_key().clone());
    let terms = ClaimTerms {
        ledger: envelope.ledger,
        item: made.did(ordinal),
        actor: envelope.actor,
        nonce: envelope.nonce,
        valid_until: envelope.valid_until,
        holder: holder.clone(),
    };
    let signature = secret(by).sign_claim(&terms.input().unwrap()).unwrap();
    Action::Claim(Box::new(ClaimCode {
        proof: made.proof(ordinal),
        holder,
        signature: Signed::try_from(&signature).unwrap(),
    }))
}

fn active() -> (World, Made) {
    let (mut world, made) = registered();
    let envelope = world.by_party(vec![activate(&made, 0, 8)]);
    world.commit(&[envelope]);
    (world, made)
}

#[test]
fn the_ledger_remembers_the_first_claim_and_binds_the_item_once() {
    let (mut world, made) = active();
    let envelope = claim(&mut world, &made, 2, None);
    world.commit(&[envelope]);
    let first: Timestamp = world.time;
    let again = claim(&mut world, &made, 2, None);
    assert_eq!(world.refusal(&again), "claim.exists");
    let holder = key(8, 8);
    let envelope = claim(&mut world, &made, 2, Some(&holder));
    world.commit(&[envelope]);
    let claimed: Claim = world.read(&keys::claim(&made.did(2).scid())).unwrap();
    assert_eq!((claimed.time, claimed.bound), (first, Some(world.time)));
    assert_eq!(claimed.holder.as_ref(), Some(holder.public_key()));
    // From now on the secret says nothing any more.
    let thief = key(8, 7);
    let envelope = claim(&mut world, &made, 2, Some(&thief));
    assert_eq!(world.refusal(&envelope), "claim.exists");
}

#[test]
fn refuses_claims_without_the_secret_for_another_item_or_another_envelope() {
    let (mut world, made) = active();
    let mut envelope = world.envelope(world.founder.did, vec![]);
    envelope.actions = vec![claiming(&envelope, &made, (2, 4), None)];
    let signed = envelope.sign(&[&world.founder.act]).unwrap();
    assert_eq!(world.refusal(&signed), "claim.signature");
    // A claim that was seen on its way, in an envelope of somebody else.
    let seen = claiming(&envelope, &made, (2, 2), None);
    let party = Party::new(2, &world.ledger());
    let stolen = world.by(&party, vec![seen.clone()]);
    assert_eq!(world.refusal(&stolen), "claim.signature");
    // Nor with another holder in it.
    let Action::Claim(mut body) = seen else {
        panic!()
    };
    body.holder = Some(key(8, 8).public_key().clone());
    envelope.actions = vec![Action::Claim(body)];
    envelope.nonce = Nonce::new([77; 16]);
    let signed = envelope.sign(&[&world.founder.act]).unwrap();
    assert_eq!(world.refusal(&signed), "claim.signature");
}

#[test]
fn refuses_a_replayed_claim() {
    let (mut world, made) = active();
    let envelope = claim(&mut world, &made, 2, None);
    world.commit(std::slice::from_ref(&envelope));
    assert_eq!(world.refusal(&envelope), "envelope.replayed");
}

#[test]
fn refuses_to_claim_an_item_without_a_secret() {
    let (mut world, made) = active();
    let envelope = claim(&mut world, &made, 3, None);
    assert_eq!(world.refusal(&envelope), "claim.no-key");
}

#[test]
fn refuses_to_claim_a_code_that_is_reserved_or_void() {
    let (mut world, made) = active();
    let envelope = world.by_party(vec![void(&made, 4, 5)]);
    world.commit(&[envelope]);
    for ordinal in [8, 4] {
        let envelope = claim(&mut world, &made, ordinal, None);
        assert_eq!(world.refusal(&envelope), "code.standing");
    }
}

#[test]
fn refuses_to_claim_under_an_ordinal_beyond_the_batch() {
    let mut world = World::new();
    let mut made = Made::new(&world, world.party.did, 1);
    // Validators who did not look signed for a leaf whose number no segment holds.
    for (_, ordinal) in &mut made.leaves {
        if *ordinal == 2 {
            *ordinal = COUNT;
        }
    }
    made.items.push(made.items[2].clone());
    made.terms.root = Hash::from_bytes(tree::root(&nodes(&made.leaves)).unwrap());
    let create = made.create(vec![receipt(&made.terms, 1)]);
    let envelope = world.by_party(vec![create]);
    world.commit(&[envelope]);
    let envelope = world.by_party(vec![activate(&made, 0, COUNT)]);
    world.commit(&[envelope]);
    let mut envelope = world.envelope(world.founder.did, vec![]);
    envelope.actions = vec![claiming(&envelope, &made, (COUNT, 2), None)];
    let signed = envelope.sign(&[&world.founder.act]).unwrap();
    assert_eq!(world.refusal(&signed), "item.proof");
    let envelope = world.by_party(vec![materialise(made.proof(COUNT))]);
    assert_eq!(world.refusal(&envelope), "item.proof");
}

#[test]
fn batches_replay_to_the_same_root() {
    let (mut world, made) = active();
    let envelope = claim(&mut world, &made, 2, Some(&key(8, 8)));
    world.commit(&[envelope]);
    let envelope = world.by_party(vec![void(&made, 1, 9), materialise(made.proof(0))]);
    world.commit(&[envelope]);
    assert_eq!(world.replayed().root, world.root);
}
