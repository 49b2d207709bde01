use super::*;
use serde_json::json;

fn url(did: &str) -> Option<String> {
    document_url(&Did::parse(did).ok()?).ok()
}

#[test]
fn maps_domains_ports_and_paths() {
    assert_eq!(
        url("did:web:w3c-ccg.github.io").unwrap(),
        "https://w3c-ccg.github.io/.well-known/did.json"
    );
    assert_eq!(
        url("did:web:w3c-ccg.github.io:user:alice").unwrap(),
        "https://w3c-ccg.github.io/user/alice/did.json"
    );
    assert_eq!(
        url("did:web:example.com%3A3000:user:alice").unwrap(),
        "https://example.com:3000/user/alice/did.json"
    );
}

#[test]
fn maps_an_international_domain_to_ascii() {
    assert_eq!(
        url("did:web:b%C3%BCcher.example").unwrap(),
        "https://xn--bcher-kva.example/.well-known/did.json"
    );
}

#[test]
fn refuses_addresses_and_what_hides_them() {
    for id in [
        "127.0.0.1",
        "0x7f000001",
        "2130706433",
        "127.1",
        "%5B%3A%3A1%5D",
        "a%2540b",
        "good.example%2Fx",
        "%00.example",
    ] {
        assert_eq!(url(&format!("did:web:{id}")), None, "{id}");
    }
}

#[test]
fn refuses_segments_that_climb_or_hide_a_separator() {
    for segment in [
        "..",
        "%2e%2e",
        ".",
        "a%2Fb",
        "a%5Cb",
        "%252e%252e",
        "%00",
        "%20a",
    ] {
        assert_eq!(
            url(&format!("did:web:example.com:{segment}")),
            None,
            "{segment}"
        );
    }
    assert_eq!(url("did:web:example.com::a"), None);
}

#[test]
fn checks_that_the_document_is_of_the_did() {
    let did = Did::parse("did:web:example.com").unwrap();
    assert!(check_document(&did, br#"{"id":"did:web:example.com"}"#).is_ok());
    for bad in [
        &br#"{"id":"did:web:evil.example"}"#[..],
        b"{}",
        b"[]",
        b"<html>",
        br#"{"id":"did:web:example.com","id":"x"}"#,
    ] {
        assert_eq!(
            check_document(&did, bad).unwrap_err().kind(),
            ErrorKind::InvalidDidDocument
        );
    }
}

#[test]
fn an_alias_counts_only_when_both_sides_state_it() {
    let ours = json!({"id": "did:chop:x", "alsoKnownAs": ["did:web:example.com"]});
    let theirs = json!({"id": "did:web:example.com", "alsoKnownAs": ["did:chop:x"]});
    assert!(is_mutual_alias(&ours, &theirs));
    assert!(!is_mutual_alias(
        &ours,
        &json!({"id": "did:web:example.com"})
    ));
    assert!(!is_mutual_alias(&json!({"id": "did:chop:x"}), &theirs));
    assert!(!is_mutual_alias(
        &ours,
        &json!({"id": "did:web:other.example", "alsoKnownAs": ["did:chop:x"]})
    ));
}
