//! `chopmark did batch secrets`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use chop_did::{ChopDid, Item};
use chop_keys::{CodeSecret, Signer as _};
use chop_protocol::BatchTerms;
use chop_protocol::batch::leaves::read_line;
use serde_json::json;
use url::Url;
use zeroize::Zeroizing;

use super::prepare::{Plan, Work};
use crate::cli::keyring::{Keyring, KeyringArgs};
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use crate::files::create_new;

/// Arguments of `chopmark did batch secrets`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark did batch secrets crates.csv.batch --base-url https://id.example/ --out labels.csv

Each line is ordinal, DID, and the URL for the QR code under the scratch layer. The secret stands behind the #, which browsers do not
send: whoever has it can claim the item. All of them are derived from a master secret, which the work folder keeps sealed by the key
folder: its passphrase is asked for. The file is readable for you alone (0600); destroy it after printing.")]
pub(super) struct Args {
    /// The work folder of `did batch create --secrets`
    work: PathBuf,
    /// What the URLs begin with; the DID follows
    #[arg(long, value_name = "URL")]
    base_url: Url,
    /// The file for the printer (CSV); it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    keyring: KeyringArgs,
}

pub(super) fn run(args: &Args, terminal: &Terminal) -> Result<Done, Failure> {
    let keyring = args.keyring.open(terminal)?;
    let count = write(args, &keyring).map_err(Failure::usage)?;
    let shown = args.out.display().to_string();
    let page = Page::new()
        .heading(Mark::Good, format!("wrote {count} secrets"))
        .field("file", &shown)
        .text("Whoever reads this file can claim every item: give it to the printer only, and destroy it.");
    Ok(Done::new(json!({"count": count, "file": shown}), page))
}

fn write(args: &Args, keyring: &Keyring) -> anyhow::Result<u32> {
    let work = Work::open(&args.work)?;
    let shown = args.work.display();
    let plan: Option<Plan> = work.read("plan.json")?;
    ensure!(
        plan.is_some_and(|plan| plan.secrets),
        "{shown} is no work folder of a batch with secrets"
    );
    let terms: Option<BatchTerms> = work.read("terms.json")?;
    let terms =
        terms.with_context(|| format!("{shown} is not prepared: `did batch create` first"))?;
    let master = work.master(keyring)?;
    let master = master.with_context(|| format!("{shown} has no master.json"))?;
    check(&work, &master)?;
    let out = create_new(&args.out);
    let out = out.with_context(|| format!("cannot make {}", args.out.display()))?;
    let mut out = BufWriter::new(out);
    writeln!(out, "ordinal,did,url")?;
    let base = args.base_url.as_str().trim_end_matches('/');
    for (ordinal, scid) in (0..).zip(work.scids(&terms)?) {
        let did = ChopDid::new(terms.ledger.short(), scid);
        let secret = CodeSecret::derive(&master, ordinal).text();
        let line = Zeroizing::new(format!("{ordinal},{did},{base}/{did}#{}\n", &*secret));
        out.write_all(line.as_bytes())?;
    }
    out.flush()?;
    Ok(terms.count)
}

/// Checks that the first leaf has the key of its secret: a folder may have got the master secret of another.
fn check(work: &Work, master: &[u8; 32]) -> anyhow::Result<()> {
    let mut line = Vec::new();
    BufReader::new(File::open(work.leaves())?).read_until(b'\n', &mut line)?;
    let leaf = read_line(line.trim_ascii_end()).context("the leaves are damaged")?;
    let item: Item = serde_json::from_slice(leaf.item).context("the leaves are damaged")?;
    let key = CodeSecret::derive(master, leaf.ordinal).key()?;
    ensure!(
        item.key.as_ref() == Some(key.public_key()),
        "master.json is that of another batch"
    );
    Ok(())
}
