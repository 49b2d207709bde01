//! One suite, run on both databases.

mod batches;
mod kill;
mod lists;
mod places;
mod postgres;
mod pruned;
mod world;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chop_integrity::Hash;
use sqlx::{Column as _, Row as _};

use super::sql::Database;
use super::table::TABLES;
use super::*;
use crate::engine::{Engine, Solo};
use crate::store::{DiskLimit, Store};
use postgres::Cluster;
use world::{ACTIONS, World};

impl Database {
    /// Runs a statement that no transaction may hold.
    pub(super) async fn run_alone(&self, sql: String) {
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(&self.writer)
            .await
            .unwrap();
    }
}

/// Every row of every table, as text, in the order of its key.
async fn dump(projection: &Projection) -> BTreeMap<&'static str, Vec<String>> {
    let mut reading = projection.reading().await.unwrap();
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let keys: Vec<_> = (1..=table.key).map(|key| key.to_string()).collect();
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {}",
            table.column_list(),
            table.name,
            keys.join(", ")
        );
        let rows = reading.rows(sql, Vec::new()).await.unwrap();
        let shown = rows.iter().map(|row| {
            let cells = row.columns().iter().map(|column| {
                let name = column.name();
                row.try_get::<String, _>(name)
                    .or_else(|_| row.try_get::<i64, _>(name).map(|number| number.to_string()))
                    .unwrap()
            });
            cells.collect::<Vec<_>>().join("|")
        });
        tables.insert(table.name, shown.collect());
    }
    tables
}

fn moment(world: &World) -> Moment {
    latest(&world.engine)
}

fn latest(engine: &Solo) -> Moment {
    let view = engine.view();
    Moment {
        state: view.shared_snapshot(),
        height: view.last_block(),
        blocks: view.shared_snapshot(),
    }
}

async fn open(world: &World, place: &Place) -> Result<Projection, OpenReadModelError> {
    let view = world.engine.view();
    Projection::open(place, world.ledger(), view.snapshot()).await
}

async fn built(world: &World, place: &Place) -> Projection {
    let projection = open(world, place).await.unwrap();
    projection.catch_up(&moment(world), |_| {}).await.unwrap();
    projection
}

