//! The workspace keeps its layers.

use chop_conformance::layers::{Metadata, Violation, violations};
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn pure_crates_reach_no_io_and_every_crate_keeps_to_its_layer() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(violations(&metadata), []);
}

#[test]
fn finds_a_pure_crate_that_reaches_tokio_two_steps_away() {
    let graph = workspace(
        &["chop-did"],
        &["gentle", "tokio"],
        &[
            ("chop-did", "gentle", Value::Null),
            ("gentle", "tokio", Value::Null),
        ],
    );
    assert_eq!(
        violations(&graph),
        [Violation::Impure {
            path: ["chop-did", "gentle", "tokio"].map(str::to_owned).to_vec()
        }]
    );
}

#[test]
fn finds_a_pure_crate_that_reaches_an_io_crate_through_another_of_ours() {
    let graph = workspace(
        &["chop-protocol", "chop-did"],
        &["mio"],
        &[
            ("chop-protocol", "chop-did", Value::Null),
            ("chop-did", "mio", Value::Null),
        ],
    );
    let found = violations(&graph);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found.contains(&Violation::Impure {
            path: ["chop-protocol", "chop-did", "mio"]
                .map(str::to_owned)
                .to_vec()
        })
    );
}

#[test]
fn lets_a_pure_crate_test_and_build_with_what_it_may_not_ship() {
    let graph = workspace(
        &["chop-did"],
        &["tokio", "hyper"],
        &[
            ("chop-did", "tokio", json!("dev")),
            ("chop-did", "hyper", json!("build")),
        ],
    );
    assert_eq!(violations(&graph), []);
}

#[test]
fn lets_a_service_reach_io() {
    let graph = workspace(
        &["chop-node"],
        &["tokio"],
        &[("chop-node", "tokio", Value::Null)],
    );
    assert_eq!(violations(&graph), []);
}

#[test]
fn finds_a_crate_that_uses_one_above_it() {
    let graph = workspace(
        &["chop-did", "chop-ledger"],
        &[],
        &[("chop-did", "chop-ledger", Value::Null)],
    );
    assert_eq!(violations(&graph), [layer("chop-did", "chop-ledger")]);
}

#[test]
fn keeps_the_services_away_from_the_ledger_and_the_node() {
    let graph = workspace(
        &[
            "chop-issuer",
            "chop-verifier",
            "chop-ledger",
            "chop-node",
            "chop-client",
        ],
        &[],
        &[
            ("chop-issuer", "chop-ledger", Value::Null),
            ("chop-verifier", "chop-node", json!("build")),
            ("chop-verifier", "chop-client", Value::Null),
        ],
    );
    assert_eq!(
        violations(&graph),
        [
            layer("chop-issuer", "chop-ledger"),
            layer("chop-verifier", "chop-node")
        ]
    );
}

#[test]
fn allows_what_an_allowed_crate_may_use() {
    let graph = workspace(
        &["chop-ledger", "chop-keys"],
        &[],
        &[("chop-ledger", "chop-keys", Value::Null)],
    );
    assert_eq!(violations(&graph), []);
}

#[test]
fn finds_a_crate_without_a_row() {
    let graph = workspace(&["chop-surprise"], &[], &[]);
    assert_eq!(
        violations(&graph),
        [Violation::Unlisted {
            name: "chop-surprise".to_owned()
        }]
    );
}

fn layer(from: &str, to: &str) -> Violation {
    Violation::Layer {
        from: from.to_owned(),
        to: to.to_owned(),
    }
}

/// Makes metadata of a workspace whose package ids are the names with a version behind them.
#[expect(
    clippy::unwrap_used,
    reason = "a made-up graph that does not parse is a mistake of the test"
)]
fn workspace(members: &[&str], others: &[&str], edges: &[(&str, &str, Value)]) -> Metadata {
    let id = |name: &str| format!("{name}@1");
    let names = || members.iter().chain(others);
    let packages: Vec<Value> = names()
        .map(|name| json!({"id": id(name), "name": name}))
        .collect();
    let nodes: Vec<Value> = names()
        .map(|name| {
            let deps: Vec<Value> = edges
                .iter()
                .filter(|(from, ..)| from == name)
                .map(|(_, to, kind)| json!({"pkg": id(to), "dep_kinds": [{"kind": kind}]}))
                .collect();
            json!({"id": id(name), "deps": deps})
        })
        .collect();
    let members: Vec<String> = members.iter().map(|name| id(name)).collect();
    serde_json::from_value(
        json!({"packages": packages, "workspace_members": members, "resolve": {"nodes": nodes}}),
    )
    .unwrap()
}
