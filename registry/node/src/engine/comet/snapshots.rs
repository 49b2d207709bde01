//! State snapshots for nodes that join: taken beside the running ledger, in files, in chunks that hash to what they should.
//!
//! ```text
//! SNAPSHOTS/HEIGHT/manifest    borsh(Manifest): height, chunk hashes, handover; its SHA-256 names the snapshot
//! SNAPSHOTS/HEIGHT/NNNNNN      borsh(Vec<Entry>): state values in the order of their keys, then the DID operations
//! ```
//!
//! Every node that takes one at a height makes the same bytes, so chunks may come from several.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use borsh::{BorshDeserialize, BorshSerialize};
use prost::bytes::Bytes;
use sha2::{Digest, Sha256};
use tendermint_proto::v0_38::abci as pb;
use tracing::{debug, info, warn};

use crate::engine::EngineError;
use crate::store::{Entry, Snapshot, StoreError};

/// The one format there is.
pub(super) const FORMAT: u32 = 1;
/// Bytes of entries after which a chunk is full; the last entry may go beyond.
const CHUNK_BYTES: usize = 1024 * 1024;
/// The longest chunk: a full one and the largest entry.
pub(super) const MAX_CHUNK: usize = 4 * 1024 * 1024;
/// Most chunks of a snapshot, so that its manifest fits into a message of CometBFT's peers.
pub(super) const MAX_CHUNKS: usize = 65_536;
/// How many snapshots are kept: one that a node fetches now, and the one after it.
const KEEP: usize = 2;

/// Where and how often snapshots are taken.
#[derive(Debug, Clone)]
pub struct SnapshotConfig {
    /// The folder that holds them.
    pub folder: PathBuf,
    /// A snapshot is taken at every height that this divides; 0 takes none.
    pub interval: u64,
}

/// What a snapshot consists of.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Manifest {
    pub(super) height: u64,
    pub(super) chunks: Vec<[u8; 32]>,
    /// How the solo ledger ended that this one was, JSON.
    pub(super) handover: Option<Vec<u8>>,
}

/// The snapshots of a node. The thread that takes one ends with this.
pub(super) struct Snapshots {
    config: SnapshotConfig,
    ending: Arc<AtomicBool>,
    taking: Mutex<Option<JoinHandle<()>>>,
}

impl Snapshots {
    pub(super) fn new(config: SnapshotConfig) -> Self {
        Self {
            config,
            ending: Arc::default(),
            taking: Mutex::default(),
        }
    }

    /// Takes a snapshot in the background when it is time for one, and none is being taken.
    pub(super) fn committed(
        &self,
        height: u64,
        snapshot: impl FnOnce() -> Result<Snapshot, StoreError>,
    ) {
        let is_due = self.config.interval > 0 && height.is_multiple_of(self.config.interval);
        let mut taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_due || taking.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let snapshot = match snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                warn!(height, %error, "no snapshot is taken");
                return;
            }
        };
        let (folder, ending) = (self.config.folder.clone(), Arc::clone(&self.ending));
        let work = move || match take(&folder, height, &snapshot, &ending) {
            Ok(chunks) => info!(height, chunks, "took a snapshot of the state"),
            Err(error) => warn!(height, %error, "the snapshot was not taken"),
        };
        let thread = std::thread::Builder::new().name("snapshot".to_owned());
        match thread.spawn(work) {
            Ok(thread) => *taking = Some(thread),
            Err(error) => warn!(%error, "no thread takes the snapshot"),
        }
    }

    /// What other nodes may ask for.
    pub(super) fn list(&self) -> pb::ResponseListSnapshots {
        let heights = heights(&self.config.folder);
        let known = heights.into_iter().filter_map(|height| {
            let bytes = fs::read(manifest_path(&self.config.folder, height)).ok()?;
            let manifest = Manifest::try_from_slice(&bytes).ok()?;
            Some(pb::Snapshot {
                height,
                format: FORMAT,
                chunks: u32::try_from(manifest.chunks.len()).ok()?,
                hash: Bytes::copy_from_slice(&Sha256::digest(&bytes)),
                metadata: bytes.into(),
            })
        });
        pb::ResponseListSnapshots {
            snapshots: known.collect(),
        }
    }

    /// A chunk; empty when it is not there.
    pub(super) fn chunk(&self, ask: pb::RequestLoadSnapshotChunk) -> pb::ResponseLoadSnapshotChunk {
        let folder = self.config.folder.join(ask.height.to_string());
        let chunk = if ask.format == FORMAT {
            fs::read(folder.join(chunk_name(ask.chunk as usize))).unwrap_or_default()
        } else {
            Vec::new()
        };
        debug!(
            height = ask.height,
            chunk = ask.chunk,
            bytes = chunk.len(),
            "handed a chunk out"
        );
        pb::ResponseLoadSnapshotChunk {
            chunk: chunk.into(),
        }
    }
}

