//! RFC 8032 §7.1, and what a lax verifier would let through.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use proptest::prelude::*;
use sha2::{Digest as _, Sha512};

use super::hex;
use crate::{KeyError, KeyType, PrivateKey, PublicKey, Signer, VerifyError};

/// Seed, public key, message and signature of RFC 8032 §7.1, tests 1 to 3.
const RFC_8032: [[&str; 4]; 3] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
];

/// Encodings of the eight points of small order, with the non-canonical ones among them.
const SMALL_ORDER: [&str; 11] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

#[test]
fn signs_and_verifies_the_vectors_of_rfc_8032() {
    for [seed, public, message, signature] in RFC_8032 {
        let key = PrivateKey::from_seed(KeyType::Ed25519, &hex(seed)).unwrap();

        assert_eq!(key.public_key().raw(), hex(public));
        assert_eq!(
            key.public_key().verify(&hex(message), &hex(signature)),
            Ok(())
        );
        assert_eq!(
            key.public_key()
                .verify_strict(&hex(message), &hex(signature)),
            Ok(())
        );
        assert_eq!(
            key.public_key().verify(b"another message", &hex(signature)),
            Err(VerifyError::Mismatch)
        );
    }
}

#[test]
fn refuses_keys_of_small_order_in_every_encoding() {
    for encoded in SMALL_ORDER {
        let refused = PublicKey::from_raw(KeyType::Ed25519, &hex(encoded));

        assert!(
            matches!(
                refused,
                Err(KeyError::SmallOrder | KeyError::NotOnCurve { .. })
            ),
            "{encoded}: {refused:?}"
        );
    }
}

#[test]
fn refuses_encodings_with_y_at_or_past_the_prime() {
    let key = |encoded: [u8; 32]| PublicKey::from_raw(KeyType::Ed25519, &encoded);
    let mut seen = 0;
    // Every y below 19 that is on the curve can also be written as y + p.
    for y in 2..19 {
        let mut canonical = [0; 32];
        canonical[0] = y;
        let mut past = [0xff; 32];
        (past[0], past[31]) = (0xed + y, 0x7f);
        if key(canonical).is_ok() {
            seen += 1;
        }
        assert_eq!(
            key(past),
            Err(KeyError::NotOnCurve {
                key_type: KeyType::Ed25519
            })
        );
    }
    assert!(seen > 4, "{seen} of these are points");
}

#[test]
fn refuses_bytes_that_are_no_point() {
    let no_point = hex(&format!("02{}", "00".repeat(31)));

    assert_eq!(
        PublicKey::from_raw(KeyType::Ed25519, &no_point),
        Err(KeyError::NotOnCurve {
            key_type: KeyType::Ed25519
        })
    );
}

#[test]
fn refuses_the_signature_with_the_group_order_added_to_s() {
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let [_, public, message, signature] = RFC_8032[1];
    let key = PublicKey::from_raw(KeyType::Ed25519, &hex(public)).unwrap();
    let mut malleated = hex(signature);
    let mut carry = 0;
    for (byte, order) in malleated[32..].iter_mut().zip(hex(ORDER)) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }

    assert_eq!(
        key.verify(&hex(message), &malleated),
        Err(VerifyError::Mismatch)
    );
}

#[test]
fn refuses_a_nonce_point_of_small_order() {
    let [_, public, message, signature] = RFC_8032[0];
    let key = PublicKey::from_raw(KeyType::Ed25519, &hex(public)).unwrap();
    for encoded in SMALL_ORDER {
        let mut forged = hex(signature);
        forged[..32].copy_from_slice(&hex(encoded));

        assert_eq!(
            key.verify(&hex(message), &forged),
            Err(VerifyError::Mismatch)
        );
    }
}

/// Whether a signature is one by our rule; that the library's strict rule says the same.
fn verifies(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let ours = PublicKey::from_raw(KeyType::Ed25519, public).unwrap();
    let ours = ours.verify(message, signature).is_ok();
    let theirs = VerifyingKey::from_bytes(public).unwrap();
    let theirs = theirs.verify_strict(message, &Signature::from_bytes(signature));
    assert_eq!(ours, theirs.is_ok(), "{}", hex_of(signature));
    ours
}

