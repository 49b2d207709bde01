use super::*;
use chop_did::{ChopDid, Item, ItemContext, LedgerId, Scid};
use chop_integrity::Timestamp;
use chop_proof::leaves as tree;
use chop_protocol::batch::leaves::{Line, RUN, digest, hasher, write_line};
use chop_protocol::{Batch, LeafError, Nonce};
use serde_json::json;

pub(super) struct Made {
    pub(super) terms: BatchTerms,
    pub(super) template: Template,
    runs: Vec<Vec<u8>>,
    hashes: Vec<Hash>,
}

pub(super) fn made(count: u32, nonce: u8) -> Made {
    let template =
        Template::parse(json!({"class": "product", "fields": ["serial"], "document": {}})).unwrap();
    let ledger = LedgerId::new(Hash::from_bytes([3; 32]));
    let mut terms = BatchTerms {
        ledger,
        controller: ChopDid::new(ledger.short(), Scid::of_genesis(Hash::from_bytes([4; 32]))),
        nonce: Nonce::new([nonce; 16]),
        template: template.digest(),
        count,
        root: Hash::from_bytes([0; 32]),
        leaves: Hash::from_bytes([0; 32]),
        activation: None,
    };
    let context = ItemContext {
        batch: terms.id().unwrap(),
        template: terms.template,
    };
    let mut leaves: Vec<(Hash, u32, Vec<u8>)> = (0..count)
        .map(|ordinal| {
            let data = vec![format!("S{ordinal}")];
            let item = Item { data, key: None }.bytes().unwrap();
            let mut line = Vec::new();
            let item = item.as_slice();
            write_line(&mut line, Line { ordinal, item });
            (context.hash(item), ordinal, line)
        })
        .collect();
    leaves.sort();
    let nodes: Vec<Node> = leaves
        .iter()
        .map(|(hash, ordinal, _)| tree::leaf(hash.as_bytes(), *ordinal))
        .collect();
    terms.root = Hash::from_bytes(tree::root(&nodes).unwrap());
    let lines: Vec<Vec<u8>> = leaves.iter().map(|(_, _, line)| line.clone()).collect();
    let runs: Vec<Vec<u8>> = lines
        .chunks(RUN as usize)
        .map(<[Vec<u8>]>::concat)
        .collect();
    terms.leaves = digest(runs.iter().fold(hasher(), sha2::Digest::chain_update));
    Made {
        terms,
        template,
        runs,
        hashes: leaves.into_iter().map(|(hash, _, _)| hash).collect(),
    }
}

pub(super) fn open(folder: &tempfile::TempDir) -> LeafStore {
    within(folder, DiskLimit::none().into())
}

fn within(folder: &tempfile::TempDir, limit: Arc<DiskLimit>) -> LeafStore {
    LeafStore::open(&folder.path().join("leaves.redb"), limit).unwrap()
}

pub(super) fn bring(store: &LeafStore, made: &Made) {
    let hash = made.terms.hash().unwrap();
    let begun = store.begin(made.terms.clone(), made.template.clone());
    assert_eq!(begun.unwrap(), Progress::Next(0));
    for (run, bytes) in (0..).zip(&made.runs) {
        store.put(&hash, (run, bytes), 1_000).unwrap();
    }
    assert!(store.holds(&hash).unwrap());
}

fn batch(made: &Made) -> Batch {
    Batch {
        terms: made.terms.clone(),
        time: Timestamp::from_unix_ms(0),
        height: 1,
    }
}

#[test]
fn every_item_is_found_with_a_path_that_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (made(2_500, 1), made(7, 2));
    bring(&open(&folder), &first);
    let store = open(&folder);
    bring(&store, &second);
    for made in [&first, &second] {
        for hash in made.hashes.iter().step_by(499) {
            let scid = Scid::of_batch_item(*hash);
            // The second time from memory.
            for _ in 0..2 {
                let found = store.find(&scid).unwrap();
                assert_eq!(found.len(), 1);
                assert_eq!(found[0].proof.check(&batch(made)), Ok(scid));
                assert_eq!(found[0].terms, made.terms);
            }
        }
    }
    assert!(
        store
            .find(&Scid::of_batch_item(Hash::from_bytes([1; 32])))
            .unwrap()
            .is_empty()
    );
    assert!(
        store
            .find(&Scid::of_genesis(first.hashes[0]))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_item_that_is_not_there_is_shown_to_be_absent() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let made = made(2_500, 1);
    bring(&store, &made);
    let (terms, batch) = (made.terms.hash().unwrap(), batch(&made));
    // At both ends, between two runs, in the middle of one.
    let beside = |hash: &Hash, up: bool| {
        let mut bytes = *hash.as_bytes();
        bytes[31] = if up {
            bytes[31].wrapping_add(1)
        } else {
            bytes[31].wrapping_sub(1)
        };
        Hash::from_bytes(bytes)
    };
    let absent = [
        beside(&made.hashes[0], false),
        beside(&made.hashes[1_023], true),
        beside(&made.hashes[1_024], false),
        beside(&made.hashes[1_500], true),
        beside(&made.hashes[2_499], true),
        Hash::from_bytes([0; 32]),
        Hash::from_bytes([255; 32]),
    ];
    for hash in absent
        .into_iter()
        .filter(|hash| !made.hashes.contains(hash))
    {
        let scid = Scid::of_batch_item(hash);
        let shown = store.absence(&terms, &scid).unwrap().unwrap();
        assert_eq!(shown.check(&batch, &scid), Ok(()));
        // It shows nothing about one that is there.
        let present = Scid::of_batch_item(made.hashes[1_500]);
        assert!(shown.check(&batch, &present).is_err());
    }
    let present = Scid::of_batch_item(made.hashes[1_024]);
    assert_eq!(store.absence(&terms, &present).unwrap(), None);
}

