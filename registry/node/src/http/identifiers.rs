//! DID resolution and DID URL dereferencing (W3C DID Resolution, HTTPS binding).

mod accept;
mod answer;
mod own;
mod target;

use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chop_did::resolution::{ErrorKind, ResolutionError, dereference};
use chop_http::Problem;
use serde_json::Value;

use super::NodeApp;
use accept::Form;
use answer::Answer;
use own::Question;
use target::Target;

pub(super) use own::{Bodies, KeptAnswers};

/// Where identifiers begin in the path.
const PREFIX: &str = "/1.0/identifiers/";

#[utoipa::path(get, path = "/1.0/identifiers/{did}", tag = "registry", summary = "Resolve a DID or dereference a DID URL",
    description = "The form of the answer follows Accept: application/did-resolution, application/did, application/did-url-dereferencing. Methods: chop, key, jwk, web, webvh.",
    params(
        ("did" = String, Path, description = "A DID or DID URL, raw or percent-encoded"),
        ("versionId" = Option<String>, Query, description = "A version; excludes versionTime"),
        ("versionTime" = Option<String>, Query, description = "The version in force at that time"),
        ("batch" = Option<String>, Query, description = "The batch in which an item is looked for, so that its absence can be proven (did:chop whose scid begins with b)"),
        ("proof" = Option<bool>, Query, description = "Whether didDocumentMetadata.proof carries the ledger's proof (did:chop of this ledger)")),
    responses(
        (status = 200, description = "Resolved", body = Object),
        (status = 303, description = "A service endpoint"),
        (status = 400, description = "INVALID_DID, INVALID_DID_URL or INVALID_OPTIONS", body = Object),
        (status = 404, description = "NOT_FOUND", body = Object),
        (status = 406, description = "REPRESENTATION_NOT_SUPPORTED", body = Object),
        (status = 410, description = "Deactivated", body = Object),
        (status = 501, description = "METHOD_NOT_SUPPORTED or FEATURE_NOT_SUPPORTED", body = Object)))]
pub(super) async fn get(
    State(app): State<NodeApp>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let path = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let form = Form::of(&headers);
    match form {
        Ok(form) => match Target::of_get(path, uri.query()) {
            Ok(target) => run(&app, &target, form).await,
            Err(error) => answer::error(form, &error, target::is_url(path)),
        },
        Err(error) => answer::error(Form::Resolution, &error, false),
    }
}

#[utoipa::path(post, path = "/1.0/identifiers/{did}", tag = "registry", summary = "Resolve or dereference with options in a JSON body",
    params(("did" = String, Path, description = "A DID or DID URL, raw or percent-encoded")), request_body = Object,
    responses((status = 200, description = "As for GET", body = Object)))]
pub(super) async fn post(
    State(app): State<NodeApp>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let path = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let form = match Form::of(&headers) {
        Ok(form) => form,
        Err(error) => return Ok(answer::error(Form::Resolution, &error, false)),
    };
    let target = options(&body).and_then(|options| Target::of_post(path, uri.query(), &options));
    Ok(match target {
        Ok(target) => run(&app, &target, form).await,
        Err(error) => answer::error(form, &error, target::is_url(path)),
    })
}

/// The options in a body; an empty one has none.
fn options(body: &Bytes) -> Result<Value, ResolutionError> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    let limits = chop_integrity::json::Limits {
        max_bytes: 64 * 1024,
        max_depth: 8,
    };
    chop_integrity::json::parse(body, &limits)
        .map_err(|error| ResolutionError::new(ErrorKind::InvalidOptions, error.to_string()))
}

async fn run(app: &NodeApp, target: &Target, form: Form) -> Response {
    let mut question = Question::of(app, target, form).await;
    if let Some(kept) = question.as_mut().and_then(|question| question.kept(app)) {
        return kept;
    }
    // Boxed, so that the common answer above does not carry the resolver's whole state around.
    let found = match Box::pin(find(app, target)).await {
        Ok(found) => found,
        Err(error) => return answer::error(form, &error, target.dereferences()),
    };
    let kept = match (question, &found) {
        (Some(question), Answer::Resolved(resolved)) => question.keep(app, resolved),
        _ => None,
    };
    kept.unwrap_or_else(|| answer::found(form, &found))
}

async fn find(app: &NodeApp, target: &Target) -> Result<Answer, ResolutionError> {
    let resolved = match own::resolve(app, target).await {
        Some(own) => own?,
        None => {
            app.inner
                .resolver
                .resolve(target.url.did(), &target.options)
                .await?
        }
    };
    if !target.dereferences() {
        return Ok(Answer::Resolved(resolved));
    }
    dereference(&target.url, &resolved, target.relationship.as_deref()).map(Answer::Dereferenced)
}

/// A status of the resolution vocabulary as an HTTP status.
fn http_status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
