//! Makes documents: each step returns a new checked document (SPEC §4.5).

use super::{Document, DocumentError, Relationship};
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use serde_json::{Map, Value, json};

impl Document {
    /// Makes a document that says nothing.
    pub fn empty() -> Self {
        Self(Map::new())
    }

    /// Adds a Multikey verification method under a relative id such as `#key-1` and lists it under relationships.
    ///
    /// # Errors
    /// Returns [`DocumentError`] when the result breaks SPEC §4.5.
    pub fn with_key(
        &self,
        id: &str,
        key: &PublicKey,
        relationships: &[Relationship],
    ) -> Result<Self, DocumentError> {
        self.with_method(
            json!({"id": id, "type": "Multikey", "publicKeyMultibase": key.multikey()}),
            relationships,
        )
    }

    /// Adds a verification method of any allowed kind and lists it under relationships.
    ///
    /// # Errors
    /// Returns [`DocumentError`] when the result breaks SPEC §4.5.
    pub fn with_method(
        &self,
        method: Value,
        relationships: &[Relationship],
    ) -> Result<Self, DocumentError> {
        let id = method.get("id").cloned().unwrap_or_default();
        let mut members = self.0.clone();
        push(&mut members, "verificationMethod", method);
        for relationship in relationships {
            push(&mut members, relationship.as_str(), id.clone());
        }
        Self::parse(Value::Object(members))
    }

    /// Adds a service with one URI as its endpoint.
    ///
    /// # Errors
    /// Returns [`DocumentError`] when the result breaks SPEC §4.5.
    pub fn with_service(
        &self,
        id: &str,
        kind: &str,
        endpoint: &str,
    ) -> Result<Self, DocumentError> {
        let mut members = self.0.clone();
        push(
            &mut members,
            "service",
            json!({"id": id, "type": kind, "serviceEndpoint": endpoint}),
        );
        Self::parse(Value::Object(members))
    }

    /// Adds another identifier of the subject.
    ///
    /// # Errors
    /// Returns [`DocumentError`] when the result breaks SPEC §4.5.
    pub fn with_also_known_as(&self, uri: &str) -> Result<Self, DocumentError> {
        let mut members = self.0.clone();
        push(&mut members, "alsoKnownAs", json!(uri));
        Self::parse(Value::Object(members))
    }

    /// Marks a verification method as retired from a time on; it stays listed, so that what it signed before still verifies.
    ///
    /// # Errors
    /// Returns [`DocumentError::Id`] when there is no such method.
    pub fn with_revoked(&self, id: &str, since: Timestamp) -> Result<Self, DocumentError> {
        self.with_mark(id, "revoked", since)
    }

    /// Marks a verification method as compromised: nothing counts that it signed from this time on.
    ///
    /// # Errors
    /// Returns [`DocumentError::Id`] when there is no such method.
    pub fn with_compromised(&self, id: &str, since: Timestamp) -> Result<Self, DocumentError> {
        self.with_mark(id, "compromised", since)
    }

    fn with_mark(&self, id: &str, mark: &str, since: Timestamp) -> Result<Self, DocumentError> {
        let mut members = self.0.clone();
        let method = members
            .get_mut("verificationMethod")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
            .find(|method| method.get("id").and_then(Value::as_str) == Some(id))
            .ok_or_else(|| DocumentError::Id { id: id.to_owned() })?;
        method.insert(mark.to_owned(), Value::String(since.to_string()));
        Self::parse(Value::Object(members))
    }
}

fn push(members: &mut Map<String, Value>, list: &str, entry: Value) {
    if let Value::Array(entries) = members
        .entry(list)
        .or_insert_with(|| Value::Array(Vec::new()))
    {
        entries.push(entry);
    }
}
