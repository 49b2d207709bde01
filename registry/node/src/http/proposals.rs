//! What members decide; what they decided before is a list of the read model.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chop_http::Problem;
use chop_integrity::{Hash, Timestamp};
use chop_protocol::governance::MAX_OPEN;
use chop_protocol::http::{ListedProposal, ProposalPage, ProposalView};
use chop_protocol::membership::MAX_MEMBERS;
use chop_protocol::{Proposal, keys};

use super::members::decode;
use super::query::Query;
use super::{NodeApp, failed, state};
use crate::engine::{EngineError, View};

#[utoipa::path(get, path = "/v1/proposals", tag = "registry", summary = "List the open proposals",
    description = "Those that expire first in front. The list is unproven; each proposal is proven by its own key. All of them: /v1/proposals/all.",
    responses((status = 200, description = "Proposals with their standing", body = Object), (status = 400, description = "A parameter is unknown")))]
pub(super) async fn list(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<ProposalPage>, Problem> {
    Query::parse(query.as_deref(), &[])?;
    open(&app.engine().view())
        .map(Json)
        .map_err(|error| failed(&error))
}

#[utoipa::path(get, path = "/v1/proposals/{id}", tag = "registry", summary = "Show a proposal and the votes on it",
    params(
        ("id" = String, Path, description = "The proposal's id: the hash of its envelope"),
        ("proof" = Option<bool>, Query, description = "Whether to add a proof to the proposal and to every vote")),
    responses(
        (status = 200, description = "Standing, proposal and votes", body = Object),
        (status = 400, description = "No id"),
        (status = 404, description = "No such proposal")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<ProposalView>, Problem> {
    let id = parse_id(&id)?;
    let view = app.engine().view();
    let stored = stored(&view, &id).map_err(|error| failed(&error))?;
    let stored = stored.ok_or_else(|| Problem::not_found(format!("there is no proposal {id}")))?;
    let from = keys::votes(&id);
    let votes = view
        .snapshot()
        .scan(&from, &keys::after(&from), MAX_MEMBERS)
        .map_err(|error| failed(&error.into()))?;
    let proposal = state::read(&app, &keys::proposal(&id), query.as_deref()).await?;
    let mut shown = Vec::with_capacity(votes.len());
    for (key, _) in votes {
        shown.push(state::read(&app, &key, query.as_deref()).await?);
    }
    Ok(Json(ProposalView {
        standing: stored.standing_at(now(&view)),
        proposal,
        votes: shown,
    }))
}

pub(super) fn open(view: &View) -> Result<ProposalPage, EngineError> {
    let open = undecided(view)?;
    Ok(ProposalPage {
        proven: false,
        proposals: open
            .into_iter()
            .map(|proposal| listed(view, proposal))
            .collect(),
    })
}

/// The proposals on which votes count now, those that expire first in front.
pub(crate) fn undecided(view: &View) -> Result<Vec<Proposal>, EngineError> {
    let from = keys::ballots_from(now(view));
    let to = keys::after(keys::BALLOTS);
    let mut proposals = Vec::new();
    for (key, _) in view.snapshot().scan(&from, &to, MAX_OPEN)? {
        let id = key.rsplit('/').next().and_then(|id| id.parse().ok());
        proposals.extend(id.map(|id| stored(view, &id)).transpose()?.flatten());
    }
    Ok(proposals)
}

/// Whether any proposal, decided or not, is as asked.
pub(crate) fn any_proposal(
    view: &View,
    is_so: impl Fn(&Proposal) -> bool,
) -> Result<bool, EngineError> {
    let to = keys::after(keys::PROPOSALS);
    let mut from = keys::PROPOSALS.to_owned();
    loop {
        let page = view.snapshot().scan(&from, &to, MAX_OPEN)?;
        for (_, bytes) in &page {
            if is_so(&decode(bytes, "proposal")?) {
                return Ok(true);
            }
        }
        match page.last() {
            // The first text behind a key is the key with the smallest character at its end.
            Some((key, _)) if page.len() == MAX_OPEN => from = format!("{key}\0"),
            _ => return Ok(false),
        }
    }
}

fn listed(view: &View, proposal: Proposal) -> ListedProposal {
    ListedProposal {
        standing: proposal.standing_at(now(view)),
        proposal,
    }
}

fn stored(view: &View, id: &Hash) -> Result<Option<Proposal>, EngineError> {
    let bytes = view.value(&keys::proposal(id))?;
    bytes.map(|bytes| decode(&bytes, "proposal")).transpose()
}

fn now(view: &View) -> Timestamp {
    Timestamp::from_unix_ms(view.head().time_ms)
}

fn parse_id(text: &str) -> Result<Hash, Problem> {
    text.parse()
        .map_err(|error| Problem::bad_request(format!("no id of a proposal: {error}")))
}
