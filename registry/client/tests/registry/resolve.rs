//! Resolution against a real ledger, with honest and dishonest registries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::ledger::{Party, TestLedger, document, method};
use chop_client::{Proven, Reading, Registry, ResolveOptions, Resolver};
use chop_did::build::{self, GenesisDraft};
use chop_did::resolution::{ErrorKind, Selector};
use chop_did::{ChopDid, Class, Did};
use chop_http::Guarded;
use chop_http::outbound::Settings;
use chop_integrity::Timestamp;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use chop_proof::TrustRoot;
use chop_protocol::http::LogEntry;
use serde_json::json;

const START: i64 = 1_795_000_000_000;
const HOUR: i64 = 3_600_000;

fn reading(registry: Arc<dyn Registry>) -> Resolver {
    Resolver::new(Guarded::new(Settings::default()).unwrap()).with_registry(registry)
}

fn at(ms: i64) -> ResolveOptions {
    ResolveOptions {
        selector: Selector::Time(Timestamp::from_unix_ms(ms)),
        proof: true,
        ..ResolveOptions::default()
    }
}

/// A laboratory that takes up a second key an hour after its founding.
fn rotated() -> (Arc<TestLedger>, Party) {
    let ledger = TestLedger::found(START);
    let lab = ledger.create();
    ledger.at(START + HOUR);
    let second = PrivateKey::from_seed(KeyType::Ed25519, &[9; 32]).unwrap();
    let methods = json!([
        method("#key-1", lab.key.public_key()),
        method("#key-2", second.public_key())
    ]);
    ledger.rewrite(&lab, &document(&methods));
    (Arc::new(ledger), lab)
}

