//! did:webvh logs: what honest controllers write, and what forgers do.

use super::{Case, invalid, valid};
use crate::common::{key, public};
use crate::webvh_log::{Log, document, key_hash, witness};
use serde_json::{Value, json};

const DOMAIN: &str = "example.com";

pub(super) fn all() -> Vec<Case> {
    let mut cases = accepted();
    cases.extend(identity());
    cases.extend(authority());
    cases.extend(witnesses());
    cases
}

fn content(log: &Log, witnesses: Option<&Value>) -> Value {
    json!({
        "kind": "webvh", "did": log.did, "now": "2026-11-01T00:00:00.000Z", "log": log.entries, "witnesses": witnesses,
    })
}

fn good(name: &str, log: &Log, witnesses: Option<&Value>) -> Case {
    let mut content = content(log, witnesses);
    content["versionId"] = json!(log.last_id());
    valid(name, content)
}

fn bad(name: &str, log: &Log, witnesses: Option<&Value>, rule: &str) -> Case {
    let mut content = content(log, witnesses);
    content["rule"] = json!(rule);
    invalid(name, content)
}

fn accepted() -> Vec<Case> {
    let none = json!({});
    let plain = Log::start(DOMAIN, 1, &none);
    let mut updated = plain.clone();
    updated.add(
        &json!({"updateKeys": [public(2).multikey()]}),
        &updated.state(),
        1,
    );
    updated.add(&none, &updated.state(), 2);
    let mut rotated = Log::start(
        "example.com:people:alice",
        1,
        &json!({"nextKeyHashes": [key_hash(2)]}),
    );
    rotated.add(
        &json!({"updateKeys": [public(2).multikey()], "nextKeyHashes": [key_hash(3)]}),
        &rotated.state(),
        2,
    );
    let mut moved = Log::start(DOMAIN, 1, &json!({"portable": true}));
    let old = moved.did.clone();
    moved.did = old.replace(DOMAIN, "new.example");
    let mut state = document(&moved.did);
    state["alsoKnownAs"] = json!([old]);
    moved.add(&none, &state, 1);
    let mut ended = plain.clone();
    ended.add(
        &json!({"deactivated": true, "updateKeys": []}),
        &ended.state(),
        1,
    );
    let mut witnessed = Log::start(DOMAIN, 1, &witness(2, &[51, 52, 53]));
    witnessed.add(&none, &witnessed.state(), 1);
    let proofs = json!([witnessed.witnessed_by(&[51, 53])]);
    vec![
        good("webvh-create", &plain, None),
        good("webvh-update-and-key-change", &updated, None),
        good("webvh-pre-rotation", &rotated, None),
        good("webvh-portable-move", &moved, None),
        good("webvh-deactivated", &ended, None),
        good("webvh-witnessed", &witnessed, Some(&proofs)),
    ]
}

