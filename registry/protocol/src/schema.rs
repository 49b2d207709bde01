//! Schemas: JSON Schemas and JSON-LD contexts that everybody who reads the ledger shares, immutable per version.
//!
//! The body itself is committed state (ADR 0009): what an issuer signs against and a verifier checks against must be provable
//! from the same header as keys and accreditations, and no node may have to fetch anything to judge. 64 KiB bound what that
//! costs, and the tree holds only the body's hash. Its value under [`crate::keys::schema_body`] is the JCS form of the document,
//! so that the state's bytes are the very bytes whose SHA-256 is the digest.
//!
//! ```text
//! name     ──▶ Schema         who owns it, what it is, its versions
//! version  ──▶ SchemaVersion  the digest, and whether it is deprecated
//! digest   ──▶ the document   and the versions that publish it
//! ```

use chop_did::ChopDid;
use chop_integrity::json::{self, JsonError, Limits};
use chop_integrity::{Hash, Timestamp, canonicalize};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bounds of a document: 64 KiB in canonical form, 32 levels.
pub const BODY_LIMITS: Limits = Limits {
    max_bytes: 64 * 1024,
    max_depth: 32,
};
/// Most versions of one name.
pub const MAX_VERSIONS: usize = 256;
/// Most publications that are remembered of one document; a later one is no less valid, only not listed.
pub const MAX_USES: usize = 16;
/// Longest name in characters.
const NAME_MAX: usize = 64;
/// Largest part of a version.
const PART_MAX: u32 = 999_999;
/// Longest reason of a deprecation in bytes.
const REASON_MAX: usize = 256;

/// Says why a word about schemas is not one of the protocol's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaTermError {
    /// Not 3 to 64 lower-case letters, digits and inner hyphens after a letter.
    #[error(
        "a schema's name is 3 to {NAME_MAX} lower-case letters, digits and single inner hyphens, and begins with a letter"
    )]
    Name,
    /// Not `x.y.z` without leading zeros.
    #[error(
        "a schema's version is x.y.z of numbers up to {PART_MAX} without leading zeros, such as 1.0.0"
    )]
    Version,
    /// Empty, too long, or with control characters.
    #[error("a reason is 1 to {REASON_MAX} bytes of text without control characters")]
    Reason,
    /// Not JSON, too large or too deep.
    #[error("a schema's body is outside its bounds: {0}")]
    Json(#[from] JsonError),
    /// The text is not its own canonical form, or no object.
    #[error("a schema's body is a JSON object in its canonical form (RFC 8785)")]
    NotCanonical,
}

/// What a schema is called: lower-case, safe in URLs and state keys, such as `quality-inspection`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchemaName(String);

impl SchemaName {
    /// Parses a name.
    ///
    /// # Errors
    /// Returns [`SchemaTermError::Name`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SchemaTermError> {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let good = (3..=NAME_MAX).contains(&text.len())
            && text.chars().all(known)
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && !text.ends_with('-')
            && !text.contains("--");
        good.then(|| Self(text.to_owned()))
            .ok_or(SchemaTermError::Name)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which version: a core version of Semantic Versioning 2.0.0 (§2), ordered by it (§11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SemVer {
    /// Changes when what held before may hold no longer.
    pub major: u32,
    /// Changes when more is said or allowed.
    pub minor: u32,
    /// Changes for corrections.
    pub patch: u32,
}

impl SemVer {
    /// Parses `x.y.z`.
    ///
    /// # Errors
    /// Returns [`SchemaTermError::Version`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SchemaTermError> {
        let part = |text: &str| {
            let canonical = text == "0" || !text.starts_with('0');
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|part| *part <= PART_MAX);
            number.filter(|_| canonical && digits)
        };
        let parts: Option<Vec<u32>> = text.splitn(4, '.').map(part).collect();
        match parts.as_deref() {
            Some([major, minor, patch]) => Ok(Self {
                major: *major,
                minor: *minor,
                patch: *patch,
            }),
            _ => Err(SchemaTermError::Version),
        }
    }
}

