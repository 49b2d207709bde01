//! Keyed reads, with proof when asked.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chop_http::Problem;
use chop_protocol::http::ProvenValue;

use super::query::Query;
use super::{NodeApp, failed};
use crate::engine::EngineError;

/// The longest key, in bytes.
const MAX_KEY: usize = 512;
/// How old the header under a proof may be before a new one is made.
pub(super) const FRESH: Duration = Duration::from_mins(1);

#[utoipa::path(get, path = "/v1/state/{key}", tag = "registry", summary = "Read a value of the ledger's state",
    description = "A key that holds nothing is answered with value null; with `proof=true` its absence is proven.",
    params(
        ("key" = String, Path, description = "The key, such as did/SCID or anchor/DIGEST"),
        ("proof" = Option<bool>, Query, description = "Whether to add the proof")),
    responses((status = 200, description = "The value or null", body = Object), (status = 400, description = "No such form of key")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<ProvenValue>, Problem> {
    check_key(&key)?;
    read(&app, &key, query.as_deref()).await.map(Json)
}

/// Reads a key, with proof when the query says so.
pub(super) async fn read(
    app: &NodeApp,
    key: &str,
    query: Option<&str>,
) -> Result<ProvenValue, Problem> {
    let query = Query::parse(query, &["proof"])?;
    let (value, proof) = if query.flag("proof")? {
        let read = app
            .engine()
            .read(FRESH, key)
            .await
            .map_err(|error| failed(&error))?;
        (read.value, Some(read.proof))
    } else {
        (
            app.engine()
                .view()
                .value(key)
                .map_err(|error| failed(&error))?,
            None,
        )
    };
    let value = value.as_deref().map(serde_json::from_slice).transpose();
    let value = value.map_err(|error| {
        failed(&EngineError::Json {
            what: "state value",
            reason: error.to_string(),
        })
    })?;
    Ok(ProvenValue {
        key: key.to_owned(),
        value,
        proof,
    })
}

/// Refuses what cannot be a key of the state.
pub(super) fn check_key(key: &str) -> Result<(), Problem> {
    if key.len() > MAX_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::bad_request(format!(
            "a key is at most {MAX_KEY} printable ASCII characters"
        )));
    }
    Ok(())
}