/// Logs whose identity does not hold.
fn identity() -> Vec<Case> {
    let none = json!({});
    let plain = Log::start(DOMAIN, 1, &none);
    let other = Log::start(DOMAIN, 9, &none);
    let unknown = Log::start(DOMAIN, 1, &json!({"method": "did:webvh:99.0"}));
    let candidate = Log::start(DOMAIN, 1, &json!({"method": "did:webvh:1.0-rc1"}));
    let mut mismatch = plain.clone();
    mismatch.did.clone_from(&other.did);
    let mut swapped = plain.clone();
    swapped.add(&none, &document(&other.did), 1);
    let mut moved_scid = Log::start(DOMAIN, 1, &json!({"portable": true}));
    let mut state = document(&other.did.replace(DOMAIN, "new.example"));
    state["alsoKnownAs"] = json!([moved_scid.did]);
    moved_scid.add(&none, &state, 1);
    let mut moved = plain.clone();
    let mut state = document(&plain.did.replace(DOMAIN, "new.example"));
    state["alsoKnownAs"] = json!([plain.did]);
    moved.add(&none, &state, 1);
    let mut late_portable = plain.clone();
    late_portable.add(&json!({"portable": true}), &plain.state(), 1);
    let mut elsewhere = plain.clone();
    elsewhere.did = plain.did.replace(DOMAIN, "evil.example");
    let mut tampered = plain.clone();
    tampered.entries[0]["state"]["alsoKnownAs"] = json!(["https://evil.example/"]);
    let mut gap = plain.clone();
    gap.add(&none, &plain.state(), 1);
    gap.add(&none, &plain.state(), 1);
    gap.entries.remove(1);
    let mut address = plain.clone();
    address.did = plain.did.replace(DOMAIN, "127.0.0.1");
    let mut traversal = plain.clone();
    traversal.did = format!("{}:%2e%2e:secret", plain.did);
    vec![
        bad(
            "webvh-unknown-method-version",
            &unknown,
            None,
            "webvh.method",
        ),
        bad(
            "webvh-release-candidate-method",
            &candidate,
            None,
            "webvh.method",
        ),
        bad("webvh-scid-mismatch", &mismatch, None, "webvh.scid"),
        bad("webvh-scid-swap", &swapped, None, "webvh.scid"),
        bad(
            "webvh-scid-changes-while-moving",
            &moved_scid,
            None,
            "webvh.scid",
        ),
        bad(
            "webvh-moved-but-not-portable",
            &moved,
            None,
            "webvh.portability",
        ),
        bad(
            "webvh-portable-set-later",
            &late_portable,
            None,
            "webvh.parameter",
        ),
        bad(
            "webvh-log-of-another-location",
            &elsewhere,
            None,
            "webvh.other-did",
        ),
        bad("webvh-tampered-first-entry", &tampered, None, "webvh.scid"),
        bad("webvh-gap-in-versions", &gap, None, "webvh.number"),
        bad("webvh-ssrf-address", &address, None, "webvh.did"),
        bad("webvh-path-traversal", &traversal, None, "webvh.did"),
    ]
}

/// Logs whose entries nobody authorised.
fn authority() -> Vec<Case> {
    let none = json!({});
    let plain = Log::start(DOMAIN, 1, &none);
    let mut stranger = plain.clone();
    stranger.add(&none, &plain.state(), 9);
    let mut self_authorised = plain.clone();
    self_authorised.add(
        &json!({"updateKeys": [public(9).multikey()]}),
        &plain.state(),
        9,
    );
    let mut suite = plain.clone();
    suite.entries[0]["proof"][0]["cryptosuite"] = json!("ecdsa-jcs-2019");
    let mut purpose = plain.clone();
    purpose.entries[0]["proof"][0]["proofPurpose"] = json!("authentication");
    let mut replayed = plain.clone();
    replayed.entries[0]["proof"] =
        Log::start("other.example", 1, &none).entries[0]["proof"].clone();
    let committed = json!({"nextKeyHashes": [key_hash(2)]});
    let mut omitted = Log::start(DOMAIN, 1, &committed);
    omitted.add(
        &json!({"nextKeyHashes": [key_hash(3)]}),
        &omitted.state(),
        1,
    );
    let mut uncommitted = Log::start(DOMAIN, 1, &committed);
    let keys =
        json!({"updateKeys": [public(2).multikey(), public(9).multikey()], "nextKeyHashes": []});
    uncommitted.add(&keys, &uncommitted.state(), 2);
    let mut after_end = plain.clone();
    after_end.add(&json!({"deactivated": true}), &plain.state(), 1);
    after_end.add(&none, &plain.state(), 1);
    let mut same_time = plain.clone();
    let mut entry =
        json!({"parameters": {}, "state": plain.state(), "versionTime": "2026-10-01T00:00:00Z"});
    entry["versionId"] = json!(plain.last_id());
    same_time.push(entry.clone(), &key(1));
    let mut future = plain.clone();
    entry["versionTime"] = json!("2027-01-01T00:00:00Z");
    future.push(entry.clone(), &key(1));
    let mut zoneless = plain.clone();
    entry["versionTime"] = json!("2026-10-02T00:00:00");
    zoneless.push(entry, &key(1));
    vec![
        bad("webvh-signed-by-a-stranger", &stranger, None, "webvh.proof"),
        bad(
            "webvh-signed-by-the-keys-it-introduces",
            &self_authorised,
            None,
            "webvh.proof",
        ),
        bad("webvh-wrong-cryptosuite", &suite, None, "webvh.proof"),
        bad("webvh-wrong-purpose", &purpose, None, "webvh.proof"),
        bad(
            "webvh-proof-replayed-from-another-did",
            &replayed,
            None,
            "webvh.proof",
        ),
        bad(
            "webvh-update-keys-omitted",
            &omitted,
            None,
            "webvh.pre-rotation",
        ),
        bad(
            "webvh-uncommitted-update-key",
            &uncommitted,
            None,
            "webvh.pre-rotation",
        ),
        bad(
            "webvh-entry-after-deactivation",
            &after_end,
            None,
            "webvh.deactivated",
        ),
        bad("webvh-equal-times", &same_time, None, "webvh.time"),
        bad("webvh-time-in-the-future", &future, None, "webvh.time"),
        bad("webvh-time-without-zone", &zoneless, None, "webvh.time"),
        bad(
            "webvh-unknown-parameter",
            &Log::start(DOMAIN, 1, &json!({"quorum": 1})),
            None,
            "webvh.parameter",
        ),
    ]
}

