//! Keys as X.509 software takes them, checked by a library that reads them.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _,
};

use crate::{KeyType, PrivateKey, PublicKey, Signer};

fn key(key_type: KeyType, byte: u8) -> PrivateKey {
    PrivateKey::from_seed(key_type, &vec![byte; key_type.secret_len()]).unwrap()
}

#[test]
fn a_library_reads_the_private_form_and_makes_the_same_public_form_of_it() {
    for byte in [1, 7, 0x5a] {
        for (key_type, algorithm) in [
            (KeyType::P256, &ECDSA_P256_SHA256_FIXED_SIGNING),
            (KeyType::P384, &ECDSA_P384_SHA384_FIXED_SIGNING),
        ] {
            let ours = key(key_type, byte);
            let theirs = EcdsaKeyPair::from_pkcs8(algorithm, &ours.pkcs8_der().unwrap()).unwrap();
            let spki =
                AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(theirs.public_key());
            assert_eq!(
                ours.public_key().spki_der().unwrap(),
                spki.unwrap().as_ref()
            );
        }
        let ours = key(KeyType::Ed25519, byte);
        let theirs =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(&ours.pkcs8_der().unwrap()).unwrap();
        let spki = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(theirs.public_key());
        assert_eq!(
            ours.public_key().spki_der().unwrap(),
            spki.unwrap().as_ref()
        );
    }
}

#[test]
fn the_public_form_is_read_again_and_no_other_spelling_of_it() {
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384] {
        let key = key(key_type, 7);
        let der = key.public_key().spki_der().unwrap();
        assert_eq!(
            PublicKey::from_spki_der(&der).as_ref(),
            Some(key.public_key())
        );
        let longer = [der.as_slice(), &[0]].concat();
        for other in [&der[..der.len() - 1], &longer, &der[1..]] {
            assert!(PublicKey::from_spki_der(other).is_none(), "{key_type}");
        }
    }
    assert!(PublicKey::from_spki_der(&[]).is_none());
}

#[test]
fn keys_that_certificates_of_members_do_not_hold_have_no_such_form() {
    for key_type in [KeyType::P521, KeyType::Bls12381G2] {
        let key = key(key_type, 1);
        assert!(key.pkcs8_der().is_none(), "{key_type}");
        assert!(key.public_key().spki_der().is_none(), "{key_type}");
    }
}
