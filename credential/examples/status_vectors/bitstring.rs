//! Bitstring Status List 1.0.

use super::{Case, did, key, sign, time, unsigned};
use chop_credential::Contexts;
use chop_credential::issuing::issue_jwt;
use chop_credential::status::{Bitstring, NewList};
use chop_keys::Signer as _;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use std::io::Write as _;

const URL: &str = "https://issuer.example/statuslists/1";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = entries();
    cases.extend(lists());
    cases.extend(forms());
    cases.extend(purposes());
    cases
}

/// A list of this purpose whose entry 7 has a value.
fn list(purpose: &str, size: u8, value: u16) -> Value {
    let mut bits = Bitstring::zeros(131_072, size).unwrap();
    bits.set(7, size, value).unwrap();
    NewList {
        id: URL,
        issuer: &did(1),
        purpose,
        bits: &bits,
        valid_from: time("2026-11-01T00:00:00.000Z"),
        valid_until: Some(time("2026-12-01T00:00:00.000Z")),
        ttl_ms: Some(300_000),
    }
    .to_credential()
    .unwrap()
}

fn entry(purpose: &str) -> Value {
    json!({
        "type": "BitstringStatusListEntry",
        "statusPurpose": purpose,
        "statusListIndex": "7",
        "statusListCredential": URL,
    })
}

/// A credential of this entry, and the list as it is served.
fn vector(entry: Value, list: Value) -> Value {
    let mut credential = unsigned();
    credential["credentialStatus"] = entry;
    let mut vector = json!({"input": sign(credential, 1), "statusLists": {}});
    vector["statusLists"][URL] = list;
    vector
}

fn clear(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = list("revocation", 1, 0);
    change(&mut document);
    vector(entry("revocation"), sign(document, 1))
}

fn with_entry(name: &str, value: Value) -> Value {
    let mut changed = entry("revocation");
    changed[name] = value;
    vector(changed, sign(list("revocation", 1, 0), 1))
}

fn messages(words: [&str; 4]) -> Value {
    let message =
        |(value, words): (usize, &&str)| json!({"status": format!("{value:#x}"), "message": words});
    json!(words.iter().enumerate().map(message).collect::<Vec<_>>())
}

fn entries() -> Vec<Case> {
    vec![
        Case::accepted(
            "status-id-apart-from-list",
            "an entry's id is a URL, and not the list's",
            with_entry("id", json!(format!("{URL}#7"))),
        ),
        Case::refused(
            "status-index-beyond-counting",
            "an index of any size is an integer; this one lies outside every list",
            with_entry("statusListIndex", json!("99999999999999999999999999")),
            ("check.status", "lies outside the list"),
        ),
        Case::accepted("status-list-as-token", "the list is secured as a vc+jwt", {
            let (key, contexts) = (key(1), Contexts::embedded());
            let method = key.public_key().did_key_url();
            let token = issue_jwt(list("revocation", 1, 0), &contexts, &method, &key).unwrap();
            vector(entry("revocation"), json!(token))
        }),
        Case::accepted(
            "status-two-purposes-one-list",
            "one list serves two purposes, and the credential names both",
            {
                let mut document = list("revocation", 1, 0);
                document["credentialSubject"]["statusPurpose"] =
                    json!(["revocation", "suspension"]);
                vector(
                    json!([entry("revocation"), entry("suspension")]),
                    sign(document, 1),
                )
            },
        ),
    ]
}

fn lists() -> Vec<Case> {
    let delegated = |delegates: &[String]| {
        let mut document = list("revocation", 1, 0);
        document["issuer"] = json!(did(2));
        let mut vector = vector(entry("revocation"), sign(document, 2));
        vector["delegates"] = json!(delegates);
        vector
    };
    let fetched = |at: &str| {
        let mut vector = clear(|_| ());
        vector["fetched"] = json!(at);
        vector
    };
    vec![
        Case::accepted(
            "status-list-by-delegate",
            "the list is signed by a delegate that the verifier named",
            delegated(&[did(2)]),
        ),
        Case::refused(
            "status-list-by-other-delegate",
            "the list is signed by somebody else than the delegate that the verifier named",
            delegated(&[did(3)]),
            ("check.status", "the credential is by"),
        ),
        Case::accepted(
            "status-list-within-ttl",
            "the list was fetched four minutes ago and may be kept five",
            fetched("2026-11-21T08:56:00.000Z"),
        ),
        Case::undecided(
            "status-list-ttl-elapsed",
            "the list was fetched six minutes ago and may be kept five",
            fetched("2026-11-21T08:54:00.000Z"),
            ("check.status", "may be kept 300000 ms"),
        ),
    ]
}

