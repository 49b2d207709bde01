//! Problem types: the URIs by which a refusal names its kind.

use serde::{Deserialize, Serialize};

/// Names the kind of a problem; its URI comes from the W3C vocabularies where they have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProblemType {
    /// The bytes do not parse (VC Data Model 2.0 §7.3).
    #[serde(rename = "https://www.w3.org/TR/vc-data-model#PARSING_ERROR")]
    Parsing,
    /// A securing mechanism does not hold (VC Data Model 2.0 §7.3).
    #[serde(rename = "https://www.w3.org/TR/vc-data-model#CRYPTOGRAPHIC_SECURITY_ERROR")]
    CryptographicSecurity,
    /// A value has not the form that the data model asks for (VC Data Model 2.0 §7.3).
    #[serde(rename = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR")]
    MalformedValue,
    /// A value lies outside its range (VC Data Model 2.0 §7.3).
    #[serde(rename = "https://www.w3.org/TR/vc-data-model#RANGE_ERROR")]
    Range,
    /// A proof does not verify (VC Data Integrity 1.0 §4.7).
    #[serde(rename = "https://w3id.org/security#PROOF_VERIFICATION_ERROR")]
    ProofVerification,
    /// The proof's domain is not the expected one (VC Data Integrity 1.0 §4.7).
    #[serde(rename = "https://w3id.org/security#INVALID_DOMAIN_ERROR")]
    InvalidDomain,
    /// The proof's challenge is not the expected one (VC Data Integrity 1.0 §4.7).
    #[serde(rename = "https://w3id.org/security#INVALID_CHALLENGE_ERROR")]
    InvalidChallenge,
    /// The verification method is not what it must be (Controlled Identifiers 1.0 §3.5).
    #[serde(rename = "https://w3id.org/security#INVALID_VERIFICATION_METHOD")]
    InvalidVerificationMethod,
    /// The verification method's controller does not list it for the purpose (Controlled Identifiers 1.0 §3.5).
    #[serde(rename = "https://w3id.org/security#INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD")]
    InvalidRelationship,
    /// A status list could not be fetched (Bitstring Status List 1.0 §3.5).
    #[serde(rename = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR")]
    StatusRetrieval,
    /// A status list could not be verified (Bitstring Status List 1.0 §3.5).
    #[serde(rename = "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR")]
    StatusVerification,
    /// A status list is too short (Bitstring Status List 1.0 §3.5).
    #[serde(rename = "https://www.w3.org/ns/credentials/status-list#STATUS_LIST_LENGTH_ERROR")]
    StatusListLength,
    /// A status index lies outside its list (Bitstring Status List 1.0 §3.5).
    #[serde(rename = "https://www.w3.org/ns/credentials/status-list#RANGE_ERROR")]
    StatusRange,
    /// A JSON-LD context is not known here.
    #[serde(rename = "urn:chopmark:problem:unknown-context")]
    UnknownContext,
    /// The status says that the credential does not hold.
    #[serde(rename = "urn:chopmark:problem:status-set")]
    StatusSet,
    /// The credential is not yet, or no longer, valid.
    #[serde(rename = "urn:chopmark:problem:outside-validity")]
    OutsideValidity,
    /// The signing key does not belong to the issuer.
    #[serde(rename = "urn:chopmark:problem:issuer-binding")]
    IssuerBinding,
    /// The signing key was not valid when it signed.
    #[serde(rename = "urn:chopmark:problem:key-not-valid")]
    KeyNotValid,
    /// When the signature was made cannot be established, and it matters.
    #[serde(rename = "urn:chopmark:problem:undatable")]
    Undatable,
    /// The presenter is not the subject, nor confirmed by it.
    #[serde(rename = "urn:chopmark:problem:holder-binding")]
    HolderBinding,
    /// The JSON Schema that the credential names does not hold.
    #[serde(rename = "urn:chopmark:problem:schema")]
    Schema,
    /// A related resource differs from its digest.
    #[serde(rename = "urn:chopmark:problem:related-resource")]
    RelatedResource,
    /// The issuer is not accredited for what it issued.
    #[serde(rename = "urn:chopmark:problem:not-accredited")]
    NotAccredited,
    /// The credential is not anchored, or anchored by somebody else.
    #[serde(rename = "urn:chopmark:problem:anchor")]
    Anchor,
    /// The credential was transcribed, and the policy does not accept that.
    #[serde(rename = "urn:chopmark:problem:transcribed")]
    Transcribed,
    /// What the check needs could not be had.
    #[serde(rename = "urn:chopmark:problem:evidence-unavailable")]
    EvidenceUnavailable,
}

impl ProblemType {
    /// Returns the URI.
    pub fn uri(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(uri)) => uri,
            _ => String::new(),
        }
    }
}
