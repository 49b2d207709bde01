//! Files that are written whole or not at all, and never replaced.

use std::fs::{DirBuilder, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::KeystoreError;

/// The most bytes that a file of the store may have.
const MAX_FILE: u64 = 16 * 1024;

/// Creates the directory with mode 0700 if it is missing, and refuses one that others may write to.
pub(crate) fn prepare_dir(dir: &Path) -> Result<(), KeystoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(failed(dir))?;
    check_dir(dir)
}

/// Refuses a directory that others may write to: they could put another store in this one's place.
pub(crate) fn check_dir(dir: &Path) -> Result<(), KeystoreError> {
    let mode = dir.metadata().map_err(failed(dir))?.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(KeystoreError::Writable {
            dir: dir.to_owned(),
            mode,
        });
    }
    Ok(())
}

/// Writes a new file with mode 0600; `false` means that one of this name was there, and still is.
pub(crate) fn create<T: Serialize>(path: &Path, value: &T) -> Result<bool, KeystoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let text = serde_json::to_vec_pretty(value).map_err(|error| KeystoreError::Damaged {
        file: path.to_owned(),
        reason: error.to_string(),
    })?;
    // Temporary files are made with mode 0600 (tempfile's contract), and vanish if this function fails.
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(dir)
        .map_err(failed(dir))?;
    file.write_all(&text)
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.as_file().sync_all())
        .map_err(failed(path))?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(failed(path)(error.error)),
    }
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed(dir))?;
    Ok(true)
}

/// Reads a file; `None` means that there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, KeystoreError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path)(error)),
    };
    let mut text = Vec::new();
    file.take(MAX_FILE)
        .read_to_end(&mut text)
        .map_err(failed(path))?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| KeystoreError::Damaged {
            file: path.to_owned(),
            reason: error.to_string(),
        })
}

/// Makes what happened to a directory's entries durable.
pub(crate) fn sync(dir: &Path) -> Result<(), KeystoreError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed(dir))
}

pub(crate) fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> KeystoreError {
    let path = path.to_owned();
    move |source| KeystoreError::Io { path, source }
}
