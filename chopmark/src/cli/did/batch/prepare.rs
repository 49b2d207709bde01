//! From a file of items to sorted leaves and the terms of a batch, in a folder of its own.
//!
//! ```text
//! WORK/plan.json       what was asked for: nonce, controller, template, digest of the items' file
//! WORK/master.key      of which the codes' secrets are derived (0600), with --secrets
//! WORK/leaves          the leaves, sorted
//! WORK/terms.json      the terms that fit them; written last
//! WORK/envelope.json   what was sent
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use chop_did::{ChopDid, Item, ItemContext, LedgerId, Template, batch_id};
use chop_http::random;
use chop_integrity::Hash;
use chop_keys::{CodeSecret, Signer as _};
use chop_proof::leaves::{self as tree, MAX_LEAVES, Node};
use chop_protocol::batch::leaves::{Line, MAX_BYTES, RUN, digest, hasher, write_line};
use chop_protocol::{BatchTerms, CredentialType, Nonce};
use data_encoding::HEXLOWER;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::rows::Rows;

/// Rows that are worked on at once.
const CHUNK: usize = 16_384;

/// What a batch shall be.
#[derive(Debug)]
pub(crate) struct Wish {
    /// The file with the items.
    pub items: PathBuf,
    /// What they share.
    pub template: Template,
    /// The ledger.
    pub ledger: LedgerId,
    /// Whose keys act for them.
    pub controller: ChopDid,
    /// The credential type that activating takes an accreditation for.
    pub activation: Option<CredentialType>,
    /// Whether each item gets a secret.
    pub secrets: bool,
}

/// What was asked for at the first start.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plan {
    pub(super) ledger: LedgerId,
    pub(super) controller: ChopDid,
    pub(super) nonce: Nonce,
    pub(super) template: Template,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) activation: Option<CredentialType>,
    pub(super) secrets: bool,
    pub(super) items: Hash,
}

/// The folder of one batch.
#[derive(Debug)]
pub(crate) struct Work {
    path: PathBuf,
}

/// An item on its way to its place among the leaves.
struct Entry {
    hash: Hash,
    ordinal: u32,
    at: usize,
    length: u16,
}

impl Work {
    /// Opens a folder, made (0700) when it does not exist.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Makes leaves and terms, unless a start before has.
    ///
    /// # Errors
    /// When an item is none of the template or stands twice, the folder is of another batch, or a file cannot be used.
    pub(crate) fn prepare(&self, wish: &Wish, bar: &ProgressBar) -> anyhow::Result<BatchTerms> {
        let plan = self.plan(wish)?;
        if let Some(terms) = self.read("terms.json")? {
            return Ok(terms);
        }
        let master = plan.secrets.then(|| self.master()).transpose()?;
        let context = ItemContext {
            batch: batch_id(&plan.ledger, &plan.controller, &plan.nonce.to_string())?,
            template: plan.template.digest(),
        };
        let (mut entries, arena) = read_items(wish, &context, master.as_deref(), bar)?;
        entries.sort_unstable_by_key(|entry| entry.hash);
        let twice = entries.iter().zip(entries.iter().skip(1));
        if let Some((first, second)) = twice.clone().find(|(a, b)| a.hash == b.hash) {
            let (low, high) = (
                first.ordinal.min(second.ordinal),
                first.ordinal.max(second.ordinal),
            );
            bail!("items {low} and {high} are the same: each needs data of its own");
        }
        let (root, leaves) = self.write_leaves(&entries, &arena)?;
        let terms = BatchTerms {
            ledger: plan.ledger,
            controller: plan.controller,
            nonce: plan.nonce,
            template: context.template,
            count: u32::try_from(entries.len())?,
            root,
            leaves,
            activation: plan.activation,
        };
        self.write("terms.json", &serde_json::to_vec_pretty(&terms)?)?;
        Ok(terms)
    }

    /// The file with the sorted leaves.
    pub(crate) fn leaves(&self) -> PathBuf {
        self.path.join("leaves")
    }

