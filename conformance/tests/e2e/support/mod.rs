//! What the tests of the running program share.

pub mod http;
pub mod party;
pub mod stack;
