//! One validator on a real CometBFT: its headers, hashes and proofs are the ones that the formats promise.

#![expect(
    clippy::unwrap_used,
    reason = "what the helpers of a test cannot do is a failure of the test"
)]

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use chop_client::Resolver;
use chop_did::{Document, Relationship};
use chop_http::outbound::Settings;
use chop_http::{AdminToken, Guarded, Metrics};
use chop_integrity::{Hash, Timestamp};
use chop_keys::{KeyType, PrivateKey, Signer as _};
use chop_node::engine::comet::{Binary, Peering, SnapshotConfig};
use chop_node::engine::{Comet, CometConfig, Engine, Health, SubmitError};
use chop_node::projection::{Place, Projection};
use chop_node::store::DiskLimit;
use chop_node::{MemberDoor, NodeApp, Operator, member_router};
use chop_proof::hashes::{data_hash, last_commit_hash, results_hash};
use chop_proof::{Freshness, TrustedHeader, verify_absence, verify_header, verify_inclusion};
use chop_protocol::{
    Action, AnchorCredential, Envelope, GenesisTerms, GenesisValidator, LedgerGenesis, Nonce,
    Parameters, SignedEnvelope, keys,
};
use serde_json::json;
use tower::ServiceExt as _;

fn key(seed: u8) -> Arc<PrivateKey> {
    Arc::new(PrivateKey::from_seed(KeyType::Ed25519, &[seed; 32]).unwrap())
}

