//! An issuer of its own, which knows the contexts that it is given and asks no ledger for schemas.

use chop_credential::Contexts;
use chop_credential::issuing::{ProofRequest, issue};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use serde_json::{Value, json};
use std::sync::Arc;

/// Signs a credential with `eddsa-jcs-2022` under a did:key; further contexts come as URL and text.
pub(crate) fn credential(mut credential: Value, further: &[(&str, &str)]) -> Value {
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[9; 32]).unwrap();
    credential["issuer"] = json!(key.public_key().did_key());
    let contexts = Arc::new(Contexts::embedded());
    let contexts = contexts.extended(further.iter().copied()).unwrap();
    let method = key.public_key().did_key_url();
    let now = Timestamp::from_unix_ms(chop_http::clock::now_ms());
    issue(
        credential,
        &contexts,
        &ProofRequest::new(&method, now),
        &key,
    )
    .unwrap()
}
