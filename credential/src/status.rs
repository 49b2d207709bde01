//! Bitstring Status List 1.0: entries, lists, and what a list says of an entry.

mod bitstring;
mod entry;
mod error;
mod list;
#[cfg(test)]
mod tests;

pub use bitstring::{Bitstring, MAX_BYTES, MIN_BYTES};
pub use entry::{BitstringEntry, NewEntry, StatusEntry};
pub use error::StatusError;
pub use list::{NewList, VerifiedList};
