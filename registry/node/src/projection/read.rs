//! Questions to the read model. Each looks at a bounded number of rows, whatever it finds.

mod accreditations;
mod transactions;

use chop_did::ChopDid;
use chop_integrity::Timestamp;
use chop_protocol::Proposal;
use chop_protocol::http::listed::{AsOf, ListedBlock, ListedDid};
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;

use super::meta::{self, Meta};
use super::sql::{Work, number, text, time};
use super::table::{BLOCKS, Cell, DIDS, PROPOSALS, Table};
use super::{Projection, ProjectionError};

pub(crate) use accreditations::Accredited;
pub(crate) use transactions::Facets;

/// Most rows that one question looks at, beside those that it shows.
pub(super) const SCAN: usize = 2_000;

/// A place in the order of transactions: height, and place in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) height: u64,
    pub(crate) index: u64,
}

impl Position {
    /// Parses `height.index`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (height, index) = text.split_once('.')?;
        Some(Self {
            height: height.parse().ok()?,
            index: index.parse().ok()?,
        })
    }

    /// Before everything: behind it comes whatever is known.
    pub(crate) const START: Self = Self {
        height: 0,
        index: 0,
    };

    /// Behind everything in a block.
    pub(crate) const fn end_of(height: u64) -> Self {
        Self {
            height,
            index: u64::MAX,
        }
    }

    /// Whether a model whose first block is `first` lacks what may have come between here and there.
    pub(crate) fn is_cut_off_by(self, first: u64) -> bool {
        first > 1 && self != Self::START && self < Self::end_of(first - 1)
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.height, self.index)
    }
}

/// Some of what was asked for.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Behind what the next page goes on; none when there is no more.
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// The same of each item's own answer.
    pub(crate) fn map<U>(self, answer: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(answer).collect(),
            next: self.next,
        }
    }
}

/// One question's view of the model: all that it reads is of one height.
pub(crate) struct Reading {
    work: Work,
    pub(crate) as_of: AsOf,
}

impl Projection {
    /// Begins a question.
    ///
    /// # Errors
    /// [`ProjectionError::Building`] while the model is not whole; [`ProjectionError::Unreached`] before its database answered,
    /// [`ProjectionError::Refused`] when it answers that it lets this node not in.
    pub(crate) async fn reading(&self) -> Result<Reading, ProjectionError> {
        let (work, held) = self.held().await?;
        Ok(Reading {
            as_of: held.as_of()?,
            work,
        })
    }

    /// Begins a question about blocks and what is in them, which is answered while later ones are missing.
    ///
    /// # Errors
    /// [`ProjectionError::Building`] before the model has begun; [`ProjectionError::Unreached`] before its database answered,
    /// [`ProjectionError::Refused`] when it answers that it lets this node not in.
    pub(crate) async fn reading_blocks(&self) -> Result<Reading, ProjectionError> {
        let (work, held) = self.held().await?;
        Ok(Reading {
            as_of: held.blocks_as_of(),
            work,
        })
    }

    async fn held(&self) -> Result<(Work, Meta), ProjectionError> {
        if !self.is_reached() {
            return Err(if self.is_refused() {
                ProjectionError::Refused
            } else {
                ProjectionError::Unreached
            });
        }
        let mut work = self.inner.database.begin_reading().await?;
        let held = meta::read(&mut work).await?;
        let held = held.ok_or(ProjectionError::Building {
            height: 0,
            until: 1,
        })?;
        Ok((work, held))
    }
}

/// A list in the order of two columns, the newest first.
struct Order<'a> {
    table: &'static Table,
    columns: [&'static str; 2],
    /// Column and value of each filter; the first one has an index.
    filters: &'a [(&'static str, Option<String>)],
}

