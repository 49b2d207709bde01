//! Tests.

use super::*;
use serde_json::json;

#[test]
fn a_name_is_safe_in_urls_and_keys() {
    for good in ["abc", "quality-inspection", "a1-b2"] {
        assert_eq!(SchemaName::parse(good).unwrap().as_str(), good);
    }
    let long = "a".repeat(65);
    for bad in [
        "", "ab", "1abc", "Abc", "a_b", "a/b", "abc-", "a--b", "a.b", "äbc", &long,
    ] {
        assert_eq!(SchemaName::parse(bad), Err(SchemaTermError::Name), "{bad}");
    }
}

#[test]
fn a_version_has_one_spelling_and_is_ordered_by_number() {
    let version = |text| SemVer::parse(text).unwrap();
    assert_eq!(version("1.20.3").to_string(), "1.20.3");
    assert!(version("1.10.0") > version("1.9.9"));
    assert!(version("2.0.0") > version("1.999999.999999"));
    for bad in [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "01.0.0",
        "1.0.0-rc1",
        "1.0.+1",
        "1..0",
        "1.0.1000000",
        "v1.0.0",
    ] {
        assert_eq!(SemVer::parse(bad), Err(SchemaTermError::Version), "{bad}");
    }
}

#[test]
fn a_body_is_its_own_canonical_form_within_its_bounds() {
    let body = SchemaBody::canonical(&json!({"b": 1.1, "a": [true]})).unwrap();
    assert_eq!(body.text(), r#"{"a":[true],"b":1.1}"#);
    // sha256sum of the text.
    assert_eq!(body.digest(), schema_digest(body.text().as_bytes()));
    for bad in [r#"{"b":1,"a":1}"#, r#"{"a": 1}"#, "[]", r#"{"a":1.0}"#] {
        assert_eq!(
            SchemaBody::parse(bad),
            Err(SchemaTermError::NotCanonical),
            "{bad}"
        );
    }
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(64 * 1024));
    let deep = format!("{}1{}", r#"{"a":"#.repeat(33), "}".repeat(33));
    for bad in [large.as_str(), deep.as_str(), r#"{"a":1,"a":1}"#, "{"] {
        assert!(matches!(
            SchemaBody::parse(bad),
            Err(SchemaTermError::Json(_))
        ));
    }
}

#[test]
fn the_digest_is_plain_sha_256() {
    // SHA-256 of "{}", as sha256sum prints it.
    let expected = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let digest = SchemaBody::parse("{}").unwrap().digest();
    assert_eq!(data_encoding::HEXLOWER.encode(digest.as_bytes()), expected);
}

#[test]
fn a_url_names_a_document_by_its_digest_whatever_the_host() {
    let digest = schema_digest(b"{}");
    for good in [
        format!("https://a.example/schemas/{digest}"),
        format!("http://127.0.0.1:8400/schemas/{digest}"),
        format!("https://a.example/registry/schemas/{digest}"),
    ] {
        assert_eq!(digest_of_url(&good), Some(digest), "{good}");
    }
    for bad in [
        format!("https://a.example/schemas/{digest}#x"),
        format!("https://a.example/schemas/{digest}?x"),
        format!("https://a.example/schema/{digest}"),
        format!("https://a.example?/schemas/{digest}"),
        format!("https:///schemas/{digest}"),
        format!("ftp://a.example/schemas/{digest}"),
        format!(
            "https://a.example/schemas/{}",
            digest.to_string().to_uppercase()
        ),
        "https://a.example/schemas/".to_owned(),
    ] {
        assert_eq!(digest_of_url(&bad), None, "{bad}");
    }
}

#[test]
fn a_reason_is_a_short_line() {
    assert!(DeprecationReason::parse("grades were renamed").is_ok());
    for bad in ["", "a\nb", &"x".repeat(257)] {
        assert_eq!(DeprecationReason::parse(bad), Err(SchemaTermError::Reason));
    }
}
