//! Starting, stopping and starting again.

use crate::support::http::Request;
use crate::support::party::Party;
use crate::support::stack::{self, Stack};
use serde_json::{Value, json};
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
fn conformance_mode_issues_with_every_instance_without_a_token_and_verifies_what_it_issued() {
    let data = tempfile::tempdir().unwrap();
    let stack = conformance(data.path());
    let post = |path: &str, body: Value| {
        let body = serde_json::to_vec(&body).unwrap();
        stack.send(&Request::new("POST", path).body("application/json", &body))
    };
    let issuers = stack.get("/v1/issuers").json();
    let names: Vec<&str> = issuers
        .as_array()
        .unwrap()
        .iter()
        .map(|shown| shown["name"].as_str().unwrap())
        .collect();
    for expected in [
        "bbs-2023",
        "ecdsa-sd-2023",
        "ed25519-2020",
        "eddsa-jcs-2022",
        "eddsa-rdfc-2022",
        "jwt",
        "p256/ecdsa-jcs-2019",
        "p256/ecdsa-rdfc-2019",
        "p384/ecdsa-jcs-2019",
        "p384/ecdsa-rdfc-2019",
    ] {
        assert!(names.contains(&expected), "{expected} is not in {names:?}");
    }
    for shown in issuers.as_array().unwrap() {
        let name = shown["name"].as_str().unwrap();
        if name.ends_with("sd-jwt-vc") {
            // No credential of the W3C data model, so it goes by the native route.
            let claims =
                json!({"credential": {"vct": "https://example.org/badge", "name": "Somebody"}});
            let answer = post(shown["issuePath"].as_str().unwrap(), claims);
            assert_eq!(answer.status, 201, "{name}: {}", answer.text());
            let issued = answer.json()["verifiableCredential"].clone();
            let answer = post("/v1/verifications", json!({"credential": issued}));
            assert_eq!(
                answer.json()["outcome"],
                "accepted",
                "{name}: {}",
                answer.text()
            );
            continue;
        }
        let credential = json!({"credential": {
            "issuer": shown["did"],
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential"],
            "credentialSubject": {"id": "did:example:subject", "name": "Somebody"},
        }});
        let answer = post(shown["issuePath"].as_str().unwrap(), credential);
        assert_eq!(answer.status, 201, "{name}: {}", answer.text());
        let mut secured = answer.json()["verifiableCredential"].clone();
        if matches!(name, "ecdsa-sd-2023" | "bbs-2023") {
            let derive = json!({"verifiableCredential": secured, "options": {"selectivePointers": ["/issuer", "/credentialSubject"]}});
            let answer = post("/credentials/derive", derive);
            assert_eq!(answer.status, 201, "{name}: {}", answer.text());
            secured = answer.json()["verifiableCredential"].clone();
        }
        let verify = json!({"verifiableCredential": secured, "options": {}});
        let answer = post("/credentials/verify", verify);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
}

#[test]
fn conformance_mode_answers_over_https_with_a_certificate_of_its_own() {
    let data = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let listen = format!("127.0.0.1:{port}");
    let _stack = Stack::start_with(data.path(), &["--conformance", "--tls-listen", &listen]);
    let kept = std::fs::read_to_string(data.path().join("tls.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let certificate = data.path().join("certificate.pem");
    std::fs::write(&certificate, kept["certificate"].as_str().unwrap()).unwrap();
    let did = "did:key:z6MktKwz7Ge1Yxzr4JHavN33wiwa8y81QdcMRLXQsrH9T53b";
    let resolve = |trusted: &[&std::ffi::OsStr]| {
        Command::new(stack::binary())
            .args(["--json", "did", "resolve", did, "--url"])
            .arg(format!("https://{listen}"))
            .args(trusted)
            .output()
            .unwrap()
    };
    let answer = resolve(&["--tls-certificate".as_ref(), certificate.as_os_str()]);
    assert!(
        answer.status.success(),
        "{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    assert!(String::from_utf8_lossy(&answer.stdout).contains(did));
    assert!(
        !resolve(&[]).status.success(),
        "a certificate that nobody vouches for is believed"
    );
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