#[test]
fn leaves_that_are_not_those_of_the_terms_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut made = made(1_100, 1);
    let hash = made.terms.hash().unwrap();
    made.terms.root = Hash::from_bytes([9; 32]);
    let other = made.terms.hash().unwrap();
    store
        .begin(made.terms.clone(), made.template.clone())
        .unwrap();
    store.put(&other, (0, &made.runs[0]), 0).unwrap();
    assert!(matches!(
        store.put(&other, (1, &made.runs[1]), 0),
        Err(LeafStoreError::Leaves(LeafError::Root { .. }))
    ));
    assert!(matches!(
        store.put(&other, (0, &made.runs[0]), 0),
        Err(LeafStoreError::Unexpected)
    ));
    assert!(!store.holds(&other).unwrap() && !store.holds(&hash).unwrap());
    assert_eq!(store.run(&other, 0).unwrap(), None);
}

#[test]
fn a_break_is_taken_up_where_it_was_and_a_restart_from_the_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let made = made(3_000, 1);
    let hash = made.terms.hash().unwrap();
    let begin = |store: &LeafStore| {
        store
            .begin(made.terms.clone(), made.template.clone())
            .unwrap()
    };
    assert_eq!(begin(&store), Progress::Next(0));
    assert_eq!(
        store.put(&hash, (0, &made.runs[0]), 0).unwrap(),
        Progress::Next(1)
    );
    assert_eq!(begin(&store), Progress::Next(1));
    assert!(matches!(
        store.put(&hash, (2, &made.runs[2]), 0),
        Err(LeafStoreError::OutOfTurn {
            found: 2,
            expected: 1
        })
    ));
    drop(store);
    let store = open(&folder);
    assert_eq!(begin(&store), Progress::Next(0));
    for (run, bytes) in (0..).zip(&made.runs) {
        store.put(&hash, (run, bytes), 0).unwrap();
    }
    assert_eq!(begin(&store), Progress::Complete);
    assert_eq!(store.run(&hash, 2).unwrap().as_ref(), Some(&made.runs[2]));
}

#[test]
fn forgets_old_leaves_that_no_batch_needs() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (needed, unused) = (made(5, 1), made(5, 2));
    bring(&store, &needed);
    bring(&store, &unused);
    let is_needed = |terms: &BatchTerms| terms.nonce == needed.terms.nonce;
    assert_eq!(store.forget(1_000, is_needed).unwrap(), 0);
    assert_eq!(store.forget(1_001, is_needed).unwrap(), 1);
    let scid = |made: &Made| Scid::of_batch_item(made.hashes[0]);
    assert_eq!(store.find(&scid(&needed)).unwrap().len(), 1);
    assert!(store.find(&scid(&unused)).unwrap().is_empty());
}

#[test]
fn bounds_how_many_batches_are_on_their_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for nonce in 0..8 {
        let made = made(1, nonce);
        store.begin(made.terms, made.template).unwrap();
    }
    let ninth = made(1, 9);
    assert!(matches!(
        store.begin(ninth.terms, ninth.template),
        Err(LeafStoreError::Busy { most: 8 })
    ));
}

