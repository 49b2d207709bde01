//! Snapshots and new rules, asked as CometBFT asks.

use std::sync::atomic::Ordering;

use chop_did::build::{GenesisDraft, create};
use chop_did::{Class, Genesis, KeySet, UpdateKeys};
use chop_keys::Signer as _;
use chop_protocol::governance::RulesChange;
use chop_protocol::{Change, Propose};
use sha2::{Digest as _, Sha256};
use tendermint_proto::v0_38::abci::response_offer_snapshot::Result as Offered;

use super::*;
use crate::engine::batch::founding_operations;
use crate::engine::comet::snapshots::Manifest;
use crate::engine::founding;
use crate::store::{Entry, Goal, Restoring, StoreError};

fn offer(snapshot: &pb::Snapshot, root: &[u8]) -> pb::RequestOfferSnapshot {
    pb::RequestOfferSnapshot {
        snapshot: Some(snapshot.clone()),
        app_hash: Bytes::copy_from_slice(root),
    }
}

/// A ledger with this transaction at height 1 and a snapshot at height 2, and the root of the state there.
fn with_snapshot(folder: &Path, first: Bytes) -> (App, pb::Snapshot, [u8; 32]) {
    let app = open(folder);
    decide(&app, 1, vec![first]);
    decide(&app, 2, vec![tx(&[&envelope(2)])]);
    let root = app.shared.view().head().app_hash;
    for _ in 0..500 {
        if let Some(snapshot) = app.snapshots.list().snapshots.pop() {
            return (app, snapshot, root);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("no snapshot was taken")
}

fn chunk(app: &App, snapshot: &pb::Snapshot, index: u32) -> pb::RequestApplySnapshotChunk {
    let chunk = app.snapshots.chunk(pb::RequestLoadSnapshotChunk {
        height: snapshot.height,
        format: snapshot.format,
        chunk: index,
    });
    pb::RequestApplySnapshotChunk {
        index,
        chunk: chunk.chunk,
        sender: "peer".to_owned(),
    }
}

#[test]
fn an_empty_node_takes_the_state_of_a_snapshot_and_goes_on_from_there() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, snapshot, root) = with_snapshot(from.path(), tx(&[&envelope(1)]));
    let new = open(to.path());
    take(&new, &old, &snapshot, &root);
    let info = new.info();
    assert_eq!(
        (info.last_block_height, &info.last_block_app_hash[..]),
        (2, &root[..])
    );
    // Replay marks came along: what was executed is not executed again.
    let again = check(&new, tx(&[&envelope(1)]), pb::CheckTxType::New);
    assert_eq!(again.codespace, "envelope.replayed");
    let [one, other] = [&old, &new].map(|app| {
        decide(app, 3, vec![tx(&[&envelope(3)])]);
        app.shared.view().head().app_hash
    });
    assert_eq!(one, other);
    let set_back = new.offer(&offer(&snapshot, &root)).unwrap();
    assert_eq!(set_back.result, Offered::Abort as i32);
}

#[test]
fn a_node_that_took_a_snapshot_knows_whose_nodes_were_bound_before_it() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bind = tx(&[&acting(90, peers::binding(founder(), 3, 8))]);
    let (old, snapshot, root) = with_snapshot(from.path(), bind);
    let new = open_among(to.path(), &peers::peering(true), &TestClock::new());
    assert!(
        !peers::lets_in(&new, 8),
        "it is asked before it has the state"
    );
    take(&new, &old, &snapshot, &root);
    assert!(peers::lets_in(&new, 8) && !peers::lets_in(&new, 9));
}

#[test]
fn refuses_a_wrong_chunk_and_its_sender_and_takes_the_right_one_then() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, snapshot, root) = with_snapshot(from.path(), tx(&[&envelope(1)]));
    let new = open(to.path());
    new.offer(&offer(&snapshot, &root)).unwrap();
    let good = chunk(&old, &snapshot, 0);
    let mut bytes = good.chunk.to_vec();
    bytes[20] ^= 1;
    let bad = pb::RequestApplySnapshotChunk {
        chunk: bytes.into(),
        ..good.clone()
    };
    let refused = new.apply_chunk(&bad).unwrap();
    assert_eq!(refused.result, Applied::Retry as i32);
    assert_eq!(
        (refused.refetch_chunks, refused.reject_senders),
        (vec![0], vec!["peer".to_owned()])
    );
    assert_eq!(
        new.apply_chunk(&good).unwrap().result,
        Applied::Accept as i32
    );
    assert_eq!(new.info().last_block_height, 2);
}

