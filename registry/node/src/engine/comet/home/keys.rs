//! The keys in CometBFT's folder, and what the validator's key signed last.
//!
//! A key that CometBFT once had is never handed to it again without the height that it last signed, wherever it comes from: that
//! it was handed over is noted in a file beside the keystore, which goes where the keys go.

use std::fs;
use std::io;
use std::path::Path;

use chop_keys::{KeyType, PrivateKey, PublicKey, Signer as _};
use data_encoding::{BASE64, HEXUPPER};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Home, HomeError, write_whole};

pub(super) const VALIDATOR_KEY: &str = "config/priv_validator_key.json";
pub(super) const VALIDATOR_STATE: &str = "data/priv_validator_state.json";
/// CometBFT's step of a precommit, the last one of a round.
const PRECOMMIT: u8 = 3;
/// The last round of a height: CometBFT counts them in an `int32`, and compares rounds where heights are equal.
const LAST_ROUND: i32 = i32::MAX;

/// The part of CometBFT's record that says how far a key has signed.
#[derive(Deserialize)]
struct LastSigned {
    height: String,
}

/// The height that the validator's key in a CometBFT folder signed last; 0 when it signed nothing, `None` without a record.
///
/// # Errors
/// When the record cannot be read or is none.
pub fn last_signed(home: &Path) -> Result<Option<u64>, HomeError> {
    let path = home.join(VALIDATOR_STATE);
    let unusable = |source| HomeError::Io {
        path: path.clone(),
        source,
    };
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    let parsed: Result<LastSigned, _> = serde_json::from_slice(&bytes);
    let height = parsed.ok().and_then(|last| last.height.parse().ok());
    let reason = "it does not say which height was signed last";
    height
        .map(Some)
        .ok_or_else(|| unusable(io::Error::new(io::ErrorKind::InvalidData, reason)))
}

/// Has the validator's key in a CometBFT folder sign nothing up to a height that it is known not to have signed beyond, in no
/// round of it; a record that is higher stays. The folder is made where there is none.
///
/// Returns the height that counts from now on.
///
/// # Errors
/// When the record cannot be read or written.
pub fn raise_last_signed(home: &Path, height: u64) -> Result<u64, HomeError> {
    Home::open(home)?;
    let signed = last_signed(home)?;
    match signed {
        Some(signed) if signed > height => Ok(signed),
        _ => {
            let record =
                json!({"height": height.to_string(), "round": LAST_ROUND, "step": PRECOMMIT});
            write_whole(&home.join(VALIDATOR_STATE), record.to_string().as_bytes())?;
            Ok(height)
        }
    }
}

impl Home {
    /// The record first: a key without it is refused from then on. `used` lists the keys that CometBFT has had.
    pub(super) fn write_validator(&self, key: &PrivateKey, used: &Path) -> Result<(), HomeError> {
        let path = self.path.join(VALIDATOR_STATE);
        let signed = last_signed(&self.path)?;
        let public = key.public_key();
        let is_here = self.path.join(VALIDATOR_KEY).exists();
        let may_have_signed = is_here || is_used(used, public)?;
        match signed {
            None if may_have_signed => return Err(HomeError::NoLastSigned { path }),
            // A first start that was cut short leaves the key beside such a record; here the key came from elsewhere.
            Some(0) if may_have_signed && !is_here => {
                return Err(HomeError::SignedNothing { path });
            }
            None => write_whole(&path, br#"{"height":"0","round":0,"step":0}"#)?,
            Some(_) => {}
        }
        let text = Zeroizing::new(
            json!({
                "address": HEXUPPER.encode(&address(public)),
                "pub_key": public_json(public),
                "priv_key": private_json(key)?,
            })
            .to_string(),
        );
        self.write_key(VALIDATOR_KEY, &text)?;
        note_used(used, public)
    }

    /// A node may go by another key at any start; nothing that it signed binds it.
    pub(super) fn write_node_key(&self, key: &PrivateKey) -> Result<(), HomeError> {
        let text = Zeroizing::new(json!({"priv_key": private_json(key)?}).to_string());
        self.write("config/node_key.json", text.as_bytes())
    }

    fn write_key(&self, name: &str, text: &str) -> Result<(), HomeError> {
        let path = self.path.join(name);
        match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(found) if found.as_str() == text => Ok(()),
            Ok(_) => Err(HomeError::OtherKey { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_whole(&path, text.as_bytes())
            }
            Err(source) => Err(HomeError::Io { path, source }),
        }
    }
}

/// The keys that CometBFT has had, one Multikey a line.
fn read_used(used: &Path) -> Result<String, HomeError> {
    match fs::read_to_string(used) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|source| HomeError::Io {
            path: used.to_owned(),
            source,
        }),
    }
}

fn is_used(used: &Path, key: &PublicKey) -> Result<bool, HomeError> {
    let key = key.multikey();
    Ok(read_used(used)?.lines().any(|line| line == key))
}

fn note_used(used: &Path, key: &PublicKey) -> Result<(), HomeError> {
    if is_used(used, key)? {
        return Ok(());
    }
    let text = format!("{}{}\n", read_used(used)?, key.multikey());
    write_whole(used, text.as_bytes())
}

pub(in super::super) fn address(key: &PublicKey) -> Vec<u8> {
    address_of(key.raw())
}

pub(super) fn address_of(raw: &[u8]) -> Vec<u8> {
    Sha256::digest(raw).iter().take(20).copied().collect()
}

fn public_json(key: &PublicKey) -> Value {
    json!({"type": "tendermint/PubKeyEd25519", "value": BASE64.encode(key.raw())})
}

/// Go's form of an Ed25519 key: seed and public key.
fn private_json(key: &PrivateKey) -> Result<Value, HomeError> {
    let public = key.public_key();
    if public.key_type() != KeyType::Ed25519 {
        return Err(HomeError::KeyType {
            found: public.key_type().curve(),
        });
    }
    let mut bytes = key.secret_bytes();
    bytes.extend_from_slice(public.raw());
    Ok(json!({"type": "tendermint/PrivKeyEd25519", "value": BASE64.encode(&bytes)}))
}
