//! SD-JWT: the specification's examples, the attacks, and what a holder can and cannot do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's panics are its assertions"
)]

mod credentials;
mod properties;
mod support;
mod vectors;
