use chop_did::build::GenesisDraft;
use chop_did::{ChopDid, Class, KeySet, LedgerId, UpdateKeys};
use chop_integrity::{Hash, Timestamp, canonicalize};
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::envelope::ENVELOPE_TAG;
use chop_protocol::{
    Action, AnchorCredential, BuildError, Envelope, EnvelopeError, Nonce, SignedEnvelope,
    UnsignedEnvelope, anchor_digest,
};

fn key(key_type: KeyType, seed: u8) -> PrivateKey {
    let length = if key_type == KeyType::P384 { 48 } else { 32 };
    PrivateKey::from_seed(key_type, &vec![seed; length]).unwrap()
}

fn did(seed: u8, ledger: &LedgerId) -> ChopDid {
    let set = |seed| KeySet::new([key(KeyType::Ed25519, seed).public_key().clone()], 1).unwrap();
    let keys = UpdateKeys {
        current: set(seed),
        next: Some(set(seed + 100).commitment()),
    };
    GenesisDraft::own_keys(Class::Organisation, keys, [seed; 16])
        .build(ledger)
        .unwrap()
        .did()
}

fn envelope(sponsor: u8) -> Envelope {
    let ledger = LedgerId::new(Hash::of("test", b"ledger"));
    let digest = anchor_digest(b"credential");
    Envelope {
        ledger,
        actor: did(1, &ledger),
        sponsor: did(sponsor, &ledger),
        nonce: Nonce::new([3; 16]),
        valid_until: Timestamp::parse("2026-11-02T08:00:00.000Z").unwrap(),
        actions: vec![Action::Anchor(AnchorCredential {
            digest,
            credential_type: None,
            subject: None,
        })],
    }
}

#[test]
fn keys_of_every_type_sign_in_the_joint_and_in_the_split_form() {
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384] {
        let (actor, sponsor) = (key(key_type, 11), key(key_type, 12));
        let joint = envelope(2).sign(&[&actor, &sponsor]).unwrap();

        let mut split = UnsignedEnvelope::new(&envelope(2)).unwrap();
        for signer in [&actor, &sponsor] {
            let input = split.signing_input(signer.public_key()).unwrap();
            let signature = signer.sign_envelope(&input).unwrap();
            split.attach(signer.public_key(), signature).unwrap();
        }
        let split = split.finish().unwrap();

        assert_eq!(joint.hash(), split.hash());
        assert_eq!(joint.signers(), split.signers());
    }
}

#[test]
fn a_gateway_countersigns_and_changes_nothing_else() {
    let (actor, sponsor) = (key(KeyType::P256, 11), key(KeyType::Ed25519, 12));
    let alone = envelope(2).sign(&[&actor]).unwrap();
    let mut whole = alone.clone();
    whole.countersign(&sponsor).unwrap();
    assert_eq!(whole.hash(), alone.hash());
    assert_eq!(
        whole.signers(),
        [actor.public_key().clone(), sponsor.public_key().clone()]
    );
    assert_eq!(
        SignedEnvelope::try_from(whole.bytes()).unwrap().signers(),
        whole.signers()
    );

    let third = whole.countersign(&key(KeyType::Ed25519, 13)).unwrap_err();
    assert!(matches!(
        third,
        BuildError::Envelope(EnvelopeError::ProofCount { found: 3, max: 2 })
    ));
    let mut twice = alone;
    let again = twice.countersign(&actor).unwrap_err();
    assert!(matches!(
        again,
        BuildError::Envelope(EnvelopeError::ProofRepeated { index: 1 })
    ));
}

#[test]
fn one_who_sponsors_itself_signs_once() {
    let (actor, other) = (key(KeyType::Ed25519, 11), key(KeyType::Ed25519, 12));
    assert!(envelope(1).sign(&[&actor]).is_ok());
    let twice = envelope(1).sign(&[&actor, &other]).unwrap_err();
    assert!(matches!(
        twice,
        BuildError::Envelope(EnvelopeError::ProofCount { found: 2, max: 1 })
    ));
}

#[test]
fn refuses_a_signature_by_another_key_than_the_one_named() {
    let (named, other) = (key(KeyType::Ed25519, 11), key(KeyType::Ed25519, 12));
    let mut split = UnsignedEnvelope::new(&envelope(2)).unwrap();
    let input = split.signing_input(named.public_key()).unwrap();
    split
        .attach(named.public_key(), other.sign_envelope(&input).unwrap())
        .unwrap();
    let error = split.finish().unwrap_err();
    assert!(matches!(
        error,
        BuildError::Envelope(EnvelopeError::Signature { index: 0, .. })
    ));
}

#[test]
fn refuses_an_envelope_beyond_its_bounds() {
    let actor = key(KeyType::Ed25519, 11);
    let mut large = envelope(1);
    large.actions = vec![large.actions[0].clone(); 65];
    let error = large.sign(&[&actor]).unwrap_err();
    assert!(matches!(
        error,
        BuildError::Envelope(EnvelopeError::ActionCount { found: 65, max: 64 })
    ));
    let padding = b" ".repeat(128 * 1024);
    let text = [envelope(1).sign(&[&actor]).unwrap().bytes(), &padding].concat();
    assert_eq!(
        SignedEnvelope::try_from(text.as_slice())
            .unwrap_err()
            .rule(),
        "envelope.json"
    );
}

