//! Offline bundles of `chopmark did resolve`: written while there is a network, read when there is none.

use super::{item, resolve};
use crate::cli::failure::Kind;
use crate::cli::stack::{MAX_AGE_MS, read_failure};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::{Context as _, anyhow};
use chop_client::{
    BundleRefusal, BundleRegistry, LightClient, Registry as _, ResolveOptions, Resolver, bundle,
};
use chop_did::did::Did;
use chop_did::resolution::{Resolved, Selector};
use chop_http::clock;
use chop_http::outbound::{Guarded, Settings};
use chop_integrity::Timestamp;
use chop_proof::{Direction, TrustRoot, VerifiedEvidence};
use chop_protocol::bundle::DidBundle;
use chop_protocol::keys;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Options about bundles.
#[derive(Debug, clap::Args)]
pub(super) struct BundleArgs {
    /// Write a bundle: what proves the DID and all its versions without a network
    #[arg(long, value_name = "FILE")]
    pub(super) bundle: Option<PathBuf>,
    /// Resolve from a bundle, without a network
    #[arg(long, value_name = "FILE")]
    pub(super) from_bundle: Option<PathBuf>,
    /// Add the headers up to the newest one to the bundle that was read
    #[arg(long, requires = "from_bundle", requires = "bundle")]
    checkpoint: bool,
    /// Add this RFC 3161 token over the header hash to the bundle that was read
    #[arg(
        long,
        value_name = "FILE",
        requires = "from_bundle",
        requires = "bundle"
    )]
    timestamp: Option<PathBuf>,
}

/// Gathers a bundle and writes it.
pub(super) async fn write(
    args: &resolve::Args,
    did: &str,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let (did, root) = resolve::provable(args, did)?;
    let stack = args.stack.connect(terminal)?;
    let registry = stack.registry(root.clone(), MAX_AGE_MS);
    let gathered = bundle::gather(&registry, &did)
        .await
        .map_err(read_failure)?;
    let opened = open(gathered, root)?;
    save(args, &opened)?;
    shown(args, &opened).await
}

/// Reads a bundle, adds to it what was asked for, and resolves from it.
pub(super) async fn read(
    args: &resolve::Args,
    did: Option<&str>,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let file = args.bundle.from_bundle.clone().unwrap_or_default();
    let bytes = std::fs::read(&file)
        .with_context(|| format!("cannot read {}", file.display()))
        .map_err(Failure::usage)?;
    let mut bundle = DidBundle::parse(&bytes)
        .map_err(|error| Failure::refused(error).context(file.display().to_string()))?;
    if did.is_some_and(|did| did != bundle.did.to_string()) {
        return Err(Failure::not_found(anyhow!(
            "the bundle is about {}",
            bundle.did
        )));
    }
    let root = resolve::pinned(args)?;
    if args.bundle.checkpoint {
        add_checkpoint(args, &mut bundle, &root, terminal).await?;
    }
    if let Some(token) = &args.bundle.timestamp {
        let bytes = std::fs::read(token)
            .with_context(|| format!("cannot read {}", token.display()))
            .map_err(Failure::usage)?;
        bundle.evidence.timestamp = Some(bytes);
    }
    let opened = open(bundle, root)?;
    save(args, &opened)?;
    shown(args, &opened).await
}

async fn add_checkpoint(
    args: &resolve::Args,
    bundle: &mut DidBundle,
    root: &TrustRoot,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let height = bundle.evidence.proof.height().map_err(Failure::refused)?;
    let node = args.stack.connect(terminal)?.into_service();
    let added = LightClient::new(node, root.clone())
        .checkpoint(height)
        .await
        .map_err(Failure::refused)?;
    let (way, checkpoint) = added.ok_or_else(|| {
        Failure::refused(anyhow!(
            "the ledger has no header after {height} yet: try again after its next block"
        ))
    })?;
    bundle.evidence.handover = way.handover;
    bundle.evidence.headers = way.headers;
    bundle.evidence.checkpoint = Some(checkpoint);
    Ok(())
}

fn open(bundle: DidBundle, root: TrustRoot) -> Result<BundleRegistry, Failure> {
    BundleRegistry::open(bundle, root, clock::now_ms()).map_err(|error| match error {
        BundleRefusal::OtherLedger { .. } => Failure::usage(error),
        _ => Failure::refused(error),
    })
}

fn save(args: &resolve::Args, opened: &BundleRegistry) -> Result<(), Failure> {
    let Some(file) = &args.bundle.bundle else {
        return Ok(());
    };
    let text = serde_json::to_string(opened.bundle()).map_err(Failure::internal)?;
    write_file(file, &text).map_err(Failure::usage)
}

