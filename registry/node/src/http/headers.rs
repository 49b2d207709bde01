//! Headers with their validators: what light clients walk along.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use chop_http::{JsonBytes, Problem};
use chop_proof::{EncodedLightBlock, Handover};

use super::blocks::missing;
use super::state::FRESH;
use super::{NodeApp, failed};
use crate::engine::EngineError;
use crate::engine::comet::NotAsked;

/// The longest question of a light client, in bytes.
const QUESTION_BYTES: usize = 4 * 1024;

#[utoipa::path(get, path = "/v1/headers/{height}", tag = "registry", summary = "Give a signed header with its validators",
    description = "Header and commit, the validators that signed, and those that sign the next header. A light client checks all of it.",
    params(("height" = String, Path, description = "A height, `first` for the oldest that is kept, or `latest`")),
    responses((status = 200, description = "signedHeader, validators and nextValidators, protobuf in base64", body = Object),
        (status = 400, description = "No such form of height"), (status = 404, description = "No such header"), (status = 410, description = "Pruned here")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(asked): Path<String>,
) -> Result<Json<EncodedLightBlock>, Problem> {
    let view = match asked.as_str() {
        "latest" => app.engine().proven_view(FRESH, "").await,
        _ => app.engine().view(),
    };
    let height = match asked.as_str() {
        "first" => view
            .snapshot()
            .first_height()
            .map_err(|error| failed(&EngineError::from(error)))?
            .unwrap_or_default(),
        "latest" => view.head().height,
        number => number.parse().map_err(|_| {
            Problem::bad_request(format!(
                "a height is a whole number, `first` or `latest`, got {number:?}"
            ))
        })?,
    };
    let block = app
        .engine()
        .light_block(&view, height)
        .await
        .map_err(|error| failed(&error))?;
    let block = block.ok_or_else(|| missing("header", height, &view))?;
    Ok(Json(EncodedLightBlock::from(&block)))
}

#[utoipa::path(get, path = "/v1/handover", tag = "registry", summary = "Give what leads across the ledger's promotion",
    description = "Of a solo ledger that became a consortium's: its last header, the promotion record proven under it, and the first header of its validators. Light clients cross nowhere else.",
    responses((status = 200, description = "last, record and first", body = Object), (status = 404, description = "The ledger was not promoted")))]
pub(super) async fn handover(State(app): State<NodeApp>) -> Result<Json<Handover>, Problem> {
    let view = app.engine().view();
    let handover = app.engine().handover(&view);
    handover
        .map_err(|error| failed(&error))?
        .map(Json)
        .ok_or_else(|| Problem::not_found("this ledger was not promoted from a solo one"))
}

#[utoipa::path(post, path = "/v1/comet", tag = "registry", summary = "Ask CometBFT what its light clients ask",
    description = "JSON-RPC of CometBFT, the methods commit, validators and consensus_params: what a node asks that joins by state sync.",
    request_body(content = Object, description = "A JSON-RPC request"),
    responses((status = 200, description = "CometBFT's answer", body = Object), (status = 400, description = "Another question"),
        (status = 404, description = "A solo ledger"), (status = 503, description = "CometBFT does not answer, or answers enough others")))]
pub(super) async fn comet(
    State(app): State<NodeApp>,
    JsonBytes(question): JsonBytes<QUESTION_BYTES>,
) -> Result<impl IntoResponse, Problem> {
    let answer = app.engine().ask_comet(question.to_vec()).await;
    let answer = answer.map_err(|error| match &error {
        NotAsked::Solo => Problem::not_found(error.to_string()),
        NotAsked::Busy | NotAsked::Silent => Problem::unavailable(error.to_string()),
        _ => Problem::bad_request(error.to_string()),
    })?;
    Ok(([(CONTENT_TYPE, "application/json")], answer))
}
