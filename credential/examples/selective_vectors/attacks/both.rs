//! Attacks on what both suites have.

use super::{changed, refused, under};
use crate::Case;
use crate::value::{Parts, with_bytes, with_parts};
use chop_keys::{KeyType, PrivateKey, Signer};
use ciborium::Value as Cbor;
use serde_json::{Value, json};

/// What can be done to either suite; the label map and the mandatory indexes stand in these components.
#[expect(clippy::too_many_lines, reason = "one attack after another")]
pub(super) fn of_both(
    suite: &str,
    case: &Case<'_>,
    labels: usize,
    mandatory: usize,
    mismatch: &str,
) {
    let derived = &case.derived;
    let refuse =
        |name: &str, input: &Value, rule: &str| refused(&format!("{suite}-{name}"), input, rule);
    let document = |name: &str, rule: &str, change: fn(&mut Value)| {
        refuse(name, &changed(derived, change), rule);
    };
    let value = |name: &str, rule: &str, spoil: &dyn Fn(&mut Parts)| {
        refuse(name, &with_parts(derived, |parts| spoil(parts)), rule);
    };
    let bytes = |name: &str, rule: &str, spoil: fn(&mut Vec<u8>)| {
        let mut bytes = Parts::of(derived).bytes();
        spoil(&mut bytes);
        refuse(name, &with_bytes(derived, &bytes), rule);
    };

    refuse(
        "base-proof-shown",
        &Value::Object(case.base.clone()),
        "selective.base-proof",
    );
    document("statement-added", "selective.signature-count", |vc| {
        vc["credentialSubject"]["grade"] = json!("A");
    });
    document("statement-removed", "selective.mandatory-index", |vc| {
        vc["credentialSubject"]
            .as_object_mut()
            .unwrap()
            .remove("alumniOf");
    });
    document("mandatory-altered", mismatch, |vc| {
        vc["validUntil"] = json!("2099-01-01T00:00:00Z");
    });
    document("options-altered", mismatch, |vc| {
        vc["proof"]["created"] = json!("2026-11-02T00:00:00Z");
    });
    document("context-added", mismatch, |vc| {
        vc["@context"]
            .as_array_mut()
            .unwrap()
            .push(json!({"@vocab": "https://attacker.example/#"}));
    });
    document("type-added", "selective.signature-count", |vc| {
        vc["type"].as_array_mut().unwrap().push(json!("Extra"));
    });
    document("purpose-of-other", "proof.purpose", |vc| {
        vc["proof"]["proofPurpose"] = json!("authentication");
    });
    document("value-missing", "proof.malformed", |vc| {
        vc["proof"].as_object_mut().unwrap().remove("proofValue");
    });
    document("value-base58", "proof.malformed", |vc| {
        vc["proof"]["proofValue"] = json!("z2V0BhVhA");
    });
    document("value-padded", "proof.malformed", |vc| {
        let text = format!("{}=", vc["proof"]["proofValue"].as_str().unwrap());
        vc["proof"]["proofValue"] = json!(text);
    });
    document("value-too-long", "selective.too-long", |vc| {
        vc["proof"]["proofValue"] = json!(format!("u{}", "A".repeat(131_072)));
    });
    document("chained", "selective.chained", |vc| {
        let earlier = json!({"id": "urn:uuid:6f1d7c9c-2f0e-4f39-9d5c-0a3b8a5d8e11", "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022"});
        let mut proof = vc["proof"].clone();
        proof["previousProof"] = earlier["id"].clone();
        vc["proof"] = json!([proof, earlier]);
    });
    for (name, key_type, seed) in [
        ("p384", KeyType::P384, 48),
        ("ed25519", KeyType::Ed25519, 32),
    ] {
        let key = PrivateKey::from_seed(key_type, &vec![9; seed]).unwrap();
        refuse(
            &format!("key-{name}"),
            &under(derived, key.public_key()),
            "proof.key-type",
        );
    }
    let other = PrivateKey::from_seed(case.key.public_key().key_type(), &[12; 32]).unwrap();
    refuse(
        "key-of-other",
        &under(derived, other.public_key()),
        mismatch,
    );

    value("header-unknown", "selective.header", &|parts| {
        parts.header[2] = 0x0a;
    });
    value("header-without-tag", "selective.header", &|parts| {
        parts.header[0] = 0xd8;
    });
    value("component-missing", "selective.components", &|parts| {
        parts.components.pop();
    });
    value("component-added", "selective.components", &|parts| {
        parts.components.push(Cbor::Bytes(vec![1]));
    });
    value("component-of-other-type", "selective.cbor", &|parts| {
        parts.components[0] = Cbor::Text("a".to_owned());
    });
    value("component-tagged", "selective.cbor-tag", &|parts| {
        parts.components[0] = Cbor::Tag(64, Box::new(parts.components[0].clone()));
    });
    bytes("trailing-byte", "selective.cbor-trailing", |bytes| {
        bytes.push(0);
    });
    bytes("indefinite-length", "selective.cbor-indefinite", |bytes| {
        bytes[3] = 0x9f;
        bytes.push(0xff);
    });
    bytes(
        "length-not-shortest",
        "selective.cbor-not-shortest",
        |bytes| {
            let count = bytes[3] & 0x1f;
            bytes.splice(3..4, [0x98, count]);
        },
    );
    bytes("truncated", "selective.cbor", |bytes| {
        bytes.truncate(bytes.len() - 1);
    });
    bytes("header-alone", "selective.cbor", |bytes| bytes.truncate(3));

    value("labels-collide", "selective.repeated-label", &|parts| {
        parts.map(labels)[1].1 = parts.map(labels)[0].1.clone();
    });
    value(
        "label-numbered-twice",
        "selective.repeated-label",
        &|parts| parts.map(labels)[1].0 = parts.map(labels)[0].0.clone(),
    );
    value(
        "label-skips-a-number",
        "selective.repeated-label",
        &|parts| parts.map(labels).last_mut().unwrap().0 = Cbor::from(99),
    );
    value("label-missing", "selective.labels", &|parts| {
        parts.map(labels).pop();
    });
    value("label-of-no-node", "selective.labels", &|parts| {
        let number = parts.map(labels).len();
        let mut label = parts.map(labels)[0].1.clone();
        match &mut label {
            Cbor::Bytes(bytes) => bytes[0] ^= 1,
            other => *other = Cbor::from(99),
        }
        parts
            .map(labels)
            .push((Cbor::from(u64::try_from(number).unwrap()), label));
    });
    value("labels-swapped", mismatch, &|parts| {
        let (first, second) = (
            parts.map(labels)[0].1.clone(),
            parts.map(labels)[1].1.clone(),
        );
        parts.map(labels)[0].1 = second;
        parts.map(labels)[1].1 = first;
    });
    value(
        "mandatory-index-outside",
        "selective.mandatory-index",
        &|parts| parts.array(mandatory).push(Cbor::from(4_000)),
    );
    value("mandatory-indexes-repeated", "selective.order", &|parts| {
        let last = parts.array(mandatory).last().unwrap().clone();
        parts.array(mandatory).push(last);
    });
    value(
        "mandatory-indexes-descending",
        "selective.order",
        &|parts| parts.array(mandatory).reverse(),
    );
    value("mandatory-index-negative", "selective.cbor", &|parts| {
        parts.array(mandatory)[0] = Cbor::from(-1);
    });
    value(
        "mandatory-withheld",
        "selective.signature-count",
        &|parts| {
            parts.array(mandatory).pop();
        },
    );
}
