//! The CometBFT process: started, watched, and ended with the node.
//!
//! It cannot outlive the node: CometBFT ends by itself when its connections to the application break.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::num::NonZero;
use std::ops::Deref;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chop_keys::PublicKey;
use chop_protocol::{ValidatorSet, keys};
use rustix::process::{Pid, Signal, kill_process};
use tracing::{debug, error, info, warn};

use super::abci;
use super::binary::Binary;
use super::guests::{Guest, Guests};
use super::home::{Home, Settings};
use super::parting::Parting;
use super::seeking::{self, Seeking};
use super::shared::Shared;
use crate::engine::solo::Health;

/// The environment variable with which Go's runtime is told how many threads run its code.
const GO_THREADS: &str = "GOMAXPROCS";
/// With as few as a small machine has cores, the timers of CometBFT's ABCI client keep its other work waiting (see
/// [`super::abci`]): with more, the operating system shares the cores out.
const LEAST_GO_THREADS: usize = 8;
/// How often the process is looked after.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is asked for its peers.
const ASK: Duration = Duration::from_millis(500);
/// How long it gets to end by itself.
const GRACE: Duration = Duration::from_secs(5);
/// Pause before it is started again.
const PAUSE: Duration = Duration::from_millis(500);
/// A process that lived this long had started properly.
const SETTLED: Duration = Duration::from_secs(10);
/// Starts in a row that may fail: a predecessor that was orphaned may hold the stores for some seconds.
const TRIES: u32 = 40;
/// How long nothing may come of taking a snapshot: the next heartbeat may bring what a refused one lacked, and CometBFT
/// refuses a snapshot for as long as it runs.
pub(super) const SYNC_PATIENCE: Duration = Duration::from_mins(1);
/// Room that must be there before blocks are taken again, in bytes.
const ROOM_BYTES: u64 = 8 * 1024 * 1024;
/// The longest pause before a snapshot is taken again that did not fit onto the disk.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// The longest line of its log that is passed on.
const MAX_LINE: u64 = 4_096;

/// The thread that looks after the process. It ends the process when it goes.
pub(super) struct Supervisor {
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Supervisor {
    pub(super) fn start(watched: Watched) -> io::Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let watch = Watch {
            watched,
            ending: Arc::clone(&ending),
        };
        let thread = std::thread::Builder::new()
            .name("cometbft".to_owned())
            .spawn(move || watch.run())?;
        Ok(Self {
            ending,
            thread: Some(thread),
        })
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// What is looked after, and what it is started with.
pub(super) struct Watched {
    pub(super) shared: Arc<Shared>,
    pub(super) guests: Arc<Guests>,
    pub(super) binary: Binary,
    pub(super) home: Home,
    pub(super) settings: Settings,
    /// The key that this node signs blocks with, when the ledger counts it among the validators.
    pub(super) validator: PublicKey,
    /// How long nothing may come of taking a snapshot.
    pub(super) patience: Duration,
}

struct Watch {
    watched: Watched,
    ending: Arc<AtomicBool>,
}

/// Why CometBFT is no longer watched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It ended, or had to.
    Away,
    /// It had to, as the store takes no writes.
    ToRecover,
    /// It is to be started again without a peer that is refused now.
    WithoutPeer,
    /// It is to be started again, as it has taken no snapshot for too long.
    Stuck,
}

impl Deref for Watch {
    type Target = Watched;

    fn deref(&self) -> &Watched {
        &self.watched
    }
}

impl Watch {
    fn run(self) {
        let mut failures = 0;
        let mut parting = Parting::default();
        let mut waiting = Waiting::default();
        while !self.is_ending() && *self.shared.health.borrow() != Health::Stopped {
            if waiting.is_over(Instant::now()) && self.has_recovered() {
                let started = Instant::now();
                let ended = match self.spawn() {
                    Ok(child) => self.watch(child, &mut parting),
                    Err(error) => {
                        error!(%error, "CometBFT does not start");
                        Ended::Away
                    }
                };
                let needed = self.shared.needed.load(Ordering::Relaxed);
                waiting.after(ended == Ended::ToRecover && needed > 0, Instant::now());
                failures = match ended {
                    Ended::WithoutPeer | Ended::Stuck => continue,
                    Ended::Away if started.elapsed() < SETTLED => failures + 1,
                    // However often a disk is full, CometBFT is not to blame.
                    Ended::Away | Ended::ToRecover => 0,
                };
                if failures >= TRIES {
                    error!("CometBFT ended {failures} times in a row; the ledger stops");
                    break;
                }
            }
            if !self.is_ending() {
                std::thread::sleep(PAUSE);
            }
        }
        self.shared.health.send_replace(Health::Stopped);
    }

