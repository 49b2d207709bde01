//! `chopmark ledger promote`: a solo ledger becomes a consortium's (ADR 0010).

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use chop_did::ChopDid;
use chop_http::{clock, random};
use chop_integrity::{Hash, Timestamp};
use chop_keystore::{KeyName, Keystore, KeystoreError};
use chop_node::Operator;
use chop_node::engine::{Engine, Promoted, Sealed, verify_replay};
use chop_node::store::{DiskLimit, Store};
use chop_proof::{Handover, TrustRoot};
use chop_protocol::{
    Action, Change, Envelope, ExecutionResult, LedgerGenesis, Nonce, Note, Promotion, Propose, keys,
};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::read_json;
use crate::cli::{Done, Failure, Mark, Page};
use crate::files;
use crate::up::ledger::{self, PROMOTED};
use crate::up::{Applicant, Folder, Mode, Peers, keystore, operator_of, passphrase, trust_root};

/// How long an envelope may wait for its block, in milliseconds.
const LIFE_MS: i64 = 60_000;
const STATE: &str = "registry.redb";
/// What clients pinned before the promotion.
const SOLO_ROOT: &str = "trust-root.solo.json";

/// Arguments of `chopmark ledger promote`.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The data folder of the solo ledger, which no process uses
    #[arg(long, default_value = "chopmark-data")]
    data: PathBuf,
    /// Where the other validators will find the operator's own node, host:port; it runs none when absent
    #[arg(long)]
    peer_address: Option<String>,
    /// Where to put what the validators need; made when it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Mean fewer than four validators, of which none may fail
    #[arg(long)]
    fewer: bool,
    /// Why, in one line that everybody can read for ever
    #[arg(long)]
    note: Option<String>,
    /// The file with the passphrase of the keys
    #[arg(long, env = "CHOPMARK_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
    /// What `chopmark node init --ledger` printed, of each organisation that runs a validator
    #[arg(value_name = "APPLICATION")]
    applications: Vec<PathBuf>,
}

/// What a node needs to go on with a promoted ledger, beside its state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PromotionFile {
    /// The genesis of the solo ledger, which stays the ledger's.
    pub(crate) genesis: Value,
    /// How the solo ledger ended; its first header after that is still to come.
    pub(crate) handover: Handover,
    /// Where the validators are.
    pub(crate) peers: Vec<String>,
    /// Whose nodes they are, by node id.
    #[serde(default)]
    pub(crate) members: BTreeMap<String, ChopDid>,
}

impl PromotionFile {
    /// The ledger, and the trust root of its new validators, followed from the genesis.
    ///
    /// # Errors
    /// When the genesis is none, or the handover is not by its validator.
    pub(crate) fn check(&self) -> anyhow::Result<(LedgerGenesis, TrustRoot)> {
        let genesis = LedgerGenesis::parse(self.genesis.to_string().as_bytes())?;
        let last = self.handover.verify_last(&trust_root(&genesis)?)?;
        Ok((genesis, last.trust_root()?))
    }
}

/// Promotes the ledger, or writes out what an earlier promotion left.
///
/// # Errors
/// When the folder is in use, an application is none, or a rule stands against the promotion.
pub(crate) async fn run(args: &Promote) -> Result<Done, Failure> {
    let given = passphrase::given(args.passphrase_file.as_deref()).map_err(Failure::usage)?;
    let folder = Folder::open(&args.data, Mode::Standard).map_err(Failure::usage)?;
    let keystore = keystore(&folder, given).map_err(Failure::usage)?;
    let genesis = read_genesis(&folder).map_err(Failure::usage)?;
    let applicants: Vec<Applicant> = args
        .applications
        .iter()
        .map(|file| read_json(file))
        .collect::<Result<_, _>>()?;
    let promoted = read_promoted(&folder).map_err(Failure::internal)?;
    let promoted = match promoted {
        // A vote decided it since, on a node that may have pruned blocks by then.
        Some(promoted) => {
            check_whole(&folder, &genesis)?;
            promoted
        }
        None => match begin(args, (&folder, &genesis), &keystore, &applicants).await? {
            Asked::Decided => read_promoted(&folder)
                .map_err(Failure::internal)?
                .ok_or_else(|| Failure::internal(anyhow!("the promotion left no handover")))?,
            Asked::Open(id) => return Ok(open_page(&id)),
        },
    };
    let root = settle(
        args,
        &folder,
        (&keystore, &genesis),
        (&promoted, &applicants),
    )
    .map_err(Failure::usage)?;
    Ok(done_page(args, &promoted, &root))
}

