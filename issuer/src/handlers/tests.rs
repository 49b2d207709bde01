//! The whole router over the embedded store; snapshots hold whole bodies, with what changes from run to run replaced.

#[path = "../../../credential/examples/status_vectors/certificates.rs"]
mod certificates;
mod selective;
mod token_lists;

use super::{openapi, router};
use crate::app::{Config, IssuerApp};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use chop_client::Resolver;
use chop_http::AdminToken;
use chop_keys::{KeyType, PrivateKey};
use chop_keystore::{KeyName, Keystore, Passphrase};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt as _;

const TOKEN: &str = "s3cret";

struct Bench {
    folder: TempDir,
    app: IssuerApp,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let keystore = keystore(folder.path());
        // A key that is there before its instance is taken, so the snapshots have one issuer.
        for (name, kind, seed) in [
            ("issuer.lab", KeyType::Ed25519, 32),
            ("issuer.mill", KeyType::P256, 32),
        ] {
            let key = PrivateKey::from_seed(kind, &vec![7; seed]).unwrap();
            keystore
                .import(
                    &KeyName::parse(name).unwrap(),
                    key,
                    &mut chop_http::random::fill,
                )
                .unwrap();
        }
        let app = open(folder.path(), keystore, false).await;
        Self { folder, app }
    }

    async fn with_instances() -> Self {
        let bench = Self::new().await;
        bench
            .post(
                "/v1/issuers",
                &json!({"name": "lab", "suite": "eddsa-jcs-2022"}),
            )
            .await;
        bench
            .post(
                "/v1/issuers",
                &json!({"name": "mill", "suite": "jwt", "keyType": "P-256"}),
            )
            .await;
        bench
    }

    fn router(&self) -> Router {
        router(self.app.clone())
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(
            post(path, body).header("authorization", format!("Bearer {TOKEN}")),
            body.to_string(),
        )
        .await
    }

    async fn repeat(&self, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        let request = post(path, body)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("idempotency-key", key);
        self.send(request, body.to_string()).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Request::get(path), String::new()).await
    }

    async fn send(
        &self,
        request: axum::http::request::Builder,
        body: String,
    ) -> (StatusCode, Value) {
        let response = self
            .router()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn did(&self, name: &str) -> String {
        self.app.instance(name).await.unwrap().did
    }

    async fn credential(&self, name: &str) -> Value {
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": "urn:uuid:0d7a2f6e-61f1-4c62-9a1c-0f2a7b8f0a01",
            "type": ["VerifiableCredential"],
            "issuer": self.did(name).await,
            "validFrom": "2026-01-01T00:00:00Z",
            "credentialSubject": {"id": "did:example:subject"},
        })
    }
}

fn post(path: &str, _body: &Value) -> axum::http::request::Builder {
    Request::post(path).header("content-type", "application/json")
}

fn keystore(folder: &Path) -> Keystore {
    let passphrase = Passphrase::new("a passphrase for tests".to_owned());
    Keystore::open_or_create(
        &folder.join("keys"),
        &passphrase,
        &mut chop_http::random::fill,
    )
    .unwrap()
}

async fn open(folder: &Path, keystore: Keystore, conformance: bool) -> IssuerApp {
    let config = Config {
        database: folder.join("issuer.sqlite"),
        base_url: "https://issuer.example".to_owned(),
        list_ttl_ms: 300_000,
        admin: if conformance {
            AdminToken::open()
        } else {
            AdminToken::required(TOKEN)
        },
        conformance,
    };
    IssuerApp::open(config, Arc::new(keystore), Arc::new(resolver()))
        .await
        .unwrap()
}

fn resolver() -> Resolver {
    let outbound = chop_http::Guarded::new(chop_http::outbound::Settings::default()).unwrap();
    Resolver::new(outbound)
}

/// Replaces what differs from run to run, and only that.
fn still(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let varies = matches!(
                    name.as_str(),
                    "created"
                        | "proofValue"
                        | "statusListIndex"
                        | "digest"
                        | "validFrom"
                        | "validUntil"
                );
                let listed = member
                    .as_str()
                    .is_some_and(|text| text.contains("/statuslists/"));
                let fresh = name == "id"
                    && member.as_str().is_some_and(|text| {
                        text.starts_with("urn:uuid:") && !text.ends_with("0a01")
                    });
                let replacement = match (varies || fresh, listed) {
                    (_, true) => json!("[list]"),
                    (true, _) => json!(format!("[{name}]")),
                    _ => still(member.take()),
                };
                *member = replacement;
            }
        }
        Value::Array(entries) => entries
            .iter_mut()
            .for_each(|entry| *entry = still(entry.take())),
        _ => {}
    }
    value
}

