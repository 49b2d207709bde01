//! The two verifiers, Rust and JavaScript, judge alike.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's panics are its assertions"
)]

mod altered;
mod node;
mod vectors;
