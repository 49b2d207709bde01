//! Resolution and dereferencing errors: type URIs, titles and HTTP statuses (DID Resolution, Errors and HTTPS binding).

use crate::chop::ChopDidError;
use crate::did::{DidError, DidUrlError};
use serde_json::{Value, json};
use std::fmt;

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The DID is malformed.
    InvalidDid,
    /// The DID URL is malformed.
    InvalidDidUrl,
    /// An option is malformed, or two exclude each other.
    InvalidOptions,
    /// There is no such DID, version or resource.
    NotFound,
    /// The requested representation is not offered.
    RepresentationNotSupported,
    /// The method is not resolved here.
    MethodNotSupported,
    /// The method is resolved here, but not this option of it.
    FeatureNotSupported,
    /// The document that was found is malformed or not the DID's.
    InvalidDidDocument,
    /// The DID is on a ledger for which this resolver pins no trust root.
    LedgerNotSupported,
    /// Something failed that is not the caller's fault.
    Internal,
    /// did:key: the key has the wrong length for its type.
    InvalidPublicKeyLength,
    /// did:key: the bytes are no point of the curve.
    InvalidPublicKey,
    /// did:key: the key type or format is not known here.
    UnsupportedPublicKeyType,
    /// did:key: the format does not fit the key, or is experimental.
    InvalidPublicKeyType,
    /// What the fragment names is no verification method.
    InvalidVerificationMethod,
    /// The verification method does not serve the relationship asked for.
    InvalidRelationship,
}

/// An error of resolution or dereferencing, as it is shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolutionError {
    kind: ErrorKind,
    detail: String,
    unproven: bool,
    proof: Vec<Value>,
}

impl ErrorKind {
    /// Returns the type URI of the error object (RFC 9457).
    pub const fn type_uri(self) -> &'static str {
        match self {
            Self::InvalidDid => "https://www.w3.org/ns/did#INVALID_DID",
            Self::InvalidDidUrl => "https://www.w3.org/ns/did#INVALID_DID_URL",
            Self::InvalidOptions => "https://www.w3.org/ns/did#INVALID_OPTIONS",
            Self::NotFound => "https://www.w3.org/ns/did#NOT_FOUND",
            Self::RepresentationNotSupported => {
                "https://www.w3.org/ns/did#REPRESENTATION_NOT_SUPPORTED"
            }
            Self::MethodNotSupported => "https://www.w3.org/ns/did#METHOD_NOT_SUPPORTED",
            Self::FeatureNotSupported => "https://www.w3.org/ns/did#FEATURE_NOT_SUPPORTED",
            Self::InvalidDidDocument => "https://www.w3.org/ns/did#INVALID_DID_DOCUMENT",
            Self::LedgerNotSupported => "https://w3id.org/chopmark#LEDGER_NOT_SUPPORTED",
            Self::Internal => "https://www.w3.org/ns/did#INTERNAL_ERROR",
            Self::InvalidPublicKeyLength => "https://www.w3.org/ns/did#invalidPublicKeyLength",
            Self::InvalidPublicKey => "https://www.w3.org/ns/did#invalidPublicKey",
            Self::UnsupportedPublicKeyType => "https://www.w3.org/ns/did#unsupportedPublicKeyType",
            Self::InvalidPublicKeyType => "https://www.w3.org/ns/did#invalidPublicKeyType",
            Self::InvalidVerificationMethod => {
                "https://w3id.org/security#INVALID_VERIFICATION_METHOD"
            }
            Self::InvalidRelationship => {
                "https://w3id.org/security#INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD"
            }
        }
    }

    /// Returns the string that drafts before error objects used, for example `invalidDid`.
    pub const fn legacy(self) -> &'static str {
        match self {
            Self::InvalidDid => "invalidDid",
            Self::InvalidDidUrl => "invalidDidUrl",
            Self::InvalidOptions => "invalidOptions",
            Self::NotFound => "notFound",
            Self::RepresentationNotSupported => "representationNotSupported",
            Self::MethodNotSupported => "methodNotSupported",
            Self::FeatureNotSupported => "featureNotSupported",
            Self::InvalidDidDocument => "invalidDidDocument",
            Self::LedgerNotSupported => "ledgerNotSupported",
            Self::Internal => "internalError",
            Self::InvalidPublicKeyLength => "invalidPublicKeyLength",
            Self::InvalidPublicKey => "invalidPublicKey",
            Self::UnsupportedPublicKeyType => "unsupportedPublicKeyType",
            Self::InvalidPublicKeyType => "invalidPublicKeyType",
            Self::InvalidVerificationMethod => "invalidVerificationMethod",
            Self::InvalidRelationship => "invalidRelationshipForVerificationMethod",
        }
    }

    /// Returns a short title for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidDid => "The DID is invalid",
            Self::InvalidDidUrl => "The DID URL is invalid",
            Self::InvalidOptions => "The options are invalid",
            Self::NotFound => "Not found",
            Self::RepresentationNotSupported => "The representation is not supported",
            Self::MethodNotSupported => "The DID method is not supported",
            Self::FeatureNotSupported => "The feature is not supported",
            Self::InvalidDidDocument => "The DID document is invalid",
            Self::LedgerNotSupported => "The ledger is not known here",
            Self::Internal => "Something failed here",
            Self::InvalidPublicKeyLength => "The public key has the wrong length",
            Self::InvalidPublicKey => "The public key is invalid",
            Self::UnsupportedPublicKeyType => "The public key type is not supported",
            Self::InvalidPublicKeyType => "The public key type does not fit",
            Self::InvalidVerificationMethod => "This is no verification method",
            Self::InvalidRelationship => "The verification method does not serve this relationship",
        }
    }

    /// Returns the HTTP status of the DID Resolution binding; the did:key errors refine `INVALID_DID` and share its 400.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidDid
            | Self::InvalidDidUrl
            | Self::InvalidOptions
            | Self::InvalidPublicKeyLength
            | Self::InvalidPublicKey
            | Self::UnsupportedPublicKeyType
            | Self::InvalidPublicKeyType
            | Self::InvalidVerificationMethod
            | Self::InvalidRelationship => 400,
            Self::NotFound => 404,
            Self::RepresentationNotSupported => 406,
            Self::InvalidDidDocument | Self::Internal => 500,
            Self::MethodNotSupported | Self::FeatureNotSupported | Self::LedgerNotSupported => 501,
        }
    }
}

