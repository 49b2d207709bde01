//! Lists of the read model: transactions, DIDs, accreditations, proposals; and search.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use chop_did::{ChopDid, Class, ScidVersion};
use chop_http::Problem;
use chop_integrity::Timestamp;
use chop_protocol::http::ListedProposal;
use chop_protocol::http::listed::{
    Found, Listed, ListedAccreditation, ListedDid, ListedTransaction, ProposalList,
};
use chop_protocol::{CredentialType, keys};

use super::NodeApp;
use super::listing::{Asked, action, did, failed, limit, reading, reading_blocks};
use super::query::Query;
use crate::engine::{EngineError, View};
use crate::leaves::held::held;
use crate::projection::{Accredited, Facets, Search};

/// Longest question, in bytes.
const MAX_QUESTION: usize = 200;
const HITS: u64 = 20;
const MAX_HITS: u64 = 50;

#[utoipa::path(get, path = "/v1/transactions", tag = "explorer", summary = "List transactions, newest first",
    params(
        ("actor" = Option<String>, Query, description = "Only what this DID did"),
        ("did" = Option<String>, Query, description = "Only what this DID did or what is about it"),
        ("action" = Option<String>, Query, description = "Only with an action of this type, such as did.create"),
        ("outcome" = Option<String>, Query, description = "committed or refused"),
        ("from" = Option<u64>, Query, description = "Only from this height on"),
        ("to" = Option<u64>, Query, description = "Only up to this height"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, description = "How many, at most 100; 20 when absent")),
    responses(
        (status = 200, description = "A page, unproven, with the height as of which it speaks", body = Object),
        (status = 400, description = "A parameter is malformed, or the cursor is of another question"),
        (status = 503, description = "The read model is being built")))]
pub(super) async fn transactions(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ListedTransaction>>, Problem> {
    let known = ["actor", "did", "action", "outcome", "from", "to"];
    let asked = Asked::of(&app, "transactions", query.as_deref(), &known)?;
    let facets = Facets {
        actor: asked.did("actor")?,
        did: asked.did("did")?,
        action: action(&asked.query)?,
        committed: outcome(&asked.query)?,
        from: asked.query.number("from")?,
        to: asked.query.number("to")?,
    };
    let mut reading = reading_blocks(&app).await?;
    let page = reading
        .transactions(&facets, asked.position(), asked.limit)
        .await
        .map_err(|error| failed(&error))?;
    Ok(asked.answer(reading.as_of, page))
}

fn outcome(query: &Query) -> Result<Option<bool>, Problem> {
    match query.value("outcome") {
        None => Ok(None),
        Some("committed") => Ok(Some(true)),
        Some("refused") => Ok(Some(false)),
        Some(other) => Err(Problem::bad_request(format!(
            "an outcome is committed or refused, got {other:?}"
        ))),
    }
}

#[utoipa::path(get, path = "/v1/dids", tag = "explorer", summary = "List DIDs, newest first",
    description = "What a DID's documents were is proven by its own keys and told by its log.",
    params(
        ("controller" = Option<String>, Query, description = "Only those that this DID controls"),
        ("class" = Option<String>, Query, description = "Only of this class, such as product"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, description = "How many, at most 100; 20 when absent")),
    responses(
        (status = 200, description = "A page, unproven, with the height as of which it speaks", body = Object),
        (status = 400, description = "A parameter is malformed, or the cursor is of another question"),
        (status = 503, description = "The read model is being built")))]
pub(super) async fn dids(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ListedDid>>, Problem> {
    let asked = Asked::of(&app, "dids", query.as_deref(), &["controller", "class"])?;
    let filters = [
        ("controller", asked.did("controller")?),
        ("class", class(&asked.query)?),
    ];
    let mut reading = reading(&app).await?;
    let page = reading
        .dids(&filters, asked.after(), asked.limit)
        .await
        .map_err(|error| failed(&error))?;
    Ok(asked.answer(reading.as_of, page))
}

fn class(query: &Query) -> Result<Option<String>, Problem> {
    let Some(class) = query.value("class") else {
        return Ok(None);
    };
    let known: Result<Class, _> = serde_json::from_value(class.into());
    known
        .map(|_| Some(class.to_owned()))
        .map_err(|error| Problem::bad_request(format!("query parameter class: {error}")))
}

#[utoipa::path(get, path = "/v1/accreditations", tag = "explorer", summary = "List accreditations, newest first",
    description = "Each with its standing, its ancestors considered, at `live_at` or at the last block. Each is proven by its own key; \
        /authorization answers one question with proof.",
    params(
        ("issuer" = Option<String>, Query, description = "Only those that this DID granted"),
        ("subject" = Option<String>, Query, description = "Only those that this DID holds"),
        ("type" = Option<String>, Query, description = "Only for this credential type"),
        ("live_at" = Option<String>, Query, description = "Only those that are live at this time; pages may be short"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, description = "How many, at most 100; 20 when absent")),
    responses(
        (status = 200, description = "A page, unproven, with the height as of which it speaks", body = Object),
        (status = 400, description = "A parameter is malformed, or the cursor is of another question"),
        (status = 503, description = "The read model is being built")))]
