//! A process is killed in the middle of a stream of writes; nothing that it answered is lost, nothing is half-applied.
//!
//! The test runs itself again as the process to be killed. `CHOP_KILLS` says how often; 10 times when it does not.
#![expect(clippy::unwrap_used, reason = "a test's assertions")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chop_did::{Document, Relationship};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PrivateKey, Signer};
use chop_node::engine::{Solo, SoloConfig};
use chop_node::store::DiskLimit;
use chop_proof::{Freshness, verify_inclusion};
use chop_protocol::{
    Action, AnchorCredential, Envelope, GenesisTerms, GenesisValidator, LedgerGenesis, Nonce,
    Parameters, SignedEnvelope, keys,
};
use serde_json::json;

const FOUNDED_MS: i64 = 1_793_491_200_000;
const CHILD: &str = "CHOP_KILL_CHILD";
const SUBMITTERS: u64 = 8;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap()
}

fn genesis() -> LedgerGenesis {
    let document = Document::empty()
        .with_key(
            "#key-1",
            key(2).public_key(),
            &[Relationship::CapabilityInvocation],
        )
        .unwrap();
    LedgerGenesis::try_from(GenesisTerms {
        chain_version: chop_protocol::genesis::CHAIN_VERSION,
        time: Timestamp::from_unix_ms(FOUNDED_MS),
        nonce: Nonce::new([0; 16]),
        validators: vec![GenesisValidator {
            public_key: key(1).public_key().clone(),
            power: 1,
        }],
        parameters: Parameters::default(),
        consortium: None,
        founders: vec![json!({
            "class": "service",
            "updateKeys": [key(3).public_key().multikey()],
            "threshold": 1,
            "document": document,
            "nonce": "00000000000000000000000000000000",
        })],
    })
    .unwrap()
}

/// A ledger whose clock runs ten minutes per run ahead of the founding, so that header time never leads it.
fn open(folder: &Path, run: u64, replay: bool) -> Solo {
    let started = std::time::Instant::now();
    let opened_ms = FOUNDED_MS + i64::try_from(run).unwrap() * 600_000;
    Solo::open(SoloConfig {
        path: folder.join("ledger.redb"),
        genesis: genesis(),
        signer: Arc::new(key(1)),
        clock: Arc::new(move || opened_ms + i64::try_from(started.elapsed().as_millis()).unwrap()),
        queue: 1_024,
        heartbeat: None,
        limit: Arc::new(DiskLimit::none()),
        keep_blocks: None,
        replay,
    })
    .unwrap()
}

fn digest(n: u64) -> Hash {
    Hash::of("test", &n.to_be_bytes())
}

fn envelope(genesis: &LedgerGenesis, n: u64) -> SignedEnvelope {
    let founder = genesis.founders().first().unwrap().did();
    let mut nonce = [0; 16];
    nonce
        .iter_mut()
        .zip(n.to_be_bytes())
        .for_each(|(to, from)| *to = from);
    Envelope {
        ledger: genesis.id(),
        actor: founder,
        sponsor: founder,
        nonce: Nonce::new(nonce),
        valid_until: Timestamp::from_unix_ms(FOUNDED_MS + 80_000_000),
        actions: vec![Action::Anchor(AnchorCredential {
            digest: digest(n),
            credential_type: None,
            subject: None,
        })],
    }
    .sign(&[&key(2)])
    .unwrap()
}

/// Submits without end from several tasks and prints the number of every envelope that was answered.
fn be_killed(folder: &Path, run: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let solo = open(folder, run, false);
    let genesis = Arc::new(genesis());
    let step = usize::try_from(SUBMITTERS).unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..SUBMITTERS)
            .map(|task| {
                let (solo, genesis) = (solo.clone(), Arc::clone(&genesis));
                tokio::spawn(async move {
                    for n in (run * 1_000_000 + task..).step_by(step) {
                        assert!(
                            solo.submit(envelope(&genesis, n))
                                .await
                                .unwrap()
                                .is_committed()
                        );
                        // One write per line, so that a line is whole or not there.
                        std::io::stdout()
                            .write_all(format!("answered {n}\n").as_bytes())
                            .unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn a_killed_process_keeps_everything_that_it_answered() {
    if let Ok(child) = std::env::var(CHILD) {
        let (run, folder) = child.split_once(' ').unwrap();
        be_killed(Path::new(folder), run.parse().unwrap());
        return;
    }
    let kills: u64 = std::env::var("CHOP_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(10);
    let folder = tempfile::tempdir().unwrap();
    let genesis = genesis();
    let mut answered = Vec::new();
    for run in 0..kills {
        answered.extend(run_and_kill(folder.path(), run));
        let started = std::time::Instant::now();
        drop(open(folder.path(), run, false));
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "opening took {:?}",
            started.elapsed()
        );
        // Replays every block from genesis: nothing is half-applied.
        let solo = open(folder.path(), run, true);
        let view = solo.view();
        for n in &answered {
            let outcome = view.outcome(&envelope(&genesis, *n).hash()).unwrap();
            assert!(
                outcome.is_some_and(|outcome| outcome.is_committed()),
                "envelope {n} was answered and is lost"
            );
        }
        let last = keys::anchor(&digest(*answered.last().unwrap()));
        let read = view.read(&last).unwrap();
        let freshness = Freshness::at_any_age(i64::MAX);
        verify_inclusion(
            solo.trust_root(),
            &read.proof,
            &last,
            &read.value.unwrap(),
            &freshness,
        )
        .unwrap();
    }
    assert!(
        answered.len() as u64 > kills,
        "{} answers in {kills} runs",
        answered.len()
    );
}

/// Runs this test as a child, kills it after some answers, and gives back which were answered.
fn run_and_kill(folder: &Path, run: u64) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "a_killed_process_keeps_everything_that_it_answered",
        ])
        .env(CHILD, format!("{run} {}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // Somewhere between the first and the two hundredth answer, at another place each time.
    let until = 1 + run * 7_919 % 200;
    let mut answered = Vec::new();
    for line in lines {
        let Ok(line) = line else { break };
        if let Some(n) = line.strip_prefix("answered ") {
            answered.push(n.parse().unwrap());
            if answered.len() as u64 == until {
                // SIGKILL; what the child still printed before it died was answered too.
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    assert!(
        answered.len() as u64 >= until,
        "the child died by itself after {} answers",
        answered.len()
    );
    answered
}
