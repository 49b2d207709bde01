//! BBS: the example of vc-di-bbs, every trap that the library leaves to its caller, and what a BLS12-381 key must not do.

use zeroize::Zeroizing;

use super::hex;
use crate::bbs::{BbsError, BbsInput, BbsProof, Disclosure, HolderSecret, MAX_MESSAGES, commit};
use crate::{
    DataIntegrityInput, JwsSigningInput, KeyError, KeyType, PrivateKey, PublicKey,
    SelectiveBaseInput, SignError, Signer, StatementKey, VerifyError,
};

const HEADER: &[u8] = b"header";
const PRESENTED: &[u8] = b"nonce";

fn key() -> PrivateKey {
    // vc-di-bbs, appendix A.
    let scalar = hex("66d36e118832af4c5e28b2dfe1b9577857e57b042a33e06bdea37b811ed09ee0");
    PrivateKey::from_seed(KeyType::Bls12381G2, &scalar).unwrap()
}

fn messages() -> Vec<Vec<u8>> {
    (0..5_u8).map(|number| vec![b'm', number]).collect()
}

/// A signature, and a proof that discloses the messages 1 and 3.
fn derived(holder: Option<HolderSecret<'_>>, signature: &[u8]) -> Result<Vec<u8>, BbsError> {
    let messages = messages();
    key().public_key().derive_bbs_proof(&Disclosure {
        signature,
        header: HEADER,
        presentation_header: PRESENTED,
        messages: &messages,
        disclosed: &[1, 3],
        holder,
    })
}

fn signed() -> Vec<u8> {
    let messages = messages();
    let input = BbsInput::new(HEADER, &messages).unwrap();
    key().sign_bbs(&input).unwrap().as_bytes().to_vec()
}

fn shown() -> Vec<Vec<u8>> {
    vec![vec![b'm', 1], vec![b'm', 3]]
}

fn verify(
    proof: &[u8],
    messages: &[Vec<u8>],
    places: &[usize],
    bound: Option<usize>,
) -> Result<(), BbsError> {
    key().public_key().verify_bbs_proof(&BbsProof {
        proof,
        header: HEADER,
        presentation_header: PRESENTED,
        messages,
        places,
        bound,
    })
}

#[test]
fn the_key_of_the_specification_has_its_multikey() {
    let key = key();
    let multikey = "zUC7DerdEmfZ8f4pFajXgGwJoMkV1ofMTmEG5UoNvnWiPiLuGKNeqgRpLH2TV4Xe5mJ2cXV76gRN7LFQwapF1VFu6x2yrr5ci1mXqC1WNUrnHnLgvfZfMH7h6xP6qsf9EKRQrPQ";
    let public = key.public_key();
    assert_eq!(public.multikey(), multikey);
    assert_eq!(PublicKey::from_multikey(multikey).as_ref(), Ok(public));
    assert_eq!(
        PublicKey::from_did_key_url(&public.did_key_url()).as_ref(),
        Ok(public)
    );
    assert_eq!(public.raw().len(), 96);
    assert!(public.jwk().is_none() && key.jwk().is_none());
    assert_eq!(KeyType::Bls12381G2.algorithm(), None);
}

#[test]
fn refuses_points_and_scalars_outside_the_group() {
    let parse = |raw: &[u8]| PublicKey::from_raw(KeyType::Bls12381G2, raw).err();
    let not_on_curve = KeyError::NotOnCurve {
        key_type: KeyType::Bls12381G2,
    };
    let mut identity = [0; 96];
    identity[0] = 0xc0;
    assert_eq!(parse(&identity), Some(not_on_curve.clone()));
    let mut uncompressed = key().public_key().raw().to_vec();
    uncompressed[0] &= 0x7f;
    assert_eq!(parse(&uncompressed), Some(not_on_curve.clone()));
    assert_eq!(parse(&[0xff; 96]), Some(not_on_curve));
    assert!(matches!(
        parse(&[0x80; 95]),
        Some(KeyError::Length { expected: 96, .. })
    ));
    for scalar in [[0; 32], [0xff; 32]] {
        let error = PrivateKey::from_seed(KeyType::Bls12381G2, &scalar).err();
        assert_eq!(
            error,
            Some(KeyError::Scalar {
                key_type: KeyType::Bls12381G2
            })
        );
    }
}

