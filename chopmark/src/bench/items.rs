//! A million product DIDs: from a file of items to the first proven resolution, over HTTP.

pub(super) mod growth;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
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
use super::memory;
use super::progress::Progress;
use super::row::{Budget, Row};
use super::running::Running;
use crate::cli::did::batch::Order;
use crate::cli::did::batch::prepare::{Wish, Work};
use crate::cli::{Failure, Terminal};
use crate::scenario::{Actor, Client};

/// Items of one transaction.
pub(super) const MOST: u32 = 1_000_000;
/// The row's name.
pub(super) const NAME: &str = "one million product DIDs";
/// A minute for a million.
const BUDGET: Budget = Budget::Us(60.0);
/// How long the ledger gets for its block.
const PATIENCE: Duration = Duration::from_mins(1);
/// The file with the items, and the folder of what is under way.
const ITEMS: &str = "items.csv";
const WORK: &str = "work";

/// What a batch took beside its time.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Batch {
    /// How many items.
    pub items: u32,
    /// From the command to the first proven resolution.
    pub seconds: f64,
    /// The most memory that this process held meanwhile, in MiB: client and node in one, of a consortium the client.
    pub peak_mib: u64,
    /// The parts of an item's proof in binary, headers and validators once.
    pub proof_bytes: usize,
    /// Bytes that the node keeps for each item.
    pub disk_per_item: u64,
}

/// A batch that was registered and of which an item was proven.
pub(super) struct Proven {
    pub(super) terms: BatchTerms,
    /// From the command to the first proven resolution.
    pub(super) seconds: f64,
    /// The most memory that this process held meanwhile, in bytes.
    pub(super) peak: u64,
    /// The parts of an item's proof in binary.
    pub(super) proof_bytes: usize,
}

/// Says whether it is measured.
pub(super) fn is_wanted(wanted: &dyn Fn(&str) -> bool) -> bool {
    wanted(NAME)
}

/// Registers so many items with a node in this process and resolves one.
///
/// # Errors
/// When something of it does not work.
pub(super) async fn row(items: u32, progress: &Progress<'_>) -> anyhow::Result<Row> {
    progress.say(format_args!("{NAME}: {items}"));
    let folder = Folder::make()?;
    let data = folder.path().join("data");
    let running = Running::start(&data).await?;
    let proven = proven(&running.client, folder.path(), items, progress).await?;
    let leaves = fs::metadata(data.join("leaves.redb"))?.len();
    running.end().await?;
    Ok(proven.row(NAME, items, leaves))
}

/// Registers so many items in one transaction and resolves one of them with its proof, from files in a folder.
///
/// # Errors
/// When something of it does not work.
pub(super) async fn proven(
    client: &Client,
    folder: &Path,
    items: u32,
    progress: &Progress<'_>,
) -> anyhow::Result<Proven> {
    let actor = Actor::create(client, Class::Organisation).await?;
    write_items(folder, items)?;
    memory::forget_peak();
    let started = Instant::now();
    let (terms, work) = register(client, &actor, folder, progress.terminal()).await?;
    let did = first(client, &terms, &work)?;
    let proof = resolve(client, &did).await?;
    Ok(Proven {
        seconds: started.elapsed().as_secs_f64(),
        peak: memory::peak("self")?,
        proof_bytes: binary(&proof)?,
        terms,
    })
}

impl Proven {
    /// Puts it beside the hashes that it takes at least; `disk` are the bytes that a node keeps of it.
    pub(super) fn row(&self, name: &'static str, items: u32, disk: u64) -> Row {
        let us = self.seconds * 1e6 / f64::from(items);
        let raw_us = raw(&self.terms);
        let figures = Figures {
            us,
            raw_us,
            ratio: us / raw_us,
        };
        Row::new(name, figures, Some(BUDGET)).of_batch(Batch {
            items,
            seconds: self.seconds,
            peak_mib: memory::mib(self.peak),
            proof_bytes: self.proof_bytes,
            disk_per_item: disk / u64::from(items),
        })
    }
}

/// What `chopmark did batch create` does, with the items of a folder.
async fn register(
    client: &Client,
    actor: &Actor,
    folder: &Path,
    terminal: &Terminal,
) -> anyhow::Result<(BatchTerms, Work)> {
    let words = |failure: Failure| anyhow!("{}", failure.chain().join(": "));
    let wish = Wish {
        items: folder.join(ITEMS),
        template: Template::parse(json!({
            "class": "product", "fields": ["gtin", "lot", "serial"],
            "document": {"alsoKnownAs": ["https://id.example/01/{gtin}/10/{lot}/21/{serial}"]},
        }))?,
        ledger: *client.ledger(),
        controller: actor.did,
        activation: None,
        secrets: false,
    };
    let work = Work::open(&folder.join(WORK))?;
    let bar = terminal.progress(0, "reading items");
    let terms = tokio::task::block_in_place(|| work.prepare(&wish, &bar));
    bar.finish_and_clear();
    let terms = terms?;
    let order = Order {
        work: &work,
        terms: &terms,
        template: &wish.template,
        service: client.service(),
        token: Some(client.token()),
    };
    order.bring(terminal).await.map_err(words)?;
    let receipts = order.receipts(terminal).await.map_err(words)?;
    let signed = order.envelope(*client.operator(), receipts, &[&actor.invoke]);
    let signed = signed.map_err(words)?;
    let submission = submit_and_wait(client.service(), &signed, Some(client.token()), PATIENCE);
    let submission = submission.await?;
    ensure!(
        matches!(submission, Submission::Committed { .. }),
        "{submission:?}"
    );
    Ok((terms, work))
}

/// The item of the first leaf.
fn first(client: &Client, terms: &BatchTerms, work: &Work) -> anyhow::Result<ChopDid> {
    let mut line = Vec::new();
    BufReader::new(File::open(work.leaves())?).read_until(b'\n', &mut line)?;
    let leaf = read_line(line.trim_ascii_end()).context("there is no leaf")?;
    let context = ItemContext {
        batch: terms.id()?,
        template: terms.template,
    };
    Ok(ChopDid::new(
        client.ledger().short(),
        context.scid(leaf.item),
    ))
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

/// Writes a file of items that differ in their serial.
fn write_items(folder: &Path, items: u32) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(folder.join(ITEMS))?);
    writeln!(file, "gtin,lot,serial")?;
    for n in 0..items {
        writeln!(file, "09506000134352,L-2026-11,{n:07}")?;
    }
    file.flush()
}
