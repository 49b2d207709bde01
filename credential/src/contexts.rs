//! JSON-LD contexts: which terms a document may use, and what they mean.
//!
//! This is JSON-LD 1.1 context processing and the term resolution of its expansion, without producing the expanded document:
//! enough to say that every term and type is defined and none protected is redefined. The suites that canonicalise RDF read
//! the same [`Contexts`] when they turn a document into quads ([`crate::rdf`]).

mod active;
mod check;
pub(crate) mod digest;
mod error;
mod iri;
mod named;
pub(crate) mod place;
mod process;
mod shapes;
mod store;
#[cfg(test)]
mod tests;

pub use digest::{DigestFault, ResourceDigest};
pub use error::ContextError;
pub use named::named_contexts;
pub use store::Contexts;

pub(crate) use active::{Active, Meaning, Term};
pub(crate) use place::Place;
pub(crate) use process::Processor;
pub(crate) use store::initial;
