use super::council::Council;
use super::world::{Party, key};
use chop_did::build;
use chop_integrity::Hash;
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::membership::MAX_BINDINGS;
use chop_protocol::{
    Action, AnchorCredential, Binding, BindingTerms, Change, SignedBinding, UnbindCertificate,
    anchor_digest, keys, spki_hash,
};

fn tls(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::P256, &[seed; 32]).unwrap()
}

fn spki(tls: &PrivateKey) -> Hash {
    spki_hash(tls.public_key()).unwrap()
}

fn binding(council: &Council, who: usize, tls: &PrivateKey, update: &[&dyn Signer]) -> Action {
    let terms = BindingTerms {
        ledger: council.world.ledger(),
        member: council.members[who].did,
        public_key: tls.public_key().clone(),
    };
    let value = terms.signed_by(tls, update).unwrap();
    Action::Bind(Box::new(SignedBinding::try_from(value).unwrap()))
}

/// Binds a key of the third member.
fn bound() -> (Council, PrivateKey) {
    let mut council = Council::of(4);
    let tls = tls(50);
    let action = binding(&council, 3, &tls, &[&key(13, 0)]);
    let envelope = council.by(3, action);
    council.world.commit(&[envelope]);
    (council, tls)
}

#[test]
fn a_tls_key_is_bound_by_itself_and_the_members_update_key() {
    let (council, tls) = bound();
    let record: Binding = council.world.read(&keys::binding(&spki(&tls))).unwrap();
    assert_eq!(record.member, council.members[3].did);
    assert_eq!((record.time, record.ended), (council.world.time, None));
    let signed = SignedBinding::try_from(record.signed).unwrap();
    assert_eq!(signed.spki(), spki(&tls));
}

#[test]
fn refuses_a_binding_for_another_ledger() {
    let mut council = Council::of(4);
    let tls = tls(50);
    let terms = BindingTerms {
        ledger: chop_did::LedgerId::new(Hash::of("test", b"another")),
        member: council.members[3].did,
        public_key: tls.public_key().clone(),
    };
    let value = terms.signed_by(&tls, &[&key(13, 0)]).unwrap();
    let action = Action::Bind(Box::new(SignedBinding::try_from(value).unwrap()));
    let envelope = council.by(3, action);
    assert_eq!(council.world.refusal(&envelope), "binding.ledger");
}

#[test]
fn only_the_member_itself_binds_and_unbinds() {
    let (mut council, tls) = bound();
    let other = binding(&council, 3, &self::tls(51), &[&key(13, 0)]);
    let envelope = council.by(2, other);
    assert_eq!(council.world.refusal(&envelope), "binding.not-member");
    let unbind = Action::Unbind(UnbindCertificate { spki: spki(&tls) });
    let envelope = council.by(2, unbind);
    assert_eq!(council.world.refusal(&envelope), "binding.not-member");
    let stranger = council.newcomer(20);
    let own = binding(&council, stranger, &self::tls(52), &[&key(20, 0)]);
    let party = Party::new(20, &council.world.ledger());
    let envelope = council.world.by(&party, vec![own]);
    assert_eq!(council.world.refusal(&envelope), "binding.not-member");
}

#[test]
fn a_key_is_bound_once_and_an_ended_binding_stays_ended() {
    let (mut council, tls) = bound();
    for _ in 0..2 {
        let again = binding(&council, 3, &tls, &[&key(13, 0)]);
        let envelope = council.by(3, again);
        assert_eq!(council.world.refusal(&envelope), "binding.exists");
        let unbind = Action::Unbind(UnbindCertificate { spki: spki(&tls) });
        let envelope = council.by(3, unbind);
        council.world.block(&[envelope]);
    }
    let unbind = Action::Unbind(UnbindCertificate { spki: spki(&tls) });
    let envelope = council.by(3, unbind);
    assert_eq!(council.world.refusal(&envelope), "binding.ended");
    let record: Binding = council.world.read(&keys::binding(&spki(&tls))).unwrap();
    assert!(record.ended.unwrap().height > record.height);
}

#[test]
fn refuses_more_bindings_than_every_node_remembers() {
    let (mut council, first) = bound();
    let member = council.members[3].did;
    let count =
        |council: &Council| -> u32 { council.world.read(&keys::bound(&member.scid())).unwrap() };
    assert_eq!(count(&council), 1);
    // What has ended counts on: it is remembered too.
    let unbind = Action::Unbind(UnbindCertificate { spki: spki(&first) });
    let envelope = council.by(3, unbind);
    council.world.commit(&[envelope]);
    let nth = |n: u32| {
        PrivateKey::from_seed(
            KeyType::Ed25519,
            Hash::of("tls", &n.to_be_bytes()).as_bytes(),
        )
    };
    let mut next = 1..;
    let mut bind = |council: &mut Council, count: usize| {
        let actions = next.by_ref().take(count).map(|n| {
            let tls = nth(n).unwrap();
            binding(council, 3, &tls, &[&key(13, 0)])
        });
        let actions = actions.collect();
        let mut envelope = council.world.envelope(member, actions);
        envelope.sponsor = member;
        envelope.sign(&[&council.members[3].act]).unwrap()
    };
    for _ in 0..15 {
        let envelope = bind(&mut council, 17);
        council.world.commit(&[envelope]);
    }
    assert_eq!(count(&council), MAX_BINDINGS);
    let envelope = bind(&mut council, 1);
    assert_eq!(council.world.refusal(&envelope), "binding.too-many");
    // Each member has its own number.
    let action = binding(&council, 2, &tls(60), &[&key(12, 0)]);
    let envelope = council.by(2, action);
    council.world.commit(&[envelope]);
}

