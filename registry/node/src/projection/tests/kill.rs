//! A process is killed while its read model follows; nothing is lost, nothing is there twice.
//!
//! The test runs itself again as the process to be killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::postgres::Cluster;
use super::world::{founded_ms, genesis, numbered, open};
use super::{dump, latest};
use crate::engine::Engine;
use crate::projection::{Place, Projection};

const CHILD: &str = "CHOP_PROJECTION_CHILD";

fn clock(run: u64) -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(
        founded_ms() + 1_000 + i64::try_from(run).unwrap() * 600_000,
    ))
}

/// Submits without end, and prints the height that the model has reached.
async fn be_killed(folder: &Path, place: &Place, run: u64) {
    let clock = clock(run);
    let solo = open(folder, genesis(), &clock);
    let view = solo.view();
    let projection = Projection::open(place, genesis().id(), view.snapshot()).await;
    let projection = projection.unwrap();
    drop(view);
    let _follower = projection.follow(&Engine::from(solo.clone()));
    let genesis = genesis();
    for n in run * 1_000_000.. {
        clock.fetch_add(1, Ordering::SeqCst);
        assert!(
            solo.submit(numbered(&genesis, n))
                .await
                .unwrap()
                .is_committed()
        );
        println!("at {}", projection.height());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_a_model_that_goes_on() {
    if let Ok(child) = std::env::var(CHILD) {
        let [run, folder, place] = child.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{child}");
        };
        let place = Place::parse(place).unwrap();
        be_killed(Path::new(folder), &place, run.parse().unwrap()).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = format!("sqlite:{}", folder.path().join("model").display());
    goes_on_after_kills(&place, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_a_model_in_postgresql_that_goes_on() {
    let Some(cluster) = Cluster::start().await else {
        return;
    };
    cluster.database("killed").await;
    goes_on_after_kills(&cluster.url("killed"), 2).await;
}

/// Kills a process at another place each time; what it leaves goes on, and equals what is built anew.
async fn goes_on_after_kills(url: &str, kills: u64) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::parse(url).unwrap();
    for run in 0..kills {
        let told = run_and_kill(folder.path(), url, run);
        let solo = open(folder.path(), genesis(), &clock(run + 1));
        let view = solo.view();
        let projection = Projection::open(&place, genesis().id(), view.snapshot())
            .await
            .unwrap();
        assert!(projection.height() >= told, "what was committed is there");
        let moment = latest(&solo);
        projection.catch_up(&moment, |_| {}).await.unwrap();
        let anew = Place::file(folder.path().join(format!("anew-{run}.sqlite")));
        let anew = Projection::begin_anew(&anew, genesis().id()).await.unwrap();
        anew.catch_up(&moment, |_| {}).await.unwrap();
        assert_eq!(dump(&projection).await, dump(&anew).await);
        projection.close().await;
        drop((view, moment));
        solo.stop();
    }
}

/// Runs the first test as a child and kills it; the last height that it told.
fn run_and_kill(folder: &Path, place: &str, run: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("projection::tests::kill::a_killed_process_leaves_a_model_that_goes_on")
        .env(CHILD, format!("{run} {} {place}", folder.display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // At another place each time.
    let until = 1 + run * 7_919 % 97;
    let (mut lines_seen, mut told) = (0, 0);
    for line in lines {
        let Ok(line) = line else { break };
        if let Some(height) = line.strip_prefix("at ") {
            told = height.parse().unwrap_or(told);
            lines_seen += 1;
            if lines_seen == until {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    assert!(lines_seen >= until, "the child died by itself");
    told
}
