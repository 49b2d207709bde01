//! Making, binding and listing issuing instances.

use super::body;
use crate::app::IssuerApp;
use crate::error::IssueError;
use crate::instance::Instance;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use chop_http::{JsonBytes, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An issuing instance as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    /// Its name in URLs.
    name: String,
    /// How it secures credentials.
    #[schema(example = "eddsa-jcs-2022")]
    suite: &'static str,
    /// The type of its key.
    #[schema(example = "Ed25519")]
    key_type: String,
    /// The issuer that its credentials name.
    did: String,
    /// Where the issuer's document lists the key.
    verification_method: String,
    /// The public key as a Multikey, for the issuer's DID document.
    public_key_multibase: String,
    /// The certificates (PEM) that its tokens bring along.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificates: Option<String>,
    /// Where VC-API issue requests go.
    issue_path: String,
}

/// A new issuing instance.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    /// Its name: lower-case letters, digits and inner hyphens.
    #[schema(example = "lab")]
    name: String,
    /// A mechanism, such as `eddsa-rdfc-2022` or `jwt`.
    #[schema(example = "eddsa-jcs-2022")]
    suite: String,
    /// `Ed25519`, `P-256`, `P-384` or `BLS12-381-G2`; the suite's first when absent.
    key_type: Option<String>,
}

/// The DID that an instance shall sign for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Bind {
    /// A DID whose document lists the instance's key under `assertionMethod`.
    did: String,
    /// Which entry; found by the key when absent.
    verification_method: Option<String>,
}

/// The certificates that an instance shall bring along.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Certify {
    /// PEM: the key's certificate, which names the instance's DID, then each certificate's issuer; the anchor is left out.
    /// `null` takes them away.
    certificates: Option<String>,
}

impl From<Instance> for Shown {
    fn from(instance: Instance) -> Self {
        Self {
            issue_path: format!("/issuers/{}/credentials/issue", instance.name),
            suite: instance.suite.mechanism().name,
            key_type: instance.suite.key_type().to_string(),
            name: instance.name,
            did: instance.did,
            verification_method: instance.verification_method,
            public_key_multibase: instance.multikey,
            certificates: instance.certificates,
        }
    }
}

#[utoipa::path(get, path = "/v1/issuers", tag = "issuer", summary = "List the issuing instances",
    responses((status = 200, description = "The instances, ordered by name", body = [Shown])))]
pub(super) async fn list(State(app): State<IssuerApp>) -> Result<Json<Vec<Shown>>, Problem> {
    let instances = app.instances().await.map_err(IssueError::from)?;
    Ok(Json(instances.into_iter().map(Shown::from).collect()))
}

#[utoipa::path(post, path = "/v1/issuers", tag = "issuer", summary = "Make an issuing instance with a new key",
    request_body = Create, security(("admin" = [])),
    responses(
        (status = 201, description = "Made; it signs under the did:key of its key until it is bound to another DID", body = Shown),
        (status = 409, description = "The name is taken")))]
pub(super) async fn create(
    State(app): State<IssuerApp>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<impl IntoResponse, Problem> {
    app.config().admin.check(&headers)?;
    let Create {
        name,
        suite,
        key_type,
    } = body::shape(&bytes)?;
    let instance = app
        .create_instance(&name, &suite, key_type.as_deref())
        .await?;
    let location = format!("/v1/issuers/{name}");
    Ok((
        StatusCode::CREATED,
        [(LOCATION, location)],
        Json(Shown::from(instance)),
    ))
}

#[utoipa::path(put, path = "/v1/issuers/{instance}", tag = "issuer", summary = "Bind an instance to a DID",
    params(("instance" = String, Path, description = "The instance's name")), request_body = Bind, security(("admin" = [])),
    responses(
        (status = 200, description = "Bound", body = Shown),
        (status = 404, description = "No such instance"),
        (status = 422, description = "The DID cannot be resolved or does not list the key")))]
pub(super) async fn bind(
    State(app): State<IssuerApp>,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Shown>, Problem> {
    app.config().admin.check(&headers)?;
    let Bind {
        did,
        verification_method,
    } = body::shape(&bytes)?;
    let instance = app
        .bind_instance(&name, &did, verification_method.as_deref())
        .await?;
    Ok(Json(Shown::from(instance)))
}

#[utoipa::path(put, path = "/v1/issuers/{instance}/certificates", tag = "issuer", summary = "Give an instance certificates",
    params(("instance" = String, Path, description = "The instance's name")), request_body = Certify, security(("admin" = [])),
    responses(
        (status = 200, description = "Its SD-JWT VCs and their status lists bring the certificates along (`x5c`)", body = Shown),
        (status = 404, description = "No such instance"),
        (status = 422, description = "The certificates are not for the instance's key and DID, or its suite has no use for them")))]
pub(super) async fn certify(
    State(app): State<IssuerApp>,
    Path(name): Path<String>,
    headers: HeaderMap,
    JsonBytes(bytes): JsonBytes,
) -> Result<Json<Shown>, Problem> {
    app.config().admin.check(&headers)?;
    let Certify { certificates } = body::shape(&bytes)?;
    let instance = app.certify_instance(&name, certificates).await?;
    Ok(Json(Shown::from(instance)))
}
