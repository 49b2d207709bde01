//! A batch among four members: whose receipts carry it, who serves its items, and who catches up.

use crate::page::verifier_js::verify;
use crate::support::consortium::{Consortium, consortium, lock, until};
use crate::support::stack::binary;
use data_encoding::BASE64;
use serde_json::{Value, json};
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

/// What node 1 gives of an item to whoever pins the validators: one header, every path under it, and the item.
fn proves_an_item_in_six_kib(consortium: &Consortium, folder: &Path, did: &str) {
    let root = consortium.node(1).join("trust-root.json");
    let pinned = ["--trust-root", root.to_str().unwrap()];
    let write = ["did", "resolve", did, "--bundle", "item.json"];
    run(consortium, folder, 1, &[&write[..], &pinned].concat());
    let read = ["did", "resolve", "--from-bundle", "item.json"];
    let shown = run(consortium, folder, 1, &[&read[..], &pinned].concat());
    assert_eq!(shown["checked"]["validators"], json!(4));
    let bundle = std::fs::read(folder.join("item.json")).unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    if let Some(output) = verify(folder, &root, &bundle, &[]) {
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{output:?}");
        assert!(words.starts_with("RESERVED"), "{words}");
    }
    // The path in a batch of a million has twenty nodes.
    let path = bundle["item"]["proof"]["path"].as_array().unwrap().len();
    let million = binary_bytes(&bundle) + (20 - path) * 32;
    println!(
        "an item's proof: {} bytes of JSON, {million} in binary for a million",
        bundle.to_string().len()
    );
    assert!(million <= 6 * 1024, "{million} bytes");
}

/// An item with a state of its own, whose batch the node leaves out of its answer.
fn hides_no_code_of_an_item_that_changed(consortium: &Consortium, folder: &Path, did: &str) {
    let service = ["--service", "LinkedDomains=https://orchard.example"];
    run(
        consortium,
        folder,
        0,
        &[&["did", "update", did][..], &service].concat(),
    );
    let path = format!("/1.0/identifiers/{did}?proof=true");
    let mut answer = consortium.nodes[0].get(&path).json();
    let root = consortium.node(1).join("trust-root.json");
    let Some(output) = verify(folder, &root, &answer, &[]) else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("has version 1-"), "{words}");
    let proofs = answer["didDocumentMetadata"]["proof"]
        .as_array_mut()
        .unwrap();
    proofs.retain(|proof| proof["type"] == "ChopStateProof");
    let output = verify(folder, &root, &answer, &[]).unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(
        words.contains("where the code of the item stands"),
        "{words}"
    );
}

/// Counts a bundle's bytes, what is base64 or base32 in JSON as it is in binary; the headers before the one that proves are those of
/// whoever pins older validators.
fn binary_bytes(bundle: &Value) -> usize {
    let decoded = |value: &Value| {
        BASE64
            .decode(value.as_str().unwrap().as_bytes())
            .unwrap()
            .len()
    };
    let proof = &bundle["evidence"]["proof"];
    let statement = |statement: &Value| {
        let text = |member: &str| statement[member].as_str().map_or(0, str::len);
        text("key") + text("value") + decoded(&statement["path"])
    };
    let statements = proof["statements"].as_array().unwrap();
    let item = &bundle["item"]["proof"];
    // Place, ordinal and the batch's id beside the path.
    let place = 40 + item["path"].as_array().unwrap().len() * 32;
    let texts = item["item"].to_string().len() + bundle["item"]["template"].to_string().len();
    decoded(&proof["signedHeader"])
        + decoded(&proof["validators"])
        + statements.iter().map(statement).sum::<usize>()
        + place
        + texts
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

    proves_an_item_in_six_kib(&consortium, folder, did);
    hides_no_code_of_an_item_that_changed(&consortium, folder, did);

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
