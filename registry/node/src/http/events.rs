//! What happens, as it happens: a stream of server-sent events (HTML Living Standard §9.2), one per transaction.
//!
//! Events are read from the model, position by position, and pushed to nobody: a stream that breaks off goes on behind the
//! position that it names in `Last-Event-ID`, and gets every event once, whatever the node did meanwhile.

use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use chop_http::{PeerAddress, Problem};
use futures_core::Stream;
use serde_json::json;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error};

use super::NodeApp;
use super::listed::facets;
use super::listing::{failed, level};
use super::query::Query;
use crate::projection::{Facets, Position, Projection, ProjectionError};

mod seats;

pub(super) use seats::Seats;
use seats::{Full, Seat};

/// Events that are read at once.
const AT_ONCE: usize = 64;
/// Events that wait for a slow consumer.
const WAITING: usize = 64;
/// How long a consumer may leave its events waiting.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent stream says that it lives, for proxies and clients between.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How soon a consumer shall come back, or a model is looked at again that has not begun.
const RETRY: Duration = Duration::from_secs(2);
/// How far, in blocks, another node may be ahead whose event a consumer saw last.
const MAX_AHEAD: u64 = 1_000_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[utoipa::path(get, path = "/v1/events", tag = "explorer", summary = "Follow what happens (server-sent events)",
    description = "One event `transaction` per envelope in a block, in the order of the ledger, with the data of /v1/transactions and the id `height.index`. \
        Without `Last-Event-ID` it begins with the next block; with it, behind that event, which may be one that this node does not have yet. \
        `after` says the same where no header can be sent; the header goes first. `lagged` says that the consumer was too slow, and ends the \
        stream: it goes on by `Last-Event-ID`. `gap` says that this node no longer knows what came before the block `first`, of which the stream \
        may have told nothing; it goes on there. At most 64 streams, of which one client, an address or 64 bits of IPv6, \
        has at most 16.",
    params(
        ("actor" = Option<String>, Query, description = "Only what this DID did"),
        ("did" = Option<String>, Query, description = "Only what this DID did or what is about it"),
        ("action" = Option<String>, Query, description = "Only with an action of this type, such as did.create"),
        ("after" = Option<String>, Query, description = "As Last-Event-ID, which goes before it"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen; `0.0` begins with the oldest")),
    responses(
        (status = 200, description = "text/event-stream", body = String, content_type = "text/event-stream"),
        (status = 400, description = "A parameter or Last-Event-ID is malformed, or a million blocks ahead of this node"),
        (status = 410, description = "What came behind that event is not all known here any more; `firstHeight` is the first block that is"),
        (status = 429, description = "The client has as many streams open as it may"),
        (status = 503, description = "Too many streams, or the read model's database does not answer")))]
pub(super) async fn follow(
    State(app): State<NodeApp>,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref(), &["actor", "did", "action", "after"])?;
    let facets = facets(&query)?;
    let last = last_seen(&headers, &query)?;
    // Whoever comes by no listener has no address, and is one client.
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.0);
    let client = app.inner.proxies.client(peer, &headers);
    let seat = app
        .inner
        .seats
        .take(client)
        .map_err(|full| refused(&full))?;
    let after = match last {
        Some(last) => within_reach(&app, last)?,
        None => Position::end_of(shown(&app).await?),
    };
    let (events, waiting) = mpsc::channel(WAITING);
    let (end, ended) = oneshot::channel();
    let reader = Reader {
        projection: app.projection().clone(),
        facets,
        after,
        events,
        _seat: seat,
    };
    let following = tokio::spawn(async move {
        // A consumer that is gone hears nothing.
        let _gone = end.send(reader.run().await);
    });
    let stream = Sse::new(Events {
        waiting,
        ended: Some(ended),
        following: Some(following),
    });
    let stream = stream.keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    // Proxies shall neither keep nor gather events.
    let headers = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((StatusCode::OK, headers, stream).into_response())
}

fn refused(full: &Full) -> Problem {
    match full {
        Full::Everybody => Problem::unavailable(full),
        Full::Client => Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-streams",
            "This client has too many streams of events",
        )
        .detail(full)
        .header(RETRY_AFTER, HeaderValue::from_static("5")),
    }
}

/// The last event that the consumer saw: a browser that goes on by itself sends the header to the address it began with.
fn last_seen(headers: &HeaderMap, query: &Query) -> Result<Option<Position>, Problem> {
    let (name, value) = match headers.get(LAST_EVENT_ID) {
        Some(value) => ("Last-Event-ID", value.to_str().ok()),
        None => match query.value("after") {
            Some(value) => ("after", Some(value)),
            None => return Ok(None),
        },
    };
    let position = value.and_then(Position::parse);
    position.map(Some).ok_or_else(|| {
        Problem::bad_request(format!(
            "{name} is the id of an event, height.index such as 17.0, or is left out"
        ))
    })
}

/// Nodes are not level, so that an event may be known elsewhere first; what is far ahead is of another ledger. What a read model
/// lacks, a stream would pass over.
fn within_reach(app: &NodeApp, last: Position) -> Result<Position, Problem> {
    let height = app.engine().view().last_block();
    if last.height > height.saturating_add(MAX_AHEAD) {
        return Err(Problem::bad_request(format!(
            "the event {last} is far ahead of this node, which is at height {height}"
        )));
    }
    match app.projection().first() {
        Some(first) if last.is_cut_off_by(first) => Err(Problem::new(
            StatusCode::GONE,
            "pruned",
            "This node does not keep it any more",
        )
        .detail(format!(
            "events behind {last} are known here from block {first} on: a node that keeps more has the others; 0.0 begins with block {first}"
        ))
        .with("firstHeight", first)),
        _ => Ok(last),
    }
}

