//! The database of the read model: a file of `SQLite` or a database of `PostgreSQL`, behind one face.
//!
//! Both take the same statements with `$1`, `$2` …; they differ in the type of text, whose order must be that of its bytes, and
//! in how a transaction begins.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool, AssertSqlSafe, Executor as _, Row as _};
use url::Url;

use super::ProjectionError;
use super::table::Cell;

/// Connections that read.
const READERS: u32 = 4;
/// How long a reader, or the writer, waits for a connection.
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
        if demands_encryption(&url) {
            return wrong(
                "its connections are not encrypted, which sslmode demands: use a socket, this host or a tunnel",
            );
        }
        if is_elsewhere(&url) && parameter(&url, &SSL_MODE).as_deref() != Some("disable") {
            return wrong(
                "its host is another one, to which connections go unencrypted: use a socket or a tunnel, or say sslmode=disable",
            );
        }
        Ok(Self(Kept::Postgres(url)))
    }
}

/// The names of the parameter that says whether connections are encrypted.
const SSL_MODE: [&str; 2] = ["sslmode", "ssl-mode"];

/// The last value of a parameter, as the driver takes it.
fn parameter(url: &Url, names: &[&str]) -> Option<String> {
    let values = url
        .query_pairs()
        .filter(|(name, _)| names.contains(&&**name));
    values.last().map(|(_, value)| value.to_ascii_lowercase())
}

fn demands_encryption(url: &Url) -> bool {
    parameter(url, &SSL_MODE)
        .is_some_and(|mode| ["require", "verify-ca", "verify-full"].contains(&mode.as_str()))
}

/// Whether connections leave this host. Where no host is named, the driver takes `PGHOST`, or a socket, or this host.
fn is_elsewhere(url: &Url) -> bool {
    let host = parameter(url, &["host", "hostaddr"]).or_else(|| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>();
        let is_socket = host.starts_with('/') || host.to_ascii_lowercase().starts_with("%2f");
        !(host.is_empty()
            || is_socket
            || host == "localhost"
            || address.is_ok_and(|address| address.is_loopback()))
    })
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
