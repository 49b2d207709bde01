//! Status lists: Bitstring Status List 1.0 and Token Status List; entries, lists, and what a list says of an entry.

mod bitstring;
mod entry;
mod error;
mod list;
#[cfg(test)]
mod tests;
mod token;

pub use bitstring::{Bitstring, MAX_BYTES, MIN_BYTES, MIN_ENTRIES};
pub use entry::{BitstringEntry, NewEntry, StatusEntry};
pub use error::StatusError;
pub use list::{NewList, VerifiedList};
pub use token::{
    NewTokenList, StatusArray, StatusClaim, TokenEntry, TokenList, TokenStatus, VerifiedTokenList,
};