#[test]
fn refuses_an_ecdsa_signature_with_a_high_s() {
    // Order of P-256.
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
        0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let signer = key(KeyType::P256, 11);
    let mut split = UnsignedEnvelope::new(&envelope(2)).unwrap();
    let input = split.signing_input(signer.public_key()).unwrap();
    let mut bytes = signer.sign_envelope(&input).unwrap().as_bytes().to_vec();
    let mut borrow = 0;
    for index in (0..32).rev() {
        let low = i16::from(N[index]) - i16::from(bytes[32 + index]) - borrow;
        borrow = i16::from(low < 0);
        bytes[32 + index] = u8::try_from(low.rem_euclid(256)).unwrap();
    }
    let twin = chop_keys::Signature::from_bytes(bytes);
    // The twin is a signature by the same key over the same bytes, so only the strict rule can refuse it.
    assert!(
        signer
            .public_key()
            .verify(input.as_bytes(), twin.as_bytes())
            .is_ok()
    );
    split.attach(signer.public_key(), twin).unwrap();
    let error = split.finish().unwrap_err();
    assert!(matches!(
        error,
        BuildError::Envelope(EnvelopeError::Signature { index: 0, .. })
    ));
}

#[test]
fn a_gateway_signs_an_envelope_that_comes_without_proof() {
    let actor = key(KeyType::Ed25519, 11);
    let sent = UnsignedEnvelope::new(&envelope(1)).unwrap().to_value();
    let mut received = UnsignedEnvelope::try_from(sent.to_string().as_bytes()).unwrap();
    received.sign(&actor).unwrap();
    let signed = received.finish().unwrap();
    assert_eq!(signed.hash(), envelope(1).sign(&[&actor]).unwrap().hash());

    let proven = UnsignedEnvelope::try_from(signed.bytes()).unwrap_err();
    assert_eq!(proven.rule(), "envelope.shape");
    let mut foreign = sent;
    foreign["ledger"] = Hash::of("test", b"another ledger").to_string().into();
    let foreign = UnsignedEnvelope::try_from(foreign.to_string().as_bytes()).unwrap_err();
    assert_eq!(foreign.rule(), "envelope.foreign-did");
}

/// What the door makes of the envelope's bytes is what was built; and text and hash are those of the whole JSON.
fn assert_as_parsed(built: &SignedEnvelope) {
    let parsed = SignedEnvelope::try_from(built.bytes()).unwrap();
    assert_eq!(format!("{built:?}"), format!("{parsed:?}"));
    let mut value: serde_json::Value = serde_json::from_slice(built.bytes()).unwrap();
    assert_eq!(built.to_value(), value);
    assert_eq!(canonicalize(&value).unwrap(), built.bytes());
    value.as_object_mut().unwrap().remove("proof").unwrap();
    assert_eq!(Hash::of_json(ENVELOPE_TAG, &value).unwrap(), built.hash());
    let spaced = serde_json::to_string_pretty(&built.to_value()).unwrap();
    let spaced = SignedEnvelope::try_from(spaced.as_bytes()).unwrap();
    assert_eq!(format!("{built:?}"), format!("{spaced:?}"));
}

#[test]
fn what_is_built_is_what_its_bytes_parse_to() {
    let keys = [KeyType::Ed25519, KeyType::P256, KeyType::P384];
    for (count, key_type) in [1, 2, 64].into_iter().zip(keys) {
        let (actor, sponsor) = (key(key_type, 11), key(KeyType::Ed25519, 12));
        let mut own = envelope(1);
        own.actions = vec![own.actions[0].clone(); count];
        assert_as_parsed(&own.sign(&[&actor]).unwrap());

        let mut sponsored = envelope(2);
        sponsored.actions = own.actions;
        assert_as_parsed(&sponsored.sign(&[&actor, &sponsor]).unwrap());
        let mut countersigned = sponsored.sign(&[&actor]).unwrap();
        assert_as_parsed(&countersigned);
        countersigned.countersign(&sponsor).unwrap();
        assert_as_parsed(&countersigned);

        let sent = UnsignedEnvelope::new(&sponsored).unwrap().to_value();
        let mut received = UnsignedEnvelope::try_from(sent.to_string().as_bytes()).unwrap();
        received.sign(&actor).unwrap();
        assert_as_parsed(&received.finish().unwrap());
    }
}

#[test]
fn a_signature_that_was_made_here_vouches_for_no_other() {
    let (named, other) = (key(KeyType::Ed25519, 11), key(KeyType::Ed25519, 12));
    for bad in 0..2 {
        let mut split = UnsignedEnvelope::new(&envelope(2)).unwrap();
        let input = split.signing_input(named.public_key()).unwrap();
        for index in 0..2 {
            if index == bad {
                let forged = other.sign_envelope(&input).unwrap();
                split.attach(named.public_key(), forged).unwrap();
            } else {
                split.sign(&other).unwrap();
            }
        }
        let refused = split.finish().unwrap_err();
        assert!(matches!(
            refused,
            BuildError::Envelope(EnvelopeError::Signature { index, .. }) if index == bad
        ));
    }
}