fn genesis() -> LedgerGenesis {
    let relationships = [
        Relationship::CapabilityInvocation,
        Relationship::AssertionMethod,
    ];
    let document = Document::empty()
        .with_key("#key-1", key(2).public_key(), &relationships)
        .unwrap();
    LedgerGenesis::try_from(GenesisTerms {
        chain_version: chop_protocol::genesis::CHAIN_VERSION,
        time: Timestamp::from_unix_ms(chop_http::clock::now_ms()),
        nonce: Nonce::new([7; 16]),
        validators: vec![GenesisValidator {
            public_key: key(1).public_key().clone(),
            power: 1,
        }],
        parameters: Parameters {
            heartbeat_ms: 1_000,
            ..Parameters::default()
        },
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

/// Its clock is so many milliseconds `fast`. `None` where there is no CometBFT, which is an error in CI.
fn open(folder: &Path, genesis: &LedgerGenesis, fast: &Arc<AtomicI64>) -> Option<Comet> {
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            // Past the harness, which shows what passing tests print to nobody.
            let _ = writeln!(
                std::io::stderr(),
                "\n*** THE COMETBFT ENGINE IS NOT TESTED: {error}\n"
            );
            return None;
        }
    };
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let fast = Arc::clone(fast);
    let comet = Comet::open(CometConfig {
        path: folder.join("registry.redb"),
        home: folder.join("cometbft"),
        binary,
        genesis: genesis.clone(),
        validator: key(1),
        used_keys: folder.join("used-keys"),
        node: key(4),
        peering: Peering {
            members: std::collections::BTreeMap::new(),
            members_only: false,
            listen,
            external: None,
            peers: Vec::new(),
        },
        clock: Arc::new(move || chop_http::clock::now_ms() + fast.load(Ordering::SeqCst)),
        queue: 64,
        bundle: 16,
        limit: Arc::new(DiskLimit::none()),
        snapshots: SnapshotConfig {
            folder: folder.join("snapshots"),
            interval: 0,
        },
        keep_blocks: None,
        sync: None,
        promotion: None,
    });
    Some(comet.unwrap())
}

fn anchor(genesis: &LedgerGenesis, n: u8, signer: &PrivateKey) -> (SignedEnvelope, String) {
    let digest = Hash::of("test", &[n]);
    let actor = genesis.founders().first().unwrap().did();
    let envelope = Envelope {
        ledger: genesis.id(),
        actor,
        sponsor: actor,
        nonce: Nonce::new([n; 16]),
        valid_until: Timestamp::from_unix_ms(chop_http::clock::now_ms()).plus_ms(600_000),
        actions: vec![Action::Anchor(AnchorCredential {
            digest,
            credential_type: None,
            subject: None,
        })],
    };
    (envelope.sign(&[signer]).unwrap(), keys::anchor(&digest))
}

fn fresh() -> Freshness {
    Freshness::within(chop_http::clock::now_ms(), 300_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_cometbft_yields_the_headers_hashes_and_proofs_that_the_light_client_checks() {
    let folder = tempfile::tempdir().unwrap();
    let genesis = genesis();
    let fast = Arc::new(AtomicI64::new(0));
    let Some(comet) = open(folder.path(), &genesis, &fast) else {
        return;
    };
    assert!(comet.until_ready().await);
    assert_eq!(comet.health(), Health::Ready);

    // A bundle and a single envelope, and a refusal among them.
    let mut writing = Vec::new();
    for n in 0..6 {
        let (comet, (envelope, _)) = (comet.clone(), anchor(&genesis, n, &key(2)));
        writing.push(tokio::spawn(async move { comet.submit(envelope).await }));
    }
    let mut last = 0;
    for writing in writing {
        let outcome = writing.await.unwrap().unwrap();
        assert!(outcome.is_committed(), "{outcome:?}");
        last = last.max(outcome.height);
    }
    let (stranger, absent) = anchor(&genesis, 9, &key(9));
    let refused = comet.submit(stranger).await.unwrap_err();
    assert!(
        matches!(refused, SubmitError::NotAdmitted { .. }),
        "{refused:?}"
    );

    let root = comet.trust_root();
    for n in 0..6 {
        let (_, key) = anchor(&genesis, n, &key(2));
        let read = comet.proven_view(&key).await.read(&key).unwrap();
        let value = read.value.unwrap();
        let header = verify_inclusion(root, &read.proof, &key, &value, &fresh()).unwrap();
        assert_eq!((header.validators, header.signed), (1, 1));
    }
    let read = comet.proven_view(&absent).await.read(&absent).unwrap();
    assert_eq!(read.value, None);
    verify_absence(root, &read.proof, &absent, &fresh()).unwrap();

    compare_headers(&comet, last);
    follow(&comet, last).await;
    heartbeats(&comet).await;
    members(folder.path(), &comet, &fast).await;
    comet.stop();
    assert_eq!(comet.health(), Health::Stopped);
    come_back(folder.path(), &genesis, &comet).await;
}

/// Computes every hash of every header up to one height from what this node recorded.
fn compare_headers(comet: &Comet, last: u64) {
    let view = comet.view();
    let mut previous: Option<chop_node::store::BlockRecord> = None;
    let mut with_results = 0;
    for height in 1..=last {
        let record = view.snapshot().block(height).unwrap().unwrap();
        let signed = record.decode_header().unwrap();
        let header = &signed.header;
        assert_eq!(header.height.value(), height);
        assert_eq!(header.data_hash, Some(data_hash(&record.txs)), "{height}");
        let (before, results) = match &previous {
            Some(before) => (Some(before.decode_header().unwrap()), before.tx_results()),
            None => (None, Vec::new()),
        };
        // A commit that was seen may have other signatures than the one that went into the next block; with one
        // validator it is the same.
        let commit = before.as_ref().map(|before| &before.commit);
        assert_eq!(
            header.last_commit_hash,
            Some(last_commit_hash(commit)),
            "{height}"
        );
        assert_eq!(
            header.last_results_hash,
            Some(results_hash(&results)),
            "{height}"
        );
        if let Some(before) = &previous {
            assert_eq!(header.app_hash.as_bytes(), before.root, "{height}");
            with_results += before.results.len();
        }
        let proof = chop_proof::StateProof::new(
            signed.clone(),
            comet.trust_root().validators(),
            Vec::new(),
        );
        verify_header(comet.trust_root(), &proof, &fresh()).unwrap();
        previous = Some(record);
    }
    assert!(previous.is_some_and(|record| !record.results.is_empty()) || with_results > 0);
}

/// A light client walks from the first header to the last.
async fn follow(comet: &Comet, last: u64) {
    let engine = Engine::from(comet.clone());
    let view = engine.view();
    let mut trusted: Option<TrustedHeader> = None;
    for height in 1..=last {
        let block = engine.light_block(&view, height).await.unwrap().unwrap();
        trusted = Some(match trusted {
            None => TrustedHeader::first(comet.trust_root(), &block).unwrap(),
            Some(trusted) => {
                let now = chop_http::clock::now_ms();
                trusted
                    .advance(&block, now, Duration::from_hours(24))
                    .unwrap()
            }
        });
    }
    assert_eq!(trusted.map(|trusted| trusted.height()), Some(last));
    assert!(
        engine
            .light_block(&view, last + 1_000)
            .await
            .unwrap()
            .is_none()
    );
}

/// Blocks come while nobody writes, and none but these.
async fn heartbeats(comet: &Comet) {
    let before = comet.head().height;
    tokio::time::timeout(Duration::from_secs(20), async {
        while comet.head().height < before + 4 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    let view = comet.view();
    let times: Vec<i64> = (before + 3..=before + 4)
        .map(|height| {
            let record = view.snapshot().block(height).unwrap().unwrap();
            assert!(record.txs.is_empty());
            chop_proof::build::time_ms(&record.decode_header().unwrap().header)
        })
        .collect();
    // A header's time is that of the votes for the block before, so the second heartbeat and the third lie a period apart.
    let apart = times.last().unwrap() - times.first().unwrap();
    assert!(
        (900..10_000).contains(&apart),
        "{apart} ms between two heartbeats"
    );
}

/// By a clock that says that newer blocks are missing here, nobody is told anything on the member API.
async fn members(folder: &Path, comet: &Comet, fast: &AtomicI64) {
    let view = comet.view();
    let place = Place::file(folder.join("projection.sqlite"));
    let projection = Projection::open(&place, comet.genesis().id(), view.snapshot())
        .await
        .unwrap();
    let operator = Operator {
        did: comet.genesis().founders().first().unwrap().did(),
        signer: key(2),
    };
    let resolver = Resolver::new(Guarded::new(Settings::default()).unwrap());
    let token = AdminToken::required("a token");
    let app = NodeApp::new(
        comet.clone(),
        operator,
        token,
        Arc::new(resolver),
        projection,
    );
    let router = member_router(app, MemberDoor::new(comet.clone()), Metrics::new());
    let mut said = Vec::new();
    for ahead_ms in [0, 3_600_000, 0] {
        fast.store(ahead_ms, Ordering::SeqCst);
        let request = Request::get("/v1/member").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        said.push(answer.status().as_u16());
    }
    assert_eq!(said, [403, 503, 403]);
}

/// Stopped and started again, it has everything and goes on.
async fn come_back(folder: &Path, genesis: &LedgerGenesis, before: &Comet) {
    let head = before.head();
    let copy = folder.join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(folder.join("registry.redb"), copy.join("registry.redb")).unwrap();
    std::process::Command::new("cp")
        .arg("-r")
        .arg(folder.join("cometbft"))
        .arg(copy.join("cometbft"))
        .status()
        .unwrap();
    let again = open(&copy, genesis, &Arc::default()).unwrap();
    assert!(again.until_ready().await);
    assert!(again.head().height >= head.height);
    let (envelope, key) = anchor(genesis, 100, &key(2));
    assert!(again.submit(envelope).await.unwrap().is_committed());
    let read = again.proven_view(&key).await.read(&key).unwrap();
    let value = read.value.unwrap();
    verify_inclusion(again.trust_root(), &read.proof, &key, &value, &fresh()).unwrap();
}
