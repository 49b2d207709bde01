//! The key store itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chop_keys::{KeyError, KeyType, PrivateKey, PublicKey, Signer};
use zeroize::Zeroizing;

use crate::format::{Kdf, KeyFile, KeyFormat, SealedSecret, SecretFormat, StoreFile, StoreFormat};
use crate::seal::MasterKey;
use crate::{KeyName, KeystoreError, Passphrase, files};

/// A source of random bytes, which fills the whole slice.
pub type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

const STORE_FILE: &str = "keystore.json";
const KEY_SUFFIX: &str = ".key.json";

/// An open key store; the master key is in memory until it is dropped.
pub struct Keystore {
    dir: PathBuf,
    master: MasterKey,
}

/// What a key file says in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// The key's name.
    pub name: KeyName,
    /// Its type.
    pub key_type: KeyType,
    /// Its public key.
    pub public_key: PublicKey,
}

impl Keystore {
    /// Opens the store in a directory, or makes one there.
    ///
    /// Of two processes that do so at once, one makes the store and both open it.
    ///
    /// # Errors
    /// When the passphrase is empty or wrong, the directory may be written by others or holds keys without a store, or
    /// the file system fails.
    pub fn open_or_create(
        dir: &Path,
        passphrase: &Passphrase,
        random: Random<'_>,
    ) -> Result<Self, KeystoreError> {
        files::prepare_dir(dir)?;
        let path = dir.join(STORE_FILE);
        if files::read::<StoreFile>(&path)?.is_some() {
            return Self::open(dir, passphrase);
        }
        if passphrase.is_empty() {
            return Err(KeystoreError::EmptyPassphrase);
        }
        let kdf = Kdf::fresh(random);
        let master = MasterKey::derive(passphrase, &kdf)?;
        let store = StoreFile {
            format: StoreFormat::V1,
            check: master.seal(b"", &check_binding(&kdf), random)?,
            kdf,
        };
        if !key_names(dir)?.is_empty() && files::read::<StoreFile>(&path)?.is_none() {
            return Err(KeystoreError::Orphaned {
                dir: dir.to_owned(),
            });
        }
        if files::create(&path, &store)? {
            Ok(Self {
                dir: dir.to_owned(),
                master,
            })
        } else {
            Self::open(dir, passphrase)
        }
    }

    /// Opens the store in a directory.
    ///
    /// # Errors
    /// When there is none, the passphrase is wrong, or the directory may be written by others.
    pub fn open(dir: &Path, passphrase: &Passphrase) -> Result<Self, KeystoreError> {
        let Some(store) = files::read::<StoreFile>(&dir.join(STORE_FILE))? else {
            return Err(KeystoreError::Missing {
                dir: dir.to_owned(),
            });
        };
        files::check_dir(dir)?;
        if passphrase.is_empty() {
            return Err(KeystoreError::EmptyPassphrase);
        }
        let master = MasterKey::derive(passphrase, &store.kdf)?;
        match master.open(&store.check, &check_binding(&store.kdf)) {
            Ok(_) => Ok(Self {
                dir: dir.to_owned(),
                master,
            }),
            Err(_) => Err(KeystoreError::WrongPassphrase),
        }
    }

    /// Makes a new key and stores it.
    ///
    /// # Errors
    /// When the name is taken, the random source is broken, or the file system fails.
    pub fn generate(
        &self,
        name: &KeyName,
        key_type: KeyType,
        random: Random<'_>,
    ) -> Result<Arc<PrivateKey>, KeystoreError> {
        let key = draw(key_type, random)?;
        self.import(name, key, random)
    }

    /// Stores a key that was made elsewhere.
    ///
    /// # Errors
    /// When the name is taken or the file system fails.
    pub fn import(
        &self,
        name: &KeyName,
        key: PrivateKey,
        random: Random<'_>,
    ) -> Result<Arc<PrivateKey>, KeystoreError> {
        let public_key = key.public_key().clone();
        let secret =
            self.master
                .seal(&key.secret_bytes(), &key_binding(name, &public_key), random)?;
        let file = KeyFile {
            format: KeyFormat::V1,
            name: name.to_string(),
            public_key,
            secret,
        };
        if files::create(&key_path(&self.dir, name), &file)? {
            Ok(Arc::new(key))
        } else {
            Err(KeystoreError::Exists { name: name.clone() })
        }
    }

    /// Loads a key.
    ///
    /// # Errors
    /// When no key has the name, or its file is damaged or belongs to another name, key or store.
    pub fn load(&self, name: &KeyName) -> Result<Arc<PrivateKey>, KeystoreError> {
        let file = read_key(&self.dir, name)?;
        let damaged = |reason: &str| KeystoreError::Damaged {
            file: key_path(&self.dir, name),
            reason: reason.to_owned(),
        };
        let secret = self
            .master
            .open(&file.secret, &key_binding(name, &file.public_key))
            .map_err(|_| {
                damaged("the sealed secret does not belong to this name, key and store")
            })?;
        let key = PrivateKey::from_seed(file.public_key.key_type(), &secret)
            .map_err(|error| damaged(&error.to_string()))?;
        if *key.public_key() != file.public_key {
            return Err(damaged("the secret is not that of the public key"));
        }
        Ok(Arc::new(key))
    }

