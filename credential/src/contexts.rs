//! JSON-LD contexts: which terms a document may use, and what they mean.
//!
//! This is JSON-LD 1.1 context processing and the term resolution of its expansion, without producing the expanded document:
//! enough to say that every term and type is defined and none protected is redefined. The suites that canonicalise RDF bring
//! a whole processor; they read the same [`Contexts`].

mod active;
mod check;
pub(crate) mod digest;
mod error;
mod process;
mod store;
#[cfg(test)]
mod tests;

pub use digest::{DigestFault, ResourceDigest};
pub use error::ContextError;
pub use store::Contexts;
