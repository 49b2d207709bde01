//! What was acknowledged survives a power cut, whole.

use crate::support::party::Party;
use crate::support::stack::{self, Stack};
use chop_did::ChopDid;
use chop_node::engine::{Sealed, verify_replay};
use chop_node::store::{DiskLimit, Store};
use chop_protocol::LedgerGenesis;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Rounds of kill and restart, unless `CHOPMARK_KILL_ROUNDS` says otherwise.
const ROUNDS: usize = 10;
/// Clients that write at the same time.
const WRITERS: usize = 4;
/// DIDs that one envelope creates, all or none.
const PRODUCTS: usize = 4;

/// An envelope that was sent.
struct Sent {
    dids: Vec<ChopDid>,
    /// The transaction hash, if the answer was 201.
    committed: Option<String>,
}

#[test]
fn loses_nothing_that_was_answered_201_when_killed_at_any_moment() {
    let rounds = std::env::var("CHOPMARK_KILL_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(ROUNDS);
    let data = tempfile::tempdir().unwrap();
    let mut stack = Stack::start(data.path());
    let party = Party::create(&stack);
    let mut sent = Vec::new();
    for round in 0..rounds {
        let (killed_stack, writes) = write_until_killed(stack, &party);
        killed_stack.kill();
        stack = Stack::start(data.path());
        check(&stack, &writes, round);
        sent.extend(writes);
    }
    check(&stack, &sent, rounds);
    let acknowledged = sent.iter().filter(|s| s.committed.is_some()).count();
    assert!(
        acknowledged > rounds,
        "only {acknowledged} writes were acknowledged in {rounds} rounds"
    );
    replay(stack, data.path());
}

/// Lets every writer write until a random moment, and returns while they are in the middle of it.
fn write_until_killed(stack: Stack, party: &Party) -> (Stack, Vec<Sent>) {
    let sent = Mutex::new(Vec::new());
    let moment = Duration::from_millis(
        100 + u64::from(u16::from_le_bytes(chop_http::random::bytes())) % 700,
    );
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                // The process is gone when a request fails.
                loop {
                    let (envelope, dids) = party.create_products(PRODUCTS);
                    let answer = stack.try_post("/v1/transactions", &envelope);
                    let committed = match &answer {
                        Ok(answer) if answer.status == 201 => {
                            answer.json()["hash"].as_str().map(str::to_owned)
                        }
                        _ => None,
                    };
                    sent.lock().unwrap().push(Sent { dids, committed });
                    if answer.is_err() {
                        return;
                    }
                }
            });
        }
        // A random moment is what is tested here; nothing depends on its length.
        std::thread::sleep(moment);
        stack::signal(stack.pid(), "KILL");
    });
    (stack, sent.into_inner().unwrap())
}

/// Checks that what was answered 201 is there and that nothing is there by half.
fn check(stack: &Stack, sent: &[Sent], round: usize) {
    for write in sent {
        let found = write
            .dids
            .iter()
            .filter(|did| stack.get(&format!("/1.0/identifiers/{did}")).status == 200)
            .count();
        assert!(
            found == 0 || found == PRODUCTS,
            "round {round}: {found} of {PRODUCTS} actions took effect"
        );
        if let Some(hash) = &write.committed {
            assert_eq!(
                found, PRODUCTS,
                "round {round}: {hash} was answered 201 and is lost"
            );
            let transaction = stack.get(&format!("/v1/transactions/{hash}"));
            assert_eq!(
                transaction.json()["status"],
                "committed",
                "round {round}: {hash}"
            );
        }
    }
}

/// Recomputes the ledger from its genesis and its blocks, and compares the root with the one that the node shows.
fn replay(stack: Stack, data: &Path) {
    let genesis = LedgerGenesis::parse(&stack.get("/v1/genesis").body).unwrap();
    let status = stack.get("/v1/status").json();
    assert!(stack.terminate().0.success());
    let store = Store::open(&data.join("registry.redb"), Arc::new(DiskLimit::none())).unwrap();
    let replayed = verify_replay(&store.snapshot().unwrap(), &genesis, Sealed::BySolo).unwrap();
    assert_eq!(
        data_encoding::HEXLOWER.encode(&replayed.root),
        status["app_hash"].as_str().unwrap().to_lowercase()
    );
}
