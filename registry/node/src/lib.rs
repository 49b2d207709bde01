//! The registry node: engines, stores, read model, HTTP API.

pub mod store;
