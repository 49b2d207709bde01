//! Faults drawn by a seed, one after another, while members write: what was answered 201 stays, and all nodes agree.
//!
//! `CHOPMARK_CHAOS_FAULTS` and `CHOPMARK_CHAOS_SEED` make it longer and other; `conformance/chaos/run` does that.

use crate::localnet::{Consortium, PATIENCE, consortium, height, lock, resolves, until};
use crate::support::stack::signal;
use chop_conformance::interop::random::Random;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Faults of the short form.
const FAULTS: usize = 12;
const SEED: u64 = 1;
/// How long a fault lasts where it has a length.
const LASTING: Duration = Duration::from_secs(3);
/// Blocks may be under way when a quorum goes: after so long none is.
const SETTLING: Duration = Duration::from_millis(1_500);
/// How long a writer waits before the next envelope.
const PACE: Duration = Duration::from_millis(60);

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// A node dies, and its CometBFT with it.
    KillOne,
    /// A CometBFT dies under its node.
    KillEngine,
    /// Two die: nothing goes on until one is back.
    KillTwo,
    /// All four die at once.
    KillAll,
    /// One hears and says nothing for a while, as one that is cut off from the three others.
    CutOffOne,
    /// Two are cut off: neither pair goes on.
    CutOffTwo,
    /// An application answers its CometBFT late.
    SlowApplication,
    /// One comes back with data of some time ago.
    StaleData,
}

/// Every kind once, before any a second time.
const KINDS: [Fault; 8] = [
    Fault::KillOne,
    Fault::CutOffTwo,
    Fault::KillAll,
    Fault::StaleData,
    Fault::KillEngine,
    Fault::KillTwo,
    Fault::CutOffOne,
    Fault::SlowApplication,
];

#[test]
fn nothing_that_was_acknowledged_is_lost_whatever_fails_and_all_nodes_agree() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let (faults, seed) = (
        setting("CHOPMARK_CHAOS_FAULTS", FAULTS as u64),
        setting("CHOPMARK_CHAOS_SEED", SEED),
    );
    let random = Mutex::new(Random::new(seed));
    let draw = |limit| random.lock().unwrap().below(limit);
    let (written, ending) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for index in 0..4 {
            let (consortium, written, ending) = (&*consortium, &written, &ending);
            scope.spawn(move || keep_writing(consortium, index, written, ending));
        }
        let _ender = Ender(&ending);
        let (mut checked, mut slowest) = (1, Duration::ZERO);
        for number in 0..faults {
            let place = usize::try_from(number).unwrap();
            let kind = KINDS[if place < KINDS.len() {
                place
            } else {
                draw(KINDS.len())
            }];
            let victim = draw(4);
            strike(&consortium, kind, victim, draw(3) + 1);
            let took = recovered(&consortium);
            slowest = slowest.max(took);
            checked = agree(&consortium, checked);
            eprintln!(
                "fault {number} of seed {seed}: {kind:?} at node{victim}, progress after {} ms",
                took.as_millis()
            );
        }
        eprintln!(
            "{faults} faults, {} writes acknowledged, {checked} blocks alike, slowest recovery {} ms",
            written.lock().unwrap().len(),
            slowest.as_millis()
        );
    });
    let written = written.into_inner().unwrap();
    assert!(
        written.len() >= 12,
        "only {} writes were acknowledged",
        written.len()
    );
    for node in &consortium.nodes {
        until("every acknowledged DID is there", || {
            written.iter().all(|did| resolves(node, did))
        });
    }
    consortium.assert_same_blocks();
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Lets the writers end, also when a check fails.
struct Ender<'a>(&'a AtomicBool);

impl Drop for Ender<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn keep_writing(
    consortium: &Consortium,
    index: usize,
    written: &Mutex<Vec<String>>,
    ending: &AtomicBool,
) {
    while !ending.load(Ordering::SeqCst) {
        let (envelope, did) = consortium.product(index);
        let answer = consortium.nodes[index].try_post("/v1/transactions", &envelope);
        if answer.is_ok_and(|answer| answer.status == 201) {
            written.lock().unwrap().push(did);
        }
        std::thread::sleep(PACE);
    }
}

