//! The schemas that a credential names hold (VC JSON Schema 1.0 §4).

use super::super::Finding as Sought;
use super::{Case, Finding};
use crate::model::SchemaReference;
use crate::problem::ProblemType;
use crate::schema::{Schema, SchemaError};
use serde_json::{Value, json};

/// Every schema is at hand, has its digest, counts, and fits the credential.
pub(super) fn schema(case: &Case<'_>) -> Finding {
    let mut undecided = None;
    let mut shown = Vec::new();
    for reference in case.credential.credential().schemas() {
        match holds(case, &reference) {
            Ok(evidence) => shown.push(evidence),
            Err(finding) if finding.outcome == super::CheckOutcome::Failed => return finding,
            Err(finding) => {
                undecided.get_or_insert(finding);
            }
        }
    }
    match undecided {
        Some(finding) => finding,
        None if shown.is_empty() => Finding::not_applicable("it names no schema"),
        None => Finding::passed(format!("{} schemas hold", shown.len())).with(json!(shown)),
    }
}

fn holds(case: &Case<'_>, reference: &SchemaReference<'_>) -> Result<Value, Finding> {
    let id = reference.id;
    let document = case.credential.credential().json();
    match reference.kind {
        "JsonSchema" => {
            let bytes = found(id, case.evidence.schemas.get(id))?;
            has_digests(reference, bytes)?;
            Schema::compile(bytes)
                .and_then(|schema| schema.validate(document))
                .map_err(|error| refused(&error))?;
            Ok(json!({"id": id, "type": "JsonSchema"}))
        }
        "JsonSchemaCredential" => {
            let held = found(id, case.evidence.schema_credentials.get(id))?;
            let held = held.as_ref().map_err(refused)?;
            has_digests(reference, held.bytes())?;
            let result = held.schema().validate(document);
            result.map_err(|error| refused(&error))?;
            Ok(json!({"id": id, "type": "JsonSchemaCredential", "issuer": held.issuer()}))
        }
        other => Err(Finding::unknown(
            format!("schema type {other} is not supported"),
            ProblemType::EvidenceUnavailable,
        )),
    }
}

fn found<'a, T>(id: &str, sought: Option<&'a Sought<T>>) -> Result<&'a T, Finding> {
    let undecided = |detail: String| Finding::unknown(detail, ProblemType::EvidenceUnavailable);
    match sought {
        Some(Sought::Found(found)) => Ok(found),
        Some(Sought::Unreachable { reason }) => {
            Err(undecided(format!("schema {id} could not be had: {reason}")))
        }
        Some(Sought::Absent | Sought::NotSought) | None => {
            Err(undecided(format!("schema {id} is not at hand")))
        }
    }
}

/// The issuer said which bytes it meant; others are not its schema.
fn has_digests(reference: &SchemaReference<'_>, bytes: &[u8]) -> Result<(), Finding> {
    if reference.digests.iter().all(|digest| digest.matches(bytes)) {
        return Ok(());
    }
    Err(Finding::failed(
        format!(
            "schema {} has not the digest that the credential names",
            reference.id
        ),
        ProblemType::RelatedResource,
    ))
}

/// A credential that does not fit is refused, and so is a schema that a stranger slipped in; a schema that cannot be used
/// decides nothing (VC JSON Schema 1.0 §4.2).
fn refused(error: &SchemaError) -> Finding {
    match error {
        SchemaError::Mismatch { .. } | SchemaError::Refused { .. } | SchemaError::Holder { .. } => {
            Finding::failed(error.to_string(), ProblemType::Schema)
        }
        _ => Finding::unknown(error.to_string(), ProblemType::Schema),
    }
}
