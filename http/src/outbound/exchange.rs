//! What goes out and what comes back.

use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

/// One request to the outside.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    pub(super) max_bytes: Option<usize>,
    pub(super) timeout: Option<Duration>,
}

impl Outgoing {
    /// Asks for a document.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: None,
            max_bytes: None,
            timeout: None,
        }
    }

    /// Sends a JSON document. Its answer is final: a redirect is not followed.
    pub fn post_json(url: Url, body: Vec<u8>) -> Self {
        let mut request = Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(url)
        };
        request
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    /// Puts a JSON document, under the terms of [`Self::post_json`].
    pub fn put_json(url: Url, body: Vec<u8>) -> Self {
        Self {
            method: Method::PUT,
            ..Self::post_json(url, body)
        }
    }

    /// Puts lines of text, under the terms of [`Self::post_json`].
    pub fn put_text(url: Url, body: Vec<u8>) -> Self {
        let mut request = Self::put_json(url, body);
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        request.headers.insert(CONTENT_TYPE, text);
        request
    }

    /// Adds an `Idempotency-Key`; one that is no header value is left out.
    #[must_use]
    pub fn idempotency_key(mut self, key: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(key) {
            self.headers.insert("idempotency-key", value);
        }
        self
    }

    /// Names the media types wanted.
    #[must_use]
    pub fn accept(mut self, media_types: &'static str) -> Self {
        self.headers
            .insert(ACCEPT, HeaderValue::from_static(media_types));
        self
    }

    /// Names the one media type wanted, as somebody else wrote it; one that is no header value is left out.
    #[must_use]
    pub fn accept_type(mut self, media_type: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(media_type) {
            self.headers.insert(ACCEPT, value);
        }
        self
    }

    /// Adds a bearer token; it is not repeated to where a redirect leads.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {token}")) {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    /// Bounds this answer, in bytes.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Bounds this whole exchange.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The status: of a success or, from [`Guarded::exchange`], any but a followed redirect.
    pub status: StatusCode,
    /// The URL that answered.
    pub url: Url,
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The body, at most as long as asked for.
    pub body: Vec<u8>,
}

impl Fetched {
    /// Returns the media type in lower case, without parameters.
    pub fn media_type(&self) -> Option<String> {
        let value = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        Some(value.split(';').next()?.trim().to_ascii_lowercase())
    }

    /// Returns how long the answer may be kept, RFC 9111 §5.2.2; `None` where it says nothing.
    pub fn max_age(&self) -> Option<Duration> {
        let directives = self
            .headers
            .get(CACHE_CONTROL)?
            .to_str()
            .ok()?
            .to_ascii_lowercase();
        let mut directives = directives.split(',').map(str::trim);
        if directives
            .clone()
            .any(|directive| matches!(directive, "no-store" | "no-cache"))
        {
            return Some(Duration::ZERO);
        }
        let seconds = directives.find_map(|directive| directive.strip_prefix("max-age="))?;
        Some(Duration::from_secs(seconds.trim_matches('"').parse().ok()?))
    }
}