pub(super) async fn accreditations(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<Listed<ListedAccreditation>>, Problem> {
    let known = ["issuer", "subject", "type", "live_at"];
    let asked = Asked::of(&app, "accreditations", query.as_deref(), &known)?;
    let credential_type = asked.query.value("type").map(CredentialType::parse);
    let credential_type = credential_type.transpose().map_err(Problem::bad_request)?;
    let accredited = Accredited {
        subject: asked.did("subject")?,
        issuer: asked.did("issuer")?,
        credential_type: credential_type.map(|found| found.as_str().to_owned()),
        live_at: live_at(&asked.query)?,
    };
    let mut reading = reading(&app).await?;
    let page = reading
        .accreditations(&accredited, asked.after(), asked.limit)
        .await
        .map_err(|error| failed(&error))?;
    Ok(asked.answer(reading.as_of, page))
}

fn live_at(query: &Query) -> Result<Option<Timestamp>, Problem> {
    let parsed = query.value("live_at").map(str::parse).transpose();
    parsed.map_err(|error| {
        Problem::bad_request(format!(
            "query parameter live_at is a time such as 2026-11-01T08:00:00.000Z: {error}"
        ))
    })
}

#[utoipa::path(get, path = "/v1/proposals/all", tag = "explorer", summary = "List all proposals, newest first",
    description = "Decided and expired ones too. Each is proven, with the votes on it, by its own keys.",
    params(
        ("proposer" = Option<String>, Query, description = "Only those that this member made"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, description = "How many, at most 100; 20 when absent")),
    responses(
        (status = 200, description = "A page, unproven, with the height as of which it speaks", body = Object),
        (status = 400, description = "A parameter is malformed, or the cursor is of another question"),
        (status = 503, description = "The read model is being built")))]
pub(super) async fn proposals(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<ProposalList>, Problem> {
    let asked = Asked::of(&app, "proposals", query.as_deref(), &["proposer"])?;
    let proposer = asked.did("proposer")?;
    let mut reading = reading(&app).await?;
    let page = reading
        .proposals(proposer, asked.after(), asked.limit)
        .await
        .map_err(|error| failed(&error))?;
    let now = reading.time().await.map_err(|error| failed(&error))?;
    let page = page.map(|proposal| ListedProposal {
        standing: proposal.standing_at(now),
        proposal,
    });
    Ok(asked.answer(reading.as_of, page))
}

#[utoipa::path(get, path = "/v1/search", tag = "explorer", summary = "Search the ledger",
    description = "By height; by a hash or its beginning (transactions, blocks, accreditations, proposals), by a whole digest (anchors, documents, batches); \
        by the beginning of a DID, of an item without a state of its own by the whole of it; by the beginning of a name or of one of its first eight words (members, schemas, credential types, alsoKnownAs \
        of DIDs). Anchors, documents, batches and items are looked for in the node's newest state, which may be ahead of `asOf`. `more` says that not all is shown.",
    params(
        ("q" = String, Query, description = "What to look for, at most 200 bytes"),
        ("limit" = Option<u64>, Query, description = "How many hits, at most 50; 20 when absent")),
    responses(
        (status = 200, description = "Hits with their kind and where they are shown, unproven", body = Object),
        (status = 400, description = "A parameter is malformed"),
        (status = 503, description = "The read model is being built")))]
pub(super) async fn search(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<Found>, Problem> {
    let query = Query::parse(query.as_deref(), &["q", "limit"])?;
    let limit = limit(&query, HITS, MAX_HITS)?;
    let asked = query.value("q").unwrap_or_default().trim();
    if asked.is_empty() || asked.len() > MAX_QUESTION || asked.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!(
            "q is 1 to {MAX_QUESTION} bytes of text without control characters, got {} bytes",
            asked.len()
        )));
    }
    let view = app.engine().view();
    let item = item(&app, &view, asked).await;
    let item = item.map_err(|error| super::failed(&error))?;
    let mut reading = reading(&app).await?;
    let search = Search {
        item,
        asked,
        ledger: app.engine().genesis().id(),
        state: view.snapshot(),
        limit,
    };
    let (hits, more) = search
        .run(&mut reading)
        .await
        .map_err(|error| failed(&error))?;
    Ok(Json(Found {
        proven: false,
        as_of: reading.as_of,
        hits,
        more,
    }))
}

/// The item of a batch whose whole DID this is, as long as it has no state of its own.
async fn item(
    app: &NodeApp,
    view: &Arc<View>,
    asked: &str,
) -> Result<Option<ChopDid>, EngineError> {
    let (Ok(did), Some(keeper)) = (ChopDid::parse(asked), &app.inner.leaves) else {
        return Ok(None);
    };
    let scid = did.scid();
    if scid.version() != ScidVersion::BatchItem
        || did.ledger() != app.engine().genesis().id().short()
        || view.value(&keys::did(&scid))?.is_some()
    {
        return Ok(None);
    }
    Ok(held(keeper, view, scid).await?.map(|_| did))
}

/// The filters of a stream of events.
pub(super) fn facets(query: &Query) -> Result<Facets, Problem> {
    Ok(Facets {
        actor: did(query, "actor")?,
        did: did(query, "did")?,
        action: action(query)?,
        ..Facets::default()
    })
}