impl Drop for Snapshots {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        let taking = self
            .taking
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = taking {
            let _ended = thread.join();
        }
    }
}

/// Writes the chunks and, last, the manifest: a folder without one is no snapshot.
fn take(
    folder: &Path,
    height: u64,
    snapshot: &Snapshot,
    ending: &AtomicBool,
) -> Result<usize, EngineError> {
    let place = folder.join(height.to_string());
    let failed = |error: std::io::Error| EngineError::from(StoreError::from(error));
    if place.exists() {
        fs::remove_dir_all(&place).map_err(failed)?;
    }
    fs::create_dir_all(&place).map_err(failed)?;
    let mut chunks = Chunks {
        place: place.clone(),
        hashes: Vec::new(),
        entries: Vec::new(),
        bytes: 0,
    };
    snapshot.each_entry(|entry| {
        if ending.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        chunks.push(entry)
    })?;
    chunks.write()?;
    let count = chunks.hashes.len();
    let manifest = Manifest {
        height,
        chunks: chunks.hashes,
        handover: snapshot.handover()?,
    };
    let bytes = borsh::to_vec(&manifest).map_err(failed)?;
    fs::write(manifest_path(folder, height), bytes).map_err(failed)?;
    let all = heights(folder);
    for old in all.iter().rev().skip(KEEP) {
        // One that somebody reads now is removed the next time.
        let _removed = fs::remove_dir_all(folder.join(old.to_string()));
    }
    Ok(count)
}

/// Chunks in the making.
struct Chunks {
    place: PathBuf,
    hashes: Vec<[u8; 32]>,
    entries: Vec<Entry>,
    bytes: usize,
}

impl Chunks {
    fn push(&mut self, entry: Entry) -> Result<(), StoreError> {
        self.bytes += match &entry {
            Entry::Value(key, value) => key.len() + value.len(),
            Entry::Operation(scid, _, body) => scid.len() + body.len(),
        };
        self.entries.push(entry);
        if self.bytes >= CHUNK_BYTES {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), StoreError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        if self.hashes.len() >= MAX_CHUNKS {
            return Err(StoreError::Damaged {
                what: "snapshot",
                reason: format!("it takes more than {MAX_CHUNKS} chunks"),
            });
        }
        let bytes = borsh::to_vec(&self.entries)?;
        fs::write(self.place.join(chunk_name(self.hashes.len())), &bytes)?;
        self.hashes.push(Sha256::digest(&bytes).into());
        self.entries.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// The heights of complete snapshots, rising.
fn heights(folder: &Path) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut heights: Vec<u64> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|height| manifest_path(folder, *height).exists())
        .collect();
    heights.sort_unstable();
    heights
}

fn manifest_path(folder: &Path, height: u64) -> PathBuf {
    folder.join(height.to_string()).join("manifest")
}

fn chunk_name(index: usize) -> String {
    format!("{index:06}")
}
