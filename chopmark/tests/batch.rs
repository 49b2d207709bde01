//! Issuing in bulk with the real binary: whole, broken off, changed, and wrong.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A folder with a key, a template and rows.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        assert!(desk.run(&["key", "new", "lab"]).status.success());
        desk.write("crate.json", &template().to_string());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chopmark"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("CHOPMARK_PASSPHRASE", "correct horse battery staple")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Issues the batch, with `--json`, and gives exit code, document and standard error.
    fn batch(&self, more: &[&str]) -> (i32, Value, String) {
        let output = self.run(&[&BATCH[..], more, &["--json"]].concat());
        let document = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let told = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), document, told)
    }

    /// The rows of the journal, in order.
    fn lines(&self) -> Vec<Value> {
        let journal = self.read("rows.issued.jsonl");
        assert!(journal.ends_with('\n'));
        let lines = journal.lines().skip(1);
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

const BATCH: [&str; 8] = [
    "vc",
    "issue",
    "--key",
    "lab",
    "--batch",
    "rows.csv",
    "--template",
    "crate.json",
];

fn template() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", "https://chopmark.dev/ns/apple/v1"],
        "type": ["VerifiableCredential", "GeographicalIndication"],
        "name": "Origin of {{orchard}}",
        "credentialSubject": {
            "id": "{{did}}",
            "type": "CertifiedOrchard",
            "name": "{{orchard}}",
            "certifiedArea": {"mantissa": "{{area:integer}}", "scale": 2, "unit": "HAR"},
        },
    })
}

fn rows(count: usize) -> String {
    (1..=count).fold("did,orchard,area\n".to_owned(), |mut text, row| {
        let _ = writeln!(text, "did:example:{row},Orchard {row},{row}");
        text
    })
}

fn message(document: &Value) -> String {
    let causes = document.pointer("/error/causes").and_then(Value::as_array);
    let words = document
        .pointer("/error/message")
        .into_iter()
        .chain(causes.into_iter().flatten());
    words
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(": ")
}

#[test]
fn each_row_becomes_a_credential_that_is_accepted() {
    let desk = Desk::new();
    let cells = "did,orchard,area,note\n\
        did:example:1,\"Tayuan \"\"Ridge\"\"\nOrchard\",3125,\n\
        did:example:2,泰原果园 🍎 {{did}},0,x\r\n\
        did:example:3,\"\"\"},\"\"issuer\"\":\"\"did:evil:x\",-1,y\n";
    desk.write("rows.csv", cells);
    for (more, verified) in [(&[][..], 3), (&["--jwt", "--out", "tokens.jsonl"][..], 3)] {
        let (code, done, told) = desk.batch(more);
        assert_eq!(
            (code, &done["issued"]),
            (0, &json!(verified)),
            "{done} {told}"
        );
        assert!(told.contains("does not use note"), "{told}");
    }
    let names: Vec<Value> = desk
        .lines()
        .iter()
        .map(|line| line["credential"]["credentialSubject"]["name"].clone())
        .collect();
    let expected = [
        "Tayuan \"Ridge\"\nOrchard",
        "泰原果园 🍎 {{did}}",
        "\"},\"issuer\":\"did:evil:x",
    ];
    assert_eq!(names, expected);
    let tokens = desk.read("tokens.jsonl");
    let credentials = desk.lines().into_iter();
    let tokens = tokens
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap());
    for line in credentials.chain(tokens) {
        let line: Value = line;
        let credential = &line["credential"];
        let text = credential
            .as_str()
            .map_or_else(|| credential.to_string(), str::to_owned);
        desk.write("one", &text);
        let output = desk.run(&["vc", "verify", "one", "--offline"]);
        assert!(output.status.success(), "{text}");
    }
}

