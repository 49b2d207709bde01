//! The database of the read model: a file of `SQLite` or a database of `PostgreSQL`, behind one face.
//!
//! Both take the same statements with `$1`, `$2` …; they differ in the type of text, whose order must be that of its bytes, and
//! in how a transaction begins.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Executor as _, Row as _};
use url::Url;

use super::ProjectionError;
use super::table::Cell;

/// Connections: one writes, the others read.
const CONNECTIONS: u32 = 5;
/// How long a reader waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Each connection of `SQLite` keeps at most 4 MiB of pages and waits 5 s for another to write; after a power cut the last
/// transactions may be missing, and are written again from the blocks.
const SQLITE: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -4096; \
    PRAGMA busy_timeout = 5000; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY";
const POSTGRES: &str = "SET statement_timeout = '60s'; SET lock_timeout = '10s'";

/// Where the read model is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Place(Kept);

#[derive(Clone, PartialEq, Eq)]
enum Kept {
    File(PathBuf),
    Postgres(Url),
}

/// Says why a text names no place for the read model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a read model is kept in `sqlite:PATH` or under `postgres://USER@HOST/DATABASE`: {reason}")]
pub struct PlaceError {
    reason: &'static str,
}

impl Place {
    /// A file of `SQLite`, made when it does not exist.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Kept::File(path.into()))
    }

    /// Parses `sqlite:PATH` or a URL of `PostgreSQL`.
    ///
    /// # Errors
    /// [`PlaceError`] for anything else; the text, which may hold a password, is not repeated.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let wrong = |reason| Err(PlaceError { reason });
        if let Some(path) = text.strip_prefix("sqlite:") {
            return match path.trim_start_matches("//") {
                "" => wrong("the path is missing"),
                _ => Ok(Self::file(path)),
            };
        }
        let Ok(url) = Url::parse(text) else {
            return wrong("this is neither");
        };
        if !["postgres", "postgresql"].contains(&url.scheme()) {
            return wrong("the scheme is another");
        }
        if url.path().trim_start_matches('/').is_empty() {
            return wrong("the database is missing");
        }
        Ok(Self(Kept::Postgres(url)))
    }
}

/// Shows where, and no password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kept::File(path) => write!(f, "{}", path.display()),
            Kept::Postgres(url) => {
                let host = url.host_str().unwrap_or_default();
                write!(f, "the PostgreSQL database {}{}", host, url.path())
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({self})")
    }
}

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
    pub(super) pool: AnyPool,
    pub(super) dialect: Dialect,
}

/// A transaction; it is rolled back when it goes without a commit.
pub(super) struct Work(sqlx::Transaction<'static, Any>);

impl Database {
    pub(super) async fn open(place: &Place) -> Result<Self, ProjectionError> {
        sqlx::any::install_default_drivers();
        let (url, dialect, settings) = match &place.0 {
            Kept::File(path) => (file_url(path)?, Dialect::Sqlite, SQLITE),
            Kept::Postgres(url) => (url.to_string(), Dialect::Postgres, POSTGRES),
        };
        let options = AnyConnectOptions::from_str(&url)?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    connection.execute(settings).await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool, dialect })
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    pub(super) async fn begin_writing(&self) -> Result<Work, ProjectionError> {
        Ok(Work(
            self.pool.begin_with(self.dialect.begin_writing()).await?,
        ))
    }

    pub(super) async fn begin_reading(&self) -> Result<Work, ProjectionError> {
        Ok(Work(
            self.pool.begin_with(self.dialect.begin_reading()).await?,
        ))
    }
}

impl Work {
    /// Runs a statement; how many rows it changed.
    pub(super) async fn run(
        &mut self,
        sql: String,
        cells: Vec<Cell>,
    ) -> Result<u64, ProjectionError> {
        let done = bound(sql, cells).execute(self.connection()).await?;
        Ok(done.rows_affected())
    }

    /// The rows that a question has for an answer; it bounds them itself.
    pub(super) async fn rows(
        &mut self,
        sql: String,
        cells: Vec<Cell>,
    ) -> Result<Vec<AnyRow>, ProjectionError> {
        Ok(bound(sql, cells).fetch_all(self.connection()).await?)
    }

    pub(super) async fn commit(self) -> Result<(), ProjectionError> {
        Ok(self.0.commit().await?)
    }

    fn connection(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

/// Statements are put together from this crate's own words; whatever came from outside is a parameter.
fn bound(sql: String, cells: Vec<Cell>) -> Query<'static, Any, AnyArguments> {
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
