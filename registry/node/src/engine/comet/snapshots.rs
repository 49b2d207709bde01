//! State snapshots for nodes that join: taken beside the running ledger, in files, in chunks that hash to what they should.
//!
//! ```text
//! SNAPSHOTS/HEIGHT/manifest    borsh(Manifest): height, chunk hashes, last solo header; its SHA-256 names the snapshot
//! SNAPSHOTS/HEIGHT/NNNNNN      borsh(Vec<Entry>): state values in the order of their keys, then the DID operations
//! SNAPSHOTS/taking/…           one in the making; it gets its name when all of it is on disk
//! ```
//!
//! Every node that takes one at a height makes the same bytes, so chunks may come from several.

use std::fs::{self, File};
use std::io::{self, Write as _};
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

/// The format that is made and taken; the one before carried the whole handover.
pub(super) const FORMAT: u32 = 2;
/// The folder of a snapshot in the making.
const TAKING: &str = "taking";
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
    /// The hash of the last header of the solo ledger that this one was: what a receiver compares with the promotion that it knows.
    pub(super) promoted_by: Option<[u8; 32]>,
}

/// The snapshots of a node. The thread that takes one ends with this.
pub(super) struct Snapshots {
    config: SnapshotConfig,
    ending: Arc<AtomicBool>,
    taking: Mutex<Option<JoinHandle<()>>>,
}

impl Snapshots {
    /// Begins over a folder; what an earlier process left unfinished goes.
    pub(super) fn new(config: SnapshotConfig) -> Self {
        sweep(&config.folder);
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
        promoted_by: Option<[u8; 32]>,
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
        let work = move || match take(&folder, (height, promoted_by), &snapshot, &ending) {
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
            let (manifest, bytes) = manifest(&self.config.folder, height)?;
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

/// Writes a snapshot beside the others, and puts it among them when all of it is on disk.
fn take(
    folder: &Path,
    named: (u64, Option<[u8; 32]>),
    snapshot: &Snapshot,
    ending: &AtomicBool,
) -> Result<usize, EngineError> {
    let place = folder.join(TAKING);
    let taken = write(&place, named, snapshot, ending).and_then(|chunks| {
        let target = folder.join(named.0.to_string());
        remove(&target)?;
        fs::rename(&place, &target)?;
        File::open(folder)?.sync_all()?;
        Ok(chunks)
    });
    // A snapshot that failed takes no room: on a full disk it is the node's.
    remove(&place).map_err(StoreError::from)?;
    sweep(folder);
    Ok(taken?)
}

fn write(
    place: &Path,
    (height, promoted_by): (u64, Option<[u8; 32]>),
    snapshot: &Snapshot,
    ending: &AtomicBool,
) -> Result<usize, StoreError> {
    remove(place)?;
    fs::create_dir_all(place)?;
    let mut chunks = Chunks {
        place,
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
        promoted_by,
    };
    write_durably(&place.join("manifest"), &borsh::to_vec(&manifest)?)?;
    File::open(place)?.sync_all()?;
    Ok(count)
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn remove(place: &Path) -> io::Result<()> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes what is no snapshot of this format, and all but the newest ones.
fn sweep(folder: &Path) {
    let newest: Vec<String> = heights(folder)
        .iter()
        .rev()
        .take(KEEP)
        .map(u64::to_string)
        .collect();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let old = entries.filter(|entry| {
        let name = entry.file_name();
        !newest.iter().any(|kept| name == kept.as_str())
    });
    for entry in old {
        // One that cannot be removed now is removed the next time.
        if let Err(error) = remove(&entry.path()) {
            debug!(path = %entry.path().display(), %error, "an old snapshot stays");
        }
    }
}

/// Chunks in the making.
struct Chunks<'a> {
    place: &'a Path,
    hashes: Vec<[u8; 32]>,
    entries: Vec<Entry>,
    bytes: usize,
}

impl Chunks<'_> {
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
        write_durably(&self.place.join(chunk_name(self.hashes.len())), &bytes)?;
        self.hashes.push(Sha256::digest(&bytes).into());
        self.entries.clear();
        self.bytes = 0;
        Ok(())
    }
}

/// The heights of the snapshots, rising.
fn heights(folder: &Path) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut heights: Vec<u64> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|height| manifest(folder, *height).is_some())
        .collect();
    heights.sort_unstable();
    heights
}

/// The manifest of a snapshot, with its bytes; `None` when it is torn or of another format.
fn manifest(folder: &Path, height: u64) -> Option<(Manifest, Vec<u8>)> {
    let bytes = fs::read(folder.join(height.to_string()).join("manifest")).ok()?;
    let manifest = Manifest::try_from_slice(&bytes).ok()?;
    (manifest.height == height).then_some((manifest, bytes))
}

fn chunk_name(index: usize) -> String {
    format!("{index:06}")
}
