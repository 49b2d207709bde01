//! Recording what was issued, in one transaction with the status positions and the kept answer.

use super::{ListUse, Store, StoreError};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Row, Sqlite, Transaction};

/// Entries per list: 131,072, so that one bit each fills the 16 KiB that a list has at least (Bitstring Status List §3.1).
const ENTRIES: i64 = 131_072;
/// A list is closed when half full, so that a random position is free at the second try on average.
const OPEN_UNTIL: i64 = ENTRIES / 2;

/// A position in a status list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The list's identifier, the last segment of its URL.
    pub(crate) list: String,
    /// The entry's index in the list.
    pub(crate) index: u64,
}

/// An issuance under way: positions are taken, nothing is visible until [`Issuance::commit`].
pub(crate) struct Issuance {
    transaction: Transaction<'static, Sqlite>,
    instance: String,
    positions: Vec<Position>,
}

impl Store {
    /// Starts an issuance; it holds the store's write lock until it is committed or dropped.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn issuance(&self, instance: &str) -> Result<Issuance, StoreError> {
        let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Issuance {
            transaction,
            instance: instance.to_owned(),
            positions: Vec::new(),
        })
    }
}

impl Issuance {
    /// The answer kept for this key, read under the write lock, so that two requests with one key cannot both issue.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn reply(
        &mut self,
        key: &str,
    ) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        let row = sqlx::query(
            "SELECT request, body FROM replies WHERE instance = ? AND idempotency_key = ?",
        )
        .bind(&self.instance)
        .bind(key)
        .fetch_optional(&mut *self.transaction)
        .await?;
        row.map(|row| Ok((row.try_get("request")?, row.try_get("body")?)))
            .transpose()
    }

    /// Takes a free position, chosen at random so that an index says nothing about when or for whom.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub(crate) async fn take_position(
        &mut self,
        list_use: &ListUse,
        now_ms: i64,
        random: &mut impl FnMut() -> u64,
    ) -> Result<Position, StoreError> {
        let list = match self.open_list(list_use).await? {
            Some(list) => list,
            None => self.new_list(list_use, now_ms, random).await?,
        };
        let index = loop {
            let index = i64::try_from(random() % ENTRIES.unsigned_abs()).unwrap_or_default();
            let taken =
                self.positions.iter().any(|position| {
                    position.list == list && position.index == index.unsigned_abs()
                }) || is_taken(&mut self.transaction, &list, index).await?;
            if !taken {
                break index;
            }
        };
        sqlx::query("UPDATE lists SET taken = taken + 1 WHERE id = ?")
            .bind(&list)
            .execute(&mut *self.transaction)
            .await?;
        let position = Position {
            list,
            index: index.unsigned_abs(),
        };
        self.positions.push(position.clone());
        Ok(position)
    }

    /// Records the credential, its positions and the answer to keep, all or none; on disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing is recorded then.
    pub(crate) async fn commit(
        mut self,
        digest: &str,
        credential_id: Option<&str>,
        reply: Option<(&str, &[u8], &str)>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        // The same bytes again are the same credential: deterministic signatures make that possible.
        sqlx::query("INSERT INTO issued (digest, instance, credential_id, issued_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(digest)
            .bind(&self.instance)
            .bind(credential_id)
            .bind(now_ms)
            .execute(&mut *self.transaction)
            .await?;
        for position in &self.positions {
            sqlx::query("INSERT INTO statuses (list, position, digest) VALUES (?, ?, ?)")
                .bind(&position.list)
                .bind(position.index.cast_signed())
                .bind(digest)
                .execute(&mut *self.transaction)
                .await?;
        }
        if let Some((key, request, body)) = reply {
            sqlx::query("INSERT INTO replies (instance, idempotency_key, request, body, created_ms) VALUES (?, ?, ?, ?, ?)")
                .bind(&self.instance)
                .bind(key)
                .bind(request)
                .bind(body)
                .bind(now_ms)
                .execute(&mut *self.transaction)
                .await?;
        }
        self.transaction.commit().await?;
        Ok(())
    }

    /// The list of this use that still takes entries, signed under the DID that the instance signs under now.
    async fn open_list(&mut self, list_use: &ListUse) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(
            "SELECT l.id FROM lists l JOIN instances i ON i.name = l.instance AND i.did = l.did \
             WHERE l.instance = ? AND l.kind = ? AND l.purpose = ? AND l.bits = ? AND l.taken < ? \
             ORDER BY l.created_ms, l.id LIMIT 1",
        )
        .bind(&self.instance)
        .bind(list_use.kind.name())
        .bind(&list_use.purpose)
        .bind(i64::from(list_use.bits))
        .bind(OPEN_UNTIL)
        .fetch_optional(&mut *self.transaction)
        .await?;
        row.map(|row| Ok(row.try_get("id")?)).transpose()
    }

    async fn new_list(
        &mut self,
        list_use: &ListUse,
        now_ms: i64,
        random: &mut impl FnMut() -> u64,
    ) -> Result<String, StoreError> {
        let id = format!("{:016x}{:016x}", random(), random());
        sqlx::query(
            "INSERT INTO lists (id, instance, kind, purpose, bits, entries, created_ms, did, verification_method) \
             SELECT ?, name, ?, ?, ?, ?, ?, did, verification_method FROM instances WHERE name = ?",
        )
        .bind(&id)
        .bind(list_use.kind.name())
        .bind(&list_use.purpose)
        .bind(i64::from(list_use.bits))
        .bind(ENTRIES)
        .bind(now_ms)
        .bind(&self.instance)
        .execute(&mut *self.transaction)
        .await?;
        Ok(id)
    }
}

async fn is_taken(
    connection: &mut SqliteConnection,
    list: &str,
    index: i64,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM statuses WHERE list = ? AND position = ?")
        .bind(list)
        .bind(index)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}
