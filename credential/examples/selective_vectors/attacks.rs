//! Attacks on derived proofs, each with the rule that refuses it.

use super::value::{Parts, with_bytes, with_parts};
use super::{Case, MANDATORY, document, issue, verify, write};
use chop_credential::Contexts;
use chop_credential::rdf::{Budget, RdfHash, canonicalize, to_rdf};
use chop_keys::{KeyType, PrivateKey, PublicKey, Signer};
use ciborium::Value as Cbor;
use serde_json::{Value, json};

fn refused(name: &str, input: &Value, rule: &str) {
    write("invalid", name, &verify(input, Some(rule)));
}

fn changed(credential: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut changed = credential.clone();
    change(&mut changed);
    changed
}

/// What can be done to either suite; the label map and the mandatory indexes stand in these components.
#[expect(clippy::too_many_lines, reason = "one attack after another")]
fn of_both(suite: &str, case: &Case<'_>, labels: usize, mandatory: usize, mismatch: &str) {
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

#[expect(clippy::too_many_lines, reason = "one attack after another")]
pub(crate) fn of_sd(case: &Case<'_>) {
    of_both("sd", case, 3, 4, "selective.base-signature");
    let derived = &case.derived;
    let value = |name: &str, rule: &str, spoil: &dyn Fn(&mut Parts)| {
        refused(
            &format!("sd-{name}"),
            &with_parts(derived, |parts| spoil(parts)),
            rule,
        );
    };
    refused(
        "sd-statement-altered",
        &altered(derived),
        "selective.statement",
    );
    value("signatures-swapped", "selective.statement", &|parts| {
        parts.array(2).swap(0, 1);
    });
    value(
        "signature-duplicated",
        "selective.signature-count",
        &|parts| {
            let first = parts.array(2)[0].clone();
            parts.array(2).push(first);
        },
    );
    value(
        "signature-in-place-of-another",
        "selective.statement",
        &|parts| parts.array(2)[1] = parts.array(2)[0].clone(),
    );
    value("signature-missing", "selective.signature-count", &|parts| {
        parts.array(2).pop();
    });
    value(
        "signatures-all-missing",
        "selective.signature-count",
        &|parts| parts.array(2).clear(),
    );
    value("signature-short", "selective.length", &|parts| {
        parts.array(2)[0].as_bytes_mut().unwrap().pop();
    });
    value("signature-zero", "selective.statement", &|parts| {
        parts.array(2)[0].as_bytes_mut().unwrap().fill(0);
    });
    value(
        "base-signature-zero",
        "selective.base-signature",
        &|parts| parts.blob(0).fill(0),
    );
    value("base-signature-der", "selective.length", &|parts| {
        parts.blob(0).extend([0; 6]);
    });
    value(
        "statement-key-p384-codec",
        "selective.statement-key",
        &|parts| parts.blob(1)[0] = 0x81,
    );
    value(
        "statement-key-no-point",
        "selective.statement-key",
        &|parts| parts.blob(1)[2..].fill(0xff),
    );
    value("statement-key-of-36-bytes", "selective.length", &|parts| {
        parts.blob(1).push(0);
    });
    value("label-short", "selective.length", &|parts| {
        parts.map(3)[0].1.as_bytes_mut().unwrap().pop();
    });
    value(
        "signature-of-statement-made-mandatory",
        "selective.base-signature",
        &|parts| {
            // The first statement that is not mandatory is called so, and its signature left out.
            let first = (0..1_000)
                .find(|index| {
                    !parts.components[4]
                        .as_array()
                        .unwrap()
                        .contains(&Cbor::from(*index))
                })
                .unwrap();
            let indexes = parts.array(4);
            indexes.push(Cbor::from(first));
            indexes.sort_by_key(|index| i128::from(index.as_integer().unwrap()));
            parts.array(2).remove(0);
        },
    );

    // The attacker's own statements, under the attacker's own statement key.
    let attacker = PrivateKey::from_seed(KeyType::P256, &[13; 32]).unwrap();
    let mut own = document(&attacker);
    own["issuer"] = json!(case.key.public_key().did_key());
    own["credentialSubject"]["alumniOf"] = json!("Another School");
    own["issuer"] = json!(attacker.public_key().did_key());
    let forged = issue("ecdsa-sd-2023", &attacker, None, own);
    let forged = Case {
        key: attacker,
        base: forged,
        derived: Value::Null,
        holder: None,
    };
    let forged = Parts::of(&forged.derive(&super::REVEALED, None));
    value(
        "statement-key-of-attacker",
        "selective.base-signature",
        &|parts| {
            parts.components[1] = forged.components[1].clone();
            parts.components[2] = forged.components[2].clone();
        },
    );
    let bls = PrivateKey::from_seed(KeyType::Bls12381G2, &[9; 32]).unwrap();
    refused(
        "sd-key-bls12381",
        &under(derived, bls.public_key()),
        "proof.key-type",
    );
    let renamed = changed(derived, |vc| vc["proof"]["cryptosuite"] = json!("bbs-2023"));
    refused("sd-named-bbs", &renamed, "proof.key-type");
    let plain = changed(derived, |vc| {
        vc["proof"]["cryptosuite"] = json!("ecdsa-jcs-2019");
    });
    refused("sd-named-jcs", &plain, "proof.malformed");
}

#[expect(clippy::too_many_lines, reason = "one attack after another")]
pub(crate) fn of_bbs(case: &Case<'_>, bound: &Case<'_>) {
    of_both("bbs", case, 1, 2, "selective.bbs-mismatch");
    let derived = &case.derived;
    let value = |name: &str, rule: &str, spoil: &dyn Fn(&mut Parts)| {
        refused(
            &format!("bbs-{name}"),
            &with_parts(derived, |parts| spoil(parts)),
            rule,
        );
    };
    let altered = changed(derived, |vc| {
        vc["credentialSubject"]["alumniOf"] = json!("Another School");
    });
    refused("bbs-statement-altered", &altered, "selective.bbs-mismatch");
    value("index-outside", "selective.index", &|parts| {
        *parts.array(3).last_mut().unwrap() = Cbor::from(4_000);
    });
    value("index-of-other", "selective.bbs-mismatch", &|parts| {
        // The first place that can move up by one without meeting the next.
        let number = |place: &Cbor| i128::from(place.as_integer().unwrap());
        let places = parts.array(3);
        let free = places
            .windows(2)
            .position(|pair| number(&pair[0]) + 1 < number(&pair[1]))
            .unwrap();
        places[free] = Cbor::from(u64::try_from(number(&places[free]) + 1).unwrap());
    });
    value("indexes-descending", "selective.order", &|parts| {
        parts.array(3).reverse();
    });
    value("indexes-repeated", "selective.order", &|parts| {
        parts.array(3)[1] = parts.array(3)[0].clone();
    });
    value("index-missing", "selective.signature-count", &|parts| {
        parts.array(3).pop();
    });
    value(
        "presentation-header-replayed",
        "selective.bbs-mismatch",
        &|parts| {
            parts.components[4] = Cbor::Bytes(b"another verifier's nonce".to_vec());
        },
    );
    value(
        "presentation-header-dropped",
        "selective.bbs-mismatch",
        &|parts| parts.blob(4).clear(),
    );
    for (name, point) in [("abar", 0), ("bbar", 1), ("d", 2)] {
        value(
            &format!("identity-{name}"),
            "selective.identity",
            &|parts| {
                let bytes = &mut parts.blob(0)[48 * point..48 * (point + 1)];
                bytes.fill(0);
                bytes[0] = 0xc0;
            },
        );
        value(
            &format!("negated-{name}"),
            "selective.bbs-mismatch",
            &|parts| parts.blob(0)[48 * point] ^= 0x20,
        );
        value(
            &format!("off-curve-{name}"),
            "selective.encoding",
            &|parts| parts.blob(0)[48 * point + 1..48 * (point + 1)].fill(0xff),
        );
        value(
            &format!("uncompressed-{name}"),
            "selective.encoding",
            &|parts| parts.blob(0)[48 * point] &= 0x7f,
        );
    }
    value("scalar-zero", "selective.identity", &|parts| {
        parts.blob(0)[144..176].fill(0);
    });
    value("scalar-beyond-order", "selective.encoding", &|parts| {
        parts.blob(0)[144..176].fill(0xff);
    });
    value("proof-short", "selective.encoding", &|parts| {
        parts.blob(0).pop();
    });
    value("proof-empty", "selective.encoding", &|parts| {
        parts.blob(0).clear();
    });
    value(
        "proof-of-fewer-messages",
        "selective.bbs-mismatch",
        &|parts| {
            parts.blob(0).drain(240..272);
        },
    );
    value(
        "proof-of-too-many-messages",
        "selective.too-many",
        &|parts| parts.blob(0).extend(vec![1; 32 * 600]),
    );
    for (name, last) in [("pseudonym", 7), ("pseudonym-of-bound-holder", 9)] {
        value(name, "selective.feature", &|parts| parts.header[2] = last);
    }
    value("of-sd-suite", "selective.header", &|parts| {
        parts.header[2] = 0x01;
    });
    value("called-bound", "selective.stated-length", &|parts| {
        parts.header[2] = 0x05;
        parts.components.push(Cbor::from(500));
    });
    let p256 = PrivateKey::from_seed(KeyType::P256, &[9; 32]).unwrap();
    refused(
        "bbs-key-p256",
        &under(derived, p256.public_key()),
        "proof.key-type",
    );
    let renamed = changed(derived, |vc| {
        vc["proof"]["cryptosuite"] = json!("ecdsa-sd-2023");
    });
    refused("bbs-named-sd", &renamed, "proof.key-type");
    let plain = changed(derived, |vc| {
        vc["proof"]["cryptosuite"] = json!("ecdsa-jcs-2019");
    });
    refused("bbs-named-jcs", &plain, "proof.key-type");

    let value = |name: &str, rule: &str, spoil: &dyn Fn(&mut Parts)| {
        refused(
            &format!("bbs-bound-{name}"),
            &with_parts(&bound.derived, |parts| spoil(parts)),
            rule,
        );
    };
    value("called-baseline", "selective.bbs-mismatch", &|parts| {
        parts.header[2] = 0x03;
        parts.components.pop();
    });
    value(
        "states-more-messages",
        "selective.stated-length",
        &|parts| parts.components[5] = Cbor::from(500),
    );
    value(
        "states-fewer-messages",
        "selective.stated-length",
        &|parts| parts.components[5] = Cbor::from(0),
    );
    // What the holder committed to must not pass for what the issuer said.
    value(
        "shows-the-holders-commitment",
        "selective.index",
        &|parts| {
            let signed = parts.components[5].clone();
            *parts.array(3).last_mut().unwrap() = signed;
        },
    );
    refused(
        "bbs-bound-base-proof-shown",
        &Value::Object(bound.base.clone()),
        "selective.base-proof",
    );
}

/// What cannot be derived.
pub(crate) fn of_pointers(sd: &Case<'_>, bbs: &Case<'_>) {
    for (suite, case) in [("sd", sd), ("bbs", bbs)] {
        for (name, pointers, rule) in [
            (
                "pointer-to-nothing",
                json!(["/credentialSubject/none"]),
                "selective.no-such-value",
            ),
            (
                "pointer-past-an-array",
                json!(["/credentialSubject/harvest/2"]),
                "selective.no-such-value",
            ),
            (
                "pointer-into-a-literal",
                json!(["/credentialSubject/grade/0"]),
                "selective.no-such-value",
            ),
            (
                "pointer-index-with-zero",
                json!(["/credentialSubject/harvest/00"]),
                "selective.no-such-value",
            ),
            (
                "pointer-into-the-proof",
                json!(["/proof/proofValue"]),
                "selective.no-such-value",
            ),
            (
                "pointer-without-slash",
                json!(["credentialSubject"]),
                "selective.pointer",
            ),
            (
                "pointer-bad-escape",
                json!(["/credentialSubject/~2"]),
                "selective.pointer",
            ),
            (
                "pointer-too-deep",
                json!(["/a".repeat(200)]),
                "selective.pointer",
            ),
            (
                "pointers-too-many",
                json!(vec!["/validFrom"; 513]),
                "selective.pointer",
            ),
        ] {
            let vector = json!({"act": "derive", "input": case.base, "now": super::NOW, "reveal": pointers, "refusal": rule});
            write("invalid", &format!("{suite}-derive-{name}"), &vector);
        }
        let vector = json!({"act": "derive", "input": case.derived, "now": super::NOW, "reveal": MANDATORY, "refusal": "selective.derived-proof"});
        write("invalid", &format!("{suite}-derive-from-derived"), &vector);
        let twice = changed(&Value::Object(case.base.clone()), |vc| {
            vc["proof"] = json!([vc["proof"], vc["proof"]]);
        });
        let vector = json!({"act": "derive", "input": twice, "now": super::NOW, "reveal": MANDATORY, "refusal": "selective.proofs"});
        write(
            "invalid",
            &format!("{suite}-derive-from-two-proofs"),
            &vector,
        );
        let vector = json!({"act": "derive", "input": case.base, "now": super::NOW, "reveal": ["/credentialSubject/harvest"]});
        write("valid", &format!("{suite}-derive"), &vector);
    }
}

/// The credential with another disclosed value that leaves the canonical order of its nodes alone.
fn altered(credential: &Value) -> Value {
    let order = |credential: &Value| {
        let mut document = credential.as_object().unwrap().clone();
        document.remove("proof");
        let dataset = to_rdf(&document, &Contexts::embedded()).unwrap();
        let canonical = canonicalize(&dataset, RdfHash::Sha256, Budget::CREDENTIAL).unwrap();
        canonical.labels().clone()
    };
    (0..1_000)
        .map(|number| {
            changed(credential, |vc| {
                vc["credentialSubject"]["alumniOf"] = json!(format!("Another School {number}"));
            })
        })
        .find(|altered| order(altered) == order(credential))
        .unwrap()
}

/// The credential under another issuer's key.
fn under(credential: &Value, key: &PublicKey) -> Value {
    changed(credential, |vc| {
        vc["proof"]["verificationMethod"] = json!(key.did_key_url());
    })
}
