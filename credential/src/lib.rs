//! W3C Verifiable Credentials without I/O: the data model, securing mechanisms, status lists, schemas and the verdict.
//!
//! A credential goes one way through here: bytes → [`SecuredCredential::parse`] (strict JSON, structure) → evidence that the
//! caller gathers ([`verdict::Evidence`]) → [`verdict::judge`] → [`verdict::Verdict`]. Issuing goes the other way:
//! JSON → [`issuing`] (all validation first) → secured bytes.

mod any;
pub mod contexts;
pub mod issuing;
pub mod model;
pub mod problem;
pub mod rdf;
pub mod schema;
pub mod sd_jwt_vc;
pub mod securing;
pub mod selective;
pub mod status;
pub mod verdict;

pub use any::{AnyCredential, AnyError};
pub use contexts::{ContextError, Contexts, named_contexts};
pub use model::{Credential, ModelError, Presentation, Version};
pub use problem::ProblemType;
pub use sd_jwt_vc::SdJwtVc;
pub use securing::{SecuredCredential, SecuredPresentation};
pub use verdict::Verdict;
