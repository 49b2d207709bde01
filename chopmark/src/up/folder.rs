//! The data folder: who may open it, what is in it, which mode its keys belong to.
//!
//! ```text
//! DIR/lock             held while a process runs on the folder
//! DIR/mode             `standard` or `conformance`, fixed by the first start
//! DIR/passphrase       made (0600) when no passphrase was given
//! DIR/admin.token      authorises writes over HTTP (0600)
//! DIR/keys/            the encrypted keystore
//! DIR/genesis.json     the ledger's genesis
//! DIR/trust-root.json  what clients pin
//! DIR/registry.redb    blocks, state, proofs
//! DIR/leaves.redb      the items of batches
//! DIR/projection.sqlite the read model, which can be built again at any time
//! DIR/issuer.sqlite    the issuing service's own state
//! DIR/member.json      the organisation as founder and validator of a consortium's ledger
//! DIR/peers.json       where the other validators are
//! DIR/cometbft/        CometBFT's folder
//! DIR/promotion.json   how a solo ledger ended that became a consortium's
//! DIR/sync.json        from whom an empty folder takes its state
//! DIR/snapshots/       the state for nodes that join, in chunks
//! DIR/pid              the process that runs on the folder, of `chopmark node`
//! DIR/copy             marks a backup, and what is being restored: nothing runs on it
//! DIR/tls.json         the self-signed certificate of --tls-listen, with its key (0600)
//! ```

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chop_keystore::Passphrase;
use data_encoding::BASE64URL_NOPAD;

use crate::files;

/// Marks a copy of a data folder.
pub(crate) const COPY: &str = "copy";
/// What lies in the file of that name, for whoever finds it.
const COPY_TEXT: &[u8] = b"This folder is a backup, or was not restored whole. Nothing runs on it: its keys would sign again what they have signed.\n\
`chopmark node restore --from BACKUP --data DIR` makes a data folder of a backup.\n";

/// Which kind of stack a folder belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Writes need the admin token.
    Standard,
    /// Everything is open, on loopback only, under keys that nobody may trust.
    Conformance,
}

impl Mode {
    const fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Conformance => "conformance",
        }
    }
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// A file or the folder cannot be made, read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process runs on the folder.
    #[error("{path} is in use by another process")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is a backup, or its restoring was cut short.
    #[error(
        "{path} is a backup or was not restored whole, and nothing runs on it: expected a data folder; make one with `chopmark node restore --from BACKUP --data DIR`"
    )]
    Copy {
        /// The folder.
        path: PathBuf,
    },
    /// The folder's keys belong to the other mode.
    #[error(
        "the keys in {path} belong to {found} mode, and this start asks for {asked} mode; use another folder"
    )]
    Mode {
        /// The folder.
        path: PathBuf,
        /// The mode that the folder is of.
        found: String,
        /// The mode that was asked for.
        asked: &'static str,
    },
}

