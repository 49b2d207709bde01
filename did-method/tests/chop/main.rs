//! did:chop as a client and a ledger use it: rules, properties, vectors, and the values in SPEC.md.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed assumption is the assertion"
)]

mod cases;
mod common;
mod controlled;
mod properties;
mod recovery;
mod resolving;
mod rules;
mod spec;
mod vectors;
mod webvh_log;
