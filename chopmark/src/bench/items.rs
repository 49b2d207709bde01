//! A million product DIDs: from a file of items to the first proven resolution, over HTTP, with the node in this process.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use chop_client::submit::submit_and_wait;
use chop_client::{HttpRegistry, ResolveOptions, Resolver, Submission};
use chop_did::{ChopDid, Class, ItemContext, Scid, Template};
use chop_http::outbound::{Guarded, Settings};
use chop_integrity::Hash;
use chop_proof::leaves as tree;
use chop_protocol::BatchTerms;
use chop_protocol::batch::leaves::read_line;
use serde::Serialize;
use serde_json::{Value, json};

use super::folder::Folder;
use super::measure::Figures;
use super::row::{Budget, Row};
use super::running::Running;
use crate::cli::did::batch::Order;
use crate::cli::did::batch::prepare::{Wish, Work};
use crate::cli::{Failure, Terminal};
use crate::scenario::{Actor, Client};

/// The row's name.
const NAME: &str = "one million product DIDs";
/// A minute for a million.
const BUDGET: Budget = Budget::Us(60.0);
/// How long the ledger gets for its block.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a batch took beside its time.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Batch {
    /// How many items.
    pub items: u32,
    /// From the command to the first proven resolution.
    pub seconds: f64,
    /// The most memory that this process, client and node in one, ever held, in MiB.
    pub peak_mib: u64,
    /// The parts of an item's proof in binary, headers and validators once.
    pub proof_bytes: usize,
    /// Bytes that the node keeps for each item.
    pub disk_per_item: u64,
}

/// Says whether it is measured.
pub(super) fn is_wanted(wanted: &dyn Fn(&str) -> bool) -> bool {
    wanted(NAME)
}

/// Registers so many items and resolves one.
///
/// # Errors
/// When something of it does not work.
pub(super) async fn row(items: u32) -> anyhow::Result<Row> {
    let folder = Folder::make()?;
    let file = |name: &str| folder.path().join(name);
    let running = Running::start(&file("data")).await?;
    let client = &running.client;
    let actor = Actor::create(client, Class::Organisation).await?;
    fs::write(file("items.csv"), csv(items))?;
    let started = Instant::now();
    let (terms, did) = register(client, &actor, folder.path()).await?;
    let proof = resolve(client, &did).await?;
    let seconds = started.elapsed().as_secs_f64();
    let batch = Batch {
        items,
        seconds,
        peak_mib: peak_mib()?,
        proof_bytes: binary(&proof)?,
        disk_per_item: fs::metadata(file("data/leaves.redb"))?.len() / u64::from(items),
    };
    let us = seconds * 1e6 / f64::from(items);
    let raw_us = raw(&terms);
    let figures = Figures {
        us,
        raw_us,
        ratio: us / raw_us,
    };
    running.end().await?;
    Ok(Row::new(NAME, figures, Some(BUDGET)).of_batch(batch))
}

/// What `chopmark did batch create` does.
async fn register(
    client: &Client,
    actor: &Actor,
    folder: &Path,
) -> anyhow::Result<(BatchTerms, ChopDid)> {
    let words = |failure: Failure| anyhow!("{}", failure.chain().join(": "));
    let wish = Wish {
        items: folder.join("items.csv"),
        template: Template::parse(json!({
            "class": "product", "fields": ["gtin", "lot", "serial"],
            "document": {"alsoKnownAs": ["https://id.example/01/{gtin}/10/{lot}/21/{serial}"]},
        }))?,
        ledger: *client.ledger(),
        controller: actor.did,
        activation: None,
        secrets: false,
    };
    let work = Work::open(&folder.join("work"))?;
    let bar = Terminal::unwatched().progress(0, "");
    let terms = tokio::task::block_in_place(|| work.prepare(&wish, &bar))?;
    let order = Order {
        work: &work,
        terms: &terms,
        template: &wish.template,
        service: client.service(),
        token: Some(client.token()),
    };
    let unwatched = Terminal::unwatched();
    order.bring(&unwatched).await.map_err(words)?;
    let receipts = order.receipts(&unwatched).await.map_err(words)?;
    let signed = order.envelope(*client.operator(), receipts, &[&actor.invoke]);
    let signed = signed.map_err(words)?;
    let submission = submit_and_wait(client.service(), &signed, Some(client.token()), PATIENCE);
    let submission = submission.await?;
    ensure!(
        matches!(submission, Submission::Committed { .. }),
        "{submission:?}"
    );
    let first = fs::read(work.leaves())?;
    let line = first
        .split(|byte| *byte == b'\n')
        .next()
        .and_then(read_line);
    let context = ItemContext {
        batch: terms.id()?,
        template: terms.template,
    };
    let scid = context.scid(line.context("there is no leaf")?.item);
    Ok((terms, ChopDid::new(client.ledger().short(), scid)))
}

