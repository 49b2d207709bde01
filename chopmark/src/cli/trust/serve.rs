//! `chopmark trust serve`: the federation endpoints of an authority (`OpenID` Federation 1.0 §8.1, §8.2, §9) and its list of
//! trusted entities, signed with the authority's own key.
//!
//! What is answered was asked of the ledger at most `--refresh` seconds ago, under a header of five minutes at most. When it cannot be proven anew, nothing is answered: an old
//! statement would hide a suspension.

use super::shelf::Shelf;
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
use chop_http::Metrics;
use chop_http::server::{self, ConnectionLimits, Listener};
use chop_http::stack::{Limits, wrap};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use url::form_urlencoded;

/// Where the list of trusted entities is.
const LOTE_PATH: &str = "/lote";
/// Its media type (RFC 7515 §9.2.1).
const LOTE_TYPE: &str = "application/jose";

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

The ledger is asked again after --refresh seconds; what it proves may be five minutes older. Without a proof nothing is answered.")]
pub(super) struct Args {
    /// Where to listen for http; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8410")]
    listen: SocketAddr,
    /// After how many seconds the ledger is asked again; its proofs may be five minutes older
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

/// An error in the words of §8.9.
struct Refused {
    status: StatusCode,
    error: &'static str,
    description: String,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    terminal.begin_log(&args.log);
    let refresh_ms = i64::from(args.refresh) * 1000;
    let source = Source::open(&args.source, terminal).await?;
    // What cannot be answered at all is said now, not to the first who asks.
    let signed = Shelf::filled(refresh_ms, Box::pin(statements(&source, &args.statements))).await?;
    let lote = match args.list.directory {
        Some(_) => Shelf::filled(refresh_ms, Box::pin(listed(&source, &args.list))).await?,
        None => Shelf::default(),
    };
    let door = Door {
        source,
        list: args.list,
        statements: args.statements,
        refresh_ms,
        signed,
        lote,
    };
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
    async fn signed(self: &Arc<Self>) -> Result<(Arc<SignedStatements>, i64), Refused> {
        let door = Arc::clone(self);
        let made = Box::pin(async move { statements(&door.source, &door.statements).await });
        let young = self.signed.young(self.refresh_ms, made).await;
        young.ok_or_else(unproven)
    }

    async fn lote(self: &Arc<Self>) -> Result<(Arc<SignedList>, i64), Refused> {
        let door = Arc::clone(self);
        let made = Box::pin(async move { listed(&door.source, &door.list).await });
        let young = self.lote.young(self.refresh_ms, made).await;
        young.ok_or_else(unproven)
    }
}

/// Entity statements, and when the first of them ends, in Unix milliseconds.
async fn statements(
    source: &Source,
    args: &StatementArgs,
) -> Result<(SignedStatements, i64), Failure> {
    let signed = source.statements(args).await?;
    let expires_ms = signed.federation.expires.unix_ms();
    Ok((signed, expires_ms))
}

/// A list, and when it ends, in Unix milliseconds.
async fn listed(source: &Source, args: &ListArgs) -> Result<(SignedList, i64), Failure> {
    let signed = source.list(args).await?;
    let expires_ms = signed.list.next_update.unix_ms();
    Ok((signed, expires_ms))
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
        .filter(|(_, subordinate)| only != Some(true) || subordinate.depth > 0)
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
