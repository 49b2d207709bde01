//! The leaves of batches: brought by a controller, run by run, fetched by other members' nodes, and the receipts for them.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chop_did::ChopDid;
use chop_http::{JsonBytes, Problem, clock};
use chop_integrity::Hash;
use chop_protocol::batch::leaves::{MAX_RUN_BYTES, runs};
use chop_protocol::http::{LeafTerms, LeavesExpected, ReceiptAnswer, ReceiptList, ReceiptQuery};
use chop_protocol::{BatchTerms, Receipt, keys};

use super::{NodeApp, status};
use crate::leaves::{LeafKeeper, LeafStoreError, Progress};
use crate::store::StoreError;

/// The largest body with terms and template, in bytes.
const TERMS_BYTES: usize = 16 * 1024;

#[utoipa::path(post, path = "/v1/leaves", tag = "batches", summary = "Announce the leaves of a batch",
    description = "Says which run comes next: call it again after a break. Leaves whose batch does not come within a day are forgotten.",
    request_body(content = Object, description = "`{\"terms\", \"template\"}`"), security(("admin" = [])),
    responses(
        (status = 200, description = "The batch's id, the hash of its terms, how many runs there are and which comes next; `next` is null when all are here", body = Object),
        (status = 400, description = "Terms or template are malformed"),
        (status = 401, description = "No admin token"),
        (status = 422, description = "For another ledger, or the terms name another template"),
        (status = 503, description = "Too many batches are on their way")))]
pub(super) async fn announce(
    State(app): State<NodeApp>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes<TERMS_BYTES>,
) -> Result<Json<LeavesExpected>, Problem> {
    app.inner.admin.check(&headers)?;
    let LeafTerms { terms, template } = asked(&app, &bytes)?;
    let internal = |error: chop_integrity::JcsError| Problem::internal(&error);
    let (batch, hash) = (
        terms.id().map_err(internal)?,
        terms.hash().map_err(internal)?,
    );
    let runs = runs(terms.count);
    let store = std::sync::Arc::clone(keeper(&app)?.store());
    let begun = tokio::task::spawn_blocking(move || store.begin(terms, template)).await;
    let progress = begun.map_err(|error| Problem::internal(&error))?;
    let progress = progress.map_err(|error| failed(&error))?;
    Ok(Json(LeavesExpected {
        batch,
        terms: hash,
        runs,
        next: next(progress),
    }))
}

#[utoipa::path(put, path = "/v1/leaves/{terms}/{run}", tag = "batches", summary = "Bring the next run of leaves",
    description = "A run is 1,024 lines, the last one what is left; a line is the ordinal, a space, and the item in canonical JSON. Each is checked as it comes; after the last, all are compared with the terms.",
    params(("terms" = String, Path, description = "The hash of the terms"), ("run" = u32, Path, description = "Which run, from 0")),
    request_body(content = String, content_type = "text/plain"), security(("admin" = [])),
    responses(
        (status = 200, description = "Which run comes next; null when all are here", body = Object),
        (status = 401, description = "No admin token"),
        (status = 404, description = "These leaves were not announced"),
        (status = 409, description = "Another run comes next"),
        (status = 422, description = "The leaves are not those of the terms; all of them are forgotten")))]
pub(super) async fn bring(
    State(app): State<NodeApp>,
    Path((terms, run)): Path<(String, u32)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<serde_json::Value>, Problem> {
    app.inner.admin.check(&headers)?;
    let terms = hash(&terms)?;
    if body.len() > MAX_RUN_BYTES {
        return Err(Problem::bad_request(format!(
            "a run has at most {MAX_RUN_BYTES} bytes, got {}",
            body.len()
        )));
    }
    let store = std::sync::Arc::clone(keeper(&app)?.store());
    let put = move || store.put(&terms, (run, &body), clock::now_ms());
    let put = tokio::task::spawn_blocking(put).await;
    let progress = put.map_err(|error| Problem::internal(&error))?;
    let progress = progress.map_err(|error| failed(&error))?;
    Ok(Json(serde_json::json!({"next": next(progress)})))
}

#[utoipa::path(get, path = "/v1/leaves/{terms}/{run}", tag = "batches", summary = "Give a run of leaves",
    params(("terms" = String, Path, description = "The hash of the terms"), ("run" = u32, Path, description = "Which run, from 0")),
    responses((status = 200, description = "The lines, as they came", body = String, content_type = "text/plain"), (status = 404, description = "Not here")))]
pub(super) async fn give(
    State(app): State<NodeApp>,
    Path((terms, run)): Path<(String, u32)>,
) -> Result<Response, Problem> {
    let terms = hash(&terms)?;
    let store = std::sync::Arc::clone(keeper(&app)?.store());
    let bytes = tokio::task::spawn_blocking(move || store.run(&terms, run)).await;
    let bytes = bytes.map_err(|error| Problem::internal(&error))?;
    let bytes = bytes.map_err(|error| failed(&error))?;
    let bytes = bytes.ok_or_else(|| Problem::not_found("this run of leaves is not here"))?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response())
}

#[utoipa::path(post, path = "/v1/leaves/receipts", tag = "batches", summary = "Collect the validators' receipts",
    description = "This node asks the nodes of the other members that it knows. Those that lack the leaves begin to fetch them: ask again.",
    request_body(content = Object, description = "`{\"terms\", \"template\"}`"), security(("admin" = [])),
    responses((status = 200, description = "The receipts, and how many members' nodes are pending", body = Object), (status = 401, description = "No admin token")))]
