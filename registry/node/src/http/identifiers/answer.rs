//! Answers in the form that the client accepts.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use chop_did::resolution::{Dereferenced, ResolutionError, Resolved};
use chop_http::Problem;
use serde_json::{Value, json};

use super::accept::Form;
use super::http_status;

const RESOLUTION: &str = "application/did-resolution";
const DEREFERENCING: &str = "application/did-url-dereferencing";
const LEGACY: &str = "application/ld+json;profile=\"https://w3id.org/did-resolution\"";
const LEGACY_CONTEXT: &str = "https://w3id.org/did-resolution/v1";

/// What was found.
pub(super) enum Answer {
    /// A document with its metadata.
    Resolved(Resolved),
    /// What a DID URL leads to.
    Dereferenced(Dereferenced),
}

/// Writes what was found.
pub(super) fn found(form: Form, answer: &Answer) -> Response {
    match answer {
        Answer::Resolved(resolved) => resolution(form, resolved),
        Answer::Dereferenced(found) => dereferenced(form, found),
    }
}

/// Writes a resolution result.
fn resolution(form: Form, resolved: &Resolved) -> Response {
    let status = http_status(resolved.status());
    match form {
        Form::Resolution => json_body(status, RESOLUTION, &resolved.to_result()),
        Form::Dereferencing => {
            let body = json!({
                "dereferencingMetadata": {"contentType": resolved.content_type},
                "contentStream": resolved.document,
                "contentMetadata": resolved.metadata.to_json(),
            });
            json_body(status, DEREFERENCING, &body)
        }
        Form::Bare(media) => json_body(status, media, &json!(resolved.document)),
        Form::Legacy => {
            let mut body = resolved.to_result();
            if let Some(members) = body.as_object_mut() {
                members.insert("@context".to_owned(), json!(LEGACY_CONTEXT));
                if resolved.document.is_none() {
                    members.insert("didDocument".to_owned(), json!({}));
                }
            }
            json_body(status, LEGACY, &body)
        }
    }
}

fn dereferenced(form: Form, found: &Dereferenced) -> Response {
    // The HTTPS binding: a selected service endpoint is a redirect with an empty body.
    if let Some(location) = found.redirect() {
        return (StatusCode::SEE_OTHER, [(LOCATION, location.to_owned())]).into_response();
    }
    let status = http_status(found.status());
    match form {
        Form::Resolution | Form::Dereferencing => {
            json_body(status, DEREFERENCING, &found.to_result())
        }
        // Drafts before the dereferencing result put the content where a document stands.
        Form::Legacy => {
            let body = json!({
                "@context": LEGACY_CONTEXT,
                "didDocument": found.content(),
                "didDocumentMetadata": {},
                "didDereferencingMetadata": {},
            });
            json_body(status, LEGACY, &body)
        }
        Form::Bare(media) => json_body(status, media, &found.content()),
    }
}

/// Writes an error; `dereferencing` says which kind of result it belongs to.
pub(super) fn error(form: Form, error: &ResolutionError, dereferencing: bool) -> Response {
    let status = http_status(error.status());
    match form {
        Form::Dereferencing => json_body(status, DEREFERENCING, &error.to_dereferencing_result()),
        Form::Resolution if dereferencing => {
            json_body(status, DEREFERENCING, &error.to_dereferencing_result())
        }
        Form::Resolution => json_body(status, RESOLUTION, &error.to_result()),
        Form::Bare("application/json") if dereferencing => {
            problem(StatusCode::NOT_ACCEPTABLE, error)
        }
        Form::Bare(_) => problem(status, error),
        Form::Legacy => {
            let metadata = if dereferencing {
                "didDereferencingMetadata"
            } else {
                "didResolutionMetadata"
            };
            let body = json!({
                "@context": LEGACY_CONTEXT,
                "didDocument": {},
                "didDocumentMetadata": {},
                metadata: {"error": error.kind().legacy(), "errorMessage": error.detail()},
            });
            json_body(status, LEGACY, &body)
        }
    }
}

fn problem(status: StatusCode, error: &ResolutionError) -> Response {
    Problem::of_kind(status, error.kind().type_uri(), error.kind().title())
        .detail(error.detail())
        .into_response()
}

/// A JSON body under a media type.
pub(super) fn json_body(status: StatusCode, media: &'static str, body: &Value) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(CONTENT_TYPE, media)], bytes).into_response(),
        Err(error) => Problem::internal(&error).into_response(),
    }
}
