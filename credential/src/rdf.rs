//! RDF: what a credential says, as a set of quads, and its canonical form.
//!
//! [`to_rdf`] turns a document into quads under the processed contexts of [`crate::contexts`]; [`canonicalize`] names the
//! blank nodes and sorts the quads (RDFC-1.0), within a counted [`Budget`]. The suites that end in `rdfc`, and those that
//! disclose selectively, sign what comes out.
//!
//! Nothing that a reader of the JSON sees may drop out on the way: where JSON-LD would pass over a value in silence,
//! [`to_rdf`] refuses the document ([`RdfError::Dropped`]), and so it does where a term is said in other words
//! ([`RdfError::Disguised`]).

mod canon;
mod document;
mod error;
mod literal;
mod nquads;
mod term;
#[cfg(test)]
mod tests;

pub use canon::{Budget, Canonical, RdfHash, canonicalize};
pub use document::{name_blank_nodes, to_rdf};
pub use error::RdfError;
pub use term::{Dataset, Literal, Quad, Term};
