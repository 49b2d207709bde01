//! `chopmark node backup`: what a stopped node has and nobody else, with what its keys signed last.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use chop_http::clock;
use chop_integrity::Timestamp;
use chop_node::engine::comet::{is_running, last_signed};
use chop_node::store::Store;
use chop_protocol::LedgerGenesis;
use clap::Args;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cli::{Done, Failure, Mark, Page};
use crate::up::{Folder, Mode, USED_KEYS, mark_copy};

/// Names what is in a backup; a folder without it is none.
const MANIFEST: &str = "backup.json";
const FORMAT: u32 = 2;
/// Bytes that are copied at once.
const PIECE: usize = 1024 * 1024;

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The data folder, which no process uses
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// The folder to write, which is empty or is made
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Who signs the headers of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    /// The one key of the folder.
    Solo,
    /// The validators of several members.
    Member,
}

/// What a backup consists of.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    /// The ledger's id.
    pub(super) ledger: String,
    pub(super) kind: Kind,
    /// When it was made, by this machine's clock.
    pub(super) taken: Timestamp,
    /// Height of the last block.
    pub(super) height: u64,
    /// The last height that the key which signs headers has signed; of a member, no file says it.
    pub(super) signed: Option<u64>,
    /// Every file but the manifest.
    pub(super) files: Vec<Kept>,
}

/// A file of a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Kept {
    /// Its place in the folder, with slashes.
    pub(super) path: String,
    /// SHA-256 in hexadecimal digits.
    pub(super) sha256: String,
}

impl Manifest {
    /// The manifest of a backup.
    ///
    /// # Errors
    /// When there is none or it is of another format.
    pub(super) fn read(backup: &Path) -> anyhow::Result<Self> {
        let path = backup.join(MANIFEST);
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let manifest: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is malformed", path.display()))?;
        ensure!(
            manifest.format == FORMAT,
            "the backup is of format {}, this program reads {FORMAT}",
            manifest.format
        );
        Ok(manifest)
    }

    fn write(&self, backup: &Path) -> anyhow::Result<()> {
        let (path, temporary) = (backup.join(MANIFEST), backup.join(".backup.new"));
        let mut file = create(&temporary)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        Ok(File::open(backup)?.sync_all()?)
    }
}

impl Backup {
    /// Copies the folder.
    pub(super) fn run(&self) -> Result<Done, Failure> {
        if !self.data.join("genesis.json").exists() {
            let data = self.data.display();
            return Err(Failure::usage(anyhow!("{data} holds no ledger")));
        }
        let folder = Folder::open(&self.data, Mode::Standard)
            .context("a backup is taken of a node that is stopped")
            .map_err(Failure::usage)?;
        let mut manifest = describe(&folder).map_err(Failure::usage)?;
        self.make_out().map_err(Failure::usage)?;
        mark_copy(&self.out).map_err(Failure::internal)?;
        manifest.files = copy_all(&self.data, &self.out).map_err(Failure::internal)?;
        manifest.write(&self.out).map_err(Failure::internal)?;
        let value = json!({
            "ledger": manifest.ledger,
            "height": manifest.height,
            "signed": manifest.signed,
            "files": manifest.files.len(),
            "out": self.out,
        });
        let page = Page::new()
            .heading(Mark::Good, "the backup is written")
            .field("ledger", &manifest.ledger)
            .field("last block", manifest.height)
            .field("last height signed", manifest.signed.unwrap_or(0))
            .field("files", manifest.files.len())
            .text("It holds the keys, sealed. Bring it back with `chopmark node restore` only: a copy of its files would let a key sign a height twice.");
        Ok(Done::new(value, page))
    }

    /// Makes the folder to write, outside of the one that is copied: inside it would be copied into itself without end.
    fn make_out(&self) -> anyhow::Result<()> {
        let was_there = self.out.exists();
        empty(&self.out)?;
        let (data, out) = (self.data.canonicalize()?, self.out.canonicalize()?);
        if out.starts_with(&data) {
            if !was_there {
                fs::remove_dir(&out)?;
            }
            bail!(
                "{} lies in {}, the folder that is copied: expected one outside of it",
                out.display(),
                data.display()
            );
        }
        Ok(())
    }
}

