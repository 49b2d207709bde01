//! The registry's routes over a real solo ledger.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod batches;
mod events;
mod explorer;
mod identifiers;
mod member_api;
mod members;
mod reads;
mod registrar;
mod schemas;
mod transactions;
mod trqp;
mod world;
