//! A folder that goes with a measurement.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A folder among those for temporary files, removed when it is dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn make() -> anyhow::Result<Self> {
        let name = format!(
            "chopmark-bench-{}",
            data_encoding::HEXLOWER.encode(&chop_http::random::bytes::<8>())
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind lies in the folder for temporary files.
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}
