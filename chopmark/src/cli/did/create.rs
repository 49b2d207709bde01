//! `chopmark did create`.

use super::act::submit;
use super::document::{self, Edits, Service};
use super::keys::{self, Held};
use super::named_chop;
use crate::cli::key::KeyKind;
use crate::cli::keyring::{Keyring, KeyringArgs};
use crate::cli::stack::{Stack, StackArgs};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::{Context as _, anyhow};
use chop_did::build::{self, GenesisDraft};
use chop_did::{ChopDid, Class, Document, Genesis, UpdateKeys};
use chop_http::{clock, random};
use chop_keys::{KeyType, Signer};
use chop_protocol::Action;
use clap::ValueEnum;
use data_encoding::BASE32_NOPAD;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Arguments of `chopmark did create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark did create --name orchard
  chopmark did create --name orchard --service LinkedDomains=https://orchard.example
  chopmark did create --name board --update-keys 3 --threshold 2 --recovery-keys 2
  chopmark did create --name crate-17 --class product --controller orchard")]
pub(super) struct Args {
    /// Its name in the key folder; its keys are named after it [default: the class and four letters]
    #[arg(long)]
    name: Option<String>,
    /// What it stands for
    #[arg(long, value_enum, default_value = "organisation")]
    class: Kind,
    /// The DID, or its name here, whose keys shall act for this one instead of keys of its own
    #[arg(long, value_name = "DID|NAME", conflicts_with_all = ["update_keys", "threshold", "recovery_keys"])]
    controller: Option<String>,
    /// Type of the keys to make
    #[arg(long, value_enum, default_value = "ed25519")]
    key_type: KeyKind,
    /// How many update keys to make
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=7))]
    update_keys: u8,
    /// How many of them must sign [default: all]
    #[arg(long, value_name = "M")]
    threshold: Option<u8>,
    /// How many recovery keys to make, all of which must sign; 0 for none
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=7))]
    recovery_keys: u8,
    /// Multikey of a key held elsewhere, such as a service's issuing instance, that shall sign credentials for this DID
    #[arg(long = "assertion-key", value_name = "MULTIKEY")]
    assertion_keys: Vec<String>,
    /// A document (JSON, relative ids, no id) instead of one made from the other options
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Add a service: TYPE=URL, its id made from the type, or ID:TYPE=URL
    #[arg(long = "service", value_name = "[ID:]TYPE=URL")]
    services: Vec<Service>,
    /// Say that this URI names the same subject
    #[arg(long = "also-known-as", value_name = "URI")]
    also_known_as: Vec<String>,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    Organisation,
    Facility,
    Device,
    Product,
    Work,
    Dataset,
    Service,
}

impl From<Kind> for Class {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Organisation => Self::Organisation,
            Kind::Facility => Self::Facility,
            Kind::Device => Self::Device,
            Kind::Product => Self::Product,
            Kind::Work => Self::Work,
            Kind::Dataset => Self::Dataset,
            Kind::Service => Self::Service,
        }
    }
}

/// Everything that the new DID consists of.
struct Made {
    genesis: Genesis,
    /// Who signs the operation and the envelope.
    signers: Held,
    threshold: usize,
    actor: ChopDid,
    /// What the person should know about the new keys.
    notes: Vec<(&'static str, String)>,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let stack = args.stack.connect(terminal)?;
    let genesis = stack.genesis().await?;
    let keyring = args.keyring.open_or_create(terminal)?;
    let name = name(&args, &keyring)?;
    let made = match &args.controller {
        Some(controller) => controlled(&args, &stack, &keyring, controller, &genesis.id()).await?,
        None => own(&args, &keyring, &name, &genesis.id())?,
    };
    let did = made.genesis.did();
    let signers = made.signers.signers(made.threshold);
    let operation = build::create(&made.genesis)
        .signed_by(&signers)
        .map_err(Failure::usage)?;
    // The name first: keys without a DID do no harm, a DID without its name is hard to find again.
    keyring.remember(&name, &did.to_string())?;
    let first: Vec<&dyn Signer> = made.signers.signers(1);
    let actions = vec![Action::Did(Box::new(operation))];
    let height = submit(&stack, made.actor, actions, &first).await?;
    Ok(report(&args, &name, &did, height, &made.notes))
}

fn report(
    args: &Args,
    name: &str,
    did: &ChopDid,
    height: u64,
    notes: &[(&'static str, String)],
) -> Done {
    let mut page = Page::new()
        .heading(Mark::Good, format!("created {did}"))
        .field("name", name)
        .field("height", height);
    for (what, keys) in notes {
        page = page.field(*what, keys);
    }
    if args.controller.is_none() {
        page = page.dim(format!(
            "The keys are in {}. Keep a copy of the recovery key away from this machine.",
            args.keyring.keys.display()
        ));
    }
    let keys: Map<String, Value> = notes
        .iter()
        .map(|(what, keys)| ((*what).to_owned(), json!(keys)))
        .collect();
    Done::new(
        json!({"did": did.to_string(), "name": name, "height": height, "keys": keys}),
        page,
    )
}

fn name(args: &Args, keyring: &Keyring) -> Result<String, Failure> {
    let name = if let Some(name) = &args.name {
        name.clone()
    } else {
        let class = args
            .class
            .to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default();
        format!(
            "{class}-{}",
            BASE32_NOPAD
                .encode(&random::bytes::<5>())
                .to_ascii_lowercase()
                .get(..4)
                .unwrap_or("x")
        )
    };
    if keyring.names()?.contains_key(&name) {
        return Err(Failure::usage(anyhow!(
            "`{name}` names another DID in this key folder"
        )));
    }
    Ok(name)
}

/// A DID with keys of its own: update keys now, the next ones by hash, recovery keys by hash, one key in the document.
fn own(
    args: &Args,
    keyring: &Keyring,
    name: &str,
    ledger: &chop_did::LedgerId,
) -> Result<Made, Failure> {
    let (key_type, threshold) = (
        args.key_type.into(),
        args.threshold.unwrap_or(args.update_keys),
    );
    let make = |role: &str, count: u8, key_type: KeyType| {
        Held::fresh(keyring, &format!("{name}.{role}"), count, key_type)
    };
    let update = make("update", args.update_keys, key_type)?;
    let next = make("update", args.update_keys, key_type)?;
    let acting = make("key", 1, key_type)?;
    let keys = UpdateKeys {
        current: update.set(threshold)?,
        next: Some(next.set(threshold)?.commitment()),
    };
    let document = first_document(args, Some(&acting))?;
    let mut draft =
        GenesisDraft::own_keys(args.class.into(), keys, random::bytes()).with_document(document);
    let mut notes = vec![
        ("update key", update.names.join(", ")),
        ("next update key", next.names.join(", ")),
        ("document key", acting.names.join(", ")),
    ];
    if args.recovery_keys > 0 {
        let recovery = make("recovery", args.recovery_keys, key_type)?;
        draft = draft.with_recovery(recovery.set(args.recovery_keys)?.commitment());
        notes.push(("recovery key", recovery.names.join(", ")));
    }
    let genesis = draft.build(ledger).map_err(Failure::usage)?;
    let actor = genesis.did();
    Ok(Made {
        genesis,
        signers: update,
        threshold: usize::from(threshold),
        actor,
        notes,
    })
}

/// A DID that its controller's keys act for.
async fn controlled(
    args: &Args,
    stack: &Stack,
    keyring: &Keyring,
    controller: &str,
    ledger: &chop_did::LedgerId,
) -> Result<Made, Failure> {
    let controller = named_chop(controller, &args.keyring)?;
    let state = stack.state(&controller).await?;
    let signers = keys::invoking(keyring, &state, clock::now_ms())?
        .at_least(1, &format!("acting for {controller}"))?;
    let document = first_document(args, None)?;
    let draft = GenesisDraft::controlled(args.class.into(), controller, random::bytes())
        .with_document(document);
    let genesis = draft.build(ledger).map_err(Failure::usage)?;
    // The new DID is the actor of its own create; its controller's key signs for it.
    let actor = genesis.did();
    let notes = vec![("controller", controller.to_string())];
    Ok(Made {
        genesis,
        signers,
        threshold: 1,
        actor,
        notes,
    })
}

fn first_document(args: &Args, acting: Option<&Held>) -> Result<Document, Failure> {
    let mut members = match &args.document {
        Some(file) => read_object(file).map_err(Failure::usage)?,
        None => Map::new(),
    };
    if args.document.is_none() {
        for key in acting.into_iter().flat_map(|held| &held.keys) {
            document::add_key(&mut members, key.public_key(), &document::ACTING)
                .map_err(Failure::usage)?;
        }
    }
    for multikey in &args.assertion_keys {
        let key = chop_keys::PublicKey::from_multikey(multikey).map_err(Failure::usage)?;
        document::add_key(&mut members, &key, &document::ASSERTING).map_err(Failure::usage)?;
    }
    let edits = Edits {
        services: args.services.clone(),
        also_known_as: args.also_known_as.clone(),
        ..Edits::default()
    };
    edits.apply(&mut members, "").map_err(Failure::usage)?;
    Document::parse(Value::Object(members)).map_err(Failure::usage)
}

/// Reads a JSON object from a file.
pub(super) fn read_object(file: &std::path::Path) -> anyhow::Result<Map<String, Value>> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    match chop_integrity::json::parse(&bytes, &chop_integrity::json::Limits::CREDENTIAL)
        .with_context(|| format!("{} is not JSON", file.display()))?
    {
        Value::Object(members) => Ok(members),
        _ => Err(anyhow!("{} does not hold a JSON object", file.display())),
    }
}
