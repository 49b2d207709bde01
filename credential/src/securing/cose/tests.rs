//! Tests: what vectors do not reach, and that another COSE library reads what this one reads and writes.

use super::cbor::{CborError, Item, Reader, Writer};
use super::*;
use chop_keys::{KeyType, PrivateKey};
use coset::{CborSerializable, TaggedCborSerializable};
use proptest::prelude::*;

const METHOD: &str = "did:example:issuer#key";

fn key(key_type: KeyType) -> PrivateKey {
    let mut seed = vec![7; key_type.secret_len()];
    seed[0] = 0;
    PrivateKey::from_seed(key_type, &seed).unwrap()
}

fn message(payload: &[u8], key_type: KeyType) -> Vec<u8> {
    NewSign1 {
        audience: Some("verifier.example"),
        nonce: Some("a challenge"),
        ..NewSign1::new(CoseKind::Credential, SigningKey::Method(METHOD))
    }
    .sign(payload, &key(key_type))
    .unwrap()
}

#[test]
fn writes_integers_as_rfc_8949_appendix_a_does() {
    for (value, bytes) in [
        (0_i64, &[0x00][..]),
        (23, &[0x17]),
        (24, &[0x18, 0x18]),
        (100, &[0x18, 0x64]),
        (1_000, &[0x19, 0x03, 0xe8]),
        (1_000_000, &[0x1a, 0x00, 0x0f, 0x42, 0x40]),
        (
            1_000_000_000_000,
            &[0x1b, 0x00, 0x00, 0x00, 0xe8, 0xd4, 0xa5, 0x10, 0x00],
        ),
        (-1, &[0x20]),
        (-10, &[0x29]),
        (-100, &[0x38, 0x63]),
        (-1_000, &[0x39, 0x03, 0xe7]),
        (
            i64::MIN,
            &[0x3b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ),
    ] {
        let mut writer = Writer::default();
        writer.integer(value);
        let written = writer.into_bytes();

        assert_eq!(written, bytes);
        assert_eq!(Item::read(&written).map(Item::integer), Ok(Some(value)));
    }
}

#[test]
fn refuses_what_has_more_than_one_encoding() {
    for (bytes, error) in [
        (&[0x18, 0x17][..], CborError::NotShortest),
        (&[0x19, 0x00, 0xff], CborError::NotShortest),
        (&[0x1a, 0x00, 0x00, 0xff, 0xff], CborError::NotShortest),
        (
            &[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            CborError::NotShortest,
        ),
        (&[0x58, 0x01, 0x00], CborError::NotShortest),
        (&[0xf8, 0x16], CborError::Reserved),
        (&[0x5f, 0xff], CborError::Indefinite),
        (&[0x9f, 0xff], CborError::Indefinite),
        (&[0xff], CborError::Indefinite),
        (&[0x1c], CborError::Reserved),
        (&[0x61, 0xff], CborError::NotUtf8),
        (&[], CborError::Truncated),
        (&[0x19, 0x01], CborError::Truncated),
        (&[0x42, 0x00], CborError::Truncated),
        (&[0x00, 0x00], CborError::Trailing { found: 1 }),
    ] {
        assert_eq!(Item::read(bytes), Err(error), "{bytes:02x?}");
    }
}

#[test]
fn refuses_a_key_twice_at_any_depth() {
    for bytes in [
        &[0xa2, 0x01, 0x00, 0x01, 0x00][..],
        &[0xa1, 0x01, 0xa2, 0x41, 0x00, 0x00, 0x41, 0x00, 0x00],
        &[0xa1, 0x01, 0x81, 0xa2, 0x61, b'a', 0x00, 0x61, b'a', 0x01],
    ] {
        assert_eq!(
            Reader::new(bytes).map(),
            Err(CborError::DuplicateKey),
            "{bytes:02x?}"
        );
    }
}

#[test]
fn reads_what_it_writes_and_binds_it_to_the_payload() {
    for key_type in [
        KeyType::Ed25519,
        KeyType::P256,
        KeyType::P384,
        KeyType::P521,
    ] {
        let bytes = message(br#"{"a":1}"#, key_type);
        let (message, claims, document) = Sign1::parse(&bytes, CoseKind::Credential).unwrap();

        assert_eq!(message.bytes(), bytes);
        assert_eq!(message.header().kid.as_deref(), Some(METHOD));
        assert_eq!(claims.audience, ["verifier.example"]);
        assert_eq!(claims.nonce.as_deref(), Some("a challenge"));
        assert_eq!(document["a"], 1);
        let public = key(key_type).public_key().clone();
        assert!(
            public
                .verify(message.signed.as_bytes(), &message.signature)
                .is_ok()
        );
    }
}

#[test]
fn refuses_a_nonce_that_a_cwt_cannot_carry() {
    for nonce in ["short", &"x".repeat(65)] {
        let new = NewSign1 {
            nonce: Some(nonce),
            ..NewSign1::new(CoseKind::Presentation, SigningKey::Method(METHOD))
        };
        assert!(matches!(
            new.sign(b"{}", &key(KeyType::Ed25519)),
            Err(NewSign1Error::Cose(CoseError::Claim { claim: "nonce", .. }))
        ));
    }
}

#[test]
fn refuses_a_message_that_is_larger_than_any_credential() {
    let bytes = message(&vec![b' '; MAX_BYTES], KeyType::Ed25519);
    assert!(matches!(
        Sign1::parse(&bytes, CoseKind::Credential),
        Err(CoseError::TooLarge { .. })
    ));
}

#[test]
fn another_library_verifies_what_is_issued() {
    let bytes = message(br#"{"a":1}"#, KeyType::P256);
    let read = coset::CoseSign1::from_tagged_slice(&bytes).unwrap();

    assert_eq!(read.payload.as_deref(), Some(br#"{"a":1}"#.as_slice()));
    assert_eq!(read.protected.header.key_id, METHOD.as_bytes());
    let verified = read.verify_signature(b"", |signature, signed| {
        key(KeyType::P256).public_key().verify(signed, signature)
    });
    assert_eq!(verified, Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Sign1::parse(&bytes, CoseKind::Credential);
        let _ = Reader::new(&bytes).map();
    }

    #[test]
    fn what_is_read_another_library_reads_alike(place: prop::sample::Index, byte: u8) {
        let mut bytes = message(br#"{"a":1}"#, KeyType::Ed25519);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok((message, _, document)) = Sign1::parse(&bytes, CoseKind::Credential) {
            let other = coset::CoseSign1::from_tagged_slice(&bytes)
                .or_else(|_| coset::CoseSign1::from_slice(&bytes));
            prop_assert!(other.is_ok(), "{bytes:02x?}");
            let other = other.unwrap();
            prop_assert_eq!(other.tbs_data(b""), message.signed.as_bytes());
            prop_assert_eq!(&other.signature, &message.signature);
            let payload: Value = serde_json::from_slice(&other.payload.unwrap()).unwrap();
            prop_assert_eq!(payload, Value::Object(document));
        }
    }

    #[test]
    fn maps_are_read_as_another_library_reads_them(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut map = vec![0xa2];
        map.extend(bytes);
        let mut reader = Reader::new(&map);
        if let Ok(entries) = reader.map()
            && reader.end().is_ok()
        {
            // The other library knows no simple values but the assigned ones.
            if let Ok(value) = coset::cbor::Value::from_slice(&map) {
                prop_assert_eq!(value.as_map().map(Vec::len), Some(entries.len()));
            }
        }
    }
}
