//! A fifth organisation from its invitation to its removal, while somebody writes all the time.

use crate::support::consortium::{
    Consortium, consortium, height, lock, member, resolves, signs, until,
};
use crate::support::stack::{Stack, binary, said};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The newcomer: its folder, its DID, and where its node is reached.
struct Fifth<'a> {
    consortium: &'a Consortium,
    folder: PathBuf,
    did: String,
    peer: String,
}

fn run(arguments: &[&str]) -> Value {
    said(Command::new(binary()).args(arguments))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Has some members decide what the first one proposes.
fn decide(consortium: &Consortium, change: &[&str], voters: &[usize]) {
    let proposed = member(consortium, 0, &[&["propose"], change].concat());
    let id = proposed["proposal"].as_str().unwrap();
    let mut standing = proposed["standing"].clone();
    for index in voters {
        standing = member(consortium, *index, &["vote", id, "yes"])["standing"].clone();
    }
    assert_eq!(standing, "accepted", "{change:?}");
}

impl<'a> Fifth<'a> {
    /// Makes its keys, registers its DID under the first member's sponsorship, and takes the ledger's genesis.
    fn register(consortium: &'a Consortium) -> Self {
        let folder = consortium.data().join("node4");
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = free.local_addr().unwrap().to_string();
        drop(free);
        run(&[
            "node",
            "init",
            "--data",
            text(&folder),
            "--peer-address",
            &peer,
        ]);
        let genesis = consortium.data().join("genesis.json");
        let members: Vec<_> = (0..4)
            .map(|index| consortium.node(index).join("member.json"))
            .collect();
        let members: Vec<_> = members.iter().map(|member| text(member)).collect();
        let join = [
            "node",
            "join",
            "--data",
            text(&folder),
            "--genesis",
            text(&genesis),
        ];
        run(&[&join[..], &members].concat());
        let token = consortium.node(0).join("admin.token");
        let url = consortium.nodes[0].base();
        let registered = run(&[
            "node",
            "register",
            "--data",
            text(&folder),
            "--url",
            url,
            "--token-file",
            text(&token),
        ]);
        Self {
            consortium,
            did: registered["did"].as_str().unwrap().to_owned(),
            folder,
            peer,
        }
    }

    /// Runs a command with its own keys, through another member's node.
    fn act(&self, arguments: &[&str]) -> Value {
        let (keys, passphrase) = (self.folder.join("keys"), self.folder.join("passphrase"));
        let own = [
            "--as",
            &self.did,
            "--keys",
            text(&keys),
            "--passphrase-file",
            text(&passphrase),
        ];
        run(&[arguments, &own].concat())
    }

    fn at(&self, index: usize) -> Vec<String> {
        let node = self.consortium.node(index);
        let url = self.consortium.nodes[index].base().to_owned();
        vec![
            "--url".to_owned(),
            url,
            "--data".to_owned(),
            text(&node).to_owned(),
        ]
    }

    /// Has a TLS key certified and bound, and its node's key bound.
    fn certify(&self) {
        let ca = self.consortium.data().join("ca");
        let (csr, certificate) = (self.folder.join("tls.csr"), self.folder.join("tls.pem"));
        let key = self.folder.join("tls.key");
        self.act(&[
            "member",
            "csr",
            "tls-1",
            "--out",
            text(&csr),
            "--key-out",
            text(&key),
        ]);
        let passphrase = ca.join("passphrase");
        run(&[
            "ca",
            "issue",
            text(&csr),
            "--out",
            text(&certificate),
            "--ca",
            text(&ca),
            "--passphrase-file",
            text(&passphrase),
            "--url",
            self.consortium.nodes[1].base(),
        ]);
        for key in [text(&certificate), "node"] {
            let at = self.at(2);
            let at: Vec<&str> = at.iter().map(String::as_str).collect();
            self.act(&[&["member", "bind", key][..], &at].concat());
        }
    }

    /// Starts its node and waits until it is ready.
    fn start(&self) -> Stack {
        let mut command = Command::new(binary());
        command
            .args(["node", "--engine", "cometbft", "--listen", "127.0.0.1:0"])
            .args(["--p2p-listen", &self.peer, "--data"])
            .arg(&self.folder)
            .env_remove("CHOPMARK_PASSPHRASE");
        Stack::spawn(command)
    }

    fn validator(&self) -> String {
        let file = std::fs::read(self.folder.join("member.json")).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        file["validator"]["publicKey"].as_str().unwrap().to_owned()
    }

    /// Connects to the member API of the first member's node, with its certificate.
    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let read = |file: &Path| std::fs::read(file).unwrap();
        let stored = read(&self.consortium.node(0).join("tls.json"));
        let stored: Value = serde_json::from_slice(&stored).unwrap();
        let mut roots = RootCertStore::empty();
        let pem = stored["certificate"].as_str().unwrap();
        roots
            .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .unwrap();
        let own = read(&self.folder.join("tls.pem"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(&own).unwrap()],
                PrivateKeyDer::from_pem_slice(&read(&self.folder.join("tls.key"))).unwrap(),
            )
            .unwrap();
        let network = read(&self.consortium.data().join("localnet.json"));
        let network: Value = serde_json::from_slice(&network).unwrap();
        let stream = TcpStream::connect(network[0]["members"].as_str().unwrap()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(session, stream)
    }

    /// Has its node go by another key, as the operators' page tells it; the node under that key.
    fn change_node_key(&self, node: Stack) -> Stack {
        let (keys, passphrase) = (self.folder.join("keys"), self.folder.join("passphrase"));
        let own = [
            "--keys",
            text(&keys),
            "--passphrase-file",
            text(&passphrase),
        ];
        run(&[&["key", "new", "node-2"][..], &own].concat());
        let at = self.at(2);
        let at: Vec<&str> = at.iter().map(String::as_str).collect();
        self.act(&[&["member", "bind", "node-2"][..], &at].concat());
        node.terminate();
        let used = run(&["node", "use-key", "node-2", "--data", text(&self.folder)]);
        let node = self.start();
        let (old, new) = (
            used["before"].as_str().unwrap(),
            used["peer"].as_str().unwrap(),
        );
        assert_eq!(
            old.split_once('@').unwrap().1,
            new.split_once('@').unwrap().1
        );
        self.act(
            &[
                &["member", "unbind", used["spkiBefore"].as_str().unwrap()][..],
                &at,
            ]
            .concat(),
        );
        until("the others know it by its new key", || {
            let ids = peers(&self.consortium.node(0));
            ids.iter().any(|id| new.starts_with(id.as_str()))
                && !ids.iter().any(|id| old.starts_with(id.as_str()))
        });
        node
    }
}

/// The ids of the nodes with which a folder's CometBFT is connected.
fn peers(folder: &Path) -> Vec<String> {
    let mut stream = UnixStream::connect(folder.join("cometbft/rpc.sock")).unwrap();
    stream
        .write_all(b"GET /net_info HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let peers = body["result"]["peers"].as_array().unwrap();
    let id = |peer: &Value| peer["node_info"]["id"].as_str().unwrap().to_owned();
    peers.iter().map(id).collect()
}

/// Asks for its own standing over a connection that stays open; status and body.
fn standing(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> io::Result<(u16, Value)> {
    stream.write_all(b"GET /v1/member HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some(rest) = line.strip_prefix("content-length:") {
            length = rest.trim().parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((status, serde_json::from_slice(&body).unwrap()))
}

#[test]
fn a_fifth_member_comes_in_signs_blocks_and_is_removed_while_writes_go_on() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let ended = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut written = Vec::new();
            for index in (0..4).cycle() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (envelope, did) = consortium.product(index);
                let node = &consortium.nodes[index];
                if node
                    .try_post("/v1/transactions", &envelope)
                    .is_ok_and(|answer| answer.status == 201)
                {
                    written.push(did);
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            written
        });
        let story = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tell(&consortium)));
        ended.store(true, Ordering::SeqCst);
        let written = writing.join().unwrap();
        if let Err(cause) = story {
            std::panic::resume_unwind(cause);
        }
        written
    });
    assert!(written.len() >= 20, "{} writes", written.len());
    for node in &consortium.nodes {
        until("every acknowledged DID is there", || {
            written.iter().all(|did| resolves(node, did))
        });
    }
    consortium.assert_same_blocks();
}

