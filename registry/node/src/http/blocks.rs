//! Blocks: each from the node's own store, the list of them from the read model.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use chop_http::Problem;
use chop_integrity::Timestamp;
use chop_protocol::http::listed::{Listed, ListedBlock, RememberedBlock, ShownBlock};
use chop_protocol::http::{BlockView, Transaction};
use data_encoding::HEXUPPER;

use super::listing::{self, Asked, reading_blocks};
use super::{NodeApp, failed};
use crate::engine::{EngineError, View};
use crate::store::BlockRecord;

#[utoipa::path(get, path = "/v1/blocks", tag = "explorer", summary = "List blocks, newest first",
    params(
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, description = "How many, at most 100; 20 when absent")),
    responses(
        (status = 200, description = "A page of blocks, unproven, with the height as of which it speaks", body = Object),
        (status = 400, description = "A parameter is malformed, or the cursor is of another list"),
        (status = 503, description = "The read model is being built")))]
pub(super) async fn list(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ListedBlock>>, Problem> {
    let asked = Asked::of(&app, "blocks", query.as_deref(), &[])?;
    let below = asked.after().and_then(|height| height.parse().ok());
    let mut reading = reading_blocks(&app).await?;
    let page = reading.blocks(below, asked.limit).await;
    let page = page.map_err(|error| listing::failed(&error))?;
    Ok(asked.answer(reading.as_of, page))
}

#[utoipa::path(get, path = "/v1/blocks/{height}", tag = "explorer", summary = "Show a block",
    description = "With what became of its envelopes; of a block that this node has pruned, what the read model remembers, with `pruned`.",
    params(("height" = u64, Path, description = "Its height")),
    responses(
        (status = 200, description = "The block", body = Object),
        (status = 400, description = "No height"),
        (status = 404, description = "No such block"),
        (status = 410, description = "Pruned here, and not remembered")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(height): Path<String>,
) -> Result<Json<ShownBlock>, Problem> {
    let height = height
        .parse()
        .map_err(|_| Problem::bad_request(format!("a height is a whole number, got {height:?}")))?;
    let view = app.engine().view();
    if let Some(block) = block(&view, height).map_err(|error| failed(&error))? {
        return Ok(Json(ShownBlock::Held(block)));
    }
    let first = view.snapshot().first_height();
    let first = first.map_err(|error| failed(&EngineError::from(error)))?;
    if first.is_some_and(|first| (1..first).contains(&height)) {
        let mut reading = reading_blocks(&app).await?;
        let block = reading.block(height).await;
        if let Some(block) = block.map_err(|error| listing::failed(&error))? {
            return Ok(Json(ShownBlock::Remembered(RememberedBlock {
                block,
                pruned: true,
            })));
        }
    }
    Err(missing("block", height, &view))
}

/// Why a block or a header is not here: it was pruned, or there is none.
pub(super) fn missing(what: &str, height: u64, view: &View) -> Problem {
    let first = view.snapshot().first_height().ok().flatten().unwrap_or(1);
    let last = view.last_block();
    if (1..first).contains(&height) {
        return Problem::new(StatusCode::GONE, "pruned", "This node does not keep it any more")
            .detail(format!(
                "{what} {height} is older than what this node keeps, which is {first} to {last}; an archive node keeps all"
            ))
            .with("firstHeight", first);
    }
    Problem::not_found(format!(
        "there is no {what} {height}; the last one is {last}"
    ))
}

fn block(view: &View, height: u64) -> Result<Option<BlockView>, EngineError> {
    let record = view.snapshot().block(height)?;
    // A header that CometBFT has not handed out yet comes soon.
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
