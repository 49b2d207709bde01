//! The processes of a local consortium.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde::Deserialize;

use super::folder::{Network, Node};
use crate::up::is_in_use;

/// How long the nodes get until all of them are ready.
const START: Duration = Duration::from_secs(90);
/// How long a node gets to end by itself.
const GRACE: Duration = Duration::from_secs(20);
/// How often a node is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Bytes of a log that a failure shows.
const TAIL: usize = 2_000;

/// How nodes are started.
pub(crate) struct Launch {
    /// The CometBFT that they run.
    pub(crate) cometbft: PathBuf,
    /// Most envelopes of a transaction; the nodes' own default when absent.
    pub(crate) bundle: Option<usize>,
    /// What they log.
    pub(crate) log: String,
}

/// The nodes that this process started.
pub(crate) struct Started {
    children: Vec<(Node, Child)>,
}

/// What a node says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub(super) height: u64,
    pub(super) app_hash: String,
}

impl Launch {
    fn spawn(&self, network: &Network, node: &Node) -> anyhow::Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(node.folder.join("node.log"))?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["node", "--engine", "cometbft", "--data"])
            .arg(&node.folder)
            .args(["--listen", &node.listen.to_string()])
            .args(["--p2p-listen", &node.p2p.to_string()])
            .args(["--log", &self.log])
            .arg("--cometbft")
            .arg(&self.cometbft);
        for other in network
            .nodes()
            .iter()
            .filter(|other| other.name != node.name)
        {
            command.args(["--member-url", &other.url()]);
        }
        if let Some(members) = node.members {
            command
                .args(["--member-listen", &members.to_string()])
                .arg("--member-ca")
                .arg(network.authority());
        }
        if let Some(bundle) = self.bundle {
            command.args(["--bundle", &bundle.to_string()]);
        }
        command
            // Each member's keys are sealed with the passphrase in its own folder, not with the caller's.
            .env_remove("CHOPMARK_PASSPHRASE")
            .env_remove("CHOPMARK_PASSPHRASE_FILE")
            // Nodes do not share a read model.
            .env_remove("CHOPMARK_READ_MODEL")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", node.name))
    }
}

impl Started {
    /// Starts every node that does not run; none goes on where one cannot be started.
    ///
    /// # Errors
    /// When a log cannot be opened or a process cannot be made.
    pub(crate) fn launch(network: &Network, launch: &Launch) -> anyhow::Result<Self> {
        let mut started = Self {
            children: Vec::new(),
        };
        for node in network.nodes() {
            if is_in_use(&node.folder) {
                continue;
            }
            match launch.spawn(network, &node) {
                Ok(child) => started.children.push((node, child)),
                Err(error) => {
                    started.end();
                    return Err(error);
                }
            }
        }
        Ok(started)
    }

    /// Waits until every node of the network is ready.
    ///
    /// # Errors
    /// When a node ends, with the end of its log, or takes too long.
    pub(crate) async fn until_ready(&mut self, network: &Network) -> anyhow::Result<()> {
        let since = Instant::now();
        for node in network.nodes() {
            while !is_ready(&node) {
                self.check()?;
                if since.elapsed() > START {
                    bail!("{} is not ready after {} s", node.name, START.as_secs());
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Waits until every node that this process started has ended.
    pub(super) async fn until_all_ended(&mut self) {
        loop {
            self.children
                .retain_mut(|(_, child)| matches!(child.try_wait(), Ok(None)));
            if self.children.is_empty() {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Ends the nodes, also those that are not ready yet; blocks until they have ended.
    pub(crate) fn end(&mut self) {
        for (_, child) in &mut self.children {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            if let (Some(pid), Ok(None)) = (pid, child.try_wait()) {
                let _ended = kill_process(pid, Signal::TERM);
            }
        }
        let since = Instant::now();
        for (_, mut child) in self.children.drain(..) {
            while matches!(child.try_wait(), Ok(None)) && since.elapsed() < GRACE {
                std::thread::sleep(LOOK);
            }
            // One that has ended meanwhile hears nothing of it.
            let _killed = child.kill();
            let _reaped = child.wait();
        }
    }

    fn check(&mut self) -> anyhow::Result<()> {
        for (node, child) in &mut self.children {
            if let Some(status) = child.try_wait()? {
                let log = fs::read_to_string(node.folder.join("node.log")).unwrap_or_default();
                let from = log.len().saturating_sub(TAIL);
                let tail = log.get(from..).unwrap_or(&log);
                bail!("{} ended with {status}:\n{tail}", node.name);
            }
        }
        Ok(())
    }
}

/// Ends the nodes that run; gives how many had to be killed, and how many ended.
pub(super) fn stop(network: &Network) -> (usize, usize) {
    let running: Vec<Node> = network
        .nodes()
        .into_iter()
        .filter(|node| is_in_use(&node.folder))
        .collect();
    let pids: Vec<Option<Pid>> = running.iter().map(pid_of).collect();
    for pid in pids.iter().flatten() {
        // A node that ended meanwhile has nothing to hear.
        let _ended = kill_process(*pid, Signal::TERM);
    }
    let since = Instant::now();
    let mut killed = 0;
    for (node, pid) in running.iter().zip(&pids) {
        while (is_in_use(&node.folder) || pid.is_some_and(is_alive)) && since.elapsed() < GRACE {
            std::thread::sleep(LOOK);
        }
        if is_in_use(&node.folder) {
            let _ended = pid.map(|pid| kill_process(pid, Signal::KILL));
            killed += 1;
        }
    }
    (killed, running.len() - killed)
}

/// What the node says of itself; `None` when it does not answer.
pub(super) fn look(node: &Node) -> Option<State> {
    let answer = request(node, "/v1/status")?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    serde_json::from_str(body).ok()
}

fn is_ready(node: &Node) -> bool {
    request(node, "/readyz")
        .and_then(|answer| answer.split(' ').nth(1).map(|status| status == "200"))
        .unwrap_or(false)
}

/// A GET without frills; the answer ends where the connection does.
fn request(node: &Node, path: &str) -> Option<String> {
    let timeout = Some(Duration::from_secs(5));
    let mut stream = TcpStream::connect_timeout(&node.listen, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(timeout).ok()?;
    stream.set_write_timeout(timeout).ok()?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        node.listen
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).ok()?;
    String::from_utf8(answer).ok()
}

fn pid_of(node: &Node) -> Option<Pid> {
    let text = fs::read_to_string(node.folder.join("pid")).ok()?;
    text.trim().parse().ok().and_then(Pid::from_raw)
}

/// Whether the process holds its files still. One that nobody has waited for yet does not.
fn is_alive(pid: Pid) -> bool {
    if test_kill_process(pid).is_err() {
        return false;
    }
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    !stat.is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}
