use std::sync::{Arc, Mutex};
use std::time::Duration;

use chop_did::{
    ChopDid, Class, Document, Genesis, KeySet, Relationship, UpdateKeys, build, build::GenesisDraft,
};
use chop_keys::Signer as _;
use chop_proof::{Freshness, verify_absence, verify_inclusion};
use chop_protocol::governance::Admission;
use chop_protocol::{
    Action, CastVote, Change, Choice, Envelope, ExecutionResult, MemberName, Propose, Role,
    SignedEnvelope,
};
use tokio::time::timeout;

use super::fixtures::{
    FOUNDED_MS, Gated, TestClock, anchor_key, config, envelope, founder, genesis, genesis_of, key,
    open, promotion, signed_by,
};
use super::*;
use crate::store::StoreError;

const PATIENCE: Duration = Duration::from_secs(20);

fn fresh(clock: &TestClock) -> Freshness {
    Freshness::within(clock.now(), 60_000)
}

#[tokio::test]
async fn founds_a_ledger_whose_first_state_is_proven() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    assert_eq!(solo.head().height, 1);
    let member = chop_protocol::keys::member(&founder().scid());
    let read = solo.read(&member).await.unwrap();
    let value = read.value.unwrap();
    let header = verify_inclusion(
        solo.trust_root(),
        &read.proof,
        &member,
        &value,
        &fresh(&clock),
    )
    .unwrap();
    assert_eq!((header.height, header.validators), (1, 1));
    let log = solo
        .view()
        .snapshot()
        .operations(&founder().scid().to_string(), 0, 10)
        .unwrap();
    assert_eq!(log.len(), 1);
}

#[tokio::test]
async fn answers_with_an_outcome_whose_effect_is_proven_at_once() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    let absent = solo.read(&anchor_key(1)).await.unwrap();
    assert_eq!(absent.value, None);
    verify_absence(
        solo.trust_root(),
        &absent.proof,
        &anchor_key(1),
        &fresh(&clock),
    )
    .unwrap();

    let outcome = solo.submit(envelope(1)).await.unwrap();
    assert_eq!(
        (outcome.result.clone(), outcome.height),
        (ExecutionResult::Committed, 2)
    );
    let read = solo.read(&anchor_key(1)).await.unwrap();
    let value = read.value.unwrap();
    let header = verify_inclusion(
        solo.trust_root(),
        &read.proof,
        &anchor_key(1),
        &value,
        &fresh(&clock),
    )
    .unwrap();
    assert_eq!(header.height, 3);
    assert_eq!(solo.head().height, 3);
    assert_eq!(solo.view().outcome(&outcome.hash).unwrap(), Some(outcome));
}

#[tokio::test]
async fn answers_the_same_envelope_with_the_first_outcome() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    let first = solo.submit(envelope(1)).await.unwrap();
    solo.submit(envelope(2)).await.unwrap();
    let head = solo.head();
    assert_eq!(solo.submit(envelope(1)).await.unwrap(), first);
    assert_eq!(solo.head(), head);
    drop(solo);
    let solo = open(folder.path(), &clock);
    assert_eq!(solo.submit(envelope(1)).await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_copies_in_flight_with_one_outcome() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    let copies: Vec<_> = (0..20)
        .map(|n| {
            let solo = solo.clone();
            tokio::spawn(async move { solo.submit(envelope(n % 2)).await.unwrap() })
        })
        .collect();
    let mut outcomes = std::collections::BTreeSet::new();
    for copy in copies {
        let outcome = copy.await.unwrap();
        assert!(outcome.is_committed(), "{outcome:?}");
        outcomes.insert((outcome.hash, outcome.height));
    }
    assert_eq!(outcomes.len(), 2);
    assert_eq!(solo.verify_replay().unwrap().envelopes, 2);
    assert!(!solo.is_pending(&envelope(0).hash()));
}

