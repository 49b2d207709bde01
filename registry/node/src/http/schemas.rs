//! The schema registry: lists and records, and the documents themselves, addressed by their content.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chop_http::Problem;
use chop_integrity::Hash;
use chop_protocol::http::{ProvenValue, SchemaPage};
use chop_protocol::schema::{Deprecation, deprecation_of};
use chop_protocol::{Schema, SchemaName, SchemaRef, SchemaVersion, SemVer, keys};
use serde::de::DeserializeOwned;

use super::query::Query;
use super::{NodeApp, failed, state};
use crate::engine::{EngineError, View};

const PAGE: u64 = 50;
const MAX_PAGE: u64 = 200;
/// What is addressed by its content never changes (RFC 8246).
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A version may be deprecated at any time, and everybody shall hear of it.
const FOR_A_WHILE: HeaderValue = HeaderValue::from_static("public, max-age=60");
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

#[utoipa::path(get, path = "/v1/schemas", tag = "schemas", summary = "List the schemas, by name",
    description = "The list is unproven; each schema and each version is proven by its own key.",
    params(
        ("after" = Option<String>, Query, description = "Only names after this one"),
        ("limit" = Option<u64>, Query, description = "How many, at most 200; 50 when absent")),
    responses((status = 200, description = "A page of schemas", body = Object), (status = 400, description = "A parameter is malformed")))]
pub(super) async fn list(
    State(app): State<NodeApp>,
    RawQuery(query): RawQuery,
) -> Result<Json<SchemaPage>, Problem> {
    let query = Query::parse(query.as_deref(), &["after", "limit"])?;
    let limit = query.number("limit")?.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit is 1 to {MAX_PAGE}, got {limit}"
        )));
    }
    let from = match query.value("after") {
        // The least key that is greater.
        Some(after) => format!("{}\0", keys::schema(&name(after)?)),
        None => keys::SCHEMAS.to_owned(),
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let view = app.engine().view();
    let entries = view
        .snapshot()
        .scan(&from, keys::SCHEMAS_END, limit.saturating_add(1))
        .map_err(|error| failed(&error.into()))?;
    let more = entries.len() > limit;
    let mut schemas = Vec::new();
    for (_, value) in entries.iter().take(limit) {
        schemas.push(parsed::<Schema>(value)?);
    }
    let after = schemas
        .last()
        .filter(|_| more)
        .map(|last| last.name.clone());
    Ok(Json(SchemaPage {
        schemas,
        after,
        proven: false,
    }))
}

#[utoipa::path(get, path = "/v1/schemas/{name}", tag = "schemas", summary = "Show a schema: its owner, its kind, its versions",
    params(
        ("name" = String, Path, description = "Its name"),
        ("proof" = Option<bool>, Query, description = "Whether to add the proof, also that there is none")),
    responses((status = 200, description = "The record under `value`; null, with proof, when there is none", body = Object),
        (status = 404, description = "No such schema, and no proof was asked for")))]
pub(super) async fn show(
    State(app): State<NodeApp>,
    Path(text): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<ProvenValue>, Problem> {
    let key = keys::schema(&name(&text)?);
    record(&app, &key, query.as_deref(), &text).await.map(Json)
}

#[utoipa::path(get, path = "/v1/schemas/{name}/{version}", tag = "schemas", summary = "Show a version: its digest, and whether it is deprecated",
    params(
        ("name" = String, Path, description = "Its name"), ("version" = String, Path, description = "Its version, such as 1.0.0"),
        ("proof" = Option<bool>, Query, description = "Whether to add the proof, also that there is none")),
    responses((status = 200, description = "The record under `value`; null, with proof, when there is none", body = Object),
        (status = 404, description = "No such version, and no proof was asked for")))]
pub(super) async fn version(
    State(app): State<NodeApp>,
    Path((name, version)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let named = reference(&name, &version)?;
    let key = keys::schema_version(&named.name, &named.version);
    let shown = record(&app, &key, query.as_deref(), &named.to_string()).await?;
    let mut headers = HeaderMap::new();
    if let Some(value) = &shown.value {
        let found = serde_json::from_value::<SchemaVersion>(value.clone());
        let found = found.map_err(|error| malformed(&error))?;
        deprecated(&mut headers, found.deprecated.as_ref(), "/v1/schemas")?;
    }
    Ok((headers, Json(shown)).into_response())
}

#[utoipa::path(get, path = "/schemas/{digest}", tag = "schemas", summary = "Fetch a document by its digest",
    description = "The bytes are the canonical form (RFC 8785) whose SHA-256 is the digest; they never change. \
        Under this URL, at any host, credentials name contexts and schemas of the ledger.",
    params(("digest" = String, Path, description = "Its digest, 52 characters")),
    responses(
        (status = 200, description = "The document, as application/ld+json or application/schema+json", body = Object),
        (status = 304, description = "It is the one that `If-None-Match` names"),
        (status = 404, description = "No such document")))]
