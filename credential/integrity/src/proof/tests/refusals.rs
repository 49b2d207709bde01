//! Round trips, what the signature covers, and what is refused.

use chop_keys::VerifyError;
use proptest::prelude::*;

use super::*;

const TYPES: [KeyType; 3] = [KeyType::Ed25519, KeyType::P256, KeyType::P384];

fn verified(
    document: &Map<String, Value>,
    proof: &Map<String, Value>,
    key: &PrivateKey,
    rule: Rule,
) -> Result<(), ProofError> {
    verify(document, proof, key.public_key(), rule)
}

#[test]
fn verifies_what_it_signed_and_ignores_the_documents_own_proof() {
    for key in TYPES.map(key) {
        let mut document = credential();
        let proof = signed(&document, &options(&key), &key);
        document.insert("proof".to_owned(), Value::Object(proof.clone()));

        assert_eq!(verified(&document, &proof, &key, Rule::Credential), Ok(()));
        assert_eq!(verified(&document, &proof, &key, Rule::Ledger), Ok(()));
    }
}

#[test]
fn refuses_a_change_of_any_member_of_document_or_proof() {
    let key = key(KeyType::Ed25519);
    let mut options = options(&key);
    options.id = Some("urn:uuid:1".to_owned());
    options.created = Some("2026-11-21T08:00:00Z".to_owned());
    options.expires = Some("2027-11-21T08:00:00Z".to_owned());
    options.domain = vec!["a".to_owned(), "b".to_owned()];
    options.challenge = Some("c".to_owned());
    options.nonce = Some("n".to_owned());
    let proof = signed(&credential(), &options, &key);
    assert_eq!(
        verified(&credential(), &proof, &key, Rule::Credential),
        Ok(())
    );

    for member in credential().keys() {
        let mut document = credential();
        document.insert(member.clone(), json!("2020-01-01T00:00:00Z"));
        assert!(
            verified(&document, &proof, &key, Rule::Credential).is_err(),
            "{member}"
        );
        document.remove(member);
        assert!(
            verified(&document, &proof, &key, Rule::Credential).is_err(),
            "{member}"
        );
    }
    for member in proof.keys() {
        let mut changed = proof.clone();
        changed.insert(member.clone(), json!("2020-01-01T00:00:00Z"));
        assert!(
            verified(&credential(), &changed, &key, Rule::Credential).is_err(),
            "{member}"
        );
        changed.remove(member);
        assert!(
            verified(&credential(), &changed, &key, Rule::Credential).is_err(),
            "{member}"
        );
    }
    let mut document = credential();
    document.insert("added".to_owned(), Value::Null);
    assert!(verified(&document, &proof, &key, Rule::Credential).is_err());
    let mut changed = proof;
    changed.insert("added".to_owned(), Value::Null);
    assert!(verified(&credential(), &changed, &key, Rule::Credential).is_err());
}

#[test]
fn takes_contexts_appended_to_a_credential_and_tells_of_them() {
    let key = key(KeyType::Ed25519);
    let proof = signed(&credential(), &options(&key), &key);
    let mut extended = credential();
    extended["@context"]
        .as_array_mut()
        .unwrap()
        .push(json!("https://example.org/v2"));

    assert!(!context_extends(&credential(), &proof));
    assert!(context_extends(&extended, &proof));
    assert_eq!(verified(&extended, &proof, &key, Rule::Credential), Ok(()));
    assert_eq!(
        verified(&extended, &proof, &key, Rule::Ledger),
        Err(ProofError::Context)
    );
}

#[test]
fn refuses_contexts_put_first_taken_away_or_swapped() {
    let key = key(KeyType::Ed25519);
    let proof = signed(&credential(), &options(&key), &key);
    let of = |context: Value| {
        let mut document = credential();
        document.insert("@context".to_owned(), context);
        document
    };
    for context in [
        json!([
            "https://example.org/v0",
            "https://www.w3.org/ns/credentials/v2",
            "https://example.org/v1"
        ]),
        json!(["https://www.w3.org/ns/credentials/v2"]),
        json!([
            "https://example.org/v1",
            "https://www.w3.org/ns/credentials/v2"
        ]),
        json!("https://www.w3.org/ns/credentials/v2"),
        json!([]),
    ] {
        assert_eq!(
            verified(&of(context), &proof, &key, Rule::Credential),
            Err(ProofError::Context)
        );
    }
    let mut without = credential();
    without.remove("@context");
    assert_eq!(
        verified(&without, &proof, &key, Rule::Credential),
        Err(ProofError::Context)
    );
}

