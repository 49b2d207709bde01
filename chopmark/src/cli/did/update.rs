//! `chopmark did update`.

use super::Target;
use super::act::{Session, finish};
use super::create::read_object;
use super::document::{self, Edits};
use crate::cli::key::KeyKind;
use crate::cli::{Done, Failure, Terminal};
use anyhow::anyhow;
use chop_did::{Document, build};
use chop_http::clock;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PublicKey, Signer as _};
use serde_json::Value;
use std::path::PathBuf;

/// Arguments of `chopmark did update`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark did update orchard --service LinkedDomains=https://orchard.example
  chopmark did update orchard --assertion-key z6Mk…        let an issuing service sign for this DID
  chopmark did update orchard --new-key --retire-key key-1
  chopmark did update orchard --compromised-key key-1@2026-11-01T00:00:00.000Z

The operation states the whole new document. A key that was published stays in it; --retire-key marks it.")]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The whole new document (JSON, relative ids, no id) in place of edits
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Make a key in the key folder and list it for authentication, assertions and envelopes
    #[arg(long, value_name = "TYPE", num_args = 0..=1, default_missing_value = "ed25519")]
    new_key: Option<KeyKind>,
    /// Multikey of a key held elsewhere that shall sign credentials for this DID
    #[arg(long = "assertion-key", value_name = "MULTIKEY")]
    assertion_keys: Vec<String>,
    #[command(flatten)]
    edits: Edits,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    if args.document.is_none()
        && args.new_key.is_none()
        && args.assertion_keys.is_empty()
        && args.edits.is_empty()
    {
        return Err(Failure::usage(anyhow!(
            "nothing to change; see `chopmark did update --help`"
        )));
    }
    let session = Session::open(&args.target, terminal).await?;
    let mut members = match &args.document {
        Some(file) => read_object(file).map_err(Failure::usage)?,
        None => session.state.document().members().clone(),
    };
    // Key ids count up, so what is added comes before what is retired by number.
    if let Some(key_type) = args.new_key {
        let stem = super::keys::stem(&session.keyring, &session.state)?;
        let (_, key) = session
            .keyring
            .generate_next(&format!("{stem}.key"), KeyType::from(key_type))?;
        document::add_key(&mut members, key.public_key(), &document::ACTING)
            .map_err(Failure::usage)?;
    }
    for multikey in &args.assertion_keys {
        let key = PublicKey::from_multikey(multikey).map_err(Failure::usage)?;
        document::add_key(&mut members, &key, &document::ASSERTING).map_err(Failure::usage)?;
    }
    // A retirement may not reach behind the version before; the ledger's clock may be ahead of this one.
    let now = Timestamp::from_unix_ms(clock::now_ms()).max(session.state.updated());
    args.edits
        .apply(&mut members, &now.to_string())
        .map_err(Failure::usage)?;
    let document = Document::parse(Value::Object(members)).map_err(Failure::usage)?;
    let operation = session
        .authorise(build::update(&session.state, &document))
        .await?;
    finish(&session, operation, "updated").await
}