/// What became of the proposal.
enum Asked {
    Decided,
    /// Other members have to vote.
    Open(Hash),
}

/// Has the state machine decide, as the ledger's operator, on a ledger of which every block is here and is what it should be.
async fn begin(
    args: &Promote,
    (folder, genesis): (&Folder, &LedgerGenesis),
    keystore: &Keystore,
    applicants: &[Applicant],
) -> Result<Asked, Failure> {
    peers(args, (keystore, genesis), applicants).map_err(Failure::usage)?;
    check_whole(folder, genesis)?;
    let (engine, operator) =
        ledger::open(folder, keystore, (false, None)).map_err(Failure::usage)?;
    let asked = ask(args, keystore, (&engine, &operator), applicants).await;
    tokio::task::spawn_blocking(move || engine.stop())
        .await
        .map_err(Failure::internal)?;
    asked
}

async fn ask(
    args: &Promote,
    keystore: &Keystore,
    (engine, operator): (&Engine, &Operator),
    applicants: &[Applicant],
) -> Result<Asked, Failure> {
    let change = promotion(args, keystore, engine, applicants).map_err(Failure::usage)?;
    for applicant in applicants {
        let operation = applicant.operation().map_err(Failure::usage)?;
        let did = *operation.operation().did();
        if did != applicant.validator.member {
            return Err(Failure::usage(anyhow!(
                "the application of {} creates {did}, but its validator is for {}",
                applicant.name,
                applicant.validator.member
            )));
        }
        let known = engine.view().value(&keys::did(&did.scid()));
        if known.map_err(Failure::internal)?.is_none() {
            submit(engine, operator, Action::Did(Box::new(operation))).await?;
        }
    }
    let note = args.note.as_deref().map(Note::parse).transpose();
    let note = note.map_err(Failure::usage)?;
    let change = Change::Promote(change);
    let id = submit(
        engine,
        operator,
        Action::Propose(Box::new(Propose { change, note })),
    )
    .await?;
    let record = engine.view().value(keys::PROMOTION);
    Ok(match record.map_err(Failure::internal)? {
        Some(_) => Asked::Decided,
        None => Asked::Open(id),
    })
}

fn promotion(
    args: &Promote,
    keystore: &Keystore,
    engine: &Engine,
    applicants: &[Applicant],
) -> anyhow::Result<Promotion> {
    let genesis = engine.genesis();
    let own = genesis.terms().validators.first();
    let mut validators: Vec<_> = applicants
        .iter()
        .map(|applicant| applicant.validator.clone())
        .collect();
    if args.peer_address.is_some() {
        validators.insert(0, Applicant::own_validator(keystore, genesis)?);
    }
    let mut admit = Vec::new();
    for applicant in applicants {
        let key = keys::member(&applicant.validator.member.scid());
        if engine.view().value(&key)?.is_none() {
            admit.push(applicant.admission());
        }
    }
    Ok(Promotion {
        retires: own
            .context("the genesis names no validator")?
            .public_key
            .clone(),
        validators,
        admit,
        fewer: args.fewer,
    })
}

/// Has one action executed for the operator; gives its envelope's hash.
async fn submit(engine: &Engine, operator: &Operator, action: Action) -> Result<Hash, Failure> {
    let envelope = Envelope {
        ledger: engine.genesis().id(),
        actor: operator.did,
        sponsor: operator.did,
        nonce: Nonce::new(random::bytes()),
        valid_until: Timestamp::from_unix_ms(clock::now_ms()).plus_ms(LIFE_MS),
        actions: vec![action],
    };
    let signed = envelope
        .sign(&[&*operator.signer])
        .map_err(Failure::internal)?;
    let outcome = engine
        .submit(signed.clone())
        .await
        .map_err(Failure::refused)?;
    match outcome.result {
        ExecutionResult::Committed => Ok(signed.hash()),
        ExecutionResult::Refused { rule, detail, .. } => {
            Err(Failure::refused(anyhow!("{detail} ({rule})")))
        }
    }
}