#[test]
fn verifies_a_proof_without_context_of_a_document_with_one() {
    let key = key(KeyType::Ed25519);
    let configuration = options(&key).configuration(None);
    let input = signing_input(&credential(), &[], &configuration, key.public_key()).unwrap();
    let mut proof = configuration;
    let signature = key.sign_credential(&input).unwrap();
    let value = format!("z{}", bs58::encode(signature.as_bytes()).into_string());
    proof.insert("proofValue".to_owned(), Value::from(value));

    assert_eq!(
        verified(&credential(), &proof, &key, Rule::Credential),
        Ok(())
    );
    let mut changed = credential();
    changed["@context"].as_array_mut().unwrap().pop();
    assert_eq!(
        verified(&changed, &proof, &key, Rule::Credential),
        Err(VerifyError::Mismatch.into())
    );
}

#[test]
fn binds_a_proof_to_the_previous_proofs_that_it_names() {
    let key = key(KeyType::Ed25519);
    let mut first_options = options(&key);
    first_options.id = Some("urn:proof-1".to_owned());
    let first = signed(&credential(), &first_options, &key);
    let mut second_options = options(&key);
    second_options.previous_proof = vec!["urn:proof-1".to_owned()];
    let second = sign_after(
        &credential(),
        &[&first],
        &second_options,
        key.public_key(),
        |input| key.sign_credential(input),
    )
    .unwrap();

    let check = |previous: &[&Map<String, Value>]| {
        verify_after(
            &credential(),
            previous,
            &second,
            key.public_key(),
            Rule::Credential,
        )
    };
    assert_eq!(check(&[&first]), Ok(()));
    assert!(matches!(check(&[]), Err(ProofError::Previous { .. })));
    assert!(matches!(
        check(&[&second]),
        Err(ProofError::Previous { .. })
    ));
    let mut other = first.clone();
    other.insert("created".to_owned(), json!("2026-11-21T08:00:00Z"));
    assert_eq!(check(&[&other]), Err(VerifyError::Mismatch.into()));
    // The document that is signed holds the previous proofs as an array, one alone too.
    let mut with_proof = credential();
    with_proof.insert("claimed".to_owned(), json!([first]));
    let text = String::from_utf8(crate::canonicalize(&with_proof).unwrap()).unwrap();
    let hashed = text.replace("\"claimed\":", "\"proof\":");
    let moved: Value = serde_json::from_str(&hashed).unwrap();
    let input = signing_input(&credential(), &[&first], &second, key.public_key()).unwrap();
    let expected = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        crate::canonicalize(&moved).unwrap(),
    ));
    assert_eq!(input.as_bytes()[32..], expected[..]);
}

#[test]
fn refuses_malformed_proofs() {
    let key = key(KeyType::Ed25519);
    let proof = signed(&credential(), &options(&key), &key);
    let with = |member: &str, value: Value| {
        let mut changed = proof.clone();
        changed.insert(member.to_owned(), value);
        verified(&credential(), &changed, &key, Rule::Credential).unwrap_err()
    };

    assert!(matches!(
        with("type", json!("Ed25519Signature2018")),
        ProofError::Type { .. }
    ));
    assert!(matches!(
        with("type", json!("Ed25519Signature2020")),
        ProofError::Unknown { .. }
    ));
    assert!(matches!(
        with("type", json!(["DataIntegrityProof"])),
        ProofError::Shape { .. }
    ));
    assert!(matches!(
        with("cryptosuite", json!("eddsa-rdfc-2022")),
        ProofError::Suite { .. }
    ));
    assert!(matches!(
        with("cryptosuite", json!("ecdsa-jcs-2019")),
        ProofError::KeyType { .. }
    ));
    assert!(matches!(
        with("verificationMethod", json!({})),
        ProofError::Shape { .. }
    ));
    assert!(matches!(
        with("proofPurpose", json!(null)),
        ProofError::Shape { .. }
    ));
    assert!(matches!(
        with("created", json!("yesterday")),
        ProofError::Time {
            member: "created",
            ..
        }
    ));
    assert!(matches!(
        with("created", json!(1)),
        ProofError::Shape { .. }
    ));
    assert!(matches!(
        with("expires", json!("2026-13-01T00:00:00Z")),
        ProofError::Time {
            member: "expires",
            ..
        }
    ));
    assert!(matches!(
        with("domain", json!([1])),
        ProofError::Shape { .. }
    ));
    assert!(matches!(
        with("previousProof", json!({})),
        ProofError::Shape { .. }
    ));
    assert!(matches!(
        with("previousProof", json!("urn:none")),
        ProofError::Previous { .. }
    ));
    for value in [
        json!(1),
        json!(""),
        json!("z"),
        json!("zz"),
        json!("u"),
        json!("z0OIl"),
    ] {
        with("proofValue", value);
    }
    let value = proof["proofValue"].as_str().unwrap();
    for text in [
        value[1..].to_owned(),
        format!("z1{}", &value[1..]),
        format!("{value}1"),
        value[..value.len() - 1].to_owned(),
        format!("{value} "),
        format!("z{}", "z".repeat(1_000_000)),
    ] {
        with("proofValue", json!(text));
    }
    for member in [
        "type",
        "cryptosuite",
        "verificationMethod",
        "proofPurpose",
        "proofValue",
    ] {
        let mut changed = proof.clone();
        changed.remove(member);
        assert_eq!(
            verified(&credential(), &changed, &key, Rule::Credential),
            Err(ProofError::Missing { member })
        );
    }
}

