//! The database of the read model: a file of `SQLite` or a database of `PostgreSQL`, behind one face.
//!
//! Both take the same statements with `$1`, `$2` …; they differ in the type of text, whose order must be that of its bytes, in
//! how a transaction begins, and in how rows are best written.

use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Executor as _, Row as _};
use url::Url;

use super::ProjectionError;
use super::place::{Kept, Place};
use super::table::Cell;

/// Connections that read.
const READERS: u32 = 4;
/// How long a reader, or the writer, waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Each connection of `SQLite` keeps at most 4 MiB of pages and waits 5 s for another to write; after a power cut the last
/// transactions may be missing, and are written again from the blocks. Pages go from the log to the file when there are 16 MiB of
/// them, so that one which each block changes is copied and synced once for many.
const SQLITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096; PRAGMA wal_autocheckpoint = 4096; \
    PRAGMA busy_timeout = 5000; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY";
const POSTGRES: &str = "SET statement_timeout = '60s'; SET lock_timeout = '10s'";

/// In what the two databases differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Text that is ordered by its bytes.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Sqlite => "TEXT",
            Self::Postgres => "TEXT COLLATE \"C\"",
        }
    }

    /// Adds the place of a parameter, which is the next one, to a statement that writes rows. `SQLite` finds a place that has a
    /// name, as the driver asks it to, by going through all of them; these have none there.
    pub(super) fn place(self, sql: &mut String, number: usize) {
        match self {
            Self::Sqlite => sql.push('?'),
            Self::Postgres => {
                let _ = write!(sql, "${number}");
            }
        }
    }

    /// How a table lies: short rows in the tree of their key, instead of beside it. Either way it holds the same.
    pub(super) const fn layout(self, has_short_rows: bool) -> &'static str {
        match self {
            Self::Sqlite if has_short_rows => " WITHOUT ROWID",
            _ => "",
        }
    }

    /// Names those of some tables or views that the database has where statements look for them; `$1` … are their names.
    pub(super) fn present(self, names: usize) -> String {
        let names: Vec<_> = (1..=names).map(|name| format!("${name}")).collect();
        let names = names.join(", ");
        match self {
            Self::Sqlite => format!(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name IN ({names}) ORDER BY name"
            ),
            Self::Postgres => format!(
                "SELECT CAST(c.relname AS TEXT) AS name FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = current_schema() AND c.relname IN ({names}) ORDER BY 1"
            ),
        }
    }

    /// With what a transaction begins that writes everything anew: each statement takes the time that it needs, and no other
    /// process writes the table until it ends, which in `SQLite` is so by itself.
    pub(super) fn alone(self, table: &str) -> Vec<String> {
        match self {
            Self::Sqlite => Vec::new(),
            Self::Postgres => vec![
                "SET LOCAL statement_timeout = 0".to_owned(),
                format!("LOCK TABLE {table} IN EXCLUSIVE MODE"),
            ],
        }
    }

    const fn begin_writing(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Every statement of a reading transaction sees the same rows.
    const fn begin_reading(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// An open database.
#[derive(Clone, Debug)]
pub(super) struct Database {
    readers: AnyPool,
    /// The one connection that writes: no number of readers keeps it waiting.
    pub(super) writer: AnyPool,
    pub(super) dialect: Dialect,
}

/// A transaction; it is rolled back when it goes without a commit.
pub(super) struct Work(sqlx::Transaction<'static, Any>);

impl Database {
    /// The database at a place. Nothing is connected to before it is needed, so that one that is down fails what needs it.
    pub(super) fn at(place: &Place) -> Result<Self, ProjectionError> {
        sqlx::any::install_default_drivers();
        let (url, dialect, settings) = match &place.0 {
            Kept::File(path) => (file_url(path)?, Dialect::Sqlite, SQLITE),
            Kept::Postgres(url) => (url.to_string(), Dialect::Postgres, POSTGRES),
        };
        let options = AnyConnectOptions::from_str(&url)?;
        let pool = |connections| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(PATIENCE)
                .after_connect(move |connection, _| {
                    Box::pin(async move {
                        connection.execute(settings).await?;
                        Ok(())
                    })
                })
                .connect_lazy_with(options.clone())
        };
        Ok(Self {
            readers: pool(READERS),
            writer: pool(1),
            dialect,
        })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(super) async fn begin_writing(&self) -> Result<Work, ProjectionError> {
        Ok(Work(
            self.writer.begin_with(self.dialect.begin_writing()).await?,
        ))
    }

    pub(super) async fn begin_reading(&self) -> Result<Work, ProjectionError> {
        Ok(Work(
            self.readers
                .begin_with(self.dialect.begin_reading())
                .await?,
        ))
    }
}

impl Work {
    /// Runs a statement; how many rows it changed.
    pub(super) async fn run(
        &mut self,
        sql: impl Into<Arc<str>>,
        cells: Vec<Cell>,
    ) -> Result<u64, ProjectionError> {
        let done = bound(sql.into(), cells).execute(self.connection()).await?;
        Ok(done.rows_affected())
    }

    /// The rows that a question has for an answer; it bounds them itself.
    pub(super) async fn rows(
        &mut self,
        sql: String,
        cells: Vec<Cell>,
    ) -> Result<Vec<AnyRow>, ProjectionError> {
        Ok(bound(sql.into(), cells)
            .fetch_all(self.connection())
            .await?)
    }

    pub(super) async fn commit(self) -> Result<(), ProjectionError> {
        Ok(self.0.commit().await?)
    }

    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

/// Statements are put together from this crate's own words; whatever came from outside is a parameter.
fn bound(sql: Arc<str>, cells: Vec<Cell>) -> Query<'static, Any, AnyArguments> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for cell in cells {
        query = match cell {
            Cell::Text(text) => query.bind(text),
            Cell::Number(number) => query.bind(number),
        };
    }
    query
}

/// A column of text.
pub(super) fn text(row: &AnyRow, column: &str) -> Result<String, ProjectionError> {
    Ok(row.try_get(column)?)
}

/// A column of numbers, none of which is negative.
pub(super) fn number(row: &AnyRow, column: &str) -> Result<u64, ProjectionError> {
    let found: i64 = row.try_get(column)?;
    Ok(u64::try_from(found).unwrap_or_default())
}

/// A column of times in milliseconds.
pub(super) fn time(row: &AnyRow, column: &str) -> Result<i64, ProjectionError> {
    Ok(row.try_get(column)?)
}

fn file_url(path: &Path) -> Result<String, ProjectionError> {
    let unusable = || ProjectionError::Path {
        path: path.to_owned(),
    };
    let absolute = std::path::absolute(path).map_err(|_| unusable())?;
    let url = Url::from_file_path(absolute).map_err(|()| unusable())?;
    Ok(format!("sqlite://{}?mode=rwc", url.path()))
}
