//! The program as its users meet it: started, written to, read from, fed nonsense, killed and started again.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what the helpers of a test cannot do is a failure of the test"
)]

mod backup;
mod bad_input;
mod batches;
mod chaos;
mod disk;
mod durability;
mod fifth;
mod interop;
mod lifecycle;
mod localnet;
mod page;
mod promotion;
mod reindex;
mod scenario;
mod schemas;
mod support;
