//! `chopmark node restore`: a folder of a backup, in which no key may sign what it has signed otherwise before (ADR 0014).

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use chop_client::{LightClient, Place, Step};
use chop_http::clock;
use chop_keys::PublicKey;
use chop_keystore::{KeyName, Keystore};
use chop_node::engine::comet::{node_id, raise_last_signed};
use chop_proof::{LightBlock, TrustRoot};
use chop_protocol::LedgerGenesis;
use clap::Args;
use serde_json::json;
use url::Url;

use super::backup::{Kind, Manifest, copy, empty, make};
use super::sync::service;
use crate::cli::{Done, Failure, Mark, Page};
use crate::up::{Candidate, Folder, Mode, keystore, mark_copy, passphrase, unmark_copy};

/// By how much this machine's clock may be behind those of the validators, in milliseconds.
const CLOCK_MS: i64 = 5_000;
/// How long a header may take that is dated after the command began: more than two heartbeats.
const PATIENCE: Duration = Duration::from_secs(150);
const PAUSE: Duration = Duration::from_secs(1);
/// How many of the newest headers are looked at for a signature of the key.
const LOOK_BACK: u64 = 8;
/// Heights above the newest header that the key does not sign either.
const MARGIN: u64 = 20;

#[derive(Debug, Args)]
#[command(after_help = "\
A member's node comes back with a new validator key, which the members vote in for the old one. With --validator-key it keeps
its key; the other nodes named by --url then say how high the ledger is, and the key signs nothing below that. The old node
must not run any more, here or elsewhere.
A solo ledger comes back only from a backup that holds its last block: --last-height names the last one that anybody has seen.")]
pub(super) struct Restore {
    /// The folder that `chopmark node backup` wrote
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data folder to make
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// Keep the validator's key: its old node is stopped for good
    #[arg(long, requires = "url")]
    validator_key: bool,
    /// Another member's node, which says how high the ledger is (repeatable)
    #[arg(long, value_name = "URL", requires = "validator_key")]
    url: Vec<Url>,
    /// Of a solo ledger: the last height that a client, a monitor or a log has seen
    #[arg(long, value_name = "HEIGHT", conflicts_with = "validator_key")]
    last_height: Option<u64>,
    /// The file with the passphrase of the keys
    #[arg(long, env = "CHOPMARK_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
}

/// What became of the key that signs headers.
enum Outcome {
    /// It signs on, from this height.
    Kept(u64),
    /// Another one has to be voted in.
    Renewed(Renewed),
}

struct Renewed {
    member: String,
    old: PublicKey,
    new: PublicKey,
}

impl Restore {
    /// Makes the folder whole or not at all.
    pub(super) async fn run(&self) -> Result<Done, Failure> {
        let manifest = Manifest::read(&self.from).map_err(Failure::usage)?;
        match manifest.kind {
            Kind::Solo => self.check_solo(&manifest).map_err(Failure::refused)?,
            Kind::Member if self.validator_key => check_signed(&manifest)?,
            Kind::Member => {}
        }
        empty(&self.data).map_err(Failure::usage)?;
        // Beside it, so that it gets its name at once; its mark goes last, so that nothing starts it before.
        let building = self.building().map_err(Failure::usage)?;
        if building.exists() {
            fs::remove_dir_all(&building).map_err(Failure::usage)?;
        }
        let outcome = match self.build(&manifest, &building).await {
            Ok(outcome) => outcome,
            Err(failure) => {
                let _removed = fs::remove_dir_all(&building);
                return Err(failure);
            }
        };
        put(&building, &self.data).map_err(Failure::internal)?;
        Ok(page(&manifest, &outcome))
    }

    /// A solo ledger's key signs on from its own last block: a copy without that block makes another one in its place.
    fn check_solo(&self, manifest: &Manifest) -> anyhow::Result<()> {
        ensure!(
            !self.validator_key,
            "this is a solo ledger, which has no other nodes to ask: name the last height that anybody has seen with --last-height"
        );
        let signed = manifest.signed.unwrap_or(0);
        match self.last_height {
            None => bail!(
                "a solo ledger goes on from its very last block, and this backup ends with {signed}: name the last height that a client, a monitor or a log has seen with --last-height"
            ),
            Some(last) if last > signed => bail!(
                "the backup ends with block {signed}, and block {last} was signed: the same key would sign others in the place of those between, and whoever has seen them would see a fork"
            ),
            Some(_) => Ok(()),
        }
    }

