//! The results and errors of W3C DID Resolution, for every method that is resolved here (SPEC §7).

mod chop;
mod dereference;
mod error;
mod metadata;

#[cfg(test)]
mod tests;

pub use chop::{Version, resolve_chop, resolve_chop_version, version_at};
pub use dereference::{Dereferenced, dereference};
pub use error::{ErrorKind, ResolutionError};
pub use metadata::DocumentMetadata;

use crate::did::DidUrl;
use chop_integrity::Timestamp;
use serde_json::{Value, json};

/// The media type of a DID document.
pub const DID_MEDIA_TYPE: &str = "application/did";

/// A successful resolution; a deactivated DID has metadata and no document.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The document with absolute ids; `None` when the DID is deactivated.
    pub document: Option<Value>,
    /// What is known about the document.
    pub metadata: DocumentMetadata,
    /// The media type of the document.
    pub content_type: &'static str,
}

/// Which version of a document is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Selector {
    /// The current one.
    #[default]
    Latest,
    /// The one with this `versionId`.
    Id(String),
    /// The one in force at this time.
    Time(Timestamp),
}

impl Resolved {
    /// Wraps a document of a method without versions.
    pub fn of_document(document: Value) -> Self {
        Self {
            document: Some(document),
            metadata: DocumentMetadata::default(),
            content_type: DID_MEDIA_TYPE,
        }
    }

    /// Returns the HTTP status: 200, or 410 for a deactivated DID (DID Resolution, HTTPS binding).
    pub fn status(&self) -> u16 {
        if self.metadata.deactivated == Some(true) {
            410
        } else {
            200
        }
    }

    /// Returns the resolution result as JSON: `application/did-resolution`.
    pub fn to_result(&self) -> Value {
        json!({
            "didResolutionMetadata": {"contentType": self.content_type},
            "didDocument": self.document,
            "didDocumentMetadata": self.metadata.to_json(),
        })
    }
}

impl Selector {
    /// Reads `versionId` or `versionTime`, which exclude each other.
    ///
    /// # Errors
    /// Returns an `INVALID_OPTIONS` error when both are given or the time is malformed.
    pub fn new(
        version_id: Option<&str>,
        version_time: Option<&str>,
    ) -> Result<Self, ResolutionError> {
        match (version_id, version_time) {
            (None, None) => Ok(Self::Latest),
            (Some(id), None) => Ok(Self::Id(id.to_owned())),
            (None, Some(time)) => Timestamp::parse_xml(time).map(Self::Time).map_err(|_| {
                ResolutionError::new(
                    ErrorKind::InvalidOptions,
                    "versionTime is no XML Schema dateTime",
                )
            }),
            (Some(_), Some(_)) => Err(ResolutionError::new(
                ErrorKind::InvalidOptions,
                "versionId and versionTime exclude each other",
            )),
        }
    }

    /// Reads the selection from the query of a DID URL.
    ///
    /// # Errors
    /// Returns an `INVALID_OPTIONS` error when the time is malformed.
    pub fn of_url(url: &DidUrl) -> Result<Self, ResolutionError> {
        Self::new(url.parameter("versionId"), url.parameter("versionTime"))
    }

    /// Refuses a selection on behalf of a method that keeps no versions.
    ///
    /// # Errors
    /// Returns a `FEATURE_NOT_SUPPORTED` error for anything but the latest version.
    pub fn refuse_versions(&self, method: &str) -> Result<(), ResolutionError> {
        match self {
            Self::Latest => Ok(()),
            _ => Err(ResolutionError::new(
                ErrorKind::FeatureNotSupported,
                format!("did:{method} keeps no versions"),
            )),
        }
    }
}
