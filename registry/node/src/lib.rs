//! The registry node: engines, stores, read model, HTTP API.

pub mod engine;
pub mod store;
