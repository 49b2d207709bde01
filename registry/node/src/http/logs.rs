//! The operations of a DID.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chop_did::{ChopDid, VersionRecord};
use chop_http::Problem;
use chop_protocol::http::{DidLog, LogEntry};
use chop_protocol::keys;

use super::listing::limit;
use super::query::Query;
use super::{NodeApp, failed};
use crate::engine::{EngineError, View};

/// The most operations in one answer: of 8 KiB each, what a client takes at once.
const PAGE: u64 = 256;

#[utoipa::path(get, path = "/v1/dids/{did}/log", tag = "registry", summary = "List the signed operations of a DID, oldest first",
    params(
        ("did" = String, Path, description = "A did:chop of this ledger"),
        ("from" = Option<u64>, Query, description = "The version to begin with: `next` of the page before"),
        ("limit" = Option<u64>, Query, description = "How many, at most 256, which is the default")),
    responses(
        (status = 200, description = "Version ids, signed operations and header times; `next` when there are more", body = Object),
        (status = 400, description = "No did:chop, or a parameter is malformed"),
        (status = 404, description = "No operation of such a DID here, from that version on")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(did): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<DidLog>, Problem> {
    let did = ChopDid::parse(&did).map_err(|error| Problem::bad_request(error.to_string()))?;
    let query = Query::parse(query.as_deref(), &["from", "limit"])?;
    let from = query.number("from")?.unwrap_or(0);
    let limit = limit(&query, PAGE, PAGE)?;
    if did.ledger() != app.engine().genesis().id().short() {
        return Err(absent(&did, from));
    }
    let log = log(&app.engine().view(), &did, from, limit).map_err(|error| failed(&error))?;
    if log.operations.is_empty() {
        return Err(absent(&did, from));
    }
    Ok(Json(log))
}

fn absent(did: &ChopDid, from: u64) -> Problem {
    let whence = match from {
        0 => String::new(),
        from => format!(" from version {from} on"),
    };
    Problem::not_found(format!("this ledger has no operation of {did}{whence}"))
}

/// At most `limit` operations of a DID from version `from` on, with the times of their headers, and where the rest begins.
pub(crate) fn log(
    view: &View,
    did: &ChopDid,
    from: u64,
    limit: usize,
) -> Result<DidLog, EngineError> {
    let malformed = |what| {
        move |error: serde_json::Error| EngineError::Json {
            what,
            reason: error.to_string(),
        }
    };
    let mut found =
        view.snapshot()
            .operations(&did.scid().to_string(), from, limit.saturating_add(1))?;
    let next = found.get(limit).map(|(seq, _)| *seq);
    found.truncate(limit);
    let mut operations = Vec::with_capacity(found.len());
    for (seq, operation) in found {
        let record = view
            .value(&keys::did_version(&did.scid(), seq))?
            .unwrap_or_default();
        let record: VersionRecord =
            serde_json::from_slice(&record).map_err(malformed("version record"))?;
        operations.push(LogEntry {
            version_id: format!("{seq}-{}", record.operation),
            operation: serde_json::from_slice(&operation).map_err(malformed("operation"))?,
            time: record.time,
        });
    }
    Ok(DidLog { operations, next })
}
