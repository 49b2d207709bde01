//! `chopmark key`: the encrypted key folder.

use super::keyring::KeyringArgs;
use super::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_keys::KeyType;
use chop_keystore::{KeyEntry, Keystore};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

/// Arguments of `chopmark key`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark key new lab                          an Ed25519 key named lab
  chopmark key new lab-p256 --type p256
  chopmark key list --json
  chopmark key export-public lab --format jwk

Keys are encrypted on disk (Argon2id, XChaCha20-Poly1305) and private keys are never printed.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key
    New {
        /// Its name: lower-case letters, digits, dot, hyphen, underscore
        name: String,
        /// Its type
        #[arg(long = "type", value_name = "TYPE", default_value = "ed25519")]
        key_type: KeyKind,
        #[command(flatten)]
        keyring: KeyringArgs,
    },
    /// List the keys; needs no passphrase
    List {
        #[command(flatten)]
        keyring: KeyringArgs,
    },
    /// Print the public half of a key; needs no passphrase
    ExportPublic {
        /// The key's name
        name: String,
        /// How to print it
        #[arg(long, value_enum, default_value = "multikey")]
        format: Format,
        #[command(flatten)]
        keyring: KeyringArgs,
    },
}

/// A key type as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    /// Ed25519
    Ed25519,
    /// NIST P-256
    P256,
    /// NIST P-384
    P384,
    /// BLS12-381, for bbs-2023 only
    Bls12381,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Multikey: z6Mk…
    Multikey,
    /// A did:key
    DidKey,
    /// A public JSON Web Key
    Jwk,
    /// A verification method for a DID document
    VerificationMethod,
}

impl From<KeyKind> for KeyType {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Ed25519 => Self::Ed25519,
            KeyKind::P256 => Self::P256,
            KeyKind::P384 => Self::P384,
            KeyKind::Bls12381 => Self::Bls12381G2,
        }
    }
}

pub(super) fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::New {
            name,
            key_type,
            keyring,
        } => new(&keyring, terminal, &name, key_type.into()),
        Command::List { keyring } => list(&keyring),
        Command::ExportPublic {
            name,
            format,
            keyring,
        } => export(&keyring, &name, format),
    }
}

fn new(
    keyring: &KeyringArgs,
    terminal: &Terminal,
    name: &str,
    key_type: KeyType,
) -> Result<Done, Failure> {
    use chop_keys::Signer as _;
    let key = keyring.open_or_create(terminal)?.generate(name, key_type)?;
    let public = key.public_key();
    let page = Page::new()
        .heading(Mark::Good, format!("made {key_type} key {name}"))
        .field("public key", public.multikey())
        .field("did:key", public.did_key())
        .field("folder", keyring.keys.display());
    Ok(Done::new(
        json!({"name": name, "type": key_type.to_string(), "publicKeyMultibase": public.multikey(), "did": public.did_key()}),
        page,
    ))
}

fn list(keyring: &KeyringArgs) -> Result<Done, Failure> {
    let entries = entries(keyring)?;
    let mut page = Page::new();
    for entry in &entries {
        page = page.field(
            entry.name.to_string(),
            format!(
                "{:<8} {}",
                entry.key_type.to_string(),
                entry.public_key.multikey()
            ),
        );
    }
    if entries.is_empty() {
        page = page.dim(format!("no keys in {}", keyring.keys.display()));
    }
    let value: Vec<Value> = entries
        .iter()
        .map(|entry| json!({"name": entry.name.to_string(), "type": entry.key_type.to_string(), "publicKeyMultibase": entry.public_key.multikey()}))
        .collect();
    Ok(Done::new(Value::Array(value), page))
}

fn export(keyring: &KeyringArgs, name: &str, format: Format) -> Result<Done, Failure> {
    let entries = entries(keyring)?;
    let entry = entries.iter().find(|entry| entry.name.to_string() == name);
    let key = &entry
        .ok_or_else(|| {
            Failure::not_found(anyhow!("no key named {name} in {}", keyring.keys.display()))
        })?
        .public_key;
    let value = match format {
        Format::Multikey => json!(key.multikey()),
        Format::DidKey => json!(key.did_key()),
        Format::Jwk => {
            let jwk = key.jwk().ok_or_else(|| {
                Failure::usage(anyhow!("a {} key has no JWK form", key.key_type()))
            })?;
            serde_json::to_value(jwk).map_err(Failure::internal)?
        }
        Format::VerificationMethod => {
            json!({"id": "#key-1", "type": "Multikey", "publicKeyMultibase": key.multikey()})
        }
    };
    let text = value
        .as_str()
        .map_or_else(|| format!("{value:#}"), ToOwned::to_owned);
    Ok(Done::new(value, Page::new().raw(text)))
}

fn entries(keyring: &KeyringArgs) -> Result<Vec<KeyEntry>, Failure> {
    if !keyring.keys.exists() {
        return Ok(Vec::new());
    }
    Keystore::list_public(&keyring.keys).map_err(Failure::usage)
}
