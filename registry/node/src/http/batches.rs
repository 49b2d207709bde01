//! Batches: the records, where their codes stand, and their items.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chop_did::ChopDid;
use chop_http::Problem;
use chop_integrity::Hash;
use chop_protocol::http::{CodePage, ItemAnswer, ProvenValue};
use chop_protocol::{ItemAbsence, keys};

use super::query::Query;
use super::{NodeApp, failed, leaves, state};
use crate::leaves::held::{absent, held, segments};

const PAGE: u64 = 100;
const MAX_PAGE: u64 = 1_000;

#[utoipa::path(get, path = "/v1/batches/{id}", tag = "batches", summary = "Show a batch",
    params(("id" = String, Path, description = "Its id"), ("proof" = Option<bool>, Query, description = "Whether to add the proof, also that there is none")),
    responses((status = 200, description = "The record under `value`; null, with proof, when there is none", body = Object), (status = 404, description = "No such batch, and no proof was asked for")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<ProvenValue>, Problem> {
    let id = parse(&id)?;
    let found = state::read(&app, &keys::batch(&id), query.as_deref()).await?;
    if found.value.is_none() && found.proof.is_none() {
        return Err(Problem::not_found(format!("this ledger has no batch {id}")));
    }
    Ok(Json(found))
}

#[utoipa::path(get, path = "/v1/batches/{id}/codes", tag = "batches", summary = "Say where the codes of a batch stand",
    description = "Segments cover all ordinals in order. The list is unproven; each segment is proven by its own key, code/ID/TO with seven digits.",
    params(
        ("id" = String, Path, description = "The batch's id"),
        ("from" = Option<u64>, Query, description = "The first ordinal; 0 when absent"),
        ("limit" = Option<u64>, Query, description = "How many segments, at most 1000; 100 when absent")),
    responses((status = 200, description = "A page of segments", body = Object), (status = 404, description = "No such batch")))]
pub(super) async fn codes(
    State(app): State<NodeApp>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<CodePage>, Problem> {
    let id = parse(&id)?;
    let query = Query::parse(query.as_deref(), &["from", "limit"])?;
    let from = query.number("from")?.unwrap_or(0);
    let limit = query.number("limit")?.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit is 1 to {MAX_PAGE}, got {limit}"
        )));
    }
    let view = app.engine().view();
    if view
        .value(&keys::batch(&id))
        .map_err(|e| failed(&e))?
        .is_none()
    {
        return Err(Problem::not_found(format!("this ledger has no batch {id}")));
    }
    let from = u32::try_from(from).unwrap_or(u32::MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut segments =
        segments(&view, &id, from, limit.saturating_add(1)).map_err(|e| failed(&e))?;
    let next = (segments.len() > limit)
        .then(|| segments.pop())
        .flatten()
        .map(|segment| segment.from);
    Ok(Json(CodePage {
        segments,
        next,
        unproven: true,
    }))
}

#[utoipa::path(get, path = "/v1/items/{did}", tag = "batches", summary = "Give an item of a batch with its path",
    description = "Nothing in the answer needs trust: the record of the batch, proven by its key, decides.",
    params(("did" = String, Path, description = "A did:chop of this ledger whose scid begins with b")),
    responses((status = 200, description = "The item, its place, its path, its template", body = Object), (status = 404, description = "No such item is kept here: this proves nothing")))]
pub(super) async fn item(
    State(app): State<NodeApp>,
    Path(did): Path<String>,
) -> Result<Json<ItemAnswer>, Problem> {
    let did = item_did(&app, &did)?;
    let held = held(leaves::keeper(&app)?, &app.engine().view(), did.scid()).await;
    let held = held.map_err(|error| failed(&error))?;
    let held = held.ok_or_else(|| Problem::not_found(format!("no item {did} is kept here")))?;
    Ok(Json(ItemAnswer {
        proof: held.found.proof,
        template: held.found.template,
        segment: held.segment,
    }))
}

#[utoipa::path(get, path = "/v1/batches/{id}/absence/{did}", tag = "batches", summary = "Show that an item is not of a batch",
    description = "The two leaves between which it would stand, each with its path to the root in the record of the batch.",
    params(("id" = String, Path, description = "The batch's id"), ("did" = String, Path, description = "A did:chop of this ledger whose scid begins with b")),
    responses((status = 200, description = "The leaves beside its place", body = Object), (status = 404, description = "No such batch, its leaves are not here, or the item is of it")))]
pub(super) async fn absence(
    State(app): State<NodeApp>,
    Path((id, did)): Path<(String, String)>,
) -> Result<Json<ItemAbsence>, Problem> {
    let (id, did) = (parse(&id)?, item_did(&app, &did)?);
    let shown = absent(
        leaves::keeper(&app)?,
        &app.engine().view(),
        (id, did.scid()),
    )
    .await;
    let shown = shown.map_err(|error| failed(&error))?;
    shown.map(Json).ok_or_else(|| {
        Problem::not_found(format!(
            "that {did} is not of batch {id} cannot be shown here"
        ))
    })
}

pub(super) fn item_did(app: &NodeApp, text: &str) -> Result<ChopDid, Problem> {
    let did = ChopDid::parse(text).map_err(|error| Problem::bad_request(error.to_string()))?;
    leaves::keeper(app)?;
    if did.ledger() == app.engine().genesis().id().short() {
        Ok(did)
    } else {
        Err(Problem::not_found(format!("{did} is of another ledger")))
    }
}

fn parse(id: &str) -> Result<Hash, Problem> {
    id.parse()
        .map_err(|error| Problem::bad_request(format!("no id of a batch: {error}")))
}