    /// Destroys a key, which nothing brings back.
    ///
    /// # Errors
    /// When no key has the name, or its file cannot be removed.
    pub fn destroy(&self, name: &KeyName) -> Result<(), KeystoreError> {
        let path = key_path(&self.dir, name);
        match std::fs::remove_file(&path) {
            Ok(()) => files::sync(&self.dir),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(KeystoreError::NotFound { name: name.clone() })
            }
            Err(error) => Err(files::failed(&path)(error)),
        }
    }

    /// Lists the keys by name, each opened and checked.
    ///
    /// # Errors
    /// When a file is damaged or does not belong here.
    pub fn list(&self) -> Result<Vec<KeyEntry>, KeystoreError> {
        key_names(&self.dir)?
            .into_iter()
            .map(|name| Ok(entry(self.load(&name)?.public_key().clone(), name)))
            .collect()
    }

    /// Lists the keys by name as their files say, without the passphrase; nothing vouches for what they say.
    ///
    /// # Errors
    /// When the directory holds no store or a file is not a key file.
    pub fn list_public(dir: &Path) -> Result<Vec<KeyEntry>, KeystoreError> {
        if files::read::<StoreFile>(&dir.join(STORE_FILE))?.is_none() {
            return Err(KeystoreError::Missing {
                dir: dir.to_owned(),
            });
        }
        key_names(dir)?
            .into_iter()
            .map(|name| Ok(entry(read_key(dir, &name)?.public_key, name)))
            .collect()
    }

    /// Seals a secret that is kept elsewhere and is no key; only with the same `purpose` does it open again.
    ///
    /// # Errors
    /// When the library does not seal it.
    pub fn seal(
        &self,
        purpose: &str,
        secret: &[u8],
        random: Random<'_>,
    ) -> Result<SealedSecret, KeystoreError> {
        Ok(SealedSecret {
            format: SecretFormat::V1,
            secret: self.master.seal(secret, &seal_binding(purpose), random)?,
        })
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// When another store sealed it, for another purpose, or it was changed.
    pub fn unseal(
        &self,
        purpose: &str,
        sealed: &SealedSecret,
    ) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
        let opened = self.master.open(&sealed.secret, &seal_binding(purpose));
        opened.map_err(|_| KeystoreError::OtherSeal)
    }

    /// Gives the directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

impl fmt::Debug for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keystore({})", self.dir.display())
    }
}

fn entry(public_key: PublicKey, name: KeyName) -> KeyEntry {
    KeyEntry {
        name,
        key_type: public_key.key_type(),
        public_key,
    }
}

/// Draws a key. A drawn scalar is out of range once in 2^32 times at most on a NIST curve and every second time on BLS12-381,
/// so 128 draws fail no more often than once in 2^100 times.
fn draw(key_type: KeyType, random: Random<'_>) -> Result<PrivateKey, KeystoreError> {
    let mut secret = Zeroizing::new(vec![0; key_type.secret_len()]);
    let mut last = KeyError::Scalar { key_type };
    for _ in 0..128 {
        random(&mut secret);
        // A source that fills nothing would make the same key everywhere.
        if secret.iter().all(|byte| *byte == 0) {
            continue;
        }
        match PrivateKey::from_seed(key_type, &secret) {
            Ok(key) => return Ok(key),
            Err(error) => last = error,
        }
    }
    Err(KeystoreError::Random(last))
}

fn read_key(dir: &Path, name: &KeyName) -> Result<KeyFile, KeystoreError> {
    let path = key_path(dir, name);
    let file: KeyFile =
        files::read(&path)?.ok_or_else(|| KeystoreError::NotFound { name: name.clone() })?;
    if file.name != name.as_str() {
        return Err(KeystoreError::Damaged {
            file: path,
            reason: format!("the file is that of the key {:?}", file.name),
        });
    }
    Ok(file)
}

fn key_path(dir: &Path, name: &KeyName) -> PathBuf {
    dir.join(format!("{name}{KEY_SUFFIX}"))
}

/// Finds the names of all key files, sorted.
fn key_names(dir: &Path) -> Result<Vec<KeyName>, KeystoreError> {
    let mut names = Vec::new();
    for entry in dir.read_dir().map_err(files::failed(dir))? {
        let file = entry.map_err(files::failed(dir))?.file_name();
        if let Some(name) = file.to_str().and_then(|file| file.strip_suffix(KEY_SUFFIX))
            && !name.starts_with('.')
        {
            names.push(KeyName::parse(name)?);
        }
    }
    names.sort();
    Ok(names)
}

/// ```text
/// "chop/key/v1" ‖ 00 ‖ name ‖ 00 ‖ multikey
/// ```
fn key_binding(name: &KeyName, public_key: &PublicKey) -> Vec<u8> {
    format!("chop/key/v1\0{name}\0{public_key}").into_bytes()
}

/// ```text
/// "chop/sealed/v1" ‖ 00 ‖ purpose
/// ```
fn seal_binding(purpose: &str) -> Vec<u8> {
    format!("chop/sealed/v1\0{purpose}").into_bytes()
}

/// ```text
/// "chop/keystore/v1" ‖ 00 ‖ salt in base64url
/// ```
fn check_binding(kdf: &Kdf) -> Vec<u8> {
    format!("chop/keystore/v1\0{}", kdf.salt).into_bytes()
}

#[cfg(test)]
mod tests;