#[tokio::test]
async fn resolves_the_current_and_the_earlier_version_with_proofs() {
    let (ledger, lab) = rotated();
    let asked = reading(ledger);
    let did = lab.did.to_did();
    let now = asked
        .resolve(
            &did,
            &ResolveOptions {
                proof: true,
                ..ResolveOptions::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(
        now.document.as_ref().unwrap()["verificationMethod"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(now.metadata.proof.len(), 1);
    let before = asked.resolve(&did, &at(START + HOUR / 2)).await.unwrap();
    assert_eq!(
        before.document.as_ref().unwrap()["verificationMethod"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(before.metadata.next_version_id, now.metadata.version_id);
    assert_eq!(before.metadata.proof.len(), 3);
    let id = before.metadata.version_id.clone().unwrap();
    let by_id = ResolveOptions {
        selector: Selector::Id(id),
        proof: true,
        ..ResolveOptions::default()
    };
    assert_eq!(
        asked.resolve(&did, &by_id).await.unwrap().document,
        before.document
    );
}

#[tokio::test]
async fn tells_when_a_key_entered_the_document() {
    let (ledger, lab) = rotated();
    let asked = reading(ledger);
    let added = |fragment: &str| format!("{}#{fragment}", lab.did);
    let first = asked
        .key_added(&lab.did, &added("key-1"))
        .await
        .unwrap()
        .unwrap();
    let second = asked
        .key_added(&lab.did, &added("key-2"))
        .await
        .unwrap()
        .unwrap();
    assert!(first.unix_ms() < START + HOUR && second.unix_ms() >= START + HOUR);
    assert_eq!(
        asked.key_added(&lab.did, &added("key-3")).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn names_what_is_not_there() {
    let (ledger, lab) = rotated();
    let kind = async |asked: &Resolver, did: &Did, options: &ResolveOptions| {
        asked.resolve(did, options).await.unwrap_err().kind()
    };
    let asked = reading(Arc::clone(&ledger) as Arc<dyn Registry>);
    let did = lab.did.to_did();
    assert_eq!(
        kind(&asked, &did, &at(START - 1)).await,
        ErrorKind::NotFound
    );
    let unknown = ResolveOptions {
        selector: Selector::Id("0-nothing".into()),
        ..ResolveOptions::default()
    };
    assert_eq!(
        kind(&asked, &did, &unknown).await,
        ErrorKind::InvalidOptions
    );
    let elsewhere = TestLedger::found(START + 1).operator().did.to_did();
    assert_eq!(
        kind(&asked, &elsewhere, &ResolveOptions::default()).await,
        ErrorKind::LedgerNotSupported
    );
    let absent = ChopDid::new(
        lab.did.ledger(),
        TestLedger::found(START + 1).operator().did.scid(),
    )
    .to_did();
    assert_eq!(
        kind(&asked, &absent, &ResolveOptions::default()).await,
        ErrorKind::NotFound
    );
    for (text, expected) in [
        ("did:example:123", ErrorKind::InvalidDid),
        ("did:unheardof:123", ErrorKind::MethodNotSupported),
        ("did:web:localhost", ErrorKind::InvalidDid),
        ("did:web:127.0.0.1", ErrorKind::InvalidDid),
    ] {
        let outcome = kind(
            &asked,
            &Did::parse(text).unwrap(),
            &ResolveOptions::default(),
        )
        .await;
        assert_eq!(outcome, expected, "{text}");
    }
}

#[tokio::test]
async fn a_deactivated_did_has_no_document_but_a_past() {
    let ledger = TestLedger::found(START);
    let lab = ledger.create();
    ledger.at(START + HOUR);
    ledger.deactivate(&lab);
    let asked = reading(Arc::new(ledger));
    let now = asked
        .resolve(&lab.did.to_did(), &ResolveOptions::default())
        .await
        .unwrap();
    assert_eq!((now.document, now.metadata.deactivated), (None, Some(true)));
    let (_, ended) = asked.last_document(&lab.did).await.unwrap();
    assert!(ended.unwrap().unix_ms() >= START + HOUR);
    assert!(
        asked
            .resolve(&lab.did.to_did(), &at(START + HOUR / 2))
            .await
            .unwrap()
            .document
            .is_some()
    );
}

/// A registry that proves its values and lies about its logs.
struct Liar<F>(Arc<TestLedger>, F);

impl<F: Fn(&mut Vec<LogEntry>) + Send + Sync> Registry for Liar<F> {
    fn trust_root(&self) -> &TrustRoot {
        self.0.trust_root()
    }

    fn read<'a>(&'a self, key: &'a str) -> Reading<'a, Proven<Option<Vec<u8>>>> {
        self.0.read(key)
    }

    fn log<'a>(&'a self, did: &'a ChopDid, from: u64, most: usize) -> Reading<'a, Vec<LogEntry>> {
        Box::pin(async move {
            let mut log = self.0.log(did, 0, usize::MAX).await?;
            (self.1)(&mut log);
            let from = usize::try_from(from).unwrap();
            Ok(log.into_iter().skip(from).take(most).collect())
        })
    }
}

#[tokio::test]
async fn refuses_a_log_that_is_not_the_recorded_one() {
    let (ledger, lab) = rotated();
    let lies: [fn(&mut Vec<LogEntry>); 4] = [
        Vec::clear,
        |log| log.swap(0, 1),
        |log| log.insert(0, log[0].clone()),
        |log| {
            let methods = &mut log[0].operation["genesis"]["document"]["verificationMethod"];
            methods[0]["id"] = json!("#other");
        },
    ];
    for (index, lie) in lies.into_iter().enumerate() {
        let asked = reading(Arc::new(Liar(Arc::clone(&ledger), lie)));
        let outcome = asked
            .resolve(&lab.did.to_did(), &at(START + HOUR / 2))
            .await;
        // A log that repeats its first entry still shows the recorded version; anything else is refused.
        match index {
            2 => assert!(outcome.is_ok(), "{outcome:?}"),
            _ => assert_eq!(
                outcome.unwrap_err().kind(),
                ErrorKind::InvalidDidDocument,
                "lie {index}"
            ),
        }
    }
}

#[tokio::test]
async fn resolves_a_founder_at_its_first_version() {
    let ledger = TestLedger::found(START);
    let operator = ledger.operator();
    let asked = reading(Arc::new(ledger));
    let resolved = asked
        .resolve(&operator.did.to_did(), &at(START + 1))
        .await
        .unwrap();
    assert_eq!(resolved.document.unwrap()["id"], operator.did.to_string());
}

/// A registry that gives two operations at once, and counts those that it gave.
struct Sparing(TestLedger, AtomicUsize);

impl Sparing {
    fn over(ledger: TestLedger) -> Arc<Self> {
        Arc::new(Self(ledger, AtomicUsize::new(0)))
    }

    fn given(&self) -> usize {
        self.1.swap(0, Ordering::SeqCst)
    }
}

impl Registry for Sparing {
    fn trust_root(&self) -> &TrustRoot {
        self.0.trust_root()
    }

    fn read<'a>(&'a self, key: &'a str) -> Reading<'a, Proven<Option<Vec<u8>>>> {
        self.0.read(key)
    }

    fn log<'a>(&'a self, did: &'a ChopDid, from: u64, most: usize) -> Reading<'a, Vec<LogEntry>> {
        Box::pin(async move {
            let log = self.0.log(did, from, most.min(2)).await?;
            self.1.fetch_add(log.len(), Ordering::SeqCst);
            Ok(log)
        })
    }
}

/// Changes the document of a DID so often, an hour after each other; the second half has another key.
fn rewritten(ledger: &TestLedger, lab: &Party, times: u8) {
    let second = PrivateKey::from_seed(KeyType::Ed25519, &[9; 32]).unwrap();
    let one = json!([method("#key-1", lab.key.public_key())]);
    let both = json!([
        method("#key-1", lab.key.public_key()),
        method("#key-2", second.public_key())
    ]);
    for n in 1..=times {
        ledger.at(START + i64::from(n) * HOUR);
        let methods = if n > times / 2 { &both } else { &one };
        let update = build::update(&ledger.did_state(&lab.did), &document(methods));
        ledger.operate(lab, update.signed_by(&[&lab.update]).unwrap());
    }
}

#[tokio::test]
async fn a_version_of_a_did_with_keys_of_its_own_takes_the_one_operation_that_made_it() {
    let ledger = TestLedger::found(START);
    let lab = ledger.create();
    rewritten(&ledger, &lab, 20);
    let ledger = Sparing::over(ledger);
    let asked = reading(Arc::clone(&ledger) as Arc<dyn Registry>);
    for (version, keys) in [(19, 2), (10, 1), (0, 1)] {
        let time = START + version * HOUR + HOUR / 2;
        let found = asked.resolve(&lab.did.to_did(), &at(time)).await.unwrap();
        let methods = &found.document.unwrap()["verificationMethod"];
        assert_eq!(methods.as_array().unwrap().len(), keys, "version {version}");
        assert_eq!(ledger.given(), 1, "version {version}");
    }
    let entered = asked
        .key_added(&lab.did, &format!("{}#key-2", lab.did))
        .await
        .unwrap();
    assert!(entered.unwrap().unix_ms() >= START + 11 * HOUR);
    assert!(entered.unwrap().unix_ms() < START + 12 * HOUR);
    assert!(ledger.given() <= 6);
    let log = chop_client::ledger::operations(&*ledger, &lab.did, 3..=20).await;
    assert_eq!(log.unwrap().len(), 18);
    let beyond = chop_client::ledger::operations(&*ledger, &lab.did, 0..=21).await;
    assert!(beyond.is_err());
}

#[tokio::test]
async fn an_earlier_version_has_the_controller_that_it_had_then() {
    let ledger = TestLedger::found(START);
    let (maker, buyer) = (ledger.create(), ledger.create());
    let genesis = GenesisDraft::controlled(Class::Product, maker.did, [7; 16])
        .build(&ledger.genesis_id())
        .unwrap();
    let item = genesis.did();
    let create = build::create(&genesis).signed_by(&[&maker.key]).unwrap();
    ledger.operate(&maker, create);
    for n in 1..=9_i64 {
        ledger.at(START + n * HOUR);
        let state = ledger.did_state(&item);
        if n == 6 {
            let transfer = build::transfer(&state, state.document(), &buyer.did);
            let transfer = transfer.signed_by(&[&maker.key, &buyer.key]).unwrap();
            ledger.operate(&buyer, transfer);
        } else {
            let owner = if n < 6 { &maker } else { &buyer };
            let update = build::update(&state, state.document());
            ledger.operate(owner, update.signed_by(&[&owner.key]).unwrap());
        }
    }
    let ledger = Sparing::over(ledger);
    let asked = reading(Arc::clone(&ledger) as Arc<dyn Registry>);
    for (version, controller, most) in [(5, &maker, 6), (6, &buyer, 1), (8, &buyer, 9)] {
        let time = START + version * HOUR + HOUR / 2;
        let found = asked.resolve(&item.to_did(), &at(time)).await.unwrap();
        let document = found.document.unwrap();
        assert_eq!(
            document["controller"],
            controller.did.to_string(),
            "{version}"
        );
        assert!(ledger.given() <= most, "version {version}");
    }
}
