//! Who acts on the ledger, with which keys.

use chop_did::build::GenesisDraft;
use chop_did::control::KeySet;
use chop_did::{ChopDid, Class, Document, UpdateKeys};
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use serde_json::{Value, json};

/// A DID with its keys; the key `#key-1` serves every relationship, `update` is the update key.
pub(crate) struct Party {
    pub(crate) did: ChopDid,
    pub(crate) update: PrivateKey,
    pub(crate) next: PrivateKey,
    pub(crate) key: PrivateKey,
}

impl Party {
    pub(super) fn new(genesis: impl FnOnce(&GenesisDraft) -> ChopDid, seed: u8) -> Self {
        let (update, next, key) = (private(seed, 1), private(seed, 2), private(seed, 3));
        let did = genesis(&draft(seed));
        Self {
            did,
            update,
            next,
            key,
        }
    }
}

pub(super) fn private(seed: u8, purpose: u8) -> PrivateKey {
    let mut bytes = [purpose; 32];
    bytes[0] = seed;
    PrivateKey::from_seed(KeyType::Ed25519, &bytes).unwrap()
}

pub(super) fn update_keys(current: &PublicKey, next: &PublicKey) -> UpdateKeys {
    let set = |key: &PublicKey| KeySet::new([key.clone()], 1).unwrap();
    UpdateKeys {
        current: set(current),
        next: Some(set(next).commitment()),
    }
}

pub(super) fn draft(seed: u8) -> GenesisDraft {
    let keys = update_keys(private(seed, 1).public_key(), private(seed, 2).public_key());
    GenesisDraft::own_keys(Class::Organisation, keys, [seed; 16]).with_document(document(&json!([
        method("#key-1", private(seed, 3).public_key())
    ])))
}

/// A verification method with a relative id.
pub(crate) fn method(id: &str, key: &PublicKey) -> Value {
    json!({ "id": id, "type": "Multikey", "publicKeyMultibase": key.multikey() })
}

/// A document whose methods serve everything that signs.
pub(crate) fn document(methods: &Value) -> Document {
    let ids: Vec<_> = methods
        .as_array()
        .unwrap()
        .iter()
        .map(|method| method["id"].clone())
        .collect();
    Document::parse(json!({
        "verificationMethod": methods, "authentication": ids, "assertionMethod": ids, "capabilityInvocation": ids,
    }))
    .unwrap()
}
