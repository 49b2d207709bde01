//! A solo ledger becomes a consortium's: nothing that it said is lost, and nobody leads clients past where it ended.

use crate::support::consortium::{has_cometbft, height, resolves, until};
use crate::support::party::Party;
use crate::support::remote::Remote;
use crate::support::stack::{Stack, binary};
use chop_proof::{Evidence, Fork, TrustRoot};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What was there before the promotion.
struct Before {
    folder: tempfile::TempDir,
    party: Party,
    /// The oldest DID, a product of the party's, and another.
    oldest: String,
    product: String,
    /// Its resolution with proof, of before.
    resolution: Value,
    ports: Vec<u16>,
}

impl Before {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// A solo ledger with a party and products; a copy of its folder, and its trust root, are kept.
fn solo() -> Before {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("a");
    let stack = Stack::start(&data);
    let party = Party::create(&stack);
    let (envelope, dids) = party.create_products(3);
    assert_eq!(stack.post("/v1/transactions", &envelope).status, 201);
    let oldest = party.did.to_string();
    let resolution = stack.get(&format!("/1.0/identifiers/{oldest}?proof=true"));
    let resolution = resolution.json();
    stack.terminate();
    std::fs::copy(
        data.join("trust-root.json"),
        folder.path().join("solo-root.json"),
    )
    .unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(&data)
        .arg(folder.path().join("stale"))
        .status();
    assert!(copied.unwrap().success());
    let held: Vec<_> = (0..4)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let port = |held: &TcpListener| held.local_addr().unwrap().port();
    Before {
        folder,
        party,
        oldest,
        product: dids.first().unwrap().to_string(),
        resolution,
        ports: held.iter().map(port).collect(),
    }
}

fn chopmark(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = chopmark(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out
}

/// Runs what must be refused, with exit code 1; what it said.
fn refused(arguments: &[&str]) -> String {
    let output = chopmark(arguments);
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {text}");
    text
}

/// Three organisations apply, the operator promotes, all four take the ledger over.
fn promote(before: &Before) {
    let genesis = before.text("a/genesis.json");
    for (name, port) in NAMES.iter().zip(&before.ports).skip(1) {
        let address = format!("127.0.0.1:{port}");
        let data = before.text(name);
        let printed = succeeds(&[
            "node",
            "init",
            "--data",
            &data,
            "--peer-address",
            &address,
            "--ledger",
            &genesis,
            "--name",
            name,
        ]);
        std::fs::write(before.path(&format!("{name}.json")), printed).unwrap();
    }
    let own = format!("127.0.0.1:{}", before.ports[0]);
    let (data, out) = (before.text("a"), before.text("out"));
    let common = [
        "ledger",
        "promote",
        "--data",
        &data,
        "--peer-address",
        &own,
        "--out",
        &out,
    ];
    let files = ["b.json", "c.json", "d.json"].map(|file| before.text(file));

    // Three validators of which none may fail are refused unless somebody means them.
    let few = [&common[..], &[files[0].as_str(), files[1].as_str()]].concat();
    assert!(refused(&few).contains("promotion.few-validators"));
    let four: Vec<&str> = common
        .into_iter()
        .chain(files.iter().map(String::as_str))
        .collect();
    succeeds(&four);
    // Asked again, it writes the same out once more.
    succeeds(&four);

    let (promotion, state) = (
        before.text("out/promotion.json"),
        before.text("out/registry.redb"),
    );
    for name in &NAMES[1..] {
        let data = before.text(name);
        succeeds(&[
            "node",
            "join",
            "--data",
            &data,
            "--promotion",
            &promotion,
            "--state",
            &state,
        ]);
    }
    // Each knows whose the others' nodes are, before any of them has bound its key.
    for name in NAMES {
        let known = std::fs::read(before.path(name).join("peers.json")).unwrap();
        let known: Value = serde_json::from_slice(&known).unwrap();
        let length = |field: &Value| match field {
            Value::Array(peers) => peers.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        };
        assert_eq!(
            [&known["peers"], &known["members"]].map(length),
            [3, 3],
            "{known}"
        );
    }
}

/// The four nodes, ready.
fn consortium(before: &Before) -> Vec<Stack> {
    std::thread::scope(|scope| {
        let starting: Vec<_> = NAMES
            .iter()
            .zip(&before.ports)
            .map(|(name, port)| {
                let data = before.path(name);
                let mut command = Command::new(binary());
                command
                    .args(["node", "--engine", "cometbft", "--listen", "127.0.0.1:0"])
                    .args(["--p2p-listen", &format!("127.0.0.1:{port}"), "--data"])
                    .arg(&data);
                scope.spawn(move || {
                    let mut stack = Stack::spawn(command);
                    stack.read_token(&data);
                    stack
                })
            })
            .collect();
        let joined = starting.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    })
}

#[test]
fn a_promoted_ledger_keeps_every_did_and_every_proof() {
    if !has_cometbft() {
        return;
    }
    let before = solo();
    promote(&before);

    let again = chopmark(&["up", "--listen", "127.0.0.1:0", "--data", &before.text("a")]);
    assert_eq!(again.status.code(), Some(2));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("promoted to a consortium"), "{said}");
    assert!(
        !before.path("a/keys/validator.key.json").exists(),
        "the retired key is destroyed"
    );

    let nodes = consortium(&before);
    for node in &nodes {
        until("the oldest DID resolves", || resolves(node, &before.oldest));
        let status = node.get("/v1/status").json();
        assert_eq!(status["validators"].as_array().unwrap().len(), 4);
    }
    let (envelope, dids) = before.party.create_products(1);
    // Pending counts too: what follows waits for it.
    let answer = nodes[0].post("/v1/transactions", &envelope);
    assert!(matches!(answer.status, 201 | 202), "{}", answer.text());
    let newest = dids.first().unwrap().to_string();
    for node in &nodes {
        until("the newest DID resolves", || resolves(node, &newest));
    }
    both_roots_lead_to_old_and_new(&before, &nodes, &newest);
    nobody_is_led_past_the_promotion(&before, &nodes[1]);
    a_solo_key_that_signs_on_is_noticed(&before, &nodes);
    drop(nodes);
    let replayed = ["ledger", "replay", "--data", &before.text("c")].map(str::to_owned);
    until("the node has ended", || {
        chopmark(&replayed.each_ref().map(String::as_str))
            .status
            .success()
    });
}

/// From the solo ledger's root and from the new one, with the Rust verifier and with the JavaScript one.
fn both_roots_lead_to_old_and_new(before: &Before, nodes: &[Stack], newest: &str) {
    let (solo, new) = (
        before.text("solo-root.json"),
        before.text("out/trust-root.json"),
    );
    let old = before.path("old.json");
    std::fs::write(&old, before.resolution.to_string()).unwrap();
    javascript(
        &solo,
        &old.display().to_string(),
        &["--max-age", "any"],
        "has version 0-",
    );
    for node in nodes {
        for root in [&solo, &new] {
            for did in [&before.oldest, &before.product, newest] {
                succeeds(&[
                    "did",
                    "resolve",
                    did,
                    "--verify",
                    "--trust-root",
                    root,
                    "--url",
                    node.base(),
                ]);
            }
        }
    }
    for did in [&before.oldest, newest] {
        let bundle = before.text("new.bundle.json");
        succeeds(&[
            "did",
            "resolve",
            did,
            "--bundle",
            &bundle,
            "--trust-root",
            &solo,
            "--url",
            nodes[3].base(),
        ]);
        for root in [&solo, &new] {
            succeeds(&[
                "did",
                "resolve",
                "--from-bundle",
                &bundle,
                "--trust-root",
                root,
            ]);
            javascript(root, &bundle, &[], "promoted to a consortium");
        }
    }
}

/// A bundle without its handover, or with the last solo header as if it were any change, proves nothing.
fn nobody_is_led_past_the_promotion(before: &Before, node: &Remote) {
    let solo = before.text("solo-root.json");
    let whole: Value =
        serde_json::from_slice(&std::fs::read(before.path("new.bundle.json")).unwrap()).unwrap();
    let evidence: Evidence = serde_json::from_value(whole["evidence"].clone()).unwrap();
    let root: TrustRoot =
        serde_json::from_slice(&std::fs::read(before.path("solo-root.json")).unwrap()).unwrap();
    let verified = evidence.verify(&root, chop_http::clock::now_ms()).unwrap();
    assert!(
        verified
            .promotion
            .is_some_and(|last| last < verified.header.height)
    );

    let mut missing = whole.clone();
    missing["evidence"]
        .as_object_mut()
        .unwrap()
        .remove("handover");
    let mut skipped = missing.clone();
    skipped["evidence"]["headers"] = json!([whole["evidence"]["handover"]["last"]]);
    let later = node
        .get(&format!("/v1/headers/{}", verified.header.height))
        .json();
    let mut other_first = whole.clone();
    other_first["evidence"]["handover"]["first"] = later["signedHeader"].clone();
    let mut other_record = whole.clone();
    other_record["evidence"]["handover"]["record"]["value"] = json!("{\"height\":1}");
    for (bundle, code) in [
        (missing, "proof.untrusted-validators"),
        (skipped, "proof.handover"),
        (other_first, "proof.handover"),
        (other_record, "proof.path-mismatch"),
    ] {
        let file = before.text("forged.bundle.json");
        std::fs::write(&file, bundle.to_string()).unwrap();
        refused(&[
            "did",
            "resolve",
            "--from-bundle",
            &file,
            "--trust-root",
            &solo,
        ]);
        if let Some(output) = verify_in_javascript(&solo, &file, &[]) {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(code), "{code}: {said}");
        }
    }
}

