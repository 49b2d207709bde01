//! A node that joins by a snapshot: every chunk is checked when it arrives, and the whole against the state root that light
//! clients trust.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::Ordering;

use borsh::BorshDeserialize;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tendermint_proto::v0_38::abci as pb;
use tendermint_proto::v0_38::abci::response_apply_snapshot_chunk::Result as Applied;
use tendermint_proto::v0_38::abci::response_offer_snapshot::Result as Offered;
use tracing::{error, info, warn};

use super::guests::Guests;
use super::shared::Shared;
use super::snapshots::{FORMAT, MAX_CHUNK, MAX_CHUNKS, Manifest};
use crate::engine::batch::founding_operations;
use crate::engine::{EngineError, founding};
use crate::store::{Entry, Goal, Restoring, StoreError};

/// Refused snapshots that are remembered; the oldest are forgotten first.
const MAX_REFUSED: usize = 1_024;

/// A snapshot by its hash, and the root that it was to have.
type Name = ([u8; 32], [u8; 32]);

/// The snapshot that is being taken in, if one is, and those that are not taken again.
///
/// CometBFT remembers what was refused for as long as it runs, and is started anew when nothing comes of a snapshot.
#[derive(Default)]
pub(super) struct Incoming {
    receiving: Option<Receiving>,
    refused: VecDeque<Name>,
}

/// A snapshot on its way in.
struct Receiving {
    name: Name,
    manifest: Manifest,
    next: usize,
    /// Who sent the chunks that were taken.
    senders: BTreeSet<String>,
    /// Bytes of those chunks, which CometBFT keeps in files of its own until all are in.
    bytes: u64,
    restoring: Restoring,
}

/// What came of a chunk.
enum Became {
    /// The snapshot waits for another one; CometBFT is told this.
    Waiting(pb::ResponseApplySnapshotChunk),
    /// It was the last one.
    Complete,
    /// The snapshot is none of this ledger's, whoever sends it.
    Refused,
}

/// What became of a snapshot of which every chunk was there.
enum Settled {
    /// It is the node's state now.
    Taken,
    /// It is another state than the trusted one; these nodes sent it.
    Refused(BTreeSet<String>),
}

impl Incoming {
    /// Answers an offer; one that is taken waits for its chunks from then on.
    pub(super) fn offer(
        &mut self,
        shared: &Shared,
        ask: &pb::RequestOfferSnapshot,
    ) -> Result<pb::ResponseOfferSnapshot, EngineError> {
        shared.stir();
        // One that was given up makes room for the next.
        self.receiving = None;
        let (result, receiver) = match name_of(ask) {
            Some(name) if self.refused.contains(&name) => {
                warn!(hash = HEXLOWER.encode(&name.0), "refused a snapshot again");
                (Offered::Reject, None)
            }
            _ => Receiving::offered(shared, ask)?,
        };
        self.receiving = receiver;
        Ok(pb::ResponseOfferSnapshot {
            result: result as i32,
        })
    }

    /// Takes a chunk in, and with the last one the state.
    pub(super) fn apply(
        &mut self,
        shared: &Shared,
        guests: &Guests,
        ask: &pb::RequestApplySnapshotChunk,
    ) -> Result<pb::ResponseApplySnapshotChunk, EngineError> {
        // Whatever ends here makes room: after a failure the snapshot is offered again once the disk takes writes.
        let Some(mut receiver) = self.receiving.take() else {
            return Ok(answer(Applied::Abort));
        };
        shared.stir();
        let became = receiver.apply(ask);
        if became.is_err() {
            shared.needed.store(receiver.held(), Ordering::Relaxed);
        }
        match became? {
            Became::Waiting(answer) => {
                self.receiving = Some(receiver);
                Ok(answer)
            }
            Became::Refused => Ok(self.refuse(receiver.name, receiver.senders)),
            Became::Complete => {
                shared.settle_down();
                let name = receiver.name;
                let settled = receiver.settle(shared);
                shared.stir();
                match settled? {
                    Settled::Refused(senders) => Ok(self.refuse(name, senders)),
                    Settled::Taken => {
                        guests.forget(shared.view().last_block());
                        Ok(answer(Applied::Accept))
                    }
                }
            }
        }
    }

    /// Refuses the snapshot from now on, and asks nobody again who sent it.
    fn refuse(&mut self, name: Name, senders: BTreeSet<String>) -> pb::ResponseApplySnapshotChunk {
        if self.refused.len() == MAX_REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back(name);
        pb::ResponseApplySnapshotChunk {
            reject_senders: senders.into_iter().collect(),
            ..answer(Applied::RejectSnapshot)
        }
    }
}

impl Receiving {
    /// Judges an offer; gives a receiver when it is taken.
    fn offered(
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
        let name = name_of(ask).filter(|(hash, _)| {
            let found: [u8; 32] = Sha256::digest(&snapshot.metadata).into();
            found == *hash
        });
        let manifest = Manifest::try_from_slice(&snapshot.metadata).ok();
        let (Some(name), Some(manifest)) = (name, manifest) else {
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
            name,
            manifest,
            next: 0,
            senders: BTreeSet::new(),
            bytes: 0,
            restoring: shared.store.restore()?,
        };
        Ok((Offered::Accept, Some(receiver)))
    }

    /// Takes the next chunk in; a wrong one is asked for again, from somebody else.
    fn apply(&mut self, ask: &pb::RequestApplySnapshotChunk) -> Result<Became, EngineError> {
        let index = ask.index as usize;
        if index != self.next {
            let next = u32::try_from(self.next).unwrap_or(0);
            return Ok(Became::Waiting(again(next, "")));
        }
        let expected = self.manifest.chunks.get(index);
        let found: [u8; 32] = Sha256::digest(&ask.chunk).into();
        if expected != Some(&found) || ask.chunk.len() > MAX_CHUNK {
            warn!(
                chunk = index,
                sender = ask.sender,
                "refused a chunk that is not the one of the snapshot"
            );
            return Ok(Became::Waiting(again(ask.index, &ask.sender)));
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
                if self.next == self.manifest.chunks.len() {
                    Ok(Became::Complete)
                } else {
                    Ok(Became::Waiting(answer(Applied::Accept)))
                }
            }
            // The manifest names this chunk: whoever offers it offers what no node takes from its state.
            Err(error @ StoreError::Damaged { .. }) => {
                warn!(%error, chunk = index, "refused a snapshot: no node makes such a chunk");
                Ok(Became::Refused)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Bytes that the disk has to have room for before it is worth while to begin again.
    fn held(&self) -> u64 {
        self.restoring.bytes().saturating_add(self.bytes)
    }

    /// Puts the state into the node's store when it is the one that the root names.
    fn settle(self, shared: &Shared) -> Result<Settled, EngineError> {
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
            root: self.name.1,
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

/// The name of an offered snapshot; none when a hash is none.
fn name_of(ask: &pb::RequestOfferSnapshot) -> Option<Name> {
    let hash = ask.snapshot.as_ref()?.hash.as_ref();
    Some((
        hash.try_into().ok()?,
        ask.app_hash.as_ref().try_into().ok()?,
    ))
}

fn answer(result: Applied) -> pb::ResponseApplySnapshotChunk {
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
