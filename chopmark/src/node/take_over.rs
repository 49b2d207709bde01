//! A folder takes a promoted ledger over: its genesis, the trust root that its handover leads to, and its state.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use chop_node::engine::{Promoted, Sealed, verify_replay};
use chop_node::store::{DiskLimit, Store};
use chop_protocol::LedgerGenesis;

use crate::cli::Failure;
use crate::ledger::promote::PromotionFile;
use crate::ledger::read_json;
use crate::up::ledger::PROMOTED;
use crate::up::{Candidate, Folder, Peers};

const STATE: &str = "registry.redb";

/// Takes what `chopmark ledger promote` wrote, and the state when it is given, of which every block is executed again.
///
/// # Errors
/// When a file is malformed, the handover is not by the genesis's validator, or a block differs.
pub(super) fn run(
    folder: &Folder,
    promotion: &Path,
    state: Option<&Path>,
    (members, more): (&[Candidate], &[String]),
) -> Result<LedgerGenesis, Failure> {
    let file: PromotionFile = read_json(promotion)?;
    let (genesis, root) = file.check().map_err(Failure::refused)?;
    if let Some(state) = state {
        take_state(folder, state, (&file, &genesis))?;
    }
    let known = Peers::of(&genesis, members, more).map_err(Failure::usage)?;
    let promoted = Peers {
        peers: file.peers.clone(),
        members: file.members.clone(),
    };
    let known = known.and(promoted).map_err(Failure::usage)?;
    Peers::join_under(folder, &genesis, &root, known).map_err(Failure::usage)?;
    let text = serde_json::to_vec_pretty(&file).map_err(Failure::internal)?;
    folder.write(PROMOTED, &text).map_err(Failure::usage)?;
    Ok(genesis)
}

fn take_state(
    folder: &Folder,
    state: &Path,
    (file, genesis): (&PromotionFile, &LedgerGenesis),
) -> Result<(), Failure> {
    if folder.has(STATE) {
        return Err(Failure::usage(anyhow!(
            "the folder has a state already: {}",
            folder.join(STATE).display()
        )));
    }
    let copy = folder.join(".registry.new");
    std::fs::copy(state, &copy)
        .with_context(|| format!("cannot copy {}", state.display()))
        .map_err(Failure::usage)?;
    let checked = check_state(&copy, (file, genesis));
    if checked.is_err() {
        let _removed = std::fs::remove_file(&copy);
    }
    checked?;
    std::fs::rename(&copy, folder.join(STATE)).map_err(Failure::usage)
}

fn check_state(
    copy: &Path,
    (file, genesis): (&PromotionFile, &LedgerGenesis),
) -> Result<(), Failure> {
    let store = Store::open(copy, DiskLimit::none().into()).map_err(Failure::usage)?;
    let snapshot = store.snapshot().map_err(Failure::usage)?;
    let held = Promoted::read(&snapshot).map_err(Failure::usage)?;
    if held.is_none_or(|held| held.handover.last != file.handover.last) {
        return Err(Failure::refused(anyhow!(
            "the state is not that of this promotion"
        )));
    }
    verify_replay(&snapshot, genesis, Sealed::BySolo).map_err(Failure::refused)?;
    Ok(())
}
