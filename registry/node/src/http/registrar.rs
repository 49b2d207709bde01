//! DID registration (DIF DID Registration, client-managed secret mode): the node prepares, the client signs, the node submits.
//!
//! The first call answers with what each key has to sign; the second brings the signatures under the same `jobId`. The node
//! holds no key of the client at any time, and its operator sponsors and sends the envelope.

mod jobs;
mod request;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chop_did::build::{self, GenesisDraft};
use chop_did::resolution::resolve_chop;
use chop_did::{ChopDid, Class, DidState};
use chop_http::{JsonBytes, Problem};
use chop_integrity::Timestamp;
use chop_keys::Signature;
use chop_protocol::terms::Nonce;
use chop_protocol::{Action, Envelope, SignedEnvelope, keys};
use serde_json::{Value, json};

use super::{NodeApp, failed, transactions};
use jobs::Job;
use request::{Request, unprocessable};

pub(super) use jobs::Jobs;

/// How long the node's envelope may wait for its block, in milliseconds.
const ENVELOPE_LIFE_MS: i64 = 60_000;

#[utoipa::path(post, path = "/1.0/create", tag = "registrar", summary = "Create a did:chop",
    description = "secret.verificationMethod names public keys by purpose: update (at least one), nextUpdate (committed, for rotation), recovery (committed). options: clientSecretMode true, class, threshold.",
    request_body = Object, security(("admin" = [])),
    responses((status = 200, description = "state action: sign the payloads", body = Object), (status = 201, description = "state finished", body = Object), (status = 400, description = "Malformed", body = Object)))]
pub(super) async fn create(
    State(app): State<NodeApp>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Response, Problem> {
    app.inner.admin.check(&headers)?;
    let request = Request::parse(&bytes)?;
    if request.job.is_some() {
        return finish(&app, &request, StatusCode::CREATED).await;
    }
    request.require_method()?;
    let class: Class = match request.option("class") {
        None => Class::Organisation,
        Some(class) => serde_json::from_value(class.clone())
            .map_err(|error| Problem::bad_request(format!("options.class: {error}")))?,
    };
    let mut genesis =
        GenesisDraft::own_keys(class, request.update_keys()?, chop_http::random::bytes())
            .with_document(request.document(None)?);
    if let Some(recovery) = request.recovery()? {
        genesis = genesis.with_recovery(recovery);
    }
    let genesis = genesis
        .build(&app.engine().genesis().id())
        .map_err(unprocessable)?;
    let draft = build::create(&genesis);
    begin(
        &app,
        Job::new(genesis.did(), draft, request.keys("update")?),
    )
}

#[utoipa::path(post, path = "/1.0/update", tag = "registrar", summary = "Update a did:chop to a full new document",
    description = "secret.verificationMethod names the update keys that will sign; didDocumentOperation is setDidDocument.",
    request_body = Object, security(("admin" = [])),
    responses((status = 200, description = "state action, then finished", body = Object), (status = 404, description = "No such DID", body = Object)))]
pub(super) async fn update(
    State(app): State<NodeApp>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Response, Problem> {
    app.inner.admin.check(&headers)?;
    let request = Request::parse(&bytes)?;
    if request.job.is_some() {
        return finish(&app, &request, StatusCode::OK).await;
    }
    let state = current(&app, &request)?;
    let draft = build::update(&state, &request.document(Some(state.did()))?);
    begin(&app, Job::new(*state.did(), draft, request.keys("update")?))
}

#[utoipa::path(post, path = "/1.0/deactivate", tag = "registrar", summary = "Deactivate a did:chop for good",
    request_body = Object, security(("admin" = [])),
    responses((status = 200, description = "state action, then finished", body = Object), (status = 404, description = "No such DID", body = Object)))]
