//! Starting, stopping and starting again.

use crate::support::http::Request;
use crate::support::party::Party;
use crate::support::stack::{self, Stack};
use serde_json::json;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn answers_on_every_service_once_it_says_ready() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/v1/status",
        "/v1/blocks",
        "/v1/genesis",
        "/v1/trust-root",
    ] {
        assert_eq!(stack.get(path).status, 200, "{path}");
    }
    assert_eq!(
        stack.get("/openapi.json").json()["openapi"]
            .as_str()
            .map(|v| &v[..3]),
        Some("3.1")
    );
}

#[test]
fn ends_within_five_seconds_of_sigterm_even_with_an_open_connection() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let idle = TcpStream::connect(stack.authority()).unwrap();
    let (status, took) = stack.terminate();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    drop(idle);
}

#[test]
fn finds_everything_again_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let party = Party::create(&stack);
    let path = format!("/1.0/identifiers/{}", party.did);
    let before = stack.get(&path).json()["didDocument"].clone();
    let token = stack.token().to_owned();
    let ledger = stack.get("/v1/status").json()["ledger"].clone();
    assert!(stack.terminate().0.success());

    let stack = Stack::start(data.path());
    assert_eq!(stack.get(&path).json()["didDocument"], before);
    assert_eq!(stack.get("/v1/status").json()["ledger"], ledger);
    assert_eq!(stack.token(), token);
}

#[test]
fn keeps_what_is_secret_to_its_owner() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("fresh");
    let _stack = Stack::start(&folder);
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.clone()), 0o700);
    for name in ["admin.token", "passphrase"] {
        assert_eq!(mode(folder.join(name)), 0o600, "{name}");
    }
}

#[test]
fn refuses_a_folder_that_another_process_holds() {
    let data = tempfile::tempdir().unwrap();
    let _first = Stack::start(data.path());
    let second = Command::new(stack::binary())
        .args(["up", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("in use"),
        "{}",
        String::from_utf8_lossy(&second.stderr)
    );
}

#[test]
fn conformance_mode_refuses_a_listener_that_is_not_loopback() {
    let data = tempfile::tempdir().unwrap();
    let output = Command::new(stack::binary())
        .args(["up", "--conformance", "--listen", "0.0.0.0:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
}

#[test]
fn conformance_mode_refuses_a_folder_with_keys_of_the_other_mode() {
    let data = tempfile::tempdir().unwrap();
    Stack::start(data.path()).terminate();
    let output = Command::new(stack::binary())
        .args(["up", "--conformance", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
}

#[test]
fn is_ready_within_two_seconds_and_idles_below_a_hundred_mebibytes() {
    let data = tempfile::tempdir().unwrap();
    stack::binary();
    let started = Instant::now();
    let stack = Stack::start(data.path());
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", stack.pid())).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kibibytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kibibytes <= 100 * 1024, "{kibibytes} KiB");
}

#[test]
fn conformance_mode_issues_without_a_token_and_verifies_what_it_issued() {
    let data = tempfile::tempdir().unwrap();
    let stack = conformance(data.path());
    let issuers = stack.get("/v1/issuers").json();
    for instance in [
        "eddsa-jcs-2022",
        "p256/ecdsa-jcs-2019",
        "p384/ecdsa-jcs-2019",
        "jwt",
    ] {
        let shown = issuers.as_array().unwrap();
        let issuer = &shown
            .iter()
            .find(|shown| shown["name"] == instance)
            .unwrap()["did"];
        let credential = json!({"credential": {
            "issuer": issuer,
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential"],
            "credentialSubject": {"id": "did:example:subject"},
        }});
        let body = serde_json::to_vec(&credential).unwrap();
        let path = format!("/issuers/{instance}/credentials/issue");
        let answer = stack.send(&Request::new("POST", &path).body("application/json", &body));
        assert_eq!(answer.status, 201, "{instance}: {}", answer.text());
        let secured =
            json!({"verifiableCredential": answer.json()["verifiableCredential"], "options": {}});
        let body = serde_json::to_vec(&secured).unwrap();
        let answer = stack
            .send(&Request::new("POST", "/credentials/verify").body("application/json", &body));
        assert_eq!(answer.status, 200, "{instance}: {}", answer.text());
    }
}

#[test]
fn conformance_mode_refuses_foreign_hosts_and_origins() {
    let data = tempfile::tempdir().unwrap();
    let stack = conformance(data.path());
    for request in [
        Request::new("GET", "/v1/status").header("Host", "evil.example"),
        Request::new("GET", "/v1/status").header("Origin", "https://evil.example"),
        Request::new("POST", "/v1/issuers")
            .header("Origin", "null")
            .body("application/json", b"{}"),
    ] {
        let answer = stack.send(&request);
        assert!(
            (400..500).contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.text()
        );
    }
    assert_eq!(stack.get("/v1/status").status, 200);
}

fn conformance(data: &Path) -> Stack {
    Stack::start_with(data, &["--conformance"])
}
