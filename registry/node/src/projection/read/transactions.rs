//! Transactions by who acted, what they are about, what they asked for and what became of them; and as events, in order.

use chop_protocol::http::listed::ListedTransaction;
use sqlx::any::AnyRow;

use super::{Page, Position, Reading, SCAN, body, clause, more_than};
use crate::projection::ProjectionError;
use crate::projection::sql::number;
use crate::projection::table::{Cell, FACETS, TRANSACTIONS};

/// What transactions are looked up by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facets {
    /// Who acted.
    pub(crate) actor: Option<String>,
    /// Who acted or what it is about.
    pub(crate) did: Option<String>,
    /// An action's type.
    pub(crate) action: Option<String>,
    /// Whether it took effect.
    pub(crate) committed: Option<bool>,
    /// From this height on.
    pub(crate) from: Option<u64>,
    /// Up to this height.
    pub(crate) to: Option<u64>,
}

/// What happened behind a position, in order.
#[derive(Debug)]
pub(crate) struct Events {
    pub(crate) transactions: Vec<ListedTransaction>,
    /// How far was looked.
    pub(crate) until: Position,
    /// Whether there may be more behind that already.
    pub(crate) more: bool,
}

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Back,
    Forth,
}

impl Facets {
    /// The facets, the one that most likely has the fewest transactions first.
    fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        keys.extend(self.did.as_ref().map(|did| format!("did/{did}")));
        keys.extend(self.actor.as_ref().map(|actor| format!("actor/{actor}")));
        if self.committed == Some(false) {
            keys.push("outcome/refused".to_owned());
        }
        keys.extend(
            self.action
                .as_ref()
                .map(|action| format!("action/{action}")),
        );
        keys
    }
}

impl Reading {
    /// Transactions before a position, the newest first.
    pub(crate) async fn transactions(
        &mut self,
        facets: &Facets,
        before: Option<Position>,
        limit: usize,
    ) -> Result<Page<ListedTransaction>, ProjectionError> {
        let top = Position {
            height: facets.to.map_or(u64::MAX, |to| to.saturating_add(1)),
            index: 0,
        };
        let before = before.map_or(top, |before| before.min(top));
        let (rows, next) = self.looked_up(facets, before, Way::Back, limit).await?;
        let items = rows
            .iter()
            .map(|row| body(row, "transaction"))
            .collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// What happened after a position, in order, with where to go on.
    pub(crate) async fn events(
        &mut self,
        facets: &Facets,
        after: Position,
        limit: usize,
    ) -> Result<Events, ProjectionError> {
        let (rows, next) = self.looked_up(facets, after, Way::Forth, limit).await?;
        let transactions = rows
            .iter()
            .map(|row| body(row, "transaction"))
            .collect::<Result<_, _>>()?;
        let end = Position {
            height: self.as_of.height,
            index: u64::MAX,
        };
        let next = next.as_deref().and_then(Position::parse);
        Ok(Events {
            transactions,
            until: next.unwrap_or(end).max(after),
            more: next.is_some(),
        })
    }

    /// Rows from a position on, and where the next ones begin, when there may be some.
    async fn looked_up(
        &mut self,
        facets: &Facets,
        from: Position,
        way: Way,
        limit: usize,
    ) -> Result<(Vec<AnyRow>, Option<String>), ProjectionError> {
        let (sign, order) = match way {
            Way::Back => ("<", "DESC"),
            Way::Forth => (">", "ASC"),
        };
        let mut keys = facets.keys().into_iter();
        let mut cells: Vec<Cell> = vec![from.height.into(), from.index.into()];
        let mut near = vec![format!("(height, idx) {sign} ($1, $2)")];
        let mut table = TRANSACTIONS.name;
        if let Some(key) = keys.next() {
            table = FACETS.name;
            cells.push(key.into());
            near.push(format!("facet = ${}", cells.len()));
        }
        if let Some(from) = facets.from {
            cells.push(from.into());
            near.push(format!("height >= ${}", cells.len()));
        }
        let place = format!(
            "SELECT height, idx FROM {table}{} ORDER BY height {order}, idx {order}",
            clause(&near)
        );
        let scanned = (place.clone(), cells.clone());
        let mut far = Vec::new();
        for key in keys {
            cells.push(key.into());
            far.push(format!(
                "EXISTS (SELECT 1 FROM facets f WHERE f.facet = ${} AND f.height = near.height AND f.idx = near.idx)",
                cells.len()
            ));
        }
        if facets.committed == Some(true) {
            far.push("t.outcome = 'committed'".to_owned());
        }
        cells.push(more_than(limit));
        let sql = format!(
            "SELECT t.height AS height, t.idx AS idx, t.body AS body FROM ({place} LIMIT {SCAN}) near \
             JOIN transactions t ON t.height = near.height AND t.idx = near.idx{} \
             ORDER BY t.height {order}, t.idx {order} LIMIT ${}",
            clause(&far),
            cells.len()
        );
        let scanned = (!far.is_empty()).then_some(scanned);
        self.paged((sql, cells), scanned, limit, position).await
    }
}

fn position(row: &AnyRow) -> Result<String, ProjectionError> {
    let position = Position {
        height: number(row, "height")?,
        index: number(row, "idx")?,
    };
    Ok(position.to_string())
}
