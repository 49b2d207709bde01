//! The encrypted key folder of the person at the keyboard, and the names under which they know their DIDs.
//!
//! Keys of a DID are named after it: `orchard.update-1`, `orchard.update-2` (pre-rotated), `orchard.recovery-1`,
//! `orchard.key-1` (in the document). The names are for people; commands find a key by its public half.

use super::{Failure, Terminal};
use crate::files::replace;
use anyhow::{Context as _, anyhow};
use chop_keys::{KeyType, PrivateKey, PublicKey};
use chop_keystore::{KeyName, Keystore, KeystoreError, Passphrase, SealedSecret};
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where the keys are and what opens them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct KeyringArgs {
    /// Folder of the encrypted keys
    #[arg(
        long,
        value_name = "DIR",
        default_value = "chopmark-keys",
        env = "CHOPMARK_KEYS"
    )]
    pub(crate) keys: PathBuf,
    /// File with the passphrase; else `CHOPMARK_PASSPHRASE`, else a prompt
    #[arg(long, value_name = "FILE", env = "CHOPMARK_PASSPHRASE_FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// The opened key folder.
pub(crate) struct Keyring {
    store: Keystore,
    folder: PathBuf,
}

impl KeyringArgs {
    /// Opens the folder.
    ///
    /// # Errors
    /// A usage failure when there is none or the passphrase is wrong.
    pub(crate) fn open(&self, terminal: &Terminal) -> Result<Keyring, Failure> {
        if !self.keys.join("keystore.json").is_file() {
            let error = anyhow!(
                "there is no key folder at {}; `chopmark key new` makes one, --keys names another",
                self.keys.display()
            );
            return Err(Failure::usage(error));
        }
        let passphrase = self.passphrase(terminal, false)?;
        let store = Keystore::open(&self.keys, &passphrase).map_err(Failure::usage)?;
        Ok(Keyring {
            store,
            folder: self.keys.clone(),
        })
    }

    /// Opens the folder, making it when there is none.
    ///
    /// # Errors
    /// A usage failure when the passphrase is wrong or the folder cannot be made.
    pub(crate) fn open_or_create(&self, terminal: &Terminal) -> Result<Keyring, Failure> {
        let fresh = !self.keys.join("keystore.json").is_file();
        let passphrase = self.passphrase(terminal, fresh)?;
        let store = Keystore::open_or_create(&self.keys, &passphrase, &mut chop_http::random::fill)
            .map_err(Failure::usage)?;
        Ok(Keyring {
            store,
            folder: self.keys.clone(),
        })
    }

    fn passphrase(&self, terminal: &Terminal, fresh: bool) -> Result<Passphrase, Failure> {
        if let Some(file) = &self.passphrase_file {
            return read_passphrase(file, terminal).map_err(Failure::usage);
        }
        if let Ok(words) = std::env::var("CHOPMARK_PASSPHRASE") {
            return Ok(Passphrase::new(words));
        }
        if !std::io::stdin().is_terminal() {
            let error = anyhow!(
                "no passphrase: give --passphrase-file FILE, set CHOPMARK_PASSPHRASE, or run on a terminal"
            );
            return Err(Failure::usage(error));
        }
        prompt(fresh).map_err(Failure::usage)
    }
}

