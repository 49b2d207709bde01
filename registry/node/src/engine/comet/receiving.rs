//! A node that joins by a snapshot: every chunk is checked when it arrives, and the whole against the state root that light
//! clients trust.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use borsh::BorshDeserialize;
use sha2::{Digest, Sha256};
use tendermint_proto::v0_38::abci as pb;
use tendermint_proto::v0_38::abci::response_apply_snapshot_chunk::Result as Applied;
use tendermint_proto::v0_38::abci::response_offer_snapshot::Result as Offered;
use tracing::{error, info, warn};

use super::shared::Shared;
use super::snapshots::{FORMAT, MAX_CHUNK, MAX_CHUNKS, Manifest};
use crate::engine::batch::founding_operations;
use crate::engine::{EngineError, founding};
use crate::store::{Entry, Goal, Restoring, StoreError};

/// A snapshot on its way in.
pub(super) struct Receiving {
    manifest: Manifest,
    /// The root that CometBFT's light client found for this height.
    root: [u8; 32],
    next: usize,
    /// Who sent the chunks that were taken.
    senders: BTreeSet<String>,
    /// Bytes of those chunks, which CometBFT keeps in files of its own until all are in.
    bytes: u64,
    restoring: Restoring,
}

/// What became of a snapshot of which every chunk was there.
pub(super) enum Settled {
    /// It is the node's state now.
    Taken,
    /// It is another state than the trusted one; these nodes sent it.
    Refused(BTreeSet<String>),
}

impl Receiving {
    /// Judges an offer; gives a receiver when it is taken.
    pub(super) fn offered(
        shared: &Shared,
        ask: &pb::RequestOfferSnapshot,
    ) -> Result<(Offered, Option<Self>), EngineError> {
        let Some(snapshot) = &ask.snapshot else {
            return Ok((Offered::Reject, None));
        };
        if snapshot.format != FORMAT {
            return Ok((Offered::RejectFormat, None));
        }
        // A node that has taken blocks is not set back; one that was killed after a snapshot and before its first block is.
        if shared.has_blocks()? {
            error!("a snapshot is offered to a node that has blocks; it keeps its own state");
            return Ok((Offered::Abort, None));
        }
        let is_named = Sha256::digest(&snapshot.metadata).as_slice() == snapshot.hash.as_ref();
        let manifest = Manifest::try_from_slice(&snapshot.metadata).ok();
        let (Some(manifest), true, Ok(root)) =
            (manifest, is_named, ask.app_hash.as_ref().try_into())
        else {
            return Ok((Offered::RejectSender, None));
        };
        let is_whole = manifest.height == snapshot.height
            && manifest.chunks.len() == snapshot.chunks as usize
            && (1..=MAX_CHUNKS).contains(&manifest.chunks.len());
        if !is_whole || manifest.promoted_by != shared.last_of_solo() {
            return Ok((Offered::RejectSender, None));
        }
        info!(
            height = manifest.height,
            chunks = manifest.chunks.len(),
            "a snapshot is offered"
        );
        let receiver = Self {
            manifest,
            root,
            next: 0,
            senders: BTreeSet::new(),
            bytes: 0,
            restoring: shared.store.restore()?,
        };
        Ok((Offered::Accept, Some(receiver)))
    }

    /// Takes the next chunk in; a wrong one is asked for again, from somebody else.
    pub(super) fn apply(
        &mut self,
        ask: &pb::RequestApplySnapshotChunk,
    ) -> Result<pb::ResponseApplySnapshotChunk, EngineError> {
        let index = ask.index as usize;
        if index != self.next {
            return Ok(again(u32::try_from(self.next).unwrap_or(0), ""));
        }
        let expected = self.manifest.chunks.get(index);
        let found: [u8; 32] = Sha256::digest(&ask.chunk).into();
        if expected != Some(&found) || ask.chunk.len() > MAX_CHUNK {
            warn!(
                chunk = index,
                sender = ask.sender,
                "refused a chunk that is not the one of the snapshot"
            );
            return Ok(again(ask.index, &ask.sender));
        }
        self.senders.insert(ask.sender.clone());
        self.bytes = self.bytes.saturating_add(ask.chunk.len() as u64);
        let taken = match Vec::<Entry>::try_from_slice(&ask.chunk) {
            Ok(entries) => self.restoring.add(&entries),
            Err(error) => Err(StoreError::Damaged {
                what: "chunk",
                reason: error.to_string(),
            }),
        };
        match taken {
            Ok(()) => {
                self.next += 1;
                Ok(answer(Applied::Accept))
            }
            // The manifest names this chunk: whoever offers it offers what no node takes from its state.
            Err(error @ StoreError::Damaged { .. }) => {
                warn!(%error, chunk = index, "refused a snapshot: no node makes such a chunk");
                Ok(rejected(std::mem::take(&mut self.senders)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes that the disk has to have room for before it is worth while to begin again.
    pub(super) fn held(&self) -> u64 {
        self.restoring.bytes().saturating_add(self.bytes)
    }

    /// Whether every chunk is in.
    pub(super) fn is_complete(&self) -> bool {
        self.next == self.manifest.chunks.len()
    }

    /// Puts the state into the node's store when it is the one that the root names.
    pub(super) fn settle(self, shared: &Shared) -> Result<Settled, EngineError> {
        let genesis = founding::canonical(&shared.genesis).map_err(|error| EngineError::Json {
            what: "genesis",
            reason: error.to_string(),
        })?;
        let founding = founding_operations(&shared.genesis)?;
        let handover = shared.promotion.as_ref().map(serde_json::to_vec);
        let handover = handover.transpose().map_err(|error| EngineError::Json {
            what: "handover",
            reason: error.to_string(),
        })?;
        let finished = self.restoring.finish(&Goal {
            height: self.manifest.height,
            root: self.root,
            genesis: &genesis,
            founding: &founding,
            handover: handover.as_deref(),
        });
        match finished {
            Ok(()) => {}
            Err(error @ (StoreError::OtherRoot { .. } | StoreError::Damaged { .. })) => {
                error!(%error, "refused a snapshot: it is another state than the trusted one");
                return Ok(Settled::Refused(self.senders));
            }
            Err(error) => {
                shared.needed.store(self.held(), Ordering::Relaxed);
                return Err(error.into());
            }
        }
        shared.store.replace(self.restoring)?;
        shared.show_stored()?;
        shared.needed.store(0, Ordering::Relaxed);
        info!(
            height = self.manifest.height,
            "took the state of a snapshot"
        );
        Ok(Settled::Taken)
    }
}

/// Refuses the snapshot, and asks nobody again who sent it.
pub(super) fn rejected(senders: BTreeSet<String>) -> pb::ResponseApplySnapshotChunk {
    pb::ResponseApplySnapshotChunk {
        reject_senders: senders.into_iter().collect(),
        ..answer(Applied::RejectSnapshot)
    }
}

pub(super) fn answer(result: Applied) -> pb::ResponseApplySnapshotChunk {
    pb::ResponseApplySnapshotChunk {
        result: result as i32,
        ..pb::ResponseApplySnapshotChunk::default()
    }
}

fn again(chunk: u32, sender: &str) -> pb::ResponseApplySnapshotChunk {
    let senders = Some(sender.to_owned()).filter(|sender| !sender.is_empty());
    pb::ResponseApplySnapshotChunk {
        result: Applied::Retry as i32,
        refetch_chunks: vec![chunk],
        reject_senders: senders.into_iter().collect(),
    }
}
