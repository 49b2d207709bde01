//! What holds for every key, message and changed bit.

use proptest::prelude::*;

use crate::{DataIntegrityInput, KeyType, PrivateKey, PublicKey, Signer, curve};

fn key_type() -> impl Strategy<Value = KeyType> {
    prop_oneof![
        Just(KeyType::Ed25519),
        Just(KeyType::P256),
        Just(KeyType::P384)
    ]
}

/// Any key; seeds that are no scalar are left out.
fn private_key() -> impl Strategy<Value = PrivateKey> {
    (key_type(), proptest::collection::vec(any::<u8>(), 48))
        .prop_filter_map("not a scalar", |(key_type, seed)| {
            PrivateKey::from_seed(key_type, &seed[..key_type.secret_len()]).ok()
        })
}

fn input(key: &PrivateKey, filler: u8) -> DataIntegrityInput {
    let half = if key.public_key().key_type() == KeyType::P384 {
        48
    } else {
        32
    };
    DataIntegrityInput::new(&vec![filler; half], &vec![!filler; half]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_changed_bit_of_signature_or_message_fails(
        key in private_key(), filler: u8, bit: prop::sample::Index,
    ) {
        let input = input(&key, filler);
        let signature = key.sign_credential(&input).unwrap();
        let (message, signature) = (input.as_bytes().to_vec(), signature.as_bytes().to_vec());
        prop_assert_eq!(key.public_key().verify(&message, &signature), Ok(()));
        prop_assert!(curve::is_low_s(key.public_key().key_type(), &signature));

        let bit = bit.index(8 * signature.len());
        let mut changed = signature.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(key.public_key().verify(&message, &changed).is_err());
        let mut changed = message.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(key.public_key().verify(&changed, &signature).is_err());
    }

    #[test]
    fn every_text_form_gives_the_same_key_back(key in private_key()) {
        let public = key.public_key();

        let read = PublicKey::from_multikey(&public.multikey()).unwrap();
        prop_assert_eq!(&read, public);
        let written = PublicKey::from_raw(read.key_type(), read.raw()).unwrap().multikey();
        prop_assert_eq!(read.multikey(), written);
        prop_assert_eq!(&PublicKey::from_jwk(&public.jwk().unwrap()).unwrap(), public);
        prop_assert_eq!(&PublicKey::from_did_key_url(&public.did_key_url()).unwrap(), public);
        prop_assert_eq!(&PublicKey::from_raw(public.key_type(), public.raw()).unwrap(), public);
        let jwk = serde_json::from_str(&key.jwk().unwrap()).unwrap();
        let imported = PrivateKey::from_jwk(&jwk).unwrap();
        prop_assert_eq!(imported.secret_bytes(), key.secret_bytes());
    }

    #[test]
    fn text_that_is_a_key_is_the_one_text_of_that_key(text in "z[1-9A-HJ-NP-Za-km-z]{40,75}") {
        if let Ok(key) = PublicKey::from_multikey(&text) {
            let written = PublicKey::from_raw(key.key_type(), key.raw()).unwrap().multikey();
            prop_assert_eq!(written, text);
        }
    }

    #[test]
    fn bytes_that_are_a_key_are_the_one_encoding_of_that_key(
        key_type in key_type(), bytes in proptest::collection::vec(any::<u8>(), 49), sign: bool,
    ) {
        let mut raw = bytes[..key_type.public_key_len()].to_vec();
        if key_type != KeyType::Ed25519 {
            raw[0] = 2 | u8::from(sign);
        }
        if let Ok(key) = PublicKey::from_raw(key_type, &raw) {
            if key_type == KeyType::Ed25519 {
                let point = ed25519_dalek::VerifyingKey::try_from(raw.as_slice()).unwrap();
                let canonical = point.to_edwards().compress();
                prop_assert_eq!(canonical.as_bytes().as_slice(), raw.as_slice());
            }
            prop_assert_eq!(key.raw(), raw.as_slice());
            prop_assert_eq!(&PublicKey::from_jwk(&key.jwk().unwrap()).unwrap(), &key);
        }
    }

    #[test]
    fn lowering_s_twice_changes_nothing(
        key_type in key_type(), bytes in proptest::collection::vec(any::<u8>(), 96),
    ) {
        let mut once = bytes[..key_type.signature_len()].to_vec();
        curve::make_low_s(key_type, &mut once);
        let mut twice = once.clone();
        curve::make_low_s(key_type, &mut twice);

        prop_assert!(curve::is_low_s(key_type, &once));
        prop_assert_eq!(once, twice);
    }
}