/// Writes what the validators need, makes a node of the operator's folder, and destroys the retired key.
fn settle(
    args: &Promote,
    folder: &Folder,
    (keystore, genesis): (&Keystore, &LedgerGenesis),
    (promoted, applicants): (&Promoted, &[Applicant]),
) -> anyhow::Result<TrustRoot> {
    let known = peers(args, (keystore, genesis), applicants)?;
    if let Some(host) = &args.peer_address {
        Applicant::settle(folder, keystore, genesis, host)?;
    }
    let file = PromotionFile {
        genesis: serde_json::to_value(genesis.terms())?,
        handover: promoted.handover.clone(),
        peers: known.peers.clone(),
        members: known.members.clone(),
    };
    let (_, root) = file.check()?;
    if !folder.has(SOLO_ROOT) {
        folder.write(SOLO_ROOT, &fs::read(folder.join("trust-root.json"))?)?;
    }
    if args.peer_address.is_some() {
        Peers::join_under(folder, genesis, &root, known)?;
    }
    folder.write("trust-root.json", &serde_json::to_vec_pretty(&root)?)?;
    write_out(&args.out, folder, &file, &root)?;
    folder.write(PROMOTED, &serde_json::to_vec_pretty(&file)?)?;
    // From here on nobody signs for the solo ledger any more, whoever gets hold of the folder.
    match keystore.destroy(&KeyName::parse("validator")?) {
        Ok(()) | Err(KeystoreError::NotFound { .. }) => Ok(root),
        Err(error) => Err(error.into()),
    }
}

/// Where the validators are, and whose their nodes are.
fn peers(
    args: &Promote,
    (keystore, genesis): (&Keystore, &LedgerGenesis),
    applicants: &[Applicant],
) -> anyhow::Result<Peers> {
    let mut known = Peers::default();
    if let Some(host) = &args.peer_address {
        let own = Applicant::own_peer(keystore, host)?;
        known.add(&own, operator_of(genesis)?)?;
    }
    for applicant in applicants {
        known.add(&applicant.peer, applicant.validator.member)?;
    }
    Ok(known)
}

