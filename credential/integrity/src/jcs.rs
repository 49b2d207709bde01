//! The JSON Canonicalization Scheme (RFC 8785) as a serde serializer.
//!
//! Text goes straight into one buffer. Members that arrive out of order are put right when their object closes, so
//! that a map which is sorted already costs no more than plain JSON.

mod members;
mod serializer;
mod value;

use std::fmt;

pub(crate) use members::order;
use serde::Serialize;
use serde::ser::Serializer as _;
use serde_json::Value;
use serializer::Writer;
pub use serializer::escape_into;

/// Says why a value has no canonical JSON form.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JcsError {
    /// The number is not finite.
    #[error("number is not finite")]
    NotFinite,
    /// The integer is no IEEE 754 double, so its canonical form would be another number (RFC 8785 §3.2.2.3).
    #[error("integer {integer} is not exactly a double")]
    Inexact {
        /// The integer.
        integer: i128,
    },
    /// An object would hold a member twice.
    #[error("duplicate member {member:?}")]
    Duplicate {
        /// The member's name.
        member: String,
    },
    /// A map key is not a string.
    #[error("map key is not a string")]
    KeyNotString,
    /// The value's own serialisation failed.
    #[error("{reason}")]
    Value {
        /// What the value said.
        reason: String,
    },
}

/// Writes a value as canonical JSON (RFC 8785).
///
/// # Errors
/// When a number is not finite or not exactly a double, a member stands twice, or a map key is not a string.
pub fn canonicalize<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, JcsError> {
    let mut writer = Writer::new();
    value.serialize(&mut writer)?;
    Ok(writer.into_bytes())
}

/// Writes an object, given by its members, as canonical JSON (RFC 8785): what [`canonicalize`] writes, sooner where the members of
/// all objects come in order, as those of a [`serde_json::Map`] do but for rare names.
///
/// # Errors
/// As [`canonicalize`].
pub fn canonicalize_members<'v>(
    members: impl Iterator<Item = (&'v str, &'v Value)> + Clone,
) -> Result<Vec<u8>, JcsError> {
    let mut writer = Writer::quick();
    if writer.in_order(members.clone())? {
        return Ok(writer.into_bytes());
    }
    let mut writer = Writer::new();
    (&mut writer).collect_map(members)?;
    Ok(writer.into_bytes())
}

impl serde::ser::Error for JcsError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Value {
            reason: reason.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
