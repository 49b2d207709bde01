//! Problem details for HTTP APIs, RFC 9457.

use std::borrow::Cow;
use std::fmt::{Debug, Display};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document: what a client sees of a failure, RFC 9457 §3.
///
/// Built from fixed words and the client's own input only. What the process knows besides (paths, SQL, hosts) goes to the log.
#[derive(Debug, Clone)]
pub struct Problem {
    inner: Box<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    kind: Cow<'static, str>,
    title: Cow<'static, str>,
    detail: Option<String>,
    members: Map<String, Value>,
    headers: HeaderMap,
}

impl Problem {
    /// Makes a problem of the house's own kind: its `type` is `urn:chopmark:problem:` and the slug.
    pub fn new(status: StatusCode, slug: &str, title: impl Into<Cow<'static, str>>) -> Self {
        Self::of_kind(status, format!("urn:chopmark:problem:{slug}"), title)
    }

    /// Makes a problem whose `type` URI comes from a published vocabulary.
    pub fn of_kind(
        status: StatusCode,
        kind: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            inner: Box::new(Inner {
                status,
                kind: kind.into(),
                title: title.into(),
                detail: None,
                members: Map::new(),
                headers: HeaderMap::new(),
            }),
        }
    }

    /// Makes a 400 for a request that cannot be read.
    pub fn bad_request(detail: impl Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed-request",
            "The request cannot be read",
        )
        .detail(detail)
    }

    /// Makes a 403 for a client that is known and may not do this.
    pub fn forbidden(
        slug: &str,
        title: impl Into<Cow<'static, str>>,
        detail: impl Display,
    ) -> Self {
        Self::new(StatusCode::FORBIDDEN, slug, title).detail(detail)
    }

    /// Makes a 404 for a thing that is not here.
    pub fn not_found(detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found").detail(detail)
    }

    /// Makes a 422 for a request that was understood and is refused.
    pub fn unprocessable(
        slug: &str,
        title: impl Into<Cow<'static, str>>,
        detail: impl Display,
    ) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, slug, title).detail(detail)
    }

    /// Makes a 503 for a service that cannot answer now.
    pub fn unavailable(detail: impl Display) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "The service cannot answer now",
        )
        .detail(detail)
        .header(
            axum::http::header::RETRY_AFTER,
            HeaderValue::from_static("1"),
        )
    }

    /// Makes a 500 that says nothing; the cause goes to the log.
    pub fn internal(cause: &(impl Debug + ?Sized)) -> Self {
        tracing::error!(cause = ?cause, "a request failed for a reason of our own");
        Self::silent_internal()
    }

    /// Makes a 500 that says nothing, for a cause that is logged already.
    pub(crate) fn silent_internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The service failed",
        )
    }

    /// Adds the explanation of this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Display) -> Self {
        self.inner.detail = Some(detail.to_string());
        self
    }

    /// Adds an extension member, RFC 9457 §3.2; it cannot replace a standard one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.inner.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a response header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.inner.headers.insert(name, value);
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> StatusCode {
        self.inner.status
    }

    /// Returns the `type` URI.
    pub fn kind(&self) -> &str {
        &self.inner.kind
    }

    /// Returns the document as JSON.
    pub fn body(&self) -> Value {
        let mut body = self.inner.members.clone();
        body.insert("type".to_owned(), json!(self.inner.kind));
        body.insert("title".to_owned(), json!(self.inner.title));
        body.insert("status".to_owned(), json!(self.inner.status.as_u16()));
        if let Some(detail) = &self.inner.detail {
            body.insert("detail".to_owned(), json!(detail));
        }
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.body().to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.inner.status;
        *response.headers_mut() = self.inner.headers;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_member_never_replaces_a_standard_one() {
        let problem = Problem::bad_request("no body")
            .with("status", 200)
            .with("rule", "R1");
        assert_eq!(
            problem.body(),
            json!({
                "type": "urn:chopmark:problem:malformed-request",
                "title": "The request cannot be read",
                "status": 400,
                "detail": "no body",
                "rule": "R1",
            })
        );
    }

    #[test]
    fn an_internal_problem_keeps_its_cause_to_itself() {
        let body = Problem::internal("no such table: /var/lib/secret")
            .body()
            .to_string();
        assert!(!body.contains("secret"));
    }

    #[test]
    fn a_problem_is_served_under_its_own_media_type() {
        let response = Problem::not_found("no block 7").into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
    }
}
