//! What the tests of the running program share.

pub(crate) mod browser;
pub(crate) mod consortium;
pub(crate) mod http;
pub(crate) mod party;
pub(crate) mod remote;
pub(crate) mod sign;
pub(crate) mod stack;