    /// Whether the store takes writes, after a look for room when it did not.
    fn has_recovered(&self) -> bool {
        if *self.shared.health.borrow() != Health::ReadOnly {
            return true;
        }
        let needed = self.shared.needed.load(Ordering::Relaxed);
        if !self
            .shared
            .store
            .has_room(needed.saturating_add(ROOM_BYTES))
        {
            return false;
        }
        let opened = self
            .shared
            .store
            .reopen_writable()
            .map_err(crate::engine::EngineError::from)
            .and_then(|()| self.shared.show_stored());
        match opened {
            Ok(()) => {
                info!("the disk takes writes again");
                self.shared.health.send_replace(Health::Ready);
                true
            }
            Err(error) => {
                warn!(%error, "the disk has room, but the database does not open for writing");
                false
            }
        }
    }

    fn spawn(&self) -> io::Result<Child> {
        self.shared.stir();
        self.home.forget_chunks().map_err(io::Error::other)?;
        // CometBFT does not go on from where a kill between a snapshot's arrival and the next block left it: it begins anew,
        // and takes a snapshot again.
        if self.settings.sync.is_some() && !self.shared.has_blocks().map_err(io::Error::other)? {
            self.home.forget_stores().map_err(io::Error::other)?;
        }
        let heartbeat_ms = self.shared.parameters().heartbeat_ms;
        self.home
            .configure(&self.settings, heartbeat_ms, |id| self.is_barred(id))
            .map_err(io::Error::other)?;
        self.shared.starts();
        spawn(&self.binary, &self.home, &[])
    }

