//! Attacks on `bbs-2023`.

use super::both::of_both;
use super::{changed, refused, under};
use crate::Case;
use crate::value::{Parts, with_parts};
use chop_keys::{KeyType, PrivateKey, Signer};
use ciborium::Value as Cbor;
use serde_json::{Value, json};

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
