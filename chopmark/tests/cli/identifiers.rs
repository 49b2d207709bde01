//! Identifiers: their operations, their proofs, and bundles that outlive the service.

use crate::desk::{Desk, Up};
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn a_did_lives_through_all_its_operations_and_each_state_is_proved() {
    let data = TempDir::new().unwrap();
    let up = Up::start(&data.path().join("data"));
    let desk = Desk::new(&up.url);
    let data = data.path().join("data");
    let data = data.to_str().unwrap();
    let ok = |arguments: &[&str]| {
        let (code, value) = desk.json(&[arguments, &["--data", data]].concat());
        assert_eq!(code, 0, "{arguments:?}: {value:#}");
        value
    };
    let did = ok(&["did", "create", "--name", "orchard"])["did"]
        .as_str()
        .unwrap()
        .to_owned();
    ok(&[
        "did",
        "create",
        "--name",
        "crate",
        "--class",
        "product",
        "--controller",
        "orchard",
    ]);
    ok(&[
        "did",
        "update",
        "orchard",
        "--service",
        "LinkedDomains=https://orchard.example",
        "--new-key",
        "--retire-key",
        "key-1",
    ]);
    ok(&["did", "rotate", "orchard"]);
    ok(&["did", "recover", "orchard"]);
    ok(&["did", "rotate", "orchard", "--new-recovery"]);
    ok(&["did", "veto", "orchard"]);
    let log = ok(&["did", "log", "orchard"]);
    let kinds: Vec<&str> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["operation"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["create", "update", "rotate", "recover", "rotate", "veto"]
    );

    let proved = ok(&["did", "resolve", "orchard", "--verify"]);
    assert_eq!(proved["didDocument"]["id"], json!(did));
    assert_eq!(proved["checked"]["proof"], "inclusion");
    let claimed = ok(&["did", "resolve", &did]);
    assert_eq!(claimed["didDocument"], proved["didDocument"]);

    let claim = desk.claim();
    let issued = ok(&["vc", "issue", &claim, "--as", "orchard"]);
    let file = desk.write("issued", &issued.to_string());
    let judged = ok(&["vc", "verify", &file, "--policy", "open"]);
    assert_eq!(judged["outcome"], "accepted");

    ok(&["did", "deactivate", "crate", "--yes"]);
    let ended = ok(&["did", "resolve", "crate", "--verify"]);
    assert_eq!(ended["didDocumentMetadata"]["deactivated"], true);
    let (code, refused) = desk.json(&[
        "did",
        "update",
        "crate",
        "--also-known-as",
        "https://a.example",
        "--data",
        data,
    ]);
    assert_eq!(
        (code, refused["error"]["kind"].as_str()),
        (1, Some("refused"))
    );
}

#[test]
fn a_proof_that_does_not_hold_is_refused_and_an_absence_is_proved() {
    let data = TempDir::new().unwrap();
    let up = Up::start(&data.path().join("data"));
    let desk = Desk::new(&up.url);
    let data = data.path().join("data");
    let data = data.to_str().unwrap();
    let (_, created) = desk.json(&["did", "create", "--name", "orchard", "--data", data]);
    let did = created["did"].as_str().unwrap();

    let (_, key) = desk.json(&["key", "new", "stranger"]);
    let pinned = std::fs::read_to_string(format!("{data}/trust-root.json")).unwrap();
    let mut root: Value = serde_json::from_str(&pinned).unwrap();
    root["validators"][0]["publicKey"] = key["publicKeyMultibase"].clone();
    let strange = desk.write("strange.json", &root.to_string());
    let (code, refused) = desk.json(&["did", "resolve", did, "--verify", "--trust-root", &strange]);
    assert_eq!(
        (code, refused["error"]["kind"].as_str()),
        (1, Some("refused"))
    );

    let (head, tail) = did.split_at(did.len() - 8);
    let other = format!("{head}aaaaaaa{}", &tail[7..]);
    let (code, absent) = desk.json(&["did", "resolve", &other, "--verify", "--data", data]);
    assert_eq!(
        (code, &absent["checked"]["proof"]),
        (3, &json!("absence")),
        "{absent:#}"
    );

    // From anywhere, with nothing but the DID and the trust root.
    let elsewhere = TempDir::new().unwrap();
    let root = format!("{data}/trust-root.json");
    let output = desk.run_in(
        elsewhere.path(),
        &["did", "resolve", did, "--verify", "--trust-root", &root],
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_bundle_proves_a_did_and_its_past_when_the_service_is_gone() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let up = Up::start(&data);
    let desk = Desk::new(&up.url);
    let data = data.to_str().unwrap();
    let root = format!("{data}/trust-root.json");
    let ok = |arguments: &[&str]| {
        let (code, value) = desk.json(&[arguments, &["--data", data]].concat());
        assert_eq!(code, 0, "{arguments:?}: {value:#}");
        value
    };
    let did = ok(&["did", "create", "--name", "orchard"])["did"].clone();
    let service = "LinkedDomains=https://orchard.example";
    ok(&["did", "update", "orchard", "--service", service]);
    let written = ok(&["did", "resolve", "orchard", "--bundle", "orchard.json"]);
    assert_eq!(written["checked"]["checkpoint"], Value::Null);
    assert_eq!(written["checked"]["timestamp"], json!("absent"));
    // A later block, so that there is a header to confirm by.
    ok(&["did", "create", "--name", "other"]);
    let arguments = ["did", "resolve", "--from-bundle", "orchard.json"];
    let adding = ["--checkpoint", "--bundle", "confirmed.json"];
    let confirmed = ok(&[&arguments[..], &adding].concat());
    assert!(confirmed["checked"]["checkpoint"]["height"].is_u64());

    drop(up);
    for file in ["orchard.json", "confirmed.json"] {
        let offline = ok(&[
            "did",
            "resolve",
            "--from-bundle",
            file,
            "--trust-root",
            &root,
        ]);
        assert_eq!(offline["did"], did);
        assert_eq!(offline["asOf"], written["checked"]["headerTime"]);
        assert_eq!(offline["didDocument"], written["didDocument"]);
        assert_eq!(
            offline["didDocument"]["service"][0]["type"],
            json!("LinkedDomains")
        );
    }
    let versions = &written["didDocumentMetadata"];
    let bundle: Value =
        serde_json::from_slice(&std::fs::read(desk.folder.path().join("orchard.json")).unwrap())
            .unwrap();
    let first = bundle["log"][0]["versionId"].as_str().unwrap();
    assert_ne!(versions["versionId"], json!(first));
    let earlier = ok(&[
        "did",
        "resolve",
        "--from-bundle",
        "orchard.json",
        "--version-id",
        first,
    ]);
    assert_eq!(earlier["didDocument"]["service"], Value::Null);

    let mut altered = bundle.clone();
    altered["log"][1]["operation"]["document"]["service"][0]["id"] = json!("#other");
    let altered = desk.write("altered.json", &altered.to_string());
    let mut other = bundle;
    other["evidence"]["proof"]["statements"][0]["value"] = Value::Null;
    let other = desk.write("absent.json", &other.to_string());
    for file in [&altered, &other] {
        let arguments = ["did", "resolve", "--from-bundle", file, "--data", data];
        let (code, refused) = desk.json(&arguments);
        assert_eq!(
            (code, refused["error"]["kind"].as_str()),
            (1, Some("refused")),
            "{refused}"
        );
    }
    let misplaced = ["did", "resolve", "orchard", "--checkpoint"];
    assert_eq!(desk.run(&misplaced).status.code(), Some(2));
}
