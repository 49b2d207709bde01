//! Writes did:webvh logs for tests: honest ones, and ones that a forger would write.

use crate::common::{key, public};
use chop_integrity::canonicalize;
use chop_integrity::proof::{self, JcsSuite, ProofOptions};
use chop_keys::{PrivateKey, Signer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A log in the making.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) did: String,
    pub(crate) entries: Vec<Value>,
}

impl Log {
    /// Starts a log at `domain` with the given parameters beside method and scid; `update` signs.
    pub(crate) fn start(domain: &str, update: u8, extra: &Value) -> Self {
        let mut parameters = json!({"method": "did:webvh:1.0", "scid": "{SCID}", "updateKeys": [public(update).multikey()]});
        merge(&mut parameters, extra);
        let did = format!("did:webvh:{{SCID}}:{domain}");
        let preliminary = json!({
            "versionId": "{SCID}", "versionTime": time(1), "parameters": parameters, "state": document(&did),
        });
        let scid = multihash(&canonicalize(&preliminary).unwrap());
        let text = preliminary.to_string().replace("{SCID}", &scid);
        let entry: Value = serde_json::from_str(&text).unwrap();
        let did = did.replace("{SCID}", &scid);
        let mut log = Self {
            did,
            entries: Vec::new(),
        };
        log.push(entry, &key(update));
        log
    }

    /// Adds an entry with these parameters and document, signed by `signer`.
    pub(crate) fn add(&mut self, parameters: &Value, state: &Value, signer: u8) {
        let entry = json!({
            "versionId": self.last_id(), "versionTime": time(self.entries.len() + 1), "parameters": parameters, "state": state,
        });
        self.push(entry, &key(signer));
    }

    /// Chains, signs and appends an entry whose `versionId` is that of its predecessor.
    pub(crate) fn push(&mut self, mut entry: Value, signer: &PrivateKey) {
        let hash = multihash(&canonicalize(&entry).unwrap());
        entry["versionId"] = json!(format!("{}-{hash}", self.entries.len() + 1));
        let proof = sign(entry.as_object().unwrap(), signer);
        entry["proof"] = json!([proof]);
        self.entries.push(entry);
    }

    pub(crate) fn state(&self) -> Value {
        document(&self.did)
    }

    pub(crate) fn last_id(&self) -> String {
        self.entries.last().unwrap()["versionId"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// A witness record for the last entry, with one proof per witness named.
    pub(crate) fn witnessed_by(&self, witnesses: &[u8]) -> Value {
        let document = json!({"versionId": self.last_id()});
        let proofs: Vec<Value> = witnesses
            .iter()
            .map(|seed| sign(document.as_object().unwrap(), &key(*seed)))
            .collect();
        json!({"versionId": self.last_id(), "proof": proofs})
    }
}

pub(crate) fn witness(threshold: usize, seeds: &[u8]) -> Value {
    let ids: Vec<Value> = seeds
        .iter()
        .map(|seed| json!({"id": public(*seed).did_key()}))
        .collect();
    json!({"witness": {"threshold": threshold, "witnesses": ids}})
}

pub(crate) fn key_hash(seed: u8) -> String {
    multihash(public(seed).multikey().as_bytes())
}

pub(crate) fn document(did: &str) -> Value {
    json!({"@context": ["https://www.w3.org/ns/did/v1"], "id": did})
}

fn time(day: usize) -> String {
    format!("2026-10-{day:02}T00:00:00Z")
}

fn multihash(bytes: &[u8]) -> String {
    let prefixed: Vec<u8> = [0x12, 0x20]
        .into_iter()
        .chain(Sha256::digest(bytes))
        .collect();
    bs58::encode(prefixed).into_string()
}

fn sign(document: &Map<String, Value>, signer: &PrivateKey) -> Value {
    let key = signer.public_key();
    let options = ProofOptions {
        created: Some("2026-10-01T00:00:00Z".to_owned()),
        ..ProofOptions::new(
            JcsSuite::EddsaJcs2022.name(),
            key.did_key_url(),
            "assertionMethod",
        )
    };
    Value::Object(
        proof::sign(document, &options, key, |input| {
            signer.sign_credential(input)
        })
        .unwrap(),
    )
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().unwrap() {
        into[name] = value.clone();
    }
}
