use super::*;
use crate::engine::Engine;
use crate::engine::fixtures::{TestClock, envelope, open};
use crate::projection::Place;

#[tokio::test]
async fn a_stream_waits_for_a_read_model_that_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &TestClock::new());
    let place = Place::file(folder.path().join("read-model.sqlite"));
    let ledger = engine.genesis().id();
    let projection = Projection::open(&place, ledger, engine.view().snapshot()).await;
    let projection = projection.unwrap();
    let _following = projection.follow(&Engine::from(engine.clone()));
    engine.submit(envelope(1)).await.unwrap();
    let written = engine.view().last_block();
    projection.until(written).await;

    let mut held = Vec::new();
    while let Ok(Ok(reading)) =
        tokio::time::timeout(Duration::from_millis(500), projection.reading_blocks()).await
    {
        held.push(reading);
    }
    assert!(!held.is_empty());
    let (events, mut waiting) = mpsc::channel(WAITING);
    let reader = Reader {
        projection: projection.clone(),
        facets: Facets::default(),
        after: Position::end_of(0),
        events,
        _seat: Seats::default()
            .take(IpAddr::V4(Ipv4Addr::LOCALHOST))
            .unwrap(),
    };
    let reading = tokio::spawn(reader.run());
    // Longer than a question waits for a connection.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(!reading.is_finished());
    assert!(waiting.try_recv().is_err());
    drop(held);
    let event = tokio::time::timeout(Duration::from_secs(10), waiting.recv()).await;
    assert!(event.unwrap().is_some());
    projection.end_streams();
    assert!(matches!(reading.await.unwrap(), End::Gone));
}
