//! The one row that says what the read model holds; it moves in the SQL transaction of the rows that it speaks of.

use chop_did::LedgerId;
use chop_protocol::http::listed::AsOf;
use sqlx::any::AnyRow;

use super::sql::{Database, Dialect, Work, number, text};
use super::table::{Cell, META, TABLES};
use super::{OpenReadModelError, ProjectionError};
use crate::store::Snapshot;

/// Bump with every change of a table, of a row, or of what stands in one.
const FORMAT: u64 = 1;

/// What the read model holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    format: u64,
    ledger: Option<LedgerId>,
    /// The first block that it knows.
    pub(crate) first: u64,
    /// The last block that it knows.
    pub(crate) height: u64,
    /// SHA-256 of the last block's header; none before the first.
    hash: [u8; 32],
    /// The state was read as of at most this height.
    pub(crate) state: u64,
    /// Up to this height the state was read as a whole, so that blocks before it touch nothing.
    pub(crate) seeded: u64,
}

impl Meta {
    /// A model whose entities were all read at height `seeded`, and that begins with block `first`.
    pub(super) fn begun(ledger: LedgerId, first: u64, seeded: u64) -> Self {
        Self {
            format: FORMAT,
            ledger: Some(ledger),
            first,
            height: first.saturating_sub(1),
            hash: [0; 32],
            state: seeded,
            seeded,
        }
    }

    /// The same after blocks up to `height`, whose header has this hash, with the state as of `state`.
    pub(super) fn moved(&self, height: u64, hash: [u8; 32], state: u64) -> Self {
        Self {
            height,
            hash,
            state: self.state.max(state),
            ..*self
        }
    }

    /// What an answer says of itself.
    ///
    /// # Errors
    /// While blocks are missing that the state already shows.
    pub(crate) fn as_of(&self) -> Result<AsOf, ProjectionError> {
        if self.height < self.state {
            return Err(ProjectionError::Building {
                height: self.height,
                until: self.state,
            });
        }
        Ok(self.blocks_as_of())
    }

    /// What an answer from blocks alone says of itself, to which it does not matter what the state shows already.
    pub(crate) fn blocks_as_of(&self) -> AsOf {
        AsOf {
            height: self.height,
            from: self.first,
        }
    }

    fn of(row: &AnyRow) -> Result<Self, ProjectionError> {
        let unreadable = |reason: &str| ProjectionError::Row {
            what: "description of the read model",
            reason: reason.to_owned(),
        };
        let hash = data_encoding::HEXLOWER
            .decode(text(row, "hash")?.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            format: number(row, "format")?,
            ledger: text(row, "ledger")?.parse().ok(),
            first: number(row, "first")?,
            height: number(row, "height")?,
            hash: hash.ok_or_else(|| unreadable("its hash is no 32 bytes"))?,
            state: number(row, "state")?,
            seeded: number(row, "seeded")?,
        })
    }

    fn cells(&self) -> Vec<Cell> {
        vec![
            self.first.into(),
            self.height.into(),
            data_encoding::HEXLOWER.encode(&self.hash).into(),
            self.state.into(),
            self.seeded.into(),
        ]
    }
}

/// Makes the tables where they are missing, and reads what is there. Tables of another format are left as they are.
pub(super) async fn prepare(database: &Database) -> Result<Option<Meta>, ProjectionError> {
    let mut work = database.begin_writing().await?;
    refuse_foreign(&mut work, database.dialect).await?;
    let text = database.dialect.text();
    work.run(
        format!(
            "CREATE TABLE IF NOT EXISTS {META} (id BIGINT PRIMARY KEY, format BIGINT NOT NULL, ledger {text} NOT NULL, \
             first BIGINT NOT NULL, height BIGINT NOT NULL, hash {text} NOT NULL, state BIGINT NOT NULL, seeded BIGINT NOT NULL)"
        ),
        Vec::new(),
    )
    .await?;
    let found = read(&mut work).await?;
    if found.is_none_or(|found| found.format == FORMAT) {
        for statement in TABLES
            .iter()
            .flat_map(|table| table.definition(database.dialect))
        {
            work.run(statement, Vec::new()).await?;
        }
    }
    work.commit().await?;
    Ok(found)
}

