//! What goes of old blocks, and what must not.

use super::super::super::super::fixtures::{TestClock, open as open_solo, promotion};
use super::super::super::syncing::sync;
use super::*;
use crate::engine::handover;

#[test]
fn keeps_so_many_blocks_and_all_of_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    for height in 1..=8 {
        let number = u64::try_from(height).unwrap();
        app.finalize(&block(height, vec![tx(&[&envelope(number)])]))
            .unwrap();
        let retained = app.commit().unwrap().retain_height;
        sync(&app.shared);
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

#[test]
fn leaves_cometbft_the_blocks_that_a_crash_would_take_back() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    for height in 1..=9 {
        app.finalize(&block(height, vec![])).unwrap();
        let retained = app.commit().unwrap().retain_height;
        if height <= 4 {
            sync(&app.shared);
        }
        assert_eq!(
            retained,
            if height > 3 { (height - 2).min(4) } else { 0 },
            "{height}"
        );
    }
}

#[tokio::test]
async fn prunes_nothing_before_the_handover_is_whole_and_then_answers_without_its_block() {
    let folder = tempfile::tempdir().unwrap();
    let solo = open_solo(folder.path(), &TestClock::new());
    for envelope in [envelope(1), promotion(1)] {
        assert!(solo.submit(envelope).await.unwrap().is_committed());
    }
    let last = solo.head().height;
    drop(solo);
    let app = open(folder.path());
    let first = i64::try_from(last).unwrap() + 1;
    for height in first..first + 5 {
        app.finalize(&block(height, vec![])).unwrap();
        assert_eq!(app.commit().unwrap().retain_height, 0, "{height}");
    }
    // What CometBFT would say of the first block; nobody looks into it here.
    let snapshot = app.shared.store.snapshot().unwrap();
    let header = snapshot.block(last).unwrap().unwrap().signed_header;
    app.shared
        .store
        .add_headers(&[(last + 1, header)], last + 1)
        .unwrap();
    app.shared.keep_handover().unwrap();
    decide(&app, first + 5, vec![]);
    let view = app.shared.view();
    assert_eq!(view.snapshot().first_height().unwrap(), Some(last + 4));
    let whole = handover::complete(view.snapshot(), |_| panic!("the block is pruned"));
    let whole = whole.unwrap().unwrap();
    assert_eq!(whole.last_height().unwrap(), last);
    assert!(!whole.first.is_empty());
}
