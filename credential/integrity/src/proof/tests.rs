mod prepared;
mod refusals;
mod text;
mod vectors;

use chop_keys::{KeyType, PrivateKey, Signer};
use serde_json::{Map, Value, json};

use super::*;

fn key(key_type: KeyType) -> PrivateKey {
    PrivateKey::from_seed(key_type, &vec![7; key_type.secret_len()]).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn credential() -> Map<String, Value> {
    object(json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://example.org/v1"],
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "credentialSubject": {"id": "did:example:subject", "mass": 12.5, "count": 3, "note": "ä\u{1f600}\n"}
    }))
}

fn options(key: &PrivateKey) -> ProofOptions {
    ProofOptions::new(
        JcsSuite::for_key(key.public_key().key_type())
            .unwrap()
            .name(),
        key.public_key().did_key_url(),
        "assertionMethod",
    )
}

fn signed(
    document: &Map<String, Value>,
    options: &ProofOptions,
    key: &PrivateKey,
) -> Map<String, Value> {
    sign(document, options, key.public_key(), |input| {
        key.sign_credential(input)
    })
    .unwrap()
}
