//! Offline bundles: made from a real ledger, resolved without it, and refused when anything in them is changed.
//!
//! The golden files under `conformance/vectors/{valid,invalid}/did-bundle/` are made here; `CHOP_WRITE_VECTORS=1` writes them.

use std::sync::Arc;

use chop_client::{BundleRefusal, BundleRegistry, Registry as _, ResolveOptions, Resolver};
use chop_did::resolution::Selector;
use chop_did::{ChopDid, Did};
use chop_http::Guarded;
use chop_http::outbound::Settings;
use chop_integrity::Timestamp;
use chop_keys::Signer as _;
use chop_proof::TrustRoot;
use chop_protocol::bundle::{BundleKind, DidBundle};
use chop_protocol::keys;
use serde_json::{Value, json};

use crate::items::Crates;
use crate::ledger::{Party, TestLedger, document, method};
use crate::signatures::altered_proofs;
use crate::vectors;

pub(crate) const START: i64 = 1_795_000_000_000;
const HOUR: i64 = 3_600_000;
/// Three years later.
pub(crate) const NOW: i64 = START + 3 * 365 * 24 * HOUR;

/// A laboratory with two versions.
fn rotated() -> (TestLedger, Party) {
    let ledger = TestLedger::found(START);
    let lab = ledger.create();
    ledger.at(START + HOUR);
    let methods = json!([
        method("#key-1", lab.key.public_key()),
        method("#key-2", lab.next.public_key())
    ]);
    ledger.rewrite(&lab, &document(&methods));
    (ledger, lab)
}

/// Everything about a DID under the ledger's last header.
pub(crate) async fn bundle_of(ledger: &TestLedger, did: &ChopDid, versions: u64) -> DidBundle {
    let mut wanted = vec![keys::did(&did.scid())];
    let item = ledger.item(did).await.unwrap();
    if let Some(item) = &item {
        wanted.extend([
            keys::batch(&item.proof.batch),
            item.segment.clone(),
            keys::claim(&did.scid()),
        ]);
    }
    if versions > 0 {
        wanted.extend((0..=versions).map(|seq| keys::did_version(&did.scid(), seq)));
    }
    DidBundle {
        kind: BundleKind::Did,
        did: *did,
        item: item.map(Box::new),
        log: ledger.log(did, 0, usize::MAX).await.unwrap(),
        evidence: ledger.evidence(wanted).await,
    }
}

pub(crate) fn open(bundle: &DidBundle, root: &TrustRoot) -> Result<BundleRegistry, BundleRefusal> {
    BundleRegistry::open(bundle.clone(), root.clone(), NOW)
}

fn resolver(opened: BundleRegistry) -> Resolver {
    Resolver::new(Guarded::new(Settings::default()).unwrap()).with_registry(Arc::new(opened))
}

/// A bundle gives the very answer that the ledger gives, with its proof.
async fn assert_alike(offline: &Resolver, online: &Resolver, did: &Did, selector: Selector) {
    let options = ResolveOptions {
        selector,
        proof: true,
        ..ResolveOptions::default()
    };
    assert_eq!(
        offline.resolve(did, &options).await.unwrap(),
        online.resolve(did, &options).await.unwrap()
    );
}

#[tokio::test]
async fn resolves_every_version_without_the_ledger() {
    let (ledger, lab) = rotated();
    let bundle = bundle_of(&ledger, &lab.did, 2).await;
    let bytes = serde_json::to_vec(&bundle).unwrap();
    let read = DidBundle::parse(&bytes).unwrap();
    assert_eq!(read, bundle);
    let opened = open(&read, ledger.trust_root()).unwrap();
    assert_eq!(opened.verified().header.validators, 1);
    let offline = resolver(opened);
    let online =
        Resolver::new(Guarded::new(Settings::default()).unwrap()).with_registry(Arc::new(ledger));
    let did: Did = lab.did.to_did();
    for selector in [
        Selector::Latest,
        Selector::Time(Timestamp::from_unix_ms(START + HOUR / 2)),
    ] {
        assert_alike(&offline, &online, &did, selector).await;
    }
}

#[tokio::test]
async fn resolves_items_with_and_without_a_state_of_their_own() {
    let ledger = TestLedger::found(START);
    let crates = Crates::register(&ledger);
    crates.void(&ledger, 1);
    crates.update(&ledger, 1);
    let mut offline = Vec::new();
    for (ordinal, versions) in [(0, 0), (1, 2)] {
        let bundle = bundle_of(&ledger, &crates.dids[ordinal], versions).await;
        let opened = open(&bundle, ledger.trust_root()).unwrap();
        let first = format!("0-{}", crates.dids[ordinal].scid().digest());
        offline.push((crates.dids[ordinal].to_did(), resolver(opened), first));
    }
    let online =
        Resolver::new(Guarded::new(Settings::default()).unwrap()).with_registry(Arc::new(ledger));
    for (did, offline, first) in offline {
        for selector in [Selector::Latest, Selector::Id(first)] {
            assert_alike(&offline, &online, &did, selector).await;
        }
    }
}

