//! The layers around every service: one place that says what happens to a request before and after its handler.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use futures_util::FutureExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::Instrument as _;

use crate::front::{Front, Ready};
use crate::metrics::{Asked, Lane};
use crate::{HostGuard, Metrics, Problem, body, metrics, random};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest words of the framework that are repeated, in bytes.
const MAX_WORDS: usize = 1_024;

/// What the layers allow.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
    /// How long a client may take to send its body.
    pub body_time: Duration,
    /// How long a handler may take.
    pub request_time: Duration,
    /// How many requests are handled at once.
    pub concurrency: usize,
    /// How long a request waits for its turn.
    pub queue_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: body::DEFAULT_LIMIT,
            body_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            concurrency: 256,
            queue_time: Duration::from_secs(2),
        }
    }
}

/// What every request meets on its way to its handler and back. One layer, because each costs every request some
/// allocations.
pub(crate) struct Stack {
    pub(crate) metrics: Metrics,
    guard: Option<HostGuard>,
    limits: Limits,
    turns: Semaphore,
}

/// Wraps the merged routes of a process: `/healthz` and `/metrics`, problems for unknown paths and methods, and the layers.
///
/// From the outside in: request id and access log, metrics, panics become 500, foreign hosts are refused, the body is read
/// within its limits, the request waits for its turn, the handler runs within its time.
pub fn wrap(
    services: Router,
    metrics: Metrics,
    guard: Option<HostGuard>,
    limits: Limits,
) -> Router {
    layered(services, &Stack::new(metrics, guard, limits))
}

/// The same with answers that are ready before a request is routed; they need no turn and no time of a handler.
pub fn wrap_with_ready(
    services: Router,
    metrics: Metrics,
    guard: Option<HostGuard>,
    limits: Limits,
    ready: impl Ready + 'static,
) -> Front {
    let stack = Stack::new(metrics, guard, limits);
    let routes = layered(services, &stack);
    Front::with_ready(routes, stack, Box::new(ready))
}

fn layered(services: Router, stack: &Arc<Stack>) -> Router {
    services
        .route("/healthz", get(healthz))
        .route(
            "/metrics",
            get(metrics::serve).with_state(stack.metrics.clone()),
        )
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(from_fn_with_state(Arc::clone(stack), answer))
}

/// Names the request, counts and times it, and logs how it ended: never its path, query, headers or body.
async fn answer(State(stack): State<Arc<Stack>>, request: Request, next: Next) -> Response {
    let id = id_of(request.headers());
    let asked = Asked::of(&request);
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let started = Instant::now();
    let under_way = stack.metrics.enter();
    let answering = AssertUnwindSafe(stack.admitted(request, next)).catch_unwind();
    let answered = answering.instrument(span.clone()).await;
    let mut response = answered.unwrap_or_else(|cause| span.in_scope(|| panicked(&*cause)));
    drop(under_way);
    let (taken, status) = (started.elapsed(), response.status().as_u16());
    stack.metrics.observe(&asked, taken, status);
    span.in_scope(|| log(asked.method, asked.route(), status, taken));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Says how a request ended: never its path, query, headers or body.
fn log(method: &str, route: &str, status: u16, taken: Duration) {
    let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(method, route, status, micros, "answered a request");
}

impl Stack {
    fn new(metrics: Metrics, guard: Option<HostGuard>, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            metrics,
            guard,
            turns: Semaphore::new(limits.concurrency),
            limits,
        })
    }

    /// Whether the guard lets these headers pass.
    pub(crate) fn admits(&self, headers: &HeaderMap) -> bool {
        let guard = self.guard.as_ref();
        guard.is_none_or(|guard| guard.check(headers).is_ok())
    }

    /// Names, counts and logs a ready answer.
    pub(crate) fn account(
        headers: &HeaderMap,
        mut response: Response,
        started: Instant,
        lane: &Lane,
    ) -> Response {
        let id = id_of(headers);
        let taken = started.elapsed();
        lane.observe(taken);
        tracing::info_span!("request", id = id.to_str().unwrap_or_default())
            .in_scope(|| log(lane.method, lane.route, 200, taken));
        response.headers_mut().insert(REQUEST_ID, id);
        response
    }

    /// Refuses foreign hosts, reads the body within its limits, then runs the handler within its own.
    async fn admitted(&self, request: Request, next: Next) -> Response {
        if let Some(Err(problem)) = self
            .guard
            .as_ref()
            .map(|guard| guard.check(request.headers()))
        {
            return problem.into_response();
        }
        match self.admit(request).await {
            Ok((request, _turn)) => {
                let answer = tokio::time::timeout(self.limits.request_time, next.run(request));
                match answer.await {
                    Ok(response) => in_our_words(response).await,
                    Err(_) => too_slow(),
                }
            }
            Err(problem) => problem.into_response(),
        }
    }

    async fn admit(&self, request: Request) -> Result<(Request, SemaphorePermit<'_>), Problem> {
        let (parts, incoming) = request.into_parts();
        // The whole body is read before its handler runs: no handler waits for a slow client, and an answer that comes
        // before the body was wanted does not break the connection. Most reads bring none, and need no clock for it.
        let body = if incoming.is_end_stream() {
            Body::empty()
        } else {
            let reading = Box::pin(body::read(&parts.headers, incoming, self.limits.body));
            let read = tokio::time::timeout(self.limits.body_time, reading).await;
            Body::from(read.map_err(|_| {
                Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "slow-body",
                    "The body came too slowly",
                )
            })??)
        };
        let request = Request::from_parts(parts, body);
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok((request, turn));
        }
        let turn = tokio::time::timeout(self.limits.queue_time, self.turns.acquire()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Problem::unavailable("too many requests are under way"));
        };
        Ok((request, turn))
    }
}

