//! What all lists of the read model have in common: a cursor, a limit, and the height of which they speak.

use axum::Json;
use chop_did::ChopDid;
use chop_http::Problem;
use chop_protocol::http::listed::{AsOf, Listed};
use tracing::debug;

use super::NodeApp;
use super::query::Query;
use crate::projection::{Filters, Page, Position, Projection, ProjectionError, Reading};

const PAGE: u64 = 20;
const MAX_PAGE: u64 = 100;

/// A list that was asked for.
pub(super) struct Asked {
    pub(super) query: Query,
    pub(super) limit: usize,
    filters: Filters,
    cursor: Option<String>,
}

impl Asked {
    /// Reads the query of a list with these filters; `cursor` and `limit` belong to every list.
    pub(super) fn of(
        app: &NodeApp,
        list: &str,
        raw: Option<&str>,
        filters: &[&str],
    ) -> Result<Self, Problem> {
        let known: Vec<&str> = filters.iter().copied().chain(["cursor", "limit"]).collect();
        let query = Query::parse(raw, &known)?;
        let limit = limit(&query, PAGE, MAX_PAGE)?;
        let values: Vec<_> = filters
            .iter()
            .map(|name| (*name, query.value(name)))
            .collect();
        let filters = Filters::new(app.engine().genesis().id(), list, &values);
        let cursor = query.value("cursor").map(|cursor| filters.position(cursor));
        let cursor = cursor.transpose().map_err(Problem::bad_request)?;
        Ok(Self {
            query,
            limit,
            filters,
            cursor,
        })
    }

    /// Behind what the page begins.
    pub(super) fn after(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Before which transaction the page begins.
    pub(super) fn position(&self) -> Option<Position> {
        self.after().and_then(Position::parse)
    }

    /// A DID among the filters.
    pub(super) fn did(&self, name: &str) -> Result<Option<String>, Problem> {
        did(&self.query, name)
    }

    /// The answer with a page.
    pub(super) fn answer<T>(&self, as_of: AsOf, page: Page<T>) -> Json<Listed<T>> {
        Json(Listed {
            proven: false,
            as_of,
            items: page.items,
            next: page.next.map(|next| self.filters.cursor(&next)),
        })
    }
}

/// How many are asked for.
pub(super) fn limit(query: &Query, default: u64, most: u64) -> Result<usize, Problem> {
    let limit = query.number("limit")?.unwrap_or(default);
    if (1..=most).contains(&limit) {
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    } else {
        Err(Problem::bad_request(format!(
            "limit is 1 to {most}, got {limit}"
        )))
    }
}

/// A parameter that is a DID of some ledger.
pub(super) fn did(query: &Query, name: &str) -> Result<Option<String>, Problem> {
    let parsed = query.value(name).map(ChopDid::parse).transpose();
    let parsed =
        parsed.map_err(|error| Problem::bad_request(format!("query parameter {name}: {error}")))?;
    Ok(parsed.map(|did| did.to_string()))
}

/// A parameter that is the type of an action, such as `did.create`.
pub(super) fn action(query: &Query) -> Result<Option<String>, Problem> {
    let Some(action) = query.value("action") else {
        return Ok(None);
    };
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let good = action.len() <= 64
        && action
            .split_once('.')
            .is_some_and(|(family, verb)| is_word(family) && is_word(verb));
    if good {
        Ok(Some(action.to_owned()))
    } else {
        Err(Problem::bad_request(format!(
            "an action is a type such as did.create or credential.anchor, got {action:?}"
        )))
    }
}

/// Begins a question, once the read model shows what the node had when it was asked, or says that it is older.
pub(super) async fn reading(app: &NodeApp) -> Result<Reading, Problem> {
    level(app)
        .await
        .reading()
        .await
        .map_err(|error| failed(&error))
}

/// Begins a question about blocks and what is in them, which is answered while the read model is behind, too.
pub(super) async fn reading_blocks(app: &NodeApp) -> Result<Reading, Problem> {
    let reading = level(app).await.reading_blocks().await;
    reading.map_err(|error| failed(&error))
}

/// The read model, once it shows what the node has, or after a moment in which it does not.
pub(super) async fn level(app: &NodeApp) -> &Projection {
    let projection = app.projection();
    projection.until(app.engine().view().last_block()).await;
    projection
}

/// A failure of the read model: logged here, told to nobody, unless it passes.
pub(super) fn failed(error: &ProjectionError) -> Problem {
    match error {
        ProjectionError::Building { .. } | ProjectionError::Unreached => {
            Problem::unavailable(error)
        }
        _ if error.is_refusal() => {
            debug!(%error, "a question was not answered");
            Problem::unavailable(ProjectionError::Refused)
        }
        _ if error.passes() => {
            debug!(%error, "a question was not answered");
            Problem::unavailable("the read model's database is busy or does not answer")
        }
        _ => Problem::internal(error),
    }
}
