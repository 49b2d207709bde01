//! One service at a base URL: JSON in, JSON out.

use std::time::Duration;

use chop_http::Guarded;
use chop_http::outbound::{OutboundError, Outgoing};
use chop_integrity::json;
use serde_json::Value;
use url::Url;

/// The largest answer of a service, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const ANSWER_LIMITS: json::Limits = json::Limits {
    max_bytes: MAX_ANSWER,
    max_depth: 64,
};

/// A Chopmark service, or another one that speaks JSON, at a base URL.
#[derive(Debug, Clone)]
pub struct Service {
    base: Url,
    outbound: Guarded,
    timeout: Duration,
}

/// What a service answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body; null when the body is empty.
    pub body: Value,
}

/// Says why a service gave no JSON answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The base URL cannot carry a path.
    #[error("{base} is no base URL of a service")]
    Base {
        /// The URL given.
        base: String,
    },
    /// Nothing was reached.
    #[error("the service was not reached")]
    Outbound(#[from] OutboundError),
    /// The body is not JSON.
    #[error("the service answered with status {status} and a body that is not JSON")]
    NotJson {
        /// The HTTP status.
        status: u16,
        /// What the parser said.
        source: json::JsonError,
    },
    /// The status is not the one hoped for.
    #[error("the service answered with status {}", answer.status)]
    Refused {
        /// The whole answer, a problem document as a rule.
        answer: Answer,
    },
}

impl Service {
    /// Addresses the service at `base`; the guarded client decides whether it may be reached.
    ///
    /// # Errors
    /// [`ServiceError::Base`] for a URL that cannot carry a path.
    pub fn new(base: Url, outbound: Guarded) -> Result<Self, ServiceError> {
        if base.cannot_be_a_base() {
            return Err(ServiceError::Base { base: base.into() });
        }
        Ok(Self {
            base,
            outbound,
            timeout: Duration::from_secs(35),
        })
    }

    /// Bounds every exchange; 35 s unless said otherwise, longer than a node waits for a block.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns the base URL.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns a URL below the base; each segment is percent-encoded whole.
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Asks for a document and returns whatever the service answers.
    ///
    /// # Errors
    /// When the service is not reached, or answers with something that is not JSON.
    pub async fn get(&self, url: Url) -> Result<Answer, ServiceError> {
        self.exchange(Outgoing::get(url).accept("application/json, application/problem+json"))
            .await
    }

    /// Sends a document, with the administrator's token if there is one, and returns whatever the service answers.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(
        &self,
        url: Url,
        body: Vec<u8>,
        token: Option<&str>,
    ) -> Result<Answer, ServiceError> {
        self.send(Outgoing::post_json(url, body), token).await
    }

    /// Puts a document, under the terms of [`Self::post`].
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn put(
        &self,
        url: Url,
        body: Vec<u8>,
        token: Option<&str>,
    ) -> Result<Answer, ServiceError> {
        self.send(Outgoing::put_json(url, body), token).await
    }

    /// Sends a prepared request, with the administrator's token if there is one.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn send(
        &self,
        request: Outgoing,
        token: Option<&str>,
    ) -> Result<Answer, ServiceError> {
        let request = token.into_iter().fold(request, Outgoing::bearer);
        self.exchange(request).await
    }

    async fn exchange(&self, request: Outgoing) -> Result<Answer, ServiceError> {
        let request = request.max_bytes(MAX_ANSWER).timeout(self.timeout);
        let fetched = self.outbound.exchange(request).await?;
        let status = fetched.status.as_u16();
        if fetched.body.is_empty() {
            return Ok(Answer {
                status,
                body: Value::Null,
            });
        }
        let body = json::parse(&fetched.body, &ANSWER_LIMITS)
            .map_err(|source| ServiceError::NotJson { status, source })?;
        Ok(Answer { status, body })
    }
}

impl Answer {
    /// Returns the body of a 2xx answer.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] for any other status.
    pub fn success(self) -> Result<Value, ServiceError> {
        if (200..300).contains(&self.status) {
            Ok(self.body)
        } else {
            Err(ServiceError::Refused { answer: self })
        }
    }

    /// Returns a text member of the body: `title`, `detail` or `rule` of a problem document.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.body.get(member).and_then(Value::as_str)
    }
}
