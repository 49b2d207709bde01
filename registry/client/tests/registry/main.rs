//! The client against a real ledger in memory: reads, resolution, and a node's answers over HTTP.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod bundle;
mod chain;
mod gathered;
mod http;
mod items;
mod ledger;
mod light;
mod membership;
mod promoted;
mod reads;
mod resolve;
mod results;
mod schemas;
mod signatures;
mod vectors;
mod web;
