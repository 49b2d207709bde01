//! Interoperation with other implementations: a few documents each way, and what they made before.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's panics are its assertions"
)]

mod smoke;
mod vectors;