fn read_passphrase(file: &Path, terminal: &Terminal) -> anyhow::Result<Passphrase> {
    let shown = file.display();
    let words = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the passphrase file {shown}"))?;
    if is_open_to_others(file) {
        terminal.warn(&format!(
            "others can read the passphrase file {shown}; `chmod 600` closes it"
        ));
    }
    Ok(Passphrase::new(
        words.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

#[cfg(unix)]
fn is_open_to_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_file: &Path) -> bool {
    false
}

fn prompt(fresh: bool) -> anyhow::Result<Passphrase> {
    let ask =
        |words: &str| rpassword::prompt_password(words).context("cannot read from the terminal");
    if !fresh {
        return Ok(Passphrase::new(ask("Passphrase of the key folder: ")?));
    }
    let first = Zeroizing::new(ask("Passphrase for the new key folder: ")?);
    let second = Zeroizing::new(ask("The same again: ")?);
    if first != second {
        return Err(anyhow!("the two passphrases differ"));
    }
    Ok(Passphrase::new(first.to_string()))
}

impl Keyring {
    /// Makes a key under a new name.
    ///
    /// # Errors
    /// A usage failure when the name is taken or no name.
    pub(crate) fn generate(
        &self,
        name: &str,
        key_type: KeyType,
    ) -> Result<Arc<PrivateKey>, Failure> {
        let name = KeyName::parse(name).map_err(Failure::usage)?;
        self.store
            .generate(&name, key_type, &mut chop_http::random::fill)
            .map_err(Failure::usage)
    }

    /// Seals a secret that is kept outside the folder.
    ///
    /// # Errors
    /// When the library does not seal it.
    pub(crate) fn seal(&self, purpose: &str, secret: &[u8]) -> Result<SealedSecret, KeystoreError> {
        self.store
            .seal(purpose, secret, &mut chop_http::random::fill)
    }

    /// Opens what [`Keyring::seal`] made.
    ///
    /// # Errors
    /// When another folder's passphrase sealed it, or for another purpose.
    pub(crate) fn unseal(
        &self,
        purpose: &str,
        sealed: &SealedSecret,
    ) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
        self.store.unseal(purpose, sealed)
    }

    /// Makes a key under `stem-1`, or the first number that is free.
    ///
    /// # Errors
    /// As [`Keyring::generate`].
    pub(crate) fn generate_next(
        &self,
        stem: &str,
        key_type: KeyType,
    ) -> Result<(String, Arc<PrivateKey>), Failure> {
        let taken: Vec<String> = self
            .store
            .list()
            .map_err(Failure::usage)?
            .into_iter()
            .map(|entry| entry.name.to_string())
            .collect();
        let name = (1..=u16::MAX)
            .map(|number| format!("{stem}-{number}"))
            .find(|name| !taken.contains(name))
            .unwrap_or_default();
        Ok((name.clone(), self.generate(&name, key_type)?))
    }

    /// Loads the key of this name.
    ///
    /// # Errors
    /// A not-found failure when there is none.
    pub(crate) fn load(&self, name: &str) -> Result<Arc<PrivateKey>, Failure> {
        let name = KeyName::parse(name).map_err(Failure::usage)?;
        self.store.load(&name).map_err(Failure::not_found)
    }

    /// The names and public keys that are here.
    ///
    /// # Errors
    /// A usage failure when the folder cannot be read.
    pub(crate) fn public_keys(&self) -> Result<Vec<(String, PublicKey)>, Failure> {
        let entries = self.store.list().map_err(Failure::usage)?;
        Ok(entries
            .into_iter()
            .map(|entry| (entry.name.to_string(), entry.public_key))
            .collect())
    }

    /// Loads the keys among `wanted` that are here, with their names, in the order of `wanted`.
    ///
    /// # Errors
    /// A usage failure when the folder cannot be read.
    pub(crate) fn load_known(
        &self,
        wanted: impl Fn(&PublicKey) -> bool,
    ) -> Result<Vec<(String, Arc<PrivateKey>)>, Failure> {
        self.public_keys()?
            .into_iter()
            .filter(|(_, key)| wanted(key))
            .map(|(name, _)| Ok((name.clone(), self.load(&name)?)))
            .collect()
    }

    /// The names given to DIDs in this folder.
    ///
    /// # Errors
    /// A usage failure when the file of names cannot be read.
    pub(crate) fn names(&self) -> Result<BTreeMap<String, String>, Failure> {
        read_names(&self.folder)
    }

    /// Remembers a DID under a name.
    ///
    /// # Errors
    /// A usage failure when the file of names cannot be written.
    pub(crate) fn remember(&self, name: &str, did: &str) -> Result<(), Failure> {
        let mut names = self.names()?;
        names.insert(name.to_owned(), did.to_owned());
        let text = serde_json::to_string_pretty(&names).map_err(Failure::internal)?;
        let file = self.folder.join("dids.json");
        replace(&file, (text + "\n").as_bytes())
            .with_context(|| format!("cannot write {}", file.display()))
            .map_err(Failure::usage)
    }
}

/// Reads the names given to DIDs in a key folder; none when there is no such file.
///
/// # Errors
/// A usage failure when the file is there and cannot be read.
pub(crate) fn read_names(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let file = folder.join("dids.json");
    match std::fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text)
            .with_context(|| format!("{} is not a file of names", file.display()))
            .map_err(Failure::usage),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(Failure::usage(
            anyhow::Error::from(error).context(format!("cannot read {}", file.display())),
        )),
    }
}

/// What a key is for, by the name that commands of this program give such keys; `None` where the name does not say.
///
/// `NAME.update-N`, `NAME.recovery-N`, `NAME.key-N` are a DID's; the others stand in the folder of a node.
pub(crate) fn purpose(name: &str) -> Option<&'static str> {
    match name {
        "operator" => return Some("the operator's key"),
        "operator-update" | "operator-next" => return Some("an update key"),
        "operator-recovery" => return Some("a recovery key"),
        "validator" | "consortium-validator" => return Some("a validator's key"),
        _ => {}
    }
    let (_, role) = name.rsplit_once('.')?;
    match role.rsplit_once('-')?.0 {
        "update" => Some("an update key"),
        "recovery" => Some("a recovery key"),
        "key" => Some("a key of a DID document"),
        _ => None,
    }
}
