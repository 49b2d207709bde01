//! The verifier's routes over a real ledger in memory.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[expect(dead_code, reason = "the ledger serves the client's tests too")]
#[path = "../../../registry/client/tests/registry/ledger/mod.rs"]
mod ledger;

#[path = "../../../credential/examples/status_vectors/certificates.rs"]
mod certificates;

mod bad_input;
mod batch;
mod derive;
mod history;
mod presentations;
mod sd_jwt_vc;
mod status;
mod token_lists;
mod verdicts;
mod world;