    /// Until the process ends: by itself, because the node stops, because the store takes no writes, or to let go of a peer.
    fn watch(&self, mut child: Child, parting: &mut Parting) -> Ended {
        let mut asked: Option<Instant> = None;
        let mut seeking = Seeking::default();
        loop {
            match child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    self.shared.peers.store(0, Ordering::Relaxed);
                    if !self.is_ending() {
                        warn!(%status, "CometBFT ended");
                    }
                    return self.ended();
                }
                Err(error) => {
                    error!(%error, "CometBFT cannot be watched");
                    return Ended::Away;
                }
            }
            if self.is_ending() || *self.shared.health.borrow() != Health::Ready {
                end(&mut child);
                return self.ended();
            }
            if asked.is_none_or(|asked| asked.elapsed() >= ASK) {
                asked = Some(Instant::now());
                if self.is_stuck() {
                    warn!("CometBFT takes no snapshot: it begins anew");
                    end(&mut child);
                    return Ended::Stuck;
                }
                let peers = self.shared.rpc.peers();
                self.ask(peers.as_deref().ok());
                if let Ok(connected) = &peers {
                    self.seek(&mut seeking, connected);
                }
                let gone = peers.map(|ids| ids.into_iter().find(|id| self.is_gone(id)));
                if let Some(id) = parting.look(gone, Instant::now(), || self.place()) {
                    info!(
                        id,
                        "lets go of a peer whose member was suspended or removed"
                    );
                    end(&mut child);
                    return Ended::WithoutPeer;
                }
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Whether it was to take a snapshot, has no block, and nothing comes of it. CometBFT itself goes on neither after an
    /// error nor from snapshots that it refused too soon.
    fn is_stuck(&self) -> bool {
        self.settings.sync.is_some()
            && self.shared.is_stuck(self.patience)
            && !self.shared.has_blocks().unwrap_or(true)
    }

    /// Why CometBFT is away: it also ends when the application no longer answers.
    fn ended(&self) -> Ended {
        match *self.shared.health.borrow() {
            Health::ReadOnly => Ended::ToRecover,
            _ => Ended::Away,
        }
    }

    /// Whether a peer is not dialled; one of whom nothing can be told now is.
    fn is_barred(&self, id: &str) -> bool {
        !self.shared.is_behind() && self.standing(id) != Guest::Welcome
    }

    /// Whether the members have voted a connected peer's member out, as far as this node follows the ledger now.
    fn is_gone(&self, id: &str) -> bool {
        !self.shared.is_behind() && self.standing(id) == Guest::Gone
    }

    fn standing(&self, id: &str) -> Guest {
        let standing = self.guests.standing(&self.shared.view(), id);
        standing.unwrap_or_else(|error| {
            debug!(%error, "the state cannot be read to look at a peer");
            Guest::Welcome
        })
    }

    /// This node's place among the validators, from 0; 0 when it is none.
    fn place(&self) -> u32 {
        let held = self.shared.view().value(keys::VALIDATORS).ok().flatten();
        let held = held.and_then(|bytes| serde_json::from_slice::<ValidatorSet>(&bytes).ok());
        held.map_or(0, |set| place(&set, &self.validator))
    }

    /// Notes the peers and, while CometBFT answers, whether it has caught up, and fetches headers that are missing: of blocks that it replayed, and of
    /// those for which it had no answer in time.
    fn ask(&self, peers: Option<&[String]>) {
        let connected = peers.map_or(0, <[String]>::len);
        self.shared.peers.store(connected, Ordering::Relaxed);
        if peers.is_some()
            && self.shared.catching_up.load(Ordering::Relaxed)
            && matches!(self.shared.rpc.is_catching_up(), Ok(false))
        {
            self.shared.catching_up.store(false, Ordering::Relaxed);
        }
        if peers.is_some()
            && let Err(error) = self.shared.complete()
        {
            debug!(%error, "missing headers are fetched later");
        }
    }

    /// Has peers dialled that are to be connected and for long are not.
    fn seek(&self, seeking: &mut Seeking, connected: &[String]) {
        let mut missing = seeking::missing(&self.settings.peering.peers, connected);
        missing.retain(|peer| {
            !peer
                .split_once('@')
                .is_some_and(|(id, _)| self.is_barred(id))
        });
        if seeking.look(&missing, Instant::now())
            && let Err(error) = self.shared.rpc.dial(&missing)
        {
            debug!(%error, "missing peers are dialled later");
        }
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }
}

/// How long a snapshot is not begun again that did not fit onto the disk: each time twice as long, as all of it is fetched anew.
#[derive(Default)]
struct Waiting {
    times: u32,
    until: Option<Instant>,
}

impl Waiting {
    fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    fn after(&mut self, did_not_fit: bool, now: Instant) {
        if !did_not_fit {
            *self = Self::default();
            return;
        }
        self.times = self.times.saturating_add(1);
        let pause = PAUSE.saturating_mul(2_u32.saturating_pow(self.times));
        self.until = Some(now + pause.min(LONGEST_PAUSE));
    }
}

/// The place of a key among the validators; 0 for one that is none of theirs.
fn place(set: &ValidatorSet, key: &PublicKey) -> u32 {
    let mut validators = set.validators().iter();
    let place = validators.position(|validator| validator.public_key == *key);
    place
        .and_then(|place| u32::try_from(place).ok())
        .unwrap_or(0)
}

/// Starts CometBFT in its folder, with arguments beside the configuration; passes its log on.
pub(super) fn spawn(binary: &Binary, home: &Home, arguments: &[&str]) -> io::Result<Child> {
    abci::remove(&home.socket("rpc.sock"))?;
    let mut child = command(binary, home, std::env::var_os(GO_THREADS))
        .args(arguments)
        .spawn()?;
    info!(pid = child.id(), "started CometBFT");
    pass_on(child.stdout.take());
    pass_on(child.stderr.take());
    Ok(child)
}

/// How CometBFT is started; `threads` is what the operator says of [`GO_THREADS`].
fn command(binary: &Binary, home: &Home, threads: Option<OsString>) -> Command {
    let mut command = Command::new(binary.path());
    command
        .args(["start", "--home", "."])
        .current_dir(home.path())
        .env(GO_THREADS, go_threads(threads))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A terminal's Ctrl-C is for this process, which ends CometBFT in its turn.
        .process_group(0);
    command
}

/// How many threads run Go code at once: as many as there are cores, but [`LEAST_GO_THREADS`] at least, unless the operator
/// says otherwise.
fn go_threads(said: Option<OsString>) -> OsString {
    said.unwrap_or_else(|| {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        cores.max(LEAST_GO_THREADS).to_string().into()
    })
}

/// Asks the process to end, and ends it when it does not.
pub(super) fn end(child: &mut Child) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let asked = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
    let since = Instant::now();
    while asked && since.elapsed() < GRACE {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _killed = child.kill();
    let _reaped = child.wait();
}

/// Passes the process's log on, line by line.
fn pass_on(stream: Option<impl Read + Send + 'static>) {
    let Some(stream) = stream else { return };
    let reading = move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while let Ok(read) = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            if read == 0 {
                return;
            }
            let text = String::from_utf8_lossy(&line);
            warn!(target: "cometbft", "{}", text.trim_end());
            line.clear();
        }
    };
    if let Err(error) = std::thread::Builder::new()
        .name("cometbft-log".to_owned())
        .spawn(reading)
    {
        warn!(%error, "the log of CometBFT is not read");
    }
}

#[cfg(test)]
mod tests;
