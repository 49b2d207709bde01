//! `credentialSchema`: JSON Schema 2020-12 over the whole credential, as a file or as a credential (VC JSON Schema 1.0 §2).

mod bounds;
mod credential;
#[cfg(test)]
mod tests;

pub use credential::SchemaCredential;

use chop_integrity::json::{self, JsonError, Limits};
use jsonschema::{Retrieve, Uri, Validator};
use serde_json::{Map, Value};

/// How a schema may be written.
const LIMITS: Limits = Limits {
    max_bytes: 256 * 1024,
    max_depth: 48,
};

/// The most findings that are listed.
const MAX_FINDINGS: usize = 10;

/// Says why a schema does not hold, or cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The schema is not strict JSON.
    #[error("schema is refused: {0}")]
    Json(#[from] JsonError),
    /// The schema names another dialect than 2020-12.
    #[error("schema is of the dialect {found:?}, it must be of 2020-12")]
    Dialect {
        /// What `$schema` says.
        found: String,
    },
    /// The schema does not say its dialect or its own identifier (VC JSON Schema 1.0 §3.1).
    #[error("schema has no {member}")]
    Missing {
        /// What it has not.
        member: &'static str,
    },
    /// The credential that should hold the schema holds none.
    #[error("schema's credential: {reason}")]
    Holder {
        /// What is wrong.
        reason: &'static str,
    },
    /// The credential that holds the schema is refused.
    #[error("schema's credential is refused: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// Whether the credential that holds the schema counts could not be decided.
    #[error("schema's credential cannot be decided: {reason}")]
    Undecided {
        /// Why.
        reason: String,
    },
    /// The schema is no valid schema, or refers to another document.
    #[error("schema cannot be used: {reason}")]
    Unusable {
        /// Why.
        reason: String,
    },
    /// The credential does not fit the schema.
    #[error("credential does not fit its schema: {}", findings.join("; "))]
    Mismatch {
        /// Where, as JSON pointers, and what; without values.
        findings: Vec<String>,
    },
}

impl SchemaError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Json(_) => "schema.json",
            Self::Dialect { .. } => "schema.dialect",
            Self::Missing { .. } => "schema.missing",
            Self::Holder { .. } => "schema.holder",
            Self::Refused { .. } => "schema.refused",
            Self::Undecided { .. } => "schema.undecided",
            Self::Unusable { .. } => "schema.unusable",
            Self::Mismatch { .. } => "schema.mismatch",
        }
    }
}

/// Is a compiled JSON Schema; it never reads another document.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// When the bytes are not strict JSON, of another dialect, no valid schema, or refer to another document.
    pub fn compile(bytes: &[u8]) -> Result<Self, SchemaError> {
        Self::of(&json::parse(bytes, &LIMITS)?)
    }

    /// Compiles a schema that was parsed from strict JSON.
    ///
    /// # Errors
    /// When it does not say its dialect or identifier, is of another dialect, no valid schema, or refers to another document.
    fn of(schema: &Value) -> Result<Self, SchemaError> {
        let dialect = schema
            .get("$schema")
            .ok_or(SchemaError::Missing { member: "$schema" })?;
        let known = dialect.as_str().is_some_and(|url| {
            url.trim_end_matches('#') == "https://json-schema.org/draft/2020-12/schema"
        });
        if !known {
            return Err(SchemaError::Dialect {
                found: dialect.as_str().unwrap_or_default().to_owned(),
            });
        }
        if !schema.get("$id").is_some_and(Value::is_string) {
            return Err(SchemaError::Missing { member: "$id" });
        }
        let unusable = |reason: String| SchemaError::Unusable { reason };
        bounds::check(schema).map_err(|reason| unusable(reason.to_owned()))?;
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_retriever(Nowhere)
            // A linear-time engine: a pattern cannot be made to run away.
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .build(schema)
            .map(Self)
            .map_err(|error| unusable(error.masked().to_string()))
    }

    /// Validates a credential without its proof.
    ///
    /// # Errors
    /// When it does not fit; the findings hold places, not values.
    pub fn validate(&self, document: &Map<String, Value>) -> Result<(), SchemaError> {
        let document = Value::Object(document.clone());
        let findings: Vec<String> = self
            .0
            .iter_errors(&document)
            .take(MAX_FINDINGS)
            .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
            .collect();
        if findings.is_empty() {
            Ok(())
        } else {
            Err(SchemaError::Mismatch { findings })
        }
    }
}

/// Refuses every reference to another document.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err(format!("schemas do not refer to other documents, this one does: {uri}").into())
    }
}