/// Everything that a manifest says but the files.
fn describe(folder: &Folder) -> anyhow::Result<Manifest> {
    let genesis = fs::read_to_string(folder.join("genesis.json"))?;
    let genesis = LedgerGenesis::parse(genesis.trim_end().as_bytes())?;
    let state = folder.join("registry.redb");
    let is_member = folder.has("peers.json");
    // The state of a member comes from the others again, its keys do not.
    ensure!(
        state.exists() || (is_member && folder.has(USED_KEYS)),
        "the folder's node has never run: there is nothing that `node init` and `node join` do not make again"
    );
    let (mut height, mut signed) = (0, None);
    if state.exists() {
        let snapshot = Store::open_frozen(&state)?.snapshot()?;
        height = snapshot.last_block()?.map_or(0, |(height, _)| height);
        signed = snapshot.last_signed()?.map(|(height, _)| height);
    }
    let home = folder.join("cometbft");
    let kind = if is_member {
        ensure!(
            !is_running(&home)?,
            "the CometBFT of this folder runs still: wait until it has ended"
        );
        signed = last_signed(&home)?;
        Kind::Member
    } else {
        Kind::Solo
    };
    Ok(Manifest {
        format: FORMAT,
        ledger: genesis.id().to_string(),
        kind,
        taken: Timestamp::from_unix_ms(clock::now_ms()),
        height,
        signed,
        files: Vec::new(),
    })
}

/// Makes a folder (0700) that nothing is in.
///
/// # Errors
/// When something is.
pub(super) fn empty(folder: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot make {}", folder.display());
    make(folder).with_context(cannot)?;
    let mut entries = fs::read_dir(folder).with_context(cannot)?;
    ensure!(
        entries.next().is_none(),
        "{} is not empty",
        folder.display()
    );
    Ok(())
}

pub(super) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// What a node makes again, and what a copy must not have: the key in the clear, what it signed last, which would let CometBFT
/// start with it, and CometBFT's own notes of a height under way.
fn is_left_out(path: &str) -> bool {
    const WHOLE: [&str; 10] = [
        "lock",
        "pid",
        "node.log",
        "snapshots",
        "cometbft/abci.sock",
        "cometbft/rpc.sock",
        "cometbft/config/priv_validator_key.json",
        "cometbft/data/priv_validator_state.json",
        "cometbft/data/cs.wal",
        "cometbft/data/statesync",
    ];
    WHOLE.contains(&path)
        || path.starts_with("projection.sqlite")
        || [".new", ".restoring", ".room"]
            .iter()
            .any(|ending| path.ends_with(ending))
}

/// Copies what belongs into a backup.
fn copy_all(from: &Path, to: &Path) -> anyhow::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        make(&to.join(&folder))?;
        let mut names = Vec::new();
        for entry in fs::read_dir(from.join(&folder))? {
            let name = entry?.file_name();
            let name = name.to_str().context("a file's name is no text")?;
            names.push(name.to_owned());
        }
        names.sort_unstable();
        for name in names {
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            if is_left_out(&path) {
                continue;
            }
            let kind = fs::symlink_metadata(from.join(&path))?.file_type();
            if kind.is_dir() {
                folders.push(path);
            } else {
                ensure!(kind.is_file(), "{path} is no file: it is not copied");
                let sha256 = copy(&from.join(&path), &to.join(&path))?;
                kept.push(Kept { path, sha256 });
            }
        }
        File::open(to.join(&folder))?.sync_all()?;
    }
    Ok(kept)
}

/// Copies a file (0600) durably; the SHA-256 of what was copied.
///
/// # Errors
/// When a file cannot be read or written, or the target exists.
pub(super) fn copy(from: &Path, to: &Path) -> anyhow::Result<String> {
    let copied = || -> io::Result<String> {
        let (mut source, mut target) = (File::open(from)?, create(to)?);
        let mut hash = Sha256::new();
        let mut piece = Vec::with_capacity(PIECE);
        loop {
            piece.clear();
            let read = Read::by_ref(&mut source)
                .take(PIECE as u64)
                .read_to_end(&mut piece)?;
            if read == 0 {
                break;
            }
            hash.update(&piece);
            target.write_all(&piece)?;
        }
        target.sync_all()?;
        Ok(HEXLOWER.encode(&hash.finalize()))
    };
    copied().with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::found::genesis_of;
    use crate::up::{Candidate, Peers, keystore};
    use chop_node::engine::comet::raise_last_signed;
    use chop_protocol::Parameters;

    #[test]
    fn backs_up_the_keys_of_a_member_whose_state_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path(), Mode::Standard).unwrap();
        let keystore = keystore(&folder, None).unwrap();
        let members = [Candidate::of(&folder, &keystore, "127.0.0.1:26656").unwrap()];
        let genesis = genesis_of(&members, Parameters::default()).unwrap();
        let known = Peers::of(&genesis, &members, &[]).unwrap();
        Peers::join(&folder, &genesis, known).unwrap();
        let refused = describe(&folder).unwrap_err().to_string();
        assert!(refused.contains("has never run"), "{refused}");
        fs::write(folder.join(USED_KEYS), "a key\n").unwrap();
        raise_last_signed(&folder.join("cometbft"), 7).unwrap();
        let described = describe(&folder).unwrap();
        assert_eq!(described.kind, Kind::Member);
        assert_eq!((described.height, described.signed), (0, Some(7)));
    }
}
