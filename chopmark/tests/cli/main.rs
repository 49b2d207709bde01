//! The real binary, run as people and programs run it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails where it stands"
)]

mod authority;
mod batches;
#[path = "../../../credential/examples/status_vectors/certificates.rs"]
mod certificates;
mod credentials;
mod desk;
#[path = "../../../conformance/tests/e2e/chaos/forger.rs"]
mod forger;
mod identifiers;
mod keys;
mod ledger;
mod trust;
