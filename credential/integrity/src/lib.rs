//! Strict JSON, JCS and the jcs cryptosuites of W3C Data Integrity.
//!
//! Everything that is hashed or signed as JSON goes through here: [`json`] reads what comes from outside,
//! [`canonicalize`] writes RFC 8785, [`proof`] makes and checks `eddsa-jcs-2022` and `ecdsa-jcs-2019`.

mod hash;
mod jcs;
pub mod json;
pub mod proof;
mod timestamp;

pub use hash::{Hash, HashError};
pub use jcs::{JcsError, canonicalize, canonicalize_members, escape_into};
pub use timestamp::{Timestamp, TimestampError};
