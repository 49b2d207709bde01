//! Faults drawn by a seed, one after another, while members write: what was answered 201 stays, and all nodes agree.
//!
//! `CHOPMARK_CHAOS_FAULTS` and `CHOPMARK_CHAOS_SEED` make it longer and other; `conformance/chaos/run` does that.

mod evidence;
mod forger;
pub(crate) mod links;
pub(crate) mod machine;
mod proposer;

use crate::support::consortium::{Consortium, PATIENCE, consortium, height, lock, resolves, until};
use crate::support::party::Party;
use crate::support::stack::{binary, signal};
use chop_conformance::interop::random::Random;
use forger::forge;
use proposer::Dishonest;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Faults of the short form: each kind once.
const FAULTS: usize = KINDS.len();
const SEED: u64 = 1;
/// How long a fault lasts where it has a length.
const LASTING: Duration = Duration::from_secs(3);
/// Blocks may be under way when a quorum goes: after so long none is.
const SETTLING: Duration = Duration::from_millis(1_500);
/// Lines of each node's log that are shown where no progress comes.
const SHOWN: usize = 60;
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
    /// One stands still for a while, and its CometBFT with it.
    PauseOne,
    /// Two stand still: the others make no block.
    PauseTwo,
    /// Nothing goes between one and the three others.
    PartitionThreeOne,
    /// Nothing goes between two and two: neither pair makes a block.
    PartitionTwoTwo,
    /// One hears the others, and they do not hear it.
    PartitionOneWay,
    /// An application answers its CometBFT late.
    SlowApplication,
    /// One comes back with data of some time ago.
    StaleData,
    /// A disk takes most of a second for every flush.
    SlowDisk,
    /// A disk takes no more bytes for a while.
    FullDisk,
    /// A node's clock is ten minutes off; a client's too.
    WrongClock,
    /// A member sends what it can through its node.
    Flood,
    /// A proposer's blocks hold what is no transaction.
    InvalidProposer,
    /// A node's answers are forged.
    ForgedState,
}

/// Every kind once, before any a second time.
const KINDS: [Fault; 17] = [
    Fault::KillOne,
    Fault::PartitionTwoTwo,
    Fault::KillAll,
    Fault::StaleData,
    Fault::FullDisk,
    Fault::KillEngine,
    Fault::PartitionOneWay,
    Fault::KillTwo,
    Fault::PauseOne,
    Fault::InvalidProposer,
    Fault::WrongClock,
    Fault::PartitionThreeOne,
    Fault::SlowDisk,
    Fault::PauseTwo,
    Fault::Flood,
    Fault::ForgedState,
    Fault::SlowApplication,
];

#[test]
fn nothing_that_was_acknowledged_is_lost_whatever_fails_and_all_nodes_agree() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let flooder = Party::create(&consortium.nodes[0]);
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
            let further = draw(3) + 1;
            let fault =
                format!("fault {number} of seed {seed}: {kind:?} at node{victim} (+{further})");
            strike(&consortium, &flooder, kind, (victim, further));
            let took = recovered(&consortium, &fault);
            slowest = slowest.max(took);
            checked = agree(&consortium, checked);
            eprintln!("{fault}, progress after {} ms", took.as_millis());
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

