//! The registry node: engines, stores, HTTP API.
//!
//! ```text
//! http ─▶ engine ─▶ store          writes: one way
//! http ◀─ View   ◀─ store          reads: with proofs
//! ```

pub mod engine;
pub mod http;
mod local;
pub mod store;

pub use http::{NodeApp, Operator, openapi, router};
pub use local::LocalRegistry;
