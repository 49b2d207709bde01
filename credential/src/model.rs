//! The data model: VCDM 2.0, and 1.1 for verifying.

mod credential;
mod error;
mod plain;
mod presentation;
mod rules;
mod structure;
#[cfg(test)]
mod tests;

pub(crate) use credential::strings;
pub use credential::{Credential, RelatedResource, SchemaReference};
pub use error::ModelError;
pub(crate) use plain::{Written, has_type};
pub use presentation::{Held, Presentation};
pub(crate) use presentation::{envelope, is_envelope};
pub(crate) use rules::{is_url, kind};

/// Is a version of the data model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Verifiable Credentials Data Model 1.1; accepted for verifying.
    V1,
    /// Verifiable Credentials Data Model 2.0.
    V2,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V1 => "1.1",
            Self::V2 => "2.0",
        })
    }
}

impl Version {
    /// The URL of the context that comes first.
    pub const fn base_context(self) -> &'static str {
        match self {
            Self::V1 => "https://www.w3.org/2018/credentials/v1",
            Self::V2 => "https://www.w3.org/ns/credentials/v2",
        }
    }
}
