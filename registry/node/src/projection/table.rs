//! The tables of the read model, described once for both databases.
//!
//! ```text
//! blocks          one per block
//! transactions    one per envelope in a block, with the whole answer as JSON
//! facets          (facet, height, index): what transactions are looked up by: did/…, actor/…, action/…, outcome/refused
//! dids            one per DID, as it is now
//! proposals       one per proposal, with its record as JSON
//! accreditations  one per accreditation, with its record as JSON
//! terms           (word, kind, id): what is found by a word of its name
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use super::sql::Dialect;

/// How many rows one statement takes. Few lengths are few statements to prepare.
const STEPS: [usize; 4] = [64, 16, 4, 1];

/// What a column holds; no column is ever null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
}

use Kind::{Number, Text};

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Text(String),
    Number(i64),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// Heights and counts are far below 2⁶³; what is not stays at its top.
impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// One table. The first `key` columns are its primary key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    pub(super) key: usize,
    /// Columns of each further index.
    pub(super) indexes: &'static [&'static str],
}

pub(super) static BLOCKS: Table = Table {
    name: "blocks",
    columns: &[
        ("height", Number),
        ("time_ms", Number),
        ("hash", Text),
        ("app_hash", Text),
        ("proposer", Text),
        ("envelopes", Number),
        ("refused", Number),
    ],
    key: 1,
    indexes: &["hash"],
};

pub(super) static TRANSACTIONS: Table = Table {
    name: "transactions",
    columns: &[
        ("height", Number),
        ("idx", Number),
        ("hash", Text),
        ("outcome", Text),
        ("body", Text),
    ],
    key: 2,
    indexes: &["hash"],
};

pub(super) static FACETS: Table = Table {
    name: "facets",
    columns: &[("facet", Text), ("height", Number), ("idx", Number)],
    key: 3,
    indexes: &[],
};

pub(super) static DIDS: Table = Table {
    name: "dids",
    columns: &[
        ("did", Text),
        ("class", Text),
        ("controller", Text),
        ("versions", Number),
        ("created_ms", Number),
        ("updated_ms", Number),
        ("deactivated", Number),
    ],
    key: 1,
    indexes: &[
        "created_ms, did",
        "class, created_ms, did",
        "controller, created_ms, did",
    ],
};

pub(super) static PROPOSALS: Table = Table {
    name: "proposals",
    columns: &[
        ("id", Text),
        ("height", Number),
        ("proposer", Text),
        ("body", Text),
    ],
    key: 1,
    indexes: &["height, id", "proposer, height, id"],
};

pub(super) static ACCREDITATIONS: Table = Table {
    name: "accreditations",
    columns: &[
        ("id", Text),
        ("height", Number),
        ("issuer", Text),
        ("subject", Text),
        ("type", Text),
        ("body", Text),
    ],
    key: 1,
    indexes: &[
        "height, id",
        "issuer, height, id",
        "subject, height, id",
        "type, height, id",
    ],
};

pub(super) static TERMS: Table = Table {
    name: "terms",
    columns: &[
        ("term", Text),
        ("kind", Text),
        ("id", Text),
        ("label", Text),
    ],
    key: 3,
    indexes: &["kind, id"],
};

/// Every table, in the order in which they are made.
pub(super) static TABLES: [&Table; 7] = [
    &BLOCKS,
    &TRANSACTIONS,
    &FACETS,
    &DIDS,
    &PROPOSALS,
    &ACCREDITATIONS,
    &TERMS,
];

/// The table of the one row that says what the others hold.
pub(super) const META: &str = "projection";

impl Table {
    /// The statements that make the table and its indexes.
    pub(super) fn definition(&self, dialect: Dialect) -> Vec<String> {
        let mut columns = String::new();
        for (name, kind) in self.columns {
            let kind = match kind {
                Text => dialect.text(),
                Number => "BIGINT",
            };
            let _ = write!(columns, "{name} {kind} NOT NULL, ");
        }
        let (name, key) = (self.name, self.key_columns());
        let layout = dialect.layout(self.has_short_rows());
        let mut statements = vec![format!(
            "CREATE TABLE IF NOT EXISTS {name} ({columns}PRIMARY KEY ({key})){layout}"
        )];
        for (number, index) in self.indexes.iter().enumerate() {
            statements.push(format!(
                "CREATE INDEX IF NOT EXISTS {name}_by_{number} ON {name} ({index})"
            ));
        }
        statements
    }

    /// The names of all columns.
    pub(super) fn column_list(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    fn key_columns(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.get(..self.key).unwrap_or(&names).join(", ")
    }

    /// Whether no row holds a whole record.
    fn has_short_rows(&self) -> bool {
        !self.columns.contains(&("body", Text))
    }

    /// A statement that writes `rows` rows, each in the place of one with the same key.
    fn upsert(&self, rows: usize, dialect: Dialect) -> String {
        let mut sql = format!("INSERT INTO {} ({}) VALUES ", self.name, self.column_list());
        let width = self.columns.len();
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                sql.push_str(if column == 0 { "" } else { ", " });
                dialect.place(&mut sql, row * width + column + 1);
            }
            sql.push(')');
        }
        let _ = write!(sql, " ON CONFLICT ({}) DO ", self.key_columns());
        let others: Vec<_> = self
            .columns
            .iter()
            .skip(self.key)
            .map(|(name, _)| format!("{name} = excluded.{name}"))
            .collect();
        if others.is_empty() {
            sql.push_str("NOTHING");
        } else {
            let _ = write!(sql, "UPDATE SET {}", others.join(", "));
        }
        sql
    }
}

