//! Writes the vectors of status lists and of schemas held by credentials that are missing under `conformance/vectors`; existing
//! files are left as they are.
//!
//! `cargo run -p chop-credential --example status_vectors`
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a generator run by hand: stopping at the first surprise is right"
)]

mod bitstring;
mod certificates;
mod schemas;
mod token;
mod token_cwt;
mod token_x5c;

use chop_credential::Contexts;
use chop_credential::issuing::{ProofRequest, issue};
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use serde_json::{Value, json};
use std::path::Path;

/// When every case is judged.
pub(crate) const NOW: &str = "2026-11-21T09:00:00.000Z";

/// One case: its name, what it shows, the vector, and the refusal with its words, if it is refused.
pub(crate) struct Case {
    name: &'static str,
    description: &'static str,
    vector: Value,
    refusal: Option<(&'static str, &'static str, &'static str)>,
}

impl Case {
    pub(crate) fn accepted(name: &'static str, description: &'static str, vector: Value) -> Self {
        Self {
            name,
            description,
            vector,
            refusal: None,
        }
    }

    /// `words` stand in the detail of the check that refuses.
    pub(crate) fn refused(
        name: &'static str,
        description: &'static str,
        vector: Value,
        (check, words): (&'static str, &'static str),
    ) -> Self {
        Self {
            refusal: Some((check, words, "refused")),
            ..Self::accepted(name, description, vector)
        }
    }

    pub(crate) fn undecided(
        name: &'static str,
        description: &'static str,
        vector: Value,
        (check, words): (&'static str, &'static str),
    ) -> Self {
        Self {
            refusal: Some((check, words, "indeterminate")),
            ..Self::accepted(name, description, vector)
        }
    }
}

fn main() {
    let cases = bitstring::cases()
        .into_iter()
        .chain(token::cases())
        .chain(token_cwt::cases())
        .chain(token_x5c::cases())
        .chain(schemas::cases());
    for case in cases {
        write(case);
    }
}

fn write(case: Case) {
    let mut vector = case.vector;
    vector["description"] = json!(case.description);
    vector["act"] = json!("verify");
    vector["now"] = json!(NOW);
    let kind = match case.refusal {
        None => "valid",
        Some((check, words, outcome)) => {
            vector["refusal"] = json!(check);
            vector["detail"] = json!(words);
            vector["outcome"] = json!(outcome);
            "invalid"
        }
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../conformance/vectors")
        .join(kind)
        .join("credential")
        .join(format!("{}.json", case.name));
    if !path.exists() {
        let text = serde_json::to_string_pretty(&vector).unwrap();
        std::fs::write(path, text + "\n").unwrap();
    }
}

/// The issuer's key is 1; a stranger's, or a delegate's, is 2.
pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap()
}

pub(crate) fn did(seed: u8) -> String {
    key(seed).public_key().did_key()
}

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A credential about somebody, by key 1.
pub(crate) fn unsigned() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "id": "urn:uuid:6a1f64c2-0e1c-4f07-9c8e-4f6d0c5c2f10",
        "issuer": did(1),
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:somebody", "name": "Somebody"},
    })
}

pub(crate) fn sign(document: Value, seed: u8) -> Value {
    let key = key(seed);
    let method = key.public_key().did_key_url();
    let request = ProofRequest::new(&method, time("2026-11-01T00:00:00.000Z"));
    issue(document, &Contexts::embedded(), &request, &key).unwrap()
}
