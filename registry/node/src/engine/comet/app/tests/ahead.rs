//! Blocks that are executed while validators vote on them.

use super::*;

fn propose(app: &App, block: &pb::RequestFinalizeBlock) -> bool {
    let answer = app.process(&proposed(block.clone()));
    answer.status == pb::response_process_proposal::ProposalStatus::Accept as i32
}

fn aim(app: &App, block: &pb::RequestFinalizeBlock) -> Aim {
    Aim {
        block: block.hash.as_ref().try_into().unwrap(),
        parent: app.shared.view().head().app_hash,
    }
}

#[test]
fn a_block_that_was_executed_ahead_leaves_what_it_would_have_left() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [ahead, after] = [open(folders[0].path()), open(folders[1].path())];
    for height in 1..=4 {
        let n = u64::try_from(height).unwrap();
        let txs = vec![tx(&[&envelope(n), &envelope(n + 10)]), tx(&[&envelope(1)])];
        let decided = block(height, txs);
        // A proposal of an earlier round, of which nothing comes.
        let mut given_up = block(height, vec![tx(&[&envelope(n + 20)])]);
        given_up.hash = vec![0xff; 32].into();
        if height > 2 {
            assert!(propose(&ahead, &given_up));
            while ahead.ahead.is_busy() {
                std::thread::yield_now();
            }
        }
        assert!(propose(&ahead, &decided));
        let answers = [&ahead, &after].map(|app| {
            let answer = app.finalize(&decided).unwrap();
            app.commit().unwrap();
            answer
        });
        assert_eq!(answers[0], answers[1], "block {height}");
    }
    let views = [&ahead, &after].map(|app| app.shared.view());
    assert_eq!(views[0].head(), views[1].head());
    assert!(views[0].value(&anchor_key(14)).unwrap().is_some());
    assert!(views[0].value(&anchor_key(23)).unwrap().is_none());
}

#[test]
fn only_what_is_accepted_and_comes_next_is_executed_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    let good = block(1, vec![tx(&[&envelope(1)])]);
    let refused = block(1, vec![Bytes::from_static(b"nonsense")]);
    assert!(!propose(&app, &refused));
    assert!(app.ahead.take(aim(&app, &refused)).is_none());
    let later = block(2, vec![tx(&[&envelope(1)])]);
    assert!(propose(&app, &later));
    assert!(app.ahead.take(aim(&app, &later)).is_none());
    let timeless = pb::RequestFinalizeBlock {
        time: None,
        ..good.clone()
    };
    assert!(propose(&app, &timeless));
    assert!(app.ahead.take(aim(&app, &timeless)).is_none());

    assert!(propose(&app, &good));
    let elsewhere = Aim {
        parent: [1; 32],
        ..aim(&app, &good)
    };
    assert!(app.ahead.take(elsewhere).is_none());
    let executed = app.ahead.take(aim(&app, &good)).unwrap();
    assert_eq!(executed.head.height, 1);
    // It is executed once more where nothing is left of it.
    assert_eq!(codes(&app.finalize(&good).unwrap()), [0]);
}
