//! The real binary, run as people and programs run it.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod authority;
mod batches;
#[path = "../../../credential/examples/status_vectors/certificates.rs"]
mod certificates;
mod credentials;
mod desk;
mod identifiers;
mod keys;
mod ledger;