pub(super) async fn collect(
    State(app): State<NodeApp>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes<TERMS_BYTES>,
) -> Result<Json<ReceiptList>, Problem> {
    app.inner.admin.check(&headers)?;
    let asked = asked(&app, &bytes)?;
    let collected = keeper(&app)?
        .collect(&asked)
        .await
        .map_err(|e| failed(&e))?;
    Ok(Json(ReceiptList {
        receipts: collected.receipts,
        pending: collected.pending,
    }))
}

#[utoipa::path(post, path = "/v1/leaves/receipt", tag = "batches", summary = "Ask for this validator's receipt",
    description = "Without the leaves it begins to fetch them from the members' nodes that it knows, and from nowhere else. Who adds the receipt of a validator in force for the same terms waits behind nobody else.",
    request_body(content = Object, description = "`{\"terms\", \"template\", \"receipt\"?}`"),
    responses(
        (status = 200, description = "The receipt; null while the leaves are not all here", body = Object),
        (status = 422, description = "For another ledger, the terms name another template, or a controller that the ledger does not have"),
        (status = 503, description = "Too many batches are on their way")))]
pub(super) async fn receipt(
    State(app): State<NodeApp>,
    JsonBytes(bytes): JsonBytes<TERMS_BYTES>,
) -> Result<Json<ReceiptAnswer>, Problem> {
    let ReceiptQuery {
        terms,
        template,
        receipt,
    } = parsed(&bytes)?;
    check_ledger(&app, &terms)?;
    let vouched = match receipt {
        Some(receipt) => vouches(&app, &receipt, &terms)?,
        None => false,
    };
    if !vouched {
        check_controller(&app, &terms.controller)?;
    }
    keeper(&app)?
        .answer(LeafTerms { terms, template }, vouched)
        .await
        .map(Json)
        .map_err(|error| failed(&error))
}

/// The part of the node that keeps leaves.
pub(super) fn keeper(app: &NodeApp) -> Result<&LeafKeeper, Problem> {
    let keeper = app.inner.leaves.as_ref();
    keeper.ok_or_else(|| Problem::not_found("this node keeps no leaves"))
}

/// What a failure of the store of leaves means to a client.
pub(super) fn failed(error: &LeafStoreError) -> Problem {
    match error {
        LeafStoreError::Leaves(reason) => {
            Problem::unprocessable("leaves", "The leaves are not those of the batch", reason)
        }
        LeafStoreError::OutOfTurn { expected, .. } => Problem::new(
            StatusCode::CONFLICT,
            "out-of-turn",
            "Another run of leaves comes next",
        )
        .detail(error)
        .with("next", *expected),
        LeafStoreError::Unexpected => Problem::not_found(error),
        LeafStoreError::Busy { .. } => Problem::unavailable(error),
        LeafStoreError::File(StoreError::ReadOnly | StoreError::Closed) => {
            Problem::unavailable("the leaves cannot be written at present")
        }
        LeafStoreError::Database(_) | LeafStoreError::File(_) | LeafStoreError::Damaged { .. } => {
            Problem::internal(error)
        }
    }
}

/// Says whether a validator in force signed for these terms: it has the leaves.
fn vouches(app: &NodeApp, receipt: &Receipt, terms: &BatchTerms) -> Result<bool, Problem> {
    let in_force = status::validators(app)?;
    let mut in_force = in_force.iter();
    Ok(in_force.any(|it| it.public_key == receipt.validator) && receipt.is_for(terms))
}

/// Refuses a controller that the ledger does not have: nobody could register such a batch.
fn check_controller(app: &NodeApp, controller: &ChopDid) -> Result<(), Problem> {
    let state = app.engine().view().value(&keys::did(&controller.scid()));
    if state.map_err(|error| super::failed(&error))?.is_some() {
        return Ok(());
    }
    Err(Problem::unprocessable(
        "controller-unknown",
        "The ledger does not have the controller",
        format_args!("the terms name {controller}"),
    ))
}

fn asked(app: &NodeApp, bytes: &[u8]) -> Result<LeafTerms, Problem> {
    let asked: LeafTerms = parsed(bytes)?;
    check_ledger(app, &asked.terms)?;
    Ok(asked)
}

fn parsed<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes)
        .map_err(|error| Problem::bad_request(format!("no terms of a batch: {error}")))
}

fn check_ledger(app: &NodeApp, terms: &BatchTerms) -> Result<(), Problem> {
    let (named, here) = (terms.ledger, app.engine().genesis().id());
    if named == here && terms.controller.ledger() == here.short() {
        return Ok(());
    }
    Err(Problem::unprocessable(
        "other-ledger",
        "The batch is for another ledger",
        format_args!("the terms name ledger {named}, this is {here}"),
    ))
}

fn next(progress: Progress) -> Option<u32> {
    match progress {
        Progress::Complete => None,
        Progress::Next(run) => Some(run),
    }
}

fn hash(text: &str) -> Result<Hash, Problem> {
    text.parse()
        .map_err(|error| Problem::bad_request(format!("no hash of terms: {error}")))
}
