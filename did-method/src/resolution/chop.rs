//! did:chop from ledger values to a resolution result (SPEC §7.1, §7.4).

use super::{DID_MEDIA_TYPE, DocumentMetadata, ErrorKind, ResolutionError, Resolved};
use crate::control::Control;
use crate::operation::{Body, Operation};
use crate::state::{DidState, VersionId, VersionRecord};
use chop_integrity::Timestamp;
use serde_json::{Map, Value, json};

/// An earlier version: its proven record, the operation from the log, and the record after it, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// The position.
    pub seq: u64,
    /// The value under `did/{scid}/{seq}`.
    pub record: &'a VersionRecord,
    /// The operation that made the version.
    pub operation: &'a Operation,
    /// The value under `did/{scid}/{seq + 1}`.
    pub next: Option<&'a VersionRecord>,
    /// The controller at this version, where the DID is controlled.
    pub controller: Option<&'a crate::ChopDid>,
}

/// Resolves the current version; a deactivated DID has metadata only (SPEC §7.1).
pub fn resolve_chop(state: &DidState) -> Resolved {
    let document =
        (!state.deactivated).then(|| state.document.absolute(&state.did, state.controller()));
    let metadata = DocumentMetadata {
        created: Some(state.created),
        updated: (state.seq > 0).then_some(state.updated),
        deactivated: Some(state.deactivated),
        version_id: Some(state.version_id().to_string()),
        version_time: Some(state.updated),
        method: method_metadata(state),
        ..DocumentMetadata::default()
    };
    Resolved {
        document,
        metadata,
        content_type: DID_MEDIA_TYPE,
    }
}

/// Resolves an earlier version from its record and the operation that the log holds for it (SPEC §7.4).
///
/// # Errors
/// Returns an `INVALID_DID_DOCUMENT` error when the operation is not the one that the record names.
pub fn resolve_chop_version(
    state: &DidState,
    version: &Version<'_>,
) -> Result<Resolved, ResolutionError> {
    let (operation, record) = (version.operation, version.record);
    // SPEC §7.4: the log is not trusted; only what the proven record names counts.
    let is_recorded = operation.did() == state.did()
        && operation.seq() == version.seq
        && operation.hash() == record.operation
        && operation
            .document()
            .hash()
            .is_ok_and(|hash| hash == record.document);
    if !is_recorded {
        let detail = format!(
            "the log's operation {} is not the one that the ledger records",
            version.seq
        );
        return Err(ResolutionError::new(ErrorKind::InvalidDidDocument, detail));
    }
    if version.seq == state.seq {
        return Ok(resolve_chop(state));
    }
    let controller = match operation.body() {
        Body::Create { genesis } => genesis.controller().copied(),
        Body::Transfer { controller, .. } => Some(*controller),
        _ => version.controller.copied(),
    };
    let metadata = DocumentMetadata {
        created: Some(state.created),
        updated: (version.seq > 0).then_some(record.time),
        deactivated: None,
        version_id: Some(
            VersionId {
                seq: version.seq,
                operation: record.operation,
            }
            .to_string(),
        ),
        version_time: Some(record.time),
        next_version_id: version.next.map(|next| {
            VersionId {
                seq: version.seq + 1,
                operation: next.operation,
            }
            .to_string()
        }),
        next_update: version.next.map(|next| next.time),
        method: method_metadata(state),
        ..DocumentMetadata::default()
    };
    let document = operation
        .document()
        .absolute(state.did(), controller.as_ref());
    Ok(Resolved {
        document: Some(document),
        metadata,
        content_type: DID_MEDIA_TYPE,
    })
}

/// Finds the version in force at a time among records in order from version 0: the last whose header time is not later.
pub fn version_at(records: &[VersionRecord], time: Timestamp) -> Option<u64> {
    let count = records.partition_point(|record| record.time <= time);
    count.checked_sub(1).and_then(|seq| u64::try_from(seq).ok())
}

/// What did:chop says beside the common metadata (SPEC §7.3).
fn method_metadata(state: &DidState) -> Map<String, Value> {
    let mut chop = Map::new();
    chop.insert("class".to_owned(), json!(state.class));
    chop.insert("currentVersionId".to_owned(), json!(state.version_id()));
    if state.deactivated {
        chop.insert("deactivatedAt".to_owned(), json!(state.updated));
    }
    if let Control::Keys(keys) = &state.control {
        chop.insert("preRotation".to_owned(), json!(keys.next.is_some()));
    }
    if let Some(pending) = &state.pending_recovery {
        chop.insert(
            "pendingRecovery".to_owned(),
            json!({"operation": pending.operation, "effective": pending.effective}),
        );
    }
    Map::from_iter([("chop".to_owned(), Value::Object(chop))])
}
