//! Two validators of the floor on a real CometBFT.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::engine::fixtures::{genesis, key};

/// A validator that knows no peers, and how it is dialled.
fn start(folder: &Path, seed: u8, binary: &Binary) -> (Floor, String) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let node = Arc::new(key(seed));
    let address = format!("{}@{listen}", node_id(node.public_key()));
    let config = FloorConfig {
        home: folder.join(seed.to_string()),
        binary: binary.clone(),
        genesis: genesis(),
        validator: Arc::new(key(seed + 1)),
        node,
        peering: Peering {
            listen,
            external: None,
            peers: Vec::new(),
            members: std::collections::BTreeMap::new(),
            members_only: false,
        },
    };
    let floor = Floor::start(config, FloorApp::Signed(Arc::new(|_| {}))).unwrap();
    (floor, address)
}

/// Looks until the validator says so, for some seconds.
fn shows(floor: &mut Floor, peers: usize) -> bool {
    (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        floor.peers() == Some(peers)
    })
}

#[test]
fn a_peer_that_cometbft_does_not_dial_by_itself_is_dialled_when_it_is_missing() {
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            // Past the harness, which shows what passing tests print to nobody.
            let told = format!("\n*** DIALLING PEERS AGAIN IS NOT TESTED: {error}\n");
            io::stderr().write_all(told.as_bytes()).unwrap();
            return;
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut one, _) = start(folder.path(), 11, &binary);
    let (mut other, address) = start(folder.path(), 21, &binary);
    assert!(shows(&mut one, 0) && shows(&mut other, 0));
    one.wanted.push(address);
    assert!(shows(&mut one, 1) && shows(&mut other, 1));
}
