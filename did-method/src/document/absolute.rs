//! The document as a resolver emits it: absolute ids and canonical contexts (SPEC §7.2).

use super::{Document, Relationship};
use crate::chop::ChopDid;
use serde_json::{Map, Value, json};

/// The base context of DID documents.
pub const DID_V1: &str = "https://www.w3.org/ns/did/v1";
/// The context that defines `Multikey`, `revoked` and `expires`.
pub const MULTIKEY_V1: &str = "https://w3id.org/security/multikey/v1";
/// The context that defines `JsonWebKey`.
pub const JWK_V1: &str = "https://w3id.org/security/jwk/v1";
/// The term that this method adds: the time from which nothing counts that a key signed.
pub const COMPROMISED_IRI: &str = "https://w3id.org/chopmark#compromised";

impl Document {
    /// Emits the document of `did` with absolute ids, its controller (when it has one) and its contexts.
    pub fn absolute(&self, did: &ChopDid, controller: Option<&ChopDid>) -> Value {
        let did = did.to_string();
        let mut out = Map::new();
        out.insert("@context".to_owned(), self.contexts());
        out.insert("id".to_owned(), Value::String(did.clone()));
        if let Some(controller) = controller {
            out.insert(
                "controller".to_owned(),
                Value::String(controller.to_string()),
            );
        }
        for (name, value) in &self.0 {
            out.insert(name.clone(), absolute_member(name, value, &did));
        }
        Value::Object(out)
    }

    /// Lists the contexts that define what this document uses, always in the same order.
    fn contexts(&self) -> Value {
        let of_type = |name: &str| {
            self.methods()
                .any(|method| method.get("type").and_then(Value::as_str) == Some(name))
        };
        let mut contexts = vec![json!(DID_V1)];
        if of_type("Multikey") {
            contexts.push(json!(MULTIKEY_V1));
        }
        if of_type("JsonWebKey") {
            contexts.push(json!(JWK_V1));
        }
        if self
            .methods()
            .any(|method| method.contains_key("compromised"))
        {
            contexts.push(json!({"compromised": {"@id": COMPROMISED_IRI, "@type": "http://www.w3.org/2001/XMLSchema#dateTime"}}));
        }
        Value::Array(contexts)
    }
}

fn absolute_member(name: &str, value: &Value, did: &str) -> Value {
    let Value::Array(entries) = value else {
        return value.clone();
    };
    let is_method = name == "verificationMethod";
    let is_reference = Relationship::parse(name).is_some();
    let absolute = |entry: &Value| match entry {
        Value::String(id) if is_reference => Value::String(format!("{did}{id}")),
        Value::Object(members) if is_method || name == "service" => {
            let mut members = members.clone();
            if let Some(Value::String(id)) = members.get_mut("id") {
                id.insert_str(0, did);
            }
            if is_method {
                members.insert("controller".to_owned(), Value::String(did.to_owned()));
            }
            Value::Object(members)
        }
        other => other.clone(),
    };
    Value::Array(entries.iter().map(absolute).collect())
}
