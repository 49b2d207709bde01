//! `chopmark did resolve`.

use super::{bundle, item, named};
use crate::cli::failure::Kind;
use crate::cli::keyring::KeyringArgs;
use crate::cli::stack::{StackArgs, failure, read_failure, read_trust_root};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_client::{LightError, ReadError, ledger};
use chop_did::{ChopDid, DidState, ScidVersion};
use chop_integrity::{Hash, Timestamp};
use chop_proof::{TrustRoot, VerifiedHeader};
use chop_protocol::keys;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use std::path::PathBuf;
use url::Url;

/// Arguments of `chopmark did resolve`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("proving").args(["verify", "bundle", "from_bundle"]).multiple(true)))]
#[command(after_help = "\
Examples:
  chopmark did resolve did:key:z6Mk…
  chopmark did resolve orchard --verify
  chopmark did resolve did:chop:… --verify --trust-root consortium.json --url https://registry.example
  chopmark did resolve did:chop:… --verify --url https://one.example --witness https://other.example
  chopmark did resolve orchard --bundle orchard.bundle.json
  chopmark did resolve --from-bundle orchard.bundle.json --trust-root consortium.json
  chopmark did resolve --from-bundle orchard.bundle.json --checkpoint --bundle orchard.bundle.json

A bundle proves a DID and its whole history without a network, as of the time of the header that was newest when it was made.
--checkpoint adds the headers up to a later one, so that a newer trust root serves to check it; --timestamp a token that a
time-stamping authority gave for the header hash (openssl ts -query -sha256 -digest HASH).

With --verify nothing that the service says is believed: its proof is checked against the trust root, a file that you
got from the consortium and keep; with --witness a second node must have the same header, and a fork is written to
fork-HEIGHT.json. Exit code 1 when the proof does not hold, 3 when the ledger proves that there is no such DID.")]
pub(super) struct Args {
    /// The DID, or its name in the key folder
    #[arg(value_name = "DID|NAME", required_unless_present = "from_bundle")]
    did: Option<String>,
    /// Check the ledger's proof and say what was checked
    #[arg(long, conflicts_with = "from_bundle")]
    verify: bool,
    /// The pinned trust root [default: trust-root.json in the data folder]
    #[arg(long, value_name = "FILE", requires = "proving")]
    pub(super) trust_root: Option<PathBuf>,
    /// Oldest header that still counts, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 300,
        requires = "verify"
    )]
    max_age: u32,
    /// The batch in which an item is looked for, so that its absence can be proved
    #[arg(long, value_name = "ID", value_parser = super::batch::batch_id)]
    pub(super) batch: Option<Hash>,
    /// Base URL of a second node that must have the same header
    #[arg(long, value_name = "URL", requires = "verify")]
    witness: Option<Url>,
    #[command(flatten)]
    pub(super) bundle: bundle::BundleArgs,
    /// The version of this id
    #[arg(long, value_name = "ID", conflicts_with_all = ["version_time", "verify"])]
    pub(super) version_id: Option<String>,
    /// The version in force at this time
    #[arg(long, value_name = "TIME", conflicts_with = "verify")]
    pub(super) version_time: Option<String>,
    #[command(flatten)]
    pub(super) stack: StackArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let did = args.did.as_deref();
    let did = did.map(|given| named(given, &args.keyring)).transpose()?;
    if args.bundle.from_bundle.is_some() {
        return bundle::read(&args, did.as_deref(), terminal).await;
    }
    let did = did.unwrap_or_default();
    if args.bundle.bundle.is_some() {
        bundle::write(&args, &did, terminal).await
    } else if args.verify {
        verified(&args, &did, terminal).await
    } else {
        resolved(&args, &did, terminal).await
    }
}

async fn resolved(args: &Args, did: &str, terminal: &Terminal) -> Result<Done, Failure> {
    let stack = args.stack.connect(terminal)?;
    let mut query = Vec::new();
    query.extend(args.version_id.as_deref().map(|id| ("versionId", id)));
    query.extend(
        args.version_time
            .as_deref()
            .map(|time| ("versionTime", time)),
    );
    let batch = args.batch.map(|batch| batch.to_string());
    query.extend(batch.as_deref().map(|batch| ("batch", batch)));
    let answer = stack.resolution(did, &query).await?;
    let error = answer.body.pointer("/didResolutionMetadata/error");
    // A deactivated DID answers 410 with its last document: that is an answer.
    let ended = answer
        .body
        .pointer("/didDocumentMetadata/deactivated")
        .and_then(Value::as_bool)
        == Some(true);
    if !ended && (answer.status >= 300 || error.is_some()) {
        return Err(refusal(did, answer.status, error).unwrap_or_else(|| failure(&answer, did)));
    }
    let document = answer.body.get("didDocument").cloned().unwrap_or_default();
    let heading = if ended {
        (Mark::Note, format!("{did} was deactivated"))
    } else {
        (Mark::None, did.to_owned())
    };
    let chop = answer.body.pointer("/didDocumentMetadata/chop");
    let mut page = item::standing(Page::new(), chop).heading(heading.0, heading.1);
    for member in ["versionId", "created", "updated"] {
        if let Some(value) = answer
            .body
            .pointer(&format!("/didDocumentMetadata/{member}"))
            .and_then(Value::as_str)
        {
            page = page.field(member, value);
        }
    }
    if !document.is_null() {
        page = page.raw(format!("{document:#}"));
    }
    let page = page.dim("The service's word; --verify has the ledger prove it.");
    Ok(Done::new(answer.body, page))
}

