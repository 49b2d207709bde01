//! The read model, built again by its command, is the one that the running node had.

use crate::support::party::Party;
use crate::support::stack::{Stack, binary};
use chop_integrity::Hash;
use chop_protocol::{Action, AnchorCredential};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Everything that lists, search and events show of a small ledger.
fn shown(stack: &Stack) -> Vec<Value> {
    let lists = [
        "blocks?limit=100",
        "transactions?limit=100",
        "dids?limit=100",
        "accreditations?limit=100",
        "proposals/all?limit=100",
        "search?q=did:chop:",
    ];
    lists
        .iter()
        .map(|list| stack.get(&format!("/v1/{list}")).json())
        .collect()
}

fn run(command: &str, data: &Path) -> Output {
    // A node that starts where it should refuse to would run for ever.
    let mut program = Command::new("timeout");
    program.arg("60").arg(binary());
    program.args(command.split(' ')).arg("--data").arg(data);
    program.env_remove("CHOPMARK_READ_MODEL").output().unwrap()
}

/// Waits until the lists show what the ledger has; its height.
fn level(stack: &Stack) -> Value {
    let since = Instant::now();
    loop {
        let status = stack.get("/v1/status").json();
        if status["readModel"] == status["height"] {
            return status["height"].clone();
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn anchor(n: u8) -> Vec<Action> {
    vec![Action::Anchor(AnchorCredential {
        digest: Hash::of("test", &[n]),
        credential_type: None,
        subject: None,
    })]
}

#[test]
fn reindex_makes_the_lists_that_the_running_node_had() {
    let data = tempfile::tempdir().unwrap();
    let older = data.path().join("older.redb");
    let registry = data.path().join("registry.redb");
    let stack = Stack::start(data.path());
    let party = Party::create(&stack);
    let (products, _) = party.create_products(3);
    assert_eq!(stack.post("/v1/transactions", &products).status, 201);
    assert_eq!(party.act(&stack, anchor(1)).status, 201);
    assert_eq!(party.act(&stack, anchor(1)).status, 409);
    let height = level(&stack);
    let before = shown(&stack);
    let running = run("ledger reindex", data.path());
    assert_eq!(running.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&running.stderr).contains("in use"));
    assert!(stack.terminate().0.success());
    fs::copy(&registry, &older).unwrap();

    // Beside an older copy of the ledger the model is of blocks that the node does not have.
    let stack = Stack::start(data.path());
    assert_eq!(party.act(&stack, anchor(2)).status, 201);
    level(&stack);
    assert!(stack.terminate().0.success());
    fs::copy(&older, &registry).unwrap();
    let refused = run("up --listen 127.0.0.1:0", data.path());
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && why.contains("ledger reindex"),
        "{why}"
    );

    let done = run("ledger reindex --json", data.path());
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}");
    let built: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (&built["height"], &built["last"]),
        (&height, &height),
        "{built}"
    );
    assert_eq!(built["from"], 1);
    assert!(
        told.contains(&format!("blocks: {height} of {height}")),
        "{told}"
    );
    assert!(told.contains("state: "), "{told}");
    let stack = Stack::start(data.path());
    assert_eq!(shown(&stack), before);
}