#[tokio::test(flavor = "multi_thread")]
async fn envelopes_that_arrive_together_share_a_commit() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let gate = Arc::new(Mutex::new(()));
    let signer = Arc::new(Gated {
        key: key(1),
        gate: Arc::clone(&gate),
    });
    let solo = Solo::open(SoloConfig {
        signer,
        ..config(folder.path(), &clock)
    })
    .unwrap();
    let tasks: Vec<_> = {
        let _closed = gate.lock().unwrap();
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let solo = solo.clone();
                tokio::spawn(async move { solo.submit(envelope(n)).await.unwrap() })
            })
            .collect();
        while (0..50).any(|n| !solo.is_pending(&envelope(n).hash())) {
            std::thread::yield_now();
        }
        tasks
    };
    for task in tasks {
        assert!(task.await.unwrap().is_committed());
    }
    // At least the first one is alone, everything that queued behind it shares blocks.
    assert!(solo.head().height < 1 + 2 * 50, "{:?}", solo.head());
    assert_eq!(solo.verify_replay().unwrap().envelopes, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn says_that_it_is_busy_when_the_queue_is_full() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let gate = Arc::new(Mutex::new(()));
    let signer = Arc::new(Gated {
        key: key(1),
        gate: Arc::clone(&gate),
    });
    let solo = Solo::open(SoloConfig {
        signer,
        queue: 2,
        ..config(folder.path(), &clock)
    })
    .unwrap();
    let (busy, tasks) = {
        let _closed = gate.lock().unwrap();
        let mut tasks = Vec::new();
        let busy = loop {
            let n = tasks.len() as u64;
            let mut submitting = Box::pin({
                let solo = solo.clone();
                async move { solo.submit(envelope(n)).await }
            });
            // One poll hands it over or is refused; an envelope that was handed over waits for the gate.
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            match submitting.as_mut().poll(&mut context) {
                std::task::Poll::Ready(Err(error)) => break error,
                std::task::Poll::Ready(Ok(outcome)) => panic!("{outcome:?} passed the gate"),
                std::task::Poll::Pending => tasks.push(submitting),
            }
            assert!(tasks.len() < 3_000, "the queue never filled");
        };
        (busy, tasks)
    };
    assert_eq!(busy, SubmitError::Busy { queued: 2 });
    for task in tasks {
        assert!(task.await.unwrap().is_committed());
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_on_disk() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    for n in 0..10 {
        let outcome = solo.submit(envelope(n)).await.unwrap();
        // What a killed process leaves is the file as it is now.
        let killed = tempfile::tempdir().unwrap();
        std::fs::copy(
            folder.path().join("ledger.redb"),
            killed.path().join("ledger.redb"),
        )
        .unwrap();
        let after = Solo::open(SoloConfig {
            replay: true,
            ..config(killed.path(), &clock)
        })
        .unwrap();
        assert_eq!(after.view().outcome(&outcome.hash).unwrap(), Some(outcome));
        assert_eq!(after.head(), solo.head());
    }
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped_and_equals_a_replay() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let mut head = None;
    for n in 0..6 {
        let solo = Solo::open(SoloConfig {
            replay: true,
            ..config(folder.path(), &clock)
        })
        .unwrap();
        assert!(head.is_none_or(|head| head == solo.head()));
        solo.submit(envelope(n)).await.unwrap();
        clock.advance(5);
        let replayed = solo.verify_replay().unwrap();
        assert_eq!(replayed.root, solo.head().app_hash);
        assert_eq!(replayed.height, solo.head().height);
        head = Some(solo.head());
        solo.stop();
    }
}

#[tokio::test]
async fn refuses_what_the_keys_may_not_do_and_takes_the_right_copy_later() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    let stranger = signed_by(1, &key(9));
    let head = solo.head();
    let refused = solo.submit(stranger.clone()).await.unwrap_err();
    assert!(
        matches!(refused, SubmitError::NotAdmitted { .. }),
        "{refused:?}"
    );
    assert_eq!(solo.head(), head);
    // Not a final answer: the copy with the right signature succeeds under the same hash.
    let outcome = solo.submit(envelope(1)).await.unwrap();
    assert!(outcome.is_committed());
    assert_eq!(outcome.hash, stranger.hash());
}

#[tokio::test]
async fn refuses_an_envelope_for_another_ledger() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let other = SoloConfig {
        genesis: genesis_of(7),
        ..config(folder.path(), &clock)
    };
    let solo = Solo::open(other).unwrap();
    let refused = solo.submit(envelope(1)).await.unwrap_err();
    assert_eq!(
        refused,
        SubmitError::OtherLedger {
            named: genesis().id(),
            here: genesis_of(7).id()
        }
    );
}

#[tokio::test]
async fn does_not_open_the_file_of_another_ledger_or_with_another_key() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    open(folder.path(), &clock).stop();
    let refused = Solo::open(SoloConfig {
        genesis: genesis_of(7),
        ..config(folder.path(), &clock)
    })
    .unwrap_err();
    assert!(
        matches!(
            refused,
            OpenError::Engine(EngineError::Store(StoreError::OtherLedger { .. }))
        ),
        "{refused}"
    );
    let refused = Solo::open(SoloConfig {
        signer: Arc::new(key(8)),
        ..config(folder.path(), &clock)
    })
    .unwrap_err();
    assert!(matches!(refused, OpenError::OtherKey { .. }), "{refused}");
}

#[tokio::test]
async fn refuses_a_genesis_whose_validators_members_govern() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let mut terms = genesis().terms().clone();
    terms.consortium = Some(chop_protocol::ConsortiumTerms {
        operators: vec![0],
        governance: None,
    });
    let refused = Solo::open(SoloConfig {
        genesis: chop_protocol::LedgerGenesis::try_from(terms).unwrap(),
        ..config(folder.path(), &clock)
    })
    .unwrap_err();
    assert!(matches!(refused, OpenError::Consortium { .. }), "{refused}");
}

#[tokio::test]
async fn header_times_rise_even_when_the_clock_goes_back() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    let mut last = solo.head().time_ms;
    assert_eq!(last, FOUNDED_MS + 1_000);
    for (n, step) in [(0, 500), (1, -60_000), (2, 0), (3, 120_000)] {
        clock.advance(step);
        let outcome = solo.submit(envelope(n)).await.unwrap();
        let block = solo
            .view()
            .snapshot()
            .block(outcome.height)
            .unwrap()
            .unwrap();
        let time = chop_proof::build::time_ms(&block.decode_header().unwrap().header);
        assert_eq!(time, (last + 1).max(clock.now()));
        last = solo.head().time_ms;
        assert_eq!(last, time + 1);
    }
}

