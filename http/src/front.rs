//! What a listener serves: the routes, and before them the answers that are ready.

use std::convert::Infallible;
use std::future::{Ready as Now, ready};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::http::{HeaderMap, Method, Request, Uri};
use axum::response::Response;
use futures_util::future::Either;
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use crate::client::PeerAddress;
use crate::metrics::Lane;
use crate::stack::Stack;

/// Answers that a service has whole before a request is routed: for what is asked for again and again, finding its handler is
/// most of the work.
pub trait Ready: Send + Sync {
    /// The route under which they are counted: that of the handler which gives the same answer.
    fn route(&self) -> &'static str;

    /// The answer to a GET request, with status 200 and without waiting for anything; `None` where it is for the handler to
    /// find.
    fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response>;
}

/// The routes of a process with their layers, and what is answered before them.
#[derive(Clone)]
pub struct Front {
    routes: TowerToHyperService<Router>,
    express: Option<Arc<Express>>,
    peer: Option<PeerAddress>,
}

/// Ready answers, which meet what other requests meet: the guard, the metrics, a request id, the log.
struct Express {
    ready: Box<dyn Ready>,
    stack: Arc<Stack>,
    lane: Lane,
}

impl Front {
    pub(crate) fn with_ready(routes: Router, stack: Arc<Stack>, ready: Box<dyn Ready>) -> Self {
        let lane = stack.metrics.lane("GET", ready.route());
        let express = Express { ready, stack, lane };
        Self {
            routes: TowerToHyperService::new(routes),
            express: Some(Arc::new(express)),
            peer: None,
        }
    }

    /// The same for one connection, whose requests carry the [`PeerAddress`] at its other end.
    pub(crate) fn to(mut self, peer: IpAddr) -> Self {
        self.peer = Some(PeerAddress(peer.to_canonical()));
        self
    }

    /// Other routes for the same connection.
    pub(crate) fn instead(&self, routes: Router) -> Self {
        Self {
            peer: self.peer,
            ..Self::from(routes)
        }
    }
}

impl From<Router> for Front {
    fn from(routes: Router) -> Self {
        Self {
            routes: TowerToHyperService::new(routes),
            express: None,
            peer: None,
        }
    }
}

impl Express {
    /// What it does not answer, the routes do, refusals among it.
    fn answer(&self, request: &Request<Incoming>) -> Option<Response> {
        if request.method() != Method::GET || !request.body().is_end_stream() {
            return None;
        }
        let started = Instant::now();
        let (uri, headers) = (request.uri(), request.headers());
        let find = AssertUnwindSafe(|| self.ready.answer(uri, headers));
        // Where it panics, the handler has its turn and the stack its say.
        let response = catch_unwind(find).unwrap_or_default()?;
        if !self.stack.admits(headers) {
            return None;
        }
        Some(Stack::account(headers, response, started, &self.lane))
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<
        Now<Result<Response, Infallible>>,
        <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future,
    >;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let answered = self
            .express
            .as_ref()
            .and_then(|express| express.answer(&request));
        if let Some(response) = answered {
            return Either::Left(ready(Ok(response)));
        }
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        Either::Right(self.routes.call(request))
    }
}

#[cfg(test)]
mod tests;
