//! The links between the nodes: one relay for each direction of dialling, which can hold what goes one way.
//!
//! What is held is late and not lost, as for TCP when packets are dropped for a while.

use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const NODES: usize = 4;
/// How often a relay looks whether it may go on.
const LOOK: Duration = Duration::from_millis(20);

/// What is held, by who speaks and who listens.
#[derive(Clone, Default)]
pub(crate) struct Links(Arc<[[AtomicBool; NODES]; NODES]>);

impl Links {
    /// Puts a relay between every two nodes of a consortium that does not run: each dials its peers through them.
    pub(crate) fn between(data: &Path) -> Self {
        let links = Self::default();
        let folder = |index: usize| data.join(format!("node{index}"));
        let peer_of = |index: usize| {
            let text = std::fs::read(folder(index).join("member.json")).unwrap();
            let member: Value = serde_json::from_slice(&text).unwrap();
            member["peer"].as_str().unwrap().to_owned()
        };
        for from in 0..NODES {
            let relayed: Vec<String> = (0..NODES)
                .filter(|to| *to != from)
                .map(|to| {
                    let peer = peer_of(to);
                    let (id, address) = peer.split_once('@').unwrap();
                    let relay = links.relay(from, to, address.parse().unwrap());
                    format!("{id}@{relay}")
                })
                .collect();
            let peers = json!({"peers": relayed});
            std::fs::write(folder(from).join("peers.json"), peers.to_string()).unwrap();
        }
        links
    }

    /// Holds what goes between the two groups, in both directions, until the cut goes.
    pub(crate) fn cut(&self, one: &[usize], other: &[usize]) -> Cut {
        let ways = one
            .iter()
            .flat_map(|a| other.iter().flat_map(move |b| [(*a, *b), (*b, *a)]));
        self.hold(ways.collect())
    }

    /// Holds what one node says to the others; it hears them still.
    pub(crate) fn mute(&self, node: usize) -> Cut {
        let others = (0..NODES).filter(|other| *other != node);
        self.hold(others.map(|other| (node, other)).collect())
    }

    fn hold(&self, ways: Vec<(usize, usize)>) -> Cut {
        for (from, to) in &ways {
            self.0[*from][*to].store(true, Ordering::SeqCst);
        }
        Cut {
            links: self.clone(),
            ways,
        }
    }

    fn holds(&self, from: usize, to: usize) -> bool {
        self.0[from][to].load(Ordering::SeqCst)
    }

    /// Listens for one node's connections to another.
    fn relay(&self, from: usize, to: usize, target: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let links = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let links = links.clone();
                std::thread::spawn(move || {
                    if let Ok(upstream) = TcpStream::connect(target) {
                        links.join((from, stream), (to, upstream));
                    }
                });
            }
        });
        address
    }

    fn join(&self, (from, near): (usize, TcpStream), (to, far): (usize, TcpStream)) {
        let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
        let links = self.clone();
        let other = std::thread::spawn(move || links.pump(back.0, back.1, (to, from)));
        self.pump(near, far, (from, to));
        let _ended = other.join();
    }

    /// Passes on what one says to the other until either side closes, then closes both.
    fn pump(&self, mut source: TcpStream, mut sink: TcpStream, (from, to): (usize, usize)) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let read = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            while self.holds(from, to) {
                std::thread::sleep(LOOK);
            }
            if sink.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        let _closed = source.shutdown(std::net::Shutdown::Both);
        let _closed = sink.shutdown(std::net::Shutdown::Both);
    }
}

/// What is held as long as this is there.
pub(crate) struct Cut {
    links: Links,
    ways: Vec<(usize, usize)>,
}

impl Drop for Cut {
    fn drop(&mut self) {
        for (from, to) in &self.ways {
            self.links.0[*from][*to].store(false, Ordering::SeqCst);
        }
    }
}
