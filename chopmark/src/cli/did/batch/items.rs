//! The items of a file, made, checked and hashed on all cores.

use anyhow::{Context as _, bail, ensure};
use chop_did::item::MAX_ITEM_BYTES;
use chop_did::{Item, ItemContext, Template};
use chop_integrity::Hash;
use chop_keys::{CodeSecret, Signer as _};
use chop_proof::leaves::MAX_LEAVES;
use indicatif::ProgressBar;

use super::prepare::Wish;
use super::rows::Rows;

/// Rows that are worked on at once.
const CHUNK: usize = 16_384;

/// All items of a batch, sorted by hash.
pub(super) struct Items {
    pub(super) entries: Vec<Entry>,
    /// Their canonical bytes behind one another.
    arena: Vec<u8>,
    /// With secrets: what each item's data hashes to, sorted. Its own hash covers a key that no other has.
    data: Vec<(Fingerprint, u32)>,
}

/// An item on its way to its place among the leaves.
pub(super) struct Entry {
    pub(super) hash: Hash,
    pub(super) ordinal: u32,
    at: usize,
    length: u16,
}

/// The first half of a hash.
type Fingerprint = [u8; 16];

/// One item, made from its row.
struct Made {
    hash: Hash,
    bytes: Vec<u8>,
    data: Option<Fingerprint>,
}

impl Items {
    /// Reads and hashes all items.
    ///
    /// # Errors
    /// When the file cannot be read, or a row makes no item of the template.
    pub(super) fn read(
        wish: &Wish,
        context: &ItemContext,
        master: Option<&[u8; 32]>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Self> {
        let shown = wish.items.display();
        let opened = Rows::open(&wish.items, wish.template.fields());
        let mut rows = opened.with_context(|| format!("cannot read {shown}"))?;
        let mut items = Self {
            entries: Vec::new(),
            arena: Vec::new(),
            data: Vec::new(),
        };
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
                break;
            }
            let first = items.entries.len();
            ensure!(
                first + chunk.len() <= MAX_LEAVES as usize,
                "{shown} has more than {MAX_LEAVES} items; make more batches"
            );
            for made in on_all_cores(&chunk, first, (&wish.template, context, master))? {
                items.push(&made)?;
            }
            bar.set_position(items.entries.len() as u64);
        }
        items.entries.sort_unstable_by_key(|entry| entry.hash);
        items.data.sort_unstable();
        Ok(items)
    }

    /// The ordinals of two items with the same data, the lower one first.
    pub(super) fn twins(&self) -> Option<(u32, u32)> {
        let mut entries = self.entries.iter().zip(self.entries.iter().skip(1));
        let same = entries.find(|(a, b)| a.hash == b.hash);
        let same = same.map(|(a, b)| (a.ordinal, b.ordinal));
        let mut data = self.data.iter().zip(self.data.iter().skip(1));
        let same = same.or_else(|| {
            let found = data.find(|((a, _), (b, _))| a == b);
            found.map(|((_, a), (_, b))| (*a, *b))
        });
        same.map(|(a, b)| (a.min(b), a.max(b)))
    }

    /// The canonical bytes of an item.
    pub(super) fn bytes(&self, entry: &Entry) -> Option<&[u8]> {
        self.arena
            .get(entry.at..entry.at + usize::from(entry.length))
    }

    fn push(&mut self, made: &Made) -> anyhow::Result<()> {
        let ordinal = u32::try_from(self.entries.len())?;
        self.data.extend(made.data.map(|data| (data, ordinal)));
        self.entries.push(Entry {
            hash: made.hash,
            ordinal,
            at: self.arena.len(),
            length: u16::try_from(made.bytes.len())?,
        });
        self.arena.extend_from_slice(&made.bytes);
        Ok(())
    }
}

/// Makes the items of rows, of which the first is that of ordinal `first`.
fn on_all_cores(
    rows: &[Vec<String>],
    first: usize,
    of: (&Template, &ItemContext, Option<&[u8; 32]>),
) -> anyhow::Result<Vec<Made>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let part = rows.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let work: Vec<_> = (0..)
            .zip(rows.chunks(part))
            .map(|(n, rows)| scope.spawn(move || make(rows, first + n * part, of)))
            .collect();
        let mut all = Vec::with_capacity(rows.len());
        for worker in work {
            let made = worker.join();
            all.extend(made.unwrap_or_else(|_| bail!("a worker failed"))?);
        }
        Ok(all)
    })
}

fn make(
    rows: &[Vec<String>],
    first: usize,
    (template, context, master): (&Template, &ItemContext, Option<&[u8; 32]>),
) -> anyhow::Result<Vec<Made>> {
    let mut all = Vec::with_capacity(rows.len());
    for (ordinal, row) in (first..).zip(rows) {
        let mut item = Item {
            data: row.clone(),
            key: None,
        };
        let mut data = None;
        if let Some(master) = master {
            let hash = context.hash(&item.bytes()?);
            data = hash.as_bytes().first_chunk().copied();
            let secret = CodeSecret::derive(master, u32::try_from(ordinal)?);
            item.key = Some(secret.key()?.public_key().clone());
        }
        item.check(template)
            .with_context(|| format!("item {ordinal}, counted from 0"))?;
        let bytes = item.bytes()?;
        ensure!(
            bytes.len() <= MAX_ITEM_BYTES,
            "item {ordinal}, counted from 0, has {} bytes, at most {MAX_ITEM_BYTES} are allowed",
            bytes.len()
        );
        all.push(Made {
            hash: context.hash(&bytes),
            bytes,
            data,
        });
    }
    Ok(all)
}