/// A statement with its parameters.
pub(super) type Statement = (Arc<str>, Vec<Cell>);

/// Rows of several tables, each key once: what one SQL transaction writes.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Keys with the other columns, by the table's name.
    tables: BTreeMap<&'static str, BTreeMap<Vec<Cell>, Vec<Cell>>>,
    /// Ids of what gets its words anew, by their kind.
    reworded: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Rows {
    /// Adds a row; one with the same key goes.
    pub(super) fn put<const N: usize>(&mut self, table: &'static Table, row: [Cell; N]) {
        debug_assert_eq!(N, table.columns.len(), "a row of {}", table.name);
        let mut key = Vec::from(row);
        let others = key.split_off(table.key.min(N));
        let rows = self.tables.entry(table.name).or_default();
        rows.insert(key, others);
    }

    /// Says that the words under which this was found before hold no longer.
    pub(super) fn reword(&mut self, kind: &'static str, id: &str) {
        self.reworded.entry(kind).or_default().insert(id.to_owned());
    }

    /// Says that the tables are empty, so that no old words need to go.
    pub(super) fn forget_old_words(&mut self) {
        self.reworded.clear();
    }

    /// The statements in an order that holds: old words go before new ones come.
    pub(super) fn into_statements(mut self, dialect: Dialect) -> Vec<Statement> {
        let mut statements = Vec::new();
        for (kind, ids) in self.reworded {
            let mut ids = ids.into_iter();
            for count in steps(ids.len()) {
                let mut sql = format!("DELETE FROM {} WHERE kind = ", TERMS.name);
                dialect.place(&mut sql, 1);
                sql.push_str(" AND id IN (");
                for at in 0..count {
                    sql.push_str(if at == 0 { "" } else { ", " });
                    dialect.place(&mut sql, at + 2);
                }
                sql.push(')');
                let mut cells = vec![Cell::from(kind)];
                cells.extend(ids.by_ref().take(count).map(Cell::from));
                statements.push((sql.into(), cells));
            }
        }
        for table in TABLES {
            let rows = self.tables.remove(table.name).unwrap_or_default();
            let mut rows = rows.into_iter();
            let mut last: Option<(usize, Arc<str>)> = None;
            for count in steps(rows.len()) {
                let sql = match last.take() {
                    Some((same, sql)) if same == count => sql,
                    _ => table.upsert(count, dialect).into(),
                };
                last = Some((count, Arc::clone(&sql)));
                let rows = rows.by_ref().take(count);
                let mut cells = Vec::with_capacity(count * table.columns.len());
                rows.for_each(|(key, others)| cells.extend(key.into_iter().chain(others)));
                statements.push((sql, cells));
            }
        }
        statements
    }
}

/// Cuts so many into pieces of a few lengths only, so that the database prepares each statement once.
fn steps(all: usize) -> impl Iterator<Item = usize> {
    let mut rest = all;
    std::iter::from_fn(move || {
        let step = STEPS.into_iter().find(|step| *step <= rest)?;
        rest -= step;
        Some(step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_many_is_cut_into_pieces_of_few_lengths() {
        let lengths: Vec<_> = steps(151).collect();
        assert_eq!(lengths, [64, 64, 16, 4, 1, 1, 1]);
        assert_eq!(steps(0).count(), 0);
    }

    #[test]
    fn old_words_go_in_few_statements_and_in_none_where_there_are_none() {
        let mut rows = Rows::default();
        for number in 0..=64 {
            rows.reword("did", &format!("did:{number:02}"));
        }
        rows.reword("member", "did:0");
        let statements = rows.into_statements(Dialect::Postgres);
        let sizes: Vec<_> = statements.iter().map(|(_, cells)| cells.len()).collect();
        assert_eq!(sizes, [65, 2, 2]);
        assert_eq!(statements[1].1, [Cell::from("did"), "did:64".into()]);
        assert!(statements[2].0.ends_with("WHERE kind = $1 AND id IN ($2)"));
        let mut rows = Rows::default();
        rows.reword("did", "did:0");
        rows.forget_old_words();
        assert!(rows.into_statements(Dialect::Postgres).is_empty());
    }

    #[test]
    fn every_row_stands_in_one_statement_with_its_columns_in_their_order() {
        for (dialect, end) in [
            (Dialect::Postgres, "($10, $11, $12) ON CONFLICT"),
            (Dialect::Sqlite, "(?, ?, ?) ON CONFLICT"),
        ] {
            let mut rows = Rows::default();
            for height in (0..68_u64).rev() {
                rows.put(&FACETS, ["a".into(), height.into(), 7_u64.into()]);
                rows.put(&FACETS, ["a".into(), height.into(), 7_u64.into()]);
            }
            let row = |body: &str| {
                [
                    1_u64.into(),
                    2_u64.into(),
                    "h".into(),
                    "o".into(),
                    body.into(),
                ]
            };
            rows.put(&TRANSACTIONS, row("first"));
            rows.put(&TRANSACTIONS, row("second"));
            let statements = rows.into_statements(dialect);
            let [transaction, many, few] = statements.as_slice() else {
                panic!("{statements:?}");
            };
            assert_eq!(transaction.1, row("second"));
            assert!(many.0.contains("INTO facets (facet, height, idx)"));
            assert!(few.0.contains(end), "{}", few.0);
            let cells = [many.1.as_slice(), few.1.as_slice()].concat();
            let expected = (0..68_u64).flat_map(|height| ["a".into(), height.into(), 7_u64.into()]);
            assert_eq!(cells, expected.collect::<Vec<Cell>>());
        }
    }
}