/// The last block that shows; of a model that has not begun, the last one that the node has.
async fn shown(app: &NodeApp) -> Result<u64, Problem> {
    match level(app).await.reading_blocks().await {
        Ok(reading) => Ok(reading.as_of.height),
        Err(
            ProjectionError::Building { .. }
            | ProjectionError::Unreached
            | ProjectionError::Refused,
        ) => Ok(app.engine().view().last_block()),
        Err(error) => Err(failed(&error)),
    }
}

/// Reads the events of one stream.
struct Reader {
    projection: Projection,
    facets: Facets,
    after: Position,
    events: mpsc::Sender<Event>,
    _seat: Seat,
}

/// Why a stream ends.
enum End {
    /// The consumer left its events waiting.
    Lagged,
    /// The consumer, the ledger or the read model is gone.
    Gone,
}

impl Reader {
    async fn run(mut self) -> End {
        let mut progress = self.projection.watch();
        let mut ending = self.projection.ending();
        loop {
            progress.borrow_and_update();
            match self.read().await {
                Ok(true) => {}
                Ok(false) => {
                    let changed = tokio::select! {
                        changed = progress.changed() => changed.is_ok(),
                        () = self.events.closed() => false,
                        _ = ending.wait_for(|ending| *ending) => false,
                    };
                    if !changed {
                        return End::Gone;
                    }
                }
                Err(Broken::Lagged) => return End::Lagged,
                Err(Broken::Gone) => return End::Gone,
                Err(Broken::Failed(error)) if error.passes() => {
                    debug!(%error, "a stream of events waits for the read model");
                    let again = tokio::select! {
                        () = tokio::time::sleep(RETRY) => true,
                        () = self.events.closed() => false,
                        _ = ending.wait_for(|ending| *ending) => false,
                    };
                    if !again {
                        return End::Gone;
                    }
                }
                Err(Broken::Failed(error)) => {
                    error!(%error, "a stream of events ended");
                    return End::Gone;
                }
            }
        }
    }

    /// Hands on what is new; whether there may be more.
    async fn read(&mut self) -> Result<bool, Broken> {
        let reading = self.projection.reading_blocks().await;
        let mut reading = reading.map_err(Broken::Failed)?;
        let first = reading.as_of.from;
        if self.after.is_cut_off_by(first) {
            drop(reading);
            return self.pass_over_to(first).await;
        }
        let found = reading
            .events(&self.facets, self.after, AT_ONCE)
            .await
            .map_err(Broken::Failed)?;
        // The question ends before the consumer is waited for.
        drop(reading);
        for transaction in &found.transactions {
            let position = Position {
                height: transaction.height,
                index: transaction.index,
            };
            let event = Event::default()
                .event("transaction")
                .id(position.to_string())
                .retry(RETRY)
                .json_data(transaction)
                .map_err(|_| Broken::Gone)?;
            self.send(event).await?;
        }
        self.after = found.until;
        Ok(found.more)
    }

    /// Says that the read model began anew with a later block, and goes on there; so does whoever names the id of this event.
    async fn pass_over_to(&mut self, first: u64) -> Result<bool, Broken> {
        let before = Position::end_of(first.saturating_sub(1));
        let event = Event::default()
            .event("gap")
            .id(before.to_string())
            .json_data(json!({
                "detail": format!("events behind {} are known here from block {first} on", self.after),
                "first": first,
            }))
            .map_err(|_| Broken::Gone)?;
        self.send(event).await?;
        self.after = before;
        Ok(true)
    }

    async fn send(&self, event: Event) -> Result<(), Broken> {
        match self.events.send_timeout(event, PATIENCE).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Timeout(_)) => Err(Broken::Lagged),
            Err(SendTimeoutError::Closed(_)) => Err(Broken::Gone),
        }
    }
}

/// Why no more events come.
enum Broken {
    Lagged,
    Gone,
    Failed(ProjectionError),
}

/// The events of one stream, and at its end why.
struct Events {
    waiting: mpsc::Receiver<Event>,
    ended: Option<oneshot::Receiver<End>>,
    following: Option<tokio::task::JoinHandle<()>>,
}

impl Stream for Events {
    type Item = Result<Event, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.waiting.poll_recv(context) {
            Poll::Ready(Some(event)) => return Poll::Ready(Some(Ok(event))),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => {}
        }
        let Some(ended) = &mut self.ended else {
            return Poll::Ready(None);
        };
        let end = std::task::ready!(Pin::new(ended).poll(context));
        self.ended = None;
        Poll::Ready(match end {
            Ok(End::Lagged) => {
                Some(Event::default().event("lagged").json_data(
                    json!({"detail": "events waited too long; go on with Last-Event-ID"}),
                ))
            }
            Ok(End::Gone) | Err(_) => None,
        })
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if let Some(following) = self.following.take() {
            following.abort();
        }
    }
}

#[cfg(test)]
mod tests;