#[test]
fn announcing_and_bringing_the_same_leaves_at_once_never_stalls() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder));
    let made = Arc::new(made(3_000, 1));
    let hash = made.terms.hash().unwrap();
    let (done, ended) = std::sync::mpsc::channel();
    for _ in 0..4 {
        let (store, made, done) = (Arc::clone(&store), Arc::clone(&made), done.clone());
        std::thread::spawn(move || {
            loop {
                let begun = store.begin(made.terms.clone(), made.template.clone());
                let Progress::Next(run) = begun.unwrap() else {
                    break;
                };
                match store.put(&hash, (run, &made.runs[run as usize]), 0) {
                    // Another one brought this run, or the last one.
                    Ok(_) | Err(LeafStoreError::OutOfTurn { .. } | LeafStoreError::Unexpected) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            done.send(()).unwrap();
        });
    }
    for _ in 0..4 {
        ended.recv_timeout(Duration::from_mins(1)).unwrap();
    }
    for (run, bytes) in (0..).zip(&made.runs) {
        assert_eq!(store.run(&hash, run).unwrap().as_ref(), Some(bytes));
    }
}

#[test]
fn a_run_that_waited_for_the_last_one_leaves_what_is_kept_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder));
    let made = made(5, 1);
    let hash = made.terms.hash().unwrap();
    store
        .begin(made.terms.clone(), made.template.clone())
        .unwrap();
    // Both wait for the same intake; the second gets it when all leaves are kept.
    let intake = Arc::clone(store.intakes().get(&hash).unwrap());
    let held = intake.lock().unwrap();
    let late: Vec<_> = (0..2)
        .map(|_| {
            let (store, run) = (Arc::clone(&store), made.runs[0].clone());
            std::thread::spawn(move || store.put(&hash, (0, &run), 0))
        })
        .collect();
    // The map's two handles, this one's, and one of each thread that waits.
    while Arc::strong_count(&intake) < 4 {
        std::thread::yield_now();
    }
    drop(held);
    for put in late {
        assert_eq!(put.join().unwrap().unwrap(), Progress::Complete);
    }
    assert_eq!(store.run(&hash, 0).unwrap().as_ref(), Some(&made.runs[0]));
}

#[test]
fn removes_the_runs_of_a_batch_that_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder);
    store.patience = Duration::ZERO;
    let first = made(2_000, 1);
    let hash = first.terms.hash().unwrap();
    store
        .begin(first.terms.clone(), first.template.clone())
        .unwrap();
    store.put(&hash, (0, &first.runs[0]), 0).unwrap();
    assert!(store.bytes(0, 0).unwrap().is_some());
    let second = made(1, 2);
    store.begin(second.terms, second.template).unwrap();
    assert_eq!(store.bytes(0, 0).unwrap(), None);
    assert!(matches!(
        store.put(&hash, (1, &first.runs[1]), 0),
        Err(LeafStoreError::Unexpected)
    ));
}

#[test]
fn a_full_disk_costs_the_leaves_that_come_and_not_those_that_are_here() {
    let folder = tempfile::tempdir().unwrap();
    let limit = Arc::new(DiskLimit::none());
    let store = within(&folder, Arc::clone(&limit));
    let first = made(2_500, 1);
    bring(&store, &first);
    let second = made(40_000, 2);
    let hash = second.terms.hash().unwrap();
    store
        .begin(second.terms.clone(), second.template.clone())
        .unwrap();
    limit.set(0);
    let refused = (0..)
        .zip(&second.runs)
        .find_map(|(run, bytes)| store.put(&hash, (run, bytes), 0).err());
    assert!(matches!(
        refused,
        Some(LeafStoreError::Database(_) | LeafStoreError::File(_))
    ));
    let is_found = |made: &Made| {
        let found = store.find(&Scid::of_batch_item(made.hashes[7])).unwrap();
        found.len() == 1 && found[0].proof.check(&batch(made)).is_ok()
    };
    assert!(is_found(&first));
    limit.set(u64::MAX);
    // What was not durable is gone with the failure: the leaves come from the beginning.
    bring(&store, &second);
    assert!(is_found(&first) && is_found(&second));
    for (run, bytes) in (0..).zip(&second.runs) {
        assert_eq!(store.run(&hash, run).unwrap().as_ref(), Some(bytes));
    }
}

#[test]
fn a_receipt_has_the_leaves_kept_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (signed, silent) = (made(5, 1), made(5, 2));
    bring(&store, &signed);
    bring(&store, &silent);
    let hash = signed.terms.hash().unwrap();
    assert!(!store.renew(&Hash::from_bytes([7; 32]), 0).unwrap());
    assert!(store.renew(&hash, 1_000 + RENEW_MS).unwrap());
    assert_eq!(store.forget(1_000 + RENEW_MS, |_| false).unwrap(), 1);
    assert!(store.holds(&hash).unwrap());
    assert!(!store.holds(&silent.terms.hash().unwrap()).unwrap());
    assert!(
        store
            .find(&Scid::of_batch_item(silent.hashes[0]))
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.forget(1_001 + RENEW_MS, |_| false).unwrap(), 1);
}
