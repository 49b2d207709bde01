//! Asks registries over HTTP and checks every proof; resolves the DID methods that verifiers meet.
//!
//! A [`Registry`] answers keyed reads, each with a proof that was checked against a pinned trust root before the caller
//! sees the value. [`HttpRegistry`] asks a node that nobody has to trust; a node offers the same trait in process.
//! [`ledger`] turns values into facts, and the [`Resolver`] turns DIDs of all supported methods into documents.

pub mod bundle;
pub mod cache;
pub mod governance;
pub mod http;
pub mod ledger;
pub mod light;
pub mod membership;
pub mod registry;
pub mod resolver;
pub mod schemas;
pub mod service;
pub mod submit;

pub use bundle::{BundleRefusal, BundleRegistry};
pub use cache::Cache;
pub use http::HttpRegistry;
pub use ledger::{AccreditationChain, Link};
pub use light::{LightClient, LightError, Place, Step, Way};
pub use membership::{LiveMember, MembershipRefusal};
pub use registry::{Proven, ReadError, Reading, Registry};
pub use resolver::{ResolveOptions, Resolver, item_state};
pub use schemas::Published;
pub use service::{Answer, Service, ServiceError};
pub use submit::{Submission, SubmitError};
