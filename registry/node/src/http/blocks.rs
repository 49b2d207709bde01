//! Blocks, newest first.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chop_http::Problem;
use chop_integrity::Timestamp;
use chop_protocol::http::{BlockPage, BlockView, Transaction};
use data_encoding::HEXUPPER;

use super::query::Query;
use super::{NodeApp, failed};
use crate::engine::{EngineError, View};
use crate::store::BlockRecord;

const PAGE: u64 = 20;
const MAX_PAGE: u64 = 100;

#[utoipa::path(get, path = "/v1/blocks", tag = "registry", summary = "List blocks, newest first",
    params(
        ("before" = Option<u64>, Query, description = "Only blocks below this height"),
        ("limit" = Option<u64>, Query, description = "How many, at most 100; 20 when absent")),
    responses((status = 200, description = "A page of blocks", body = Object), (status = 400, description = "A parameter is malformed")))]
pub(super) async fn list(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<BlockPage>, Problem> {
    let query = Query::parse(query.as_deref(), &["before", "limit"])?;
    let limit = query.number("limit")?.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit is 1 to {MAX_PAGE}, got {limit}"
        )));
    }
    let view = app.engine().view();
    let top = query.number("before")?.map_or(view.last_block(), |before| {
        before.saturating_sub(1).min(view.last_block())
    });
    let mut blocks = Vec::new();
    for height in (1..=top)
        .rev()
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
    {
        // Promoted and pruned ledgers begin above height 1; a header that CometBFT has not handed out yet comes soon.
        blocks.extend(block(&view, height).map_err(|error| failed(&error))?);
    }
    let before = blocks
        .last()
        .map(|block| block.height)
        .filter(|height| *height > 1);
    Ok(Json(BlockPage { blocks, before }))
}

#[utoipa::path(get, path = "/v1/blocks/{height}", tag = "registry", summary = "Show a block",
    params(("height" = u64, Path, description = "Its height")),
    responses((status = 200, description = "The block", body = Object), (status = 404, description = "No such block")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(height): Path<String>,
) -> Result<Json<BlockView>, Problem> {
    let height = height
        .parse()
        .map_err(|_| Problem::bad_request(format!("a height is a whole number, got {height:?}")))?;
    let view = app.engine().view();
    let block = block(&view, height).map_err(|error| failed(&error))?;
    block.map(Json).ok_or_else(|| {
        Problem::not_found(format!(
            "there is no block {height}; the last one is {}",
            view.last_block()
        ))
    })
}

fn block(view: &View, height: u64) -> Result<Option<BlockView>, EngineError> {
    let record = view.snapshot().block(height)?;
    let Some(record) = record.filter(|record| !record.signed_header.is_empty()) else {
        return Ok(None);
    };
    let header = record.decode_header()?.header;
    Ok(Some(BlockView {
        height,
        time: Timestamp::from_unix_ms(chop_proof::build::time_ms(&header)),
        hash: header.hash().to_string(),
        app_hash: HEXUPPER.encode(header.app_hash.as_bytes()),
        transactions: transactions(&record)?,
    }))
}

fn transactions(record: &BlockRecord) -> Result<Vec<Transaction>, EngineError> {
    let mut transactions = Vec::new();
    for result in &record.results {
        transactions.extend(result.outcomes()?.iter().map(Transaction::from));
    }
    Ok(transactions)
}
