//! Attacks on `ecdsa-sd-2023`.

use super::both::of_both;
use super::{changed, refused, under};
use crate::value::{Parts, with_parts};
use crate::{Case, REVEALED, document, issue};
use chop_credential::Contexts;
use chop_credential::rdf::{Budget, RdfHash, canonicalize, to_rdf};
use chop_keys::{KeyType, PrivateKey, Signer};
use ciborium::Value as Cbor;
use serde_json::{Value, json};

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
    let forged = Parts::of(&forged.derive(&REVEALED, None));
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
