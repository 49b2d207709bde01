//! A consortium of four on this machine: four processes, each with a CometBFT of its own.
//!
//! The tests share one, one after the other, and leave it whole.

use super::party::Party;
use super::remote::Remote;
use super::stack::{binary, said, signal};
use crate::chaos::links::Links;
use crate::chaos::machine::Machine;
use chop_did::{ChopDid, Genesis};
use chop_keys::PublicKey;
use chop_node::engine::comet::{Binary, node_id};
use chop_proof::{EncodedLightBlock, TrustRoot};
use chop_protocol::LedgerGenesis;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How long progress may take to resume, and nodes to agree.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Consortium {
    folder: tempfile::TempDir,
    pub(crate) nodes: Vec<Remote>,
    /// The members that run the nodes.
    pub(crate) members: Vec<ChopDid>,
    pub(crate) party: Party,
    /// What the nodes say to one another goes through here.
    pub(crate) links: Links,
    /// What the nodes feel of the machine.
    pub(crate) machine: Machine,
}

impl Consortium {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("consortium");
        let machine = Machine::new();
        // Made and stopped once, so that its nodes can be introduced to one another by other addresses.
        launch(&data, &machine);
        let stopped = run(&["localnet", "stop", "--data"], &data);
        assert!(stopped.status.success(), "{stopped:?}");
        let links = Links::between(&data);
        let urls = launch(&data, &machine);
        assert_eq!(urls.len(), 4, "{urls:?}");
        let nodes: Vec<Remote> = urls
            .iter()
            .enumerate()
            .map(|(index, url)| {
                let mut node = Remote::at(url);
                node.read_token(&data.join(format!("node{index}")));
                node
            })
            .collect();
        let party = Party::create(nodes.first().unwrap());
        until("every member knows the party", || {
            let did = party.did.to_string();
            nodes.iter().all(|node| resolves(node, &did))
        });
        let genesis =
            LedgerGenesis::parse(&nodes.first().unwrap().get("/v1/genesis").body).unwrap();
        let members = genesis.founders().iter().map(Genesis::did).collect();
        Self {
            folder,
            nodes,
            members,
            party,
            links,
            machine,
        }
    }

    /// Prints the last lines of each node's log.
    pub(crate) fn show_logs(&self, lines: usize) {
        for index in 0..self.nodes.len() {
            let log = self.node(index).join("node.log");
            let log = std::fs::read_to_string(&log).unwrap_or_else(|error| error.to_string());
            let from = log.lines().count().saturating_sub(lines);
            let last: Vec<&str> = log.lines().skip(from).collect();
            eprintln!("node{index} said last:\n{}", last.join("\n"));
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("consortium")
    }

    /// Starts whatever does not run.
    pub(crate) fn restart(&self) {
        launch(&self.data(), &self.machine);
    }

    /// Ends a node's process and its CometBFT's parentage at once, as a power cut does.
    pub(crate) fn kill(&self, index: usize) {
        signal(self.pid(index), "KILL");
    }

    /// A node's folder.
    pub(crate) fn node(&self, index: usize) -> PathBuf {
        self.data().join(format!("node{index}"))
    }

    pub(crate) fn pid(&self, index: usize) -> u32 {
        let pid = std::fs::read_to_string(self.node(index).join("pid")).unwrap();
        pid.trim().parse().unwrap()
    }

    pub(crate) fn trust_root(&self) -> TrustRoot {
        serde_json::from_slice(&std::fs::read(self.data().join("trust-root.json")).unwrap())
            .unwrap()
    }

    /// An envelope that creates a product, sponsored by the member whose node will get it.
    pub(crate) fn product(&self, index: usize) -> (Value, String) {
        let (envelope, dids) = self.party.create_products_under(1, self.members[index]);
        (envelope, dids.first().unwrap().to_string())
    }

    /// Creates a product through a node; its DID, once the node has answered 201.
    pub(crate) fn write(&self, index: usize) -> String {
        let (envelope, did) = self.product(index);
        let answer = self.nodes[index].post("/v1/transactions", &envelope);
        assert_eq!(answer.status, 201, "{}", answer.text());
        did
    }

    /// Waits until every node has the block of the highest one.
    pub(crate) fn until_equal(&self, among: &[usize]) -> u64 {
        let heights = || -> Vec<u64> {
            among
                .iter()
                .map(|index| height(&self.nodes[*index]))
                .collect()
        };
        let top = heights().into_iter().max().unwrap();
        until("all nodes have the same block", || {
            heights().into_iter().all(|height| height >= top)
        });
        top
    }

    /// Compares what the nodes say of every block up to the one that all have.
    pub(crate) fn assert_same_blocks(&self) {
        let top = self.until_equal(&[0, 1, 2, 3]);
        for height in 1..=top {
            let blocks: BTreeSet<String> = self
                .nodes
                .iter()
                .map(|node| node.get(&format!("/v1/blocks/{height}")).text())
                .collect();
            assert_eq!(blocks.len(), 1, "block {height}: {blocks:?}");
        }
    }
}