#[tokio::test]
async fn says_of_no_item_that_it_does_not_exist() {
    let ledger = TestLedger::found(START);
    let crates = Crates::register(&ledger);
    let mut bundle = bundle_of(&ledger, &crates.dids[0], 0).await;
    bundle.item = None;
    let refused = open(&bundle, ledger.trust_root()).unwrap_err();
    assert!(
        matches!(refused, BundleRefusal::Incomplete { .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn shows_that_a_did_does_not_exist() {
    let (ledger, _) = rotated();
    let nobody = TestLedger::found(START + 1).operator().did.scid();
    let nobody = ChopDid::new(ledger.operator().did.ledger(), nobody);
    let bundle = bundle_of(&ledger, &nobody, 0).await;
    let opened = open(&bundle, ledger.trust_root()).unwrap();
    assert_eq!(opened.state().unwrap(), None);
}

#[tokio::test]
async fn answers_nothing_but_what_it_holds() {
    let (ledger, lab) = rotated();
    let bundle = bundle_of(&ledger, &lab.did, 2).await;
    let opened = open(&bundle, ledger.trust_root()).unwrap();
    assert!(opened.read("member/x").await.is_err());
    assert!(opened.log(&ledger.operator().did, 0, 9).await.is_err());
    let log = opened.log(&lab.did, 0, 9).await.unwrap();
    assert_eq!(log.len(), 2);
    assert_eq!(opened.log(&lab.did, 1, 9).await.unwrap(), log[1..]);
    assert_eq!(opened.log(&lab.did, 0, 1).await.unwrap(), log[..1]);
}

#[tokio::test]
async fn every_bundle_vector_is_what_the_ledger_makes_and_is_judged_as_it_says() {
    let cases = cases().await;
    assert!(cases.len() >= 27);
    for (folder, name, case) in cases {
        vectors::assert_is((folder, "did-bundle", name), &case);
        assert_judged(folder, name, &case);
    }
}

/// A bundle is believed, and shows the version that the case names; or it is not, whatever it is.
pub(crate) fn assert_judged(folder: &str, name: &str, case: &Value) {
    let root: TrustRoot = serde_json::from_value(case["trustRoot"].clone()).unwrap();
    // A number with a fraction is no bundle at all.
    let bundle = DidBundle::parse(case["bundle"].to_string().as_bytes());
    let now_ms = case["nowMs"].as_i64().unwrap();
    let opened = bundle
        .map_err(|error| error.to_string())
        .and_then(|bundle| {
            BundleRegistry::open(bundle, root, now_ms).map_err(|error| error.to_string())
        });
    assert_eq!(opened.is_ok(), folder == "valid", "{name}: {opened:?}");
    if let Ok(opened) = opened {
        let state = opened.state().unwrap();
        let version = state.map(|state| state.version_id().to_string());
        assert_eq!(json!(version), case["shown"]["versionId"], "{name}");
    }
}

async fn cases() -> Vec<(&'static str, &'static str, Value)> {
    let (ledger, lab) = rotated();
    let root = ledger.trust_root().clone();
    let good = bundle_of(&ledger, &lab.did, 2).await;
    let case = |description: &str, bundle: &DidBundle| json!({"description": description, "trustRoot": root, "nowMs": NOW, "bundle": bundle});
    let valid = |description: &str, bundle: &DidBundle, document: bool| {
        let state = open(bundle, &root).unwrap().state().unwrap();
        let mut case = case(description, bundle);
        case["shown"] = json!({
            "versionId": state.as_ref().map(chop_did::DidState::version_id),
            "height": bundle.evidence.proof.height().unwrap(),
            "document": state
                .filter(|_| document)
                .map(|state| state.document().absolute(state.did(), state.controller())),
        });
        case
    };
    let changed = |description: &str, change: fn(&mut DidBundle)| {
        let mut bundle = good.clone();
        change(&mut bundle);
        case(description, &bundle)
    };
    let mut cases = vec![
        (
            "valid",
            "two-versions",
            valid("a DID with two versions", &good, true),
        ),
        (
            "invalid",
            "shorter-log",
            changed("the last operation is left out", |bundle| {
                drop(bundle.log.pop());
            }),
        ),
        (
            "invalid",
            "altered-operation",
            changed("the document of the first operation is altered", |bundle| {
                bundle.log[0].operation["genesis"]["nonce"] = json!("00".repeat(16));
            }),
        ),
        (
            "invalid",
            "altered-time",
            changed("an operation bears another time", |bundle| {
                bundle.log[1].time = Timestamp::from_unix_ms(START);
            }),
        ),
        (
            "invalid",
            "missing-record",
            changed("a version's record is left out", |bundle| {
                drop(bundle.evidence.proof.statements.remove(1));
            }),
        ),
        (
            "invalid",
            "open-end",
            changed("nothing shows that there is no later version", |bundle| {
                drop(bundle.evidence.proof.statements.pop());
            }),
        ),
        (
            "invalid",
            "altered-state",
            changed("the state is altered", |bundle| {
                let state = bundle.evidence.proof.statements[0].value.as_mut().unwrap();
                *state = state.replace("\"deactivated\":false", "\"deactivated\":true");
            }),
        ),
    ];
    cases.extend(altered_proofs(&good, &case));
    let mut other = good.clone();
    other.did = ledger.operator().did;
    cases.push((
        "invalid",
        "other-did",
        case("the bundle of one DID under the name of another", &other),
    ));
    ledger.at(START + 2 * HOUR);
    let ended = ledger.create();
    ledger.deactivate(&ended);
    let bundle = bundle_of(&ledger, &ended.did, 2).await;
    cases.push((
        "valid",
        "deactivated",
        valid("a DID that has ended", &bundle, false),
    ));
    cases.extend(of_items(&ledger).await);
    cases
}

/// Bundles of items: one that has the state of its batch, and one that has its own and whose code is void.
async fn of_items(ledger: &TestLedger) -> Vec<(&'static str, &'static str, Value)> {
    let crates = Crates::register(ledger);
    crates.void(ledger, 1);
    crates.update(ledger, 1);
    let root = ledger.trust_root();
    let case = |description: &str, bundle: &DidBundle| json!({"description": description, "trustRoot": root, "nowMs": NOW, "bundle": bundle});
    let valid = |description: &str, bundle: &DidBundle, standing: &str| {
        let state = open(bundle, root).unwrap().state().unwrap().unwrap();
        let mut case = case(description, bundle);
        case["shown"] = json!({
            "versionId": state.version_id(),
            "height": bundle.evidence.proof.height().unwrap(),
            "document": state.document().absolute(state.did(), state.controller()),
            "standing": standing,
        });
        case
    };
    let born = bundle_of(ledger, &crates.dids[0], 0).await;
    let own = bundle_of(ledger, &crates.dids[1], 2).await;
    let changed = |description: &str, change: &dyn Fn(&mut DidBundle)| {
        let mut bundle = own.clone();
        change(&mut bundle);
        case(description, &bundle)
    };
    let fraction = |description: &str, member: &str| {
        let mut case = case(description, &own);
        let number = &mut case["bundle"]["item"]["proof"][member];
        *number = json!(f64::from(u32::try_from(number.as_u64().unwrap()).unwrap()));
        case
    };
    let unstated = |bundle: &mut DidBundle, key: &str| {
        let statements = &mut bundle.evidence.proof.statements;
        statements.retain(|statement| !statement.key.starts_with(key));
    };
    vec![
        (
            "valid",
            "item",
            valid("an item that has the state of its batch", &born, "reserved"),
        ),
        (
            "valid",
            "item-with-a-state",
            valid(
                "an item that has a state of its own, and whose code is void",
                &own,
                "void",
            ),
        ),
        (
            "invalid",
            "item-left-out",
            changed(
                "the item is left out, and with it that its code is void",
                &|bundle| {
                    bundle.item = None;
                },
            ),
        ),
        (
            "invalid",
            "item-of-another",
            changed("the item is another one of the batch", &|bundle| {
                bundle.item.clone_from(&born.item);
            }),
        ),
        (
            "invalid",
            "item-code-unstated",
            changed("nothing shows where the code stands", &|bundle| {
                unstated(bundle, "code/");
            }),
        ),
        (
            "invalid",
            "item-claim-unstated",
            changed("nothing shows whether the code was claimed", &|bundle| {
                unstated(bundle, "claim/");
            }),
        ),
        (
            "invalid",
            "item-ordinal-fraction",
            fraction("the ordinal is written with a fraction", "ordinal"),
        ),
        (
            "invalid",
            "item-index-fraction",
            fraction("the place is written with a fraction", "index"),
        ),
        (
            "invalid",
            "item-shorter-log",
            changed("the operation of the item is left out", &|bundle| {
                bundle.log.clear();
            }),
        ),
    ]
}