#[tokio::test]
async fn makes_a_block_when_it_was_idle_and_when_somebody_needs_a_fresher_header() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let heartbeat = Some(Duration::from_millis(50));
    let solo = Solo::open(SoloConfig {
        heartbeat,
        ..config(folder.path(), &clock)
    })
    .unwrap();
    let mut views = solo.views();
    views.mark_unchanged();
    clock.advance(60_000);
    timeout(PATIENCE, views.changed()).await.unwrap().unwrap();
    let beaten = solo.head();
    assert!(beaten.height >= 2);
    assert_eq!(
        beaten.app_hash,
        solo.view().snapshot().block(1).unwrap().unwrap().root
    );
    drop((solo, views));

    let solo = open(folder.path(), &clock);
    assert_eq!(
        solo.fresh_view(Duration::from_secs(30)).await.head(),
        solo.head()
    );
    let before = solo.head();
    clock.advance(31_000);
    let view = solo.fresh_view(Duration::from_secs(30)).await;
    assert_eq!(
        (view.head().height, view.head().time_ms),
        (before.height + 1, clock.now())
    );
}

#[tokio::test]
async fn a_stopped_ledger_says_so() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    solo.stop();
    assert_eq!(solo.health(), Health::Stopped);
    assert_eq!(
        solo.submit(envelope(1)).await.unwrap_err(),
        SubmitError::Stopped
    );
    // What it knows can still be read.
    assert_eq!(solo.read("nothing").await.unwrap().value, None);
}

#[tokio::test]
async fn header_time_does_not_run_away_from_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let started = std::time::Instant::now();
    let clock: Clock = Arc::new(move || {
        FOUNDED_MS + 1_000 + i64::try_from(started.elapsed().as_millis()).unwrap()
    });
    // The clock stands still at first, as if two thousand milliseconds of blocks had been made in no time.
    let still = TestClock::new();
    still.advance(3_500);
    open(folder.path(), &still).stop();
    let solo = Solo::open(SoloConfig {
        clock: Arc::clone(&clock),
        ..config(folder.path(), &still)
    })
    .unwrap();
    assert!(solo.head().time_ms > clock() + 2_000);
    let before = std::time::Instant::now();
    solo.submit(envelope(1)).await.unwrap();
    assert!(
        before.elapsed() >= Duration::from_millis(500),
        "it waited {:?}",
        before.elapsed()
    );
    assert!(solo.head().time_ms <= clock() + 2_100);
}

/// The organisation that is a member beside the founder: key 12 acts, key 13 updates.
fn second() -> Genesis {
    let invokes = [Relationship::CapabilityInvocation];
    let document = Document::empty().with_key("#key-1", key(12).public_key(), &invokes);
    let update = UpdateKeys {
        current: KeySet::new([key(13).public_key().clone()], 1).unwrap(),
        next: None,
    };
    GenesisDraft::own_keys(Class::Service, update, [2; 16])
        .with_document(document.unwrap())
        .build(&genesis().id())
        .unwrap()
}

fn acting(n: u64, (actor, seed): (ChopDid, u8), action: Action) -> SignedEnvelope {
    let envelope = Envelope {
        actor,
        sponsor: actor,
        actions: vec![action],
        ..signed_by(n, &key(seed)).envelope().clone()
    };
    envelope.sign(&[&key(seed)]).unwrap()
}

#[tokio::test]
async fn prunes_nothing_while_a_vote_may_promote_the_ledger() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), TestClock::new());
    let solo = open(folder.path(), &clock);
    let create = build::create(&second()).signed_by(&[&key(13)]).unwrap();
    let admit = Change::Admit(Admission {
        did: second().did(),
        name: MemberName::parse("Second").unwrap(),
        role: Role::Member,
        quota: None,
    });
    let admit = Action::Propose(Box::new(Propose {
        change: admit,
        note: None,
    }));
    let proposal = promotion(1);
    for envelope in [
        acting(50, (founder(), 2), Action::Did(Box::new(create))),
        acting(51, (founder(), 2), admit),
        proposal.clone(),
    ] {
        assert!(solo.submit(envelope).await.unwrap().is_committed());
    }
    solo.stop();
    drop(solo);
    let mut pruning = config(folder.path(), &clock);
    pruning.keep_blocks = Some(2);
    let solo = Solo::open(pruning).unwrap();
    let first = || solo.view().snapshot().first_height().unwrap();
    for n in 1..=4 {
        solo.submit(envelope(n)).await.unwrap();
    }
    assert_eq!(first(), Some(1));
    let no = Action::Vote(CastVote {
        proposal: proposal.hash(),
        choice: Choice::No,
    });
    let refused = solo.submit(acting(52, (second().did(), 12), no)).await;
    assert!(refused.unwrap().is_committed());
    solo.submit(envelope(5)).await.unwrap();
    assert_eq!(first(), Some(solo.head().height - 1));
}