impl fmt::Display for SemVer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why a version is deprecated, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeprecationReason(String);

impl DeprecationReason {
    /// Parses 1 to 256 bytes of text without control characters.
    ///
    /// # Errors
    /// Returns [`SchemaTermError::Reason`] for any other text.
    pub fn parse(text: &str) -> Result<Self, SchemaTermError> {
        let good = (1..=REASON_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        good.then(|| Self(text.to_owned()))
            .ok_or(SchemaTermError::Reason)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeprecationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of document a schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaKind {
    /// A JSON Schema of the dialect 2020-12.
    JsonSchema,
    /// A JSON-LD 1.1 context.
    JsonLdContext,
}

impl SchemaKind {
    /// Returns the media type of such a document: JSON Schema 2020-12 §14, JSON-LD 1.1 appendix C.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::JsonSchema => "application/schema+json",
            Self::JsonLdContext => "application/ld+json",
        }
    }

    /// Returns the word of the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonSchema => "json-schema",
            Self::JsonLdContext => "json-ld-context",
        }
    }
}

/// A document in its canonical form, within [`BODY_LIMITS`].
///
/// It travels as text, so that an envelope, which has integers only, can carry the `1.1` of a context and a schema's fractions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchemaBody {
    text: String,
    members: Map<String, Value>,
}

impl SchemaBody {
    /// Checks a text that is a JSON object in its canonical form.
    ///
    /// # Errors
    /// Returns [`SchemaTermError`] when it is something else, or outside the bounds.
    pub fn parse(text: &str) -> Result<Self, SchemaTermError> {
        let parsed = json::parse(text.as_bytes(), &BODY_LIMITS)?;
        let canonical = canonicalize(&parsed).map_err(|_| SchemaTermError::NotCanonical)?;
        match parsed {
            Value::Object(members) if canonical == text.as_bytes() => Ok(Self {
                text: text.to_owned(),
                members,
            }),
            _ => Err(SchemaTermError::NotCanonical),
        }
    }

    /// Brings a JSON object into its canonical form.
    ///
    /// # Errors
    /// Returns [`SchemaTermError`] when it is none, or outside the bounds.
    pub fn canonical(value: &Value) -> Result<Self, SchemaTermError> {
        let bytes = canonicalize(value).map_err(|_| SchemaTermError::NotCanonical)?;
        let text = String::from_utf8(bytes).map_err(|_| SchemaTermError::NotCanonical)?;
        Self::parse(&text)
    }

    /// Returns the canonical text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the members of the document.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// Returns the digest of the canonical form.
    pub fn digest(&self) -> Hash {
        schema_digest(self.text.as_bytes())
    }
}

/// Reads and writes a type as its text, through its own parser.
macro_rules! as_text {
    ($($name:ty),+) => {$(
        impl TryFrom<String> for $name {
            type Error = SchemaTermError;

            fn try_from(text: String) -> Result<Self, SchemaTermError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(term: $name) -> Self {
                term.to_string()
            }
        }
    )+};
}

as_text!(SchemaName, SemVer, DeprecationReason);

impl TryFrom<String> for SchemaBody {
    type Error = SchemaTermError;

    fn try_from(text: String) -> Result<Self, SchemaTermError> {
        Self::parse(&text)
    }
}

impl From<SchemaBody> for String {
    fn from(body: SchemaBody) -> Self {
        body.text
    }
}

/// Digests the canonical form of a document: plain SHA-256, without a tag, so that any tool can compute it.
pub fn schema_digest(canonical: &[u8]) -> Hash {
    Hash::from_bytes(Sha256::digest(canonical).into())
}