/// An opened data folder; it stays locked as long as this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes or opens the folder (0700), locks it and checks its mode.
    ///
    /// # Errors
    /// [`FolderError`] when it cannot be written, is in use, is of the other mode, or is a copy.
    pub(crate) fn open(path: &Path, mode: Mode) -> Result<Self, FolderError> {
        refuse_copy(path)?;
        Self::open_marked(path, mode)
    }

    /// Opens a folder as [`Folder::open`] does, though it is marked as a copy: to finish it.
    ///
    /// # Errors
    /// As [`Folder::open`].
    pub(crate) fn open_marked(path: &Path, mode: Mode) -> Result<Self, FolderError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(fail(path))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(fail(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(FolderError::Locked {
                    path: path.to_owned(),
                });
            }
            Err(fs::TryLockError::Error(source)) => {
                return Err(FolderError::Io {
                    path: lock_path,
                    source,
                });
            }
        }
        let folder = Self {
            path: path.to_owned(),
            _lock: lock,
        };
        let found = folder.read_or_create("mode", || format!("{}\n", mode.name()))?;
        if found.trim_end() == mode.name() {
            Ok(folder)
        } else {
            let found = found.trim_end().to_owned();
            Err(FolderError::Mode {
                path: path.to_owned(),
                found,
                asked: mode.name(),
            })
        }
    }

    /// The path of a file or folder in it.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The admin token: 256 bits in base64url, made at the first start.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub(crate) fn admin_token(&self) -> Result<String, FolderError> {
        let token = self.read_or_create("admin.token", || format!("{}\n", secret()))?;
        Ok(token.trim_end().to_owned())
    }

    /// The folder's own passphrase, made at the first start: for evaluation, as it lies beside the keys that it protects.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub(crate) fn passphrase(&self) -> Result<Passphrase, FolderError> {
        let text = self.read_or_create("passphrase", || format!("{}\n", secret()))?;
        Ok(Passphrase::new(text.trim_end().to_owned()))
    }

    /// Whether a file exists in it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.join(name).exists()
    }

    /// Reads a file, or makes it (0600) whole or not at all.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub(crate) fn read_or_create(
        &self,
        name: &str,
        content: impl FnOnce() -> String,
    ) -> Result<String, FolderError> {
        match fs::read_to_string(self.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let content = content();
                self.write(name, content.as_bytes())?;
                Ok(content)
            }
            read => read.map_err(|source| FolderError::Io {
                path: self.join(name),
                source,
            }),
        }
    }

    /// Writes a file (0600) whole or not at all.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        let path = self.join(name);
        files::replace(&path, content).map_err(|source| FolderError::Io { path, source })
    }
}

/// Refuses a backup and what was not restored whole.
///
/// # Errors
/// [`FolderError::Copy`].
pub(crate) fn refuse_copy(path: &Path) -> Result<(), FolderError> {
    if path.join(COPY).exists() {
        let path = path.to_owned();
        return Err(FolderError::Copy { path });
    }
    Ok(())
}

/// Marks a folder as a copy, durably; the first thing that is written into one.
///
/// # Errors
/// What the system said.
pub(crate) fn mark_copy(path: &Path) -> io::Result<()> {
    files::replace(&path.join(COPY), COPY_TEXT)
}

/// Takes the mark away, the last step of a restoring.
///
/// # Errors
/// What the system said.
pub(crate) fn unmark_copy(path: &Path) -> io::Result<()> {
    fs::remove_file(path.join(COPY))?;
    File::open(path)?.sync_all()
}

/// Whether a process runs on the folder.
pub(crate) fn is_in_use(path: &Path) -> bool {
    File::open(path.join("lock"))
        .is_ok_and(|lock| matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

fn secret() -> String {
    BASE64URL_NOPAD.encode(&chop_http::random::bytes::<32>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn keeps_what_it_made_and_makes_it_private() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("data");
        let token = Folder::open(&path, Mode::Standard)
            .unwrap()
            .admin_token()
            .unwrap();
        let again = Folder::open(&path, Mode::Standard).unwrap();
        assert_eq!(again.admin_token().unwrap(), token);
        assert_eq!(
            fs::metadata(path.join("admin.token"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn refuses_a_second_process_on_one_folder() {
        let root = tempfile::tempdir().unwrap();
        let _first = Folder::open(root.path(), Mode::Standard).unwrap();
        assert!(matches!(
            Folder::open(root.path(), Mode::Standard),
            Err(FolderError::Locked { .. })
        ));
    }

    #[test]
    fn refuses_a_copy_and_leaves_it_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        mark_copy(root.path()).unwrap();
        let refused = Folder::open(root.path(), Mode::Standard);
        assert!(matches!(refused, Err(FolderError::Copy { .. })));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        drop(Folder::open_marked(root.path(), Mode::Standard).unwrap());
        unmark_copy(root.path()).unwrap();
        drop(Folder::open(root.path(), Mode::Standard).unwrap());
    }

    #[test]
    fn refuses_keys_of_another_mode() {
        let root = tempfile::tempdir().unwrap();
        drop(Folder::open(root.path(), Mode::Standard).unwrap());
        assert!(matches!(
            Folder::open(root.path(), Mode::Conformance),
            Err(FolderError::Mode { .. })
        ));
    }
}
