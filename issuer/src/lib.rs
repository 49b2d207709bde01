//! The issuing service: VC-API, native calls and status lists.
//!
//! An *instance* is one issuer with one key and one suite. A credential goes one way through here: JSON → issuer and
//! data model checked → status positions taken → secured → recorded → answered, so that nothing leaves unrecorded.

mod app;
mod binding;
mod disclosing;
mod error;
mod handlers;
mod instance;
mod issue;
mod lists;
mod of_ledger;
mod secure;
mod status;
mod store;
mod suite;

pub use app::{Config, IssuerApp, OpenError};
pub use error::IssueError;
pub use handlers::{openapi, router};
pub use instance::{Instance, NameError};
pub use issue::{complete, complete_claims, uuid};
pub use secure::SecureError;
pub use status::StatusError;
pub use store::StoreError;
pub use suite::{Form, MECHANISMS, Mechanism, Suite, SuiteError};
