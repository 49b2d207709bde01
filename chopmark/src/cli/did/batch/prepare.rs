//! From a file of items to sorted leaves and the terms of a batch, in a folder of its own.
//!
//! ```text
//! WORK/plan.json       what was asked for: nonce, controller, template, digest of the items' file
//! WORK/master.json     of which the codes' secrets are derived, sealed by the key folder, with --secrets
//! WORK/leaves          the leaves, sorted
//! WORK/terms.json      the terms that fit them; written last
//! WORK/envelope.json   what was sent
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use chop_did::{ChopDid, ItemContext, LedgerId, Scid, Template, batch_id};
use chop_http::random;
use chop_integrity::Hash;
use chop_proof::leaves::{self as tree, Node};
use chop_protocol::batch::leaves::{Line, MAX_BYTES, RUN, digest, hasher, read_line, write_line};
use chop_protocol::{BatchTerms, CredentialType, Nonce};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::items::Items;
use crate::cli::keyring::Keyring;
use crate::files::replace;

/// What the master secret is sealed for.
const MASTER: &str = "chop/batch-master/v1";

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
pub(crate) struct Work {
    path: PathBuf,
    /// Of which the codes' secrets are derived.
    master: Option<Zeroizing<[u8; 32]>>,
}

impl Work {
    /// Opens a folder, made (0700) when it does not exist.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        make_folder(path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            master: None,
        })
    }

    /// Has the codes' secrets derived from the folder's master secret, which is drawn and sealed at the first start.
    ///
    /// # Errors
    /// When another key folder sealed it, or it cannot be kept.
    pub(crate) fn with_secrets(mut self, keyring: &Keyring) -> anyhow::Result<Self> {
        let master = if let Some(master) = self.master(keyring)? {
            master
        } else {
            let fresh = Zeroizing::new(random::bytes::<32>());
            let sealed = keyring.seal(MASTER, &*fresh)?;
            self.write("master.json", &serde_json::to_vec_pretty(&sealed)?)?;
            fresh
        };
        self.master = Some(master);
        Ok(self)
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
        let master = self.master.as_deref().filter(|_| plan.secrets);
        ensure!(
            master.is_some() == plan.secrets,
            "no key folder seals the secrets"
        );
        let context = ItemContext {
            batch: batch_id(&plan.ledger, &plan.controller, &plan.nonce.to_string())?,
            template: plan.template.digest(),
        };
        let items = Items::read(wish, &context, master, bar)?;
        if let Some((low, high)) = items.twins() {
            bail!("items {low} and {high} are the same: each needs data of its own");
        }
        let (root, leaves) = self.write_leaves(&items)?;
        let terms = BatchTerms {
            ledger: plan.ledger,
            controller: plan.controller,
            nonce: plan.nonce,
            template: context.template,
            count: u32::try_from(items.entries.len())?,
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
        let path = self.path.join(name);
        replace(&path, content).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The master secret of the batch's codes; `None` when none was drawn.
    ///
    /// # Errors
    /// When another key folder sealed it, or the file is malformed.
    pub(super) fn master(&self, keyring: &Keyring) -> anyhow::Result<Option<Zeroizing<[u8; 32]>>> {
        let shown = self.path.join("master.json");
        let shown = shown.display();
        let Some(sealed) = self.read("master.json")? else {
            return Ok(None);
        };
        let opened = keyring.unseal(MASTER, &sealed);
        let opened =
            opened.with_context(|| format!("{shown} does not open with this key folder"))?;
        let master = <[u8; 32]>::try_from(opened.as_slice()).map(Zeroizing::new);
        let master = master.map_err(|_| anyhow!("{shown} holds no secret of 32 bytes"))?;
        Ok(Some(master))
    }

    /// The items' identifiers, by ordinal.
    ///
    /// # Errors
    /// When the leaves cannot be read, or are not those of the terms.
    pub(crate) fn scids(&self, terms: &BatchTerms) -> anyhow::Result<Vec<Scid>> {
        let context = ItemContext {
            batch: terms.id()?,
            template: terms.template,
        };
        let mut scids = vec![None; terms.count as usize];
        for line in BufReader::new(File::open(self.leaves())?).split(b'\n') {
            let line = line?;
            let leaf = read_line(&line).context("the leaves are damaged")?;
            if let Some(place) = scids.get_mut(leaf.ordinal as usize) {
                *place = Some(context.scid(leaf.item));
            }
        }
        let scids: Option<Vec<Scid>> = scids.into_iter().collect();
        scids.context("the leaves are damaged")
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

    fn write_leaves(&self, items: &Items) -> anyhow::Result<(Hash, Hash)> {
        let mut file = BufWriter::with_capacity(1 << 20, private(&self.leaves())?);
        let mut hasher = hasher();
        let mut roots: Vec<Node> = Vec::new();
        let mut bytes = 0_u64;
        let mut run = Vec::new();
        for part in items.entries.chunks(RUN as usize) {
            run.clear();
            let mut nodes = Vec::with_capacity(part.len());
            for entry in part {
                let item = items.bytes(entry).context("an item is lost")?;
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

impl std::fmt::Debug for Work {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Work({})", self.path.display())
    }
}

/// Makes a folder (0700) and those above it, so that they outlast a power cut: the entry of each is synced too.
fn make_folder(path: &Path) -> std::io::Result<()> {
    let path = std::path::absolute(path)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|it| !it.exists()).collect();
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(&path)?;
    let mut above = missing.into_iter().filter_map(Path::parent);
    above.try_for_each(|folder| File::open(folder)?.sync_all())
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
