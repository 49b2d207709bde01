//! The registry over HTTP: writes go in as envelopes, keyed reads come back with proofs, lists as of a height.

mod batches;
mod blocks;
mod claims;
mod events;
mod headers;
mod heights;
mod identifiers;
mod leaves;
mod listed;
mod listing;
mod logs;
mod member;
mod members;
mod proofs;
mod proposals;
mod query;
mod registrar;
mod schemas;
mod state;
mod status;
mod transactions;
mod trqp;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use chop_client::Resolver;
use chop_did::ChopDid;
use chop_http::{AdminToken, Metrics, Problem, Proxies};
use chop_keys::Signer;
use utoipa::OpenApi;

use crate::engine::{Engine, EngineError};
use crate::leaves::LeafKeeper;
use crate::projection::Projection;

pub(crate) use logs::log;
pub use member::{MemberDoor, member_openapi, member_router};
pub(crate) use members::decode;
pub(crate) use proposals::{any_proposal, undecided};

/// The member that runs this node: it sponsors the envelopes of those who hold the admin token.
#[derive(Clone)]
pub struct Operator {
    /// Its DID, a live member.
    pub did: ChopDid,
    /// A `capabilityInvocation` key of its document.
    pub signer: Arc<dyn Signer>,
}

/// What the registry's handlers work with.
#[derive(Clone)]
pub struct NodeApp {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    operator: Operator,
    admin: AdminToken,
    resolver: Arc<Resolver>,
    leaves: Option<LeafKeeper>,
    projection: Projection,
    bodies: identifiers::Bodies,
    jobs: registrar::Jobs,
    claims: claims::UnderWay,
    proxies: Proxies,
    seats: events::Seats,
}

impl NodeApp {
    /// Puts a running ledger behind handlers.
    pub fn new(
        engine: impl Into<Engine>,
        operator: Operator,
        admin: AdminToken,
        resolver: Arc<Resolver>,
        projection: Projection,
    ) -> Self {
        let bodies = identifiers::Bodies::default();
        let jobs = registrar::Jobs::default();
        Self {
            inner: Arc::new(Inner {
                engine: engine.into(),
                operator,
                admin,
                resolver,
                leaves: None,
                projection,
                bodies,
                jobs,
                claims: claims::UnderWay::default(),
                proxies: Proxies::default(),
                seats: events::Seats::default(),
            }),
        }
    }

    /// Keeps the leaves of batches; without this the node serves no items.
    #[must_use]
    pub fn with_leaves(mut self, keeper: LeafKeeper) -> Self {
        // Nobody shares the handlers yet.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.leaves = Some(keeper);
        }
        self
    }

    /// Takes the word of these proxies for whom they speak; without this every client is whoever connects.
    #[must_use]
    pub fn behind(mut self, proxies: Proxies) -> Self {
        // Nobody shares the handlers yet.
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.proxies = proxies;
        }
        self
    }

    fn projection(&self) -> &Projection {
        &self.inner.projection
    }

    /// Adds to the process's metrics the last block, and the last one that lists show.
    pub fn register(&self, metrics: &Metrics) {
        heights::register(metrics, self.engine().clone(), self.projection().clone());
    }

    /// The ledger behind the handlers.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }
}

/// The registry's routes.
pub fn router(app: NodeApp) -> Router {
    Router::new()
        .route(
            "/1.0/identifiers/{*did}",
            get(identifiers::get).post(identifiers::post),
        )
        .route("/1.0/create", post(registrar::create))
        .route("/1.0/update", post(registrar::update))
        .route("/1.0/deactivate", post(registrar::deactivate))
        .route(
            "/v1/transactions",
            get(listed::transactions).post(transactions::submit),
        )
        .route("/v1/transactions/{hash}", get(transactions::show))
        .route("/v1/blocks", get(blocks::list))
        .route("/v1/blocks/{height}", get(blocks::show))
        .route("/v1/dids", get(listed::dids))
        .route("/v1/accreditations", get(listed::accreditations))
        .route("/v1/search", get(listed::search))
        .route("/v1/events", get(events::follow))
        .route("/v1/headers/{height}", get(headers::show))
        .route("/v1/handover", get(headers::handover))
        .route("/v1/comet", post(headers::comet))
        .route("/v1/proofs", post(proofs::show))
        .route("/v1/state/{*key}", get(state::show))
        .route("/v1/status", get(status::status))
        .route("/v1/genesis", get(status::genesis))
        .route("/v1/trust-root", get(status::trust_root))
        .route("/v1/dids/{did}/log", get(logs::show))
        .route("/v1/leaves", post(leaves::announce))
        .route("/v1/leaves/receipt", post(leaves::receipt))
        .route("/v1/leaves/receipts", post(leaves::collect))
        .route(
            "/v1/leaves/{terms}/{run}",
            get(leaves::give).put(leaves::bring),
        )
        .route("/v1/batches/{id}", get(batches::show))
        .route("/v1/batches/{id}/codes", get(batches::codes))
        .route("/v1/batches/{id}/absence/{did}", get(batches::absence))
        .route("/v1/items/{did}", get(batches::item))
        .route("/v1/claims", post(claims::claim))
        .route("/v1/claims/challenge", post(claims::challenge))
        .route("/v1/schemas", get(schemas::list))
        .route("/v1/schemas/{name}", get(schemas::show))
        .route("/v1/schemas/{name}/{version}", get(schemas::version))
        .route("/schemas/{digest}", get(schemas::document))
        .route("/schemas/{name}/{version}", get(schemas::by_name))
        .route("/authorization", post(trqp::authorization))
        .route("/recognition", post(trqp::recognition))
        .route("/v1/members", get(members::list))
        .route("/v1/members/{did}", get(members::show))
        .route("/v1/proposals", get(proposals::list))
        .route("/v1/proposals/all", get(listed::proposals))
        .route("/v1/proposals/{id}", get(proposals::show))
        .with_state(app)
}

/// Answers of the registry that need no routing: DIDs that were resolved before, while the ledger stands still.
pub fn kept_answers(app: NodeApp) -> impl chop_http::Ready {
    identifiers::KeptAnswers(app)
}

/// The registry's part of the OpenAPI description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

#[derive(OpenApi)]
#[openapi(paths(
    identifiers::get,
    identifiers::post,
    registrar::create,
    registrar::update,
    registrar::deactivate,
    transactions::submit,
    transactions::show,
    listed::transactions,
    listed::dids,
    listed::accreditations,
    listed::search,
    listed::proposals,
    events::follow,
    blocks::list,
    blocks::show,
    headers::show,
    headers::handover,
    headers::comet,
    proofs::show,
    state::show,
    status::status,
    status::genesis,
    status::trust_root,
    logs::show,
    leaves::announce,
    leaves::bring,
    leaves::give,
    leaves::receipt,
    leaves::collect,
    batches::show,
    batches::codes,
    batches::absence,
    batches::item,
    claims::challenge,
    claims::claim,
    schemas::list,
    schemas::show,
    schemas::version,
    schemas::document,
    schemas::by_name,
    trqp::authorization,
    trqp::recognition,
    members::list,
    members::show,
    proposals::list,
    proposals::show,
))]
struct Api;

/// A failure of the store or the engine: logged here, told to nobody.
fn failed(error: &EngineError) -> Problem {
    if let EngineError::Unproven { .. } = error {
        Problem::unavailable("the validators have not signed the last block yet")
    } else if error.is_passing() {
        Problem::unavailable("the database is being reopened")
    } else {
        Problem::internal(error)
    }
}