fn hex_of(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A key and its secret scalar, with a component of small order.
fn mixed(n: u64, torsion: usize) -> (Scalar, [u8; 32]) {
    let secret = Scalar::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let point = ED25519_BASEPOINT_POINT * secret + EIGHT_TORSION[torsion];
    (secret, point.compress().to_bytes())
}

/// H(R ‖ A ‖ M), RFC 8032 §5.1.7.
fn challenge(nonce: &[u8; 32], public: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new()
        .chain_update(nonce)
        .chain_update(public)
        .chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

#[test]
fn refuses_a_nonce_point_of_small_order_that_the_equation_holds_for() {
    let mut seen = [false; 8];
    for message in 0_u64..4_096 {
        let message = message.to_be_bytes();
        let (secret, public) = mixed(7, 1);
        for (index, nonce) in EIGHT_TORSION.iter().enumerate() {
            let nonce = nonce.compress().to_bytes();
            // With s = k·a, the equation leaves −k times the key's own component: right for one nonce point in eight.
            let s = challenge(&nonce, &public, &message) * secret;
            let signature: [u8; 64] = [nonce, s.to_bytes()].concat().try_into().unwrap();
            let lax = VerifyingKey::from_bytes(&public).unwrap();
            if lax
                .verify(&message, &Signature::from_bytes(&signature))
                .is_ok()
            {
                seen[index] = true;
                assert!(!verifies(&public, &message, &signature));
            }
        }
        if seen == [true; 8] {
            return;
        }
    }
    panic!("not every point of small order came: {seen:?}");
}

#[test]
fn takes_what_the_strict_rule_takes_under_a_key_with_a_component_of_small_order() {
    let (mut taken, mut refused) = (0, 0);
    for (n, torsion) in (0_u64..256).zip((0..8).cycle()) {
        let message = n.to_be_bytes();
        let (secret, public) = mixed(n, torsion);
        let nonce_secret = Scalar::from(n + 3);
        let nonce = ED25519_BASEPOINT_POINT * nonce_secret + EIGHT_TORSION[3 * torsion % 8];
        let nonce = nonce.compress().to_bytes();
        let s = nonce_secret + challenge(&nonce, &public, &message) * secret;
        let signature = [nonce, s.to_bytes()].concat().try_into().unwrap();
        *if verifies(&public, &message, &signature) {
            &mut taken
        } else {
            &mut refused
        } += 1;
    }
    assert!(
        taken > 16 && refused > 16,
        "{taken} taken, {refused} refused"
    );
}

proptest! {
    #[test]
    fn judges_altered_signatures_as_the_strict_rule_does(
        message in prop::collection::vec(any::<u8>(), 0..80),
        seed in any::<[u8; 32]>(),
        (place, flip) in (0_usize..64, any::<u8>()),
        nonce in prop::option::of(0_usize..SMALL_ORDER.len()),
    ) {
        let key = PrivateKey::from_seed(KeyType::Ed25519, &seed).unwrap();
        let public = key.public_key().raw().try_into().unwrap();
        let signature = key.sign(&message).unwrap();
        let mut signature: [u8; 64] = signature.as_bytes().try_into().unwrap();
        signature[place] ^= flip;
        if let Some(nonce) = nonce {
            signature[..32].copy_from_slice(&hex(SMALL_ORDER[nonce]));
        }
        prop_assert_eq!(verifies(&public, &message, &signature), flip == 0 && nonce.is_none());
    }
}

#[test]
fn refuses_signatures_of_another_length() {
    let [_, public, message, signature] = RFC_8032[0];
    let key = PublicKey::from_raw(KeyType::Ed25519, &hex(public)).unwrap();
    let mut long = hex(signature);
    long.push(0);

    assert_eq!(
        key.verify(&hex(message), &long),
        Err(VerifyError::Length {
            expected: 64,
            found: 65
        })
    );
    assert_eq!(
        key.verify_strict(&hex(message), &[]),
        Err(VerifyError::Length {
            expected: 64,
            found: 0
        })
    );
}
