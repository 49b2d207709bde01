//! Databases that are down, and those that belong to somebody else too.

use std::time::{Duration, Instant};

use super::postgres::Cluster;
use super::{
    Database, Engine, OpenReadModelError, Place, ProjectionError, World, open, until_level,
};
use crate::projection::Projection;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_down_keeps_no_ledger_from_its_start_and_is_taken_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    world.anchor(1).await;
    let place = Place::file(folder.path().join("later/model"));
    let projection = open(&world, &place).await.unwrap();
    let refused = projection.reading_blocks().await.err();
    assert!(
        matches!(refused, Some(ProjectionError::Unreached)),
        "{refused:?}"
    );
    assert_eq!(projection.begun(), None);
    let _follower = projection.follow(&Engine::from(world.engine.clone()));
    std::fs::create_dir(folder.path().join("later")).unwrap();
    until_level(&projection, &world).await;
    assert!(projection.reading().await.is_ok());
}

#[tokio::test]
async fn a_database_that_comes_late_with_another_ledger_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (world, other) = (World::new(), World::new());
    world.anchor(1).await;
    for n in 0..4 {
        other.anchor(n).await;
    }
    let path = folder.path().join("model");
    super::built(&other, &Place::file(&path))
        .await
        .close()
        .await;
    let hidden = folder.path().join("hidden");
    let later = Place::file(hidden.join("model"));
    let projection = open(&world, &later).await.unwrap();
    std::fs::create_dir(&hidden).unwrap();
    std::fs::rename(&path, hidden.join("model")).unwrap();
    let mut following = projection.following(&Engine::from(world.engine.clone()));
    let refused = following.turn().await;
    assert!(
        matches!(refused, Err(ProjectionError::NotThisNodes { .. })),
        "{refused:?}"
    );
    assert!(matches!(
        projection.reading().await.err(),
        Some(ProjectionError::Unreached)
    ));
}

#[tokio::test]
async fn two_ledgers_that_begin_in_one_place_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let (world, longer) = (World::new(), World::new());
    world.anchor(1).await;
    for n in 0..4 {
        longer.anchor(n).await;
    }
    let place = Place::file(folder.path().join("model"));
    let late = open(&world, &place).await.unwrap();
    let first = super::built(&longer, &place).await;
    let before = super::dump(&first).await;
    let mut following = late.following(&Engine::from(world.engine.clone()));
    let refused = following.turn().await;
    assert!(
        matches!(refused, Err(ProjectionError::Moved { expected: 0 })),
        "{refused:?}"
    );
    following.reread().await;
    let refused = late.reading_blocks().await.err();
    assert!(
        matches!(refused, Some(ProjectionError::Unreached)),
        "{refused:?}"
    );
    let refused = following.turn().await;
    assert!(
        matches!(refused, Err(ProjectionError::NotThisNodes { .. })),
        "{refused:?}"
    );
    assert_eq!(super::dump(&first).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_breaks_off_is_taken_again_when_it_comes_back() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let world = World::new();
    let place = cluster.database("broken").await;
    let projection = open(&world, &place).await.unwrap();
    let _follower = projection.follow(&Engine::from(world.engine.clone()));
    world.anchor(1).await;
    until_level(&projection, &world).await;
    cluster.break_off();
    world.anchor(2).await;
    let refused = projection.reading_blocks().await.err();
    assert!(
        matches!(refused, Some(ProjectionError::Database(_))),
        "{refused:?}"
    );
    cluster.resume().await;
    until_level(&projection, &world).await;
    assert_eq!(
        projection.reading().await.unwrap().as_of.height,
        world.engine.view().last_block()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_the_password_is_told_from_one_that_is_down() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let world = World::new();
    world.anchor(1).await;
    let place = cluster.locked("lists", "right").await;
    let since = Instant::now();
    let projection = open(&world, &place).await.unwrap();
    assert!(projection.is_refused());
    let refused = projection.reading_blocks().await.err().unwrap();
    assert!(matches!(refused, ProjectionError::Refused), "{refused:?}");
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "it says so at once"
    );

    let mut following = projection.following(&Engine::from(world.engine.clone()));
    let refused = following.turn().await.unwrap_err();
    assert!(refused.is_refusal(), "{refused:?}");
    cluster.break_off();
    let down = following.turn().await.unwrap_err();
    assert!(!down.is_refusal(), "{down:?}");
    cluster.resume().await;
    let _follower = projection.follow(&Engine::from(world.engine.clone()));
    cluster.change_password("lists", "wrong").await;
    until_level(&projection, &world).await;
    assert!(!projection.is_refused() && projection.reading().await.is_ok());
}

async fn leaves_what_is_somebody_elses(place: &Place) {
    let world = World::new();
    let database = Database::at(place).unwrap();
    for (table, columns) in [
        ("transactions", "amount BIGINT"),
        ("projection", "film TEXT"),
    ] {
        database
            .run_alone(format!("CREATE TABLE {table} ({columns})"))
            .await;
        let refused = open(&world, place).await.unwrap_err();
        assert!(
            matches!(
                &refused,
                OpenReadModelError::Failed(ProjectionError::Foreign { tables }) if tables.contains(table)
            ),
            "{refused:?}"
        );
        let refused = Projection::begin_anew(place, world.ledger()).await;
        let refused = refused.unwrap_err();
        assert!(refused.to_string().contains(table), "{refused}");
        database.run_alone(format!("SELECT * FROM {table}")).await;
    }
    for table in ["transactions", "projection"] {
        database.run_alone(format!("DROP TABLE {table}")).await;
    }
    database
        .run_alone("CREATE TABLE orders (amount BIGINT)".to_owned())
        .await;
    open(&world, place).await.unwrap().close().await;
    let anew = Projection::begin_anew(place, world.ledger()).await.unwrap();
    anew.close().await;
    database.run_alone("SELECT * FROM orders".to_owned()).await;
    database.close().await;
}

#[tokio::test]
async fn leaves_tables_of_others_alone_in_sqlite_and_in_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    leaves_what_is_somebody_elses(&Place::file(folder.path().join("shared"))).await;
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    leaves_what_is_somebody_elses(&cluster.database("shared").await).await;
}

#[tokio::test]
async fn a_database_on_another_host_is_used_over_tls_and_only_under_its_own_name() {
    let Some(mut cluster) = Cluster::start().await else {
        return;
    };
    let opens = async |place: String| {
        let database = Database::at(&Place::parse(&place).unwrap()).unwrap();
        let opened = database.begin_reading().await.is_ok();
        database.close().await;
        opened
    };
    let (port, authority) = cluster.encrypt("localhost").await;
    let authority = authority.display().to_string();
    let over_tls = |host: &str, port: u16| {
        format!("postgres://chop@{host}:{port}/postgres?sslmode=verify-full")
    };
    let trusted =
        |host: &str, port: u16| format!("{}&sslrootcert={authority}", over_tls(host, port));
    assert!(opens(trusted("localhost", port)).await);
    assert!(
        !opens(trusted("127.0.0.1", port)).await,
        "its certificate is for another name"
    );
    assert!(
        !opens(over_tls("localhost", port)).await,
        "nobody knows its authority"
    );
    let plain = format!("postgres://chop@localhost:{port}/postgres?sslmode=disable");
    assert!(!opens(plain).await, "the server takes TLS alone");
    let socket = format!(
        "{}&port={port}&sslmode=verify-full",
        cluster.url("postgres")
    );
    assert!(!opens(socket).await, "nothing is encrypted there");
}