pub(super) async fn document(
    State(app): State<NodeApp>,
    Path(digest): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Problem> {
    let digest: Hash = digest
        .parse()
        .map_err(|_| Problem::not_found(format!("{digest:?} is no digest of a document")))?;
    let view = app.engine().view();
    let absent = || Problem::not_found(format!("no document has the digest {digest}"));
    let body = view
        .value(&keys::schema_body(&digest))
        .map_err(|error| failed(&error))?
        .ok_or_else(absent)?;
    let uses = publications(&view, &digest)?;
    let kind = uses.first().ok_or_else(absent)?.kind;
    let mut headers = HeaderMap::new();
    let tag = value(&format!("\"{digest}\""))?;
    headers.insert(CACHE_CONTROL, FOR_EVER);
    headers.insert(ETAG, tag.clone());
    deprecated(&mut headers, deprecation_of(&uses), "/schemas")?;
    if asked
        .get_all(IF_NONE_MATCH)
        .iter()
        .any(|named| lists(named, &tag))
    {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind.media_type()));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok((headers, body).into_response())
}

#[utoipa::path(get, path = "/schemas/{name}/{version}", tag = "schemas", summary = "Find a document by name and version",
    params(("name" = String, Path, description = "Its name"), ("version" = String, Path, description = "Its version, such as 1.0.0")),
    responses((status = 307, description = "It is under `Location`"), (status = 404, description = "No such version")))]
pub(super) async fn by_name(
    State(app): State<NodeApp>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let named = reference(&name, &version)?;
    let found = stored(&app.engine().view(), &named)?
        .ok_or_else(|| Problem::not_found(format!("there is no schema {named}")))?;
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, value(&format!("/schemas/{}", found.digest))?);
    headers.insert(CACHE_CONTROL, FOR_A_WHILE);
    deprecated(&mut headers, found.deprecated.as_ref(), "/schemas")?;
    Ok((StatusCode::TEMPORARY_REDIRECT, headers).into_response())
}

/// Says that something is deprecated, since when, and what comes instead (RFC 9745 §2, RFC 5829 §3.4).
fn deprecated(
    headers: &mut HeaderMap,
    deprecation: Option<&Deprecation>,
    base: &str,
) -> Result<(), Problem> {
    let Some(deprecation) = deprecation else {
        return Ok(());
    };
    // A Date of RFC 9651 §3.3.7: seconds since the Unix epoch.
    let since = deprecation.time.unix_ms().div_euclid(1_000);
    headers.insert(DEPRECATION, value(&format!("@{since}"))?);
    if let Some(successor) = &deprecation.replaced_by {
        let target = format!("{base}/{}/{}", successor.name, successor.version);
        headers.insert(
            LINK,
            value(&format!("<{target}>; rel=\"successor-version\""))?,
        );
    }
    Ok(())
}

/// Reads a record as `/v1/state` does; without proof, nothing is not found.
async fn record(
    app: &NodeApp,
    key: &str,
    query: Option<&str>,
    named: &str,
) -> Result<ProvenValue, Problem> {
    let shown = state::read(app, key, query).await?;
    if shown.value.is_none() && shown.proof.is_none() {
        return Err(Problem::not_found(format!("there is no schema {named}")));
    }
    Ok(shown)
}

/// Reads the versions that publish a document.
fn publications(view: &View, digest: &Hash) -> Result<Vec<SchemaVersion>, Problem> {
    let listed = view
        .value(&keys::schema_uses(digest))
        .map_err(|error| failed(&error))?;
    let listed: Vec<SchemaRef> = listed
        .as_deref()
        .map(parsed)
        .transpose()?
        .unwrap_or_default();
    let mut found = Vec::new();
    for named in &listed {
        found.extend(stored(view, named)?);
    }
    Ok(found)
}

fn stored(view: &View, named: &SchemaRef) -> Result<Option<SchemaVersion>, Problem> {
    let key = keys::schema_version(&named.name, &named.version);
    let bytes = view.value(&key).map_err(|error| failed(&error))?;
    bytes.as_deref().map(parsed).transpose()
}

fn name(text: &str) -> Result<SchemaName, Problem> {
    SchemaName::parse(text).map_err(|error| Problem::bad_request(error.to_string()))
}

fn reference(name: &str, version: &str) -> Result<SchemaRef, Problem> {
    Ok(SchemaRef {
        name: self::name(name)?,
        version: SemVer::parse(version).map_err(|error| Problem::bad_request(error.to_string()))?,
    })
}

fn value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|error| Problem::internal(&error))
}

/// Says whether `If-None-Match` lists a tag, weak or strong, or anything (RFC 9110 §13.1.2).
fn lists(named: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(named), Ok(tag)) = (named.to_str(), tag.to_str()) else {
        return false;
    };
    named
        .split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == "*" || one == tag)
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> Problem {
    failed(&EngineError::Json {
        what: "schema",
        reason: error.to_string(),
    })
}
