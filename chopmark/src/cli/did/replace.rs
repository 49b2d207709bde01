//! `chopmark did rotate` and `chopmark did recover`: new update keys.

use super::Target;
use super::act::{Session, finish};
use super::keys::{self, Held};
use crate::cli::key::KeyKind;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_did::{Document, UpdateKeys, build};
use chop_http::clock;
use chop_integrity::Timestamp;
use chop_keys::{PublicKey, Signer as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Arguments of `chopmark did rotate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark did rotate orchard

The keys committed to before become the update keys, and new ones are made and committed to for the time after.")]
pub(super) struct RotateArgs {
    #[command(flatten)]
    target: Target,
    /// Type of the keys to make for the next rotation [default: that of the keys now revealed]
    #[arg(long, value_enum)]
    key_type: Option<KeyKind>,
    /// Make a new recovery key as well; it counts after the ledger's waiting time, unless the old set vetoes
    #[arg(long)]
    new_recovery: bool,
}

/// Arguments of `chopmark did recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark did recover orchard --compromised-key key-1@2026-11-01T00:00:00.000Z

Signed by the recovery key, which serves once: new update keys, a new document key and a new recovery key are made.")]
pub(super) struct RecoverArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    edits: super::document::Edits,
}

pub(super) async fn rotate(args: RotateArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let session = Session::open(&args.target, terminal).await?;
    let (state, keyring) = (&session.state, &session.keyring);
    let own = keys::own_control(state)?;
    let stem = keys::stem(keyring, state)?;
    let committed = own.next.as_ref();
    let revealed = match committed {
        Some(next) => keys::committed(keyring, next, "the rotation")?,
        // Without a commitment the new keys are made now, and the old ones sign as well.
        None => Held::fresh(
            keyring,
            &format!("{stem}.update"),
            count(own.current.keys().len()),
            keys::kind_of(&keys::updating(keyring, own)?),
        )?,
    };
    let key_type = args
        .key_type
        .map_or_else(|| keys::kind_of(&revealed), Into::into);
    let threshold = committed.map_or_else(
        || own.current.threshold(),
        chop_did::control::KeyCommitment::threshold,
    );
    let following = Held::fresh(
        keyring,
        &format!("{stem}.update"),
        count(revealed.keys.len()),
        key_type,
    )?;
    let new = UpdateKeys {
        current: revealed.set(threshold)?,
        next: Some(following.set(threshold)?.commitment()),
    };
    let mut draft = build::rotate(state, state.document(), &new);
    if args.new_recovery {
        let recovery = Held::fresh(keyring, &format!("{stem}.recovery"), 1, key_type)?;
        draft = draft.with_recovery(&recovery.set(1)?.commitment());
    }
    let old = if committed.is_none() {
        Some(keys::updating(keyring, own)?)
    } else {
        None
    };
    let mut signers = revealed.signers(usize::from(threshold));
    if let Some(old) = &old {
        signers.extend(old.signers(usize::from(own.current.threshold())));
    }
    let operation = draft.signed_by(&signers).map_err(Failure::usage)?;
    finish(&session, operation, "rotated the update keys of").await
}

pub(super) async fn recover(args: RecoverArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let session = Session::open(&args.target, terminal).await?;
    let (state, keyring) = (&session.state, &session.keyring);
    let now_ms = clock::now_ms();
    let own = keys::own_control(state)?;
    let commitment = state
        .recovery_at(Timestamp::from_unix_ms(now_ms))
        .ok_or_else(|| Failure::refused(anyhow!("{} has no recovery set", session.did)))?;
    let recovery = keys::committed(keyring, commitment, "the recovery")?;
    let (stem, key_type) = (keys::stem(keyring, state)?, keys::kind_of(&recovery));
    let fresh = |role: &str, size: usize| {
        Held::fresh(keyring, &format!("{stem}.{role}"), count(size), key_type)
    };
    let (size, threshold) = (own.current.keys().len(), own.current.threshold());
    let (update, next) = (fresh("update", size)?, fresh("update", size)?);
    let (new_recovery, acting) = (
        fresh("recovery", commitment.key_hashes().len())?,
        fresh("key", 1)?,
    );
    let mut members = state.document().members().clone();
    for key in &acting.keys {
        super::document::add_key(&mut members, key.public_key(), &super::document::ACTING)
            .map_err(Failure::usage)?;
    }
    let now = Timestamp::from_unix_ms(now_ms).max(state.updated());
    args.edits
        .apply(&mut members, &now.to_string())
        .map_err(Failure::usage)?;
    let document = Document::parse(Value::Object(members)).map_err(Failure::usage)?;
    let keys = UpdateKeys {
        current: update.set(threshold)?,
        next: Some(next.set(threshold)?.commitment()),
    };
    let revealed: BTreeSet<PublicKey> = recovery
        .keys
        .iter()
        .map(|key| key.public_key().clone())
        .collect();
    let draft = build::recover(
        state,
        &document,
        &revealed,
        &keys,
        &new_recovery.set(commitment.threshold())?.commitment(),
    );
    let operation = draft
        .signed_by(&recovery.signers(usize::from(commitment.threshold())))
        .map_err(Failure::usage)?;
    let version = format!(
        "{}-{}",
        operation.operation().seq(),
        operation.operation().hash()
    );
    let height = session.send(operation).await?;
    let names = [
        ("update key", &update),
        ("next update key", &next),
        ("document key", &acting),
        ("recovery key", &new_recovery),
    ];
    let mut page = Page::new()
        .heading(Mark::Good, format!("recovered {}", session.did))
        .field("version", &version)
        .field("height", height);
    for (what, held) in names {
        page = page.field(what, held.names.join(", "));
    }
    let page = page
        .dim("The old recovery key is spent. Keep a copy of the new one away from this machine.");
    Ok(Done::new(
        json!({"did": session.did.to_string(), "operation": "recover", "versionId": version, "height": height}),
        page,
    ))
}

fn count(size: usize) -> u8 {
    u8::try_from(size).unwrap_or(u8::MAX)
}
