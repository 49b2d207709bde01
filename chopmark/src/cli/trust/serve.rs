//! `chopmark trust serve`: the federation endpoints of an authority (`OpenID` Federation 1.0 §8.1, §8.2, §9) and its list of
//! trusted entities, signed with the authority's own key.
//!
//! What is answered was proven at most `--refresh` seconds ago. When it cannot be proven anew, nothing is answered: an old
//! statement would hide a suspension.

use super::source::{ListArgs, SignedList, SignedStatements, Source, SourceArgs, StatementArgs};
use crate::cli::{Done, Failure, Terminal};
use crate::trust::{CONFIGURATION_PATH, FETCH_PATH, LIST_PATH, MEDIA_TYPE};
use crate::up::announce;
use anyhow::Context as _;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chop_http::server::{self, ConnectionLimits, Listener};
use chop_http::stack::{Limits, wrap};
use chop_http::telemetry::{self, Format};
use chop_http::{Metrics, clock};
use serde_json::{Value, json};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use url::form_urlencoded;

/// Where the list of trusted entities is.
const LOTE_PATH: &str = "/lote";
/// Its media type (RFC 7515 §9.2.1).
const LOTE_TYPE: &str = "application/jose";
/// How long a failure is the answer before the ledger is asked again, in milliseconds.
const PAUSE_MS: i64 = 1_000;

/// Arguments of `chopmark trust serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark trust serve --as ministry --directory names.json --listen 127.0.0.1:8410

Put it behind a web server that speaks https under the authority's entity identifier. It answers
  /.well-known/openid-federation   the entity configuration
  /federation/fetch?sub=…          the statement about a subordinate
  /federation/list                 the subordinates
  /lote                            the list of trusted entities, with --directory

Nothing is answered that was not proved within --refresh seconds.")]
pub(super) struct Args {
    /// Where to listen for http; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8410")]
    listen: SocketAddr,
    /// How old what is answered may be, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    refresh: u32,
    /// What to log: error, warn, info, debug or directives of tracing
    #[arg(long, env = "CHOPMARK_LOG", default_value = "info")]
    log: String,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    statements: StatementArgs,
}

/// What the handlers work with.
struct Door {
    source: Source,
    list: ListArgs,
    statements: StatementArgs,
    refresh_ms: i64,
    signed: Shelf<SignedStatements>,
    lote: Shelf<SignedList>,
}

/// Something signed, or that nothing could be, and until when that is the answer.
struct Kept<T> {
    value: Option<Arc<T>>,
    until_ms: i64,
}

/// Where something signed is kept; whoever finds it stale makes it anew while the others wait.
type Shelf<T> = Mutex<Option<Kept<T>>>;

/// An error in the words of §8.9.
struct Refused {
    status: StatusCode,
    error: &'static str,
    description: String,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let format = if terminal.json() {
        Format::Json
    } else {
        Format::Text {
            colour: terminal.colour(),
        }
    };
    telemetry::init(format, &args.log);
    let door = Door {
        source: Source::open(&args.source, terminal).await?,
        list: args.list,
        statements: args.statements,
        refresh_ms: i64::from(args.refresh) * 1000,
        signed: Mutex::default(),
        lote: Mutex::default(),
    };
    // What cannot be answered at all is said now, not to the first who asks.
    door.source.statements(&door.statements).await?;
    if door.list.directory.is_some() {
        door.source.list(&door.list).await?;
    }
    let socket = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))
        .map_err(Failure::usage)?;
    let address = socket.local_addr().map_err(Failure::internal)?;
    let asked_to_end = server::shutdown_signal().map_err(Failure::internal)?;
    announce(&format!("http://{address}")).map_err(Failure::internal)?;
    let router = wrap(
        router(Arc::new(door)),
        Metrics::new(),
        None,
        Limits::default(),
    );
    let listeners = vec![Listener::plain(socket)];
    server::serve(listeners, router, ConnectionLimits::default(), asked_to_end).await;
    Ok(Done::silent())
}

fn router(door: Arc<Door>) -> Router {
    Router::new()
        .route(CONFIGURATION_PATH, get(configuration))
        .route(FETCH_PATH, get(fetch))
        .route(LIST_PATH, get(list))
        .route(LOTE_PATH, get(lote))
        .with_state(door)
}

impl Door {
    async fn signed(&self) -> Result<(Arc<SignedStatements>, i64), Refused> {
        let made = Box::pin(async {
            let signed = self.source.statements(&self.statements).await?;
            let expires_ms = signed.federation.expires.unix_ms();
            Ok((signed, expires_ms))
        });
        kept(&self.signed, made, self.refresh_ms).await
    }

    async fn lote(&self) -> Result<(Arc<SignedList>, i64), Refused> {
        let made = Box::pin(async {
            let signed = self.source.list(&self.list).await?;
            let expires_ms = signed.list.next_update.unix_ms();
            Ok((signed, expires_ms))
        });
        kept(&self.lote, made, self.refresh_ms).await
    }
}

