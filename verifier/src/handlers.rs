//! The routes.

use axum::Router;
use axum::routing::post;
use utoipa::OpenApi;

use crate::VerifierApp;
use crate::request::{
    BatchRequest, PolicyChoice, PolicyName, PolicyTerms, VerificationOptions, VerificationRequest,
};

mod derive;
mod native;
mod vc_api;

/// Returns the routes of the verifying service.
pub fn router(app: VerifierApp) -> Router {
    Router::new()
        .route("/v1/verifications", post(native::verify))
        .route("/v1/verifications/batch", post(native::verify_batch))
        .route("/credentials/verify", post(vc_api::verify_credential))
        .route("/presentations/verify", post(vc_api::verify_presentation))
        .route("/credentials/derive", post(derive::derive_credential))
        .route(
            "/issuers/{instance}/credentials/derive",
            post(derive::derive_credential),
        )
        .route(
            "/holders/{instance}/credentials/derive",
            post(derive::derive_credential),
        )
        .with_state(app)
}

/// Describes the routes of the verifying service, OpenAPI 3.1.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Chopmark verifier", description = "Judges credentials and presentations"),
    tags((name = "verifier", description = "Verdicts on credentials and presentations")),
    paths(native::verify, native::verify_batch, vc_api::verify_credential, vc_api::verify_presentation, derive::derive_credential),
    components(schemas(
        VerificationRequest, BatchRequest, native::BatchAnswer, VerificationOptions, PolicyChoice, PolicyName, PolicyTerms, vc_api::CredentialBody,
        vc_api::PresentationBody, vc_api::VcApiOptions, derive::DeriveBody, derive::DeriveOptions
    ))
)]
struct Description;