impl ResolutionError {
    /// Makes an error with a sentence for the caller.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            unproven: false,
            proof: Vec::new(),
        }
    }

    /// Says that a ledger could prove this error, and did not (SPEC §13.6).
    #[must_use]
    pub fn unproven(mut self) -> Self {
        self.unproven = true;
        self
    }

    /// Tells that a ledger could prove this error, and did not.
    pub const fn is_unproven(&self) -> bool {
        self.unproven
    }

    /// Adds what proves the error.
    #[must_use]
    pub fn proven_by(mut self, proof: Vec<Value>) -> Self {
        self.proof = proof;
        self
    }

    /// Returns the kind.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the sentence for the caller.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the HTTP status.
    pub const fn status(&self) -> u16 {
        self.kind.status()
    }

    /// Returns the error object (RFC 9457).
    pub fn to_object(&self) -> Value {
        let mut object = json!({"type": self.kind.type_uri(), "title": self.kind.title(), "detail": self.detail});
        if let (true, Some(members)) = (self.unproven, object.as_object_mut()) {
            members.insert("unproven".to_owned(), Value::Bool(true));
        }
        object
    }

    /// Returns the resolution result as JSON: `application/did-resolution`.
    pub fn to_result(&self) -> Value {
        let mut metadata = json!({});
        if let (false, Some(members)) = (self.proof.is_empty(), metadata.as_object_mut()) {
            members.insert("proof".to_owned(), Value::Array(self.proof.clone()));
        }
        json!({"didResolutionMetadata": {"error": self.to_object()}, "didDocument": null, "didDocumentMetadata": metadata})
    }

    /// Returns the dereferencing result as JSON: `application/did-url-dereferencing`.
    pub fn to_dereferencing_result(&self) -> Value {
        json!({"dereferencingMetadata": {"error": self.to_object()}, "contentStream": null, "contentMetadata": {}})
    }
}

impl fmt::Display for ResolutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.legacy(), self.detail)
    }
}

impl std::error::Error for ResolutionError {}

impl From<DidError> for ResolutionError {
    fn from(error: DidError) -> Self {
        Self::new(ErrorKind::InvalidDid, error.to_string())
    }
}

impl From<ChopDidError> for ResolutionError {
    fn from(error: ChopDidError) -> Self {
        Self::new(ErrorKind::InvalidDid, error.to_string())
    }
}

impl From<DidUrlError> for ResolutionError {
    fn from(error: DidUrlError) -> Self {
        let kind = match error {
            DidUrlError::Did(_) => ErrorKind::InvalidDid,
            DidUrlError::TwoVersions => ErrorKind::InvalidOptions,
            _ => ErrorKind::InvalidDidUrl,
        };
        Self::new(kind, error.to_string())
    }
}