fn forms() -> Vec<Case> {
    vec![
        Case::undecided(
            "status-list-not-yet-valid",
            "the list is valid from tomorrow on",
            clear(|list| list["validFrom"] = json!("2026-11-22T00:00:00Z")),
            ("check.status", "status list is valid from"),
        ),
        Case::refused(
            "status-list-subject-of-other-type",
            "the list's subject is no BitstringStatusList",
            clear(|list| {
                list["@context"] = json!([
                    "https://www.w3.org/ns/credentials/v2",
                    "https://www.w3.org/ns/credentials/examples/v2"
                ]);
                list["credentialSubject"] = json!({"type": "AlumniCredential", "name": "no list"});
            }),
            ("check.status", "not of type BitstringStatusList"),
        ),
        Case::refused(
            "status-list-ttl-negative",
            "ttl is no span of time",
            clear(|list| list["credentialSubject"]["ttl"] = json!(-1)),
            ("check.status", "ttl is no number of milliseconds"),
        ),
        Case::refused(
            "status-list-purpose-number",
            "the list's purpose is no string",
            clear(|list| list["credentialSubject"]["statusPurpose"] = json!([1])),
            ("check.status", "statusPurpose is neither"),
        ),
        Case::refused(
            "status-list-too-few-for-size",
            "16 KiB hold 65,536 entries of two bits, fewer than hide anybody",
            {
                let mut document = list("message", 2, 0);
                document["credentialSubject"]["encodedList"] =
                    json!(Bitstring::zeros(131_072, 1).unwrap().encode().unwrap());
                let mut entry = entry("message");
                entry["statusSize"] = json!(2);
                entry["statusMessage"] = messages(["a", "b", "c", "d"]);
                vector(entry, sign(document, 1))
            },
            ("check.status", "65536 entries"),
        ),
        Case::refused(
            "status-list-gzip-breaks-off",
            "the compressed list ends before its end",
            clear(|list| {
                let text = list["credentialSubject"]["encodedList"].as_str().unwrap();
                let mut bytes = BASE64URL_NOPAD.decode(&text.as_bytes()[1..]).unwrap();
                bytes.truncate(bytes.len() - 6);
                let text = format!("u{}", BASE64URL_NOPAD.encode(&bytes));
                list["credentialSubject"]["encodedList"] = json!(text);
            }),
            ("check.status", "it is not gzip"),
        ),
        Case::refused(
            "status-list-gzip-bomb-in-members",
            "many gzip members unfold to more than is read",
            clear(|list| {
                let mut gzip =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                gzip.write_all(&vec![0; 3 * 1024 * 1024]).unwrap();
                let text = BASE64URL_NOPAD.encode(&gzip.finish().unwrap().repeat(3));
                list["credentialSubject"]["encodedList"] = json!(format!("u{text}"));
            }),
            ("check.status", "unfolds to more than"),
        ),
        Case::refused(
            "status-list-is-presentation",
            "what is served is a credential that is no list",
            vector(entry("revocation"), sign(unsigned(), 1)),
            (
                "check.status",
                "does not name BitstringStatusListCredential",
            ),
        ),
    ]
}

fn purposes() -> Vec<Case> {
    let wide = |words: [&str; 4], value: u16| {
        let mut entry = entry("message");
        entry["statusSize"] = json!(2);
        entry["statusMessage"] = messages(words);
        entry["statusReference"] = json!("https://issuer.example/messages");
        vector(entry, sign(list("message", 2, value), 1))
    };
    vec![
        Case::accepted(
            "status-message-of-two-bits",
            "a message is told and takes nothing from the credential",
            wide(["sown", "picked", "packed", "sold"], 3),
        ),
        Case::undecided(
            "status-message-undefined",
            "the issuer has not said what the value means",
            wide(["sown", "picked", "undefined", "sold"], 2),
            ("check.status", "does not say what status 0x2 means"),
        ),
        Case::accepted(
            "status-message-of-one-bit",
            "without messages one bit says set or unset",
            vector(entry("message"), sign(list("message", 1, 1), 1)),
        ),
        Case::accepted(
            "status-refresh-set",
            "a newer credential is to be had; this one holds",
            vector(entry("refresh"), sign(list("refresh", 1, 1), 1)),
        ),
        Case::refused(
            "status-second-of-two-set",
            "the first status is clear, the second is not",
            {
                let mut document = list("suspension", 1, 1);
                document["id"] = json!("https://issuer.example/statuslists/2");
                let mut second = entry("suspension");
                second["statusListCredential"] = json!("https://issuer.example/statuslists/2");
                let mut vector = vector(
                    json!([entry("revocation"), second]),
                    sign(list("revocation", 1, 0), 1),
                );
                vector["statusLists"]["https://issuer.example/statuslists/2"] = sign(document, 1);
                vector
            },
            ("check.status", "has suspended it"),
        ),
    ]
}