/// Resolves one item as a client that believes nothing, and returns what proves it.
async fn resolve(client: &Client, did: &ChopDid) -> anyhow::Result<Vec<Value>> {
    let registry = HttpRegistry::new(client.service().clone(), client.root().clone());
    let resolver = Resolver::new(Guarded::new(Settings::default())?);
    let resolver = resolver.with_registry(Arc::new(registry));
    let options = ResolveOptions {
        proof: true,
        ..ResolveOptions::default()
    };
    let answer = Box::pin(resolver.resolve(&did.to_did(), &options)).await;
    Ok(answer.map_err(|error| anyhow!("{error}"))?.metadata.proof)
}

/// Counts the bytes of a proof: one header with its signatures, the validators, every path and value, the item with its path.
fn binary(proof: &[Value]) -> anyhow::Result<usize> {
    let decoded = |entry: &Value, member: &str| {
        let text = entry
            .pointer(&format!("/proof/{member}"))
            .and_then(Value::as_str);
        let bytes = data_encoding::BASE64.decode(text.unwrap_or_default().as_bytes());
        bytes.map_or(0, |bytes| bytes.len())
    };
    let mut size = 0;
    let mut header = 0;
    for entry in proof {
        if entry.get("type").and_then(Value::as_str) == Some("ChopItemProof") {
            let path = entry.pointer("/item/path").and_then(Value::as_array);
            size += path.map_or(0, |path| path.len() * 32);
            let item = entry
                .pointer("/item/item")
                .context("the proof has no item")?;
            // Index, ordinal and the batch's id.
            size += item.to_string().len() + 40;
            size += entry
                .get("template")
                .map_or(0, |template| template.to_string().len());
        } else {
            header = header.max(decoded(entry, "signedHeader") + decoded(entry, "validators"));
            size += decoded(entry, "path");
            let value = entry.get("value").filter(|value| !value.is_null());
            size += value.map_or(0, |value| value.to_string().len());
        }
    }
    Ok(size + header)
}

/// Microseconds of a core for the two hashes that an item takes at least.
fn raw(terms: &BatchTerms) -> f64 {
    const ROUNDS: u32 = 200_000;
    let context = ItemContext {
        batch: terms.root,
        template: terms.template,
    };
    let item = br#"{"data":["09506000134352","L-2026-11","0000001"]}"#;
    let started = Instant::now();
    let mut last = Scid::of_batch_item(Hash::from_bytes([0; 32]));
    for ordinal in 0..ROUNDS {
        last = context.scid(std::hint::black_box(item));
        std::hint::black_box(tree::leaf(last.digest().as_bytes(), ordinal));
    }
    std::hint::black_box(last);
    started.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
}

fn csv(items: u32) -> String {
    let mut text = String::from("gtin,lot,serial\n");
    for n in 0..items {
        // Writing to a text cannot fail.
        let _written = writeln!(text, "09506000134352,L-2026-11,{n:07}");
    }
    text
}

/// The most memory that this process ever held.
fn peak_mib() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    let kib: u64 = kib
        .context("the system does not say how much memory was used")?
        .trim()
        .parse()?;
    Ok(kib / 1024)
}
