//! What may be signed, by which key, and what a key shows of itself.

use crate::{
    CoseSigStructure, DataIntegrityInput, InputError, JwsSigningInput, KeyType, PrivateKey,
    SignError, Signer, VoteSignBytes,
};

const ALL: [KeyType; 4] = [
    KeyType::Ed25519,
    KeyType::P256,
    KeyType::P384,
    KeyType::P521,
];

fn key(key_type: KeyType) -> PrivateKey {
    // The highest byte of a P-521 scalar holds one bit.
    let mut seed = vec![7; key_type.secret_len()];
    seed[0] = 1;
    PrivateKey::from_seed(key_type, &seed).unwrap()
}

#[test]
fn shows_nothing_of_a_private_key() {
    for key_type in ALL {
        let key = key(key_type);

        assert_eq!(
            format!("{key:?}"),
            format!("PrivateKey(of {})", key.public_key())
        );
    }
}

#[test]
fn joins_the_hashes_of_configuration_and_document_in_this_order() {
    let short = DataIntegrityInput::new(&[1; 32], &[2; 32]).unwrap();
    let long = DataIntegrityInput::new(&[1; 48], &[2; 48]).unwrap();

    assert_eq!(short.as_bytes(), [[1; 32], [2; 32]].concat());
    assert_eq!(long.as_bytes(), [[1; 48], [2; 48]].concat());
    for (config, document) in [(32, 48), (48, 32), (0, 0), (64, 64), (31, 31)] {
        assert_eq!(
            DataIntegrityInput::new(&vec![0; config], &vec![0; document]),
            Err(InputError::HashLengths { config, document })
        );
    }
}

#[test]
fn signs_hashes_of_the_length_that_belongs_to_the_key() {
    let short = DataIntegrityInput::new(&[1; 32], &[2; 32]).unwrap();
    let long = DataIntegrityInput::new(&[1; 48], &[2; 48]).unwrap();
    for (key_type, fits, refused) in [
        (KeyType::Ed25519, &short, &long),
        (KeyType::P256, &short, &long),
        (KeyType::P384, &long, &short),
    ] {
        let key = key(key_type);
        for sign in [
            PrivateKey::sign_credential,
            PrivateKey::sign_operation,
            PrivateKey::sign_envelope,
        ] {
            let signature = sign(&key, fits).unwrap();
            assert_eq!(
                key.public_key()
                    .verify_strict(fits.as_bytes(), signature.as_bytes()),
                Ok(())
            );
            assert!(matches!(
                sign(&key, refused),
                Err(SignError::InputLength { .. })
            ));
        }
    }
}

#[test]
fn takes_only_header_and_payload_as_jws() {
    assert!(JwsSigningInput::new("eyJhbGciOiJFUzI1NiJ9.e30").is_ok());
    for text in [
        "",
        ".",
        "eyJ9",
        "eyJ9.",
        ".eyJ9",
        "eyJ9.a.b",
        "eyJ9.a b",
        "eyJ9.é",
        "xyz.abc",
        "eyJ9.YQ==",
    ] {
        assert_eq!(
            JwsSigningInput::new(text),
            Err(InputError::NotJws),
            "{text}"
        );
    }
}

#[test]
fn encodes_the_payload_of_a_jws_as_the_text_has_it() {
    let header = "eyJhbGciOiJFUzI1NiJ9";
    let encoded = JwsSigningInput::of_payload(header, b"{}").unwrap();
    assert_eq!(
        encoded,
        JwsSigningInput::new(format!("{header}.e30")).unwrap()
    );
    for (header, payload) in [
        ("", &b"{}"[..]),
        ("xyz", b"{}"),
        ("eyJ9.e30", b"{}"),
        ("eyJ9=", b"{}"),
        (header, b""),
    ] {
        assert_eq!(
            JwsSigningInput::of_payload(header, payload),
            Err(InputError::NotJws),
            "{header}"
        );
    }
}

#[test]
fn completes_a_token_with_its_signature() {
    let key = key(KeyType::P521);
    let input = JwsSigningInput::of_payload("eyJ9", b"{}").unwrap();
    let signature = key.sign_jws(&input).unwrap();
    let text = data_encoding::BASE64URL_NOPAD.encode(signature.as_bytes());
    assert_eq!(input.into_token(&signature), format!("eyJ9.e30.{text}"));
}

