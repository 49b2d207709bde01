use proptest::prelude::*;

use super::*;
use crate::canonicalize;

fn prepared(document: &Map<String, Value>, key: &PrivateKey) -> Map<String, Value> {
    let made = PreparedProof::new(&options(key), document.get("@context"), key.public_key())
        .unwrap()
        .sign(&canonicalize(document).unwrap(), |input| {
            key.sign_credential(input)
        })
        .unwrap();
    serde_json::from_slice(&made).unwrap()
}

#[test]
fn a_prepared_proof_verifies_with_every_key_type() {
    for key_type in [KeyType::Ed25519, KeyType::P256, KeyType::P384] {
        let key = key(key_type);
        let proof = prepared(&credential(), &key);
        verify(&credential(), &proof, key.public_key(), Rule::Ledger).unwrap();
    }
}

#[test]
fn a_prepared_proof_is_of_a_suite_that_uses_the_key() {
    let (ours, other) = (key(KeyType::Ed25519), key(KeyType::P256));
    let refused = PreparedProof::new(&options(&ours), None, other.public_key()).unwrap_err();
    assert!(matches!(refused, ProofError::KeyType { .. }), "{refused}");
}

proptest! {
    #[test]
    fn a_prepared_proof_is_the_proof_that_signing_makes(name in ".{0,40}", count in any::<i32>(), created in any::<bool>()) {
        let key = key(KeyType::Ed25519);
        let mut document = credential();
        document.insert("name".to_owned(), Value::from(name));
        document.insert("count".to_owned(), Value::from(count));
        let mut options = options(&key);
        options.created = created.then(|| "2026-11-21T09:00:00Z".to_owned());
        let made = PreparedProof::new(&options, document.get("@context"), key.public_key())
            .unwrap()
            .sign(&canonicalize(&document).unwrap(), |input| key.sign_credential(input))
            .unwrap();
        let made: Map<String, Value> = serde_json::from_slice(&made).unwrap();
        prop_assert_eq!(made, signed(&document, &options, &key));
    }
}
