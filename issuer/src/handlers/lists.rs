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
        (status = 200, description = "A BitstringStatusListCredential, as a JWT when `Accept` asks for application/vc+jwt; or a Token Status List, application/statuslist+jwt or, when `Accept` asks for it, application/statuslist+cwt", body = Object),
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

/// What a client may have of a list of a kind, the first where it does not care.
const fn offered(kind: ListKind) -> &'static [(&'static str, Form)] {
    match kind {
        // `application/vc` is served under plain JSON to those who do not know it.
        ListKind::Bitstring => &[
            ("application/json", Form::Document),
            ("application/vc", Form::Document),
            ("application/vc+jwt", Form::Jwt),
        ],
        ListKind::Token => &[
            ("application/statuslist+jwt", Form::TokenJwt),
            ("application/statuslist+cwt", Form::TokenCwt),
        ],
    }
}

/// Chooses what the client likes best (RFC 9110 §12.5.1); one that names nothing of what there is gets the first.
fn negotiate(kind: ListKind, headers: &HeaderMap) -> (Form, &'static str) {
    let offered = offered(kind);
    let named = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut best: Option<(u16, &(&'static str, Form))> = None;
    for part in named {
        let mut pieces = part.split(';').map(str::trim);
        let name = pieces.next().unwrap_or_default();
        let quality = pieces
            .find_map(|piece| piece.strip_prefix("q="))
            .map_or(1_000, thousandths);
        let found = offered.iter().find(|(media_type, _)| {
            media_type.eq_ignore_ascii_case(name) || matches!(name, "*/*" | "application/*")
        });
        if let Some(found) = found
            && quality > best.map_or(0, |(known, _)| known)
        {
            best = Some((quality, found));
        }
    }
    let chosen = best.map(|(_, found)| found).or(offered.first());
    chosen.map_or(
        (Form::Document, "application/json"),
        |(media_type, form)| (*form, *media_type),
    )
}

/// Reads a quality value, 0 to 1 with three decimals (RFC 9110 §12.4.2), in thousandths; what is none asks for nothing.
fn thousandths(text: &str) -> u16 {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, decimals.len()) {
        ("1", _) => 1_000,
        ("0", 0..=3) if digits => format!("{decimals:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn asked(kind: ListKind, accept: &'static str) -> (Form, &'static str) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        negotiate(kind, &headers)
    }

    #[test]
    fn a_client_gets_what_it_likes_best() {
        let (jwt, cwt) = ("application/statuslist+jwt", "application/statuslist+cwt");
        for (accept, form) in [
            ("", (Form::TokenJwt, jwt)),
            ("*/*", (Form::TokenJwt, jwt)),
            ("application/json", (Form::TokenJwt, jwt)),
            ("application/statuslist+cwt", (Form::TokenCwt, cwt)),
            ("Application/StatusList+CWT", (Form::TokenCwt, cwt)),
            (
                "application/statuslist+jwt;q=0.5, application/statuslist+cwt;q=0.75",
                (Form::TokenCwt, cwt),
            ),
            (
                "application/statuslist+cwt;q=0, application/statuslist+jwt",
                (Form::TokenJwt, jwt),
            ),
            (
                "application/statuslist+jwt, application/statuslist+cwt",
                (Form::TokenJwt, jwt),
            ),
        ] {
            assert_eq!(asked(ListKind::Token, accept), form, "{accept}");
        }
        for (accept, form) in [
            ("", (Form::Document, "application/json")),
            ("text/html, */*;q=0.1", (Form::Document, "application/json")),
            ("application/vc", (Form::Document, "application/vc")),
            (
                "application/vc, application/vc+jwt, application/json;q=0.9",
                (Form::Document, "application/vc"),
            ),
            ("application/vc+jwt", (Form::Jwt, "application/vc+jwt")),
        ] {
            assert_eq!(asked(ListKind::Bitstring, accept), form, "{accept}");
        }
    }
}