impl Reading {
    /// Blocks below a height, the newest first.
    pub(crate) async fn blocks(
        &mut self,
        below: Option<u64>,
        limit: usize,
    ) -> Result<Page<ListedBlock>, ProjectionError> {
        let sql = format!(
            "SELECT {} FROM {} WHERE height < $1 ORDER BY height DESC LIMIT $2",
            BLOCKS.column_list(),
            BLOCKS.name
        );
        let cells = vec![below.unwrap_or(u64::MAX).into(), more_than(limit)];
        let rows = self.work.rows(sql, cells).await?;
        let next = next_of(&rows, limit, |row| Ok(number(row, "height")?.to_string()))?;
        let items = rows
            .iter()
            .take(limit)
            .map(block)
            .collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// The block at a height.
    pub(crate) async fn block(
        &mut self,
        height: u64,
    ) -> Result<Option<ListedBlock>, ProjectionError> {
        let sql = format!(
            "SELECT {} FROM {} WHERE height = $1",
            BLOCKS.column_list(),
            BLOCKS.name
        );
        let rows = self.work.rows(sql, vec![height.into()]).await?;
        rows.first().map(block).transpose()
    }

    /// The rows that a question of another module has for an answer.
    pub(super) async fn rows(
        &mut self,
        sql: String,
        cells: Vec<Cell>,
    ) -> Result<Vec<AnyRow>, ProjectionError> {
        self.work.rows(sql, cells).await
    }

    /// Header time of the last block that shows.
    pub(crate) async fn time(&mut self) -> Result<Timestamp, ProjectionError> {
        let last = self.block(self.as_of.height).await?;
        Ok(last.map_or(Timestamp::from_unix_ms(0), |block| block.time))
    }

    /// DIDs, the newest first.
    pub(crate) async fn dids(
        &mut self,
        filters: &[(&'static str, Option<String>)],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<ListedDid>, ProjectionError> {
        let order = Order {
            table: &DIDS,
            columns: ["created_ms", "did"],
            filters,
        };
        let page = self.ordered(&order, after, limit).await?;
        let items = page.items.iter().map(did).collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// Proposals, the newest first.
    pub(crate) async fn proposals(
        &mut self,
        proposer: Option<String>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Proposal>, ProjectionError> {
        let order = Order {
            table: &PROPOSALS,
            columns: ["height", "id"],
            filters: &[("proposer", proposer)],
        };
        let page = self.ordered(&order, after, limit).await?;
        let items = page
            .items
            .iter()
            .map(|row| body(row, "proposal"))
            .collect::<Result<_, _>>()?;
        Ok(Page {
            items,
            next: page.next,
        })
    }

    /// Rows of a list behind a position, `first.second` of its columns.
    async fn ordered(
        &mut self,
        order: &Order<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<AnyRow>, ProjectionError> {
        let [first, second] = order.columns;
        let mut asked = order
            .filters
            .iter()
            .filter_map(|(column, value)| value.as_ref().map(|value| (*column, value)));
        let mut cells: Vec<Cell> = Vec::new();
        let mut near = Vec::new();
        if let Some((column, value)) = asked.next() {
            cells.push(value.as_str().into());
            near.push(format!("{column} = ${}", cells.len()));
        }
        if let Some((number, name)) = after.and_then(|after| after.split_once('.')) {
            cells.push(number.parse::<i64>().unwrap_or_default().into());
            cells.push(name.into());
            let at = cells.len();
            near.push(format!("({first}, {second}) < (${}, ${at})", at - 1));
        }
        let columns = order.table.column_list();
        let place = format!(
            "SELECT {columns} FROM {}{} ORDER BY {first} DESC, {second} DESC",
            order.table.name,
            clause(&near)
        );
        let scanned = (place.clone(), cells.clone());
        let mut far = Vec::new();
        for (column, value) in asked {
            cells.push(value.as_str().into());
            far.push(format!("{column} = ${}", cells.len()));
        }
        cells.push(more_than(limit));
        let most = cells.len();
        let sql = format!(
            "SELECT {columns} FROM ({place} LIMIT {}) near{} ORDER BY {first} DESC, {second} DESC LIMIT ${most}",
            looked_at(&far, most),
            clause(&far)
        );
        let position = |row: &AnyRow| Ok(format!("{}.{}", time(row, first)?, text(row, second)?));
        let scanned = (!far.is_empty()).then_some(scanned);
        let (items, next) = self.paged((sql, cells), scanned, limit, position).await?;
        Ok(Page { items, next })
    }

    /// The rows of a page, for which one more than `limit` was asked, and where the next page begins. `scanned` is what the page
    /// was filtered from: where its bound cut that off, the next page begins behind it, however few rows passed.
    async fn paged(
        &mut self,
        (sql, cells): (String, Vec<Cell>),
        scanned: Option<(String, Vec<Cell>)>,
        limit: usize,
        position: impl Fn(&AnyRow) -> Result<String, ProjectionError>,
    ) -> Result<(Vec<AnyRow>, Option<String>), ProjectionError> {
        let mut rows = self.work.rows(sql, cells).await?;
        let mut next = next_of(&rows, limit, &position)?;
        if next.is_none()
            && let Some((place, cells)) = scanned
        {
            let sql = format!("{place} LIMIT 1 OFFSET {}", SCAN - 1);
            let last = self.work.rows(sql, cells).await?;
            next = last.first().map(position).transpose()?;
        }
        rows.truncate(limit);
        Ok((rows, next))
    }
}

/// One row more than is shown says whether there is a next page.
fn more_than(limit: usize) -> Cell {
    Cell::from(limit as u64 + 1)
}

/// How many rows of the first filter a page looks at: no more than it shows, whose number is parameter `most`, unless a further
/// filter chooses among them.
fn looked_at(far: &[String], most: usize) -> String {
    if far.is_empty() {
        format!("${most}")
    } else {
        SCAN.to_string()
    }
}

fn next_of(
    rows: &[AnyRow],
    limit: usize,
    position: impl Fn(&AnyRow) -> Result<String, ProjectionError>,
) -> Result<Option<String>, ProjectionError> {
    let last = rows.get(limit).and(rows.get(limit.saturating_sub(1)));
    last.map(position).transpose()
}

fn clause(conditions: &[String]) -> String {
    if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    }
}

fn block(row: &AnyRow) -> Result<ListedBlock, ProjectionError> {
    Ok(ListedBlock {
        height: number(row, "height")?,
        time: Timestamp::from_unix_ms(time(row, "time_ms")?),
        hash: text(row, "hash")?,
        app_hash: text(row, "app_hash")?,
        proposer: text(row, "proposer")?,
        envelopes: number(row, "envelopes")?,
        refused: number(row, "refused")?,
    })
}

fn did(row: &AnyRow) -> Result<ListedDid, ProjectionError> {
    let controller = text(row, "controller")?;
    let controller = (!controller.is_empty()).then(|| parse_did(&controller));
    Ok(ListedDid {
        did: parse_did(&text(row, "did")?)?,
        class: parse("class", &format!("{:?}", text(row, "class")?))?,
        controller: controller.transpose()?,
        versions: number(row, "versions")?,
        created: Timestamp::from_unix_ms(time(row, "created_ms")?),
        updated: Timestamp::from_unix_ms(time(row, "updated_ms")?),
        deactivated: number(row, "deactivated")? != 0,
    })
}

fn parse_did(text: &str) -> Result<ChopDid, ProjectionError> {
    ChopDid::parse(text).map_err(|error| ProjectionError::Row {
        what: "DID",
        reason: error.to_string(),
    })
}

fn body<T: DeserializeOwned>(row: &AnyRow, what: &'static str) -> Result<T, ProjectionError> {
    parse(what, &text(row, "body")?)
}

fn parse<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T, ProjectionError> {
    serde_json::from_str(json).map_err(|error| ProjectionError::Row {
        what,
        reason: error.to_string(),
    })
}