/// A stale copy of the solo ledger's folder still has its key. It forks, and that shows.
fn a_solo_key_that_signs_on_is_noticed(before: &Before, nodes: &[Stack]) {
    let fork = Stack::start(&before.path("stale"));
    let target = height(&nodes[0]);
    until("the fork is above the promotion", || {
        let (envelope, _) = before.party.create_products(1);
        fork.post("/v1/transactions", &envelope);
        height(&fork) > target
    });
    until("the consortium is as high", || {
        let (envelope, _) = before.party.create_products(1);
        nodes[0].post("/v1/transactions", &envelope);
        height(&nodes[1]) > height(&fork) + 1
    });
    let new = before.text("out/trust-root.json");
    let stranger = refused(&[
        "did",
        "resolve",
        &before.oldest,
        "--verify",
        "--trust-root",
        &new,
        "--url",
        fork.base(),
    ]);
    assert!(
        stranger.contains("not by the pinned validators"),
        "{stranger}"
    );

    let solo = before.text("solo-root.json");
    let evidence = before.path("fork.json");
    let output = Command::new(binary())
        .current_dir(before.folder.path())
        .args([
            "did",
            "resolve",
            &before.oldest,
            "--verify",
            "--trust-root",
            &solo,
        ])
        .args(["--url", fork.base(), "--witness", nodes[1].base()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("fork"), "{said}");
    let file = std::fs::read_dir(before.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.display().to_string().contains("fork-"))
        .unwrap_or(evidence);
    let proven: Fork = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert!(
        proven.handover.is_some(),
        "one branch crosses the promotion"
    );
    succeeds(&[
        "ledger",
        "fork",
        &file.display().to_string(),
        "--trust-root",
        &solo,
    ]);
}

fn javascript(root: &str, answer: &str, options: &[&str], says: &str) {
    let Some(output) = verify_in_javascript(root, answer, options) else {
        return;
    };
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(printed.contains(says), "{printed}");
}

/// `None` where Node is not installed, which CI does not forgive.
fn verify_in_javascript(root: &str, answer: &str, options: &[&str]) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../registry/verifier-js/verify.mjs");
    let mut command = Command::new("node");
    match command
        .arg(script)
        .args(options)
        .args([root, answer])
        .output()
    {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var("CI").is_err(), "node is not installed");
            None
        }
        output => Some(output.unwrap()),
    }
}