#[test]
fn refuses_a_snapshot_of_another_state_than_the_trusted_one() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, snapshot, _) = with_snapshot(from.path(), tx(&[&envelope(1)]));
    let new = open(to.path());
    let before = new.shared.view().head();
    new.offer(&offer(&snapshot, &[9; 32])).unwrap();
    let applied = new.apply_chunk(&chunk(&old, &snapshot, 0)).unwrap();
    assert_eq!(applied.result, Applied::RejectSnapshot as i32);
    assert_eq!(applied.reject_senders, ["peer"]);
    assert_eq!(new.shared.view().head(), before, "nothing of it was taken");
    assert!(!to.path().join("ledger.restoring").exists());

    // A CometBFT that was started anew offers it again.
    let again = new.offer(&offer(&snapshot, &[9; 32])).unwrap();
    assert_eq!(again.result, Offered::Reject as i32);
    let other_root = new.offer(&offer(&snapshot, &[8; 32])).unwrap();
    assert_eq!(other_root.result, Offered::Accept as i32);

    let mut unnamed = snapshot.clone();
    unnamed.hash = Bytes::from_static(b"another");
    let offered = new.offer(&offer(&unnamed, &[9; 32])).unwrap();
    assert_eq!(offered.result, Offered::RejectSender as i32);
    let mut later = snapshot.clone();
    later.format += 1;
    let offered = new.offer(&offer(&later, &[7; 32])).unwrap();
    assert_eq!(offered.result, Offered::RejectFormat as i32);
    assert_eq!(
        new.apply_chunk(&chunk(&old, &snapshot, 0)).unwrap().result,
        Applied::Abort as i32
    );
}

#[test]
fn stops_before_a_block_whose_rules_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let deciding = |version, height| {
        let change = Change::SetRules(RulesChange { version, height });
        let propose = Propose { change, note: None };
        let signed = Envelope {
            actions: vec![Action::Propose(Box::new(propose))],
            ..signed_by(100 + height, &key(2)).envelope().clone()
        };
        tx(&[&signed.sign(&[&key(2)]).unwrap()])
    };
    decide(&app, 1, vec![deciding(2, 4)]);
    for height in 2..=4 {
        decide(&app, height, vec![]);
    }
    decide(&app, 5, vec![deciding(3, 8)]);
    for height in 6..=7 {
        decide(&app, height, vec![]);
    }
    assert!(app.answer(Ask::FinalizeBlock(block(8, vec![]))).is_none());
    assert_eq!(*app.shared.health.borrow(), Health::Stopped);
    assert_eq!(app.shared.view().last_block(), 7);
}

/// Takes a snapshot in whole.
fn take(new: &App, old: &App, snapshot: &pb::Snapshot, root: &[u8]) {
    let offered = new.offer(&offer(snapshot, root)).unwrap();
    assert_eq!(offered.result, Offered::Accept as i32);
    for index in 0..snapshot.chunks {
        let applied = new.apply_chunk(&chunk(old, snapshot, index)).unwrap();
        assert_eq!(applied.result, Applied::Accept as i32);
    }
}

#[test]
fn a_node_that_was_killed_between_a_snapshot_and_its_first_block_takes_one_again() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, snapshot, root) = with_snapshot(from.path(), tx(&[&envelope(1)]));
    let new = open(to.path());
    take(&new, &old, &snapshot, &root);
    drop(new);
    let new = open(to.path());
    take(&new, &old, &snapshot, &root);
    decide(&new, 3, vec![tx(&[&envelope(3)])]);
    assert_eq!(new.info().last_block_height, 3);
    let set_back = new.offer(&offer(&snapshot, &root)).unwrap();
    assert_eq!(set_back.result, Offered::Abort as i32);
}

#[test]
fn a_full_disk_ends_no_snapshot_for_ever() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, snapshot, root) = with_snapshot(from.path(), tx(&[&envelope(1)]));
    let limit = Arc::new(DiskLimit::none());
    let new = open_within(to.path(), Arc::clone(&limit));
    // More than the files of the state that is there and of the one that comes may grow by.
    let entries: Vec<Entry> = (0..3_000)
        .map(|n| Entry::Value(format!("large/{n:05}"), vec![7; 1_000]))
        .collect();
    let (offered, chunked) = alone(&entries, &snapshot);
    new.offer(&offer(&offered, &root)).unwrap();
    let restoring = to.path().join("ledger.restoring");
    limit.set(restoring.metadata().unwrap().len());
    let answer = new.answer(Ask::ApplySnapshotChunk(chunked));
    assert!(answer.is_none());
    assert_eq!(*new.shared.health.borrow(), Health::ReadOnly);
    assert!(!restoring.exists(), "what was taken makes room");
    let needed = new.shared.needed.load(Ordering::Relaxed);
    assert!(needed > 3_000_000, "{needed}: the chunk alone is as large");

    let recover = || {
        limit.set(u64::MAX);
        new.shared.store.reopen_writable().unwrap();
        new.shared.refresh().unwrap();
        new.shared.health.send_replace(Health::Ready);
    };
    recover();
    take(&new, &old, &snapshot, &root);
    assert_eq!(new.shared.needed.load(Ordering::Relaxed), 0);
    // The restored state has no header yet; a failure before it has one is no end either.
    new.shared.fail(&StoreError::ReadOnly.into());
    recover();
    assert_eq!(new.shared.view().last_block(), 2);
    decide(&new, 3, vec![tx(&[&envelope(3)])]);
}