fn refusal(did: &str, status: u16, error: Option<&Value>) -> Option<Failure> {
    let error = error?;
    let words = error
        .get("detail")
        .or_else(|| error.get("title"))
        .and_then(Value::as_str);
    let kind = error
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let code = kind.rsplit('#').next().unwrap_or(kind);
    let error = anyhow!("{did}: {} ({code})", words.unwrap_or("not resolved"));
    Some(match status {
        404 | 410 => Failure::not_found(error),
        400 | 406 => Failure::usage(error),
        500.. if status != 501 => Failure::internal(error),
        _ => Failure::refused(error),
    })
}

async fn verified(args: &Args, did: &str, terminal: &Terminal) -> Result<Done, Failure> {
    let (did, root) = provable(args, did)?;
    let mut registry = args
        .stack
        .connect(terminal)?
        .registry(root.clone(), i64::from(args.max_age) * 1000);
    if let Some(url) = &args.witness {
        registry = registry.with_witness(args.stack.service(url.clone())?);
    }
    if did.scid().version() == ScidVersion::BatchItem {
        return item::verified(args, &did, registry).await;
    }
    let proven = ledger::did_state(&registry, &did).await.map_err(unproven)?;
    let key = keys::did(&did.scid());
    let checked = checks(&root, &proven.header, &key, proven.value.is_some());
    let Some(state) = proven.value else {
        let page = show(
            Page::new().heading(Mark::Bad, format!("proved: {did} does not exist")),
            &checked,
        );
        let value = json!({"did": did.to_string(), "didDocument": null, "checked": checked});
        return Ok(Done::new(value, page).ending(Kind::NotFound));
    };
    Ok(proved(&did, &state, &checked))
}

/// Says why nothing is proven; a fork is written to a file that proves it to others.
fn unproven(error: ReadError) -> Failure {
    let ReadError::Header(LightError::Forked { height, evidence }) = &error else {
        return read_failure(error);
    };
    let file = format!("fork-{height}.json");
    let written = serde_json::to_string(evidence)
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(std::fs::write(&file, text)?));
    let told = match written {
        Ok(()) => format!("{file} proves it to anybody: chopmark ledger fork {file}"),
        Err(error) => format!("{file} was not written: {error}"),
    };
    Failure::refused(error).context(told)
}

/// The DID and the trust root of its ledger.
pub(super) fn provable(args: &Args, did: &str) -> Result<(ChopDid, TrustRoot), Failure> {
    let did = ChopDid::parse(did).map_err(|error| {
        Failure::usage(error).context("only a did:chop has a ledger to prove it")
    })?;
    let root = pinned(args)?;
    if root.ledger() != did.ledger().to_string() {
        return Err(Failure::refused(anyhow!(
            "{did} lives on ledger {}, the trust root is that of {}",
            did.ledger(),
            root.ledger()
        )));
    }
    Ok((did, root))
}

fn proved(did: &ChopDid, state: &DidState, checked: &Value) -> Done {
    let document = state.document().absolute(did, state.controller());
    let (version, ended) = (state.version_id().to_string(), state.deactivated());
    let heading = if ended {
        (Mark::Note, format!("proved: {did} was deactivated"))
    } else {
        (Mark::Good, format!("proved: {did}"))
    };
    let page = Page::new()
        .heading(heading.0, heading.1)
        .field("class", state.class())
        .field("version", &version)
        .field("created", state.created())
        .field("updated", state.updated());
    let page = show(page, checked).raw(format!("{document:#}"));
    let metadata = json!({"versionId": version, "created": state.created(), "updated": state.updated(), "deactivated": ended});
    Done::new(
        json!({"did": did.to_string(), "didDocument": document, "didDocumentMetadata": metadata, "checked": checked}),
        page,
    )
}

/// What was checked, in the order in which it was.
pub(super) fn checks(
    root: &TrustRoot,
    header: &VerifiedHeader,
    key: &str,
    included: bool,
) -> Value {
    json!({
        "ledger": root.ledger(),
        "chainId": root.chain_id(),
        "height": header.height,
        "headerTime": Timestamp::from_unix_ms(header.time_ms),
        "headerHash": HEXLOWER.encode(&header.hash),
        "stateRoot": HEXLOWER.encode(&header.app_hash),
        "validators": header.validators,
        "signatures": header.signed,
        "key": key,
        "proof": if included { "inclusion" } else { "absence" },
    })
}

pub(super) fn show(mut page: Page, checked: &Value) -> Page {
    let text = |member: &str| {
        checked
            .get(member)
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), ToOwned::to_owned)
            })
            .unwrap_or_default()
    };
    let alone = checked.get("validators") == Some(&json!(1));
    page = page
        .text("checked:")
        .field("ledger", text("ledger"))
        .field(
            "header",
            format!("{} of {}", text("height"), text("headerTime")),
        )
        .field("header hash", text("headerHash"))
        .field(
            "validators",
            format!(
                "{}, all listed signatures hold{}",
                text("validators"),
                if alone {
                    " (one alone: it is trusted, not outvoted)"
                } else {
                    ""
                }
            ),
        )
        .field("state root", text("stateRoot"))
        .field("key", text("key"))
        .field("proof", text("proof"));
    page
}

pub(super) fn pinned(args: &Args) -> Result<TrustRoot, Failure> {
    let file = args
        .trust_root
        .clone()
        .unwrap_or_else(|| args.stack.data.join("trust-root.json"));
    read_trust_root(&file)
}
