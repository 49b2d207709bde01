//! The files of an authority.

use crate::files::replace;
use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::Path;

/// Takes the folder for this process; it is free again when the file is closed.
pub(super) fn lock(folder: &Path) -> anyhow::Result<File> {
    let lock = File::create(folder.join("lock"))
        .with_context(|| format!("cannot write in {}", folder.display()))?;
    if lock.try_lock().is_err() {
        bail!(
            "another process has the authority in {} open",
            folder.display()
        );
    }
    Ok(lock)
}

pub(super) fn read_json<T: for<'de> Deserialize<'de>>(
    folder: &Path,
    name: &str,
) -> anyhow::Result<T> {
    let file = folder.join(name);
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", file.display()))
}

pub(super) fn write_json(folder: &Path, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    write(folder, name, &text)
}

/// Writes a file (0600) whole or not at all.
pub(super) fn write(folder: &Path, name: &str, content: &[u8]) -> anyhow::Result<()> {
    let file = folder.join(name);
    replace(&file, content).with_context(|| format!("cannot write {}", file.display()))
}