#[test]
fn what_an_earlier_process_left_of_a_snapshot_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let snapshots = folder.path().join("snapshots");
    for (place, file) in [("taking", "000000"), ("7", "000000"), ("9", "manifest")] {
        std::fs::create_dir_all(snapshots.join(place)).unwrap();
        std::fs::write(snapshots.join(place).join(file), "torn").unwrap();
    }
    let app = open(folder.path());
    assert!(app.snapshots.list().snapshots.is_empty());
    assert_eq!(std::fs::read_dir(&snapshots).unwrap().count(), 0);
}

#[test]
fn keeps_the_newest_snapshots_only() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let heights = || -> Vec<u64> {
        let listed = app.snapshots.list().snapshots;
        listed.iter().map(|snapshot| snapshot.height).collect()
    };
    // One that comes due while another is still being taken is left out.
    let mut seen = Vec::new();
    for height in 1..=250 {
        decide(&app, height, vec![]);
        std::thread::sleep(std::time::Duration::from_millis(10));
        let newest = heights().last().copied();
        seen.extend(newest.filter(|newest| seen.last() != Some(newest)));
        if seen.len() == 3 {
            break;
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    drop(app);
    let app = open(folder.path());
    let listed = app.snapshots.list().snapshots;
    let heights: Vec<u64> = listed.iter().map(|snapshot| snapshot.height).collect();
    assert!(
        heights.len() == 2 && heights >= seen[1..].to_vec(),
        "{heights:?} of {seen:?}"
    );
    let places = std::fs::read_dir(folder.path().join("snapshots")).unwrap();
    assert_eq!(places.count(), 2);
}

#[test]
fn the_first_block_after_a_snapshot_survives_a_crash() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, snapshot, root) = with_snapshot(from.path(), tx(&[&envelope(1)]));
    let new = open(to.path());
    take(&new, &old, &snapshot, &root);
    decide(&new, 3, vec![tx(&[&envelope(3)])]);
    decide(&new, 4, vec![]);
    // What a killed process leaves behind.
    let killed = tempfile::tempdir().unwrap();
    let file = "ledger.redb";
    std::fs::copy(to.path().join(file), killed.path().join(file)).unwrap();
    let again = open(killed.path());
    assert_eq!(again.info().last_block_height, 3);
    assert!(again.shared.has_blocks().unwrap());
}

/// An offer of a state of one chunk, and the chunk.
fn alone(entries: &[Entry], like: &pb::Snapshot) -> (pb::Snapshot, pb::RequestApplySnapshotChunk) {
    let chunk = borsh::to_vec(&entries).unwrap();
    let manifest = Manifest {
        height: like.height,
        chunks: vec![Sha256::digest(&chunk).into()],
        promoted_by: None,
    };
    let metadata = borsh::to_vec(&manifest).unwrap();
    let offered = pb::Snapshot {
        chunks: 1,
        hash: Bytes::copy_from_slice(&Sha256::digest(&metadata)),
        metadata: metadata.into(),
        ..like.clone()
    };
    let chunk = pb::RequestApplySnapshotChunk {
        index: 0,
        chunk: chunk.into(),
        sender: "peer".to_owned(),
    };
    (offered, chunk)
}

#[test]
fn refuses_a_chunk_that_no_node_makes_and_its_sender() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_old, snapshot, root) = with_snapshot(from.path(), tx(&[&envelope(1)]));
    let new = open(to.path());
    let long = Entry::Value("long".to_owned(), vec![7; 3 * 1024 * 1024]);
    let operation = Entry::Operation("a".to_owned(), 0, vec![7; 1024 * 1024]);
    for entry in [long, operation] {
        let (offered, chunk) = alone(&[entry], &snapshot);
        new.offer(&offer(&offered, &root)).unwrap();
        let refused = new.apply_chunk(&chunk).unwrap();
        assert_eq!(refused.result, Applied::RejectSnapshot as i32);
        assert_eq!(refused.reject_senders, ["peer"]);
        let again = new.offer(&offer(&offered, &root)).unwrap();
        assert_eq!(again.result, Offered::Reject as i32);
        let late = new.apply_chunk(&chunk).unwrap();
        assert_eq!(late.result, Applied::Abort as i32);
    }
}

