//! What four members of a consortium write, read and survive together.

use crate::support::consortium::{
    PATIENCE, consortium, height, lock, member, resolves, run, until,
};
use crate::support::remote::Remote;
use crate::support::stack::{Stack, binary};
use chop_proof::{Freshness, StateProof, verify_inclusion};
use chop_protocol::http::ProvenValue;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[test]
fn what_one_member_writes_another_one_proves() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let did = consortium.write(0);
    until("the other member resolves it", || {
        resolves(&consortium.nodes[3], &did)
    });
    let key = format!("did/{}", did.rsplit(':').next().unwrap());
    let path = format!("/v1/state/{}?proof=true", key.replace('/', "%2F"));
    let answer: ProvenValue = serde_json::from_slice(&consortium.nodes[3].get(&path).body).unwrap();
    let value = answer.value_bytes().unwrap().unwrap();
    let proof: StateProof = answer.proof.unwrap();
    let freshness = Freshness::within(chop_http::clock::now_ms(), 300_000);
    let root = consortium.trust_root();
    let header = verify_inclusion(&root, &proof, &key, &value, &freshness).unwrap();
    assert_eq!(header.validators, 4);
    assert!(header.signed >= 3, "{header:?}");
    let status = consortium.nodes[3].get("/v1/status").json();
    assert_eq!(status["engine"], "cometbft");
    consortium.assert_same_blocks();
}

#[test]
fn every_member_lists_finds_and_streams_the_same() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let did = consortium.write(0);
    consortium.write(3);
    let top = consortium.until_equal(&[0, 1, 2, 3]);
    let [first, last] = [0, 3].map(|index| &consortium.nodes[index]);
    let listed = |node: &Remote| {
        let page = node
            .get(&format!("/v1/transactions?to={top}&limit=5"))
            .json();
        assert!(page["asOf"]["height"].as_u64() >= Some(top), "{page}");
        assert!(!page["items"].as_array().unwrap().is_empty(), "{page}");
        (page["items"].clone(), page["next"].clone())
    };
    until("both have listed the block", || {
        [first, last].iter().all(|node| {
            let page = node.get("/v1/blocks?limit=1").json();
            page["asOf"]["height"].as_u64() >= Some(top)
        })
    });
    assert_eq!(listed(first), listed(last));
    for path in [
        format!("/v1/search?q={did}"),
        format!("/v1/transactions?did={did}"),
        format!("/v1/dids?controller={}&limit=3", consortium.party.did),
        "/v1/proposals/all".to_owned(),
    ] {
        let [one, other] = [first, last].map(|node| {
            let mut answer = node.get(&path).json();
            // Blocks go on meanwhile; what was asked about does not change with them.
            answer["asOf"] = Value::Null;
            answer
        });
        assert_eq!(one, other, "{path}");
    }
    let events = |node: &Remote| node.events("/v1/events?action=did.create", "0.0", 3);
    let seen = events(first);
    assert_eq!(seen, events(last));
    assert_eq!(seen.len(), 3);
    // A stream that broke off at one member goes on at another.
    let (id, _) = &seen[0];
    let rest = last.events("/v1/events?action=did.create", id, 2);
    assert_eq!(rest, seen[1..]);
}

#[test]
fn envelopes_that_arrive_together_share_transactions_and_have_outcomes_of_their_own() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let writing: Vec<_> = (0..24)
            .map(|index| {
                let consortium = &*consortium;
                scope.spawn(move || {
                    let (envelope, _) = consortium.product(index % 4);
                    let node = &consortium.nodes[index % 4];
                    let answer = node.post("/v1/transactions", &envelope);
                    assert_eq!(answer.status, 201, "{}", answer.text());
                    // The same envelope again gets the first answer again.
                    let again = node.post("/v1/transactions", &envelope);
                    assert_eq!((again.status, again.json()), (201, answer.json()));
                    answer.json()
                })
            })
            .collect();
        writing
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let hashes: BTreeSet<_> = answers
        .iter()
        .map(|answer| answer["hash"].to_string())
        .collect();
    assert_eq!(hashes.len(), 24);
    let again = answers.first().unwrap();
    let hash = again["hash"].as_str().unwrap();
    let path = format!("/v1/transactions/{hash}");
    until("another member knows the outcome", || {
        consortium.nodes[2].get(&path).status == 200
    });
    assert_eq!(consortium.nodes[2].get(&path).json(), *again);
    consortium.assert_same_blocks();
}

