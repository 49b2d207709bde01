//! The leaves of a batch as they travel and are checked: one run after the other, never all at once.
//!
//! ```text
//! line     ordinal in decimal digits, space, JCS of the item, line feed
//! run      1,024 lines, the last run what is left
//! digest   SHA-256("chop/batch-leaves/v1" ‖ all lines), the lines in the order of the items' hashes
//! ```

use chop_did::{Item, ItemContext, ItemError, Template};
use chop_integrity::Hash;
use chop_proof::leaves::{self as tree, Node};
use sha2::{Digest as _, Sha256};

use super::BatchTerms;

/// Lines of a run; a power of two, so that the roots of runs are nodes of the tree.
pub const RUN: u32 = 1_024;
/// Most bytes of a run: the longest ordinal, the longest item.
pub const MAX_RUN_BYTES: usize = RUN as usize * (9 + chop_did::item::MAX_ITEM_BYTES);
/// Most bytes of all lines of a batch.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// The domain tag of the digest.
const LEAVES_TAG: &[u8] = b"chop/batch-leaves/v1";

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The item's number in the batch.
    pub ordinal: u32,
    /// The item's canonical bytes.
    pub item: &'a [u8],
}

/// Says why leaves are not those of a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeafError {
    /// The terms name another template.
    #[error("the template has digest {found}, the terms name {expected}")]
    Template {
        /// The template's digest.
        found: Hash,
        /// The digest in the terms.
        expected: Hash,
    },
    /// The terms have no canonical form.
    #[error("the terms have no canonical form")]
    Canonical,
    /// A run has another number of lines.
    #[error("run {run} has {found} lines instead of {expected}")]
    RunLength {
        /// Which run, from 0.
        run: u32,
        /// Its lines.
        found: usize,
        /// The lines that it should have.
        expected: u32,
    },
    /// All lines together are too many bytes.
    #[error("the leaves have more than {MAX_BYTES} bytes")]
    TooLarge,
    /// A line is not an ordinal and an item.
    #[error("leaf {index} is not an ordinal, a space and an item")]
    Line {
        /// The leaf's place, from 0.
        index: u32,
    },
    /// An item is none of the template.
    #[error("leaf {index}: {reason}")]
    Item {
        /// The leaf's place, from 0.
        index: u32,
        /// What is wrong with it.
        reason: ItemError,
    },
    /// An ordinal is not below the count, or stands twice.
    #[error("leaf {index} has ordinal {ordinal}, which is not below the count or stands twice")]
    Ordinal {
        /// The leaf's place, from 0.
        index: u32,
        /// The ordinal.
        ordinal: u32,
    },
    /// An item's hash does not rise: the leaves are not sorted, or an item stands twice.
    #[error(
        "leaf {index} does not follow the one before: leaves rise by their items' hashes, each item once"
    )]
    Order {
        /// The leaf's place, from 0.
        index: u32,
    },
    /// Runs are missing.
    #[error("{found} of {expected} leaves have come")]
    Incomplete {
        /// How many have come.
        found: u32,
        /// How many there are.
        expected: u32,
    },
    /// The lines hash to another digest.
    #[error("the leaves have digest {found}, the terms name {expected}")]
    Digest {
        /// The digest of the lines.
        found: Hash,
        /// The digest in the terms.
        expected: Hash,
    },
    /// The tree has another root.
    #[error("the leaves have root {found}, the terms name {expected}")]
    Root {
        /// The root of the leaves.
        found: Hash,
        /// The root in the terms.
        expected: Hash,
    },
}

/// Recomputes a batch from its leaves, run by run, in memory that does not grow with the items' sizes.
#[derive(Debug)]
pub struct LeafCheck {
    template: Template,
    terms: BatchTerms,
    context: ItemContext,
    hasher: Sha256,
    ordinals: Vec<u64>,
    bytes: u64,
    seen: u32,
    last: Option<Hash>,
    roots: Vec<Node>,
}

/// How many runs so many leaves make.
pub const fn runs(count: u32) -> u32 {
    count.div_ceil(RUN)
}

/// Writes a line.
pub fn write_line(to: &mut Vec<u8>, line: Line<'_>) {
    to.extend_from_slice(line.ordinal.to_string().as_bytes());
    to.push(b' ');
    to.extend_from_slice(line.item);
    to.push(b'\n');
}

/// Reads a line without its line feed; `None` when it is none.
pub fn read_line(line: &[u8]) -> Option<Line<'_>> {
    let at = line.iter().position(|byte| *byte == b' ')?;
    let (digits, item) = line.split_at_checked(at)?;
    let is_canonical = digits.iter().all(u8::is_ascii_digit)
        && (digits.len() == 1 || digits.first() != Some(&b'0'));
    let ordinal = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let item = item.get(1..)?;
    is_canonical.then_some(Line { ordinal, item })
}

