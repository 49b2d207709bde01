//! A batch from the file of items to a claimed code, over the real binary and a running stack.

use crate::desk::{Desk, Up};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

const TEMPLATE: &str = r#"{"class": "product", "fields": ["gtin", "serial"], "document": {
    "alsoKnownAs": ["https://id.example/01/{gtin}/21/{serial}"]}}"#;

fn items(count: u32) -> String {
    let mut text = String::from("serial,gtin\n");
    for n in 0..count {
        writeln!(text, "A/{n},09506000134352").unwrap();
    }
    text
}

/// The DIDs that `--dids` wrote, by ordinal.
fn dids(desk: &Desk, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(desk.folder.path().join(name)).unwrap();
    let did = |line: &str| line.split_once(',').unwrap().1.to_owned();
    text.lines().skip(1).map(did).collect()
}

fn code(desk: &Desk, did: &str) -> Value {
    let root = desk.folder.path().join("data/trust-root.json");
    let root = root.to_str().unwrap();
    let (status, answer) = desk.json(&["did", "resolve", did, "--verify", "--trust-root", root]);
    assert_eq!(status, 0, "{answer}");
    answer["didDocumentMetadata"]["chop"]["code"].clone()
}

#[test]
fn a_batch_is_registered_activated_claimed_and_its_items_are_proved() {
    let mut desk = Desk::new("");
    let up = Up::start(&desk.folder.path().join("data"));
    desk.url.clone_from(&up.url);
    let token = desk.folder.path().join("data/admin.token");
    let token = token.to_str().unwrap().to_owned();
    let run = |arguments: &[&str]| {
        let (status, answer) = desk.json(&[arguments, &["--token-file", &token]].concat());
        assert_eq!(status, 0, "{arguments:?}: {answer}");
        answer
    };
    run(&["did", "create", "--name", "orchard"]);
    desk.write("crate.json", TEMPLATE);
    desk.write("crates.csv", &items(1_500));
    let create = [
        "did",
        "batch",
        "create",
        "--template",
        "crate.json",
        "--items",
        "crates.csv",
        "--controller",
        "orchard",
        "--secrets",
        "--dids",
        "dids.csv",
    ];
    let made = run(&create);
    let batch = made["batch"].as_str().unwrap().to_owned();
    assert_eq!(made["count"], json!(1_500));
    // The same command again finds everything done, and answers the same.
    assert_eq!(run(&create), made);

    let dids = dids(&desk, "dids.csv");
    assert_eq!(dids.len(), 1_500);
    assert_eq!(code(&desk, &dids[1_499])["standing"], "reserved");
    run(&[
        "did",
        "batch",
        "activate",
        &batch,
        "0..1000",
        "--lot",
        "L-7",
        "--controller",
        "orchard",
    ]);
    run(&[
        "did",
        "batch",
        "void",
        &batch,
        "3..4",
        "--reason",
        "torn",
        "--controller",
        "orchard",
    ]);
    let active = code(&desk, &dids[2]);
    assert_eq!(
        (&active["standing"], &active["lot"]),
        (&json!("active"), &json!("L-7"))
    );
    let void = code(&desk, &dids[3]);
    assert_eq!(
        (&void["standing"], &void["reason"]),
        (&json!("void"), &json!("torn"))
    );
    // A person reads it first.
    let text = desk.run(&["did", "resolve", &dids[3]]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.trim_start().lines().next().unwrap().contains("VOID"),
        "{text}"
    );
    let shown = run(&["did", "batch", "show", &batch]);
    assert_eq!(shown["codes"]["segments"].as_array().unwrap().len(), 4);

    // The printer's file, and somebody who scratches.
    let secrets = [
        "did",
        "batch",
        "secrets",
        "crates.csv.batch",
        "--base-url",
        "https://id.example/",
        "--out",
        "labels.csv",
    ];
    let (status, answer) = desk.json(&secrets);
    assert_eq!(status, 0, "{answer}");
    let labels = desk.folder.path().join("labels.csv");
    assert_eq!(
        labels.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let labels = std::fs::read_to_string(labels).unwrap();
    let url = labels.lines().nth(3).unwrap().rsplit_once(',').unwrap().1;
    assert!(
        url.starts_with(&format!("https://id.example/{}#", dids[2])),
        "{url}"
    );
    let claim = |secret: &str, did: &str| scratch(&desk, secret, did);
    assert_eq!(claim(url, &dids[2]).0, 0);
    assert!(code(&desk, &dids[2])["firstClaimed"].is_string());
    let (status, words) = claim(url, &dids[2]);
    assert!(status == 1 && words.contains("claim.exists"), "{words}");
    let (status, words) = claim(url, &dids[5]);
    assert!(status == 1 && words.contains("422"), "{words}");

    // The first operation gives the item a state of its own; what the batch says of it stays.
    run(&[
        "did",
        "update",
        &dids[2],
        "--service",
        "LinkedDomains=https://orchard.example",
    ]);
    let root = desk.folder.path().join("data/trust-root.json");
    let (_, own) = desk.json(&[
        "did",
        "resolve",
        &dids[2],
        "--verify",
        "--trust-root",
        root.to_str().unwrap(),
    ]);
    assert!(own["didDocument"]["service"].is_array(), "{own}");
    assert_eq!(own["didDocumentMetadata"]["chop"]["code"]["lot"], "L-7");
    assert!(
        own["didDocumentMetadata"]["versionId"]
            .as_str()
            .unwrap()
            .starts_with("1-")
    );

    let born = own["didDocumentMetadata"]["chop"]["item"]["batch"].as_str();
    assert_eq!(born, Some(batch.as_str()));
    // Its first version stays resolvable, though no operation made it.
    let first = format!("0-{}", dids[2].rsplit_once(":b").unwrap().1);
    let (status, first) = desk.json(&["did", "resolve", &dids[2], "--version-id", &first]);
    assert_eq!(status, 0, "{first}");
    assert!(first["didDocument"].get("service").is_none(), "{first}");

    // What is not there: unproven, unless the batch is named.
    let last = dids[0].len() - 2;
    let mut absent = dids[0].clone();
    absent.replace_range(
        last..=last,
        if absent.as_bytes()[last] == b'a' {
            "b"
        } else {
            "a"
        },
    );
    let output = desk.run(&["did", "resolve", &absent]);
    assert_eq!(output.status.code(), Some(3));
    let root = root.to_str().unwrap();
    let verify = ["did", "resolve", &absent, "--verify", "--trust-root", root];
    let words = String::from_utf8(desk.run(&verify).stderr).unwrap();
    assert!(words.contains("not proved"), "{words}");
    let output = desk.run(&[&verify[..], &["--batch", &batch]].concat());
    assert_eq!(output.status.code(), Some(3));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("the ledger proves that batch"), "{words}");
}

