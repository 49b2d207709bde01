//! The tables of the database.
//!
//! ```text
//! meta        name                     → bytes: "format" (u64, big endian), "genesis" (canonical JSON), "signed",
//!                                      "headers" (u64: up to this height every block has its header),
//!                                      "handover" (JSON: how a solo ledger ended)
//! values      state key (text)         → value (canonical JSON)
//! nodes       borsh(NodeKey)           → borsh(Node) of the state tree, the latest version only
//! blocks      height                   → borsh(BlockRecord)
//! headers     height                   → signed header (protobuf) that came after its block
//! outcomes    envelope hash (32 bytes) → outcome (JSON), final ones only
//! operations  (scid, seq)              → signed DID operation (canonical JSON)
//! ```

use redb::{Database, ReadableTable, TableDefinition, TableHandle};

use super::StoreError;

/// Bump with every change of a table or of a record in it.
const FORMAT: u64 = 1;

pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
pub(super) const VALUES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("values");
pub(super) const NODES: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("nodes");
pub(super) const BLOCKS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("blocks");
pub(super) const HEADERS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("headers");
pub(super) const OUTCOMES: TableDefinition<'static, &[u8], &[u8]> =
    TableDefinition::new("outcomes");
pub(super) const OPERATIONS: TableDefinition<'static, (&str, u64), &[u8]> =
    TableDefinition::new("operations");

const FORMAT_KEY: &str = "format";
pub(super) const GENESIS_KEY: &str = "genesis";
pub(super) const SIGNED_KEY: &str = "signed";
pub(super) const HEADERS_KEY: &str = "headers";
pub(super) const HANDOVER_KEY: &str = "handover";

/// Makes the tables of a new file; checks the format of an old one.
pub(super) fn prepare(database: &Database) -> Result<(), StoreError> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    let known = {
        let meta = transaction.open_table(META)?;
        let format = meta.get(FORMAT_KEY)?;
        format.map(|bytes| read_u64(bytes.value())).transpose()?
    };
    match known {
        // Files of this format from before there was a second engine lack this one table.
        Some(FORMAT) => {
            let known = transaction
                .list_tables()?
                .any(|table| table.name() == HEADERS.name());
            if known {
                return Ok(transaction.abort()?);
            }
            transaction.open_table(HEADERS)?;
            return Ok(transaction.commit()?);
        }
        Some(found) => {
            return Err(StoreError::OtherFormat {
                found,
                expected: FORMAT,
            });
        }
        None => {}
    }
    transaction
        .open_table(META)?
        .insert(FORMAT_KEY, FORMAT.to_be_bytes().as_slice())?;
    transaction.open_table(VALUES)?;
    transaction.open_table(NODES)?;
    transaction.open_table(BLOCKS)?;
    transaction.open_table(HEADERS)?;
    transaction.open_table(OUTCOMES)?;
    transaction.open_table(OPERATIONS)?;
    transaction.commit()?;
    Ok(())
}

pub(super) fn read_u64(bytes: &[u8]) -> Result<u64, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Damaged {
        what: "format",
        reason: format!("{} bytes", bytes.len()),
    })?;
    Ok(u64::from_be_bytes(bytes))
}