    /// Reads a JSON file of the folder; `None` when it is not there.
    ///
    /// # Errors
    /// When it cannot be read or is malformed.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(
        &self,
        name: &str,
    ) -> anyhow::Result<Option<T>> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .with_context(|| format!("{} is malformed", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes a file (0600) whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let (path, fresh) = (self.path.join(name), self.path.join(format!(".{name}.new")));
        let written = || -> std::io::Result<()> {
            let mut file = private(&fresh)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)
        };
        written().with_context(|| format!("cannot write {}", path.display()))
    }

    /// The master secret of the batch's codes.
    ///
    /// # Errors
    /// When there is none and none can be made.
    pub(super) fn master(&self) -> anyhow::Result<Zeroizing<[u8; 32]>> {
        let path = self.path.join("master.key");
        let text = match fs::read_to_string(&path).map(Zeroizing::new) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let fresh = Zeroizing::new(random::bytes::<32>());
                let text = Zeroizing::new(HEXLOWER.encode(&*fresh));
                self.write("master.key", text.as_bytes())?;
                text
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let bytes = HEXLOWER
            .decode(text.trim_end().as_bytes())
            .map(Zeroizing::new);
        let bytes = bytes.map_err(|_| anyhow!("{} is damaged", path.display()))?;
        let master = <[u8; 32]>::try_from(bytes.as_slice());
        Ok(Zeroizing::new(
            master.map_err(|_| anyhow!("{} is damaged", path.display()))?,
        ))
    }

    /// The plan of the first start, which this one has to have too.
    fn plan(&self, wish: &Wish) -> anyhow::Result<Plan> {
        let asked = Plan {
            ledger: wish.ledger,
            controller: wish.controller,
            nonce: Nonce::new(random::bytes()),
            template: wish.template.clone(),
            activation: wish.activation.clone(),
            secrets: wish.secrets,
            items: file_digest(&wish.items)?,
        };
        let Some(kept) = self.read::<Plan>("plan.json")? else {
            self.write("plan.json", &serde_json::to_vec_pretty(&asked)?)?;
            return Ok(asked);
        };
        let asked = Plan {
            nonce: kept.nonce,
            ..asked
        };
        ensure!(
            kept == asked,
            "{} was begun with other items or options; name another folder with --work",
            self.path.display()
        );
        Ok(kept)
    }

    fn write_leaves(&self, entries: &[Entry], arena: &[u8]) -> anyhow::Result<(Hash, Hash)> {
        let mut file = BufWriter::with_capacity(1 << 20, private(&self.leaves())?);
        let mut hasher = hasher();
        let mut roots: Vec<Node> = Vec::new();
        let mut bytes = 0_u64;
        let mut run = Vec::new();
        for part in entries.chunks(RUN as usize) {
            run.clear();
            let mut nodes = Vec::with_capacity(part.len());
            for entry in part {
                let end = entry.at + usize::from(entry.length);
                let item = arena.get(entry.at..end).context("an item is lost")?;
                let ordinal = entry.ordinal;
                write_line(&mut run, Line { ordinal, item });
                nodes.push(tree::leaf(entry.hash.as_bytes(), ordinal));
            }
            hasher.update(&run);
            bytes += run.len() as u64;
            file.write_all(&run)?;
            roots.extend(tree::root(&nodes));
        }
        ensure!(
            bytes <= MAX_BYTES,
            "the leaves have {bytes} bytes, at most {MAX_BYTES} are allowed"
        );
        file.into_inner()?.sync_all()?;
        let root = tree::root(&roots).context("there is no item")?;
        Ok((Hash::from_bytes(root), digest(hasher)))
    }
}

/// Reads and hashes all items, on all cores; their canonical bytes lie behind one another.
fn read_items(
    wish: &Wish,
    context: &ItemContext,
    master: Option<&[u8; 32]>,
    bar: &ProgressBar,
) -> anyhow::Result<(Vec<Entry>, Vec<u8>)> {
    let shown = wish.items.display();
    let opened = Rows::open(&wish.items, wish.template.fields());
    let mut rows = opened.with_context(|| format!("cannot read {shown}"))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (mut entries, mut arena) = (Vec::new(), Vec::new());
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        while chunk.len() < CHUNK
            && let Some(row) = rows
                .next()
                .with_context(|| format!("cannot read {shown}"))?
        {
            chunk.push(row);
        }
        if chunk.is_empty() {
            return Ok((entries, arena));
        }
        let first = entries.len();
        ensure!(
            first + chunk.len() <= MAX_LEAVES as usize,
            "{shown} has more than {MAX_LEAVES} items; make more batches"
        );
        let (template, part) = (&wish.template, chunk.len().div_ceil(threads));
        let made = std::thread::scope(|scope| {
            let work: Vec<_> = (0..)
                .zip(chunk.chunks(part))
                .map(|(n, rows)| {
                    let first = first + n * part;
                    scope.spawn(move || made(rows, first, (template, context, master)))
                })
                .collect();
            work.into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| bail!("a worker failed")))
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        for (hash, bytes) in made.into_iter().flatten() {
            entries.push(Entry {
                hash,
                ordinal: u32::try_from(entries.len())?,
                at: arena.len(),
                length: u16::try_from(bytes.len())?,
            });
            arena.extend_from_slice(&bytes);
        }
        bar.set_position(entries.len() as u64);
    }
}

/// Makes the items of some rows.
fn made(
    rows: &[Vec<String>],
    first: usize,
    (template, context, master): (&Template, &ItemContext, Option<&[u8; 32]>),
) -> anyhow::Result<Vec<(Hash, Vec<u8>)>> {
    let mut items = Vec::with_capacity(rows.len());
    for (ordinal, row) in (first..).zip(rows) {
        let key = match master {
            Some(master) => {
                let secret = CodeSecret::derive(master, u32::try_from(ordinal)?);
                Some(secret.key()?.public_key().clone())
            }
            None => None,
        };
        let item = Item {
            data: row.clone(),
            key,
        };
        item.check(template)
            .with_context(|| format!("item {ordinal}, counted from 0"))?;
        let bytes = item.bytes()?;
        let most = chop_did::item::MAX_ITEM_BYTES;
        ensure!(
            bytes.len() <= most,
            "item {ordinal}, counted from 0, has {} bytes, at most {most} are allowed",
            bytes.len()
        );
        items.push((context.hash(&bytes), bytes));
    }
    Ok(items)
}

/// Opens a file (0600) for writing anew.
fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
}

fn file_digest(path: &Path) -> anyhow::Result<Hash> {
    let shown = path.display();
    let mut file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file
            .read(&mut buffer)
            .with_context(|| format!("cannot read {shown}"))?;
        if count == 0 {
            return Ok(Hash::from_bytes(hasher.finalize().into()));
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
}