/// Logs whose witnesses did not approve.
fn witnesses() -> Vec<Case> {
    let none = json!({});
    let log = Log::start(DOMAIN, 1, &witness(2, &[51, 52]));
    let twice = json!([log.witnessed_by(&[51, 51])]);
    let two_records = json!([log.witnessed_by(&[51]), log.witnessed_by(&[51])]);
    let outsider = json!([log.witnessed_by(&[51, 99])]);
    let listed_twice = Log::start(DOMAIN, 1, &witness(2, &[51, 51]));
    let excessive = Log::start(DOMAIN, 1, &witness(3, &[51, 52]));
    let zero = Log::start(DOMAIN, 1, &witness(0, &[51]));
    let mut unwitnessed_end = Log::start(DOMAIN, 1, &witness(1, &[51]));
    let first = unwitnessed_end.witnessed_by(&[51]);
    unwitnessed_end.add(&json!({"witness": {}}), &unwitnessed_end.state(), 1);
    let mut future = log.clone();
    future.add(&none, &future.state(), 1);
    let unpublished = json!([future.witnessed_by(&[51, 52])]);
    vec![
        bad(
            "webvh-witness-counted-twice",
            &log,
            Some(&twice),
            "webvh.threshold",
        ),
        bad(
            "webvh-witness-in-two-records",
            &log,
            Some(&two_records),
            "webvh.threshold",
        ),
        bad(
            "webvh-witness-not-listed",
            &log,
            Some(&outsider),
            "webvh.threshold",
        ),
        bad(
            "webvh-witness-listed-twice",
            &listed_twice,
            None,
            "webvh.parameter",
        ),
        bad(
            "webvh-witness-threshold-too-high",
            &excessive,
            None,
            "webvh.parameter",
        ),
        bad(
            "webvh-witness-threshold-zero",
            &zero,
            None,
            "webvh.parameter",
        ),
        bad(
            "webvh-witness-removal-unwitnessed",
            &unwitnessed_end,
            Some(&json!([first])),
            "webvh.threshold",
        ),
        bad(
            "webvh-witness-of-an-unpublished-entry",
            &log,
            Some(&unpublished),
            "webvh.threshold",
        ),
        bad(
            "webvh-witness-proofs-missing",
            &log,
            None,
            "webvh.witnesses-needed",
        ),
    ]
}
