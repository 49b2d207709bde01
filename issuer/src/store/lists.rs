//! Status lists: their values, and changing one.

use super::{Position, Store, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};

/// What a list is for: positions of one purpose and width share a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListUse {
    /// `revocation`, `suspension`, `message` or `refresh` (Bitstring Status List §2.1).
    pub(crate) purpose: String,
    /// Bits per entry, 1 to 8.
    pub(crate) bits: u8,
}

/// A status list and every value in it that is not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// The instance that signs it.
    pub(crate) instance: String,
    /// What it is for.
    pub(crate) serves: ListUse,
    /// How many entries it has.
    pub(crate) entries: u64,
    /// Moves with every change.
    pub(crate) version: u64,
    /// Index and value, ordered by index.
    pub(crate) values: Vec<(u64, u8)>,
}

/// Which positions a status change means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Every position of this purpose that was assigned to credentials of this `id`.
    Credential {
        /// The credential's `id`.
        id: String,
        /// The status purpose.
        purpose: String,
    },
    /// One position.
    Position(Position),
}

/// What came of a status change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// These positions now hold the value, whether or not they did before.
    Set(Vec<Position>),
    /// The instance assigned no such position.
    Unknown,
    /// A revocation cannot be taken back (Bitstring Status List §2.1).
    Irreversible,
    /// The value needs more bits than the list has per entry.
    TooWide {
        /// Bits per entry.
        bits: u8,
    },
}

impl Store {
    /// The list of this identifier.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn list(&self, id: &str) -> Result<Option<List>, StoreError> {
        // One read transaction, so that version and values belong together.
        let mut transaction = self.pool.begin().await?;
        let Some(row) =
            sqlx::query("SELECT instance, purpose, bits, entries, version FROM lists WHERE id = ?")
                .bind(id)
                .fetch_optional(&mut *transaction)
                .await?
        else {
            return Ok(None);
        };
        let values = sqlx::query(
            "SELECT position, value FROM statuses WHERE list = ? AND value <> 0 ORDER BY position",
        )
        .bind(id)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let values = values
            .iter()
            .map(|row| Ok((unsigned(row, "position")?, narrow(row, "value")?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Some(List {
            instance: row.try_get("instance")?,
            serves: ListUse {
                purpose: row.try_get("purpose")?,
                bits: narrow(&row, "bits")?,
            },
            entries: unsigned(&row, "entries")?,
            version: unsigned(&row, "version")?,
            values,
        }))
    }

    /// The version of a list, without its values.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn list_version(&self, id: &str) -> Result<Option<u64>, StoreError> {
        let row = sqlx::query("SELECT version FROM lists WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| unsigned(&row, "version")).transpose()
    }

    /// Sets the value of the chosen positions of one instance, or of any; on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn set_status(
        &self,
        instance: Option<&str>,
        choice: &Choice,
        value: u8,
    ) -> Result<Change, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let rows = chosen(&mut transaction, instance, choice).await?;
        if rows.is_empty() {
            return Ok(Change::Unknown);
        }
        let mut positions = Vec::with_capacity(rows.len());
        for row in &rows {
            let (list, index): (String, u64) = (row.try_get("list")?, unsigned(row, "position")?);
            let (bits, before, purpose): (u8, u8, String) = (
                narrow(row, "bits")?,
                narrow(row, "value")?,
                row.try_get("purpose")?,
            );
            if u32::from(value) >= 1_u32 << bits {
                return Ok(Change::TooWide { bits });
            }
            if purpose == "revocation" && before != 0 && value == 0 {
                return Ok(Change::Irreversible);
            }
            if before != value {
                sqlx::query("UPDATE statuses SET value = ? WHERE list = ? AND position = ?")
                    .bind(i64::from(value))
                    .bind(&list)
                    .bind(index.cast_signed())
                    .execute(&mut *transaction)
                    .await?;
                sqlx::query("UPDATE lists SET version = version + 1 WHERE id = ?")
                    .bind(&list)
                    .execute(&mut *transaction)
                    .await?;
            }
            positions.push(Position { list, index });
        }
        transaction.commit().await?;
        Ok(Change::Set(positions))
    }
}

async fn chosen(
    transaction: &mut Transaction<'static, Sqlite>,
    instance: Option<&str>,
    choice: &Choice,
) -> Result<Vec<SqliteRow>, StoreError> {
    let query = match choice {
        Choice::Credential { id, purpose } => sqlx::query(
            "SELECT s.list, s.position, s.value, l.bits, l.purpose FROM issued i \
             JOIN statuses s ON s.digest = i.digest JOIN lists l ON l.id = s.list \
             WHERE (?1 IS NULL OR i.instance = ?1) AND i.credential_id = ?2 AND l.purpose = ?3",
        )
        .bind(instance)
        .bind(id)
        .bind(purpose),
        Choice::Position(position) => sqlx::query(
            "SELECT s.list, s.position, s.value, l.bits, l.purpose FROM statuses s JOIN lists l ON l.id = s.list \
             WHERE (?1 IS NULL OR l.instance = ?1) AND s.list = ?2 AND s.position = ?3",
        )
        .bind(instance)
        .bind(&position.list)
        .bind(position.index.cast_signed()),
    };
    Ok(query.fetch_all(&mut **transaction).await?)
}

fn unsigned(row: &SqliteRow, column: &'static str) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(column)?;
    u64::try_from(value).map_err(|_| StoreError::Corrupt {
        what: column,
        value: value.to_string(),
    })
}

fn narrow(row: &SqliteRow, column: &'static str) -> Result<u8, StoreError> {
    let value: i64 = row.try_get(column)?;
    u8::try_from(value).map_err(|_| StoreError::Corrupt {
        what: column,
        value: value.to_string(),
    })
}
