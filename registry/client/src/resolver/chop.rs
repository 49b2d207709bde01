//! did:chop: from proven ledger values to documents (SPEC §7).

use chop_did::resolution::{ErrorKind, ResolutionError, Resolved, Selector, resolve_chop};
use chop_did::{ChopDid, DidState, Document, ScidVersion, VersionId, VersionRecord};
use chop_integrity::Timestamp;
use serde_json::{Value, json};

use super::past::{self, Past};
use super::{ResolveOptions, item};
use crate::ledger;
use crate::registry::{Proven, ReadError, Registry};

pub(super) async fn resolve(
    registry: &dyn Registry,
    did: &ChopDid,
    options: &ResolveOptions,
) -> Result<Resolved, ResolutionError> {
    // Where its code stands matters as long as nobody asks for the past.
    if did.scid().version() == ScidVersion::BatchItem
        && let Some(item) = Box::pin(item::resolve(registry, did, options)).await?
    {
        return Ok(item);
    }
    let state = current_or(registry, did, options.proof).await?;
    let mut shown = vec![state_proof(&state)];
    let asked = asked_version(registry, &state.value, &options.selector).await?;
    let mut resolved = match asked {
        None => resolve_chop(&state.value),
        Some((seq, record)) => {
            let next = record_of(registry, &state.value, seq + 1).await?;
            let past = Past::read(registry, &state.value, seq, &record.value).await?;
            shown.push(state_proof(&record));
            shown.extend(next.as_ref().map(state_proof));
            past.resolve(&state.value, next.map(|next| next.value))?
        }
    };
    if options.proof {
        resolved.metadata.proof = shown;
    }
    Ok(resolved)
}

