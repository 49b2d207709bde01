//! The members of the consortium.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use chop_did::ChopDid;
use chop_http::Problem;
use chop_protocol::http::{ListedMember, MemberList, ProvenValue};
use chop_protocol::membership::MAX_MEMBERS;
use chop_protocol::{Governance, Member, ValidatorSet, keys};
use serde::de::DeserializeOwned;

use super::{NodeApp, failed, state};
use crate::engine::{EngineError, View};

#[utoipa::path(get, path = "/v1/members", tag = "registry", summary = "List the members of the consortium",
    description = "Ended memberships are listed too, with the validators and how members decide. The list is unproven; each member is proven by its own key.",
    responses((status = 200, description = "Members, validators, thresholds", body = Object)))]
pub(super) async fn list(State(app): State<NodeApp>) -> Result<Json<MemberList>, Problem> {
    members(&app.engine().view())
        .map(Json)
        .map_err(|error| failed(&error))
}

#[utoipa::path(get, path = "/v1/members/{did}", tag = "registry", summary = "Show a member's record",
    description = "One that never was a member is answered with value null; with `proof=true` that is proven.",
    params(
        ("did" = String, Path, description = "A did:chop of this ledger"),
        ("proof" = Option<bool>, Query, description = "Whether to add the proof")),
    responses((status = 200, description = "The record or null", body = Object), (status = 400, description = "No did:chop")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(did): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<ProvenValue>, Problem> {
    let did = ChopDid::parse(&did).map_err(|error| Problem::bad_request(error.to_string()))?;
    if did.ledger() != app.engine().genesis().id().short() {
        return Err(Problem::not_found(format!("this ledger has no {did}")));
    }
    state::read(&app, &keys::member(&did.scid()), query.as_deref())
        .await
        .map(Json)
}

fn members(view: &View) -> Result<MemberList, EngineError> {
    let to = keys::after(keys::MEMBERS);
    let entries = view.snapshot().scan(keys::MEMBERS, &to, MAX_MEMBERS)?;
    let members = entries.iter().map(|(_, bytes)| {
        decode(bytes, "member").map(|member: Member| ListedMember {
            standing: member.standing(),
            member,
        })
    });
    let members = members.collect::<Result<_, _>>()?;
    let validators = view.value(keys::VALIDATORS)?;
    let validators: Option<ValidatorSet> = validators
        .map(|bytes| decode(&bytes, "set of validators"))
        .transpose()?;
    let governance = view.value(keys::GOVERNANCE)?;
    let governance: Option<Governance> = governance
        .map(|bytes| decode(&bytes, "governance"))
        .transpose()?;
    Ok(MemberList {
        proven: false,
        members,
        validators: validators.unwrap_or_default().validators().to_vec(),
        governance: governance.unwrap_or_default(),
    })
}

/// Reads a value that this node's own state machine wrote.
pub(crate) fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    what: &'static str,
) -> Result<T, EngineError> {
    serde_json::from_slice(bytes).map_err(|error| EngineError::Json {
        what,
        reason: error.to_string(),
    })
}
