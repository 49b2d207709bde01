//! A batch among four members: whose receipts carry it, who serves its items, and who catches up.

use crate::page::verifier_js::verify;
use crate::support::consortium::{Consortium, consortium, lock, until};
use crate::support::stack::binary;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const ITEMS: usize = 1_100;

/// Runs the program against a node, as somebody with a folder of their own; the JSON on standard output.
fn run(consortium: &Consortium, folder: &Path, index: usize, arguments: &[&str]) -> Value {
    let token = consortium.node(index).join("admin.token");
    let output = Command::new(binary())
        .args(arguments)
        .args(["--json", "--url", consortium.nodes[index].base()])
        .current_dir(folder)
        .env("CHOPMARK_PASSPHRASE", "correct horse battery staple")
        .env("CHOPMARK_TOKEN_FILE", token)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What node `index` proves of an item: where its code stands.
fn standing(consortium: &Consortium, folder: &Path, index: usize, did: &str) -> Value {
    let root = consortium.node(index).join("trust-root.json");
    let root = root.to_str().unwrap();
    let resolve = ["did", "resolve", did, "--verify", "--trust-root", root];
    let answer = run(consortium, folder, index, &resolve);
    answer["didDocumentMetadata"]["chop"]["code"]["standing"].clone()
}

#[test]
fn a_batch_lives_on_the_receipts_of_three_of_four_and_a_node_that_lost_the_leaves_fetches_them() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let template = r#"{"class": "product", "fields": ["serial"], "document": {"alsoKnownAs": ["urn:x:{serial}"]}}"#;
    std::fs::write(folder.join("crate.json"), template).unwrap();
    let mut items = String::from("serial\n");
    for n in 0..ITEMS {
        writeln!(items, "S{n}").unwrap();
    }
    std::fs::write(folder.join("crates.csv"), items).unwrap();
    run(
        &consortium,
        folder,
        0,
        &["did", "create", "--name", "packer"],
    );
    let create = [
        "did",
        "batch",
        "create",
        "--template",
        "crate.json",
        "--items",
        "crates.csv",
        "--controller",
        "packer",
        "--dids",
        "dids.csv",
    ];
    let made = run(&consortium, folder, 0, &create);
    let batch = made["batch"].as_str().unwrap();
    let envelope = std::fs::read(folder.join("crates.csv.batch/envelope.json")).unwrap();
    let envelope: Value = serde_json::from_slice(&envelope).unwrap();
    let receipts = envelope["actions"][0]["receipts"].as_array().unwrap();
    assert!(receipts.len() >= 3, "{receipts:?}");
    let dids = std::fs::read_to_string(folder.join("dids.csv")).unwrap();
    let did = dids.lines().nth(1_050).unwrap().split_once(',').unwrap().1;
    // Every validator that signed serves the items; the light client believes none of them.
    until("another member proves the item", || {
        consortium.nodes[2].get(&format!("/v1/items/{did}")).status == 200
    });
    assert_eq!(standing(&consortium, folder, 2, did), "reserved");
    // So does the second verifier, which says first that the code is not in use.
    let answer = consortium.nodes[2].get(&format!("/1.0/identifiers/{did}?proof=true"));
    let root = consortium.node(1).join("trust-root.json");
    if let Some(output) = verify(folder, &root, &answer.json(), &[]) {
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{output:?}");
        assert!(
            words.starts_with("RESERVED") && words.contains(did),
            "{words}"
        );
    }

    consortium.kill(3);
    std::fs::remove_file(consortium.node(3).join("leaves.redb")).unwrap();
    let range = [
        "did",
        "batch",
        "activate",
        batch,
        "1000..1100",
        "--lot",
        "L-7",
    ];
    run(
        &consortium,
        folder,
        0,
        &[&range[..], &["--controller", "packer"]].concat(),
    );
    consortium.restart();
    let codes = format!("/v1/batches/{batch}/codes");
    until("the node that lost the leaves has fetched them", || {
        let node = &consortium.nodes[3];
        node.get(&format!("/v1/items/{did}")).status == 200
            && node.get(&codes).text().contains("active")
    });
    assert_eq!(standing(&consortium, folder, 3, did), "active");
}