/// Finds the digest that a URL ends in, as credentials name documents of a ledger: `https://any.host/schemas/{digest}`.
///
/// The host does not matter, for the digest says which document is meant: verifiers read it from the ledger, everybody else
/// from any node. A query or fragment makes it another URL.
pub fn digest_of_url(url: &str) -> Option<Hash> {
    let (base, digest) = url.rsplit_once('/')?;
    let host = base.strip_suffix("/schemas")?;
    let host = host
        .strip_prefix("https://")
        .or_else(|| host.strip_prefix("http://"))?;
    if host.is_empty() || host.contains(['?', '#']) {
        return None;
    }
    // A digest has one spelling, so that a document has one URL at each host.
    let parsed: Hash = digest.parse().ok()?;
    (parsed.to_string() == digest).then_some(parsed)
}

/// Names one version of a schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchemaRef {
    /// The schema's name.
    pub name: SchemaName,
    /// Its version.
    pub version: SemVer,
}

impl SchemaRef {
    /// Parses `name@version`.
    ///
    /// # Errors
    /// Returns [`SchemaTermError`] when it is something else.
    pub fn parse(text: &str) -> Result<Self, SchemaTermError> {
        let (name, version) = text.split_once('@').ok_or(SchemaTermError::Version)?;
        Ok(Self {
            name: SchemaName::parse(name)?,
            version: SemVer::parse(version)?,
        })
    }
}

impl fmt::Display for SchemaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}

/// A name with its versions, as stored under [`crate::keys::schema`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schema {
    /// The name.
    pub name: SchemaName,
    /// What kind of document each version is.
    pub kind: SchemaKind,
    /// The DID that published the first version; nobody else publishes or deprecates others.
    pub owner: ChopDid,
    /// Header time of the first version.
    pub time: Timestamp,
    /// Height of the first version.
    pub height: u64,
    /// The versions, ascending, at most [`MAX_VERSIONS`].
    pub versions: Vec<SemVer>,
}

/// One version, as stored under [`crate::keys::schema_version`]; nothing of it ever changes but that it may be deprecated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchemaVersion {
    /// The name.
    pub name: SchemaName,
    /// The version.
    pub version: SemVer,
    /// What kind of document it is.
    pub kind: SchemaKind,
    /// Who published it.
    pub owner: ChopDid,
    /// SHA-256 of the document's canonical form: see [`schema_digest`].
    pub digest: Hash,
    /// Length of the canonical form in bytes.
    pub size: u32,
    /// Header time of the publication.
    pub time: Timestamp,
    /// Height of the publication.
    pub height: u64,
    /// That it should not be used for new credentials; absent while it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecation>,
}

/// That a version should not be used for new credentials; old ones stay good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deprecation {
    /// Header time of the deprecation.
    pub time: Timestamp,
    /// Height of the deprecation.
    pub height: u64,
    /// Why, when the owner said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeprecationReason>,
    /// What takes its place, when the owner said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<SchemaRef>,
}

/// Says whether a document is deprecated, given the versions that publish it: when every one of them is, by the last one's word.
///
/// As the list of publications is bounded, a full one may not be all, and says nothing.
pub fn deprecation_of(publications: &[SchemaVersion]) -> Option<&Deprecation> {
    if publications.len() >= MAX_USES {
        return None;
    }
    let said: Option<Vec<&Deprecation>> = publications
        .iter()
        .map(|version| version.deprecated.as_ref())
        .collect();
    said?
        .into_iter()
        .max_by_key(|deprecation| deprecation.height)
}

/// Publishes a version of a schema; the first one makes the actor the owner of the name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PublishSchema {
    /// The name.
    pub name: SchemaName,
    /// The version, greater than every one before.
    pub version: SemVer,
    /// What kind of document it is.
    pub kind: SchemaKind,
    /// The document. Its digest and size follow from it, so that they cannot disagree with it.
    pub body: SchemaBody,
}

/// Deprecates a version of a schema that the actor owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeprecateSchema {
    /// The name.
    pub name: SchemaName,
    /// The version.
    pub version: SemVer,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeprecationReason>,
    /// What takes its place: a version of the same kind, by any owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<SchemaRef>,
}

#[cfg(test)]
mod tests;
