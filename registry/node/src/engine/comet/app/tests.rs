//! The application without CometBFT: asked as CometBFT asks it.

use std::path::{Path, PathBuf};

use chop_did::ChopDid;
use chop_protocol::transaction::bundle;
use chop_protocol::{Action, Envelope, Nonce, Outcome, SignedEnvelope};
use tendermint_proto::google::protobuf::Timestamp as Time;
use tendermint_proto::v0_38::abci::response_apply_snapshot_chunk::Result as Applied;
use tokio::sync::oneshot;

use super::super::super::fixtures::{
    FOUNDED_MS, TestClock, anchor_key, envelope, founder, genesis, genesis_of, key, signed_by,
};
use super::super::home::Peering;
use super::super::rpc::Rpc;
use super::super::syncing::sync;
use super::*;
use crate::store::{DiskLimit, Store};

mod ahead;
mod joining;
mod peers;
mod pruning;
mod strangers;

fn open(folder: &Path) -> App {
    open_among(folder, &peers::peering(false), &TestClock::new())
}

fn open_among(folder: &Path, peering: &Peering, clock: &TestClock) -> App {
    let store = Store::open(&folder.join("ledger.redb"), Arc::new(DiskLimit::none())).unwrap();
    open_over(store, folder, (peering, clock))
}

fn open_within(folder: &Path, limit: Arc<DiskLimit>) -> App {
    let store = Store::open(&folder.join("ledger.redb"), limit).unwrap();
    open_over(store, folder, (&peers::peering(false), &TestClock::new()))
}

fn open_over(store: Store, folder: &Path, (peering, clock): (&Peering, &TestClock)) -> App {
    let rpc = Rpc::at(PathBuf::from("/nonexistent/rpc.sock"));
    let clock = clock.clone();
    let clock = Arc::new(move || clock.now());
    let shared = Shared::open(store, genesis(), rpc, (clock, Some(3)), None).unwrap();
    let snapshots = SnapshotConfig {
        folder: folder.join("snapshots"),
        interval: 2,
    };
    App::new(Arc::new(shared), Arc::new(Guests::new(peering)), snapshots)
}

fn tx(envelopes: &[&SignedEnvelope]) -> Bytes {
    bundle(envelopes).into()
}

fn block(height: i64, txs: Vec<Bytes>) -> pb::RequestFinalizeBlock {
    pb::RequestFinalizeBlock {
        txs,
        height,
        hash: vec![u8::try_from(height % 256).unwrap(); 32].into(),
        time: Some(Time {
            seconds: (FOUNDED_MS + 1_000) / 1_000 + height,
            nanos: 999_999,
        }),
        ..pb::RequestFinalizeBlock::default()
    }
}

/// Decides a block and commits it; the results.
fn decide(app: &App, height: i64, txs: Vec<Bytes>) -> pb::ResponseFinalizeBlock {
    let answer = app.finalize(&block(height, txs)).unwrap();
    app.commit().unwrap();
    answer
}

/// A block as a proposer shows it.
fn proposed(block: pb::RequestFinalizeBlock) -> pb::RequestProcessProposal {
    pb::RequestProcessProposal {
        txs: block.txs,
        height: block.height,
        hash: block.hash,
        time: block.time,
        ..pb::RequestProcessProposal::default()
    }
}

fn codes(answer: &pb::ResponseFinalizeBlock) -> Vec<u32> {
    answer.tx_results.iter().map(|result| result.code).collect()
}

fn check(app: &App, tx: Bytes, kind: pb::CheckTxType) -> pb::ResponseCheckTx {
    app.check_tx(&pb::RequestCheckTx {
        tx,
        r#type: kind as i32,
    })
}

fn process(app: &App, txs: Vec<Bytes>) -> bool {
    let answer = app.process(&pb::RequestProcessProposal {
        txs,
        ..pb::RequestProcessProposal::default()
    });
    answer.status == pb::response_process_proposal::ProposalStatus::Accept as i32
}

#[test]
fn begins_with_the_founding_state_of_its_own_ledger_only() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    assert_eq!(app.info().last_block_height, 0);
    let ask = |genesis: &LedgerGenesis| pb::RequestInitChain {
        app_state_bytes: genesis.canonical_bytes().unwrap().into(),
        initial_height: 1,
        ..pb::RequestInitChain::default()
    };
    let answer = app.init_chain(&ask(&genesis())).unwrap();
    assert_eq!(answer.app_hash, app.shared.view().head().app_hash[..]);
    assert!(app.init_chain(&ask(&genesis_of(7))).is_err());
    let late = pb::RequestInitChain {
        initial_height: 2,
        ..ask(&genesis())
    };
    assert!(app.init_chain(&late).is_err());
    assert!(app.init_chain(&pb::RequestInitChain::default()).is_err());
}