#[test]
fn a_bls_key_makes_and_verifies_no_ordinary_signature() {
    let key = key();
    let key_type = KeyType::Bls12381G2;
    let hashes = DataIntegrityInput::new(&[1; 32], &[2; 32]).unwrap();
    let jws = JwsSigningInput::new("eyJ9.e30").unwrap();
    let refused = |result: Result<crate::Signature, SignError>| {
        matches!(
            result,
            Err(SignError::KeyType {
                found: KeyType::Bls12381G2,
                ..
            })
        )
    };
    assert!(refused(key.sign_credential(&hashes)));
    assert!(refused(key.sign_operation(&hashes)));
    assert!(refused(key.sign_envelope(&hashes)));
    assert!(refused(key.sign_jws(&jws)));
    for length in [0, 48, 64, 80, 96] {
        let signature = vec![0x80; length];
        let selective = Err(VerifyError::Selective { key_type });
        assert_eq!(key.public_key().verify(b"m", &signature), selective);
        assert_eq!(key.public_key().verify_strict(b"m", &signature), selective);
    }
}

#[test]
fn other_keys_make_and_verify_no_bbs_proof() {
    let messages = messages();
    let input = BbsInput::new(HEADER, &messages).unwrap();
    let proof = derived(None, &signed()).unwrap();
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384] {
        let key = PrivateKey::from_seed(key_type, &vec![7; key_type.secret_len()]).unwrap();
        assert!(matches!(
            key.sign_bbs(&input),
            Err(SignError::KeyType { .. })
        ));
        let claim = BbsProof {
            proof: &proof,
            header: HEADER,
            presentation_header: PRESENTED,
            messages: &shown(),
            places: &[1, 3],
            bound: None,
        };
        assert_eq!(
            key.public_key().verify_bbs_proof(&claim),
            Err(BbsError::KeyType { found: key_type })
        );
    }
}

#[test]
fn what_is_disclosed_holds_and_nothing_else_does() {
    let proof = derived(None, &signed()).unwrap();
    assert_eq!(verify(&proof, &shown(), &[1, 3], None), Ok(()));
    let other = vec![vec![b'm', 1], vec![b'm', 4]];
    assert_eq!(
        verify(&proof, &other, &[1, 3], None),
        Err(BbsError::Mismatch)
    );
    assert_eq!(
        verify(&proof, &shown(), &[1, 4], None),
        Err(BbsError::Mismatch)
    );
    let claim = |header, presentation_header| BbsProof {
        proof: &proof,
        header,
        presentation_header,
        messages: &[],
        places: &[],
        bound: None,
    };
    let messages = shown();
    for (header, presented) in [
        (b"other".as_slice(), PRESENTED),
        (HEADER, b"replayed".as_slice()),
    ] {
        let claim = BbsProof {
            messages: &messages,
            places: &[1, 3],
            ..claim(header, presented)
        };
        assert_eq!(
            key().public_key().verify_bbs_proof(&claim),
            Err(BbsError::Mismatch)
        );
    }
}

#[test]
fn refuses_counts_and_places_before_the_library_indexes_with_them() {
    let proof = derived(None, &signed()).unwrap();
    let count = |messages, places| Err(BbsError::Count { messages, places });
    assert_eq!(verify(&proof, &shown(), &[1], None), count(2, 1));
    assert_eq!(verify(&proof, &[], &[1, 3], None), count(0, 2));
    for places in [[1, 5], [1, usize::MAX]] {
        let place = places[1];
        assert_eq!(
            verify(&proof, &shown(), &places, None),
            Err(BbsError::Place { place, messages: 5 })
        );
    }
    for places in [[3, 1], [1, 1]] {
        assert_eq!(
            verify(&proof, &shown(), &places, None),
            Err(BbsError::Place {
                place: 1,
                messages: 5
            })
        );
    }
}

#[test]
fn refuses_proofs_of_any_other_length_and_identities_in_them() {
    let proof = derived(None, &signed()).unwrap();
    for length in 0..proof.len() {
        assert!(
            verify(&proof[..length], &shown(), &[1, 3], None).is_err(),
            "{length}"
        );
    }
    let longer = [proof.as_slice(), &[1]].concat();
    assert!(matches!(
        verify(&longer, &shown(), &[1, 3], None),
        Err(BbsError::Length { .. })
    ));
    // With Abar and Bbar the identity, the pairing holds under every key.
    for point in 0..3 {
        let mut forged = proof.clone();
        forged[48 * point..48 * (point + 1)].fill(0);
        forged[48 * point] = 0xc0;
        assert_eq!(
            verify(&forged, &shown(), &[1, 3], None),
            Err(BbsError::Identity { what: "proof" })
        );
    }
    let mut zero = proof.clone();
    zero[144..176].fill(0);
    assert_eq!(
        verify(&zero, &shown(), &[1, 3], None),
        Err(BbsError::Identity { what: "proof" })
    );
    let mut beyond = proof;
    beyond[144..176].fill(0xff);
    assert_eq!(
        verify(&beyond, &shown(), &[1, 3], None),
        Err(BbsError::Encoding { what: "proof" })
    );
}

