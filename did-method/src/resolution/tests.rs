use super::*;
use crate::did::Did;
use serde_json::json;

const DID: &str = "did:web:example.com";

fn resolved() -> Resolved {
    Resolved::of_document(json!({
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": DID,
        "verificationMethod": [{"id": format!("{DID}#k"), "type": "Multikey", "controller": DID, "publicKeyMultibase": "z6Mk"}],
        "assertionMethod": [format!("{DID}#k")],
        "service": [
            {"id": format!("{DID}#files"), "type": "Files", "serviceEndpoint": "https://example.com/a/b"},
            {"id": format!("{DID}#more"), "type": ["Files", "X"], "serviceEndpoint": ["https://one.example/", "https://two.example/"]},
            {"id": format!("{DID}#map"), "type": "Map", "serviceEndpoint": {"a": 1}},
        ],
    }))
}

fn follow(tail: &str, relationship: Option<&str>) -> Result<Dereferenced, ErrorKind> {
    let url = DidUrl::parse(&format!("{DID}{tail}")).unwrap();
    dereference(&url, &resolved(), relationship).map_err(|e| e.kind())
}

#[test]
fn a_fragment_leads_to_its_method_with_the_contexts() {
    let part = follow("#k", None).unwrap();
    assert_eq!(part.content()["id"], json!(format!("{DID}#k")));
    assert!(part.content().get("@context").is_some());
    assert_eq!(part.status(), 200);
    assert_eq!(follow("#x", None), Err(ErrorKind::NotFound));
}

#[test]
fn a_relationship_is_checked_against_the_document() {
    assert!(follow("#k", Some("assertionMethod")).is_ok());
    assert_eq!(
        follow("#k", Some("authentication")),
        Err(ErrorKind::InvalidRelationship)
    );
    assert_eq!(
        follow("#files", Some("authentication")),
        Err(ErrorKind::InvalidVerificationMethod)
    );
    assert_eq!(
        follow("#k", Some("friendship")),
        Err(ErrorKind::InvalidOptions)
    );
}

#[test]
fn a_service_with_a_relative_reference_redirects() {
    let found = follow("?service=files&relativeRef=%2Fx%3Fy%3D1#part", None).unwrap();
    assert_eq!(
        (found.status(), found.redirect()),
        (303, Some("https://example.com/x?y=1#part"))
    );
    let found = follow("?service=files&relativeRef=c", None).unwrap();
    assert_eq!(found.redirect(), Some("https://example.com/a/c"));
    let found = follow("?service=files", None).unwrap();
    assert_eq!(found.redirect(), Some("https://example.com/a/b"));
}

#[test]
fn a_type_of_service_may_lead_to_several_places() {
    let found = follow("?serviceType=Files", None).unwrap();
    assert_eq!(found.redirect(), None);
    assert_eq!(
        found.content(),
        json!([
            "https://example.com/a/b",
            "https://one.example/",
            "https://two.example/"
        ])
    );
    assert_eq!(follow("?service=map", None), Err(ErrorKind::NotFound));
    assert_eq!(follow("?service=none", None), Err(ErrorKind::NotFound));
}

#[test]
fn paths_and_unknown_queries_lead_nowhere() {
    assert_eq!(follow("/a", None), Err(ErrorKind::NotFound));
    assert_eq!(follow("?color=red", None), Err(ErrorKind::NotFound));
    assert!(matches!(
        follow("?versionId=1", None),
        Ok(Dereferenced::Document(_))
    ));
}

#[test]
fn a_webvh_path_follows_the_web_location() {
    let did = "did:webvh:QmRRaLXwc6BjBuBPosSupJwEQ8w9f3znP7yfbpGfwcnLr6:example.com:dids";
    let resolved = Resolved::of_document(json!({"id": did}));
    let follow = |path: &str| {
        dereference(
            &DidUrl::parse(&format!("{did}{path}")).unwrap(),
            &resolved,
            None,
        )
        .unwrap()
    };
    assert_eq!(
        follow("/governance/issuers.json").redirect(),
        Some("https://example.com/dids/governance/issuers.json")
    );
    assert_eq!(
        follow("/whois").redirect(),
        Some("https://example.com/dids/whois.vp")
    );
}

#[test]
fn a_deactivated_did_is_gone() {
    let metadata = DocumentMetadata {
        deactivated: Some(true),
        ..DocumentMetadata::default()
    };
    let gone = Resolved {
        document: None,
        metadata,
        content_type: DID_MEDIA_TYPE,
    };
    assert_eq!(gone.status(), 410);
    assert_eq!(gone.to_result()["didDocument"], Value::Null);
    assert_eq!(
        gone.to_result()["didDocumentMetadata"]["deactivated"],
        json!(true)
    );
    let found = dereference(&DidUrl::parse(&format!("{DID}#k")).unwrap(), &gone, None).unwrap();
    assert_eq!(found.status(), 410);
}

#[test]
fn an_error_is_an_object_with_a_type_a_title_and_a_detail() {
    let error = ResolutionError::from(Did::parse("not-a-did").unwrap_err());
    assert_eq!(error.status(), 400);
    assert_eq!(
        error.to_result(),
        json!({
            "didResolutionMetadata": {"error": {
                "type": "https://www.w3.org/ns/did#INVALID_DID",
                "title": "The DID is invalid",
                "detail": "a DID starts with \"did:\"",
            }},
            "didDocument": null,
            "didDocumentMetadata": {},
        })
    );
}

#[test]
fn a_version_and_a_time_exclude_each_other() {
    assert_eq!(
        Selector::new(Some("1"), Some("2026-01-01T00:00:00Z"))
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidOptions
    );
    assert_eq!(
        Selector::new(None, Some("yesterday")).unwrap_err().kind(),
        ErrorKind::InvalidOptions
    );
    assert_eq!(Selector::new(None, None).unwrap(), Selector::Latest);
    assert_eq!(
        Selector::Id("x".to_owned())
            .refuse_versions("key")
            .unwrap_err()
            .status(),
        501
    );
}