#[test]
fn refuses_items_that_stand_twice_or_do_not_fit_and_a_folder_of_something_else() {
    let mut desk = Desk::new("");
    let up = Up::start(&desk.folder.path().join("data"));
    desk.url.clone_from(&up.url);
    let token = desk.folder.path().join("data/admin.token");
    let token = token.to_str().unwrap().to_owned();
    assert_eq!(
        desk.json(&["did", "create", "--name", "orchard", "--token-file", &token])
            .0,
        0
    );
    desk.write("crate.json", TEMPLATE);
    let create = |items: &str, work: &str| {
        desk.write("items.csv", items);
        let output = desk.run(&[
            "did",
            "batch",
            "create",
            "--template",
            "crate.json",
            "--items",
            "items.csv",
            "--controller",
            "orchard",
            "--work",
            work,
            "--token-file",
            &token,
        ]);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (status, words) = create("serial,gtin\nA,1\nB,1\nA,1\n", "one");
    assert!(
        status == Some(2) && words.contains("items 0 and 2 are the same"),
        "{words}"
    );
    let (status, words) = create("serial,gtin\nA,\n", "two");
    assert!(status == Some(2) && words.contains("item 0"), "{words}");
    let (status, words) = create("serial\nA\n", "three");
    assert!(status == Some(2) && words.contains("gtin"), "{words}");
    let (status, words) = create("serial,gtin\nA,1\n", "one");
    assert!(status == Some(2) && words.contains("--work"), "{words}");
}

/// Claims with a secret on standard input.
fn scratch(desk: &Desk, secret: &str, did: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chopmark"))
        .args(["did", "claim", did, "--secret-file", "-"])
        .current_dir(desk.folder.path())
        .env_clear()
        .env("CHOPMARK_URL", &desk.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(secret.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
