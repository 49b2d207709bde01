//! Reading bodies.

use crate::error::IssueError;
use chop_integrity::json::{self, Limits};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Parses a body that is a JSON object.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, IssueError> {
    match json::parse(bytes, &Limits::CREDENTIAL)? {
        Value::Object(members) => Ok(members),
        _ => Err(IssueError::Member {
            member: "the body",
            expected: "an object",
        }),
    }
}

/// Parses a body of a shape of our own.
pub(super) fn shape<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, IssueError> {
    let members = object(bytes)?;
    serde_json::from_value(Value::Object(members)).map_err(|error| IssueError::Shape {
        reason: error.to_string(),
    })
}