fn strike(consortium: &Consortium, kind: Fault, victim: usize, further: usize) {
    let other = (victim + further) % 4;
    match kind {
        Fault::KillOne => {
            consortium.kill(victim);
            std::thread::sleep(LASTING);
        }
        Fault::KillEngine => {
            for pid in engines(consortium.pid(victim)) {
                signal(pid, "KILL");
            }
            std::thread::sleep(LASTING);
        }
        Fault::KillTwo => {
            consortium.kill(victim);
            consortium.kill(other);
            stands_still(consortium, &rest(&[victim, other]));
        }
        Fault::KillAll => (0..4).for_each(|index| consortium.kill(index)),
        Fault::CutOffOne => {
            let _frozen = Frozen::new(consortium, &[victim], true);
            std::thread::sleep(LASTING);
        }
        Fault::CutOffTwo => {
            let _frozen = Frozen::new(consortium, &[victim, other], true);
            stands_still(consortium, &rest(&[victim, other]));
        }
        Fault::SlowApplication => {
            let _frozen = Frozen::new(consortium, &[victim], false);
            std::thread::sleep(LASTING);
        }
        Fault::StaleData => {
            let (data, kept) = (consortium.node(victim), tempfile::tempdir().unwrap());
            consortium.kill(victim);
            gone(&data);
            copy(&data, &kept.path().join("node"));
            consortium.restart();
            std::thread::sleep(LASTING);
            consortium.kill(victim);
            gone(&data);
            std::fs::remove_dir_all(&data).unwrap();
            copy(&kept.path().join("node"), &data);
        }
    }
}

/// The nodes that are not among these.
fn rest(without: &[usize]) -> Vec<usize> {
    (0..4).filter(|index| !without.contains(index)).collect()
}

/// Two of four make no block.
fn stands_still(consortium: &Consortium, left: &[usize]) {
    std::thread::sleep(SETTLING);
    let heights = || -> Vec<u64> {
        left.iter()
            .map(|index| height(&consortium.nodes[*index]))
            .collect()
    };
    let before = heights();
    std::thread::sleep(LASTING);
    assert_eq!(before, heights(), "two of four made progress");
}

/// Starts what does not run, and says how long it took until a write was acknowledged again.
fn recovered(consortium: &Consortium) -> Duration {
    consortium.restart();
    let since = Instant::now();
    loop {
        let accepted = (0..4).any(|index| {
            let (envelope, _) = consortium.product(index);
            let answer = consortium.nodes[index].try_post("/v1/transactions", &envelope);
            answer.is_ok_and(|answer| answer.status == 201)
        });
        if accepted {
            return since.elapsed();
        }
        assert!(
            since.elapsed() < PATIENCE,
            "no progress within {PATIENCE:?}"
        );
        std::thread::sleep(PACE);
    }
}

/// Compares the blocks from a height on, up to one that all have; gives the next to look at.
fn agree(consortium: &Consortium, from: u64) -> u64 {
    let top = consortium.until_equal(&[0, 1, 2, 3]);
    for height in from..=top {
        let of = |index: usize| {
            consortium.nodes[index]
                .get(&format!("/v1/blocks/{height}"))
                .text()
        };
        let first = of(0);
        assert!(
            (1..4).all(|index| of(index) == first),
            "block {height} differs"
        );
    }
    top + 1
}

/// Processes that are stopped, and go on when this goes.
struct Frozen(Vec<u32>);

impl Frozen {
    fn new(consortium: &Consortium, nodes: &[usize], engine: bool) -> Self {
        let mut pids = Vec::new();
        for pid in nodes.iter().map(|index| consortium.pid(*index)) {
            if engine {
                pids.extend(engines(pid));
            }
            pids.push(pid);
        }
        for pid in &pids {
            signal(*pid, "STOP");
        }
        Self(pids)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for pid in &self.0 {
            signal(*pid, "CONT");
        }
    }
}

/// The CometBFT processes that a node started.
fn engines(node: u32) -> Vec<u32> {
    let parent = |pid: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything; state and parent follow it.
        stat.rsplit_once(')')?
            .1
            .split_whitespace()
            .nth(1)?
            .parse()
            .ok()
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| parent(*pid) == Some(node))
        .collect()
}

/// Waits until nothing of a killed node runs that writes into its folder.
fn gone(data: &Path) {
    let socket = data.join("cometbft/rpc.sock");
    until("its CometBFT ends with it", || {
        std::os::unix::net::UnixStream::connect(&socket).is_err()
    });
    std::thread::sleep(Duration::from_millis(500));
}

/// Copies a folder; sockets are left out.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (kind, target) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
    let mode = std::fs::metadata(from).unwrap().permissions();
    std::fs::set_permissions(to, mode).unwrap();
}
