use proptest::prelude::*;

use super::*;
use crate::canonicalize;

const TYPES: [KeyType; 3] = [KeyType::Ed25519, KeyType::P256, KeyType::P384];

/// A document without `@context`, as envelopes are.
fn named(name: &str) -> Map<String, Value> {
    let mut document = credential();
    document.remove("@context");
    document.insert("name".to_owned(), Value::from(name));
    document
}

#[test]
fn refuses_a_proof_that_the_text_alone_does_not_settle() {
    let key = key(KeyType::Ed25519);
    let text = canonicalize(&named("a")).unwrap();
    let with = |member: &str, value: Value| {
        let mut proof = options(&key).configuration(None);
        proof.insert(member.to_owned(), value);
        signing_input_of_text(&text, &proof, key.public_key()).unwrap_err()
    };
    assert_eq!(with("@context", json!("urn:a")), ProofError::Context);
    let previous = with("previousProof", json!("urn:a"));
    assert!(matches!(previous, ProofError::Previous { .. }));
    let mut proof = signed(&named("a"), &options(&key), &key);
    proof.insert("unknown".to_owned(), json!(1));
    let unknown = verify_text(&text, &proof, key.public_key()).unwrap_err();
    assert!(matches!(unknown, ProofError::Unknown { .. }));
}

proptest! {
    #[test]
    fn signs_and_verifies_as_if_the_text_were_the_document(
        name in ".{0,40}",
        signed_name in ".{0,40}",
        of in 0_usize..3,
        stray in prop::option::of(("[a-z]{1,12}|@context|created|previousProof", ".{0,3}")),
    ) {
        let key = key(TYPES[of]);
        let document = named(&name);
        let text = canonicalize(&document).unwrap();
        let configuration = options(&key).configuration(None);
        prop_assert_eq!(
            signing_input_of_text(&text, &configuration, key.public_key()).unwrap(),
            signing_input(&document, &[], &configuration, key.public_key()).unwrap()
        );
        let sign = |text: &[u8]| {
            sign_text(text, &options(&key), key.public_key(), |input| key.sign_credential(input)).unwrap()
        };
        // One of the document itself, one of another, and either with a member that was not signed.
        for mut proof in [sign(&text), sign(&canonicalize(&named(&signed_name)).unwrap())] {
            if let Some((member, value)) = &stray {
                proof.insert(member.clone(), Value::from(value.as_str()));
            }
            prop_assert_eq!(
                verify_text(&text, &proof, key.public_key()),
                verify(&document, &proof, key.public_key(), Rule::Ledger)
            );
        }
        prop_assert_eq!(verify_text(&text, &sign(&text), key.public_key()), Ok(()));
    }
}
