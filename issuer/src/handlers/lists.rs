//! Status lists for whoever verifies, in browsers too.

use crate::app::IssuerApp;
use crate::error::IssueError;
use crate::lists::{self, Form};
use crate::store::ListKind;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderName, VARY,
};
use axum::response::IntoResponse;
use chop_http::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Anybody's page may read what anybody may fetch.
const ANYWHERE: (HeaderName, &str) = (ACCESS_CONTROL_ALLOW_ORIGIN, "*");

/// A time in the past, by either specification's name.
#[derive(Debug, Deserialize)]
pub(super) struct Past {
    timestamp: Option<String>,
    time: Option<String>,
}

/// The Token Status Lists of an instance (draft-ietf-oauth-status-list-20 §9.3).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Aggregation {
    /// Their URIs.
    status_lists: Vec<String>,
}

#[utoipa::path(get, path = "/statuslists/{id}", tag = "issuer", summary = "Read a status list",
    params(("id" = String, Path, description = "The list's identifier")),
    responses(
        (status = 200, description = "A BitstringStatusListCredential, as a JWT when `Accept` asks for application/vc+jwt; or a Token Status List, application/statuslist+jwt", body = Object),
        (status = 404, description = "No such list"),
        (status = 501, description = "A past state was asked for (`timestamp`, `time`): only the present one is kept")))]
pub(super) async fn read(
    State(app): State<IssuerApp>,
    Path(id): Path<String>,
    Query(past): Query<Past>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    // A client that asked for the past must not take the present for it.
    if past.timestamp.is_some() || past.time.is_some() {
        return Err(IssueError::Past.into());
    }
    let kind = app
        .store()
        .list_kind(&id)
        .await
        .map_err(IssueError::from)?
        .ok_or(IssueError::UnknownList)?;
    let (form, media_type) = negotiate(kind, &headers);
    let body = lists::signed(&app, &id, form).await?;
    let cache = format!("public, max-age={}", app.config().list_ttl_ms / 1000);
    Ok((
        [
            (CONTENT_TYPE, media_type.to_owned()),
            (CACHE_CONTROL, cache),
            (VARY, "Accept".to_owned()),
        ],
        [ANYWHERE],
        body.to_vec(),
    ))
}

#[utoipa::path(get, path = "/v1/issuers/{instance}/statuslists", tag = "issuer", summary = "List the Token Status Lists of an instance",
    params(("instance" = String, Path, description = "The instance's name")),
    responses((status = 200, description = "The Status List Aggregation", body = Aggregation), (status = 404, description = "No such instance")))]
pub(super) async fn aggregate(
    State(app): State<IssuerApp>,
    Path(instance): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let instance = app.instance(&instance).await?;
    let ids = app.store().token_lists(&instance.name).await;
    let status_lists = ids
        .map_err(IssueError::from)?
        .iter()
        .map(|id| app.list_url(id))
        .collect();
    Ok(([ANYWHERE], Json(Aggregation { status_lists })))
}

/// A JWT only for those who ask for it by name; a document under plain JSON for those who do not know `application/vc`.
fn negotiate(kind: ListKind, headers: &HeaderMap) -> (Form, &'static str) {
    if kind == ListKind::Token {
        return (Form::TokenJwt, "application/statuslist+jwt");
    }
    let accepted = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut types = accepted
        .flat_map(|value| value.split(','))
        .filter_map(|part| part.split(';').next())
        .map(str::trim);
    types
        .find_map(|media_type| match media_type {
            "application/vc+jwt" => Some((Form::Jwt, "application/vc+jwt")),
            "application/vc" => Some((Form::Document, "application/vc")),
            "application/json" | "*/*" => Some((Form::Document, "application/json")),
            _ => None,
        })
        .unwrap_or((Form::Document, "application/json"))
}
