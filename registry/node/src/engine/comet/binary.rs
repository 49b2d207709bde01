//! The CometBFT binary: found where `go install` puts it, and of a version that is tested.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// The version that this node is tested with; later ones of the same series are taken too.
const VERSION: (u64, u64, u64) = (0, 38, 26);
/// How to get it.
const INSTALL: &str = "go install github.com/cometbft/cometbft/cmd/cometbft@v0.38.26";

/// Names why there is no usable CometBFT.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BinaryError {
    /// It is nowhere.
    #[error(
        "cometbft was not found in PATH, $GOBIN, $GOPATH/bin or ~/go/bin; it takes 0.38.26 or a later 0.38: {INSTALL}"
    )]
    Missing,
    /// It does not run.
    #[error("{path} does not run: {source}")]
    Broken {
        /// The binary.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is of another version.
    #[error("{path} is version {found:?}; it takes 0.38.26 or a later 0.38: {INSTALL}")]
    Version {
        /// The binary.
        path: PathBuf,
        /// What it said.
        found: String,
    },
}

/// A CometBFT of a usable version.
#[derive(Debug, Clone)]
pub struct Binary {
    path: PathBuf,
}

impl Binary {
    /// Looks for `cometbft` in `PATH`, `$GOBIN`, `$GOPATH/bin` and `~/go/bin`, and checks its version.
    ///
    /// # Errors
    /// When there is none, it does not run, or its version is another; each says how to get the right one.
    pub fn find() -> Result<Self, BinaryError> {
        let path = places()
            .into_iter()
            .map(|folder| folder.join("cometbft"))
            .find(|path| path.is_file())
            .ok_or(BinaryError::Missing)?;
        Self::at(path)
    }

    /// Takes the binary at a path, and checks its version.
    ///
    /// # Errors
    /// As [`Binary::find`].
    pub fn at(path: PathBuf) -> Result<Self, BinaryError> {
        let output = Command::new(&path).arg("version").output();
        match output {
            Ok(output) => {
                let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                if is_usable(&found) {
                    Ok(Self { path })
                } else {
                    Err(BinaryError::Version { path, found })
                }
            }
            Err(source) => Err(BinaryError::Broken { path, source }),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    places.extend(std::env::var_os("GOBIN").map(PathBuf::from));
    let go = std::env::var_os("GOPATH").map(PathBuf::from);
    places.extend(go.map(|go| go.join("bin")));
    places.extend(std::env::home_dir().map(|home| home.join("go/bin")));
    places
}

/// Whether `0.38.N`, perhaps with a build in its tail, is of the series and not older than the tested one.
fn is_usable(version: &str) -> bool {
    let mut numbers = version
        .trim_start_matches('v')
        .split(|character: char| !character.is_ascii_digit())
        .map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0_u64);
    let (major, minor, patch) = (next(), next(), next());
    (major, minor) == (VERSION.0, VERSION.1) && patch >= VERSION.2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_tested_version_and_later_ones_of_its_series() {
        for good in [
            "0.38.26",
            "v0.38.26",
            "0.38.27",
            "0.38.26+1a2b3c4",
            "0.38.100",
        ] {
            assert!(is_usable(good), "{good}");
        }
        for bad in [
            "", "0.38.25", "0.37.26", "1.0.1", "0.39.27", "38.26", "unknown",
        ] {
            assert!(!is_usable(bad), "{bad}");
        }
    }

    #[test]
    fn says_how_to_get_it_when_it_is_of_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cometbft");
        std::fs::write(&path, "#!/bin/sh\necho 1.0.1\n").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let refused = Binary::at(path).unwrap_err();
        assert!(matches!(&refused, BinaryError::Version { found, .. } if found == "1.0.1"));
        assert!(refused.to_string().contains(INSTALL), "{refused}");
    }
}
