//! What a node that joins by a snapshot does with it: the tree is built, and every operation is checked with its signatures.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use chop_did::build;
use chop_integrity::canonicalize;
use chop_keys::{KeyType, Signer as _};
use chop_node::engine::Engine;
use chop_node::store::{DiskLimit, Entry, Goal, Restoring};

use super::creation::register;
use super::folder::Folder;
use super::measure::{Figures, cores, on_all_cores};
use super::progress::Progress;
use super::row::Row;
use super::running::Running;
use super::suites::{key, signing_input};

/// The row's name.
pub(super) const NAME: &str = "restore";
/// Signatures that the floor checks.
const RAW: u32 = 20_000;
/// Entries that are taken in at once: about as many as a chunk of a snapshot has.
const CHUNK: usize = 2_048;

/// Creates DIDs with one operation each, and makes the state of their ledger anew in another folder.
///
/// Its figures are microseconds of a core for each DID, when all cores are there for it; the floor is one signature check.
///
/// # Errors
/// When the DIDs are not created, or the state is not taken.
pub(super) async fn row(identifiers: usize, progress: &Progress<'_>) -> anyhow::Result<Row> {
    let folder = Folder::make()?;
    let running = Running::start(&folder.path().join("data")).await?;
    register(&running.client, identifiers, progress).await?;
    progress.say(format_args!("{NAME}: {identifiers} DIDs"));
    let place = folder.path().join("restored.redb");
    let seconds = tokio::task::block_in_place(|| restore(&running.engine, &place, identifiers))?;
    running.end().await?;
    let us = seconds * 1e6 * cores() / f64::from(u32::try_from(identifiers)?);
    let raw_us = raw()?;
    let ratio = us / raw_us;
    progress.say(format_args!("{NAME}: {seconds:.1} s"));
    Ok(Row::new(NAME, Figures { us, raw_us, ratio }, None))
}

/// Seconds from the first chunk to the checked state.
fn restore(engine: &Engine, place: &Path, identifiers: usize) -> anyhow::Result<f64> {
    let view = engine.view();
    let genesis = engine.genesis();
    let founding = genesis.founders().iter().map(|founder| {
        let create = canonicalize(build::create(founder).unsigned())?;
        Ok((founder.did().scid().to_string(), 0, create))
    });
    let founding = founding.collect::<anyhow::Result<Vec<_>>>()?;
    let (mut entries, mut operations) = (Vec::new(), 0);
    view.snapshot().each_entry(|entry| {
        operations += usize::from(matches!(entry, Entry::Operation(..)));
        entries.push(entry);
        Ok(())
    })?;
    ensure!(
        operations > identifiers,
        "there are {operations} operations of {identifiers} DIDs"
    );
    let started = Instant::now();
    let restoring = Restoring::begin(place, &Arc::new(DiskLimit::none()))?;
    for chunk in entries.chunks(CHUNK) {
        restoring.add(chunk)?;
    }
    restoring.finish(&Goal {
        height: view.last_block(),
        root: view.head().app_hash,
        genesis: &genesis.canonical_bytes()?,
        founding: &founding,
        handover: None,
    })?;
    Ok(started.elapsed().as_secs_f64())
}

/// Microseconds of a core for a signature check, while all cores check.
fn raw() -> anyhow::Result<f64> {
    let key = key(KeyType::Ed25519)?;
    let public = key.public_key();
    let input = signing_input(KeyType::Ed25519)?;
    let signature = key.sign_credential(&input)?;
    Ok(on_all_cores(RAW, || {
        public.verify(input.as_bytes(), signature.as_bytes())
    }))
}