#[test]
fn a_bound_signature_needs_the_holders_secret() {
    let (commitment, blind) = commit(b"secret").unwrap();
    let messages = messages();
    let input = BbsInput::new(HEADER, &messages)
        .unwrap()
        .bound_to(&commitment)
        .unwrap();
    let signature = key().sign_bbs(&input).unwrap();
    let holder = |secret| {
        Some(HolderSecret {
            secret,
            blind: &blind,
        })
    };

    let proof = derived(holder(b"secret"), signature.as_bytes()).unwrap();
    assert_eq!(verify(&proof, &shown(), &[1, 3], Some(5)), Ok(()));
    let stolen = derived(holder(b"guess"), signature.as_bytes()).unwrap();
    assert_eq!(
        verify(&stolen, &shown(), &[1, 3], Some(5)),
        Err(BbsError::Mismatch)
    );
    // The feature is bound by the hash domain: the same bytes do not hold without it.
    let unbound = derived(None, signature.as_bytes()).unwrap();
    assert_eq!(
        verify(&unbound, &shown(), &[1, 3], None),
        Err(BbsError::Mismatch)
    );
    for stated in [0, 4, 6, usize::MAX] {
        assert_eq!(
            verify(&proof, &shown(), &[1, 3], Some(stated)),
            Err(BbsError::Stated { stated, found: 5 })
        );
    }
    assert_eq!(
        verify(&proof, &shown(), &[1, 5], Some(5)),
        Err(BbsError::Place {
            place: 5,
            messages: 5
        })
    );
}

#[test]
fn refuses_a_commitment_made_without_knowing_the_secret() {
    let (mut commitment, _) = commit(b"secret").unwrap();
    commitment[60] ^= 1;
    let messages = messages();
    let input = BbsInput::new(HEADER, &messages)
        .unwrap()
        .bound_to(&commitment)
        .unwrap();
    assert!(matches!(
        key().sign_bbs(&input),
        Err(SignError::Holder { .. })
    ));
    let unbound = BbsInput::new(HEADER, &messages).unwrap();
    assert!(matches!(
        unbound.bound_to(&commitment[..143]),
        Err(BbsError::Length { .. })
    ));
}

#[test]
fn refuses_more_messages_than_are_handled() {
    let many = vec![Vec::new(); MAX_MESSAGES + 1];
    let found = MAX_MESSAGES + 1;
    assert_eq!(
        BbsInput::new(HEADER, &many).err(),
        Some(BbsError::TooMany { found })
    );
    let proof = vec![0x81; 3 * 48 + 32 * (4 + found)];
    assert_eq!(
        verify(&proof, &[], &[], None),
        Err(BbsError::TooMany { found })
    );
}

#[test]
fn only_p256_signs_the_base_of_an_ecdsa_sd_proof() {
    let statements = StatementKey::from_seed(&Zeroizing::new([9; 32])).unwrap();
    let bytes = statements.multikey_bytes();
    assert_eq!(
        PublicKey::from_statement_key(bytes).as_ref(),
        Ok(statements.public_key())
    );
    assert_eq!(
        PublicKey::from_statement_key(&bytes[2..]).err(),
        Some(KeyError::UnknownCodec)
    );
    let input = SelectiveBaseInput::new(&[1; 32], statements.public_key(), &[2; 32]).unwrap();
    assert_eq!(
        input.as_bytes(),
        [[1; 32].as_slice(), bytes, &[2; 32]].concat()
    );

    for key_type in [KeyType::Ed25519, KeyType::P384, KeyType::Bls12381G2] {
        let key = PrivateKey::from_seed(key_type, &vec![7; key_type.secret_len()]).unwrap();
        assert!(matches!(
            key.sign_selective_base(&input),
            Err(SignError::KeyType { .. })
        ));
        assert!(SelectiveBaseInput::new(&[1; 32], key.public_key(), &[2; 32]).is_err());
    }
    let key = PrivateKey::from_seed(KeyType::P256, &[7; 32]).unwrap();
    let signature = key.sign_selective_base(&input).unwrap();
    assert_eq!(
        key.public_key()
            .verify(input.as_bytes(), signature.as_bytes()),
        Ok(())
    );
    let signature = statements.sign_statement("_:a <b:c> _:d .\n").unwrap();
    assert_eq!(
        statements
            .public_key()
            .verify(b"_:a <b:c> _:d .\n", signature.as_bytes()),
        Ok(())
    );
}