#[test]
fn two_nodes_make_the_same_of_the_same_blocks() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let apps = [open(folders[0].path()), open(folders[1].path())];
    let blocks = [
        vec![tx(&[&envelope(1)]), tx(&[&envelope(2), &envelope(3)])],
        vec![],
        vec![
            tx(&[&envelope(4), &envelope(1)]),
            Bytes::from_static(b"nonsense"),
        ],
        vec![tx(&[&signed_by(5, &key(9))])],
    ];
    for (height, txs) in (1..).zip(blocks) {
        // One node saw the transactions in its mempool before, the other did not.
        for tx in &txs {
            check(&apps[0], tx.clone(), pb::CheckTxType::New);
        }
        let answers = apps.each_ref().map(|app| decide(app, height, txs.clone()));
        assert_eq!(answers[0], answers[1], "block {height}");
    }
    let [one, _] = apps;
    assert_eq!(one.info().last_block_height, 4);
    let view = one.shared.view();
    for n in 1..=4 {
        assert!(view.value(&anchor_key(n)).unwrap().is_some(), "{n}");
    }
    assert!(view.value(&anchor_key(5)).unwrap().is_none());
    // The header time is cut to milliseconds.
    assert_eq!(view.head().time_ms, FOUNDED_MS + 1_000 + 4_000);
}

#[test]
fn each_envelope_of_a_bundle_has_an_outcome_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let stranger = signed_by(2, &key(9));
    let answer = decide(
        &app,
        1,
        vec![
            tx(&[&envelope(1), &stranger]),
            tx(&[&stranger]),
            Bytes::from_static(b"{}"),
            tx(&[&envelope(3)]),
        ],
    );
    assert_eq!(codes(&answer), [0, 1, 2, 0]);
    let record = app.shared.view().snapshot().block(1).unwrap().unwrap();
    let outcomes: Vec<Vec<bool>> = record
        .results
        .iter()
        .map(|result| {
            result
                .outcomes()
                .unwrap()
                .iter()
                .map(Outcome::is_committed)
                .collect()
        })
        .collect();
    assert_eq!(
        outcomes,
        [vec![true, false], vec![false], vec![], vec![true]]
    );
}

#[test]
fn refuses_a_proposed_block_with_anything_that_is_no_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let good = tx(&[&envelope(1), &envelope(2)]);
    let mut forged = good.to_vec();
    let at = forged
        .windows(6)
        .position(|window| window == b"\"nonce")
        .unwrap()
        + 10;
    forged[at] = if forged[at] == b'1' { b'2' } else { b'1' };
    assert!(process(&app, vec![]));
    assert!(process(&app, vec![good.clone(), tx(&[&envelope(3)])]));
    assert!(!process(&app, vec![good.clone(), Bytes::new()]));
    assert!(!process(&app, vec![forged.into(), good.clone()]));
    let spaced = [b" ", good.as_ref()].concat();
    assert!(!process(&app, vec![spaced.into()]));
}

#[test]
fn the_mempool_takes_what_a_block_would_execute_and_keeps_what_is_left_of_a_bundle() {
    use pb::CheckTxType::{New, Recheck};
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let pair = tx(&[&envelope(1), &envelope(2)]);
    assert_eq!(check(&app, pair.clone(), New).code, 0);
    let stranger = check(&app, tx(&[&envelope(1), &signed_by(2, &key(9))]), New);
    assert_eq!(
        (stranger.code, stranger.codespace.as_str()),
        (1, "envelope.sponsor-key")
    );
    assert_eq!(
        check(&app, Bytes::from_static(b"nonsense"), New).codespace,
        "transaction.malformed"
    );

    decide(&app, 1, vec![tx(&[&envelope(1)])]);
    assert_eq!(check(&app, pair.clone(), Recheck).code, 0);
    assert_eq!(
        check(&app, pair.clone(), New).codespace,
        "envelope.replayed"
    );
    decide(&app, 2, vec![tx(&[&envelope(2)])]);
    assert_eq!(check(&app, pair, Recheck).codespace, "envelope.replayed");
}

#[test]
fn proposes_what_fits_without_what_is_no_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let (one, two) = (tx(&[&envelope(1)]), tx(&[&envelope(2)]));
    let ask = |max_tx_bytes| pb::RequestPrepareProposal {
        max_tx_bytes,
        txs: vec![one.clone(), Bytes::from_static(b"nonsense"), two.clone()],
        ..pb::RequestPrepareProposal::default()
    };
    assert_eq!(app.prepare(&ask(1 << 20)).txs, [one.clone(), two.clone()]);
    let room = i64::try_from(one.len() + two.len()).unwrap();
    assert_eq!(app.prepare(&ask(room)).txs, std::slice::from_ref(&one));
    assert!(app.prepare(&ask(0)).txs.is_empty());
}

#[test]
fn a_block_that_was_computed_and_not_committed_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let first = app.finalize(&block(1, vec![tx(&[&envelope(1)])])).unwrap();
    assert!(app.shared.view().value(&anchor_key(1)).unwrap().is_none());
    drop(app);
    let app = open(folder.path());
    assert_eq!(app.info().last_block_height, 0);
    let again = decide(&app, 1, vec![tx(&[&envelope(1)])]);
    assert_eq!(again, first);
    drop(app);
    let info = open(folder.path()).info();
    assert_eq!(
        (info.last_block_height, info.last_block_app_hash),
        (1, first.app_hash)
    );
}

