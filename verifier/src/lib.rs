//! The verifying service: gathers evidence, has `chop_credential` judge it, and answers.
//!
//! ```text
//! body → request → evidence (keys, lists, schemas, anchor, accreditations, each with proof) → judge → verdict
//! ```

mod app;
mod gather;
mod handlers;
mod judgement;
mod request;
mod session;

pub use app::{Trust, VerifierApp};
pub use handlers::{openapi, router};
