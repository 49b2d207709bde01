//! Keys, times and files.

use chop_integrity::Timestamp;
use chop_keys::{Jwk, KeyType, PrivateKey, PublicKey};
use serde_json::Value;
use std::path::Path;

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn now() -> Timestamp {
    at("2026-11-21T09:00:00.000Z")
}

pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::P256, &[seed; 32]).unwrap()
}

pub(crate) fn key_of(jwk: &Value) -> PublicKey {
    PublicKey::from_jwk(&serde_json::from_value::<Jwk>(jwk.clone()).unwrap()).unwrap()
}

/// Counts up: no two salts are the same, and every run makes the same bytes.
pub(crate) fn randomness() -> impl FnMut() -> [u8; 16] {
    let mut count = 0_u128;
    move || {
        count += 1;
        count.to_be_bytes()
    }
}

pub(crate) fn folder(name: &str) -> Vec<(String, Value)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../conformance/vectors")
        .join(name);
    let mut found: Vec<(String, Value)> = std::fs::read_dir(&path)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
