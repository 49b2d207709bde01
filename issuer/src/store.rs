//! What the service remembers: instances, issued credentials, status positions, answers to repeated requests.

mod issued;
mod lists;

pub(crate) use issued::{Issuance, Position};
pub(crate) use lists::{Change, Choice, List, ListKind, ListUse, NewValue, TOKEN_PURPOSE};

use crate::instance::Instance;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, SqlSafeStr};
use std::path::Path;
use std::time::Duration;
use thiserror::Error;

/// The SQL store; clones share the connections.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: SqlitePool,
}

/// Why the store could not answer.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("the issuer's database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The tables could not be brought to this version.
    #[error("the issuer's tables could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value is none that this version writes.
    #[error("stored {what} `{value}` cannot be read")]
    Corrupt {
        /// What the value should be.
        what: &'static str,
        /// The value found.
        value: String,
    },
}

impl StoreError {
    /// Says that the disk or the database is full: reading goes on, nothing can be added.
    pub(crate) fn is_full(&self) -> bool {
        // SQLITE_FULL, https://www.sqlite.org/rescode.html#full
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.code().as_deref() == Some("13"))
    }
}

impl Store {
    /// Opens the database at `path`, creating it and its tables when needed.
    ///
    /// A committed transaction is on disk: write-ahead log with `synchronous = FULL`.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be opened or holds tables of another version.
    pub(crate) async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await?;
        migrator().run(&pool).await?;
        Ok(Self { pool })
    }

    /// Records a new instance; `false` when the name is taken.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn add_instance(
        &self,
        instance: &Instance,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO instances (name, suite, key_name, multikey, did, verification_method, created_ms) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(&instance.name)
        .bind(instance.suite.mechanism().name)
        .bind(&instance.key_name)
        .bind(&instance.multikey)
        .bind(&instance.did)
        .bind(&instance.verification_method)
        .bind(now_ms)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives an instance another DID and verification method; its key stays, its certificates were for the former DID.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn bind_instance(
        &self,
        name: &str,
        did: &str,
        verification_method: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE instances SET did = ?, verification_method = ?, certificates = NULL WHERE name = ?")
            .bind(did)
            .bind(verification_method)
            .bind(name)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Gives an instance the certificates (PEM) that its tokens bring along, or takes them away.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn certify_instance(
        &self,
        name: &str,
        certificates: Option<&str>,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE instances SET certificates = ? WHERE name = ?")
            .bind(certificates)
            .bind(name)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The instance of this name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub(crate) async fn instance(&self, name: &str) -> Result<Option<Instance>, StoreError> {
        let row = sqlx::query("SELECT * FROM instances WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(read_instance).transpose()
    }

    /// All instances, ordered by name.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub(crate) async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        let rows = sqlx::query("SELECT * FROM instances ORDER BY name")
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(read_instance).collect()
    }

    /// Closes the connections after writing the log back into the database.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    /// Answers when the database does.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}

fn migrator() -> Migrator {
    let step = |version, name: &'static str, text: &'static str| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, text.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![
        step(1, "issuer", include_str!("../migrations/0001_issuer.sql")),
        step(2, "status", include_str!("../migrations/0002_status.sql")),
        step(
            3,
            "certificates",
            include_str!("../migrations/0003_certificates.sql"),
        ),
    ])
}

fn read_instance(row: &SqliteRow) -> Result<Instance, StoreError> {
    let multikey: String = row.try_get("multikey")?;
    let suite: String = row.try_get("suite")?;
    let instance = Instance::from_parts(
        row.try_get("name")?,
        &suite,
        row.try_get("key_name")?,
        multikey,
        row.try_get("did")?,
        row.try_get("verification_method")?,
    );
    let instance = instance.map_err(|_| StoreError::Corrupt {
        what: "issuing instance",
        value: suite,
    })?;
    Ok(Instance {
        certificates: row.try_get("certificates")?,
        ..instance
    })
}

#[cfg(test)]
mod tests;
