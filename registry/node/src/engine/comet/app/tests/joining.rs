//! Snapshots, pruning and new rules, asked as CometBFT asks.

use chop_protocol::governance::RulesChange;
use chop_protocol::{Change, Propose};
use tendermint_proto::v0_38::abci::response_offer_snapshot::Result as Offered;

use super::*;

fn offer(snapshot: &pb::Snapshot, root: &[u8]) -> pb::RequestOfferSnapshot {
    pb::RequestOfferSnapshot {
        snapshot: Some(snapshot.clone()),
        app_hash: Bytes::copy_from_slice(root),
    }
}

/// A ledger with a snapshot at height 2, and the root of the state there.
fn with_snapshot(folder: &Path) -> (App, pb::Snapshot, [u8; 32]) {
    let app = open(folder);
    decide(&app, 1, vec![tx(&[&envelope(1)])]);
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
    let (old, snapshot, root) = with_snapshot(from.path());
    let new = open(to.path());
    let offered = new.offer(&offer(&snapshot, &root)).unwrap();
    assert_eq!(offered.result, Offered::Accept as i32);
    for index in 0..snapshot.chunks {
        let applied = new.apply_chunk(&chunk(&old, &snapshot, index)).unwrap();
        assert_eq!(applied.result, Applied::Accept as i32);
    }
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
fn refuses_a_wrong_chunk_and_its_sender_and_takes_the_right_one_then() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, snapshot, root) = with_snapshot(from.path());
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
    let (old, snapshot, _) = with_snapshot(from.path());
    let new = open(to.path());
    let before = new.shared.view().head();
    new.offer(&offer(&snapshot, &[9; 32])).unwrap();
    let applied = new.apply_chunk(&chunk(&old, &snapshot, 0)).unwrap();
    assert_eq!(applied.result, Applied::RejectSnapshot as i32);
    assert_eq!(new.shared.view().head(), before, "nothing of it was taken");
    assert!(!to.path().join("ledger.restoring").exists());

    let mut unnamed = snapshot.clone();
    unnamed.hash = Bytes::from_static(b"another");
    let offered = new.offer(&offer(&unnamed, &[9; 32])).unwrap();
    assert_eq!(offered.result, Offered::RejectSender as i32);
    let mut later = snapshot.clone();
    later.format = 2;
    let offered = new.offer(&offer(&later, &[9; 32])).unwrap();
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

#[test]
fn keeps_so_many_blocks_and_all_of_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    for height in 1..=8 {
        let number = u64::try_from(height).unwrap();
        app.finalize(&block(height, vec![tx(&[&envelope(number)])]))
            .unwrap();
        let retained = app.commit().unwrap().retain_height;
        assert_eq!(
            retained,
            if height > 3 { height - 2 } else { 0 },
            "{height}"
        );
    }
    let view = app.shared.view();
    assert_eq!(view.snapshot().first_height().unwrap(), Some(6));
    assert!(view.snapshot().block(5).unwrap().is_none());
    assert!(view.value(&anchor_key(1)).unwrap().is_some());
    let outcome = view.outcome(&envelope(1).hash()).unwrap();
    assert!(outcome.is_some(), "what became of an envelope stays known");
}
