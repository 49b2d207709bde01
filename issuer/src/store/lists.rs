//! Status lists: their values, and changing one.

use super::{Position, Store, StoreError};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};

/// What a list is: which specification it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// A `BitstringStatusListCredential`.
    Bitstring,
    /// A Token Status List.
    Token,
}

impl ListKind {
    /// The name under which it is stored.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bitstring => "bitstring",
            Self::Token => "token",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        [Self::Bitstring, Self::Token]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| StoreError::Corrupt {
                what: "kind of a list",
                value: name.to_owned(),
            })
    }
}

/// What a list is for: positions of one kind, purpose and width share a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListUse {
    /// Which specification it follows.
    pub(crate) kind: ListKind,
    /// `revocation`, `suspension`, `message` or `refresh` (Bitstring Status List §2.1); [`TOKEN_PURPOSE`] for tokens.
    pub(crate) purpose: String,
    /// Bits per entry, 1 to 8.
    pub(crate) bits: u8,
}

/// The purpose of a Token Status List: it says everything that is to be said of a token.
pub(crate) const TOKEN_PURPOSE: &str = "status";

/// A status list and every value in it that is not zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// The instance whose key signs it.
    pub(crate) instance: String,
    /// The DID under which it is signed.
    pub(crate) did: String,
    /// Where that DID's document lists the key.
    pub(crate) verification_method: String,
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
    /// Every position for this purpose that was assigned to credentials of this `id`.
    Credential {
        /// The credential's `id`.
        id: String,
    },
    /// One position.
    Position(Position),
}

/// What a status is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewValue {
    /// The purpose; with one position it may be left out.
    pub(crate) purpose: Option<String>,
    /// The value for the purpose.
    pub(crate) value: u8,
}

/// What came of a status change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// These positions now hold the value, whether or not they did before.
    Set(Vec<Position>),
    /// The instance assigned no such position.
    Unknown,
    /// A revocation, or a notice to refresh, cannot be taken back (Bitstring Status List §2.1).
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
            sqlx::query("SELECT instance, did, verification_method, kind, purpose, bits, entries, version FROM lists WHERE id = ?")
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
            did: row.try_get("did")?,
            verification_method: row.try_get("verification_method")?,
            serves: ListUse {
                kind: ListKind::parse(row.try_get("kind")?)?,
                purpose: row.try_get("purpose")?,
                bits: narrow(&row, "bits")?,
            },
            entries: unsigned(&row, "entries")?,
            version: unsigned(&row, "version")?,
            values,
        }))
    }

    /// What the list of this identifier is.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn list_kind(&self, id: &str) -> Result<Option<ListKind>, StoreError> {
        let row = sqlx::query("SELECT kind FROM lists WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| ListKind::parse(row.try_get("kind")?))
            .transpose()
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

    /// The identifiers of an instance's Token Status Lists, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn token_lists(&self, instance: &str) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM lists WHERE instance = ? AND kind = ? ORDER BY created_ms, id",
        )
        .bind(instance)
        .bind(ListKind::Token.name())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    /// Sets the value of the chosen positions of one instance, or of any; on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn set_status(
        &self,
        instance: Option<&str>,
        choice: &Choice,
        new: &NewValue,
    ) -> Result<Change, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let rows = chosen(&mut transaction, instance, choice, new.purpose.as_deref()).await?;
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
            let kind = ListKind::parse(row.try_get("kind")?)?;
            let Some(value) = settled(kind, &purpose, before, new) else {
                return Ok(Change::Irreversible);
            };
            if u32::from(value) >= 1_u32 << bits {
                return Ok(Change::TooWide { bits });
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

/// What a position becomes, or `None` where that would take back what is final.
///
/// A Token Status List has one value for all purposes: revoked is 1, suspended 2 (draft-ietf-oauth-status-list-20 §7.1).
fn settled(kind: ListKind, purpose: &str, before: u8, new: &NewValue) -> Option<u8> {
    let value = match (kind, new.purpose.as_deref()) {
        (ListKind::Token, Some("revocation")) if new.value == 0 => {
            return (before != REVOKED).then_some(before);
        }
        (ListKind::Token, Some("revocation")) => REVOKED,
        // Who suspends, or ends a suspension, says nothing of a revocation.
        (ListKind::Token, Some("suspension")) if before == REVOKED => return None,
        (ListKind::Token, Some("suspension")) if new.value == 0 && before != SUSPENDED => {
            return Some(before);
        }
        (ListKind::Token, Some("suspension")) if new.value != 0 => SUSPENDED,
        _ => new.value,
    };
    let is_final = match kind {
        ListKind::Token => before == REVOKED && value != REVOKED,
        ListKind::Bitstring => {
            matches!(purpose, "revocation" | "refresh") && before != 0 && value == 0
        }
    };
    (!is_final).then_some(value)
}

/// `INVALID`.
const REVOKED: u8 = 1;
/// `SUSPENDED`.
const SUSPENDED: u8 = 2;

async fn chosen(
    transaction: &mut Transaction<'static, Sqlite>,
    instance: Option<&str>,
    choice: &Choice,
    purpose: Option<&str>,
) -> Result<Vec<SqliteRow>, StoreError> {
    // A Token Status List serves revocation and suspension alike.
    let query = match choice {
        Choice::Credential { id } => sqlx::query(
            "SELECT s.list, s.position, s.value, l.bits, l.purpose, l.kind FROM issued i \
             JOIN statuses s ON s.digest = i.digest JOIN lists l ON l.id = s.list \
             WHERE (?1 IS NULL OR i.instance = ?1) AND i.credential_id = ?2 \
             AND (l.purpose = ?3 OR l.kind = 'token' AND ?3 IN ('revocation', 'suspension'))",
        )
        .bind(instance)
        .bind(id)
        .bind(purpose),
        Choice::Position(position) => sqlx::query(
            "SELECT s.list, s.position, s.value, l.bits, l.purpose, l.kind FROM statuses s JOIN lists l ON l.id = s.list \
             WHERE (?1 IS NULL OR l.instance = ?1) AND s.list = ?2 AND s.position = ?3 \
             AND (?4 IS NULL OR l.purpose = ?4 OR l.kind = 'token' AND ?4 IN ('revocation', 'suspension'))",
        )
        .bind(instance)
        .bind(&position.list)
        .bind(position.index.cast_signed())
        .bind(purpose),
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
