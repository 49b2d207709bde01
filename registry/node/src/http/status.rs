//! What this ledger is.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use chop_http::Problem;
use chop_integrity::Timestamp;
use chop_proof::TrustRoot;
use chop_protocol::http::Status;
use chop_protocol::{GenesisValidator, Validator, keys};
use data_encoding::HEXUPPER;

use super::{NodeApp, failed};
use crate::engine::EngineError;

#[utoipa::path(get, path = "/v1/status", tag = "registry", summary = "Tell the ledger's last block",
    responses((status = 200, description = "Ledger, height, app_hash, engine, operator, validators, and as readModel the last block that lists show; readModelRefused says that their database refuses the node", body = Object)))]
pub(super) async fn status(State(app): State<NodeApp>) -> Result<Json<Status>, Problem> {
    let engine = app.engine();
    let head = engine.head();
    Ok(Json(Status {
        ledger: engine.genesis().id(),
        chain_id: engine.genesis().chain_id(),
        height: head.height,
        time: Timestamp::from_unix_ms(head.time_ms),
        app_hash: HEXUPPER.encode(&head.app_hash),
        engine: engine.name().to_owned(),
        operator: app.inner.operator.did,
        validators: validators(&app)?,
        read_model: app.projection().begun(),
        read_model_refused: app.projection().is_refused(),
    }))
}

/// The validators after the last block; a ledger that members do not govern keeps those of its genesis.
pub(super) fn validators(app: &NodeApp) -> Result<Vec<GenesisValidator>, Problem> {
    let held = app.engine().view().value(keys::VALIDATORS);
    let Some(held) = held.map_err(|error| failed(&error))? else {
        return Ok(app.engine().genesis().terms().validators.clone());
    };
    let held: Vec<Validator> = serde_json::from_slice(&held).map_err(|error| {
        failed(&EngineError::Json {
            what: "validators",
            reason: error.to_string(),
        })
    })?;
    let listed = held.into_iter().map(|validator| GenesisValidator {
        public_key: validator.public_key,
        power: validator.power,
    });
    Ok(listed.collect())
}

#[utoipa::path(get, path = "/v1/genesis", tag = "registry", summary = "Give the ledger's genesis",
    responses((status = 200, description = "The canonical genesis; the ledger's id is its SHA-256", body = Object)))]
pub(super) async fn genesis(State(app): State<NodeApp>) -> Result<impl IntoResponse, Problem> {
    let bytes = app
        .engine()
        .genesis()
        .canonical_bytes()
        .map_err(|error| Problem::internal(&error))?;
    Ok(([(CONTENT_TYPE, "application/json")], bytes))
}

#[utoipa::path(get, path = "/v1/trust-root", tag = "registry", summary = "Give the trust root that clients pin",
    description = "Fetched from the node that it vouches for, it proves nothing: compare it with one from elsewhere.",
    responses((status = 200, description = "Ledger, chain id, validators", body = Object)))]
pub(super) async fn trust_root(State(app): State<NodeApp>) -> Json<TrustRoot> {
    Json(app.engine().trust_root().clone())
}