#[test]
fn signs_jws_with_each_key() {
    let input = JwsSigningInput::new("eyJhbGciOiJFUzI1NiJ9.e30").unwrap();
    for key_type in ALL {
        let key = key(key_type);
        let signature = key.sign_jws(&input).unwrap();

        assert_eq!(signature.as_bytes().len(), key_type.signature_len());
        assert_eq!(
            key.public_key()
                .verify(input.as_bytes(), signature.as_bytes()),
            Ok(())
        );
    }
}

#[test]
fn signs_no_proof_with_p521_keys() {
    let input = DataIntegrityInput::new(&[1; 32], &[2; 32]).unwrap();

    assert!(matches!(
        key(KeyType::P521).sign_credential(&input),
        Err(SignError::Purpose {
            found: KeyType::P521,
            ..
        })
    ));
}

#[test]
fn writes_the_sig_structure_of_rfc_9052_with_the_shortest_lengths() {
    for (length, head) in [
        (0, &[0x40][..]),
        (23, &[0x57]),
        (24, &[0x58, 24]),
        (255, &[0x58, 255]),
        (256, &[0x59, 1, 0]),
        (65_535, &[0x59, 255, 255]),
        (65_536, &[0x5a, 0, 1, 0, 0]),
    ] {
        let payload = vec![7; length];
        let input = CoseSigStructure::new(&[0xa1, 0x01, 0x27], &payload).unwrap();
        let start = [
            b"\x84\x6aSignature1".as_slice(),
            &[0x43, 0xa1, 0x01, 0x27, 0x40],
            head,
        ]
        .concat();

        assert_eq!(input.as_bytes(), [start, payload].concat(), "{length}");
    }
}

#[test]
fn takes_only_a_map_with_entries_as_protected_header() {
    for header in [&[][..], &[0xa0], &[0x80], &[0xbf, 0xff], b"{}", &[0x40]] {
        assert_eq!(
            CoseSigStructure::new(header, b"{}"),
            Err(InputError::NotCose)
        );
    }
}

#[test]
fn signs_cose_with_each_key() {
    let input = CoseSigStructure::new(&[0xa1, 0x01, 0x27], b"{}").unwrap();
    for key_type in ALL {
        let key = key(key_type);
        let signature = key.sign_cose(&input).unwrap();

        assert_eq!(signature.as_bytes().len(), key_type.signature_len());
        assert_eq!(
            key.public_key()
                .verify(input.as_bytes(), signature.as_bytes()),
            Ok(())
        );
    }
}

#[test]
fn takes_only_canonical_votes_and_signs_them_with_ed25519_alone() {
    let body = [&[0x08, 0x02, 0x11][..], &[0; 8], &[0x32, 0x01, b'c']].concat();
    let vote = [&[14][..], &body].concat();
    let vote = VoteSignBytes::new(vote).unwrap();

    let signature = key(KeyType::Ed25519).sign_header(&vote).unwrap();

    assert_eq!(
        key(KeyType::Ed25519)
            .public_key()
            .verify(vote.as_bytes(), signature.as_bytes()),
        Ok(())
    );
    assert!(matches!(
        key(KeyType::P256).sign_header(&vote),
        Err(SignError::KeyType {
            found: KeyType::P256,
            ..
        })
    ));
    for bytes in [
        vec![],
        vec![0],
        body.clone(),
        [&[15][..], &body].concat(),
        [&[14, 0x08, 0x20][..], &body[2..]].concat(),
        b"eyJhbGciOiJFZERTQSJ9.e30".to_vec(),
    ] {
        assert_eq!(VoteSignBytes::new(bytes), Err(InputError::NotVote));
    }
}

#[test]
fn takes_a_vote_whose_length_needs_two_bytes() {
    let body = [&[0x08, 0x01, 0x11][..], &[0; 137]].concat();
    let vote = [&[0x8c, 0x01][..], &body].concat();

    assert!(VoteSignBytes::new(vote).is_ok());
}
