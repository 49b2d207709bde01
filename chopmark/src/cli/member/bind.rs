//! `chopmark member bind` and `unbind`: which TLS keys a member's clients present.

use super::act::ActorArgs;
use crate::ca::public_key_of;
use crate::cli::did::keys;
use crate::cli::keyring::Keyring;
use crate::cli::stack::read_failure;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_client::governance;
use chop_did::DidState;
use chop_http::clock;
use chop_integrity::Hash;
use chop_keys::{PrivateKey, PublicKey, Signer as _};
use chop_protocol::{Action, BindingTerms, SignedBinding, UnbindCertificate, spki_hash};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Arguments of `chopmark member bind`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark member csr orchard.tls-1 --as orchard --out orchard.csr
  chopmark member bind orchard.tls-1 --as orchard
  chopmark member bind orchard.pem --as orchard                   the key of a certificate or request

The TLS key and the member's update keys sign the binding. From then on the key signs nothing else on the ledger, also
when it is unbound: take one that was made for this.")]
pub(super) struct Args {
    /// The TLS key's name in the key folder, or a certificate or request over it, in PEM
    #[arg(value_name = "KEY|FILE")]
    key: String,
    #[command(flatten)]
    actor: ActorArgs,
}

/// Arguments of `chopmark member unbind`.
#[derive(Debug, clap::Args)]
pub(super) struct EndArgs {
    /// SHA-256 of the key's `SubjectPublicKeyInfo`, as `bind` printed it
    spki: Hash,
    #[command(flatten)]
    actor: ActorArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let council = args.actor.open(terminal).await?;
    let member = args.actor.named()?;
    let state = council.stack.state(&member).await?;
    let keyring = args.actor.keyring.open(terminal)?;
    let tls = tls_key(&keyring, &args.key)?;
    let spki = spki_hash(tls.public_key()).ok_or_else(|| {
        Failure::usage(anyhow!(
            "certificates of members hold Ed25519, P-256 or P-384 keys, {} is another",
            args.key
        ))
    })?;
    let own = keys::own_control(&state)?;
    check_purpose(&state, tls.public_key(), &args.key)?;
    let update = keys::updating(&keyring, own)?;
    let terms = BindingTerms {
        ledger: council.genesis.id(),
        member,
        public_key: tls.public_key().clone(),
    };
    let signers = update.signers(usize::from(own.current.threshold()));
    let signed = terms
        .signed_by(tls.as_ref(), &signers)
        .map_err(Failure::usage)?;
    let binding = SignedBinding::try_from(signed).map_err(Failure::internal)?;
    let action = Action::Bind(Box::new(binding));
    let (_, height) = args.actor.send(&council, action, terminal).await?;
    let page = Page::new()
        .heading(Mark::Good, format!("bound {} to {member}", args.key))
        .field("spki", spki)
        .field("height", height);
    Ok(Done::new(
        json!({"member": member, "spki": spki, "height": height}),
        page,
    ))
}

/// Refuses a key that acts for the DID or is to: bound, it would sign none of the DID's operations any more.
fn check_purpose(state: &DidState, key: &PublicKey, given: &str) -> Result<(), Failure> {
    let Some(purpose) = keys::purpose(state, key, clock::now_ms()) else {
        return Ok(());
    };
    Err(Failure::usage(anyhow!(
        "{given} is {purpose} of {}, expected a key that was made for TLS: once it is bound it signs nothing else on the ledger",
        state.did()
    )))
}

/// The key of this name, or the one that the certificate or request in a file is over.
fn tls_key(keyring: &Keyring, given: &str) -> Result<Arc<PrivateKey>, Failure> {
    let file = Path::new(given);
    if !file.is_file() {
        return keyring.load(given);
    }
    let wanted = public_key_of(file).map_err(Failure::usage)?;
    let held = keyring.load_known(|key| *key == wanted)?;
    let (_, key) = held.into_iter().next().ok_or_else(|| {
        Failure::not_found(anyhow!("the key folder does not hold the key of {given}"))
    })?;
    Ok(key)
}

pub(super) async fn end(args: EndArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let council = args.actor.open(terminal).await?;
    let unbind = Action::Unbind(UnbindCertificate { spki: args.spki });
    let (_, height) = args.actor.send(&council, unbind, terminal).await?;
    let read = governance::binding(&council.registry, &args.spki).await;
    let record = read.map_err(read_failure)?.value;
    let ended = record.and_then(|binding| binding.ended);
    let ended = ended.ok_or_else(|| {
        Failure::refused(anyhow!("the ledger does not prove that the binding ended"))
    })?;
    let page = Page::new()
        .heading(Mark::Good, format!("unbound {}", args.spki))
        .field("ended", ended.time)
        .field("height", height);
    Ok(Done::new(
        json!({"spki": args.spki, "ended": ended, "height": height}),
        page,
    ))
}
