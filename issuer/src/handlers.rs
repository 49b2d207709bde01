//! The routes, one file per subject.

mod body;
mod instances;
mod issue;
mod lists;
mod status;

use crate::app::IssuerApp;
use axum::Router;
use axum::routing::{get, post, put};
use utoipa::OpenApi;

/// All routes of the issuing service.
pub fn router(app: IssuerApp) -> Router {
    Router::new()
        .route("/issuers/{instance}/credentials/issue", post(issue::vc_api))
        .route(
            "/issuers/{curve}/{suite}/credentials/issue",
            post(issue::vc_api_of_curve),
        )
        .route("/credentials/status", post(status::vc_api))
        .route("/statuslists/{id}", get(lists::read))
        .route("/v1/issuers", get(instances::list).post(instances::create))
        .route(
            "/v1/issuers/{instance}",
            put(instances::bind).post(instances::bind),
        )
        .route(
            "/v1/issuers/{instance}/certificates",
            put(instances::certify),
        )
        .route("/v1/issuers/{instance}/credentials", post(issue::native))
        .route("/v1/issuers/{instance}/status", post(status::native))
        .route("/v1/issuers/{instance}/statuslists", get(lists::aggregate))
        .with_state(app)
}

/// The OpenAPI description of [`router`].
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Chopmark issuer", description = "Issues credentials and keeps their status"),
    tags((name = "issuer", description = "Issuing instances, credentials and their status")),
    paths(issue::vc_api, issue::vc_api_of_curve, issue::native, instances::list, instances::create, instances::bind, instances::certify, status::vc_api, status::native, lists::read, lists::aggregate),
    components(schemas(instances::Shown, instances::Create, instances::Bind, instances::Certify, issue::Issued, issue::IssueBody, status::StatusBody, status::Updated, lists::Aggregation))
)]
struct Description;

#[cfg(test)]
mod tests;
