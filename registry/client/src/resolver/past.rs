//! What a DID was: operations of its log, which nobody vouches for, against the proven records that name them (SPEC §7.4).

use chop_did::resolution::{
    ResolutionError, Resolved, Version, resolve_chop, resolve_chop_version,
};
use chop_did::{
    ChopDid, DidState, Genesis, Link, Operation, SignedOperation, VersionId, VersionRecord, apply,
};
use chop_integrity::Hash;
use chop_protocol::http::LogEntry;

use super::chop::{mismatch, unanswered};
use super::item;
use crate::ledger;
use crate::registry::Registry;

/// Operations that are read at once.
const STRIDE: u64 = 256;

/// An earlier version, with what made it: the operation that its proven record names.
pub(super) struct Past {
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
    pub(super) async fn read(
        registry: &dyn Registry,
        state: &DidState,
        seq: u64,
        record: &VersionRecord,
    ) -> Result<Self, ResolutionError> {
        let first = Box::pin(item::first_state(registry, state.did())).await?;
        let first = first.map(|first| first.value);
        let (made_by, controller) = match first {
            // No operation made the first version of an item.
            Some(first) if seq == 0 => (MadeBy::Item(Box::new(first)), None),
            first => {
                let entry = entry_of(registry, state.did(), seq).await?;
                let made_by = MadeBy::parse(&entry)?;
                let (_, previous, named) = made_by.links(state)?;
                let controller = match named {
                    // Who has update keys never had a controller (SPEC §6.8, §6.10).
                    None if state.controller().is_some() => {
                        let before = Before {
                            seq,
                            previous,
                            first: first.as_ref(),
                        };
                        Some(before.controller(registry, state.did()).await?)
                    }
                    named => named,
                };
                (made_by, controller)
            }
        };
        if made_by.links(state)?.0 != record.operation {
            return Err(mismatch());
        }
        Ok(Self {
            seq,
            record: *record,
            made_by,
            controller,
        })
    }

    pub(super) fn resolve(
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

/// What comes before a version: operations that are linked, each by the hash of the one before, so that the proven record of the
/// version vouches for all of them, and none needs its signatures checked again.
struct Before<'a> {
    seq: u64,
    previous: Option<Hash>,
    /// The state that an item begins with: its log begins with version 1.
    first: Option<&'a DidState>,
}

impl Before<'_> {
    /// The controller that the last of them names which names one.
    async fn controller(
        &self,
        registry: &dyn Registry,
        did: &ChopDid,
    ) -> Result<ChopDid, ResolutionError> {
        let (mut expected, mut end) = (self.previous, self.seq);
        let start = u64::from(self.first.is_some());
        while end > start {
            let from = end.saturating_sub(STRIDE).max(start);
            let log = ledger::operations(registry, did, from..=end - 1).await;
            for entry in log.map_err(|error| unanswered(&error))?.iter().rev() {
                let link = Link::of(&entry.operation).map_err(|_| mismatch())?;
                if expected != Some(link.hash) {
                    return Err(mismatch());
                }
                if let Some(controller) = link.controller {
                    return Ok(controller);
                }
                expected = link.previous;
            }
            end = from;
        }
        let first = self
            .first
            .filter(|first| expected == Some(first.operation()));
        let controller = first.and_then(DidState::controller);
        controller.copied().ok_or_else(mismatch)
    }
}

/// The operation that the log has for a version.
pub(super) async fn entry_of(
    registry: &dyn Registry,
    did: &ChopDid,
    seq: u64,
) -> Result<LogEntry, ResolutionError> {
    let log = registry.log(did, seq, 1).await;
    let log = log.map_err(|error| unanswered(&error))?;
    log.into_iter().next().ok_or_else(mismatch)
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

pub(super) fn document_of(entry: &LogEntry) -> Option<chop_did::Document> {
    match MadeBy::parse(entry).ok()? {
        MadeBy::Operation(operation) => Some(operation.document().clone()),
        MadeBy::Founder(genesis) => Some(genesis.document().clone()),
        MadeBy::Item(first) => Some(first.document().clone()),
    }
}
