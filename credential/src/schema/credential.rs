//! `JsonSchemaCredential`: a credential whose subject is the schema (VC JSON Schema 1.0 §2.2).

use super::{Schema, SchemaError};
use crate::contexts::Contexts;
use crate::model::strings;
use crate::securing::SecuredCredential;
use crate::verdict::{CheckName, CheckOutcome, Evidence, Outcome, Policy, judge};
use serde_json::{Map, Value};

/// The schema that every such credential names as its own.
const META_ID: &str = "https://www.w3.org/ns/credentials/json-schema/v2.json";
/// Its digest, as the specification states it.
const META_DIGEST: &str = "sha384-S57yQDg1MTzF56Oi9DbSQ14u7jBy0RDdx0YbeV7shwhCS88G8SCXeFq82PafhCrW";

/// What must hold of the credential before its schema counts.
const CHECKS: &[CheckName] = &[
    CheckName::Proof,
    CheckName::IssuerBinding,
    CheckName::KeyValidity,
    CheckName::Validity,
    CheckName::Status,
];

/// Is a schema that a credential holds whose own proof, issuer, validity and status hold.
#[derive(Debug)]
pub struct SchemaCredential {
    issuer: String,
    schema: Schema,
    bytes: Vec<u8>,
}

impl SchemaCredential {
    /// Judges the bytes of such a credential by the evidence about it, under the terms of the policy of who asks.
    ///
    /// # Errors
    /// When the bytes are no such credential, it is not accepted, or its schema cannot be used.
    pub fn verify(
        bytes: &[u8],
        evidence: &Evidence,
        policy: &Policy,
        contexts: &Contexts,
    ) -> Result<Self, SchemaError> {
        let secured = SecuredCredential::parse(bytes).map_err(|error| SchemaError::Refused {
            reason: error.to_string(),
        })?;
        let own = Self::policy(policy);
        let verdict = judge(&secured, evidence, &own, contexts);
        let reason = |outcome| {
            let decisive = verdict
                .checks
                .iter()
                .find(|check| check.required && check.outcome == outcome);
            decisive.map_or_else(String::new, |check| check.detail.to_string())
        };
        match verdict.outcome {
            Outcome::Accepted => {}
            Outcome::Refused => {
                return Err(SchemaError::Refused {
                    reason: reason(CheckOutcome::Failed),
                });
            }
            Outcome::Indeterminate => {
                return Err(SchemaError::Undecided {
                    reason: reason(CheckOutcome::Unknown),
                });
            }
        }
        Ok(Self {
            issuer: secured.credential().issuer().to_owned(),
            schema: Schema::of(schema(&secured)?)?,
            bytes: bytes.to_vec(),
        })
    }

    /// The policy under which the credential itself is judged, given that of whoever asks: its own schema is no question.
    pub fn policy(asked: &Policy) -> Policy {
        Policy {
            status_delegates: asked.status_delegates.clone(),
            clock_skew_ms: asked.clock_skew_ms,
            ..Policy::only(asked.as_of, CHECKS)
        }
    }

    /// Returns who issued the schema.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Returns the bytes that a digest is of.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Finds the schema that the credential holds.
fn schema(secured: &SecuredCredential) -> Result<&Value, SchemaError> {
    let holder = |reason| SchemaError::Holder { reason };
    let credential = secured.credential();
    if !credential
        .types()
        .any(|name| name == "JsonSchemaCredential")
    {
        return Err(holder("its type does not name JsonSchemaCredential"));
    }
    let mut own = credential.schemas();
    let (Some(meta), None) = (own.next(), own.next()) else {
        return Err(holder(
            "its own credentialSchema is not that of all such credentials",
        ));
    };
    let named = credential.json().get("credentialSchema");
    let digest = named
        .and_then(Value::as_object)
        .and_then(|entry| entry.get("digestSRI")?.as_str());
    if meta.id != META_ID || meta.kind != "JsonSchema" || digest != Some(META_DIGEST) {
        return Err(holder(
            "its own credentialSchema is not that of all such credentials",
        ));
    }
    let mut subjects = credential.subjects();
    let (Some(subject), None) = (subjects.next(), subjects.next()) else {
        return Err(holder("it has not one subject"));
    };
    of_subject(subject)
}

fn of_subject(subject: &Map<String, Value>) -> Result<&Value, SchemaError> {
    let holder = |reason| SchemaError::Holder { reason };
    if !strings(subject.get("type")).any(|name| name == "JsonSchema") {
        return Err(holder("its subject is not of type JsonSchema"));
    }
    subject
        .get("jsonSchema")
        .filter(|schema| schema.is_object())
        .ok_or(holder("its subject has no jsonSchema"))
}
