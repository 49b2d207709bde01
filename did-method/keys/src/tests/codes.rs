use crate::{
    ClaimInput, CodeSecret, CodeSecretError, InputError, KeyType, PrivateKey, ReceiptInput,
    SignError, Signer as _, VoteSignBytes,
};

fn key(key_type: KeyType) -> PrivateKey {
    let mut seed = vec![7; key_type.secret_len()];
    seed[0] = 0;
    PrivateKey::from_seed(key_type, &seed).unwrap()
}

#[test]
fn derives_the_secrets_and_keys_of_codes_as_the_golden_fixture_says() {
    let secret = CodeSecret::derive(&[1; 32], 258);
    let again = CodeSecret::parse(&secret.text()).unwrap();

    assert_eq!(&*secret.text(), "4bdm2b6prrzpauzqqgyrzmiw5u");
    assert_eq!(
        secret.key().unwrap().public_key().multikey(),
        "z6Mki5xqUv3uQUfhDdTAeYQ3NEcLGV7xsDZfX7PuV8nx238e"
    );
    assert_eq!(
        again.key().unwrap().public_key(),
        secret.key().unwrap().public_key()
    );
    assert_ne!(CodeSecret::derive(&[1; 32], 259).text(), secret.text());
    assert_ne!(CodeSecret::derive(&[2; 32], 258).text(), secret.text());
    assert_eq!(format!("{secret:?}"), "CodeSecret");
}

#[test]
fn a_secret_has_one_spelling() {
    let text = CodeSecret::derive(&[1; 32], 0).text().to_string();
    for bad in [
        String::new(),
        text.to_ascii_uppercase(),
        text[1..].to_owned(),
        format!("{text}a"),
        format!("{}1", &text[..25]),
        // The last character carries two spare bits.
        format!("{}b", "a".repeat(25)),
    ] {
        assert_eq!(
            CodeSecret::parse(&bad).err(),
            Some(CodeSecretError),
            "{bad}"
        );
    }
}

#[test]
fn no_receipt_and_no_claim_is_a_vote() {
    let receipt = ReceiptInput::new(&[8; 32], &[17; 32]);
    let claim = ClaimInput::new(&[8; 32]);
    for bytes in [receipt.as_bytes(), claim.as_bytes()] {
        assert_eq!(VoteSignBytes::new(bytes.to_vec()), Err(InputError::NotVote));
        // Nor the two hashes of a Data Integrity proof.
        assert!(![64, 96].contains(&bytes.len()));
    }
    assert_eq!(receipt.as_bytes().len(), 21 + 64);
}

#[test]
fn signs_receipts_and_claims_with_ed25519_alone() {
    let receipt = ReceiptInput::new(&[1; 32], &[2; 32]);
    let claim = ClaimInput::new(&[3; 32]);
    let ed25519 = key(KeyType::Ed25519);
    let verify =
        |message: &[u8], signature: &[u8]| ed25519.public_key().verify_strict(message, signature);
    let signed = ed25519.sign_receipt(&receipt).unwrap();
    assert_eq!(verify(receipt.as_bytes(), signed.as_bytes()), Ok(()));
    let signed = ed25519.sign_claim(&claim).unwrap();
    assert_eq!(verify(claim.as_bytes(), signed.as_bytes()), Ok(()));
    for refused in [
        key(KeyType::P256).sign_receipt(&receipt),
        key(KeyType::P256).sign_claim(&claim),
    ] {
        assert!(matches!(refused, Err(SignError::KeyType { .. })));
    }
}
