//! Tests: what the vectors do not reach.

use super::*;
use proptest::prelude::*;

#[test]
fn urls_have_a_scheme_and_something_after_it() {
    for good in [
        "https://example.org/a?b#c",
        "http://localhost:8400/x",
        "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "did:example:a",
        "did:web:example.org:issuers:1",
        "did:chop:abc:def#key-1",
        "mailto:a@example.org",
        "https://例え.テスト/",
    ] {
        assert!(is_url(good), "{good}");
    }
    for bad in [
        "",
        "a",
        ":",
        "a:",
        ":a",
        "1a:b",
        "https:",
        "https:/x",
        "https://",
        "https:///x",
        "https://?x",
        "did:",
        "did:a",
        "did::a",
        "did:a:",
        "urn:a b",
        "urn:a\tb",
        "https://a/\u{0}",
        "ht tp://a",
        "urn:<a>",
        "urn:a\\b",
        "urn:{a}",
    ] {
        assert!(!is_url(bad), "{bad:?}");
    }
}

#[test]
fn a_credential_answers_for_one_or_several_of_everything() {
    let one = serde_json::json!({
        "@context": [Version::V2.base_context()],
        "type": ["VerifiableCredential", "A", "B"],
        "issuer": {"id": "did:example:i"},
        "credentialSubject": [{"id": "did:example:a"}, {"name": "x"}],
        "credentialSchema": {"id": "urn:s:1", "type": "JsonSchema"},
    });
    let credential = Credential::from_value(one).unwrap();
    assert_eq!(credential.issuer(), "did:example:i");
    assert_eq!(credential.specific_types().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(
        credential.subject_ids().collect::<Vec<_>>(),
        ["did:example:a"]
    );
    assert_eq!(credential.schemas().count(), 1);
}

/// RFC 3986 §3.1 and what a URL may not hold, word for word.
fn as_it_is_defined(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let well_formed = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && !rest.is_empty()
        && !rest
            .chars()
            .any(|c| c <= ' ' || c == '\u{7f}' || "\"<>\\^`{|}".contains(c));
    match scheme {
        "http" | "https" => {
            let host = rest.strip_prefix("//").unwrap_or_default();
            well_formed && !host.is_empty() && !host.starts_with(['/', '?', '#'])
        }
        "did" => {
            let method = rest.split_once(':').unwrap_or_default();
            well_formed && !method.0.is_empty() && !method.1.is_empty() && !rest.ends_with(':')
        }
        _ => well_formed,
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_url_check_panic(text in "\\PC{0,40}") {
        let _ = is_url(&text);
    }

    #[test]
    fn a_url_is_what_its_definition_says(
        scheme in prop::sample::select(vec!["http", "https", "did", "urn", "a+b-c.1", "1a", "", "h ttp", "é"]),
        rest in "(:|//|/|:a|:a:)?[ -~\u{0}-\u{20}\u{7f}é]{0,4}[:a]?",
    ) {
        let text = format!("{scheme}{rest}");
        prop_assert_eq!(is_url(&text), as_it_is_defined(&text), "{:?}", text);
        let text = format!("{scheme}:{rest}");
        prop_assert_eq!(is_url(&text), as_it_is_defined(&text), "{:?}", text);
    }
}
