use super::{Change, Choice, ListKind, ListUse, NewValue, Store};
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
            kind: ListKind::Bitstring,
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

fn credential(id: &str) -> Choice {
    Choice::Credential { id: id.to_owned() }
}

fn new(purpose: &str, value: u8) -> NewValue {
    NewValue {
        purpose: Some(purpose.to_owned()),
        value,
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
        kind: ListKind::Bitstring,
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
        kind: ListKind::Bitstring,
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
        .set_status(Some("lab"), &credential("urn:1"), &new("revocation", 1))
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
            .set_status(Some("lab"), &credential(id), &new(purpose, 1))
            .await
            .unwrap();
        let back = bench
            .store
            .set_status(Some("lab"), &credential(id), &new(purpose, 0))
            .await
            .unwrap();
        assert_eq!(matches!(back, Change::Set(_)), expected_back, "{purpose}");
    }
}

#[tokio::test]
async fn another_instance_cannot_set_the_status() {
    let mut bench = Bench::new().await;
    let position = bench.issue("d1", "urn:1", "revocation").await;
    for choice in [credential("urn:1"), Choice::Position(position)] {
        assert_eq!(
            bench
                .store
                .set_status(Some("other"), &choice, &new("revocation", 1))
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
        .set_status(Some("lab"), &credential("urn:1"), &new("revocation", 2))
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
        .set_status(None, &credential("urn:1"), &new("revocation", 1))
        .await
        .unwrap();
    assert!(matches!(change, Change::Set(positions) if positions.len() == 1));
}

async fn issue_token(bench: &Bench, digest: &str, id: &str) -> super::Position {
    let mut issuance = bench.store.issuance("lab").await.unwrap();
    let list_use = ListUse {
        kind: ListKind::Token,
        purpose: super::TOKEN_PURPOSE.to_owned(),
        bits: 2,
    };
    let position = issuance
        .take_position(&list_use, NOW, &mut || 77)
        .await
        .unwrap();
    issuance.commit(digest, Some(id), None, NOW).await.unwrap();
    position
}

#[tokio::test]
async fn a_token_is_suspended_reinstated_and_revoked_for_good() {
    let bench = Bench::new().await;
    let position = issue_token(&bench, "d1", "urn:1").await;
    assert_eq!(
        bench.store.list_kind(&position.list).await.unwrap(),
        Some(ListKind::Token)
    );
    assert_eq!(
        bench.store.token_lists("lab").await.unwrap(),
        std::slice::from_ref(&position.list)
    );
    let set = async |purpose: &str, value: u8| {
        let change = bench
            .store
            .set_status(None, &credential("urn:1"), &new(purpose, value))
            .await
            .unwrap();
        let list = bench.store.list(&position.list).await.unwrap().unwrap();
        (
            matches!(change, Change::Set(_)),
            list.values.first().map(|(_, value)| *value),
        )
    };
    assert_eq!(set("suspension", 1).await, (true, Some(2)));
    assert_eq!(set("revocation", 0).await, (true, Some(2)), "not revoked");
    assert_eq!(set("suspension", 0).await, (true, None));
    assert_eq!(set("suspension", 1).await, (true, Some(2)));
    assert_eq!(set("revocation", 1).await, (true, Some(1)));
    assert_eq!(set("suspension", 0).await, (false, Some(1)));
    assert_eq!(set("revocation", 0).await, (false, Some(1)));
}

#[tokio::test]
async fn a_notice_to_refresh_cannot_be_taken_back() {
    let mut bench = Bench::new().await;
    bench.issue("d1", "urn:1", "refresh").await;
    for (value, expected) in [(1, true), (0, false)] {
        let change = bench
            .store
            .set_status(None, &credential("urn:1"), &new("refresh", value))
            .await
            .unwrap();
        assert_eq!(matches!(change, Change::Set(_)), expected);
    }
}

#[tokio::test]
async fn a_list_stays_with_the_did_that_it_was_made_for() {
    let mut bench = Bench::new().await;
    let before = bench.issue("d1", "urn:1", "revocation").await;
    let own = instance("lab").did;
    bench
        .store
        .bind_instance("lab", "did:example:works", "did:example:works#key-1")
        .await
        .unwrap();
    let after = bench.issue("d2", "urn:2", "revocation").await;
    assert_ne!(before.list, after.list);
    let signer = async |list: &str| bench.store.list(list).await.unwrap().unwrap().did;
    assert_eq!(signer(&before.list).await, own);
    assert_eq!(signer(&after.list).await, "did:example:works");
}

#[tokio::test]
async fn a_list_that_is_full_gives_way_to_a_new_one() {
    let mut bench = Bench::new().await;
    let first = bench.issue("d1", "urn:1", "revocation").await;
    sqlx::query("UPDATE lists SET taken = 65536 WHERE id = ?")
        .bind(&first.list)
        .execute(&bench.store.pool)
        .await
        .unwrap();
    let second = bench.issue("d2", "urn:2", "revocation").await;
    assert_ne!(first.list, second.list);
    for (list, index) in [(&first.list, first.index), (&second.list, second.index)] {
        let list = bench.store.list(list).await.unwrap().unwrap();
        assert_eq!(list.entries, 131_072);
        assert!(index < list.entries);
    }
}