async fn until_level(projection: &Projection, world: &World) {
    let since = Instant::now();
    while projection.height() < world.engine.view().last_block() {
        assert!(since.elapsed() < Duration::from_secs(30), "it stays behind");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The suite; `places` gives an empty place of each name. Gives what the model of the whole story holds.
async fn suite(places: &[Place; 4]) -> BTreeMap<&'static str, Vec<String>> {
    let [live, anew, late, other] = places;
    let world = World::new();
    let engine = Engine::from(world.engine.clone());
    let projection = open(&world, live).await.unwrap();
    let following = projection.follow(&engine);
    world.tell().await;
    until_level(&projection, &world).await;
    let followed = dump(&projection).await;
    drop(following);

    follows_every_action(&followed);
    assert_same(&followed, &dump(&built(&world, anew).await).await);
    let again = open(&world, live).await.unwrap();
    assert_same(&followed, &dump(&again).await);
    lists::are_whole_and_bounded(&world, &projection).await;
    lists::find_what_was_sought(&world, &projection).await;
    goes_on_where_it_ended(&world, late).await;
    two_writers_do_not_write_twice(&world, late).await;
    a_second_beginning_leaves_the_first_alone(&world, late).await;
    refuses_what_is_not_this_nodes(&world, other).await;
    followed
}

fn assert_same(
    one: &BTreeMap<&'static str, Vec<String>>,
    other: &BTreeMap<&'static str, Vec<String>>,
) {
    for (table, rows) in one {
        assert_eq!(rows, &other[table], "{table}");
        assert!(!rows.is_empty(), "{table}");
    }
}

fn follows_every_action(followed: &BTreeMap<&'static str, Vec<String>>) {
    let mut seen: Vec<_> = followed["facets"]
        .iter()
        .filter_map(|row| row.strip_prefix("action/"))
        .map(|row| row.split('|').next().unwrap())
        .collect();
    seen.dedup();
    assert_eq!(seen, ACTIONS);
}

async fn goes_on_where_it_ended(world: &World, place: &Place) {
    let projection = built(world, place).await;
    let before = projection.height();
    projection.close().await;
    world.anchor(2_000).await;
    let projection = open(world, place).await.unwrap();
    assert_eq!(projection.height(), before);
    let engine = Engine::from(world.engine.clone());
    let _follower = projection.follow(&engine);
    until_level(&projection, world).await;
    assert!(projection.height() > before);
    let anew = Projection::begin_anew(place, world.ledger()).await.unwrap();
    assert_eq!(anew.height(), 0);
    assert!(matches!(
        anew.reading().await.err(),
        Some(ProjectionError::Building { .. })
    ));
    anew.catch_up(&moment(world), |_| {}).await.unwrap();
}

async fn two_writers_do_not_write_twice(world: &World, place: &Place) {
    let one = built(world, place).await;
    let two = open(world, place).await.unwrap();
    world.anchor(3_000).await;
    one.catch_up(&moment(world), |_| {}).await.unwrap();
    let late = two.catch_up(&moment(world), |_| {}).await;
    assert!(
        matches!(late, Err(ProjectionError::Moved { .. })),
        "{late:?}"
    );
    // One that is told so reads where the model is, and goes on from there.
    let engine = Engine::from(world.engine.clone());
    let _follower = two.follow(&engine);
    until_level(&two, world).await;
    assert_eq!(dump(&one).await, dump(&two).await);
}

async fn a_second_beginning_leaves_the_first_alone(world: &World, place: &Place) {
    let one = Projection::begin_anew(place, world.ledger()).await.unwrap();
    let two = open(world, place).await.unwrap();
    one.catch_up(&moment(world), |_| {}).await.unwrap();
    let before = dump(&one).await;
    let late = two.catch_up(&moment(world), |_| {}).await;
    assert!(
        matches!(late, Err(ProjectionError::Moved { expected: 0 })),
        "{late:?}"
    );
    assert_same(&before, &dump(&one).await);
    two.close().await;
}

async fn refuses_what_is_not_this_nodes(world: &World, place: &Place) {
    let younger = World::new();
    younger.anchor(7).await;
    let projection = built(&younger, place).await;
    assert!(projection.height() > 0);
    let other = LedgerId::new(Hash::of("test", b"another"));
    let view = world.engine.view();
    let refused = Projection::open(place, other, view.snapshot()).await;
    assert!(
        matches!(refused, Err(OpenReadModelError::OtherLedger { .. })),
        "{refused:?}"
    );
    // The same genesis, other blocks.
    let refused = open(world, place).await;
    assert!(
        matches!(refused, Err(OpenReadModelError::OtherBlock { .. })),
        "{refused:?}"
    );
    for n in 0..3 {
        younger.anchor(n).await;
    }
    projection
        .catch_up(&moment(&younger), |_| {})
        .await
        .unwrap();
    let refused = open(&World::new(), place).await;
    assert!(
        matches!(refused, Err(OpenReadModelError::Ahead { .. })),
        "{refused:?}"
    );
    let database = Database::at(place).unwrap();
    database
        .run_alone("UPDATE projection SET format = 99".to_owned())
        .await;
    let refused = open(&younger, place).await.unwrap_err();
    assert!(refused.to_string().contains("ledger reindex"), "{refused}");
    assert!(matches!(
        refused,
        OpenReadModelError::OtherFormat { found: 99, .. }
    ));
    let anew = Projection::begin_anew(place, younger.ledger())
        .await
        .unwrap();
    anew.catch_up(&moment(&younger), |_| {}).await.unwrap();
    assert_eq!(anew.height(), younger.engine.view().last_block());
}

#[tokio::test]
async fn a_model_whose_rows_lie_beside_their_keys_goes_on_and_holds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let [older, newer, ..] = files(folder.path());
    let world = World::new();
    world.tell().await;
    let projection = open(&world, &older).await.unwrap();
    let database = Database::at(&older).unwrap();
    let mut otherwise = 0;
    for table in TABLES {
        let drop = format!("DROP TABLE {}", table.name);
        database.run_alone(drop).await;
        for statement in table.definition(database.dialect) {
            let older = statement.replace(" WITHOUT ROWID", "");
            otherwise += usize::from(older != statement);
            database.run_alone(older).await;
        }
    }
    assert_eq!(otherwise, 4);
    projection.catch_up(&moment(&world), |_| {}).await.unwrap();
    let again = open(&world, &older).await.unwrap();
    let newer = built(&world, &newer).await;
    assert_same(&dump(&again).await, &dump(&newer).await);
}

