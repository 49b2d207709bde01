//! Cells: text that a template takes as a value of some type.

use chop_integrity::json::{self, Limits};
use serde_json::Value;
use std::fmt;

/// Is the type that a placeholder gives to its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellType {
    /// Text, as it is.
    Text,
    /// A JSON number.
    Number,
    /// A JSON number without fraction or exponent.
    Integer,
    /// `true` or `false`.
    Boolean,
}

/// Says that a cell is not of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column:?} holds {found:?}, which is no {expected}")]
pub struct CellError {
    /// The column.
    pub column: String,
    /// The type that the template wants.
    pub expected: CellType,
    /// What the cell holds, shortened.
    pub found: String,
}

/// The most characters of a cell that an error repeats.
const SHOWN: usize = 60;

impl CellType {
    /// Finds a type by its name in a placeholder.
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "number" => Some(Self::Number),
            "integer" => Some(Self::Integer),
            "boolean" => Some(Self::Boolean),
            _ => None,
        }
    }

    /// Reads a cell; `None` when it is not of this type.
    pub(super) fn read(self, cell: &str) -> Option<Value> {
        // The parser passes over white space, a cell's value has none.
        let number = || {
            let begins = cell.starts_with(|first: char| first == '-' || first.is_ascii_digit());
            let ends = cell.ends_with(|last: char| last.is_ascii_digit());
            (begins && ends)
                .then(|| json::parse(cell.as_bytes(), &Limits::CREDENTIAL).ok())
                .flatten()
        };
        match self {
            Self::Text => Some(Value::from(cell)),
            Self::Number => number(),
            Self::Integer => number().filter(|value| value.is_i64() || value.is_u64()),
            Self::Boolean => match cell {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
        }
    }
}

impl fmt::Display for CellType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean (true or false)",
        })
    }
}

impl CellError {
    pub(super) fn new(column: &str, expected: CellType, cell: &str) -> Self {
        let mut found: String = cell.chars().take(SHOWN).collect();
        if found.len() < cell.len() {
            found.push('…');
        }
        Self {
            column: column.to_owned(),
            expected,
            found,
        }
    }
}
