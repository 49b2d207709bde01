//! Why the key store did not do what was asked.

use std::path::PathBuf;

use chop_keys::KeyError;

use crate::{KeyName, KeyNameError};

/// Says why the key store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeystoreError {
    /// The passphrase does not open this store, or `keystore.json` was changed.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// An empty passphrase protects nothing.
    #[error("passphrase is empty")]
    EmptyPassphrase,
    /// The directory holds no key store.
    #[error("{} holds no key store", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// Key files lie in the directory without the `keystore.json` that opens them.
    #[error("{} holds key files, but no keystore.json to open them", dir.display())]
    Orphaned {
        /// The directory.
        dir: PathBuf,
    },
    /// Others may write to the directory.
    #[error("{} may be written by others (mode {mode:o})", dir.display())]
    Writable {
        /// The directory.
        dir: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// No key has this name.
    #[error("no key is named {name}")]
    NotFound {
        /// The name.
        name: KeyName,
    },
    /// A key has this name already; it is left as it is.
    #[error("a key named {name} exists already")]
    Exists {
        /// The name.
        name: KeyName,
    },
    /// A file is not what the store wrote.
    #[error("{}: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The random source gave no usable key.
    #[error("random source gave no usable key: {0}")]
    Random(KeyError),
    /// A file's name is not that of a key.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// The derivation of the master key failed.
    #[error("key derivation failed: {reason}")]
    Derivation {
        /// What the library said.
        reason: String,
    },
    /// A sealed secret was sealed by another store or for another purpose, or was changed.
    #[error("this key store did not seal it for this purpose")]
    OtherSeal,
    /// Sealing failed.
    #[error("sealing failed")]
    Sealing,
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
