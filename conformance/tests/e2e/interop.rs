//! One credential each way over HTTP: what the stack issues a peer verifies, and the stack what the peer issues.

use super::support::http::{Answer, Request};
use super::support::stack::Stack;
use chop_conformance::interop::act::{Act, Options, Party as _};
use chop_conformance::interop::keys::Key;
use chop_conformance::interop::peer::{self, Peer};
use chop_conformance::interop::{InteropError, suites};
use serde_json::{Value, json};
use std::io::Write as _;

#[test]
fn the_stack_and_digitalbazaar_verify_one_another_over_http() {
    let Some(mut peer) = start("digitalbazaar") else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start_with(data.path(), &["--conformance"]);
    let issuers = stack.get("/v1/issuers").json();
    let mut exchanged = 0;
    for issuer in issuers.as_array().unwrap() {
        let name = issuer["name"].as_str().unwrap();
        let Some(suite) =
            suite(name).filter(|suite| peer.has(suite.name) && suite.flow == suites::Flow::Proof)
        else {
            continue;
        };
        let issued = issue(&stack, name, issuer["did"].as_str().unwrap());
        let verify = |peer: &mut Peer, secured: &Value| {
            peer.ask(&Act::Verify {
                suite: suite.name,
                secured,
                key: &Value::Null,
                options: Options::default(),
            })
        };
        verify(&mut peer, &issued).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut changed = issued.clone();
        changed["credentialSubject"]["name"] = json!("somebody else");
        assert!(verify(&mut peer, &changed).is_err(), "{name}");

        let key = Key::fixed(suite.key_types[0], 1).unwrap();
        let made = peer
            .ask(&Act::Issue {
                suite: suite.name,
                document: &credential(&key.did()),
                key: &key,
                options: Options::default(),
            })
            .unwrap();
        let answer = post_verify(&stack, &made);
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let mut changed = made;
        changed["credentialSubject"]["name"] = json!("somebody else");
        assert_eq!(post_verify(&stack, &changed).status, 400, "{name}");
        exchanged += 1;
    }
    assert!(
        exchanged >= 3,
        "only {exchanged} instances were exchanged with"
    );
}

fn start(folder: &str) -> Option<Peer> {
    match Peer::start(*peer::find(folder).unwrap()) {
        Ok(peer) => Some(peer),
        Err(error @ InteropError::Missing { .. }) => {
            assert!(std::env::var("CI").is_err(), "{error}");
            // Past the harness, which shows nothing of a test that passes.
            let said = format!("\n*** INTEROPERATION OVER HTTP DID NOT RUN: {error}\n\n");
            std::io::stderr().write_all(said.as_bytes()).unwrap();
            None
        }
        Err(error) => panic!("{folder}: {error}"),
    }
}

/// Finds the suite of an instance such as `p256/ecdsa-jcs-2019`.
fn suite(instance: &str) -> Option<&'static suites::Suite> {
    match instance.rsplit('/').next()? {
        "ed25519-2020" => suites::find("Ed25519Signature2020"),
        name => suites::find(name),
    }
}

fn credential(issuer: &str) -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": issuer,
        "validFrom": "2024-01-01T00:00:00Z",
        "credentialSubject": {"id": "urn:example:subject", "name": "Grüße, 世界"},
    })
}

fn issue(stack: &Stack, instance: &str, did: &str) -> Value {
    let body = json!({"credential": credential(did), "options": {}}).to_string();
    let path = format!("/issuers/{instance}/credentials/issue");
    let answer = stack.send(&Request::new("POST", &path).body("application/json", body.as_bytes()));
    assert_eq!(answer.status, 201, "{instance}: {}", answer.text());
    answer.json()["verifiableCredential"].clone()
}

fn post_verify(stack: &Stack, secured: &Value) -> Answer {
    let body = json!({"verifiableCredential": secured, "options": {}}).to_string();
    stack.send(
        &Request::new("POST", "/credentials/verify").body("application/json", body.as_bytes()),
    )
}