#[tokio::test]
async fn an_instance_is_made_with_a_key_of_its_own() {
    let bench = Bench::new().await;
    let (status, body) = bench
        .post(
            "/v1/issuers",
            &json!({"name": "lab", "suite": "eddsa-jcs-2022"}),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert_json_snapshot!(body);
    let (status, _) = bench
        .post("/v1/issuers", &json!({"name": "lab", "suite": "jwt"}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn instances_are_listed_for_everybody() {
    let bench = Bench::with_instances().await;
    let (status, body) = bench.get("/v1/issuers").await;
    assert_eq!(status, StatusCode::OK);
    assert_json_snapshot!(body);
}

#[tokio::test]
async fn nobody_writes_without_the_token() {
    let bench = Bench::with_instances().await;
    for path in [
        "/v1/issuers",
        "/v1/issuers/lab",
        "/issuers/lab/credentials/issue",
        "/v1/issuers/lab/credentials",
        "/v1/issuers/lab/status",
        "/credentials/status",
    ] {
        let (status, _) = bench.send(post(path, &Value::Null), "{}".to_owned()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn the_vc_api_issues_with_a_proof() {
    let bench = Bench::with_instances().await;
    let credential = bench.credential("lab").await;
    let (status, body) = bench
        .post(
            "/issuers/lab/credentials/issue",
            &json!({"credential": credential, "options": {}}),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    assert_json_snapshot!(still(body));
}

#[tokio::test]
async fn the_vc_api_issues_a_jwt_in_an_envelope() {
    let bench = Bench::with_instances().await;
    let credential = bench.credential("mill").await;
    let (status, body) = bench
        .post(
            "/issuers/mill/credentials/issue",
            &json!({"credential": credential}),
        )
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let issued = &body["verifiableCredential"];
    assert_eq!(issued["type"], "EnvelopedVerifiableCredential");
    assert!(
        issued["id"]
            .as_str()
            .unwrap()
            .starts_with("data:application/vc+jwt,eyJ")
    );
}

#[tokio::test]
async fn a_status_is_assigned_set_and_shown_in_its_list() {
    let bench = Bench::with_instances().await;
    let request = json!({"credential": bench.credential("lab").await, "options": {"credentialStatus": [{"statusPurpose": "revocation"}, {"statusPurpose": "suspension"}]}});
    let (status, body) = bench.post("/v1/issuers/lab/credentials", &request).await;
    assert_eq!(status, StatusCode::CREATED);
    let entry = body["verifiableCredential"]["credentialStatus"][0].clone();
    assert_json_snapshot!("issued_with_status", still(body));

    let list = entry["statusListCredential"]
        .as_str()
        .unwrap()
        .strip_prefix("https://issuer.example")
        .unwrap()
        .to_owned();
    let (_, before) = bench.get(&list).await;
    assert_json_snapshot!("list_before", still(before.clone()));
    let (_, again) = bench.get(&list).await;
    assert_eq!(before, again, "an unchanged list is not signed again");

    let revoke = json!({"credentialId": request["credential"]["id"], "credentialStatus": {"statusPurpose": "revocation"}, "status": true});
    let (status, body) = bench.post("/v1/issuers/lab/status", &revoke).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["entries"][0]["statusListIndex"],
        entry["statusListIndex"]
    );
    let (_, after) = bench.get(&list).await;
    assert_ne!(
        before["credentialSubject"]["encodedList"],
        after["credentialSubject"]["encodedList"]
    );

    let unrevoke = json!({"credentialStatus": entry, "status": false});
    let (status, _) = bench.post("/credentials/status", &unrevoke).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_issues_once() {
    let bench = Bench::with_instances().await;
    let request = json!({"credential": {"credentialSubject": {"id": "did:example:subject"}}, "options": {"credentialStatus": {"statusPurpose": "revocation"}}});
    let first = bench
        .repeat("/v1/issuers/lab/credentials", "order-7", &request)
        .await;
    assert_eq!(first.0, StatusCode::CREATED);
    assert_json_snapshot!("filled_in", still(first.1.clone()));
    assert_eq!(
        bench
            .repeat("/v1/issuers/lab/credentials", "order-7", &request)
            .await,
        first
    );
    let other = json!({"credential": {"credentialSubject": {"id": "did:example:other"}}});
    let (status, _) = bench
        .repeat("/v1/issuers/lab/credentials", "order-7", &other)
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn what_the_model_forbids_is_refused_with_400() {
    let bench = Bench::with_instances().await;
    let changes = [
        (
            "issuer",
            json!("did:key:z6MkfrHhMdxd4JR8ZHpcJMT2gHsa3w8ShFbZmLeYQGXuxzhi"),
        ),
        ("issuer", Value::Null),
        ("id", json!(["urn:a", "urn:b"])),
        ("credentialSubject", json!("a string")),
        ("credentialSubject", json!({})),
        ("@context", json!("https://www.w3.org/ns/credentials/v2")),
        ("type", json!([])),
        ("refreshService", json!({"id": "https://a.example"})),
        ("credentialStatus", json!({"id": "https://a.example#1"})),
    ];
    for (member, value) in changes {
        let mut credential = bench.credential("lab").await;
        credential[member] = value;
        let (status, body) = bench
            .post(
                "/issuers/lab/credentials/issue",
                &json!({"credential": credential}),
            )
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{member}: {body}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_problem() {
    let bench = Bench::with_instances().await;
    let bodies = [
        "",
        "{",
        "[]",
        "{\"credential\":1}",
        "{\"credential\":{},\"credential\":{}}",
        "{\"credential\":{},\"options\":1}",
    ];
    for body in bodies {
        let request = post("/issuers/lab/credentials/issue", &Value::Null)
            .header("authorization", format!("Bearer {TOKEN}"));
        let (status, problem) = bench.send(request, body.to_owned()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(problem["status"], 400, "{body}");
    }
    let (status, _) = bench
        .post(
            "/issuers/nobody/credentials/issue",
            &json!({"credential": {}}),
        )
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = bench.get("/statuslists/nothing").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_conformance_run_finds_an_instance_for_every_suite_and_needs_no_token() {
    let folder = TempDir::new().unwrap();
    let app = open(folder.path(), keystore(folder.path()), true).await;
    let bench = Bench { folder, app };
    for name in [
        "eddsa-jcs-2022",
        "p256/ecdsa-jcs-2019",
        "p384/ecdsa-jcs-2019",
        "eddsa-rdfc-2022",
        "p256/ecdsa-rdfc-2019",
        "p384/ecdsa-rdfc-2019",
        "ed25519-2020",
        "ecdsa-sd-2023",
        "bbs-2023",
        "jwt",
        "p256/jwt",
        "p384/jwt",
    ] {
        let body = json!({"credential": bench.credential(name).await, "options": {}});
        let request = post(&format!("/issuers/{name}/credentials/issue"), &body);
        let (status, answer) = bench.send(request, body.to_string()).await;
        assert_eq!(status, StatusCode::CREATED, "{name}: {answer}");
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let bench = Bench::with_instances().await;
    let request = json!({"credential": bench.credential("lab").await, "options": {"credentialStatus": {"statusPurpose": "revocation"}}});
    let (_, issued) = bench
        .repeat("/v1/issuers/lab/credentials", "k", &request)
        .await;
    let list = issued["verifiableCredential"]["credentialStatus"]["statusListCredential"]
        .as_str()
        .unwrap()
        .strip_prefix("https://issuer.example")
        .unwrap()
        .to_owned();
    bench.app.close().await;
    let app = open(bench.folder.path(), keystore(bench.folder.path()), false).await;
    let bench = Bench { app, ..bench };
    assert_eq!(
        bench
            .repeat("/v1/issuers/lab/credentials", "k", &request)
            .await
            .1,
        issued
    );
    assert_eq!(bench.get(&list).await.0, StatusCode::OK);
}

#[test]
fn every_route_is_described() {
    let description = serde_json::to_value(openapi()).unwrap();
    let paths: Vec<&String> = description["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 10, "{paths:?}");
    assert_eq!(description["openapi"], "3.1.0");
}