fn strike(
    consortium: &Consortium,
    flooder: &Party,
    kind: Fault,
    (victim, further): (usize, usize),
) {
    let other = (victim + further) % 4;
    let (links, machine) = (&consortium.links, &consortium.machine);
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
        Fault::PauseOne => {
            let _frozen = Frozen::new(consortium, &[victim], true);
            std::thread::sleep(LASTING);
        }
        Fault::PauseTwo => {
            let _frozen = Frozen::new(consortium, &[victim, other], true);
            stands_still(consortium, &rest(&[victim, other]));
        }
        Fault::PartitionThreeOne => {
            let _cut = links.cut(&[victim], &rest(&[victim]));
            std::thread::sleep(LASTING);
        }
        Fault::PartitionTwoTwo => {
            let _cut = links.cut(&[victim, other], &rest(&[victim, other]));
            stands_still(consortium, &[0, 1, 2, 3]);
        }
        Fault::PartitionOneWay => {
            let _muted = links.mute(victim);
            std::thread::sleep(LASTING);
        }
        Fault::SlowDisk => {
            let _slow = machine.inflict(consortium.pid(victim), "slow", 700);
            std::thread::sleep(LASTING);
        }
        Fault::FullDisk => {
            let full = machine.inflict(consortium.pid(victim), "full", 1);
            until("the node with the full disk takes no writes", || {
                consortium.nodes[victim].get("/readyz").status == 503
            });
            consortium.write(other);
            drop(full);
            until("it goes on by itself when there is room", || {
                consortium.nodes[victim].get("/readyz").status == 200
            });
        }
        Fault::WrongClock => {
            let seconds = if further == 1 { 600 } else { -600 };
            let _off = machine.inflict(consortium.pid(victim), "clock", seconds);
            let did = consortium.write(other);
            refuses_by_its_clock(consortium, (other, &did));
        }
        Fault::Flood => flood(consortium, flooder, victim, other),
        Fault::ForgedState => {
            let did = consortium.write(victim);
            let forged = format!("http://{}", forge(consortium.nodes[victim].authority()));
            let own = resolve(
                consortium,
                (victim, &did),
                consortium.nodes[victim].base(),
                0,
            );
            assert!(own.0, "{}", own.1);
            let (taken, said) = resolve(consortium, (victim, &did), &forged, 0);
            assert!(!taken && said.contains("not proven"), "{said}");
        }
        Fault::InvalidProposer => {
            let pid = consortium.pid(victim);
            let dishonest = Dishonest::at(&consortium.node(victim), move || engines(pid));
            until("it has proposed", || {
                consortium.write(other);
                dishonest.spoilt() > 0
            });
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

/// A client whose clock is minutes off takes the proof of no node, and says in which direction the header's time lies.
fn refuses_by_its_clock(consortium: &Consortium, (node, did): (usize, &str)) {
    for (seconds, said) in [(-600, "ahead of the clock"), (600, "ms ago")] {
        let base = consortium.nodes[node].base();
        let (taken, text) = resolve(consortium, (node, did), base, seconds);
        assert!(!taken && text.contains(said), "{seconds} s: {text}");
    }
}

/// Resolves a DID with `chopmark`, whose clock is wrong by so many seconds: whether it was proven, and what was said.
fn resolve(
    consortium: &Consortium,
    (node, did): (usize, &str),
    base: &str,
    seconds: i64,
) -> (bool, String) {
    let mut command = Command::new(binary());
    consortium.machine.shift_clock(&mut command, seconds);
    let output = command
        .args(["did", "resolve", did, "--url", base])
        .args(["--verify", "--trust-root"])
        .arg(consortium.node(node).join("trust-root.json"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Sends what it can through one node, while another member's writes are still answered.
fn flood(consortium: &Consortium, flooder: &Party, victim: usize, other: usize) {
    let ending = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !ending.load(Ordering::SeqCst) {
                    let (envelope, _) =
                        flooder.create_products_under(20, consortium.members[victim]);
                    let _answer = consortium.nodes[victim].try_post("/v1/transactions", &envelope);
                }
            });
        }
        let _ender = Ender(&ending);
        let since = Instant::now();
        while since.elapsed() < LASTING {
            let one = Instant::now();
            consortium.write(other);
            assert!(
                one.elapsed() < Duration::from_secs(10),
                "starved by a flood"
            );
        }
    });
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

/// Starts what does not run, and says how long it took until a write was acknowledged again. Where none is, shows what the nodes
/// said last.
fn recovered(consortium: &Consortium, fault: &str) -> Duration {
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
        if since.elapsed() >= PATIENCE {
            consortium.show_logs(SHOWN);
            panic!("no progress within {PATIENCE:?} after {fault}");
        }
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
