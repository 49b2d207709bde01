//! Instances of the selective suites.

use super::*;
use chop_credential::Contexts;
use chop_credential::selective::{Reveal, derive, disclosed};

/// What the credential of an instance discloses with these pointers chosen.
fn chosen(issued: &Value, pointers: &[&str]) -> (usize, usize) {
    let pointers: Vec<String> = pointers.iter().map(|text| (*text).to_owned()).collect();
    let reveal = Reveal {
        pointers: &pointers,
        ..Reveal::default()
    };
    let base = issued["verifiableCredential"].as_object().unwrap();
    let derived = derive(base, &Contexts::embedded(), &reveal).unwrap();
    let disclosed = disclosed(derived["proof"].as_object().unwrap()).unwrap();
    (disclosed.mandatory, disclosed.chosen)
}

#[tokio::test]
async fn instances_of_selective_suites_take_mandatory_pointers() {
    let bench = Bench::new().await;
    for suite in ["ecdsa-sd-2023", "bbs-2023"] {
        let (status, made) = bench
            .post("/v1/issuers", &json!({"name": suite, "suite": suite}))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let path = format!("/issuers/{suite}/credentials/issue");
        let credential = bench.credential(suite).await;
        let issue = |options: Value| json!({"credential": credential, "options": options});

        let (status, issued) = bench
            .post(&path, &issue(json!({"mandatoryPointers": ["/issuer"]})))
            .await;
        assert_eq!(status, StatusCode::CREATED, "{issued}");
        // The issuer's pointer takes the credential's type along; the holder adds one statement.
        assert_eq!(chosen(&issued, &["/validFrom"]), (2, 1), "{suite}");
        let (status, issued) = bench.post(&path, &issue(json!({}))).await;
        assert_eq!(status, StatusCode::CREATED, "{issued}");
        assert_eq!(chosen(&issued, &["/validFrom"]), (0, 2), "{suite}");

        for wrong in [
            json!({"mandatoryPointers": ["/nothing"]}),
            json!({"mandatoryPointers": ["issuer"]}),
            json!({"mandatoryPointers": "/issuer"}),
            json!({"mandatoryPointers": [7]}),
            json!({"commitmentWithProof": "uAAAA"}),
            json!({"commitmentWithProof": "AAAA"}),
        ] {
            let (status, refusal) = bench.post(&path, &issue(wrong.clone())).await;
            assert_eq!(
                status,
                StatusCode::BAD_REQUEST,
                "{suite} {wrong}: {refusal}"
            );
        }
    }
}

#[tokio::test]
async fn other_suites_refuse_mandatory_pointers() {
    let bench = Bench::with_instances().await;
    let credential = bench.credential("lab").await;
    let body = json!({"credential": credential, "options": {"mandatoryPointers": ["/issuer"]}});
    let (status, refusal) = bench.post("/issuers/lab/credentials/issue", &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refusal}");
}

#[tokio::test]
async fn an_instance_with_a_bls_key_assigns_no_status() {
    let bench = Bench::new().await;
    bench
        .post("/v1/issuers", &json!({"name": "bbs", "suite": "bbs-2023"}))
        .await;
    let credential = bench.credential("bbs").await;
    let body = json!({"credential": credential, "options": {"credentialStatus": {"statusPurpose": "revocation"}}});
    let (status, refusal) = bench.post("/issuers/bbs/credentials/issue", &body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refusal}");
}
