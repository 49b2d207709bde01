use super::super::tests::{Made, bring, made, open};
use super::*;
use axum::Json;
use axum::body::Bytes;
use axum::http::StatusCode;
use chop_http::outbound::{Settings, TrustedOrigin};
use chop_http::server::{ConnectionLimits, Listener, serve};
use chop_keys::{KeyType, PrivateKey};
use chop_protocol::LeafError;
use std::net::{SocketAddr, TcpListener};

/// A keeper whose one fellow member takes connections and says nothing, and that member.
pub(in super::super) fn waiting(folder: &tempfile::TempDir) -> (LeafKeeper, TcpListener) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let keeper = keeper_beside(folder, silent.local_addr().unwrap());
    (keeper, silent)
}

/// A keeper whose one fellow member has its node at an address.
fn keeper_beside(folder: &tempfile::TempDir, member: SocketAddr) -> LeafKeeper {
    let member: Url = format!("http://{member}/").parse().unwrap();
    let outbound = Guarded::new(Settings {
        trusted: vec![TrustedOrigin {
            base: member.clone(),
            certificate: None,
        }],
        ..Settings::default()
    });
    let validator = Arc::new(PrivateKey::from_seed(KeyType::Ed25519, &[1; 32]).unwrap());
    let members = [member];
    LeafKeeper::new(open(folder), validator, outbound.unwrap(), &members)
}

fn asked(made: &Made) -> LeafTerms {
    LeafTerms {
        terms: made.terms.clone(),
        template: made.template.clone(),
    }
}

#[tokio::test]
async fn what_strangers_ask_for_keeps_no_place_from_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, _silent) = waiting(&folder);
    for nonce in 0..4 {
        keeper.answer(asked(&made(1, nonce)), false).await.unwrap();
    }
    let fifth = asked(&made(1, 4));
    assert!(matches!(
        keeper.answer(fifth.clone(), false).await,
        Err(LeafStoreError::Busy { most: 4 })
    ));
    // For whom a validator vouches waits behind none of them.
    keeper.answer(fifth, true).await.unwrap();
    assert_eq!(
        keeper.place(made(1, 4).terms.hash().unwrap()),
        Some(Place::Wanted)
    );
    let missing = made(1, 9);
    keeper
        .start(&missing.terms, missing.template.clone(), Place::Missing)
        .unwrap();
    let held = keeper.places().values().copied().collect::<Vec<_>>();
    assert_eq!(
        held.iter().filter(|place| **place == Place::Asked).count(),
        4
    );
    assert_eq!(
        held.iter()
            .filter(|place| **place == Place::Missing)
            .count(),
        1
    );
    // Nobody has the leaves, and so all of them give their places back soon.
    let until = std::time::Instant::now() + 2 * SHOWING + SHOWING;
    while !keeper.places().is_empty() {
        assert!(std::time::Instant::now() < until, "places are kept");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn goes_on_where_all_places_were_taken() {
    let page: Vec<(String, Vec<u8>)> = ["a", "b", "c"]
        .map(|key| (key.to_owned(), Vec::new()))
        .into();
    let mut seen = Vec::new();
    let look = through(&page, "0", |key, _| {
        if key == "c" {
            return Err(LeafStoreError::Busy { most: 2 });
        }
        seen.push(key.to_owned());
        Ok(())
    });
    assert_eq!(look.unwrap(), Look::Full("b".to_owned()));
    assert_eq!(seen, ["a", "b"]);
    let look = through(&page, "0", |_, _| Err(LeafStoreError::Busy { most: 0 }));
    assert_eq!(look.unwrap(), Look::Full("0".to_owned()));
    assert_eq!(through(&page, "0", |_, _| Ok(())).unwrap(), Look::All);
}

#[tokio::test]
async fn asks_no_member_for_what_no_leaves_can_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, _silent) = waiting(&folder);
    let mut nonsense = asked(&made(1, 1));
    nonsense.terms.template = Hash::from_bytes([9; 32]);
    assert!(matches!(
        keeper.answer(nonsense, false).await,
        Err(LeafStoreError::Leaves(LeafError::Template { .. }))
    ));
    assert!(keeper.places().is_empty());
}

#[tokio::test]
async fn what_members_refuse_at_once_keeps_its_place_as_long_as_what_they_say_nothing_to() {
    let folder = tempfile::tempdir().unwrap();
    let (keeper, refusing) = waiting(&folder);
    // Whoever connects is refused.
    drop(refusing);
    let begun = std::time::Instant::now();
    keeper.answer(asked(&made(1, 1)), false).await.unwrap();
    while !keeper.places().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begun.elapsed() >= SHOWING, "{:?}", begun.elapsed());
}

#[test]
fn goes_on_soon_where_there_are_more_batches() {
    let page: Vec<(String, Vec<u8>)> = (0..PAGE).map(|n| (format!("{n:03}"), Vec::new())).collect();
    let look = through(&page, "0", |_, _| Ok(())).unwrap();
    assert_eq!(look.onward(), ("255".to_owned(), GO_ON));
    assert_eq!(Look::All.onward(), (keys::BATCHES.to_owned(), LOOK));
}

#[tokio::test]
async fn an_older_node_is_asked_again_without_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let older = |body: Bytes| async move {
        let asked: LeafTerms =
            serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
        let key = PrivateKey::from_seed(KeyType::Ed25519, &[2; 32]).unwrap();
        let receipt = Some(Receipt::sign(&asked.terms, &key).unwrap());
        Ok::<_, StatusCode>(Json(ReceiptAnswer { receipt }))
    };
    let router = axum::Router::new().route("/v1/leaves/receipt", axum::routing::post(older));
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let keeper = keeper_beside(&folder, socket.local_addr().unwrap());
    tokio::spawn(serve(
        vec![Listener::plain(socket)],
        router,
        ConnectionLimits::default(),
        std::future::pending(),
    ));
    let made = made(1, 1);
    bring(keeper.store(), &made);
    let collected = keeper.collect(&asked(&made)).await.unwrap();
    assert_eq!((collected.receipts.len(), collected.pending), (2, 0));
}
