//! Who signed the operations of a bundle's log: no hash covers the proofs, so each has to hold by itself.

use std::path::PathBuf;

use chop_client::Registry as _;
use chop_did::UpdateKeys;
use chop_did::build::rotate;
use chop_did::control::KeySet;
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_protocol::bundle::DidBundle;
use serde_json::{Value, json};

use crate::bundle::{NOW, START, assert_judged, bundle_of, open};
use crate::ledger::{Party, TestLedger};

#[tokio::test]
async fn signatures_of_every_curve_count_and_of_each_one_spelling() {
    let (ledger, lab) = of_two_curves();
    let made = bundle_of(&ledger, &lab.did, 3).await;
    let root = ledger.trust_root();
    let state = open(&made, root).unwrap().state().unwrap().unwrap();
    // ECDSA signatures differ each time: these files stay as they were made first.
    let file = |folder: &str, name: &str| {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../conformance/vectors")
            .join(folder)
            .join("did-bundle")
            .join(name)
    };
    let case = json!({"description": "operations signed by Ed25519, P-256 and P-384", "trustRoot": root, "nowMs": NOW, "bundle": made,
        "shown": {"versionId": state.version_id(), "height": made.evidence.proof.height().unwrap(),
            "document": state.document().absolute(state.did(), state.controller())}});
    let kept = file("valid", "two-curves.json");
    if std::env::var_os("CHOP_WRITE_VECTORS").is_some() && !kept.exists() {
        std::fs::write(&kept, serde_json::to_string_pretty(&case).unwrap() + "\n").unwrap();
    }
    for (folder, name) in [("valid", "two-curves.json"), ("invalid", "high-s.json")] {
        let text = std::fs::read(file(folder, name)).unwrap();
        assert_judged(folder, name, &serde_json::from_slice(&text).unwrap());
    }
}

/// A laboratory that takes up keys of two more curves.
fn of_two_curves() -> (TestLedger, Party) {
    let ledger = TestLedger::found(START);
    let lab = ledger.create();
    let [p256, p384] = [KeyType::P256, KeyType::P384]
        .map(|kind| PrivateKey::from_seed(kind, &[7; 48][..kind.secret_len()]).unwrap());
    let set = |keys: &[&PrivateKey]| {
        let threshold = u8::try_from(keys.len()).unwrap();
        KeySet::new(keys.iter().map(|key| key.public_key().clone()), threshold).unwrap()
    };
    let steps = [
        (set(&[&lab.next]), set(&[&p256, &p384])),
        (set(&[&p256, &p384]), set(&[&lab.update])),
    ];
    let signers: [&[&dyn Signer]; 2] = [&[&lab.update, &lab.next], &[&lab.next, &p256, &p384]];
    for ((current, next), signers) in steps.into_iter().zip(signers) {
        let state = ledger.did_state(&lab.did);
        let keys = UpdateKeys {
            current,
            next: Some(next.commitment()),
        };
        let operation = rotate(&state, state.document(), &keys).signed_by(signers);
        ledger.operate(&lab, operation.unwrap());
    }
    (ledger, lab)
}

/// Logs whose proofs are others: no hash covers them, so that whoever relays a bundle could change them.
pub(crate) fn altered_proofs(
    good: &DidBundle,
    case: &dyn Fn(&str, &DidBundle) -> Value,
) -> Vec<(&'static str, &'static str, Value)> {
    let changed = |description: &str, change: fn(&mut Value)| {
        let mut bundle = good.clone();
        change(&mut bundle.log[1].operation);
        case(description, &bundle)
    };
    vec![
        (
            "invalid",
            "log-proof-removed",
            changed("an operation comes without its proofs", |operation| {
                operation.as_object_mut().unwrap().remove("proof");
            }),
        ),
        (
            "invalid",
            "log-proof-null",
            changed("the proof of an operation is null", |operation| {
                operation["proof"] = Value::Null;
            }),
        ),
        (
            "invalid",
            "log-proof-empty",
            changed("the list of proofs is empty", |operation| {
                operation["proof"] = json!([]);
            }),
        ),
        (
            "invalid",
            "log-proof-of-another",
            changed("a signature is that of the other key", |operation| {
                operation["proof"][0]["proofValue"] = operation["proof"][1]["proofValue"].clone();
            }),
        ),
        (
            "invalid",
            "log-proof-altered",
            changed("a signature is altered", |operation| {
                operation["proof"][0]["proofValue"] = json!(format!("z{}", "1".repeat(64)));
            }),
        ),
        (
            "invalid",
            "log-proof-member",
            changed("a proof has a member of its own", |operation| {
                operation["proof"][0]["domain"] = json!("orchard.example");
            }),
        ),
        (
            "invalid",
            "log-proof-purpose",
            changed("a proof is for another purpose", |operation| {
                operation["proof"][0]["proofPurpose"] = json!("authentication");
            }),
        ),
        (
            "invalid",
            "log-proof-created",
            changed("a proof names a day that does not exist", |operation| {
                operation["proof"][0]["created"] = json!("2026-02-30T00:00:00Z");
            }),
        ),
        (
            "invalid",
            "log-seq-fraction",
            changed("a number is written with a fraction", |operation| {
                operation["seq"] = json!(1.0);
            }),
        ),
    ]
}