impl Drop for Consortium {
    fn drop(&mut self) {
        let _ended = run(&["localnet", "stop", "--data"], &self.data());
    }
}

/// Starts the consortium in the background; its URLs.
fn launch(data: &Path, machine: &Machine) -> Vec<String> {
    let mut command = Command::new(binary());
    machine.apply(&mut command);
    command
        .args(["localnet", "--validators", "4", "--detach", "--data"])
        .arg(data)
        // The nodes offer their state to one that joins.
        .env("CHOPMARK_SNAPSHOT_INTERVAL", "10");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(urls) = text.trim().strip_prefix("ready ") else {
        panic!(
            "no `ready` line but {text:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    urls.split(' ').map(str::to_owned).collect()
}

pub(crate) fn run(arguments: &[&str], data: &Path) -> Output {
    Command::new(binary())
        .args(arguments)
        .arg(data)
        .output()
        .unwrap()
}

pub(crate) fn height(node: &Remote) -> u64 {
    node.get("/v1/status").json()["height"].as_u64().unwrap()
}

pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(
            since.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether there is a CometBFT to run; without one the test says so, and CI does not forgive it.
pub(crate) fn has_cometbft() -> bool {
    let found = Binary::find();
    if let Err(error) = &found {
        assert!(std::env::var_os("CI").is_none(), "{error}");
        // Past the harness, which shows what passing tests print to nobody.
        let _ = writeln!(
            std::io::stderr(),
            "\n*** THE CONSORTIUM IS NOT TESTED: {error}\n"
        );
    }
    found.is_ok()
}

/// The consortium that the tests share; the last one that uses it ends it. `None` where there is no CometBFT, which is an
/// error in CI.
pub(crate) fn consortium() -> Option<Arc<Mutex<Consortium>>> {
    static SHARED: Mutex<Weak<Mutex<Consortium>>> = Mutex::new(Weak::new());
    if !has_cometbft() {
        return None;
    }
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = shared.upgrade() {
        return Some(running);
    }
    let started = Arc::new(Mutex::new(Consortium::start()));
    *shared = Arc::downgrade(&started);
    Some(started)
}

pub(crate) fn lock(consortium: &Mutex<Consortium>) -> MutexGuard<'_, Consortium> {
    consortium.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn resolves(node: &Remote, did: &str) -> bool {
    node.get(&format!("/1.0/identifiers/{did}")).status == 200
}

/// Whether a validator's signature stands under the newest header of a node: more than two thirds of them do, never all for sure.
pub(crate) fn signs(node: &Remote, validator: &str) -> bool {
    let block: EncodedLightBlock =
        serde_json::from_slice(&node.get("/v1/headers/latest").body).unwrap();
    let block = block.decode().unwrap();
    // Addresses of validators and ids of nodes are made alike.
    let address = node_id(&PublicKey::from_multikey(validator).unwrap());
    let mut entries = block.signed_header.commit.signatures.iter();
    entries.any(|entry| {
        let signer = entry.validator_address();
        entry.is_commit()
            && signer.is_some_and(|signer| signer.to_string().eq_ignore_ascii_case(&address))
    })
}

/// Runs `chopmark member` as the operator of a node.
pub(crate) fn member(consortium: &Consortium, index: usize, arguments: &[&str]) -> Value {
    let mut command = Command::new(binary());
    command
        .arg("member")
        .args(arguments)
        .args(["--url", consortium.nodes[index].base(), "--data"])
        .arg(consortium.node(index));
    said(&mut command)
}
