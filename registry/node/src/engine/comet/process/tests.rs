//! The process, with a script that sits still in the place of CometBFT.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use chop_keys::Signer as _;
use chop_protocol::Validator;

use super::super::home::{Peering, StateSync};
use super::super::rpc::Rpc;
use super::*;
use crate::engine::fixtures::{FOUNDED_MS, founder, genesis, key};
use crate::store::{DiskLimit, Store};

/// Notes its process in the folder in which it is started, and whether a store of CometBFT's is there; makes one; waits.
const STILL: &str = "#!/bin/sh
if [ \"$1\" = version ]; then echo 0.38.26; exit; fi
if [ -d data/blockstore.db ]; then echo old >> seen; else echo new >> seen; fi
mkdir -p data/blockstore.db
echo $$ >> started
exec sleep 600
";

/// A node that is to take a snapshot, and whose CometBFT does nothing.
struct Still {
    folder: tempfile::TempDir,
    shared: Arc<Shared>,
    _supervisor: Supervisor,
}

impl Still {
    fn start(patience: Duration, takes_snapshot: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("cometbft");
        fs::write(&program, STILL).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let limit = Arc::new(DiskLimit::none());
        let store = Store::open(&folder.path().join("ledger.redb"), limit).unwrap();
        let rpc = Rpc::at(PathBuf::from("/nonexistent/rpc.sock"));
        let clock = Arc::new(|| FOUNDED_MS);
        let shared = Shared::open(store, genesis(), rpc, (clock, None), None).unwrap();
        let shared = Arc::new(shared);
        let peering = Peering {
            listen: "127.0.0.1:26656".parse().unwrap(),
            external: None,
            peers: Vec::new(),
            members: std::collections::BTreeMap::new(),
            members_only: false,
        };
        let sync = takes_snapshot.then(|| StateSync {
            nodes: Vec::new(),
            trust_height: 1,
            trust_hash: [0; 32],
        });
        let supervisor = Supervisor::start(Watched {
            shared: Arc::clone(&shared),
            guests: Arc::new(Guests::new(&peering)),
            binary: Binary::at(program).unwrap(),
            home: Home::open(&folder.path().join("home")).unwrap(),
            settings: Settings {
                moniker: "still".to_owned(),
                peering,
                sync,
            },
            validator: key(1).public_key().clone(),
            patience,
        });
        Self {
            folder,
            shared,
            _supervisor: supervisor.unwrap(),
        }
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("home").join(name));
        let text = text.unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until the process was started so often.
    fn until_started(&self, times: usize) -> Vec<String> {
        let since = Instant::now();
        loop {
            let started = self.lines("started");
            if started.len() >= times {
                return started;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "{started:?}");
            std::thread::sleep(LOOK);
        }
    }
}

fn is_running(process: &str) -> bool {
    Path::new("/proc").join(process).join("exe").exists()
}

#[test]
fn begins_cometbft_anew_when_nothing_comes_of_a_snapshot() {
    let still = Still::start(Duration::from_millis(700), true);
    let started = still.until_started(3);
    for ended in &started[..2] {
        assert!(!is_running(ended), "{started:?}");
    }
    assert_eq!(still.lines("seen")[..3], ["new", "new", "new"]);
    assert_eq!(*still.shared.health.borrow(), Health::Ready);
    let last = still.lines("started").pop().unwrap();
    drop(still);
    assert!(!is_running(&last), "it ends with the node");
}

#[test]
fn leaves_cometbft_alone_while_something_comes_of_a_snapshot_or_one_is_put_in() {
    let patience = Duration::from_millis(700);
    let still = Still::start(patience, true);
    still.until_started(1);
    let since = Instant::now();
    while since.elapsed() < patience * 3 {
        still.shared.stir();
        std::thread::sleep(LOOK);
    }
    assert_eq!(still.lines("started").len(), 1, "something came");
    still.shared.settle_down();
    std::thread::sleep(patience * 3);
    assert_eq!(still.lines("started").len(), 1, "it is being put in");
    still.shared.stir();
    still.until_started(2);

    let other = Still::start(patience, false);
    other.until_started(1);
    std::thread::sleep(patience * 3);
    assert_eq!(other.lines("started").len(), 1, "it takes none");
}

#[test]
fn waits_longer_each_time_a_snapshot_does_not_fit_and_no_longer_once_it_does() {
    let (mut waiting, now) = (Waiting::default(), Instant::now());
    assert!(waiting.is_over(now));
    let mut last = Duration::ZERO;
    for _ in 0..40 {
        waiting.after(true, now);
        let pause = waiting.until.unwrap() - now;
        assert!(pause > last || pause == LONGEST_PAUSE);
        assert!(!waiting.is_over(now) && waiting.is_over(now + pause));
        last = pause;
    }
    assert_eq!(last, LONGEST_PAUSE);
    waiting.after(false, now);
    assert!(waiting.is_over(now));
}

#[test]
fn every_validator_has_a_place_of_its_own() {
    let set = ValidatorSet::new((1..=4).map(|seed| Validator {
        public_key: key(seed).public_key().clone(),
        power: 1,
        member: founder(),
    }));
    let mut places = [1, 2, 3, 4].map(|seed| place(&set, key(seed).public_key()));
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2, 3]);
    assert_eq!(place(&set, key(9).public_key()), 0);
}

/// What a process of CometBFT is told of its threads.
fn threads_of(said: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("cometbft");
    fs::write(&program, STILL).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let binary = Binary::at(program).unwrap();
    let home = Home::open(&folder.path().join("home")).unwrap();
    let command = command(&binary, &home, said.map(OsString::from));
    let (_, value) = command
        .get_envs()
        .find(|(name, _)| *name == "GOMAXPROCS")
        .unwrap();
    value.unwrap().to_str().unwrap().to_owned()
}

#[test]
fn gives_go_eight_threads_at_least_unless_the_operator_says_otherwise() {
    assert!(threads_of(None).parse::<usize>().unwrap() >= 8);
    assert_eq!(threads_of(Some("3")), "3");
}