fn write_file(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, format!("{text}\n"))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Resolves the version that was asked for and says as of when it is so.
async fn shown(args: &resolve::Args, opened: &BundleRegistry) -> Result<Done, Failure> {
    let did = opened.bundle().did;
    let verified = opened.verified();
    let included = opened.state().map_err(Failure::refused)?.is_some();
    // What an item begins with stands in the record of its batch.
    let key = match &opened.bundle().item {
        Some(item) => keys::batch(&item.proof.batch),
        None => keys::did(&did.scid()),
    };
    let mut checked = resolve::checks(opened.trust_root(), &verified.header, &key, included);
    if let Value::Object(members) = &mut checked {
        members.extend(circumstances(opened));
    }
    let time = Timestamp::from_unix_ms(verified.header.time_ms);
    if !included {
        let words = format!("proved: as of {time}, {did} did not exist");
        let page = resolve::show(Page::new().heading(Mark::Bad, words), &checked);
        let value = json!({"did": did, "didDocument": null, "asOf": time, "checked": checked});
        return Ok(Done::new(value, later(page, verified)).ending(Kind::NotFound));
    }
    let resolved = resolved(args, opened).await?;
    let document = resolved.document.clone().unwrap_or_default();
    let metadata = resolved.metadata.to_json();
    let ended = metadata.get("deactivated") == Some(&Value::Bool(true));
    let mark = if ended { Mark::Note } else { Mark::Good };
    let what = if ended { " was deactivated" } else { "" };
    let page = item::standing(Page::new(), metadata.get("chop"));
    let mut page = page.heading(mark, format!("proved: as of {time}, {did}{what}"));
    for member in ["versionId", "versionTime", "created", "updated"] {
        if let Some(value) = metadata.get(member).and_then(Value::as_str) {
            page = page.field(member, value);
        }
    }
    page = later(resolve::show(page, &checked), verified);
    if !document.is_null() {
        page = page.raw(format!("{document:#}"));
    }
    let value = json!({"did": did, "didDocument": document, "didDocumentMetadata": metadata, "asOf": time, "checked": checked});
    Ok(Done::new(value, page))
}

/// What leads to the header, and what does not.
fn circumstances(opened: &BundleRegistry) -> Vec<(String, Value)> {
    let verified = opened.verified();
    let later = verified.checkpoint.map(
        |header| json!({"height": header.height, "time": Timestamp::from_unix_ms(header.time_ms)}),
    );
    let direction = match verified.direction {
        Direction::Forward => "forward",
        Direction::Backward => "backward",
    };
    vec![
        ("direction".to_owned(), json!(direction)),
        (
            "validatorChanges".to_owned(),
            json!(opened.bundle().evidence.changes()),
        ),
        ("promotion".to_owned(), json!(verified.promotion)),
        ("checkpoint".to_owned(), json!(later)),
        (
            "timestamp".to_owned(),
            json!(if verified.timestamp {
                "notChecked"
            } else {
                "absent"
            }),
        ),
    ]
}

/// Says that the past is proved and not the present, and what else vouches for the header's age.
fn later(page: Page, verified: &VerifiedEvidence) -> Page {
    let page = match (&verified.checkpoint, verified.direction) {
        (None, _) => page.field(
            "checkpoint",
            "none: the keys of that time must have stayed with their owners",
        ),
        (Some(head), Direction::Forward) => page.field(
            "checkpoint",
            format!(
                "in the past of header {} of {}",
                head.height,
                Timestamp::from_unix_ms(head.time_ms)
            ),
        ),
        (Some(head), Direction::Backward) => page.field(
            "checkpoint",
            format!(
                "in the past of header {} of {}, which the pinned validators signed",
                head.height,
                Timestamp::from_unix_ms(head.time_ms)
            ),
        ),
    };
    let page = if verified.timestamp {
        let hash = HEXLOWER.encode(&verified.header.hash);
        page.field("timestamp", format!("carried, not checked here: openssl ts -verify -sha256 -digest {hash} -in TOKEN -token_in -CAfile CA"))
    } else {
        page.field("timestamp", "none")
    };
    page.dim("As of that header's time; what came later, a bundle cannot know.")
}

async fn resolved(args: &resolve::Args, opened: &BundleRegistry) -> Result<Resolved, Failure> {
    let selector = match (&args.version_id, &args.version_time) {
        (Some(id), _) => Selector::Id(id.clone()),
        (None, Some(time)) => Selector::Time(Timestamp::parse_xml(time).map_err(Failure::usage)?),
        (None, None) => Selector::Latest,
    };
    let outbound = Guarded::new(Settings::default()).map_err(Failure::internal)?;
    let resolver = Resolver::new(outbound).with_registry(Arc::new(opened.clone()));
    let did = Did::parse(&opened.bundle().did.to_string()).map_err(Failure::internal)?;
    let options = ResolveOptions {
        selector,
        ..ResolveOptions::default()
    };
    resolver
        .resolve(&did, &options)
        .await
        .map_err(|error| match error.status() {
            404 => Failure::not_found(error),
            400 => Failure::usage(error),
            _ => Failure::refused(error),
        })
}
