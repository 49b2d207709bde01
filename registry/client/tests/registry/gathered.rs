//! Bundles that are gathered from a node while its ledger goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use chop_client::{HttpRegistry, Registry as _, bundle};
use chop_did::ChopDid;
use chop_proof::EncodedLightBlock;
use chop_protocol::http::{DidLog, ProofQuery, ProvenValue};

use crate::http::service;
use crate::ledger::TestLedger;

/// Serves a ledger on which a DID is created after its state was read, and before it is proven with all that belongs to it.
async fn going_on(ledger: &Arc<TestLedger>) -> (HttpRegistry, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let (one, many, operations, headers, count) = (
        Arc::clone(ledger),
        Arc::clone(ledger),
        Arc::clone(ledger),
        Arc::clone(ledger),
        Arc::clone(&asked),
    );
    let state = async move |Path(key): Path<String>| {
        let proven = one.read(&key).await.unwrap();
        let value = proven.value;
        Json(ProvenValue {
            key,
            value: value.map(|bytes| serde_json::from_slice(&bytes).unwrap()),
            proof: Some(proven.proof),
        })
    };
    let proofs = async move |Json(query): Json<ProofQuery>| {
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            many.create();
        }
        Json(many.evidence(query.keys).await.proof)
    };
    let log = async move |Path(did): Path<String>| {
        let did = ChopDid::parse(&did).unwrap();
        let operations = operations.log(&did, 0, 9).await.unwrap();
        let next = None;
        Json(DidLog { operations, next })
    };
    let header = async move || Json(EncodedLightBlock::from(&headers.light_block()));
    let router = Router::new()
        .route("/v1/state/{key}", get(state))
        .route("/v1/proofs", post(proofs))
        .route("/v1/dids/{did}/log", get(log))
        .route("/v1/headers/{height}", get(header))
        .route("/v1/handover", get(async || StatusCode::NOT_FOUND));
    let registry = HttpRegistry::new(service(router).await, ledger.trust_root().clone());
    (registry, asked)
}

#[tokio::test]
async fn a_did_that_comes_while_it_is_gathered_is_gathered_anew() {
    let now_ms = chop_http::clock::now_ms() - 1_000;
    // Two ledgers of one beginning have the same DIDs.
    let next = TestLedger::found(now_ms).create().did;
    let ledger = Arc::new(TestLedger::found(now_ms));
    let (registry, asked) = going_on(&ledger).await;
    let gathered = bundle::gather(&registry, &next).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(gathered.log.len(), 1);
}
