//! Keys and failures.

use crate::desk::Desk;
use serde_json::Value;

#[test]
fn a_key_is_made_once_listed_and_never_shown_in_private() {
    let desk = Desk::new("http://127.0.0.1:1");
    let (code, made) = desk.json(&["key", "new", "lab"]);
    assert_eq!((code, made["type"].as_str()), (0, Some("Ed25519")));
    assert_eq!(desk.run(&["key", "new", "lab"]).status.code(), Some(2));
    let (_, listed) = desk.json(&["key", "list"]);
    assert_eq!(listed[0]["publicKeyMultibase"], made["publicKeyMultibase"]);
    let exported = desk.run(&["key", "export-public", "lab", "--format", "jwk"]);
    let jwk: Value = serde_json::from_slice(&exported.stdout).unwrap();
    assert_eq!(
        jwk.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["crv", "kty", "x"]
    );
    assert_eq!(
        desk.run(&["key", "export-public", "nobody"]).status.code(),
        Some(3)
    );
}

#[test]
fn every_failure_is_one_document_with_a_kind_and_its_code() {
    let desk = Desk::new("http://127.0.0.1:1");
    desk.run(&["key", "new", "lab"]);
    for (arguments, code, kind) in [
        (&["did", "resolve", "nobody"][..], 3, "notFound"),
        (&["did", "resolve", "did:key:z6Mk"], 4, "unreachable"),
        (&["vc", "inspect", "nothing.json"], 2, "usage"),
        (&["did", "log", "did:web:a.example"], 2, "usage"),
    ] {
        let (found, document) = desk.json(arguments);
        assert_eq!(
            (found, document["error"]["kind"].as_str()),
            (code, Some(kind)),
            "{arguments:?}: {document}"
        );
    }
    assert_eq!(desk.run(&["did", "fly"]).status.code(), Some(2));
}

#[test]
fn a_wrong_passphrase_opens_nothing() {
    let desk = Desk::new("http://127.0.0.1:1");
    desk.run(&["key", "new", "lab"]);
    let file = desk.write("wrong", "not the passphrase\n");
    let output = desk.run(&["key", "new", "other", "--passphrase-file", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("wrong passphrase")
    );
}