/// Refuses a database in which a table has a name of this model's and is none of it. All of a model's tables are made in one
/// transaction, so that where the one that describes it is missing, the others are somebody else's.
async fn refuse_foreign(work: &mut Work, dialect: Dialect) -> Result<(), ProjectionError> {
    let names: Vec<_> = TABLES
        .iter()
        .map(|table| table.name)
        .chain([META])
        .collect();
    let cells = names.iter().map(|name| Cell::from(*name)).collect();
    let rows = work.rows(dialect.present(names.len()), cells).await?;
    let mut found = Vec::new();
    for row in &rows {
        found.push(text(row, "name")?);
    }
    if found.is_empty() {
        return Ok(());
    }
    if found.iter().any(|name| name == META) {
        let described = work
            .rows(
                format!("SELECT format, ledger FROM {META} LIMIT 1"),
                Vec::new(),
            )
            .await;
        match described {
            Err(ProjectionError::Database(sqlx::Error::Database(_))) => {}
            other => return other.map(|_| ()),
        }
    }
    Err(ProjectionError::Foreign {
        tables: found.join(", "),
    })
}

/// Removes every table of a read model.
pub(super) async fn drop_all(database: &Database) -> Result<(), ProjectionError> {
    let mut work = database.begin_writing().await?;
    refuse_foreign(&mut work, database.dialect).await?;
    for name in TABLES.iter().map(|table| table.name).chain([META]) {
        work.run(format!("DROP TABLE IF EXISTS {name}"), Vec::new())
            .await?;
    }
    work.commit().await
}

/// What the model holds, as this transaction sees it.
pub(super) async fn read(work: &mut Work) -> Result<Option<Meta>, ProjectionError> {
    let rows = work
        .rows(format!("SELECT * FROM {META} WHERE id = 1"), Vec::new())
        .await?;
    rows.first().map(Meta::of).transpose()
}

/// Writes the first row.
pub(super) async fn begin(work: &mut Work, meta: &Meta) -> Result<(), ProjectionError> {
    let ledger = meta.ledger.map(|ledger| ledger.to_string());
    let mut cells = vec![
        Cell::Number(1),
        meta.format.into(),
        ledger.unwrap_or_default().into(),
    ];
    cells.extend(meta.cells());
    let sql = format!(
        "INSERT INTO {META} (id, format, ledger, first, height, hash, state, seeded) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    );
    work.run(sql, cells).await?;
    Ok(())
}

/// Empties the model for a new beginning, when it still is as this process knows it; until the transaction ends, no other
/// process writes to it.
pub(super) async fn clear(
    work: &mut Work,
    dialect: Dialect,
    known: Option<&Meta>,
) -> Result<(), ProjectionError> {
    for statement in dialect.alone(META) {
        work.run(statement, Vec::new()).await?;
    }
    if read(work).await?.as_ref() != known {
        return Err(ProjectionError::Moved {
            expected: known.map_or(0, |known| known.height),
        });
    }
    for name in TABLES.iter().map(|table| table.name).chain([META]) {
        work.run(format!("DELETE FROM {name}"), Vec::new()).await?;
    }
    Ok(())
}

/// Moves the row, first of all in its transaction: of two processes, the second finds it moved.
pub(super) async fn move_on(
    work: &mut Work,
    from: &Meta,
    to: &Meta,
) -> Result<(), ProjectionError> {
    let sql = format!(
        "UPDATE {META} SET first = $1, height = $2, hash = $3, state = $4, seeded = $5 WHERE id = 1 AND height = $6 AND hash = $7"
    );
    let mut cells = to.cells();
    cells.push(from.height.into());
    cells.push(data_encoding::HEXLOWER.encode(&from.hash).into());
    if work.run(sql, cells).await? == 1 {
        Ok(())
    } else {
        Err(ProjectionError::Moved {
            expected: from.height,
        })
    }
}

/// Refuses a model that is not of this ledger as the node has it.
pub(super) fn check(
    found: &Meta,
    ledger: LedgerId,
    held: &Snapshot,
) -> Result<(), OpenReadModelError> {
    if found.format != FORMAT {
        return Err(OpenReadModelError::OtherFormat {
            found: found.format,
            expected: FORMAT,
        });
    }
    if found.ledger != Some(ledger) {
        return Err(OpenReadModelError::OtherLedger {
            found: found
                .ledger
                .map_or_else(|| "none".to_owned(), |id| id.to_string()),
            expected: ledger.to_string(),
        });
    }
    let last = held.last_block().map_err(ProjectionError::from)?;
    let last = last.map_or(0, |(height, _)| height);
    if found.height > last {
        return Err(OpenReadModelError::Ahead {
            found: found.height,
            held: last,
        });
    }
    let block = held.block(found.height).map_err(ProjectionError::from)?;
    let Some(block) = block.filter(|block| !block.signed_header.is_empty()) else {
        return Ok(());
    };
    let header = block.decode_header().map_err(ProjectionError::from)?;
    let hash = header.header.hash();
    if hash.as_bytes() == found.hash {
        Ok(())
    } else {
        Err(OpenReadModelError::OtherBlock {
            height: found.height,
            found: data_encoding::HEXUPPER.encode(&found.hash),
            held: hash.to_string(),
        })
    }
}
