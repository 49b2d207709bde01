//! Keys that ended: what they signed counts, or does not, by when it can be shown to have been signed.

use chop_did::Document;
use chop_keys::{KeyType, PrivateKey, Signer as _};
use serde_json::json;

use crate::ledger::{document, method};
use crate::world::{MINUTE, START, World, accepted, gist, refused, time};

/// Two credentials of the same key: one anchored, one not; then the key is marked at 30 minutes.
async fn after(mark: impl FnOnce(Document) -> Document) -> [(String, Vec<String>); 2] {
    let world = World::new();
    let (anchored, loose) = (
        world.inspection(START + 10 * MINUTE),
        world.inspection(START + 12 * MINUTE),
    );
    world.anchor(&anchored, START + 11 * MINUTE);
    world.ledger.at(START + 30 * MINUTE);
    let second = PrivateKey::from_seed(KeyType::Ed25519, &[9; 32]).unwrap();
    let methods = json!([
        method("#key-1", world.lab.key.public_key()),
        method("#key-2", second.public_key())
    ]);
    world.ledger.rewrite(&world.lab, &mark(document(&methods)));
    [
        gist(&world.judge(&anchored).await),
        gist(&world.judge(&loose).await),
    ]
}

#[tokio::test]
async fn a_retired_key_counts_for_what_it_signed_before() {
    let since = time(START + 30 * MINUTE);
    let [anchored, loose] = after(|document| document.with_revoked("#key-1", since).unwrap()).await;
    assert_eq!((anchored, loose), (accepted(), accepted()));
}

#[tokio::test]
async fn a_compromised_key_counts_only_for_what_was_anchored_before() {
    let since = time(START + 30 * MINUTE);
    let [anchored, loose] =
        after(|document| document.with_compromised("#key-1", since).unwrap()).await;
    assert_eq!((anchored, loose), (accepted(), refused(&["keyValidity"])));
}

#[tokio::test]
async fn a_deactivated_did_counts_only_for_what_was_anchored_before() {
    let world = World::new();
    let (anchored, loose) = (
        world.inspection(START + 10 * MINUTE),
        world.inspection(START + 12 * MINUTE),
    );
    world.anchor(&anchored, START + 11 * MINUTE);
    world.ledger.at(START + 30 * MINUTE);
    world.ledger.deactivate(&world.lab);
    assert_eq!(gist(&world.judge(&anchored).await), accepted());
    assert_eq!(gist(&world.judge(&loose).await), refused(&["keyValidity"]));
}

#[tokio::test]
async fn a_key_signs_nothing_before_it_entered_the_document() {
    let world = World::new();
    world.ledger.at(START + 30 * MINUTE);
    let second = PrivateKey::from_seed(KeyType::Ed25519, &[9; 32]).unwrap();
    let methods = json!([
        method("#key-1", world.lab.key.public_key()),
        method("#key-2", second.public_key())
    ]);
    world.ledger.rewrite(&world.lab, &document(&methods));
    let credential = |at: i64| {
        let unsigned = crate::world::unsigned(&world.lab.did.to_string(), at);
        crate::world::sign(unsigned, &format!("{}#key-2", world.lab.did), &second, at)
    };
    assert_eq!(
        gist(&world.judge(&credential(START + 10 * MINUTE)).await),
        refused(&["keyValidity"])
    );
    assert_eq!(
        gist(&world.judge(&credential(START + 40 * MINUTE)).await),
        accepted()
    );
}
