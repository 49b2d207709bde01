//! Token Status List: the `status` claim, the lists, and what a list says of an entry.
//!
//! Follows draft-ietf-oauth-status-list-20. A list is a token of its own, `statuslist+jwt` or `statuslist+cwt`, found under the
//! URI that the referenced token's `status` claim names.

mod array;
mod claim;
mod list;
mod new;
#[cfg(test)]
mod tests;

pub use array::StatusArray;
pub use claim::{StatusClaim, TokenEntry};
pub use list::{TokenList, TokenStatus, VerifiedTokenList};
pub use new::NewTokenList;
