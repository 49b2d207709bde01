use super::{Change, Choice, ListUse, Store};
use crate::instance::Instance;
use crate::suite::Suite;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use tempfile::TempDir;

const NOW: i64 = 1_795_000_000_000;

struct Bench {
    folder: TempDir,
    store: Store,
    next: u64,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let store = Store::open(&folder.path().join("issuer.sqlite"))
            .await
            .unwrap();
        let bench = Self {
            folder,
            store,
            next: 0,
        };
        assert!(
            bench
                .store
                .add_instance(&instance("lab"), NOW)
                .await
                .unwrap()
        );
        bench
    }

    async fn issue(&mut self, digest: &str, id: &str, purpose: &str) -> super::Position {
        let mut issuance = self.store.issuance("lab").await.unwrap();
        let next = &mut self.next;
        let mut random = || {
            *next += 1;
            *next
        };
        let list_use = ListUse {
            purpose: purpose.to_owned(),
            bits: 1,
        };
        let position = issuance
            .take_position(&list_use, NOW, &mut random)
            .await
            .unwrap();
        issuance.commit(digest, Some(id), None, NOW).await.unwrap();
        position
    }
}

fn instance(name: &str) -> Instance {
    let key = PrivateKey::from_seed(KeyType::Ed25519, &[7; 32]).unwrap();
    Instance::with_own_key(
        name,
        Suite::new("eddsa-jcs-2022", None).unwrap(),
        key.public_key(),
    )
}

fn credential(id: &str, purpose: &str) -> Choice {
    Choice::Credential {
        id: id.to_owned(),
        purpose: purpose.to_owned(),
    }
}

#[tokio::test]
async fn an_instance_outlives_the_process() {
    let bench = Bench::new().await;
    bench.store.close().await;
    let again = Store::open(&bench.folder.path().join("issuer.sqlite"))
        .await
        .unwrap();
    assert_eq!(again.instances().await.unwrap(), [instance("lab")]);
}

#[tokio::test]
async fn a_name_is_given_once() {
    let bench = Bench::new().await;
    assert!(
        !bench
            .store
            .add_instance(&instance("lab"), NOW)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_position_is_never_given_twice() {
    let mut bench = Bench::new().await;
    let first = bench.issue("d1", "urn:1", "revocation").await;
    // The same random value comes again: the next one is taken.
    bench.next = first.index - 1;
    let second = bench.issue("d2", "urn:2", "revocation").await;
    assert_eq!(first.list, second.list);
    assert_ne!(first.index, second.index);
}

#[tokio::test]
async fn two_positions_of_one_credential_differ() {
    let bench = Bench::new().await;
    let mut issuance = bench.store.issuance("lab").await.unwrap();
    let list_use = ListUse {
        purpose: "revocation".to_owned(),
        bits: 1,
    };
    let mut values = [1, 2, 5, 5, 6].into_iter();
    let mut random = || values.next().unwrap();
    let first = issuance
        .take_position(&list_use, NOW, &mut random)
        .await
        .unwrap();
    let second = issuance
        .take_position(&list_use, NOW, &mut random)
        .await
        .unwrap();
    assert_eq!((first.index, second.index), (5, 6));
}

#[tokio::test]
async fn a_dropped_issuance_leaves_nothing() {
    let bench = Bench::new().await;
    let mut issuance = bench.store.issuance("lab").await.unwrap();
    let list_use = ListUse {
        purpose: "revocation".to_owned(),
        bits: 1,
    };
    let position = issuance
        .take_position(&list_use, NOW, &mut || 3)
        .await
        .unwrap();
    drop(issuance);
    assert_eq!(bench.store.list(&position.list).await.unwrap(), None);
}

#[tokio::test]
async fn a_change_moves_the_version_and_shows_in_the_list() {
    let mut bench = Bench::new().await;
    let position = bench.issue("d1", "urn:1", "revocation").await;
    assert_eq!(
        bench.store.list_version(&position.list).await.unwrap(),
        Some(0)
    );
    let change = bench
        .store
        .set_status(Some("lab"), &credential("urn:1", "revocation"), 1)
        .await
        .unwrap();
    assert_eq!(change, Change::Set(vec![position.clone()]));
    let list = bench.store.list(&position.list).await.unwrap().unwrap();
    assert_eq!((list.version, list.values), (1, vec![(position.index, 1)]));
}

#[tokio::test]
async fn a_revocation_cannot_be_taken_back_and_a_suspension_can() {
    let mut bench = Bench::new().await;
    bench.issue("d1", "urn:1", "revocation").await;
    bench.issue("d2", "urn:2", "suspension").await;
    for (id, purpose, expected_back) in [
        ("urn:1", "revocation", false),
        ("urn:2", "suspension", true),
    ] {
        bench
            .store
            .set_status(Some("lab"), &credential(id, purpose), 1)
            .await
            .unwrap();
        let back = bench
            .store
            .set_status(Some("lab"), &credential(id, purpose), 0)
            .await
            .unwrap();
        assert_eq!(matches!(back, Change::Set(_)), expected_back, "{purpose}");
    }
}

#[tokio::test]
async fn another_instance_cannot_set_the_status() {
    let mut bench = Bench::new().await;
    let position = bench.issue("d1", "urn:1", "revocation").await;
    for choice in [
        credential("urn:1", "revocation"),
        Choice::Position(position),
    ] {
        assert_eq!(
            bench
                .store
                .set_status(Some("other"), &choice, 1)
                .await
                .unwrap(),
            Change::Unknown
        );
    }
}

#[tokio::test]
async fn a_value_wider_than_its_entry_is_refused() {
    let mut bench = Bench::new().await;
    bench.issue("d1", "urn:1", "revocation").await;
    let change = bench
        .store
        .set_status(Some("lab"), &credential("urn:1", "revocation"), 2)
        .await
        .unwrap();
    assert_eq!(change, Change::TooWide { bits: 1 });
}

#[tokio::test]
async fn a_kept_reply_is_found_under_its_instance_and_key_only() {
    let bench = Bench::new().await;
    let issuance = bench.store.issuance("lab").await.unwrap();
    issuance
        .commit("d1", None, Some(("k", b"request", "{}")), NOW)
        .await
        .unwrap();
    let kept = Some((b"request".to_vec(), "{}".to_owned()));
    for (instance, key, expected) in [
        ("lab", "k", kept),
        ("lab", "other", None),
        ("other", "k", None),
    ] {
        let mut issuance = bench.store.issuance(instance).await.unwrap();
        assert_eq!(
            issuance.reply(key).await.unwrap(),
            expected,
            "{instance} {key}"
        );
    }
}

#[tokio::test]
async fn any_instance_is_searched_when_none_is_named() {
    let mut bench = Bench::new().await;
    bench.issue("d1", "urn:1", "revocation").await;
    let change = bench
        .store
        .set_status(None, &credential("urn:1", "revocation"), 1)
        .await
        .unwrap();
    assert!(matches!(change, Change::Set(positions) if positions.len() == 1));
}
