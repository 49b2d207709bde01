//! The document of a did:chop DID as it is signed and stored: relative ids, no `id`, no proof (SPEC §4.5, §5).

mod absolute;
mod edit;
mod history;
mod lookup;
mod material;
mod validate;

#[cfg(test)]
mod tests;

pub use absolute::{COMPROMISED_IRI, DID_V1, JWK_V1, MULTIKEY_V1};
pub(crate) use history::{History, Voice, check_history};
pub use lookup::{Invalid, LookupError, Relationship, VerificationMethod, verification_method};

use chop_integrity::{Hash, Timestamp};
use chop_keys::PublicKey;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The domain tag of a document hash.
pub const DOCUMENT_TAG: &str = "chop/document/v1";
/// The most bytes that a document may have in JCS form, its `revoked` and `compromised` marks not counted.
pub const MAX_DOCUMENT_BYTES: usize = 4_608;
/// The most verification methods.
pub const MAX_METHODS: usize = 24;
/// The most services.
pub const MAX_SERVICES: usize = 16;
/// The most entries of `alsoKnownAs`.
pub const MAX_ALSO_KNOWN_AS: usize = 16;

/// A document that satisfies SPEC §4.5, with ids such as `#key-1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(Map<String, Value>);

/// Says which rule of SPEC §4.5 a document breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The document or one of its parts is of the wrong JSON type.
    #[error("{member} of the document is not {expected}")]
    Type {
        /// Where.
        member: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A member that a stored document does not have.
    #[error("{place} has a member {member:?} that is not allowed there")]
    Member {
        /// Where: `document`, `verificationMethod` or `service`.
        place: &'static str,
        /// The member's name.
        member: String,
    },
    /// Too many entries.
    #[error("{member} has {count} entries, more than {max}")]
    Count {
        /// The member.
        member: &'static str,
        /// How many entries it has.
        count: usize,
        /// How many it may have.
        max: usize,
    },
    /// The document is too large.
    #[error("the document has {bytes} bytes without its marks, more than {MAX_DOCUMENT_BYTES}")]
    Size {
        /// Its JCS size without marks.
        bytes: usize,
    },
    /// An id is not a relative fragment of 1 to 64 unreserved characters.
    #[error("{id:?} is no relative id such as \"#key-1\"")]
    Id {
        /// The id.
        id: String,
    },
    /// Two parts share an id, or a list repeats an entry.
    #[error("{id:?} occurs more than once")]
    Duplicate {
        /// What repeats.
        id: String,
    },
    /// A verification method's key material is malformed or of a kind that a document may not hold.
    #[error("verification method {id} has malformed key material: {reason}")]
    Material {
        /// The method's id.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A time is not in canonical millisecond form.
    #[error(
        "verification method {id} has a {member} that is no time of the form YYYY-MM-DDThh:mm:ss.sssZ"
    )]
    Time {
        /// The method's id.
        id: String,
        /// `revoked`, `expires` or `compromised`.
        member: &'static str,
    },
    /// A relationship names no method of this document, or one whose key cannot serve it.
    #[error("{relationship} refers to {id:?}, which cannot serve it")]
    Reference {
        /// The relationship.
        relationship: &'static str,
        /// What it refers to.
        id: String,
    },
    /// A string that must be an absolute URI is none.
    #[error("{member} holds {text:?}, which is no absolute URI")]
    Uri {
        /// Where.
        member: &'static str,
        /// The string.
        text: String,
    },
}

impl Document {
    /// Parses and checks a document with relative ids.
    ///
    /// # Errors
    /// Returns [`DocumentError`], which says what rule of SPEC §4.5 is broken.
    pub fn parse(value: Value) -> Result<Self, DocumentError> {
        validate::check(&value)?;
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(DocumentError::Type {
                member: "document",
                expected: "an object",
            }),
        }
    }

    /// Returns the stored members.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Hashes the document: SHA-256(`chop/document/v1` ‖ JCS(document)).
    ///
    /// # Errors
    /// Returns the JCS error; a parsed document has none.
    pub fn hash(&self) -> Result<Hash, chop_integrity::JcsError> {
        Hash::of_json(DOCUMENT_TAG, &self.0)
    }

    /// Tells that a signing key is listed under a relationship and counts at a time (SPEC §5.4).
    pub fn grants(&self, relationship: Relationship, key: &PublicKey, at: Timestamp) -> bool {
        let listed = |id: &str| {
            self.references(relationship)
                .any(|reference| reference == id)
        };
        let multikey = key.multikey();
        self.methods().any(|method| {
            method.get("id").and_then(Value::as_str).is_some_and(listed)
                && material::holds(method, key, &multikey)
                && lookup::Times::read(method).is_some_and(|times| times.check(at).is_ok())
        })
    }

    fn methods(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.0
            .get("verificationMethod")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
    }

    fn references(&self, relationship: Relationship) -> impl Iterator<Item = &str> {
        self.0
            .get(relationship.as_str())
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }
}