/// What is kept as long as it is young, else what is made anew, with the seconds for which it stays so.
///
/// What failed is logged; a client learns only that there is no proof now.
async fn kept<T>(
    shelf: &Shelf<T>,
    made: impl Future<Output = Result<(T, i64), Failure>>,
    refresh_ms: i64,
) -> Result<(Arc<T>, i64), Refused> {
    let mut shelf = shelf.lock().await;
    let asked_ms = clock::now_ms();
    if shelf.as_ref().is_none_or(|kept| kept.until_ms <= asked_ms) {
        let fresh = match made.await {
            Ok((value, expires_ms)) => Kept {
                value: Some(Arc::new(value)),
                until_ms: expires_ms.min(asked_ms + refresh_ms),
            },
            Err(failure) => {
                tracing::warn!(causes = ?failure.chain(), "nothing is proven anew");
                Kept {
                    value: None,
                    until_ms: clock::now_ms() + PAUSE_MS,
                }
            }
        };
        *shelf = Some(fresh);
    }
    let left_ms = |kept: &Kept<T>| kept.until_ms - clock::now_ms();
    let young = shelf.as_ref().filter(|kept| left_ms(kept) > 0);
    let answer = young.and_then(|kept| Some((Arc::clone(kept.value.as_ref()?), left_ms(kept))));
    answer
        .map(|(value, left_ms)| (value, left_ms / 1000))
        .ok_or_else(unproven)
}

async fn configuration(State(door): State<Arc<Door>>) -> Result<Response, Refused> {
    let (signed, age) = door.signed().await?;
    Ok(answer(signed.configuration.clone(), MEDIA_TYPE, age))
}

/// Answers the statement about `sub`; `iss`, which older clients send, is the authority or nothing.
async fn fetch(
    State(door): State<Arc<Door>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let query = pairs(query.as_deref());
    let value = |wanted: &str| {
        let mut found = query.iter().filter(|(name, _)| name == wanted);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(Some(value.as_str())),
            (None, _) => Ok(None),
            _ => Err(bad_request(format!("{wanted} stands more than once"))),
        }
    };
    let (subject, issuer) = (value("sub")?, value("iss")?);
    let subject = subject.ok_or_else(|| bad_request("sub is missing"))?;
    let (signed, age) = door.signed().await?;
    let own = signed.federation.entity.as_str();
    if issuer.is_some_and(|issuer| issuer != own) {
        return Err(Refused {
            status: StatusCode::NOT_FOUND,
            error: "invalid_issuer",
            description: format!("statements here are issued by {own}"),
        });
    }
    if subject == own {
        return Err(bad_request(
            "sub is the issuer itself: its entity configuration says it all",
        ));
    }
    let statement = signed.statements.get(subject).ok_or_else(|| Refused {
        status: StatusCode::NOT_FOUND,
        error: "not_found",
        description: "the authority has no subordinate of this name whose accreditation counts"
            .to_owned(),
    })?;
    Ok(answer(statement.clone(), MEDIA_TYPE, age))
}

/// Lists the subordinates; of the filters, `intermediate` alone is known.
async fn list(
    State(door): State<Arc<Door>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refused> {
    let mut only = None;
    for (name, value) in pairs(query.as_deref()) {
        only = match (name.as_str(), value.as_str()) {
            ("intermediate", "true") => Some(true),
            ("intermediate", "false") => Some(false),
            ("intermediate", _) => return Err(bad_request("intermediate is true or false")),
            ("entity_type" | "trust_marked" | "trust_mark_type", _) => {
                return Err(Refused {
                    status: StatusCode::BAD_REQUEST,
                    error: "unsupported_parameter",
                    description: format!("the list is not filtered by {name}"),
                });
            }
            // Others are ignored (§8).
            _ => only,
        };
    }
    let (signed, age) = door.signed().await?;
    let shown: Vec<&String> = signed
        .federation
        .subordinates
        .iter()
        .filter(|(_, subordinate)| only != Some(true) || subordinate.intermediate)
        .map(|(id, _)| id)
        .collect();
    Ok(answer(json!(shown).to_string(), "application/json", age))
}

async fn lote(State(door): State<Arc<Door>>) -> Result<Response, Refused> {
    if door.list.directory.is_none() {
        return Err(Refused {
            status: StatusCode::NOT_FOUND,
            error: "not_found",
            description: "this authority publishes no list of trusted entities here".to_owned(),
        });
    }
    let (signed, age) = door.lote().await?;
    Ok(answer(signed.compact.clone(), LOTE_TYPE, age))
}

fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

fn answer(body: String, media_type: &'static str, age: i64) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={age}")) {
        headers.insert(CACHE_CONTROL, value);
    }
    response
}

fn bad_request(description: impl Into<String>) -> Refused {
    Refused {
        status: StatusCode::BAD_REQUEST,
        error: "invalid_request",
        description: description.into(),
    }
}

fn unproven() -> Refused {
    Refused {
        status: StatusCode::SERVICE_UNAVAILABLE,
        error: "temporarily_unavailable",
        description: "the ledger gave no proven answer".to_owned(),
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body: Value = json!({"error": self.error, "error_description": self.description});
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
