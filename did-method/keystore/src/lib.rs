//! Private keys, encrypted on disk.
//!
//! ```text
//! DIR/               0700
//!   keystore.json    0600   Argon2id parameters, salt, and a sealed check of the master key
//!   NAME.key.json    0600   public key, and the secret under XChaCha20-Poly1305(master key)
//! ```
//!
//! The master key is derived once, when the store is opened. Files are written whole or not at all and never replaced.

mod error;
mod files;
mod format;
mod name;
mod passphrase;
mod seal;
mod store;

pub use error::KeystoreError;
pub use format::SealedSecret;
pub use name::{KeyName, KeyNameError};
pub use passphrase::Passphrase;
pub use store::{KeyEntry, Keystore, Random};