#[test]
fn refuses_unknown_members_and_high_signatures_on_the_ledger_only() {
    for key in TYPES.map(key) {
        let mut configuration = options(&key).configuration(credential().get("@context"));
        configuration.insert("extra".to_owned(), json!(true));
        let input = signing_input(&credential(), &[], &configuration, key.public_key()).unwrap();
        let signature = key.sign_credential(&input).unwrap();
        let mut proof = configuration;
        let value = format!("z{}", bs58::encode(signature.as_bytes()).into_string());
        proof.insert("proofValue".to_owned(), Value::from(value));

        assert_eq!(
            verified(&credential(), &proof, &key, Rule::Credential),
            Ok(())
        );
        assert!(matches!(
            verified(&credential(), &proof, &key, Rule::Ledger),
            Err(ProofError::Unknown { .. })
        ));
    }
}

#[test]
fn refuses_the_high_twin_on_the_ledger_and_takes_it_on_a_credential() {
    let key = key(KeyType::P256);
    let mut proof = signed(&credential(), &options(&key), &key);
    let text = proof["proofValue"].as_str().unwrap();
    let mut signature = bs58::decode(&text[1..]).into_vec().unwrap();
    negate_p256(&mut signature[32..]);
    let value = format!("z{}", bs58::encode(&signature).into_string());
    proof.insert("proofValue".to_owned(), Value::from(value));

    assert_eq!(
        verified(&credential(), &proof, &key, Rule::Credential),
        Ok(())
    );
    assert_eq!(
        verified(&credential(), &proof, &key, Rule::Ledger),
        Err(VerifyError::HighS.into())
    );
}

/// s ← n − s.
fn negate_p256(s: &mut [u8]) {
    let order = data_encoding::HEXLOWER
        .decode(b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        .unwrap();
    let mut borrow = 0;
    for (byte, n) in s.iter_mut().zip(order).rev() {
        let difference = i16::from(n) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = difference.to_le_bytes()[0];
    }
}

#[test]
fn refuses_to_sign_with_a_suite_of_another_key_or_a_time_that_is_none() {
    let key = key(KeyType::P256);
    let mut options = options(&key);
    options.created = Some("today".to_owned());
    let try_sign = |options: &ProofOptions| {
        sign(&credential(), options, key.public_key(), |input| {
            key.sign_credential(input)
        })
        .unwrap_err()
    };
    assert!(matches!(try_sign(&options), ProofError::Time { .. }));
    options.created = None;
    options.cryptosuite = JcsSuite::EddsaJcs2022.name();
    assert!(matches!(try_sign(&options), ProofError::KeyType { .. }));
}

#[test]
fn gives_the_members_of_a_proof_as_types() {
    let key = key(KeyType::Ed25519);
    let mut options = options(&key);
    options.created = Some("2026-11-21T08:00:00+01:00".to_owned());
    options.domain = vec!["a".to_owned()];
    options.nonce = Some("n".to_owned());
    let proof = signed(&credential(), &options, &key);

    let view = Proof::parse(&proof).unwrap();

    assert_eq!(
        view.created().unwrap().to_string(),
        "2026-11-21T07:00:00.000Z"
    );
    assert_eq!(view.expires(), None);
    assert_eq!(view.domain(), ["a"]);
    assert_eq!(view.previous_proof(), Vec::<&str>::new());
    assert_eq!(view.nonce(), Some("n"));
    assert_eq!(view.proof_purpose(), "assertionMethod");
    assert_eq!(view.verification_method(), key.public_key().did_key_url());
    assert_eq!(view.signature(KeyType::Ed25519).unwrap().len(), 64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_changed_bit_of_the_proof_value_fails(bit in 0_usize..512, of in 0_usize..3) {
        let key = key(TYPES[of]);
        let mut proof = signed(&credential(), &options(&key), &key);
        let text = proof["proofValue"].as_str().unwrap();
        let mut signature = bs58::decode(&text[1..]).into_vec().unwrap();
        signature[bit / 8] ^= 1 << (bit % 8);
        let value = format!("z{}", bs58::encode(&signature).into_string());
        proof.insert("proofValue".to_owned(), Value::from(value));

        prop_assert!(verified(&credential(), &proof, &key, Rule::Credential).is_err());
        prop_assert!(verified(&credential(), &proof, &key, Rule::Ledger).is_err());
    }
}