pub(super) async fn deactivate(
    State(app): State<NodeApp>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Response, Problem> {
    app.inner.admin.check(&headers)?;
    let request = Request::parse(&bytes)?;
    if request.job.is_some() {
        return finish(&app, &request, StatusCode::OK).await;
    }
    let state = current(&app, &request)?;
    begin(
        &app,
        Job::new(
            *state.did(),
            build::deactivate(&state),
            request.keys("update")?,
        ),
    )
}

/// Answers with what is to be signed, and remembers the draft.
fn begin(app: &NodeApp, job: Job) -> Result<Response, Problem> {
    let requests = job.signing_requests().map_err(unprocessable)?;
    let did = job.did;
    let id = app.inner.jobs.remember(job, chop_http::clock::now_ms())?;
    let body = json!({
        "jobId": id,
        "didState": {"state": "action", "action": "signPayload", "did": did, "signingRequest": requests},
        "didRegistrationMetadata": {},
        "didDocumentMetadata": {},
    });
    Ok((StatusCode::OK, Json(body)).into_response())
}

/// Takes the signatures, submits the operation and answers how it ended.
async fn finish(app: &NodeApp, request: &Request, done: StatusCode) -> Result<Response, Problem> {
    let id = request.job.as_deref().unwrap_or_default();
    let mut job = app
        .inner
        .jobs
        .take(id, chop_http::clock::now_ms())
        .ok_or_else(|| Problem::not_found("no such job; it may have ended or expired"))?;
    for (index, key) in job.keys.clone().iter().enumerate() {
        let bytes = request.signature(&jobs::request_id(index))?;
        job.draft
            .attach(key, &Signature::from_bytes(bytes))
            .map_err(unprocessable)?;
    }
    let did = job.did;
    let operation = job
        .draft
        .finish()
        .map_err(|error| failed_state(Some(&did), &error.to_string()))?;
    let envelope = envelope(app, Action::Did(Box::new(operation)))?;
    let answer = transactions::execute(app, envelope).await?;
    if answer.status() != StatusCode::CREATED {
        return Ok(answer);
    }
    let value = app
        .engine()
        .view()
        .value(&keys::did(&did.scid()))
        .map_err(|error| failed(&error))?
        .unwrap_or_default();
    let state: DidState =
        serde_json::from_slice(&value).map_err(|error| Problem::internal(&error))?;
    let resolved = resolve_chop(&state);
    let body = json!({
        "jobId": null,
        "didState": {"state": "finished", "did": did, "didDocument": resolved.document},
        "didRegistrationMetadata": {},
        "didDocumentMetadata": resolved.metadata.to_json(),
    });
    Ok((done, Json(body)).into_response())
}

/// The operator's envelope around an operation that its own proofs authorise.
fn envelope(app: &NodeApp, action: Action) -> Result<SignedEnvelope, Problem> {
    let operator = &app.inner.operator;
    let envelope = Envelope {
        ledger: app.engine().genesis().id(),
        actor: operator.did,
        sponsor: operator.did,
        nonce: Nonce::new(chop_http::random::bytes()),
        valid_until: Timestamp::from_unix_ms(chop_http::clock::now_ms()).plus_ms(ENVELOPE_LIFE_MS),
        actions: vec![action],
    };
    envelope
        .sign(&[&*operator.signer])
        .map_err(|error| Problem::internal(&error))
}

/// The present state of the DID that a request names.
fn current(app: &NodeApp, request: &Request) -> Result<DidState, Problem> {
    let did = request.did()?;
    let value = app
        .engine()
        .view()
        .value(&keys::did(&did.scid()))
        .map_err(|error| failed(&error))?;
    let value = value.filter(|_| did.ledger() == app.engine().genesis().id().short());
    let value = value.ok_or_else(|| Problem::not_found(format!("this ledger has no {did}")))?;
    serde_json::from_slice(&value).map_err(|error| Problem::internal(&error))
}

/// A refusal in the registrar's own shape, with the problem's members beside it.
fn failed_state(did: Option<&ChopDid>, reason: &str) -> Problem {
    let state: Value = json!({"state": "failed", "did": did, "reason": reason});
    Problem::bad_request(reason).with("didState", state)
}
