//! Requests that are none: a problem document, at once, with the right status.

use axum::body::Body;
use axum::http::Request;
use chop_http::Metrics;
use chop_http::stack::{Limits, wrap};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{MINUTE, START, World};

const ROUTES: [&str; 4] = [
    "/v1/verifications",
    "/v1/verifications/batch",
    "/credentials/verify",
    "/presentations/verify",
];

fn member_of(route: &str) -> &'static str {
    match route {
        "/v1/verifications" => "credential",
        "/v1/verifications/batch" => "credentials",
        "/credentials/verify" => "verifiableCredential",
        _ => "verifiablePresentation",
    }
}

#[tokio::test]
async fn malformed_bodies_are_400() {
    let world = World::new();
    for route in ROUTES {
        let member = member_of(route);
        let nested = format!(
            "{{\"{member}\":{}{}}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        let bodies: Vec<Vec<u8>> = vec![
            b"".to_vec(),
            b"{".to_vec(),
            b"[]".to_vec(),
            b"null".to_vec(),
            b"{}".to_vec(),
            b"\"text\"".to_vec(),
            nested.into_bytes(),
            format!("{{\"{member}\":{{}},\"{member}\":{{}}}}").into_bytes(),
            format!("{{\"{member}\":{{\"a\":1,\"a\":2}}}}").into_bytes(),
            format!("{{\"{member}\":{{}},\"options\":7}}").into_bytes(),
            format!("{{\"{member}\":{{}},\"options\":{{\"checks\":[\"nonsense\"]}}}}").into_bytes(),
            vec![b'{', b'"', 0xff, b'"', b'}'],
        ];
        for body in bodies {
            let shown = String::from_utf8_lossy(&body)
                .chars()
                .take(60)
                .collect::<String>();
            let (status, problem) = world.post(route, body).await;
            assert_eq!(
                (status, problem["status"].as_u64()),
                (400, Some(400)),
                "{route} {shown}"
            );
        }
    }
}

#[tokio::test]
async fn native_requests_name_one_thing_and_no_unknown_member() {
    let world = World::new();
    let credential = world.inspection(START + 10 * MINUTE);
    for body in [
        json!({"credential": credential, "presentation": {}}),
        json!({"credential": credential, "extra": 1}),
        json!({"credential": credential, "options": {"extra": 1}}),
        json!({"credential": credential, "options": {"policy": "lenient"}}),
        json!({"credential": credential, "options": {"asOf": "yesterday"}}),
        json!({"credential": credential, "options": {"asOf": "2099-01-01T00:00:00Z"}}),
    ] {
        let (status, problem) = world.post("/v1/verifications", body.to_string()).await;
        assert_eq!(status, 400, "{problem}");
    }
}

#[tokio::test]
async fn things_that_are_no_credential_are_refused_and_never_accepted() {
    let world = World::new();
    let credential = world.inspection(START + 10 * MINUTE);
    let mut proof_null = credential.clone();
    proof_null["proof"] = Value::Null;
    let mut no_proof = credential.clone();
    no_proof.as_object_mut().unwrap().remove("proof");
    let mut dangling = credential.clone();
    dangling["proof"]["previousProof"] = json!("urn:uuid:nothing");
    let things = [
        json!({}),
        json!(7),
        json!([]),
        json!("eyJ.not.atoken"),
        json!(credential.to_string()),
        proof_null,
        no_proof,
        dangling,
    ];
    for thing in things {
        let verdict = world.judge(&thing).await;
        assert_ne!(verdict["outcome"], "accepted", "{thing}");
        for options in [
            json!({}),
            json!({"checks": ["proof"]}),
            json!({"checks": []}),
        ] {
            let body = json!({"verifiableCredential": thing, "options": options}).to_string();
            let (status, answer) = world.post("/credentials/verify", body).await;
            assert_eq!(status, 400, "{thing} {options} {answer}");
            let body = json!({"verifiablePresentation": thing, "options": options}).to_string();
            assert_eq!(
                world.post("/presentations/verify", body).await.0,
                400,
                "{thing} {options}"
            );
        }
    }
}

#[tokio::test]
async fn large_bodies_and_other_media_types_are_refused() {
    let world = World::new();
    let service = wrap(
        world.verifier.clone(),
        Metrics::new(),
        None,
        Limits::default(),
    );
    for route in ROUTES {
        for (media_type, size, expected) in [
            ("application/json", 10 * 1024 * 1024, 413),
            ("text/plain", 2, 415),
            ("application/xml", 2, 415),
        ] {
            let body = Body::from(" ".repeat(size));
            let request = Request::post(route)
                .header("content-type", media_type)
                .body(body)
                .unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), expected, "{route} {media_type}");
            assert_eq!(
                response.headers()["content-type"],
                chop_http::problem::MEDIA_TYPE
            );
        }
    }
}

#[test]
fn the_description_names_every_route() {
    let description = serde_json::to_value(chop_verifier::openapi()).unwrap();
    for route in ROUTES {
        assert!(description["paths"][route]["post"].is_object(), "{route}");
    }
}