#[test]
fn killed_at_any_moment_the_same_command_goes_on_and_issues_no_row_twice() {
    let desk = Desk::new();
    let count = 20_000;
    desk.write("rows.csv", &rows(count));
    let mut kept = String::new();
    for turn in 0_u64..12 {
        let mut child = desk
            .command(&[&BATCH[..], &["--files", "issued"]].concat())
            .spawn()
            .unwrap();
        let grown = || {
            let found = fs::metadata(desk.path("rows.issued.jsonl"));
            found.is_ok_and(|found| found.len() > kept.len() as u64)
        };
        while !grown() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(7 * turn % 23));
        child.kill().unwrap();
        child.wait().unwrap();
        // What was whole stays as it was, whatever comes after it.
        let journal = desk.read("rows.issued.jsonl");
        assert!(journal.starts_with(&kept));
        let whole = journal.rfind('\n').map_or(0, |end| end + 1);
        journal[..whole].clone_into(&mut kept);
    }
    let (code, done, told) = desk.batch(&["--files", "issued"]);
    assert_eq!(code, 0, "{told}");
    assert!(
        done["issued"].as_u64() > Some(0),
        "no run was broken off: {done}"
    );
    let (code, done, told) = desk.batch(&["--files", "issued"]);
    assert_eq!((code, &done["issued"]), (0, &json!(0)), "{told}");
    assert_eq!(done["issuedBefore"], json!(count));
    assert!(desk.read("rows.issued.jsonl").starts_with(&kept));
    let lines = desk.lines();
    let numbers: Vec<u64> = lines
        .iter()
        .filter_map(|line| line["row"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=count as u64).collect::<Vec<_>>());
    let ids: BTreeSet<String> = lines
        .iter()
        .map(|line| line["credential"]["id"].to_string())
        .collect();
    assert_eq!(ids.len(), count);
    for line in lines.iter().step_by(97) {
        let file = format!("issued/{:08}.json", line["row"].as_u64().unwrap());
        let file: Value = serde_json::from_str(&desk.read(&file)).unwrap();
        assert_eq!(file, line["credential"]);
    }
    let files = fs::read_dir(desk.path("issued")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| !name.starts_with('.')).count(), count);
}

#[test]
fn what_changed_since_is_named_and_refused() {
    let desk = Desk::new();
    desk.write("rows.csv", &rows(3));
    assert_eq!(desk.batch(&[]).0, 0);
    let before = desk.read("rows.issued.jsonl");
    let refused = |more: &[&str]| {
        let (code, document, _) = desk.batch(more);
        assert_eq!(code, 2, "{document}");
        assert_eq!(desk.read("rows.issued.jsonl"), before);
        message(&document)
    };

    desk.write(
        "crate.json",
        &template().to_string().replace("Origin of", "From"),
    );
    let why = refused(&[]);
    assert!(
        why.contains("/name") && why.contains("Origin of") && why.contains("From"),
        "{why}"
    );
    desk.write("crate.json", &template().to_string());

    desk.write("rows.csv", &rows(3).replace("Orchard 2", "Orchard 22"));
    let why = refused(&["--amended"]);
    assert!(why.contains("row 2 is"), "{why}");
    desk.write("rows.csv", &rows(2));
    let why = refused(&["--amended"]);
    assert!(
        why.contains("row 3") && why.contains("ends before"),
        "{why}"
    );
    desk.write("rows.csv", &rows(4));
    let why = refused(&[]);
    assert!(why.contains("behind row 3"), "{why}");

    assert!(desk.run(&["key", "new", "other"]).status.success());
    let other = BATCH.map(|word| if word == "lab" { "other" } else { word });
    let output = desk.run(&other);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("the issuer was")
    );
    let why = refused(&["--jwt"]);
    assert!(why.contains("the form was jcs, and is vc+jwt now"), "{why}");

    let (code, done, _) = desk.batch(&["--amended"]);
    assert_eq!(
        (code, &done["issued"], &done["issuedBefore"]),
        (0, &json!(1), &json!(3))
    );
    assert_eq!(desk.batch(&[]).1["issuedBefore"], json!(4));
}