fn files(folder: &std::path::Path) -> [Place; 4] {
    ["live", "anew", "late", "other"].map(|name| Place::file(folder.join(name)))
}

#[tokio::test(flavor = "multi_thread")]
async fn followed_and_built_anew_it_is_the_same_in_sqlite_and_in_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let in_files = suite(&files(folder.path())).await;
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    let places = [
        cluster.database("live").await,
        cluster.database("anew").await,
        cluster.database("late").await,
        cluster.database("other").await,
    ];
    assert_same(&in_files, &suite(&places).await);
}

#[tokio::test]
async fn a_ledger_whose_first_blocks_are_gone_has_everything_of_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new();
    world.tell().await;
    let whole = dump(&built(&world, &Place::file(folder.path().join("whole"))).await).await;
    let (ledger, height) = (world.ledger(), world.engine.view().last_block());
    let path = world.end();
    forget_blocks_before(9, &path.path().join("ledger.redb"));
    let store = Store::open(&path.path().join("ledger.redb"), DiskLimit::none().into()).unwrap();
    let place = Place::file(folder.path().join("cut"));
    let projection = Projection::begin_anew(&place, ledger).await.unwrap();
    let cut = Moment::stored(store.snapshot().unwrap(), height);
    let mut stages = Vec::new();
    let rebuilt = projection
        .catch_up(&cut, |stage| stages.push(stage))
        .await
        .unwrap();
    assert!(stages.iter().all(|stage| stage.done <= stage.of));
    assert_eq!(stages.last().unwrap().done, stages.last().unwrap().of);
    assert_eq!(rebuilt.first, 9);
    let known = dump(&projection).await;
    for table in ["dids", "proposals", "accreditations", "terms"] {
        assert_eq!(known[table], whole[table], "{table}");
    }
    assert_eq!(known["blocks"].len() + 8, whole["blocks"].len());
    assert_eq!(projection.reading().await.unwrap().as_of.from, 9);
}

#[tokio::test]
async fn begins_anew_where_blocks_between_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::file(folder.path().join("model"));
    let world = World::new();
    let projection = built(&world, &place).await;
    let found = projection.height();
    projection.close().await;
    for n in 0..4 {
        world.anchor(n).await;
    }
    let ledger = world.ledger();
    let path = world.end();
    let path = path.path().join("ledger.redb");
    forget_blocks_before(found + 3, &path);
    let store = Store::open(&path, DiskLimit::none().into()).unwrap();
    let snapshot = store.snapshot().unwrap();
    let projection = Projection::open(&place, ledger, &snapshot).await.unwrap();
    let cut = Moment::stored(snapshot, found + 4);
    let rebuilt = projection.catch_up(&cut, |_| {}).await.unwrap();
    assert_eq!((rebuilt.first, rebuilt.height), (found + 3, found + 4));
    let anew = Place::file(folder.path().join("anew"));
    let anew = Projection::begin_anew(&anew, ledger).await.unwrap();
    anew.catch_up(&cut, |_| {}).await.unwrap();
    assert_eq!(dump(&projection).await, dump(&anew).await);
    let as_of = projection.reading().await.unwrap().as_of;
    assert_eq!((as_of.from, as_of.height), (found + 3, found + 4));
}

/// What pruning leaves of the blocks.
fn forget_blocks_before(first: u64, path: &std::path::Path) {
    let table = redb::TableDefinition::<u64, &[u8]>::new("blocks");
    let database = redb::Database::open(path).unwrap();
    let write = database.begin_write().unwrap();
    {
        let mut blocks = write.open_table(table).unwrap();
        for height in 1..first {
            assert!(blocks.remove(height).unwrap().is_some());
        }
    }
    write.commit().unwrap();
}

