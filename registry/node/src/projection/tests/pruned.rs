//! A ledger prunes blocks while its read model is behind.

use super::{Engine, Moment, Place, World, built, dump, moment, open, until_level};
use crate::projection::Projection;

/// Blocks that the ledger keeps.
const KEEP: u64 = 3;

async fn write(world: &World, from: u64) {
    for n in from..from + 4 * KEEP {
        world.anchor(n).await;
    }
}

fn oldest(moment: &Moment) -> u64 {
    moment.blocks.first_height().unwrap().unwrap()
}

#[tokio::test]
async fn blocks_that_are_pruned_while_they_are_read_are_in_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::keeping(Some(KEEP));
    world.anchor(1).await;
    let projection = open(&world, &Place::file(folder.path().join("model")))
        .await
        .unwrap();
    let first = oldest(&moment(&world));
    let mut following = projection.following(&Engine::from(world.engine.clone()));
    // The model has begun, with no block yet.
    assert!(following.turn().await.unwrap());
    write(&world, 10).await;
    assert!(oldest(&moment(&world)) > projection.height() + 1);
    assert!(following.turn().await.unwrap());
    let as_of = projection.reading_blocks().await.unwrap().as_of;
    assert_eq!(as_of.from, first, "it did not have to begin anew");
    assert!(as_of.height >= first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_comes_too_late_for_blocks_begins_anew_and_says_from_where() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::keeping(Some(KEEP));
    let place = Place::file(folder.path().join("model"));
    let projection = built(&world, &place).await;
    world.join(3).await;
    write(&world, 10).await;
    let _follower = projection.follow(&Engine::from(world.engine.clone()));
    until_level(&projection, &world).await;
    let now = moment(&world);
    let as_of = projection.reading().await.unwrap().as_of;
    assert_eq!((as_of.from, as_of.height), (oldest(&now), now.height));
    let anew = Place::file(folder.path().join("anew"));
    let anew = Projection::begin_anew(&anew, world.ledger()).await.unwrap();
    anew.catch_up(&now, |_| {}).await.unwrap();
    assert_eq!(dump(&projection).await, dump(&anew).await);
}
