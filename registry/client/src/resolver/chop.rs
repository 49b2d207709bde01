//! did:chop: from proven ledger values to documents (SPEC §7).

use chop_did::resolution::{
    ErrorKind, ResolutionError, Resolved, Selector, Version, resolve_chop, resolve_chop_version,
};
use chop_did::{
    ChopDid, DidState, Genesis, Operation, ScidVersion, SignedOperation, VersionId, VersionRecord,
    apply,
};
use chop_integrity::{Hash, Timestamp};
use chop_protocol::http::LogEntry;
use serde_json::{Value, json};

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
    let holds = |document: &chop_did::Document| {
        let methods = document
            .members()
            .get("verificationMethod")
            .and_then(Value::as_array);
        methods
            .into_iter()
            .flatten()
            .any(|entry| entry.get("id").and_then(Value::as_str) == Some(fragment))
    };
    if state.seq() == 0 {
        return Ok(holds(state.document()).then(|| state.created()));
    }
    // Ids never change their key, and an id never returns; so the first version that holds it is when it entered.
    let first = Box::pin(item::first_state(registry, did)).await?;
    if first
        .as_ref()
        .is_some_and(|first| holds(first.value.document()))
    {
        return Ok(Some(state.created()));
    }
    let before = u64::from(first.is_some());
    let log = read_log(registry, did).await?;
    let first = log
        .iter()
        .position(|entry| document_of(entry).is_some_and(|document| holds(&document)));
    let Some(seq) = first.and_then(|seq| u64::try_from(seq).ok()) else {
        return Ok(None);
    };
    // The log is not trusted: the version must be the one that the ledger records.
    let record = record_of(registry, &state, seq + before)
        .await?
        .ok_or_else(mismatch)?
        .value;
    let recorded = first
        .and_then(|seq| log.get(seq))
        .and_then(document_of)
        .and_then(|document| document.hash().ok());
    if recorded == Some(record.document) {
        Ok(Some(record.time))
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

/// The operations up to a version, each linked to the proven record of the last by the hash of its predecessor.
struct Past {
    seq: u64,
    record: VersionRecord,
    made_by: MadeBy,
    controller: Option<ChopDid>,
}

enum MadeBy {
    Operation(Box<Operation>),
    /// A founder's create carries no proof; the ledger's genesis vouches for it (SPEC §6.9).
    Founder(Box<Genesis>),
    /// An item's batch vouches for the state that it begins with (SPEC §13.6).
    Item(Box<DidState>),
}

impl Past {
    async fn read(
        registry: &dyn Registry,
        state: &DidState,
        seq: u64,
        record: &VersionRecord,
    ) -> Result<Self, ResolutionError> {
        let first = Box::pin(item::first_state(registry, state.did())).await?;
        let first = first.map(|first| first.value);
        let log = read_log(registry, state.did()).await?;
        // The log of an item begins with version 1: no operation made the first.
        let count = seq.saturating_add(1) - u64::from(first.is_some());
        let entries = usize::try_from(count)
            .ok()
            .and_then(|count| log.get(..count))
            .ok_or_else(mismatch)?;
        let mut expected: Option<Hash> = Some(record.operation);
        let mut controller = None;
        let mut made_by = None;
        for entry in entries.iter().rev() {
            let step = MadeBy::parse(entry)?;
            let (hash, previous, named) = step.links(state)?;
            if expected != Some(hash) {
                return Err(mismatch());
            }
            expected = previous;
            controller = controller.or(named);
            made_by.get_or_insert(step);
        }
        if expected != first.as_ref().map(DidState::operation) {
            return Err(mismatch());
        }
        if let Some(first) = first {
            controller = controller.or(first.controller().copied());
            made_by.get_or_insert(MadeBy::Item(Box::new(first)));
        }
        let made_by = made_by.ok_or_else(mismatch)?;
        Ok(Self {
            seq,
            record: *record,
            made_by,
            controller,
        })
    }

    fn resolve(
        self,
        state: &DidState,
        next: Option<VersionRecord>,
    ) -> Result<Resolved, ResolutionError> {
        match self.made_by {
            MadeBy::Operation(operation) => {
                let version = Version {
                    seq: self.seq,
                    record: &self.record,
                    operation: &operation,
                    next: next.as_ref(),
                    controller: self.controller.as_ref(),
                };
                resolve_chop_version(state, &version)
            }
            MadeBy::Founder(genesis) => {
                let (founded, _) =
                    apply::found(&genesis, self.record.time).map_err(|_| mismatch())?;
                Ok(first_version(&founded, state, next))
            }
            MadeBy::Item(first) => Ok(first_version(&first, state, next)),
        }
    }
}

/// Resolves a version 0 that no signed operation made.
fn first_version(first: &DidState, state: &DidState, next: Option<VersionRecord>) -> Resolved {
    let mut resolved = resolve_chop(first);
    resolved.metadata.deactivated = None;
    resolved.metadata.method = resolve_chop(state).metadata.method;
    resolved.metadata.next_update = next.map(|next| next.time);
    resolved.metadata.next_version_id = next.map(|next| {
        VersionId {
            seq: 1,
            operation: next.operation,
        }
        .to_string()
    });
    resolved
}

impl MadeBy {
    fn parse(entry: &LogEntry) -> Result<Self, ResolutionError> {
        if entry.operation.get("proof").is_none()
            && let Some(genesis) = entry.operation.get("genesis")
        {
            return Genesis::parse(genesis.clone())
                .map(|genesis| Self::Founder(Box::new(genesis)))
                .map_err(|_| mismatch());
        }
        let signed = SignedOperation::try_from(entry.operation.clone()).map_err(|_| mismatch())?;
        Ok(Self::Operation(Box::new(signed.operation().clone())))
    }

    /// Returns the operation's hash, its predecessor's, and the controller that it names.
    fn links(
        &self,
        state: &DidState,
    ) -> Result<(Hash, Option<Hash>, Option<ChopDid>), ResolutionError> {
        match self {
            Self::Operation(operation) => {
                let named = operation
                    .genesis()
                    .and_then(Genesis::controller)
                    .or_else(|| operation.new_controller());
                Ok((
                    operation.hash(),
                    operation.previous().copied(),
                    named.copied(),
                ))
            }
            Self::Founder(genesis) => {
                let founded = apply::found(genesis, state.created()).map_err(|_| mismatch())?;
                Ok((founded.1.operation, None, None))
            }
            Self::Item(first) => Ok((first.operation(), None, first.controller().copied())),
        }
    }
}

/// Checks that a log is the one that the proven records of all versions name, operation by operation; says what differs.
/// `first` is the state that an item begins with: its log begins with version 1.
pub(crate) fn check_log(
    state: &DidState,
    records: &[VersionRecord],
    first: Option<&DidState>,
    log: &[LogEntry],
) -> Result<(), String> {
    // No operation made the first version of an item.
    let made = match (first, records) {
        (Some(first), [record, made @ ..]) if first.record().as_ref() == Ok(record) => made,
        (Some(_), _) => return Err("the first version is not that of the item".to_owned()),
        (None, _) => records,
    };
    if log.len() != made.len() {
        return Err(format!(
            "it has {} operations for {} versions",
            log.len(),
            made.len()
        ));
    }
    let mut previous = first.map(DidState::operation);
    let from = u64::from(first.is_some());
    for ((seq, record), entry) in (from..).zip(made).zip(log) {
        let other = |_: ResolutionError| format!("operation {seq} is malformed");
        let (hash, parent, _) = MadeBy::parse(entry)
            .and_then(|made_by| made_by.links(state))
            .map_err(other)?;
        let document = document_of(entry).and_then(|document| document.hash().ok());
        let id = VersionId {
            seq,
            operation: record.operation,
        };
        if hash != record.operation || document != Some(record.document) {
            return Err(format!("operation {seq} is another"));
        }
        if parent != previous || entry.time != record.time || entry.version_id != id.to_string() {
            return Err(format!("operation {seq} does not follow"));
        }
        previous = Some(hash);
    }
    Ok(())
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

async fn read_log(
    registry: &dyn Registry,
    did: &ChopDid,
) -> Result<Vec<LogEntry>, ResolutionError> {
    registry.log(did).await.map_err(|error| unanswered(&error))
}

fn document_of(entry: &LogEntry) -> Option<chop_did::Document> {
    match MadeBy::parse(entry).ok()? {
        MadeBy::Operation(operation) => Some(operation.document().clone()),
        MadeBy::Founder(genesis) => Some(genesis.document().clone()),
        MadeBy::Item(first) => Some(first.document().clone()),
    }
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

fn mismatch() -> ResolutionError {
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
