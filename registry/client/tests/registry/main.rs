//! The client against a real ledger in memory: reads, resolution, and a node's answers over HTTP.

mod http;
mod ledger;
mod reads;
mod resolve;
