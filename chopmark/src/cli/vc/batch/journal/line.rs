//! The lines of a journal after the first: how they are written and read.

use super::super::source::FileDigest;
use serde::{Deserialize, Serialize};

/// A line after the first.
pub(in super::super) enum Entry<'l> {
    /// A row that was issued.
    Issued {
        /// Its number.
        row: u64,
        /// The hash of its cells.
        sha256: &'l str,
        /// The secured credential, as JSON text.
        credential: &'l str,
    },
    /// A row that was refused and passed over.
    Refused {
        /// Its number.
        row: u64,
        /// The hash of its cells.
        sha256: &'l str,
        /// Why.
        refused: Refusal,
    },
    /// From here on the CSV file has another content.
    Amended(FileDigest),
}

/// Why a row was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Refusal {
    /// The stable code of the rule.
    pub(in super::super) rule: String,
    /// The reason, in words.
    pub(in super::super) reason: String,
}

impl<'l> Entry<'l> {
    /// Reads a whole line.
    pub(super) fn read(line: &'l str) -> Option<Self> {
        let line = line.strip_suffix("}\n")?;
        if let Some(amended) = line.strip_prefix("{\"amended\":") {
            return serde_json::from_str(amended).ok().map(Self::Amended);
        }
        let (row, rest) = line
            .strip_prefix("{\"row\":")?
            .split_once(",\"sha256\":\"")?;
        let row = row.parse().ok()?;
        let (sha256, rest) = rest.split_at_checked(64)?;
        if let Some(credential) = rest.strip_prefix("\",\"credential\":") {
            return Some(Self::Issued {
                row,
                sha256,
                credential,
            });
        }
        let refused = rest.strip_prefix("\",\"refused\":")?;
        Some(Self::Refused {
            row,
            sha256,
            refused: serde_json::from_str(refused).ok()?,
        })
    }
}

/// Appends the line of a row that is issued: `credential` writes the secured credential.
///
/// # Errors
/// That of `credential`; nothing is appended then.
pub(in super::super) fn issued_line<E>(
    out: &mut Vec<u8>,
    row: u64,
    sha256: &str,
    credential: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    begin_line(out, row, sha256);
    out.extend_from_slice(b"credential\":");
    if let Err(error) = credential(out) {
        out.truncate(start);
        return Err(error);
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Appends the line of a row that is passed over.
pub(in super::super) fn refused_line(out: &mut Vec<u8>, row: u64, sha256: &str, refused: &Refusal) {
    begin_line(out, row, sha256);
    out.extend_from_slice(b"refused\":");
    let refused = serde_json::json!({"rule": refused.rule, "reason": refused.reason});
    out.extend_from_slice(refused.to_string().as_bytes());
    out.extend_from_slice(b"}\n");
}

/// Makes the line that says that the CSV file has another content from here on.
pub(in super::super) fn amended_line(rows: &FileDigest) -> Vec<u8> {
    let mut line = serde_json::json!({"amended": rows})
        .to_string()
        .into_bytes();
    line.push(b'\n');
    line
}

fn begin_line(out: &mut Vec<u8>, row: u64, sha256: &str) {
    out.extend_from_slice(b"{\"row\":");
    out.extend_from_slice(row.to_string().as_bytes());
    out.extend_from_slice(b",\"sha256\":\"");
    out.extend_from_slice(sha256.as_bytes());
    out.extend_from_slice(b"\",\"");
}