/// Writes the folder for the validators durably: the key that could make another one is destroyed after this.
fn write_out(
    out: &Path,
    folder: &Folder,
    file: &PromotionFile,
    root: &TrustRoot,
) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(out)
        .with_context(|| format!("cannot make {}", out.display()))?;
    let write = |name: &str, bytes: Vec<u8>| {
        let path = out.join(name);
        files::replace(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    write(PROMOTED, serde_json::to_vec_pretty(file)?)?;
    write("trust-root.json", serde_json::to_vec_pretty(root)?)?;
    let state = out.join(STATE);
    copy_durably(&folder.join(STATE), &state)
        .with_context(|| format!("cannot write {}", state.display()))?;
    let out = std::path::absolute(out)?;
    File::open(out.parent().unwrap_or(Path::new("/")))?.sync_all()?;
    Ok(())
}

/// Copies a file whole or not at all: temporary file, fsync, rename, fsync of the folder.
fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let temporary = to.with_extension("new");
    fs::copy(from, &temporary)?;
    File::open(&temporary)?.sync_all()?;
    fs::rename(&temporary, to)?;
    File::open(to.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn read_genesis(folder: &Folder) -> anyhow::Result<LedgerGenesis> {
    let path = folder.join("genesis.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("{} holds no ledger", path.display()))?;
    let genesis = LedgerGenesis::parse(text.trim_end().as_bytes())?;
    ensure!(
        genesis.terms().consortium.is_none(),
        "this is a consortium's ledger: only a solo one is promoted"
    );
    operator_of(&genesis)?;
    Ok(genesis)
}

fn read_promoted(folder: &Folder) -> anyhow::Result<Option<Promoted>> {
    Ok(Promoted::read(&open_state(folder)?.snapshot()?)?)
}

fn open_state(folder: &Folder) -> anyhow::Result<Store> {
    let path = folder.join(STATE);
    if !path.exists() {
        bail!("{} is missing: the folder holds no ledger", path.display());
    }
    Ok(Store::open(&path, DiskLimit::none().into())?)
}

/// Refuses a ledger whose blocks the validators could not execute again: nobody would take it over, and its key would be gone.
fn check_whole(folder: &Folder, genesis: &LedgerGenesis) -> Result<(), Failure> {
    let store = open_state(folder).map_err(Failure::internal)?;
    let snapshot = store.snapshot().map_err(Failure::internal)?;
    let first = snapshot.first_height().map_err(Failure::internal)?;
    if let Some(first) = first.filter(|first| *first > 1) {
        return Err(Failure::refused(anyhow!(
            "the blocks before {first} were pruned (--keep-blocks): whoever takes the ledger over executes it from block 1"
        )));
    }
    if first.is_some() {
        verify_replay(&snapshot, genesis, Sealed::BySolo).map_err(Failure::refused)?;
    }
    Ok(())
}

fn open_page(id: &Hash) -> Done {
    let page = Page::new()
        .heading(Mark::Note, format!("proposal {id}: open"))
        .text("Other members have a vote on it. Start the ledger, let them vote, stop it, and call this again.");
    Done::new(json!({"proposal": id, "promoted": false}), page)
}

fn done_page(args: &Promote, promoted: &Promoted, root: &TrustRoot) -> Done {
    let value = json!({
        "promoted": true,
        "lastHeight": promoted.height,
        "initialHeight": promoted.height + 1,
        "validators": root.validator_count(),
        "out": args.out,
    });
    let page = Page::new()
        .heading(Mark::Good, "the ledger is a consortium's now")
        .field("last solo header", promoted.height)
        .field("first header of the validators", promoted.height + 1)
        .field("validators", root.validator_count())
        .field("for the others", args.out.display())
        .text("The key that signed alone is destroyed here; destroy its backups too. Give every validator the folder above: `chopmark node join --promotion`.");
    Done::new(value, page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_protocol::AnchorCredential;

    /// Has the ledger write four blocks, and keep as many as said.
    async fn write(folder: &Folder, keystore: &Keystore, (from, keep): (u8, Option<u64>)) {
        let (engine, operator) = ledger::open(folder, keystore, (false, keep)).unwrap();
        for n in from..from + 4 {
            let anchor = AnchorCredential {
                digest: Hash::of("test", &[n]),
                credential_type: None,
                subject: None,
            };
            let written = submit(&engine, &operator, Action::Anchor(anchor)).await;
            written.unwrap();
        }
        let stopped = tokio::task::spawn_blocking(move || engine.stop());
        stopped.await.unwrap();
    }

    #[test]
    fn refuses_a_ledger_that_nobody_can_execute_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path(), Mode::Standard).unwrap();
        let keystore = keystore(&folder, None).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(write(&folder, &keystore, (0, None)));
        let genesis = read_genesis(&folder).unwrap();
        check_whole(&folder, &genesis).unwrap();
        runtime.block_on(write(&folder, &keystore, (4, Some(2))));
        let refused = check_whole(&folder, &genesis).unwrap_err().chain().concat();
        assert!(refused.contains("were pruned"), "{refused}");
    }

    #[test]
    fn keeps_the_key_of_a_pruned_ledger_that_a_vote_promoted() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(&root.path().join("data"), Mode::Standard).unwrap();
        let keystore = keystore(&folder, None).unwrap();
        let args = Promote {
            data: root.path().join("data"),
            peer_address: Some("127.0.0.1:26656".to_owned()),
            out: root.path().join("out"),
            fewer: true,
            note: None,
            passphrase_file: None,
            applications: Vec::new(),
        };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            write(&folder, &keystore, (0, None)).await;
            let (engine, operator) = ledger::open(&folder, &keystore, (false, Some(2))).unwrap();
            let asked = ask(&args, &keystore, (&engine, &operator), &[]).await;
            assert!(matches!(asked, Ok(Asked::Decided)));
            let stopped = tokio::task::spawn_blocking(move || engine.stop());
            stopped.await.unwrap();
        });
        drop(folder);
        let refused = runtime.block_on(run(&args)).err().unwrap();
        let refused = refused.chain().concat();
        assert!(refused.contains("were pruned"), "{refused}");
        keystore
            .load(&KeyName::parse("validator").unwrap())
            .unwrap();
        assert!(!args.out.exists());
    }
}
