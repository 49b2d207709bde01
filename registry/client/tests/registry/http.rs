//! A node over HTTP, honest and not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use chop_client::submit::{ask, submit, submit_and_wait};
use chop_client::{HttpRegistry, ReadError, Registry as _, Service, Submission};
use chop_http::Guarded;
use chop_http::outbound::{Settings, TrustedOrigin};
use chop_protocol::http::ProvenValue;
use chop_protocol::{SignedEnvelope, keys};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::ledger::TestLedger;

pub(crate) async fn service(router: Router) -> Service {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base: url::Url = format!("http://{}/", socket.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(axum::serve(socket, router).into_future());
    let trusted = vec![TrustedOrigin::new(base.clone())];
    Service::new(
        base,
        Guarded::new(Settings {
            trusted,
            ..Settings::default()
        })
        .unwrap(),
    )
    .unwrap()
}

/// Serves a ledger's state, after a change to every answer.
pub(crate) async fn node(ledger: &Arc<TestLedger>, lie: fn(&mut ProvenValue)) -> HttpRegistry {
    let shared = Arc::clone(ledger);
    let read = move |Path(key): Path<String>| async move {
        let proven = shared.read(&key).await.unwrap();
        let value = proven
            .value
            .map(|bytes| serde_json::from_slice(&bytes).unwrap());
        let mut answer = ProvenValue {
            key,
            value,
            proof: Some(proven.proof),
        };
        lie(&mut answer);
        Json(answer)
    };
    let service = service(Router::new().route("/v1/state/{key}", get(read))).await;
    HttpRegistry::new(service, ledger.trust_root().clone())
}

#[tokio::test]
async fn reads_over_http_and_refuses_every_lie() {
    let ledger = Arc::new(TestLedger::found(chop_http::clock::now_ms()));
    let lab = ledger.create();
    let key = keys::did(&lab.did.scid());
    let honest = node(&ledger, |_| {}).await;
    assert_eq!(
        honest.read(&key).await.unwrap().value,
        ledger.read(&key).await.unwrap().value
    );
    assert_eq!(honest.read("did/nobody").await.unwrap().value, None);
    let lies: [fn(&mut ProvenValue); 4] = [
        |answer| answer.value = None,
        |answer| answer.value = Some(json!({"class": "device"})),
        |answer| answer.proof = None,
        |answer| "member/x".clone_into(&mut answer.key),
    ];
    for (index, lie) in lies.into_iter().enumerate() {
        let outcome = node(&ledger, lie).await.read(&key).await;
        assert!(
            matches!(
                outcome,
                Err(ReadError::Unproven { .. } | ReadError::Malformed { .. })
            ),
            "lie {index}"
        );
    }
}

#[tokio::test]
async fn refuses_a_proof_that_is_old() {
    let ledger = Arc::new(TestLedger::found(chop_http::clock::now_ms() - 3_600_000));
    let outcome = node(&ledger, |_| {}).await.read(keys::LEDGER).await;
    assert!(
        matches!(outcome, Err(ReadError::Unproven { .. })),
        "{outcome:?}"
    );
    let patient = node(&ledger, |_| {}).await.with_max_age_ms(7_200_000);
    assert!(patient.read(keys::LEDGER).await.is_ok());
}

fn envelope() -> SignedEnvelope {
    let ledger = TestLedger::found(1_795_000_000_000);
    ledger.envelope_of(&ledger.operator())
}

async fn answering(status: u16, body: Value) -> Service {
    let status = StatusCode::from_u16(status).unwrap();
    service(Router::new().route("/v1/transactions", post(async move || (status, Json(body))))).await
}

#[tokio::test]
async fn tells_the_answers_to_a_write_apart() {
    let envelope = envelope();
    let hash = envelope.hash();
    let body = |status: Value| {
        let mut body = status;
        body["hash"] = json!(hash);
        body
    };
    let outcome =
        async |status, answer| submit(&answering(status, answer).await, &envelope, None).await;
    let committed = outcome(201, body(json!({"status": "committed", "height": 7})))
        .await
        .unwrap();
    assert_eq!(committed, Submission::Committed { hash, height: 7 });
    let pending = outcome(202, body(json!({"status": "pending"})))
        .await
        .unwrap();
    assert_eq!(pending, Submission::Pending { hash });
    for status in [409, 422] {
        let problem =
            json!({"type": "urn:x", "status": status, "rule": "did.stale", "detail": "too late"});
        let Submission::Refused { rule, detail, .. } = outcome(status, problem).await.unwrap()
        else {
            panic!()
        };
        assert_eq!((rule.as_str(), detail.as_str()), ("did.stale", "too late"));
    }
    assert!(
        outcome(401, json!({"title": "Not authorised"}))
            .await
            .is_err()
    );
    assert!(outcome(503, json!({"title": "Try later"})).await.is_err());
    assert!(
        outcome(
            201,
            json!({"status": "committed", "height": 7, "hash": keys::LEDGER})
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn waits_for_a_pending_write() {
    let envelope = envelope();
    let hash = envelope.hash();
    let pending = Json(json!({"hash": hash, "status": "pending"}));
    let committed = Json(json!({"hash": hash, "status": "committed", "height": 3}));
    let router = Router::new()
        .route(
            "/v1/transactions",
            post(async move || (StatusCode::ACCEPTED, pending)),
        )
        .route("/v1/transactions/{hash}", get(async move || committed));
    let service = service(router).await;
    let waited = submit_and_wait(&service, &envelope, Some("token"), Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(waited, Submission::Committed { hash, height: 3 });
    assert_eq!(ask(&service, hash).await.unwrap(), waited);
}

#[tokio::test]
async fn a_log_is_read_from_the_version_that_is_asked_for_and_none_is_no_failure() {
    let ledger = Arc::new(TestLedger::found(chop_http::clock::now_ms()));
    let lab = ledger.create();
    let did = lab.did;
    let shared = Arc::clone(&ledger);
    let log = move |Query(asked): Query<BTreeMap<String, u64>>| async move {
        assert_eq!(asked["limit"], if asked["from"] == 0 { 256 } else { 1 });
        let log = shared.log(&did, asked["from"], 256).await.unwrap();
        if log.is_empty() {
            return (StatusCode::NOT_FOUND, Json(json!({"title": "Not found"})));
        }
        (StatusCode::OK, Json(json!({ "operations": log })))
    };
    let service = service(Router::new().route("/v1/dids/{did}/log", get(log))).await;
    let node = HttpRegistry::new(service, ledger.trust_root().clone());
    let whole = node.log(&did, 0, usize::MAX).await.unwrap();
    assert_eq!(whole, ledger.log(&did, 0, 9).await.unwrap());
    assert_eq!(node.log(&did, 1, 1).await.unwrap(), []);
}