#[test]
fn a_killed_member_comes_back_with_everything_while_the_others_go_on() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let before = consortium.write(1);
    let socket = consortium.data().join("node1/cometbft/rpc.sock");
    UnixStream::connect(&socket).unwrap();
    consortium.kill(1);
    until("its CometBFT ends with it", || {
        UnixStream::connect(&socket).is_err()
    });
    let without = [
        consortium.write(0),
        consortium.write(2),
        consortium.write(3),
    ];
    consortium.restart();
    until("it has what was written before and meanwhile", || {
        without
            .iter()
            .chain([&before])
            .all(|did| resolves(&consortium.nodes[1], did))
    });
    let after = consortium.write(1);
    until("the others see what it writes", || {
        resolves(&consortium.nodes[0], &after)
    });
    consortium.assert_same_blocks();
}

#[test]
fn four_killed_members_come_back_with_everything_that_was_answered_201() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let written: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for index in 0..4 {
            let (consortium, written) = (&*consortium, &written);
            scope.spawn(move || {
                loop {
                    let (envelope, did) = consortium.product(index);
                    match consortium.nodes[index].try_post("/v1/transactions", &envelope) {
                        Ok(answer) if answer.status == 201 => {
                            written.lock().unwrap().push(did);
                        }
                        Ok(_) => {}
                        Err(_) => return,
                    }
                }
            });
        }
        until("writes are under way", || {
            written.lock().unwrap().len() >= 8
        });
        for index in 0..4 {
            consortium.kill(index);
        }
    });
    consortium.restart();
    let written = written.into_inner().unwrap();
    for node in &consortium.nodes {
        until("every acknowledged DID is there", || {
            written.iter().all(|did| resolves(node, did))
        });
    }
    consortium.write(0);
    consortium.assert_same_blocks();
    // Executed again from genesis, the blocks give the same results and roots, under the same headers.
    let stopped = run(&["localnet", "stop", "--data"], &consortium.data());
    assert!(stopped.status.success(), "{stopped:?}");
    let replayed = run(
        &["ledger", "replay", "--data"],
        &consortium.data().join("node2"),
    );
    assert!(replayed.status.success(), "{replayed:?}");
    consortium.restart();
}

#[test]
fn two_of_four_make_no_progress_and_a_third_lets_them_go_on() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    consortium.kill(2);
    consortium.kill(3);
    // What was decided before the second was gone may still arrive.
    std::thread::sleep(Duration::from_secs(1));
    let stands = consortium.until_equal(&[0, 1]);
    let (envelope, did) = consortium.product(0);
    let answer = consortium.nodes[0].post("/v1/transactions", &envelope);
    assert_eq!(answer.status, 202, "{}", answer.text());
    for node in &consortium.nodes[..2] {
        assert_eq!(height(node), stands, "progress without a quorum");
    }
    assert!(!resolves(&consortium.nodes[0], &did));
    let since = Instant::now();
    consortium.restart();
    until("the envelope that waited is executed", || {
        consortium.nodes.iter().all(|node| resolves(node, &did))
    });
    assert!(since.elapsed() < PATIENCE);
    consortium.assert_same_blocks();
}