/// Returns the last document, also of a deactivated DID, and when the DID was deactivated.
pub(super) async fn last_document(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<(Value, Option<Timestamp>), ResolutionError> {
    let state = current(registry, did).await?.value;
    let document = state.document().absolute(state.did(), state.controller());
    Ok((document, state.deactivated().then(|| state.updated())))
}

pub(super) async fn key_added(
    registry: &dyn Registry,
    did: &ChopDid,
    method: &str,
) -> Result<Option<Timestamp>, ResolutionError> {
    let state = current(registry, did).await?.value;
    let fragment = method.find('#').map_or(method, |at| method.split_at(at).1);
    let holds = |document: &Document| {
        let methods = document.members().get("verificationMethod");
        let methods = methods.and_then(Value::as_array).into_iter().flatten();
        methods
            .map(|entry| entry.get("id").and_then(Value::as_str))
            .any(|id| id == Some(fragment))
    };
    if state.seq() == 0 {
        return Ok(holds(state.document()).then(|| state.created()));
    }
    let first = Box::pin(item::first_state(registry, did)).await?;
    if first
        .as_ref()
        .is_some_and(|first| holds(first.value.document()))
    {
        return Ok(Some(state.created()));
    }
    // SPEC §5.1: what was published stays in every later document, so that the first version that holds it is when it entered.
    if !holds(state.document()) {
        return Ok(None);
    }
    let (mut from, mut to) = (u64::from(first.is_some()), state.seq());
    while from < to {
        let middle = from.midpoint(to);
        if holds(&recorded(registry, &state, middle).await?) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    let record = record_of(registry, &state, to).await?;
    record
        .map(|record| Some(record.value.time))
        .ok_or_else(mismatch)
}

/// The document of a version, as the ledger records it.
async fn recorded(
    registry: &dyn Registry,
    state: &DidState,
    seq: u64,
) -> Result<Document, ResolutionError> {
    let record = record_of(registry, state, seq).await?;
    let record = record.ok_or_else(mismatch)?.value;
    let entry = past::entry_of(registry, state.did(), seq).await?;
    let document = past::document_of(&entry).ok_or_else(mismatch)?;
    if document.hash().ok() == Some(record.document) {
        Ok(document)
    } else {
        Err(mismatch())
    }
}

/// Chooses the version asked for; `None` stands for the current one.
async fn asked_version(
    registry: &dyn Registry,
    state: &DidState,
    selector: &Selector,
) -> Result<Option<(u64, Proven<VersionRecord>)>, ResolutionError> {
    let seq = match selector {
        Selector::Latest => return Ok(None),
        Selector::Id(id) => {
            let invalid = |_| {
                ResolutionError::new(
                    ErrorKind::InvalidOptions,
                    "versionId is no version of a did:chop DID",
                )
            };
            let id = VersionId::parse(id).map_err(invalid)?;
            if id == state.version_id() {
                return Ok(None);
            }
            let record = if id.seq < state.seq() {
                record_of(registry, state, id.seq).await?
            } else {
                None
            };
            let record = record.filter(|record| record.value.operation == id.operation);
            return record
                .map(|record| Some((id.seq, record)))
                .ok_or_else(|| no_version("no such version"));
        }
        Selector::Time(time) if *time < state.created() => {
            return Err(no_version("the DID did not exist at that time"));
        }
        Selector::Time(time) if *time >= state.updated() => return Ok(None),
        Selector::Time(time) => version_at(registry, state, *time).await?,
    };
    let record = record_of(registry, state, seq)
        .await?
        .ok_or_else(mismatch)?;
    Ok(Some((seq, record)))
}

/// Finds the last version whose header time is not later; header times rise with the sequence.
async fn version_at(
    registry: &dyn Registry,
    state: &DidState,
    time: Timestamp,
) -> Result<u64, ResolutionError> {
    let (mut known, mut later) = (0, state.seq());
    while later - known > 1 {
        let middle = known.midpoint(later);
        let record = record_of(registry, state, middle)
            .await?
            .ok_or_else(mismatch)?;
        if record.value.time <= time {
            known = middle;
        } else {
            later = middle;
        }
    }
    Ok(known)
}

async fn current(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<Proven<DidState>, ResolutionError> {
    current_or(registry, did, false).await
}

/// Reads the current state; that there is none comes with its proof, where one is asked for (SPEC §8.3 (8)).
async fn current_or(
    registry: &dyn Registry,
    did: &ChopDid,
    proof: bool,
) -> Result<Proven<DidState>, ResolutionError> {
    let state = ledger::did_state(registry, did)
        .await
        .map_err(|error| unanswered(&error))?;
    let shown = proof.then(|| state_proof(&state));
    let Some(state) = state.present() else {
        let absent = match did.scid().version() {
            // Which batch has an item is no part of the state.
            ScidVersion::BatchItem => item::unknown(),
            _ => ResolutionError::new(
                ErrorKind::NotFound,
                "the ledger proves that it holds no such DID",
            )
            .proven_by(Vec::from_iter(shown)),
        };
        return Box::pin(item::first_state(registry, did))
            .await?
            .ok_or(absent);
    };
    if state.value.did() == did {
        Ok(state)
    } else {
        Err(mismatch())
    }
}

async fn record_of(
    registry: &dyn Registry,
    state: &DidState,
    seq: u64,
) -> Result<Option<Proven<VersionRecord>>, ResolutionError> {
    let record = ledger::version(registry, state.did(), seq)
        .await
        .map_err(|error| unanswered(&error))?;
    Ok(record.present())
}

/// Shows a statement and its proof the way `didDocumentMetadata.proof` and verdicts do.
pub fn state_proof<T: serde::Serialize>(statement: &Proven<T>) -> Value {
    json!({
        "type": "ChopStateProof",
        "key": statement.key,
        "value": statement.value,
        "height": statement.header.height,
        "time": Timestamp::from_unix_ms(statement.header.time_ms),
        "validators": statement.header.validators,
        "proof": statement.proof,
    })
}

pub(super) fn no_version(detail: &str) -> ResolutionError {
    ResolutionError::new(ErrorKind::NotFound, detail)
}

pub(super) fn mismatch() -> ResolutionError {
    ResolutionError::new(
        ErrorKind::InvalidDidDocument,
        "the log is not the one that the ledger records",
    )
}

pub(super) fn unanswered(error: &ReadError) -> ResolutionError {
    tracing::warn!(
        error = error as &dyn std::error::Error,
        "a registry gave no proven answer"
    );
    ResolutionError::new(ErrorKind::Internal, "the registry gave no proven answer")
}