#[test]
fn a_place_is_a_file_or_a_database_and_shows_no_password() {
    let place = Place::parse("postgres://me:secret@db.example/reads?sslmode=disable").unwrap();
    assert_eq!(
        place.to_string(),
        "the PostgreSQL database db.example/reads"
    );
    assert!(!format!("{place:?}").contains("secret"));
    assert_eq!(
        Place::parse("sqlite:a/b.sqlite").unwrap(),
        Place::file("a/b.sqlite")
    );
    for (text, path) in [
        ("sqlite://near.sqlite", "near.sqlite"),
        ("sqlite:///far/away.sqlite", "/far/away.sqlite"),
        ("sqlite:/far/away.sqlite", "/far/away.sqlite"),
    ] {
        assert_eq!(Place::parse(text).unwrap(), Place::file(path), "{text}");
    }
    for bad in [
        "",
        "a.sqlite",
        "sqlite:",
        "sqlite://",
        "sqlite:////",
        "mysql://secret@a/b",
        "postgres://secret@a",
        "postgres://secret@a/",
    ] {
        let error = Place::parse(bad).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn no_connection_goes_unencrypted_over_a_network_unasked() {
    for near in [
        "postgres:///reads",
        "postgres://me@localhost/reads",
        "postgres://me@127.0.0.9/reads",
        "postgres://me@[::1]:5433/reads",
        "postgres://me@%2Frun%2Fpostgresql/reads",
        "postgres://me@db.example/reads?host=/run/postgresql",
        "postgres://me@localhost/reads?sslmode=prefer",
        "postgres://me@db.example/reads?sslmode=disable",
        "postgres://me@db.example/reads?sslmode=verify-full",
        "postgres://me@localhost/reads?ssl-mode=Verify-Full",
    ] {
        assert!(Place::parse(near).is_ok(), "{near}");
    }
    for (bad, why) in [
        ("postgres://me@db.example/reads", "say sslmode=verify-full"),
        (
            "postgres://me@192.0.2.1/reads?sslmode=prefer",
            "say sslmode=verify-full",
        ),
        (
            "postgres://me@localhost/reads?host=db.example",
            "say sslmode=verify-full",
        ),
        (
            "postgres://me@localhost/reads?hostaddr=192.0.2.1",
            "say sslmode=verify-full",
        ),
        (
            "postgres://me@db.example/reads?sslmode=require",
            "say verify-full",
        ),
        (
            "postgres://me@localhost/reads?ssl-mode=Verify-CA",
            "say verify-full",
        ),
    ] {
        let refused = Place::parse(bad).unwrap_err().to_string();
        assert!(refused.contains(why), "{bad}: {refused}");
    }
}

#[test]
fn a_host_of_the_environment_is_as_good_as_one_that_the_url_names() {
    let beside = |url: &str, set: &[(&str, &str)]| {
        let found = |name: &str| {
            let set = set.iter().find(|(known, _)| *known == name);
            set.map(|(_, value)| (*value).to_owned())
        };
        Place::parse_beside(url, found)
    };
    let elsewhere = [("PGHOST", "db.example")];
    for (url, set) in [
        ("postgres:///reads", &elsewhere[..]),
        ("postgres:///reads?sslmode=prefer", &elsewhere),
        (
            "postgres:///reads",
            &[("PGHOSTADDR", "192.0.2.1"), ("PGHOST", "localhost")],
        ),
    ] {
        let refused = beside(url, set).unwrap_err().to_string();
        assert!(refused.contains("PGHOST"), "{url}: {refused}");
    }
    for (url, set) in [
        ("postgres:///reads?sslmode=disable", &elsewhere[..]),
        ("postgres://localhost/reads", &elsewhere),
        ("postgres:///reads?host=/run/postgresql", &elsewhere),
        ("postgres:///reads", &[("PGHOST", "/run/postgresql")]),
        (
            "postgres:///reads",
            &[("PGHOSTADDR", "127.0.0.1"), ("PGHOST", "db.example")],
        ),
        ("postgres:///reads", &[]),
    ] {
        assert!(beside(url, set).is_ok(), "{url} {set:?}");
    }
}
