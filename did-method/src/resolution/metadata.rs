//! DID document metadata (DID Resolution, DID Document Metadata; SPEC §7.3).

use chop_integrity::Timestamp;
use serde_json::{Map, Value, json};

/// What is known about a resolved document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentMetadata {
    /// When the DID was created.
    pub created: Option<Timestamp>,
    /// When this version was made; absent for the first.
    pub updated: Option<Timestamp>,
    /// Whether the DID has ended; absent where the method cannot know or the version is an earlier one.
    pub deactivated: Option<bool>,
    /// The name of this version.
    pub version_id: Option<String>,
    /// The exact time of this version, in milliseconds.
    pub version_time: Option<Timestamp>,
    /// The name of the version after this one.
    pub next_version_id: Option<String>,
    /// When the version after this one was made.
    pub next_update: Option<Timestamp>,
    /// Other DIDs that the method guarantees to be the same subject.
    pub equivalent_id: Vec<String>,
    /// Proofs that the ledger says this; filled in by who reads the ledger.
    pub proof: Vec<Value>,
    /// What the method says beside this, under the method's own names.
    pub method: Map<String, Value>,
}

impl DocumentMetadata {
    /// Returns the JSON form; times without fractions of a second, as DID Resolution asks, except `versionTime`.
    pub fn to_json(&self) -> Value {
        let mut out = self.method.clone();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                out.insert(name.to_owned(), value);
            }
        };
        let seconds = |time: Timestamp| Value::String(time.to_seconds_text());
        put("created", self.created.map(seconds));
        put("updated", self.updated.map(seconds));
        put("deactivated", self.deactivated.map(Value::Bool));
        put("versionId", self.version_id.clone().map(Value::String));
        put(
            "versionTime",
            self.version_time
                .map(|time| Value::String(time.to_string())),
        );
        put(
            "nextVersionId",
            self.next_version_id.clone().map(Value::String),
        );
        put("nextUpdate", self.next_update.map(seconds));
        put(
            "equivalentId",
            (!self.equivalent_id.is_empty()).then(|| json!(self.equivalent_id)),
        );
        put(
            "proof",
            (!self.proof.is_empty()).then(|| Value::Array(self.proof.clone())),
        );
        Value::Object(out)
    }
}