fn tell(consortium: &Consortium) {
    let fifth = Fifth::register(consortium);
    let did = fifth.did.as_str();
    decide(consortium, &["admit", did, "--name", "Fifth"], &[1, 2, 3]);
    fifth.certify();
    let (status, shown) = standing(&mut fifth.connect()).unwrap();
    assert_eq!(
        (status, &shown["member"]["did"]),
        (200, &json!(did)),
        "{shown}"
    );

    let node = fifth.start();
    until("it has every block", || {
        height(&node) + 1 >= height(&consortium.nodes[0])
    });
    let validator = fifth.validator();
    // More than two thirds of five members.
    decide(
        consortium,
        &["validators", &format!("{validator}=1:{did}")],
        &[1, 2, 3],
    );
    until("it signs blocks", || {
        signs(&consortium.nodes[0], &validator)
    });
    let (_, shown) = standing(&mut fifth.connect()).unwrap();
    assert_eq!(shown["validators"][0]["publicKey"], validator.as_str());
    let status = node.get("/v1/status").json();
    assert_eq!(status["operator"], did);
    let node = fifth.change_node_key(node);
    until("it signs blocks again", || {
        signs(&consortium.nodes[0], &validator)
    });

    decide(
        consortium,
        &["validators", &format!("{validator}=0")],
        &[1, 2, 3],
    );
    let proposed = member(consortium, 0, &["propose", "remove", did]);
    let id = proposed["proposal"].as_str().unwrap();
    member(consortium, 1, &["vote", id, "yes"]);
    // A connection that stays open, used just before the deciding vote.
    let mut open = fifth.connect();
    assert_eq!(standing(&mut open).unwrap().0, 200);
    let voted = member(consortium, 2, &["vote", id, "yes"]);
    assert_eq!(voted["standing"], "accepted");
    let removed = Instant::now();
    // The open connection ends with the block, and a new one is told why.
    let read = open.read(&mut [0; 16]);
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let closed = removed.elapsed();
    let (status, refused) = standing(&mut fifth.connect()).unwrap();
    let detail = refused["detail"].as_str().unwrap();
    assert!(status == 403 && detail.contains("removed"), "{refused}");
    until("no node is connected with it", || {
        peers(&fifth.folder).is_empty()
    });
    let apart = removed.elapsed();
    let _shown = writeln!(
        io::stderr(),
        "member API closed {closed:?} after the vote was answered, the last peer connection {apart:?}"
    );
    assert!(closed < Duration::from_secs(5), "{closed:?}");
    // What it had is no longer followed, and nobody lets it in again.
    let stands = height(&node);
    until("the others go on", || {
        height(&consortium.nodes[0]) > stands + 3
    });
    assert_eq!(peers(&fifth.folder), [""; 0]);
    node.terminate();
}
