//! Transactions by who acted, what they are about, what they asked for and what became of them; and as events, in order.

use chop_protocol::http::listed::ListedTransaction;
use sqlx::any::AnyRow;

use super::{Page, Position, Reading, body, clause, looked_at, more_than};
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
        let end = Position::end_of(self.as_of.height);
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
        let question = question(facets, from, way, limit);
        self.paged(question.page, question.scanned, limit, position)
            .await
    }
}

/// A statement with its parameters.
type Asked = (String, Vec<Cell>);

struct Question {
    page: Asked,
    /// What the page is filtered from, where that takes more than one filter.
    scanned: Option<Asked>,
}

/// Only the rows of the page itself are read whole, however many are passed over for it.
fn question(facets: &Facets, from: Position, way: Way, limit: usize) -> Question {
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
        far.push(
            "EXISTS (SELECT 1 FROM transactions o WHERE o.height = near.height AND o.idx = near.idx \
             AND o.outcome = 'committed')"
                .to_owned(),
        );
    }
    cells.push(more_than(limit));
    let most = cells.len();
    let sql = format!(
        "SELECT t.height AS height, t.idx AS idx, t.body AS body FROM \
         (SELECT near.height, near.idx FROM ({place} LIMIT {}) near{} \
         ORDER BY near.height {order}, near.idx {order} LIMIT ${most}) page \
         JOIN transactions t ON t.height = page.height AND t.idx = page.idx ORDER BY t.height {order}, t.idx {order}",
        looked_at(&far, most),
        clause(&far)
    );
    Question {
        page: (sql, cells),
        scanned: (!far.is_empty()).then_some(scanned),
    }
}

fn position(row: &AnyRow) -> Result<String, ProjectionError> {
    let position = Position {
        height: number(row, "height")?,
        index: number(row, "idx")?,
    };
    Ok(position.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projection::read::SCAN;

    #[test]
    fn looks_at_no_more_rows_than_it_shows_unless_a_further_filter_chooses_among_them() {
        let from = Position::START;
        let one = Facets {
            actor: Some("did:chop:x".to_owned()),
            ..Facets::default()
        };
        let two = Facets {
            committed: Some(true),
            ..one.clone()
        };
        let asked = |facets: &Facets| question(facets, from, Way::Forth, 64);
        for facets in [&Facets::default(), &one] {
            let Question { page, scanned } = asked(facets);
            assert!(!page.0.contains(&SCAN.to_string()), "{}", page.0);
            assert_eq!(page.1.last(), Some(&Cell::Number(65)));
            assert_eq!(scanned, None);
        }
        let Question { page, scanned } = asked(&two);
        assert!(
            page.0.contains(&format!("LIMIT {SCAN}) near")),
            "{}",
            page.0
        );
        assert!(scanned.is_some());
    }
}
