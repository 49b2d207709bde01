//! The operations of a DID.

use axum::Json;
use axum::extract::{Path, State};
use chop_did::{ChopDid, VersionRecord};
use chop_http::Problem;
use chop_protocol::http::LogEntry;
use chop_protocol::keys;

use super::{NodeApp, failed};
use crate::engine::{EngineError, View};

/// The most operations in one answer; each is at most 8 KiB.
const MAX_ENTRIES: usize = 1_000;

#[utoipa::path(get, path = "/v1/dids/{did}/log", tag = "registry", summary = "List the signed operations of a DID, oldest first",
    params(("did" = String, Path, description = "A did:chop of this ledger")),
    responses(
        (status = 200, description = "Version ids, signed operations and header times", body = Object),
        (status = 400, description = "No did:chop"),
        (status = 404, description = "No operation of such a DID here")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(did): Path<String>,
) -> Result<Json<Vec<LogEntry>>, Problem> {
    let did = ChopDid::parse(&did).map_err(|error| Problem::bad_request(error.to_string()))?;
    let log = entries(&app.engine().view(), &did).map_err(|error| failed(&error))?;
    if did.ledger() != app.engine().genesis().id().short() || log.is_empty() {
        return Err(Problem::not_found(format!(
            "this ledger has no operation of {did}"
        )));
    }
    Ok(Json(log))
}

/// The operations of a DID with the times of their headers.
pub(crate) fn entries(view: &View, did: &ChopDid) -> Result<Vec<LogEntry>, EngineError> {
    let malformed = |what| {
        move |error: serde_json::Error| EngineError::Json {
            what,
            reason: error.to_string(),
        }
    };
    let mut log = Vec::new();
    for (seq, operation) in view
        .snapshot()
        .operations(&did.scid().to_string(), 0, MAX_ENTRIES)?
    {
        let record = view
            .value(&keys::did_version(&did.scid(), seq))?
            .unwrap_or_default();
        let record: VersionRecord =
            serde_json::from_slice(&record).map_err(malformed("version record"))?;
        log.push(LogEntry {
            version_id: format!("{seq}-{}", record.operation),
            operation: serde_json::from_slice(&operation).map_err(malformed("operation"))?,
            time: record.time,
        });
    }
    Ok(log)
}
