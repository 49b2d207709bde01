//! Status lists for whoever verifies.

use crate::app::IssuerApp;
use crate::lists::{self, Form};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::response::IntoResponse;
use chop_http::Problem;

#[utoipa::path(get, path = "/statuslists/{id}", tag = "issuer", summary = "Read a status list credential",
    params(("id" = String, Path, description = "The list's identifier")),
    responses(
        (status = 200, description = "The signed BitstringStatusListCredential; as a JWT when `Accept` asks for application/vc+jwt", body = Object),
        (status = 404, description = "No such list")))]
pub(super) async fn read(
    State(app): State<IssuerApp>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let (form, media_type) = negotiate(&headers);
    let body = lists::signed(&app, &id, form).await?;
    let cache = format!("public, max-age={}", app.config().list_ttl_ms / 1000);
    Ok((
        [
            (CONTENT_TYPE, media_type.to_owned()),
            (CACHE_CONTROL, cache),
            (VARY, "Accept".to_owned()),
        ],
        body.to_string(),
    ))
}

/// A JWT only for those who ask for it by name; a document under plain JSON for those who do not know `application/vc`.
fn negotiate(headers: &HeaderMap) -> (Form, &'static str) {
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