#[test]
fn the_first_bad_row_is_named_and_the_batch_goes_on_when_it_is_corrected() {
    let desk = Desk::new();
    let bad = rows(300).replace(
        "did:example:200,Orchard 200,200",
        "an orchard,Orchard 200,200",
    );
    desk.write("rows.csv", &bad);
    let (code, document, _) = desk.batch(&[]);
    let why = message(&document);
    assert_eq!(code, 1);
    assert!(why.contains("199 rows are issued"), "{why}");
    assert!(
        why.contains("row 200 is") && why.contains("credentialSubject.id"),
        "{why}"
    );
    desk.write("rows.csv", &rows(300));
    let (code, done, _) = desk.batch(&["--amended"]);
    assert_eq!((code, &done["issued"]), (0, &json!(101)));
}

#[test]
fn bad_rows_are_passed_over_listed_and_not_tried_again() {
    let desk = Desk::new();
    let mut text = rows(4);
    text.push_str("did:example:5,Orchard 5,many\ndid:example:6,short\nno url,Orchard 7,7\ndid:example:8,Orchard 8,8\n");
    desk.write("rows.csv", &text);
    let expected = "_row,_reason,did,orchard,area\n\
        5,\"column \"\"area\"\" holds \"\"many\"\", which is no integer\",did:example:5,Orchard 5,many\n\
        6,\"it has 2 fields, there are 3 columns\",did:example:6,short\n\
        7,\"credentialSubject.id is \"\"no url\"\", it must be one URL\",no url,Orchard 7,7\n";
    for issued in [5, 0] {
        let (code, done, _) = desk.batch(&["--skip-bad"]);
        assert_eq!(
            (code, &done["issued"], &done["refused"]),
            (1, &json!(issued), &json!(3)),
            "{done}"
        );
        assert_eq!(desk.read("rows.bad.csv"), expected);
    }
    let rules: Vec<Value> = desk
        .lines()
        .iter()
        .filter_map(|line| line.get("refused").map(|refused| refused["rule"].clone()))
        .collect();
    assert_eq!(rules, ["batch.cell", "batch.row", "model.url"]);
}

#[test]
fn a_second_process_is_turned_away() {
    let desk = Desk::new();
    desk.write("rows.csv", &rows(200_000));
    let mut first = desk.command(&BATCH).spawn().unwrap();
    while fs::metadata(desk.path("rows.issued.jsonl")).map_or(0, |found| found.len()) < 100_000 {
        assert!(first.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    let (code, document, _) = desk.batch(&[]);
    assert_eq!(code, 2);
    assert!(message(&document).contains("another process"), "{document}");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn what_cannot_become_a_batch_is_refused_before_anything_is_signed() {
    let desk = Desk::new();
    desk.write("rows.csv", &rows(1));
    let refused = |expected: &str| {
        let (code, document, _) = desk.batch(&[]);
        assert_eq!(code, 2, "{document}");
        let why = message(&document);
        assert!(why.contains(expected), "{why}");
        assert!(!desk.path("rows.issued.jsonl").exists());
    };
    desk.write(
        "crate.json",
        r#"{"credentialSubject": {"name": "{{weight}}"}}"#,
    );
    refused("the template names the column \"weight\"");
    desk.write(
        "crate.json",
        r#"{"credentialSubject": {"name": "{{area:date}}"}}"#,
    );
    refused("no known type");
    desk.write("crate.json", &template().to_string());
    desk.write("rows.csv", "did,orchard,area,area\n");
    refused("two columns named \"area\"");

    desk.write("rows.csv", &rows(1));
    desk.write("rows.issued.jsonl", "precious\n");
    let (code, document, _) = desk.batch(&[]);
    assert_eq!(code, 2);
    assert!(message(&document).contains("is no journal"), "{document}");
    assert_eq!(desk.read("rows.issued.jsonl"), "precious\n");
}