    fn building(&self) -> anyhow::Result<PathBuf> {
        let path = std::path::absolute(&self.data)?;
        let name = path.file_name().context("--data names no folder")?;
        let name = format!(".{}.restoring", name.to_string_lossy());
        Ok(path.with_file_name(name))
    }

    async fn build(&self, manifest: &Manifest, building: &Path) -> Result<Outcome, Failure> {
        make(building).map_err(Failure::internal)?;
        mark_copy(building).map_err(Failure::internal)?;
        if manifest.kind == Kind::Solo {
            copy_back(manifest, (&self.from, building), &[]).map_err(Failure::usage)?;
            return Ok(Outcome::Kept(manifest.signed.unwrap_or(0) + 1));
        }
        if self.validator_key {
            copy_back(manifest, (&self.from, building), &[]).map_err(Failure::usage)?;
            return self.keep_key(manifest, building).await;
        }
        let (name, old) = validator(&self.from).map_err(Failure::usage)?;
        let sealed = format!("keys/{name}.key.json");
        copy_back(manifest, (&self.from, building), &[&sealed]).map_err(Failure::usage)?;
        let given = passphrase::given(self.passphrase_file.as_deref()).map_err(Failure::usage)?;
        renew(building, given, (&name, old)).map_err(Failure::usage)
    }

    /// Has the key sign nothing below what the ledger has reached since its old node stopped.
    async fn keep_key(&self, manifest: &Manifest, building: &Path) -> Result<Outcome, Failure> {
        let (_, key) = validator(&self.from).map_err(Failure::usage)?;
        let root = fs::read(building.join("trust-root.json")).map_err(Failure::usage)?;
        let root: TrustRoot = serde_json::from_slice(&root).map_err(Failure::usage)?;
        let began_ms = clock::now_ms();
        let mut highest = 0;
        for node in &self.url {
            let client = LightClient::new(service(node)?, root.clone());
            highest = highest.max(reached(&client, (node, &key), began_ms).await?);
        }
        let signed = manifest.signed.unwrap_or(0).max(highest + MARGIN);
        let signed = raise_last_signed(&building.join("cometbft"), signed);
        Ok(Outcome::Kept(signed.map_err(Failure::internal)? + 1))
    }
}

fn check_signed(manifest: &Manifest) -> Result<(), Failure> {
    if manifest.signed.is_none() {
        return Err(Failure::refused(anyhow!(
            "the backup does not say what the validator's key signed last: restore it without --validator-key"
        )));
    }
    Ok(())
}

