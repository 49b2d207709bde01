//! The member API: what members' programs reach with a certificate of the consortium's authority.
//!
//! A certificate is necessary and never sufficient. Every request asks the ledger, as of the last block here, whether the
//! certificate's key is bound to the DID that it names and that DID is a live member; a connection ends with the block that
//! ends either. The key authorises nothing beyond the connection: what it carries is signed by other keys.

mod door;

use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use chop_http::peer::PeerCertificate;
use chop_http::stack::{Limits, wrap};
use chop_http::{JsonBytes, Metrics, Problem};
use chop_integrity::{Hash, Timestamp};
use chop_protocol::http::{BoundCertificate, MemberView};
use chop_protocol::{MemberQuota, Parameters, Proposal, Quota, ValidatorSet, keys};
use utoipa::OpenApi;
use utoipa::openapi::security::SecurityScheme;

use super::members::decode;
use super::{NodeApp, failed, proposals, status, transactions};
use crate::engine::{EngineError, View};
pub use door::MemberDoor;
use door::{Admitted, require};

/// The routes of the member API, checked on every request; [`MemberDoor`] keeps the door of their listener.
pub fn member_router(app: NodeApp, door: MemberDoor, metrics: Metrics) -> Router {
    let api = Router::new()
        .route("/v1/transactions", post(submit))
        .route("/v1/transactions/{hash}", get(transactions::show))
        .route("/v1/status", get(status::status))
        .route("/v1/member", get(show))
        .with_state(app);
    wrap(api, metrics, None, Limits::default()).layer(from_fn_with_state(door, require))
}

/// The OpenAPI description of the member API, which is on a listener of its own.
pub fn member_openapi() -> utoipa::openapi::OpenApi {
    let mut api = Api::openapi();
    let certificate = SecurityScheme::MutualTls {
        description: Some(
            "A certificate of the consortium's authority, whose key the ledger binds to a live member".to_owned(),
        ),
        deprecated: None,
        extensions: None,
    };
    let components = api.components.get_or_insert_default();
    components.add_security_scheme("member", certificate);
    api
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chopmark: the member API",
        version = env!("CARGO_PKG_VERSION"),
        description = "What a node's listener for members' programs answers (`--member-listen`): TLS 1.3 with a client's certificate. A certificate \
            that the ledger does not back is 403 on every route. Errors are problem documents (RFC 9457)."
    ),
    security(("member" = [])),
    paths(submit, transactions::show, status::status, show)
)]
struct Api;

#[utoipa::path(post, path = "/v1/transactions", tag = "member API", summary = "Submit a signed envelope that the member sponsors",
    description = "It carries the sponsor's signature: the node adds none. The same envelope sent twice gets the first answer again.",
    request_body(content = Object, description = "A signed envelope"),
    responses(
        (status = 201, description = "Executed and durable, with height", body = Object),
        (status = 202, description = "Not executed yet; ask at Location", body = Object),
        (status = 400, description = "No signed envelope"),
        (status = 403, description = "The certificate is not that of a live member, or another member sponsors the envelope"),
        (status = 409, description = "Executed and refused: it contradicts the present state"),
        (status = 422, description = "Executed and refused, with the rule"),
        (status = 503, description = "Busy, read-only, or not following the ledger")))]
/// Takes an envelope that the member sponsors. It carries the sponsor's signature already: the node adds none, for a TLS key
/// authorises nothing on the ledger.
async fn submit(
    State(app): State<NodeApp>,
    Extension(door): Extension<MemberDoor>,
    Extension(peer): Extension<PeerCertificate>,
    JsonBytes(bytes): JsonBytes<{ transactions::ENVELOPE_BYTES }>,
) -> Result<Response, Problem> {
    // The body may have taken its time.
    let member = door
        .admit(Some(&peer))
        .map_err(|refusal| refusal.problem())?;
    let envelope = transactions::parse(bytes.as_ref())?;
    let sponsor = envelope.envelope().sponsor;
    if sponsor != member.did {
        return Err(Problem::forbidden(
            "other-sponsor",
            "The envelope's sponsor is another member",
            format!(
                "the envelope is sponsored by {sponsor}, the certificate is of {}",
                member.did
            ),
        ));
    }
    transactions::hand_in(&app, envelope).await
}

#[utoipa::path(get, path = "/v1/member", tag = "member API", summary = "Show the member where it stands",
    responses(
        (status = 200, description = "Record, certificate, quota and what was used today, validators, proposals that wait for its vote", body = Object),
        (status = 403, description = "The certificate is not that of a live member"),
        (status = 503, description = "The node does not follow the ledger now")))]
/// Shows the member its record, certificate, quota, validators, and the proposals that wait for its vote.
async fn show(
    State(app): State<NodeApp>,
    Extension(member): Extension<Admitted>,
) -> Result<Json<MemberView>, Problem> {
    view_of(&app.engine().view(), member)
        .map(Json)
        .map_err(|error| failed(&error))
}

fn view_of(view: &View, admitted: Admitted) -> Result<MemberView, EngineError> {
    let head = view.head();
    let now = Timestamp::from_unix_ms(head.time_ms);
    let scid = admitted.did.scid();
    let parameters: Option<Parameters> = read(view, keys::PARAMETERS, "parameters")?;
    let parameters = parameters.unwrap_or_default();
    let used: Option<Quota> = read(view, &keys::quota(keys::day(now), &scid), "quota")?;
    let set: Option<ValidatorSet> = read(view, keys::VALIDATORS, "set of validators")?;
    let set = set.unwrap_or_default();
    let own = set.validators().iter();
    Ok(MemberView {
        height: view.last_block(),
        time: now,
        quota: admitted.record.quota.unwrap_or(MemberQuota {
            block_work: parameters.sponsor_block_work,
            day_work: parameters.sponsor_day_work,
        }),
        used_today: used.unwrap_or_default(),
        validators: own
            .filter(|validator| validator.member == admitted.did)
            .cloned()
            .collect(),
        awaiting_vote: awaiting(view, &admitted)?,
        certificate: BoundCertificate {
            spki: admitted.spki,
            bound: admitted.binding.time,
            height: admitted.binding.height,
            until: Timestamp::from_unix_ms(admitted.until_ms),
        },
        member: admitted.record,
    })
}

/// The open proposals on which the member may vote and has not.
fn awaiting(view: &View, admitted: &Admitted) -> Result<Vec<Hash>, EngineError> {
    let mut waiting = Vec::new();
    if !admitted.record.role.is_member() {
        return Ok(waiting);
    }
    for listed in proposals::open(view)?.proposals {
        let Proposal { id, proposer, .. } = listed.proposal;
        let vote = keys::vote(&id, &admitted.did.scid());
        if proposer != admitted.did && view.value(&vote)?.is_none() {
            waiting.push(id);
        }
    }
    Ok(waiting)
}

fn read<T: serde::de::DeserializeOwned>(
    view: &View,
    key: &str,
    what: &'static str,
) -> Result<Option<T>, EngineError> {
    let bytes = view.value(key)?;
    bytes.map(|bytes| decode(&bytes, what)).transpose()
}