#[test]
fn a_tls_key_does_not_agree_to_another_keys_binding() {
    let mut council = Council::of(4);
    // The update key of one member becomes a TLS key of another.
    let action = binding(&council, 2, &key(13, 0), &[&key(12, 0)]);
    let envelope = council.by(2, action);
    council.world.commit(&[envelope]);
    let action = binding(&council, 3, &tls(51), &[&key(13, 0)]);
    let envelope = council.by(3, action);
    assert_eq!(council.world.refusal(&envelope), "binding.tls-key");
}

#[test]
fn refuses_to_unbind_what_was_never_bound() {
    let mut council = Council::of(4);
    let unbind = Action::Unbind(UnbindCertificate {
        spki: spki(&tls(50)),
    });
    let envelope = council.by(3, unbind);
    assert_eq!(council.world.refusal(&envelope), "binding.unknown");
}

#[test]
fn refuses_a_binding_that_the_update_keys_did_not_sign() {
    let mut council = Council::of(4);
    for strangers in [
        &[&key(12, 0) as &dyn Signer][..],
        &[&key(13, 0), &key(12, 0)],
        &[&key(13, 3)],
    ] {
        let action = binding(&council, 3, &tls(50), strangers);
        let envelope = council.by(3, action);
        assert_eq!(council.world.refusal(&envelope), "binding.unauthorised");
    }
}

#[test]
fn a_tls_key_authorises_neither_envelopes_nor_did_operations() {
    let mut council = Council::of(4);
    let tls = tls(50);
    // The document lists the TLS key among those that act, and the key is bound then.
    let party = &council.members[3];
    let document = super::world::document(&party.act).with_key(
        "#tls",
        tls.public_key(),
        &[chop_did::document::Relationship::CapabilityInvocation],
    );
    let update = build::update(&council.world.did(&party.did), &document.unwrap())
        .signed_by(&[&party.update])
        .unwrap();
    let envelope = council.by(3, Action::Did(Box::new(update)));
    council.world.commit(&[envelope]);
    let anchor = |text: &str| {
        Action::Anchor(AnchorCredential {
            digest: anchor_digest(text.as_bytes()),
            credential_type: None,
            subject: None,
        })
    };
    let did = council.members[3].did;
    let by_tls = |council: &mut Council, action: Action| {
        let mut envelope = council.world.envelope(did, vec![action]);
        envelope.sponsor = did;
        envelope.sign(&[&tls]).unwrap()
    };
    let before = by_tls(&mut council, anchor("before"));
    council.world.commit(&[before]);
    let action = binding(&council, 3, &tls, &[&key(13, 0)]);
    let envelope = council.by(3, action);
    council.world.commit(&[envelope]);
    let after = by_tls(&mut council, anchor("after"));
    assert_eq!(council.world.refusal(&after), "binding.tls-key");

    let genesis = build::GenesisDraft::controlled(chop_did::Class::Product, did, [9; 16]);
    let genesis = genesis.build(&council.world.ledger()).unwrap();
    let create = build::create(&genesis).signed_by(&[&tls]).unwrap();
    let carried = council.by(0, Action::Did(Box::new(create)));
    assert_eq!(council.world.refusal(&carried), "binding.tls-key");
}

#[test]
fn a_suspended_member_binds_nothing() {
    let (mut council, tls) = bound();
    let suspend = Change::Suspend(council.change_of(3));
    council.pass(suspend, &[1, 2]);
    let unbind = Action::Unbind(UnbindCertificate { spki: spki(&tls) });
    let suspended = Party::new(13, &council.world.ledger());
    let envelope = council.world.by(&suspended, vec![unbind]);
    assert_eq!(council.world.refusal(&envelope), "envelope.actor-barred");
}

#[test]
fn refuses_a_binding_that_the_tls_key_itself_did_not_sign() {
    let council = Council::of(4);
    let terms = BindingTerms {
        ledger: council.world.ledger(),
        member: council.members[3].did,
        public_key: tls(50).public_key().clone(),
    };
    let (first, second) = (key(13, 0), key(13, 1));
    let value = terms.signed_by(&first, &[&second]).unwrap();
    let error = SignedBinding::try_from(value).unwrap_err().to_string();
    assert!(error.contains("itself"), "{error}");
    let mut whole = terms.signed_by(&tls(50), &[&first]).unwrap();
    SignedBinding::try_from(whole.clone()).unwrap();
    whole["member"] = council.members[2].did.to_string().into();
    let error = SignedBinding::try_from(whole).unwrap_err().to_string();
    assert!(error.contains("proof 0"), "{error}");
}