/// The height of a header that was made after the command began, so that a key which was away by then has signed none above it.
async fn reached(
    client: &LightClient,
    (node, key): (&Url, &PublicKey),
    began_ms: i64,
) -> Result<u64, Failure> {
    let began = Instant::now();
    loop {
        let walked = client.walk(None, Place::Latest, Step::Skip).await;
        let trail = walked.map_err(Failure::refused)?;
        let height = trail.reached.height();
        if trail.reached.time_ms() >= began_ms + CLOCK_MS {
            check_silent(client, key, (height, began_ms)).await?;
            return Ok(height);
        }
        if began.elapsed() > PATIENCE {
            return Err(Failure::refused(anyhow!(
                "{node} shows no header that was made since this command began, the newest is {height}: whether the key has signed more cannot be told while the ledger stands still"
            )));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Refuses a key whose signature stands under one of the newest headers: each has those of more than two thirds, not of all.
async fn check_silent(
    client: &LightClient,
    key: &PublicKey,
    (newest, began_ms): (u64, i64),
) -> Result<(), Failure> {
    for height in (newest.saturating_sub(LOOK_BACK)..=newest).rev() {
        let walked = client.walk(None, Place::Height(height), Step::Skip).await;
        let trail = walked.map_err(Failure::refused)?;
        if trail.reached.time_ms() < began_ms {
            break;
        }
        if trail.blocks.last().is_some_and(|block| signs(block, key)) {
            return Err(Failure::refused(anyhow!(
                "the validator's key signed header {height} just now: its old node runs still; stop it for good"
            )));
        }
    }
    Ok(())
}

fn signs(block: &LightBlock, key: &PublicKey) -> bool {
    // Addresses of validators and ids of nodes are made alike.
    let address = node_id(key);
    let mut entries = block.signed_header.commit.signatures.iter();
    entries.any(|entry| {
        let signer = entry.validator_address();
        entry.is_commit()
            && signer.is_some_and(|signer| signer.to_string().eq_ignore_ascii_case(&address))
    })
}

/// The validator key of a backup, and the name under which its keystore has it; both are public.
fn validator(backup: &Path) -> anyhow::Result<(KeyName, PublicKey)> {
    let text = fs::read(backup.join("member.json")).context("the backup has no member.json")?;
    let candidate: Candidate =
        serde_json::from_slice(&text).context("the backup's member.json is malformed")?;
    let key = candidate.validator.public_key;
    let mut entries = Keystore::list_public(&backup.join("keys"))?.into_iter();
    let entry = entries.find(|entry| entry.public_key == key);
    let entry = entry.context("the backup's keystore does not hold the validator's key")?;
    Ok((entry.name, key))
}

/// Copies the files of a backup back, each as it was, but for some.
fn copy_back(
    manifest: &Manifest,
    (from, to): (&Path, &Path),
    without: &[&str],
) -> anyhow::Result<()> {
    for file in &manifest.files {
        let place = Path::new(&file.path);
        let is_inside = place
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        ensure!(is_inside, "{:?} lies outside of the backup", file.path);
        if without.contains(&file.path.as_str()) {
            continue;
        }
        let target = to.join(place);
        make(target.parent().unwrap_or(to))?;
        let found = copy(&from.join(place), &target)?;
        ensure!(
            found == file.sha256,
            "the backup is damaged: {} is {found}, it was {}",
            file.path,
            file.sha256
        );
        File::open(target.parent().unwrap_or(to))?.sync_all()?;
    }
    Ok(())
}

/// Gives the node a validator key that has signed nothing.
fn renew(
    building: &Path,
    given: Option<chop_keystore::Passphrase>,
    (name, old): (&KeyName, PublicKey),
) -> anyhow::Result<Outcome> {
    let folder = Folder::open_marked(building, Mode::Standard)?;
    let keystore = keystore(&folder, given)?;
    let genesis = fs::read_to_string(folder.join("genesis.json"))?;
    let genesis = LedgerGenesis::parse(genesis.trim_end().as_bytes())?;
    let candidate = Candidate::renew_validator(&folder, &keystore, name)?;
    Ok(Outcome::Renewed(Renewed {
        member: candidate.genesis(&genesis.id())?.did().to_string(),
        old,
        new: candidate.validator.public_key,
    }))
}

/// Puts the finished folder in the place of the empty one.
fn put(building: &Path, data: &Path) -> anyhow::Result<()> {
    fs::rename(building, data)
        .with_context(|| format!("cannot put the folder at {}", data.display()))?;
    let data = std::path::absolute(data)?;
    File::open(data.parent().unwrap_or(Path::new("/")))?.sync_all()?;
    Ok(unmark_copy(&data)?)
}

fn page(manifest: &Manifest, outcome: &Outcome) -> Done {
    let page = Page::new()
        .heading(Mark::Good, "the folder is restored")
        .field("ledger", &manifest.ledger)
        .field("backup of", manifest.taken)
        .field("last block", manifest.height);
    let (page, became) = match outcome {
        Outcome::Kept(from) => {
            let page = page.field("its key signs from height", from);
            let page = page.text("Start no other copy of it, here or elsewhere.");
            (page, json!({ "signsFrom": from }))
        }
        Outcome::Renewed(Renewed { member, old, new }) => {
            let change = format!("{old}=0 {new}=1:{member}");
            let page = page.field("new validator key", new).text(format!(
                "The old validator key was left away: nobody knows what it signed last. The members put the new one in its place: chopmark member propose validators {change}"
            ));
            let named = json!({"old": old, "new": new, "member": member});
            (page, json!({ "validator": named }))
        }
    };
    let value = json!({
        "ledger": manifest.ledger,
        "taken": manifest.taken,
        "height": manifest.height,
        "key": became,
    });
    Done::new(value, page)
}
