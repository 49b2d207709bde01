//! The registry node: engines, stores, read model, HTTP API.
//!
//! ```text
//! http ─▶ engine ─▶ store          writes: one way
//! http ◀─ View   ◀─ store          keyed reads: with proofs
//! http ◀─ projection ◀─ View       lists, searches, events: as of a height
//! http ◀─▶ leaves                 the items of batches, beside the ledger
//! ```

mod accuse;
pub mod engine;
pub mod http;
pub mod leaves;
mod local;
pub mod projection;
pub mod store;

pub use accuse::accuse;
pub use http::{
    MemberDoor, NodeApp, Operator, kept_answers, member_openapi, member_router, openapi, router,
};
pub use local::LocalRegistry;