#[test]
fn a_change_of_the_validators_is_decided_by_members_at_their_own_nodes() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let held = consortium.nodes[0].get("/v1/state/validators").json();
    let key = held["value"][3]["publicKey"].as_str().unwrap();
    let power = |power: u64| {
        let change = format!("{key}={power}");
        member(&consortium, 0, &["propose", "validators", &change]);
        let open = consortium.nodes[0].get("/v1/proposals").json();
        let of_validators = open["proposals"]
            .as_array()
            .unwrap()
            .iter()
            .find(|listed| listed["proposal"]["change"]["setValidators"].is_object());
        let id = of_validators.unwrap()["proposal"]["id"].as_str().unwrap();
        for index in 1..3 {
            member(&consortium, index, &["vote", id, "yes"]);
        }
    };
    power(2);
    until("the first node knows the new power", || {
        let status = consortium.nodes[0].get("/v1/status").json();
        let now = status["validators"].as_array().unwrap();
        now.iter()
            .any(|validator| validator["publicKey"] == key && validator["power"] == 2)
    });
    let written = consortium.write(1);
    until("blocks are signed by the new set, and prove", || {
        consortium.nodes.iter().all(|node| resolves(node, &written))
    });
    power(1);
    consortium.write(2);
    consortium.assert_same_blocks();
}

#[test]
fn a_fifth_node_joins_by_a_snapshot_and_follows() {
    let Some(consortium) = consortium() else {
        return;
    };
    let consortium = lock(&consortium);
    let oldest = consortium.party.did.to_string();
    until("there is a snapshot, and headers above it", || {
        consortium.write(0);
        let taken = std::fs::read_dir(consortium.node(1).join("snapshots"));
        let heights = taken
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok());
        let last = heights.max().unwrap_or(u64::MAX);
        last > 1 && height(&consortium.nodes[1]) > last.saturating_add(3)
    });
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("fifth").display().to_string();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let address = port.to_string();
    let genesis = consortium.data().join("genesis.json").display().to_string();
    let mut join = vec!["node", "join", "--data", &data, "--genesis", &genesis];
    let (one, two) = (consortium.nodes[0].base(), consortium.nodes[1].base());
    let members: Vec<String> = (0..4)
        .map(|index| {
            consortium
                .node(index)
                .join("member.json")
                .display()
                .to_string()
        })
        .collect();
    join.extend(["--state-sync", one, "--state-sync", two]);
    join.extend(members.iter().map(String::as_str));
    for arguments in [
        &["node", "init", "--data", &data, "--peer-address", &address][..],
        &join,
    ] {
        let output = Command::new(binary()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let node = || {
        let mut command = Command::new(binary());
        command
            .args(["node", "--engine", "cometbft", "--listen", "127.0.0.1:0"])
            .args(["--p2p-listen", &address, "--data", &data]);
        command
    };
    // Killed when the state is there, and CometBFT knows of no block that goes on from it.
    let mut killed = node()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let restoring = Path::new(&data).join("registry.restoring");
    for is_there in [true, false] {
        let since = Instant::now();
        while restoring.exists() != is_there {
            assert!(since.elapsed() < PATIENCE, "no snapshot is taken");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let fifth = Stack::spawn(node());
    until("it has the oldest DID", || resolves(&fifth, &oldest));
    until("it says that it executed no block of before", || {
        fifth.get("/v1/blocks/1").status == 410
    });
    let written = consortium.write(2);
    until("it follows", || resolves(&fifth, &written));
    let top = height(&fifth);
    until("all have its last block", || {
        height(&consortium.nodes[3]) >= top && fifth.get(&format!("/v1/blocks/{top}")).status == 200
    });
    let block = |node: &Remote| node.get(&format!("/v1/blocks/{top}")).json();
    assert_eq!(block(&fifth), block(&consortium.nodes[3]));
}

#[test]
fn says_how_to_get_cometbft_where_it_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(binary())
        .args(["localnet", "--data"])
        .arg(folder.path().join("consortium"))
        .env_clear()
        .env("PATH", folder.path())
        .env("HOME", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("go install github.com/cometbft/cometbft/cmd/cometbft@v0.38."),
        "{text}"
    );
    assert!(!folder.path().join("consortium").exists());
}