/// Answers `GET /healthz`: the process is alive.
pub async fn healthz() -> &'static str {
    "ok\n"
}

async fn unknown_path() -> Problem {
    Problem::not_found("there is nothing under this path")
}

async fn unknown_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "The method is not allowed here",
    )
}

/// Puts refusals that the framework wrote as plain text, such as that of a path that is no UTF-8, into a problem; its words are
/// repeated where the client can mend what they name.
async fn in_our_words(response: Response) -> Response {
    let status = response.status();
    let is_plain = |value: &HeaderValue| value.as_bytes().starts_with(b"text/plain");
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || !response.headers().get(CONTENT_TYPE).is_some_and(is_plain) {
        return response;
    }
    let title = status
        .canonical_reason()
        .unwrap_or("The request is refused");
    let mut problem = Problem::new(status, "refused", title);
    let (parts, body) = response.into_parts();
    if status.is_client_error()
        && let Ok(words) = to_bytes(body, MAX_WORDS).await
        && let Ok(words) = std::str::from_utf8(&words)
        && !words.is_empty()
    {
        problem = problem.detail(words);
    }
    let mut problem = problem.into_response();
    for (name, value) in parts
        .headers
        .iter()
        .filter(|(name, _)| **name != CONTENT_TYPE && **name != CONTENT_LENGTH)
    {
        problem.headers_mut().insert(name, value.clone());
    }
    problem
}

fn too_slow() -> Response {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "timeout",
        "The answer took too long",
    )
    .header(RETRY_AFTER, HeaderValue::from_static("5"))
    .into_response()
}

fn panicked(cause: &(dyn Any + Send)) -> Response {
    let words = cause
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned());
    let words = words
        .or_else(|| cause.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(cause = %words, "a handler panicked");
    Problem::silent_internal().into_response()
}

fn is_plain(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    (1..=64).contains(&bytes.len())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// The id that the client gave the request, or a fresh one.
fn id_of(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(&REQUEST_ID).filter(|id| is_plain(id)).cloned();
    given.unwrap_or_else(fresh_id)
}

/// An id that no other request of this process has, and most likely none of another one.
fn fresh_id() -> HeaderValue {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(u64::from_be_bytes(random::bytes())));
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let id = HEXLOWER.encode(&id.to_be_bytes());
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("unnamed"))
}

#[cfg(test)]
mod tests;
