//! Token Status List: the `status` claim, the lists, and what a list says of an entry.
//!
//! Follows draft-ietf-oauth-status-list-20. A list is a token of its own, `statuslist+jwt` or `statuslist+cwt`, found under the
//! URI that the referenced token's `status` claim names.

mod array;
mod claim;
mod content;
mod cwt;
mod list;
mod new;
mod signer;
#[cfg(test)]
mod tests;
mod value;

pub use array::StatusArray;
pub use claim::{StatusClaim, TokenEntry};
pub use list::{TokenList, VerifiedTokenList};
pub use new::NewTokenList;
pub use value::TokenStatus;
