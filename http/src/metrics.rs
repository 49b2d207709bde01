//! Counters and durations in the `OpenMetrics` text format.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

pub use prometheus_client;

use crate::Problem;

/// The process's metrics: one registry, to which each service adds its own.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

impl Metrics {
    /// Starts with the metrics of HTTP itself, each name prefixed with `chopmark_`.
    pub fn new() -> Self {
        let requests = Family::<RequestLabels, Counter>::default();
        let durations = Family::new_with_constructor(buckets as fn() -> Histogram);
        let in_flight = Gauge::default();
        let mut registry = Registry::with_prefix("chopmark");
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_seconds",
            "Time to answer a request",
            durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests being answered",
            in_flight.clone(),
        );
        Self {
            registry: Arc::new(Mutex::new(registry)),
            requests,
            durations,
            in_flight,
        }
    }

    /// Lets a service register metrics of its own.
    pub fn register(&self, registration: impl FnOnce(&mut Registry)) {
        registration(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts a request as under way for as long as the answer lives.
    pub(crate) fn enter(&self) -> InFlight {
        InFlight::enter(&self.in_flight)
    }

    /// Counts and times an answered request.
    pub(crate) fn observe(&self, asked: &Asked, taken: Duration, status: u16) {
        let (method, route) = (asked.method, asked.route().to_owned());
        let labels = RouteLabels { method, route };
        self.durations
            .get_or_create(&labels)
            .observe(taken.as_secs_f64());
        let RouteLabels { method, route } = labels;
        self.requests
            .get_or_create(&RequestLabels {
                method,
                route,
                status,
            })
            .inc();
    }

    /// What is counted under one method and one route without looking for it.
    pub(crate) fn lane(&self, method: &'static str, route: &'static str) -> Lane {
        let labels = RouteLabels {
            method,
            route: route.to_owned(),
        };
        let answered = RequestLabels {
            method,
            route: route.to_owned(),
            status: 200,
        };
        Lane {
            durations: self.durations.get_or_create(&labels).clone(),
            requests: self.requests.get_or_create(&answered).clone(),
            method,
            route,
        }
    }

    /// Returns all metrics in the `OpenMetrics` text format, version 1.0.0.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(
            &mut text,
            &self.registry.lock().unwrap_or_else(PoisonError::into_inner),
        );
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Answers `GET /metrics`.
///
/// # Errors
/// A 500 problem when nothing could be encoded.
pub async fn serve(State(metrics): State<Metrics>) -> Result<Response, Problem> {
    let text = metrics.render();
    if text.is_empty() {
        return Err(Problem::internal("the metrics encode to nothing"));
    }
    let content_type =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(CONTENT_TYPE, content_type)], text).into_response())
}

/// Counts a request as under way until dropped, also when its client goes away.
pub(crate) struct InFlight(Gauge);

impl InFlight {
    fn enter(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What is counted of a request: its method and the route that it matched, never its path.
pub(crate) struct Asked {
    /// Extension methods share one name, so that nobody fills the registry with them.
    pub(crate) method: &'static str,
    matched: Option<MatchedPath>,
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        let method = match request.method().as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            "HEAD" => "HEAD",
            "OPTIONS" => "OPTIONS",
            _ => "other",
        };
        Self {
            method,
            matched: request.extensions().get::<MatchedPath>().cloned(),
        }
    }

    /// The route; `unmatched` stands for all that is none.
    pub(crate) fn route(&self) -> &str {
        self.matched
            .as_ref()
            .map_or("unmatched", MatchedPath::as_str)
    }
}

/// One method and one route, all of whose answers are 200.
pub(crate) struct Lane {
    durations: Histogram,
    requests: Counter,
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
}

impl Lane {
    /// Counts and times an answer.
    pub(crate) fn observe(&self, taken: Duration) {
        self.durations.observe(taken.as_secs_f64());
        self.requests.inc();
    }
}

fn buckets() -> Histogram {
    Histogram::new([
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    ])
}
