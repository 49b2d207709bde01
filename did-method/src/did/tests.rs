use super::*;

#[test]
fn splits_method_and_identifier() {
    let did = Did::parse("did:example:a:b%3A1").unwrap();
    assert_eq!((did.method(), did.id()), ("example", "a:b%3A1"));
}

#[test]
fn refuses_what_the_grammar_does_not_have() {
    for bad in [
        "",
        "did",
        "did:",
        "did:a",
        "did:a:",
        "DID:a:b",
        "did:A:b",
        "did:a:b:",
        "did:a:b c",
        "did:a:b%2",
        "did:a:b#",
        "not-a-did",
    ] {
        assert!(Did::parse(bad).is_err(), "{bad}");
    }
    assert!(matches!(
        Did::parse(&format!("did:a:{}", "b".repeat(MAX_DID_BYTES))),
        Err(DidError::TooLong { .. })
    ));
}

#[test]
fn names_the_byte_that_is_wrong() {
    assert_eq!(
        Did::parse("did:a:b/c"),
        Err(DidError::Character { position: 7 })
    );
}

#[test]
fn splits_a_did_url() {
    let url = DidUrl::parse("did:a:b/p/q?service=s&relativeRef=%2Fx%3Fy%3D1#f").unwrap();
    assert_eq!(
        (url.did().as_str(), url.path(), url.fragment()),
        ("did:a:b", "/p/q", Some("f"))
    );
    assert_eq!(url.parameter("relativeRef"), Some("/x?y=1"));
    assert_eq!(url.parameters().count(), 2);
}

#[test]
fn keeps_an_empty_fragment_apart_from_none() {
    assert_eq!(DidUrl::parse("did:a:b#").unwrap().fragment(), Some(""));
    assert_eq!(DidUrl::parse("did:a:b").unwrap().fragment(), None);
}

#[test]
fn refuses_repeated_parameters_however_they_are_spelt() {
    for query in ["a=1&a=2", "a=1&%61=2", "a&a"] {
        assert!(
            matches!(
                DidUrl::parse(&format!("did:a:b?{query}")),
                Err(DidUrlError::Duplicate { .. })
            ),
            "{query}"
        );
    }
}

#[test]
fn refuses_a_relative_reference_that_climbs_or_leaves() {
    let bad = [
        "/../x",
        "..",
        "%2e%2e/x",
        "%252e%252e/x",
        "%25252e./x",
        "//evil.example/",
        "https:x",
        "%5c..%5cx",
        "a%00b",
        "x%3F%252f..%252fy",
    ];
    for reference in bad {
        let url = format!("did:a:b?service=s&relativeRef={reference}");
        assert!(
            matches!(
                DidUrl::parse(&url),
                Err(DidUrlError::Traversal {
                    part: "relativeRef"
                })
            ),
            "{reference}"
        );
    }
    for reference in ["/a/b", "a..b", "%2Fa%3Fb%3D..c", "...", "a%20b"] {
        assert!(
            DidUrl::parse(&format!("did:a:b?service=s&relativeRef={reference}")).is_ok(),
            "{reference}"
        );
    }
}
