//! The JavaScript verifier against a running stack: on the command line in Node, and in a browser's page.

use crate::support::browser::Browser;
use crate::support::party::Party;
use crate::support::stack::{Stack, binary};
use serde_json::{Value, json};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn node_proves_what_the_stack_answers_and_refuses_what_was_changed() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let party = Party::create(&stack);
    let scid = party.did.scid();
    let resolution = stack
        .get(&format!("/1.0/identifiers/{}?proof=true", party.did))
        .json();
    let state = stack
        .get(&format!("/v1/state/did/{scid}?proof=true"))
        .json();
    let absence = stack
        .get(&format!("/v1/state/did/{scid}/7?proof=true"))
        .json();
    let root = data.path().join("trust-root.json");
    for (answer, says) in [
        (&resolution, format!("proved: {} has version 0-", party.did)),
        (&state, format!("holds under did/{scid}:")),
        (&absence, format!("holds nothing under did/{scid}/7")),
    ] {
        let Some(output) = verify(data.path(), &root, answer, &[]) else {
            return;
        };
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output:?}");
        assert!(printed.contains(&says), "{printed}");
        assert!(printed.contains("signed by 1 of 1 validators"), "{printed}");
    }

    let mut other_document = resolution.clone();
    other_document["didDocument"]["alsoKnownAs"] = json!(["https://shop.example/"]);
    let mut other_value = state.clone();
    other_value["value"]["deactivated"] = json!(true);
    let mut not_absent = absence.clone();
    not_absent["key"] = json!(format!("did/{scid}"));
    for (answer, code, options) in [
        (&other_document, "did", &[][..]),
        (&other_value, "proof.path-mismatch", &[]),
        (&not_absent, "proof.path-mismatch", &[]),
        (&state, "proof.stale", &["--at", "2999-01-01T00:00:00Z"]),
        (
            &state,
            "proof.from-the-future",
            &["--at", "2024-01-01T00:00:00Z"],
        ),
    ] {
        let output = verify(data.path(), &root, answer, options).unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(
            printed.trim_end().ends_with(&format!("({code})")),
            "{printed}"
        );
    }
}

#[test]
fn node_proves_a_bundle_of_the_stack_without_it() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let party = Party::create(&stack);
    let file = data.path().join("bundle.json");
    let wrote = Command::new(binary())
        .args(["did", "resolve", &party.did.to_string()])
        .args(["--url", stack.base(), "--data"])
        .arg(data.path())
        .arg("--bundle")
        .arg(&file)
        .output()
        .unwrap();
    assert!(wrote.status.success(), "{wrote:?}");
    let root = data.path().join("trust-root.json");
    let bundle: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    stack.kill();
    let years_later = ["--at", "2036-01-01T00:00:00Z"];
    let Some(output) = verify(data.path(), &root, &bundle, &years_later) else {
        return;
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(
        printed.contains(&format!("proved: {} has version 0-", party.did)),
        "{printed}"
    );
    assert!(
        printed.contains("it was so then, and need not be so now"),
        "{printed}"
    );
    assert!(printed.contains("timestamp: none"), "{printed}");
    let mut altered = bundle;
    altered["log"][0]["time"] = json!("2026-01-01T00:00:00.000Z");
    let output = verify(data.path(), &root, &altered, &years_later).unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_browser_judges_every_vector_as_its_file_says() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let mut browser = Browser::open(data.path(), stack.base());
    // The empty page that comes first is complete too.
    browser.wait_for(
        "document.getElementById('resolve') !== null && document.readyState === 'complete'",
    );
    let judge = include_str!("../../light/judge.mjs").replace("export ", "");
    let mut cases = vectors("state-proof");
    cases.extend(vectors("evidence"));
    let questions: Vec<&Value> = cases.iter().map(|(_, case)| case).collect();
    let script = format!(
        "(async () => {{ {judge}
           const proof = await import('/assets/verifier/proof.mjs');
           const bundle = await import('/assets/verifier/bundle.mjs');
           const verdicts = [];
           for (const question of {}) verdicts.push(await judge({{ proof, bundle }}, question));
           return verdicts; }})()",
        json!(questions)
    );
    let verdicts = browser.evaluate(&script);
    let verdicts = verdicts.as_array().unwrap();
    assert_eq!(verdicts.len(), cases.len());
    assert!(cases.len() >= 54, "{} cases", cases.len());
    for ((name, case), verdict) in cases.iter().zip(verdicts) {
        let expected = match (case.get("refused"), case.get("shown")) {
            (Some(code), _) => json!({ "refused": code }),
            (None, Some(shown)) => shown.clone(),
            (None, None) => json!({"height": case["height"]}),
        };
        assert_eq!(*verdict, expected, "{name}");
    }
}

/// Runs the command line verifier; `None` where Node is not installed, which CI does not forgive.
pub(crate) fn verify(
    folder: &Path,
    root: &Path,
    answer: &Value,
    options: &[&str],
) -> Option<Output> {
    let file = folder.join("answer.json");
    std::fs::write(&file, answer.to_string()).unwrap();
    let script = repository().join("registry/verifier-js/verify.mjs");
    let mut command = Command::new("node");
    match command
        .arg(script)
        .args(options)
        .args([root, &file])
        .output()
    {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(std::env::var("CI").is_err(), "node is not installed");
            let printed = b"\n*** THE JAVASCRIPT VERIFIER DID NOT RUN: node is not installed\n\n";
            std::io::stderr().write_all(printed).unwrap();
            None
        }
        output => Some(output.unwrap()),
    }
}

fn vectors(kind: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for folder in ["valid", "invalid"] {
        let folder = repository()
            .join("conformance/vectors")
            .join(folder)
            .join(kind);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            found.push((path.display().to_string(), case));
        }
    }
    found
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
