//! Nonsense gets a problem document with the right status, at once.

use crate::support::http::{Answer, Request};
use crate::support::stack::Stack;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Every route that takes a body.
const WRITES: &[&str] = &[
    "/v1/transactions",
    "/v1/verifications",
    "/credentials/verify",
    "/presentations/verify",
    "/v1/issuers",
    "/issuers/tester/credentials/issue",
    "/v1/issuers/tester/credentials",
    "/v1/issuers/tester/status",
    "/credentials/status",
    "/1.0/create",
    "/1.0/update",
    "/1.0/deactivate",
];

/// Starts a stack with an issuing instance for the routes that need one.
fn stack_with_instance(data: &Path) -> Stack {
    let stack = Stack::start(data);
    let answer = stack.post(
        "/v1/issuers",
        &json!({"name": "tester", "suite": "eddsa-jcs-2022"}),
    );
    assert_eq!(answer.status, 201, "{}", answer.text());
    stack
}

/// An answer in this time counts as at once, on a machine that is busy with other tests.
const AT_ONCE: Duration = Duration::from_secs(2);

fn bad_bodies() -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let nested = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    let nested_objects = [
        br#"{"a":"#.repeat(10_000),
        b"1".to_vec(),
        vec![b'}'; 10_000],
    ]
    .concat();
    vec![
        ("nothing", Vec::new(), &[400]),
        ("half an object", b"{\"credential\":".to_vec(), &[400]),
        ("words", b"hello".to_vec(), &[400]),
        ("a number", b"42".to_vec(), &[400, 422]),
        ("null", b"null".to_vec(), &[400, 422]),
        ("a text", b"\"text\"".to_vec(), &[400, 422]),
        ("a list", b"[]".to_vec(), &[400, 422]),
        ("members of the wrong type", br#"{"credential":1,"verifiableCredential":1,"verifiablePresentation":[],"actions":"x","did":5,"name":{},"options":3}"#.to_vec(), &[400, 404, 422]),
        ("two values", b"{} {}".to_vec(), &[400]),
        ("a duplicate key", br#"{"credential":{},"credential":{}}"#.to_vec(), &[400]),
        ("bytes that are not UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec(), &[400]),
        ("a lone surrogate", br#"{"a":"\ud800"}"#.to_vec(), &[400]),
        ("10,000 nested lists", nested, &[400]),
        ("10,000 nested objects", nested_objects, &[400]),
    ]
}

#[test]
fn every_route_answers_every_bad_body_with_a_problem() {
    let data = tempfile::tempdir().unwrap();
    let stack = stack_with_instance(data.path());
    let mut wrong = Vec::new();
    for path in WRITES {
        for (name, body, statuses) in bad_bodies() {
            let answer = stack.send(
                &Request::new("POST", path)
                    .bearer(stack.token())
                    .body("application/json", &body),
            );
            note(
                &mut wrong,
                &format!("POST {path}, {name}"),
                &answer,
                statuses,
            );
        }
        let big = vec![b' '; 10 * 1024 * 1024];
        let answer = stack.send(
            &Request::new("POST", path)
                .bearer(stack.token())
                .body("application/json", &big),
        );
        note(&mut wrong, &format!("POST {path}, 10 MiB"), &answer, &[413]);
        for media_type in [
            "application/xml",
            "text/plain",
            "multipart/form-data; boundary=x",
            "nonsense",
        ] {
            let answer = stack.send(
                &Request::new("POST", path)
                    .bearer(stack.token())
                    .body(media_type, b"{}"),
            );
            note(
                &mut wrong,
                &format!("POST {path}, {media_type}"),
                &answer,
                &[415],
            );
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn writes_without_the_token_are_refused_before_their_body_is_judged() {
    let data = tempfile::tempdir().unwrap();
    let stack = stack_with_instance(data.path());
    let mut wrong = Vec::new();
    for path in [
        "/v1/transactions",
        "/1.0/create",
        "/v1/issuers",
        "/issuers/tester/credentials/issue",
        "/v1/issuers/tester/status",
        "/credentials/status",
    ] {
        for request in [
            Request::new("POST", path),
            Request::new("POST", path).bearer("wrong"),
        ] {
            let answer = stack.send(&request.body("application/json", b"{"));
            note(&mut wrong, &format!("POST {path}"), &answer, &[401]);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn bad_paths_and_methods_get_a_problem() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let mut wrong = Vec::new();
    let cases: &[(&str, &str, &[u16])] = &[
        ("GET", "/nowhere", &[404]),
        ("GET", "/../../etc/passwd", &[400, 404]),
        ("GET", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", &[400, 404]),
        ("DELETE", "/v1/status", &[405]),
        ("PUT", "/v1/transactions", &[405]),
        ("GET", "/v1/transactions/x", &[400, 404]),
        ("GET", "/v1/blocks/minus-one", &[400]),
        ("GET", "/v1/blocks/-1", &[400]),
        ("GET", "/v1/blocks/99999999999999999999999", &[400]),
        ("GET", "/v1/blocks/999999999", &[404]),
        ("GET", "/v1/state/%ff%fe", &[400]),
        ("GET", "/v1/dids/not-a-did/log", &[400]),
        ("GET", "/statuslists/nothing", &[404]),
        ("GET", "/statuslists/..%2f..%2fadmin.token", &[400, 404]),
    ];
    for (method, path, statuses) in cases {
        let answer = stack.send(&Request::new(method, path));
        note(&mut wrong, &format!("{method} {path}"), &answer, statuses);
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn resolution_names_each_error_as_the_specification_does() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let ledger = stack.get("/v1/status").json()["ledger"].as_str().unwrap()[..16].to_owned();
    let absent = format!("did:chop:{ledger}:a{}", "a".repeat(52));
    let stranger = format!("did:chop:{}:a{}", "a".repeat(16), "a".repeat(52));
    let twice = format!("{absent}?versionId=1&versionId=2");
    let cases = [
        ("not-a-did", 400, "INVALID_DID"),
        ("did:", 400, "INVALID_DID"),
        ("did:example", 400, "INVALID_DID"),
        ("did:CHOP:x:y", 400, "INVALID_DID"),
        ("did:chop:short", 400, "INVALID_DID"),
        ("did:nosuchmethod:abc", 501, "METHOD_NOT_SUPPORTED"),
        (absent.as_str(), 404, "NOT_FOUND"),
        (twice.as_str(), 400, "INVALID_DID_URL"),
        ("did:web:127.0.0.1", 400, ""),
        ("did:web:localhost", 400, ""),
        ("did:web:a%2f..%2f..%2fetc", 400, ""),
    ];
    for (did, status, error) in cases {
        let path = format!(
            "/1.0/identifiers/{}",
            did.replace('?', "%3F")
                .replace('&', "%26")
                .replace('=', "%3D")
        );
        let answer = stack.get(&path);
        let body = answer.text();
        assert!(answer.took < AT_ONCE, "{did}: {:?}", answer.took);
        if error.is_empty() {
            assert!(
                (400..=504).contains(&answer.status) && answer.status != 200,
                "{did}: {} {body}",
                answer.status
            );
        } else {
            assert_eq!(answer.status, status, "{did}: {body}");
            let answer = answer.json();
            // A DID URL with a query is dereferenced.
            let metadata = if did.contains('?') {
                "dereferencingMetadata"
            } else {
                "didResolutionMetadata"
            };
            let found = answer[metadata]["error"]["type"].clone();
            assert_eq!(
                found,
                format!("https://www.w3.org/ns/did#{error}"),
                "{did}: {body}"
            );
        }
    }
    // A ledger that is not pinned here is an error of its own, never NOT_FOUND.
    let answer = stack.get(&format!("/1.0/identifiers/{stranger}"));
    assert_ne!(answer.status, 200);
    assert_ne!(
        answer.json()["didResolutionMetadata"]["error"]["type"],
        "https://www.w3.org/ns/did#NOT_FOUND"
    );
}

#[test]
fn is_well_after_all_of_it() {
    let data = tempfile::tempdir().unwrap();
    let stack = stack_with_instance(data.path());
    for path in WRITES {
        for (_, body, _) in bad_bodies() {
            stack.send(
                &Request::new("POST", path)
                    .bearer(stack.token())
                    .body("application/json", &body),
            );
        }
    }
    assert_eq!(stack.get("/readyz").status, 200);
}

/// Notes what is wrong with an answer, so that one run shows all that is wrong.
fn note(wrong: &mut Vec<String>, what: &str, answer: &Answer, statuses: &[u16]) {
    let media_type = answer.header("content-type").unwrap_or_default();
    if !statuses.contains(&answer.status) {
        wrong.push(format!(
            "{what}: {} instead of {statuses:?}: {:.200}",
            answer.status,
            answer.text()
        ));
    } else if !media_type.starts_with("application/problem+json") {
        wrong.push(format!("{what}: {} with {media_type:?}", answer.status));
    } else if answer.json()["status"] != answer.status
        || answer.json()["title"].as_str().is_none_or(str::is_empty)
    {
        wrong.push(format!("{what}: no whole problem: {}", answer.text()));
    } else if answer.took > AT_ONCE {
        wrong.push(format!("{what}: {:?}", answer.took));
    }
}