/// Splits the bytes of a run into lines without line feeds; `None` when it does not end with one.
pub fn lines(run: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    run.strip_suffix(b"\n")?;
    let mut from = 0;
    Some(memchr::memchr_iter(b'\n', run).filter_map(move |end| {
        let line = run.get(from..end);
        from = end + 1;
        line
    }))
}

/// Starts the digest of the lines.
pub fn hasher() -> Sha256 {
    Sha256::new_with_prefix(LEAVES_TAG)
}

/// Ends the digest of the lines.
pub fn digest(hasher: Sha256) -> Hash {
    Hash::from_bytes(hasher.finalize().into())
}

impl LeafCheck {
    /// Starts with no leaf.
    ///
    /// # Errors
    /// Returns [`LeafError::Template`] when the terms name another template.
    pub fn new(terms: BatchTerms, template: Template) -> Result<Self, LeafError> {
        let (found, expected) = (template.digest(), terms.template);
        if found != expected {
            return Err(LeafError::Template { found, expected });
        }
        let batch = terms.id().map_err(|_| LeafError::Canonical)?;
        let words = (terms.count as usize).div_ceil(64);
        Ok(Self {
            context: ItemContext {
                batch,
                template: expected,
            },
            template,
            terms,
            hasher: hasher(),
            ordinals: vec![0; words],
            bytes: 0,
            seen: 0,
            last: None,
            roots: Vec::new(),
        })
    }

    /// Returns the terms.
    pub const fn terms(&self) -> &BatchTerms {
        &self.terms
    }

    /// Returns the number of the run that comes next.
    pub fn next_run(&self) -> u32 {
        u32::try_from(self.roots.len()).unwrap_or(u32::MAX)
    }

    /// Says whether all runs have come.
    pub fn is_complete(&self) -> bool {
        self.seen == self.terms.count
    }

    /// Checks the next run, and returns its items' hashes in order.
    ///
    /// # Errors
    /// Returns [`LeafError`]; the check is of no use after that.
    pub fn run(&mut self, bytes: &[u8]) -> Result<Vec<Hash>, LeafError> {
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes > MAX_BYTES {
            return Err(LeafError::TooLarge);
        }
        let (run, expected) = (self.next_run(), RUN.min(self.terms.count - self.seen));
        let mut hashes = Vec::with_capacity(RUN as usize);
        let mut nodes = Vec::with_capacity(RUN as usize);
        for line in lines(bytes).into_iter().flatten().take(RUN as usize + 1) {
            if nodes.len() < expected as usize {
                let (hash, ordinal) = self.line(line)?;
                nodes.push(tree::leaf(hash.as_bytes(), ordinal));
                hashes.push(hash);
                self.seen += 1;
            } else {
                nodes.push([0; 32]);
            }
        }
        let found = nodes.len();
        match tree::root(&nodes) {
            Some(root) if found == expected as usize => self.roots.push(root),
            _ => {
                return Err(LeafError::RunLength {
                    run,
                    found,
                    expected,
                });
            }
        }
        self.hasher.update(bytes);
        Ok(hashes)
    }

    /// Checks digest and root, and returns the roots of the runs.
    ///
    /// # Errors
    /// Returns [`LeafError`], which says what differs.
    pub fn finish(self) -> Result<Vec<Node>, LeafError> {
        if !self.is_complete() {
            return Err(LeafError::Incomplete {
                found: self.seen,
                expected: self.terms.count,
            });
        }
        let (found, expected) = (digest(self.hasher), self.terms.leaves);
        if found != expected {
            return Err(LeafError::Digest { found, expected });
        }
        let found = Hash::from_bytes(tree::root(&self.roots).unwrap_or_default());
        let expected = self.terms.root;
        if found != expected {
            return Err(LeafError::Root { found, expected });
        }
        Ok(self.roots)
    }

    fn line(&mut self, line: &[u8]) -> Result<(Hash, u32), LeafError> {
        let index = self.seen;
        let Line { ordinal, item } = read_line(line).ok_or(LeafError::Line { index })?;
        Item::parse(item, &self.template).map_err(|reason| LeafError::Item { index, reason })?;
        let word = self.ordinals.get_mut(ordinal as usize / 64);
        let bit = 1 << (ordinal % 64);
        match word {
            Some(word) if ordinal < self.terms.count && *word & bit == 0 => *word |= bit,
            _ => return Err(LeafError::Ordinal { index, ordinal }),
        }
        let hash = self.context.hash(item);
        if self.last.is_some_and(|last| last >= hash) {
            return Err(LeafError::Order { index });
        }
        self.last = Some(hash);
        Ok((hash, ordinal))
    }
}

#[cfg(test)]
mod tests;