#[test]
fn a_crash_takes_back_what_was_not_synced_and_it_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    decide(&app, 1, vec![tx(&[&envelope(1)])]);
    sync(&app.shared);
    let blocks = [vec![tx(&[&envelope(2)])], vec![]];
    let decided: Vec<_> = (2..)
        .zip(&blocks)
        .map(|(height, txs)| decide(&app, height, txs.clone()))
        .collect();
    assert_eq!(app.info().last_block_height, 3);
    assert_eq!(app.shared.synced.borrow().committed.last_block(), 1);
    // What a killed process leaves behind.
    let killed = tempfile::tempdir().unwrap();
    let file = "ledger.redb";
    std::fs::copy(folder.path().join(file), killed.path().join(file)).unwrap();
    let again = open(killed.path());
    assert_eq!(again.info().last_block_height, 1);
    for ((height, txs), decided) in (2..).zip(&blocks).zip(&decided) {
        assert_eq!(&decide(&again, height, txs.clone()), decided, "{height}");
    }
    sync(&again.shared);
    assert_eq!(again.shared.synced.borrow().committed.last_block(), 3);
}

#[test]
fn a_full_disk_shows_what_is_durable_and_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let limit = Arc::new(DiskLimit::none());
    let app = open_within(folder.path(), Arc::clone(&limit));
    decide(&app, 1, vec![tx(&[&envelope(1)])]);
    sync(&app.shared);
    limit.set(folder.path().join("ledger.redb").metadata().unwrap().len());
    let mut height = 1;
    let mut decided = vec![];
    while *app.shared.health.borrow() == Health::Ready {
        height += 1;
        let n = u64::try_from(height).unwrap();
        let several = [0, 1, 2, 3, 4, 5, 6, 7].map(|more| envelope(n * 8 + more));
        let txs = several.iter().map(|one| tx(&[one])).collect::<Vec<_>>();
        decided.push((
            height,
            txs.clone(),
            app.finalize(&block(height, txs)).unwrap(),
        ));
        let _committed = app.answer(Ask::Commit(pb::RequestCommit {}));
        assert!(height < 1_000, "the file grows with its blocks");
    }
    assert!(height > 2, "some block was taken before the disk was full");
    assert_eq!(
        app.shared.view().last_block(),
        app.shared
            .store
            .snapshot()
            .unwrap()
            .last_block()
            .unwrap()
            .unwrap()
            .0
    );
    assert!(app.shared.view().last_block() < u64::try_from(height).unwrap());
    limit.set(u64::MAX);
    app.shared.store.reopen_writable().unwrap();
    app.shared.show_stored().unwrap();
    app.shared.health.send_replace(Health::Ready);
    let held = app.info().last_block_height;
    for (height, txs, answer) in decided.into_iter().filter(|(height, ..)| *height > held) {
        assert_eq!(decide(&app, height, txs), answer, "{height}");
    }
    sync(&app.shared);
    assert_eq!(app.shared.synced_until(), u64::try_from(height).unwrap());
}

#[test]
fn goes_on_with_no_block_but_the_next_and_commits_none_that_it_did_not_compute() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    assert!(app.answer(Ask::FinalizeBlock(block(2, vec![]))).is_none());
    assert!(app.answer(Ask::Commit(pb::RequestCommit {})).is_none());
    let mut timeless = block(1, vec![]);
    timeless.time = None;
    assert!(app.answer(Ask::FinalizeBlock(timeless)).is_none());
    let mut short = block(1, vec![]);
    short.hash = vec![1; 31].into();
    assert!(app.answer(Ask::FinalizeBlock(short)).is_none());
    assert!(app.answer(Ask::FinalizeBlock(block(1, vec![]))).is_some());
}

#[test]
fn answers_who_waits_once_the_block_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let (reply, mut answer) = oneshot::channel();
    app.shared.pending.add(envelope(1), reply, 8).unwrap();
    app.finalize(&block(1, vec![tx(&[&envelope(1)])])).unwrap();
    assert!(answer.try_recv().is_err());
    app.commit().unwrap();
    let outcome = answer.try_recv().unwrap().unwrap();
    assert!(outcome.is_committed());
    assert_eq!(outcome.height, 1);
    assert_eq!(
        app.shared.view().outcome(&outcome.hash).unwrap(),
        Some(outcome)
    );
}

/// An envelope of an actor that sponsors itself, with one action, signed by the key of this seed.
fn acting_as((actor, seed): (ChopDid, u8), n: u8, action: Action) -> SignedEnvelope {
    let envelope = Envelope {
        ledger: genesis().id(),
        actor,
        sponsor: actor,
        nonce: Nonce::new([n; 16]),
        valid_until: Timestamp::from_unix_ms(FOUNDED_MS + 3_600_000),
        actions: vec![action],
    };
    envelope.sign(&[&key(seed)]).unwrap()
}

/// An envelope of the founder with one action.
fn acting(n: u8, action: Action) -> SignedEnvelope {
    acting_as((founder(), 2), n, action)
}
