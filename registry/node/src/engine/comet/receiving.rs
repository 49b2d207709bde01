//! A node that joins by a snapshot: every chunk is checked when it arrives, and the whole against the state root that light
//! clients trust.

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
    restoring: Restoring,
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
        let Ok(entries) = Vec::<Entry>::try_from_slice(&ask.chunk) else {
            return Ok(answer(Applied::RejectSnapshot));
        };
        self.restoring.add(&entries)?;
        self.next += 1;
        Ok(answer(Applied::Accept))
    }

    /// Whether every chunk is in.
    pub(super) fn is_complete(&self) -> bool {
        self.next == self.manifest.chunks.len()
    }

    /// Puts the state into the node's store when it is the one that the root names; says whether it was.
    pub(super) fn settle(self, shared: &Shared) -> Result<bool, EngineError> {
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
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        shared.store.replace(self.restoring)?;
        shared.take_restored()?;
        info!(
            height = self.manifest.height,
            "took the state of a snapshot"
        );
        Ok(true)
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