#[test]
fn a_state_that_does_not_fit_into_one_slice_of_the_tree_has_the_same_root() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.redb");
    let root_of = |height| {
        let restoring = Restoring::begin(&path, &Arc::new(DiskLimit::none())).unwrap();
        for n in 0..7_u8 {
            let value = Entry::Value(format!("large/{n}"), vec![n; 3 * 1024 * 1024 - 7]);
            restoring.add(&[value]).unwrap();
        }
        let refused = restoring.finish(&Goal {
            height,
            root: [0; 32],
            genesis: b"",
            founding: &[],
            handover: None,
        });
        match refused {
            Err(StoreError::OtherRoot { found, .. }) => found,
            other => panic!("{other:?}"),
        }
    };
    // One version takes all; with three, the seventh value is in the second.
    assert_eq!(root_of(1), root_of(3));
}

/// A founder's envelope that creates a DID, and the key under which its operation is kept.
fn creating() -> (SignedEnvelope, String) {
    let (update, next) = (key(31), key(32));
    let set = |key: &chop_keys::PrivateKey| KeySet::new([key.public_key().clone()], 1).unwrap();
    let keys = UpdateKeys {
        current: set(&update),
        next: Some(set(&next).commitment()),
    };
    let draft = GenesisDraft::own_keys(Class::Organisation, keys, [5; 16]);
    let genesis = Genesis::complete(draft.template(), &genesis().id()).unwrap();
    let signed = create(&genesis).signed_by(&[&update]).unwrap();
    let scid = genesis.did().scid().to_string();
    (acting(60, Action::Did(Box::new(signed))), scid)
}

type Altered<'a> = &'a dyn Fn(&mut Vec<Entry>);

#[test]
fn takes_a_state_only_with_the_operation_of_every_version_in_its_one_form() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let app = open(from.path());
    let (envelope, scid) = creating();
    assert_eq!(codes(&decide(&app, 1, vec![tx(&[&envelope])])), [0]);
    let mut entries = Vec::new();
    let each = |entry| {
        entries.push(entry);
        Ok(())
    };
    app.shared.view().snapshot().each_entry(each).unwrap();
    let canonical = founding::canonical(&genesis()).unwrap();
    let founding = founding_operations(&genesis()).unwrap();
    let root = app.shared.view().head().app_hash;
    let finish = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries = entries.clone();
        change(&mut entries);
        let path = to.path().join("ledger.redb");
        let restoring = Restoring::begin(&path, &Arc::new(DiskLimit::none())).unwrap();
        restoring.add(&entries)?;
        restoring.finish(&Goal {
            height: 1,
            root,
            genesis: &canonical,
            founding: &founding,
            handover: None,
        })
    };
    finish(&|_| {}).unwrap();
    let is_own = |entry: &Entry| matches!(entry, Entry::Operation(of, ..) if *of == scid);
    let body = |entries: &mut Vec<Entry>, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        for entry in entries.iter_mut().filter(|entry| is_own(entry)) {
            if let Entry::Operation(.., body) = entry {
                *body = change(std::mem::take(body));
            }
        }
    };
    let changes: [(&str, Altered<'_>); 6] = [
        ("left out", &|all| all.retain(|entry| !is_own(entry))),
        ("the founder's left out", &|all| {
            all.retain(|entry| !matches!(entry, Entry::Operation(..)) || is_own(entry));
        }),
        ("of no version", &|all| {
            all.push(Entry::Operation(scid.clone(), 1, b"{}".to_vec()));
        }),
        ("with a space", &|all| {
            body(all, &|body| [body.as_slice(), b" "].concat());
        }),
        ("without proof", &|all| {
            body(all, &|body| {
                let mut value: serde_json::Value = serde_json::from_slice(&body).unwrap();
                value.as_object_mut().unwrap().remove("proof");
                value.to_string().into_bytes()
            });
        }),
        ("too large", &|all| {
            body(all, &|body| [body, vec![b' '; 8_192]].concat());
        }),
    ];
    for (what, change) in changes {
        let refused = finish(change).unwrap_err();
        let is_damaged = matches!(
            refused,
            StoreError::Damaged {
                what: "operation",
                ..
            }
        );
        assert!(is_damaged, "{what}: {refused}");
    }
}
