//! The stream of events: in order, whole over broken connections, bounded.

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::Request;
use chop_http::{PeerAddress, Proxies};
use serde_json::Value;

use crate::world::{Reply, World, key};

/// A stream that a client reads.
struct Stream {
    body: Body,
    text: String,
}

/// What the stream said.
#[derive(Debug, PartialEq)]
struct Said {
    event: String,
    id: String,
    data: Value,
}

impl Stream {
    async fn open(world: &World, path: &str, last: Option<&str>) -> Self {
        Self::open_from(world, path, last, None).await
    }

    /// The same for a client at an address.
    async fn open_from(world: &World, path: &str, last: Option<&str>, from: Option<u8>) -> Self {
        let mut request = Request::get(path);
        if let Some(from) = from {
            request = request.extension(at(from));
        }
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = world.respond(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<Said> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let said = said(event);
                let rest = rest.len();
                self.text.drain(..self.text.len() - rest);
                if let Some(said) = said {
                    return Some(said);
                }
                continue;
            }
            let frame =
                std::future::poll_fn(|context| Pin::new(&mut self.body).poll_frame(context));
            let frame = tokio::time::timeout(Duration::from_secs(10), frame).await;
            let data = frame.unwrap()?.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    async fn hashes(&mut self, count: usize) -> Vec<String> {
        let mut hashes = Vec::new();
        for _ in 0..count {
            let said = self.next().await.unwrap();
            assert_eq!(said.event, "transaction");
            hashes.push(said.data["hash"].as_str().unwrap().to_owned());
        }
        hashes
    }
}

/// An address as a listener notes it.
fn at(n: u8) -> PeerAddress {
    PeerAddress(IpAddr::from([192, 0, 2, n]))
}

/// Asks for one more stream from an address, and what it is told.
async fn refusal(world: &World, from: PeerAddress, forwarded_for: &'static str) -> Reply {
    let request = Request::get("/v1/events").extension(from);
    let request = request.header("x-forwarded-for", forwarded_for);
    world.send(request.body(Body::empty()).unwrap()).await
}

/// Reads one event; comments are none.
fn said(text: &str) -> Option<Said> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")))
            .map(str::to_owned)
    };
    Some(Said {
        event: field("event")?,
        id: field("id").unwrap_or_default(),
        data: serde_json::from_str(&field("data")?).unwrap(),
    })
}

async fn anchor(world: &World, n: u8) -> String {
    let envelope = world.anchoring(n, world.operator).sign(&[&key(2)]).unwrap();
    let reply = world
        .post("/v1/transactions", envelope.bytes().to_vec())
        .await;
    assert_eq!(reply.status, 201);
    envelope.hash().to_string()
}

#[tokio::test]
async fn a_stream_begins_with_what_comes_next_or_behind_the_id_that_was_seen() {
    let world = World::new().await;
    let before = anchor(&world, 1).await;
    let mut live = Stream::open(&world, "/v1/events", None).await;
    let mut all = Stream::open(&world, "/v1/events", Some("0.0")).await;
    let first = all.next().await.unwrap();
    assert_eq!(first.data["hash"], before);
    assert_eq!(
        first.id,
        format!("{}.{}", first.data["height"], first.data["index"])
    );
    let after = anchor(&world, 2).await;
    assert_eq!(live.hashes(1).await, std::slice::from_ref(&after));
    assert_eq!(all.hashes(1).await, std::slice::from_ref(&after));
    let mut resumed = Stream::open(&world, "/v1/events", Some(&first.id)).await;
    assert_eq!(resumed.hashes(1).await, [after]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_or_repeated_over_broken_connections_while_others_write() {
    let world = std::sync::Arc::new(World::new().await);
    let writing = std::sync::Arc::clone(&world);
    let written = tokio::spawn(async move {
        let mut hashes = Vec::new();
        for n in 1..=120 {
            hashes.push(anchor(&writing, n).await);
        }
        hashes
    });
    let (mut seen, mut ids) = (Vec::new(), Vec::new());
    let mut last = "0.0".to_owned();
    // Each connection is dropped after some events, in the middle of what it had to say.
    for count in (1..=9).cycle() {
        let mut stream = Stream::open(&world, "/v1/events", Some(&last)).await;
        for _ in 0..count {
            let said = stream.next().await.unwrap();
            seen.push(said.data["hash"].as_str().unwrap().to_owned());
            last = said.id;
            let (height, index) = last.split_once('.').unwrap();
            ids.push((
                height.parse::<u64>().unwrap(),
                index.parse::<u64>().unwrap(),
            ));
            if seen.len() == 120 {
                break;
            }
        }
        if seen.len() == 120 {
            break;
        }
    }
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(seen, written.await.unwrap());
}

#[tokio::test]
async fn filters_choose_and_still_move_on() {
    let world = World::new().await;
    let operator = world.operator;
    let mut own = Stream::open(&world, &format!("/v1/events?did={operator}"), Some("0.0")).await;
    let path = "/v1/events?action=did.create";
    let mut creates = Stream::open(&world, path, Some("0.0")).await;
    let hash = anchor(&world, 1).await;
    assert_eq!(own.hashes(1).await, [hash]);
    world.projection.end_streams();
    assert_eq!(creates.next().await, None, "it heard of nothing else");
}

#[tokio::test]
async fn streams_are_bounded_and_end_with_the_node() {
    let world = World::new().await;
    let mut open = Vec::new();
    for client in 0..4 {
        for _ in 0..16 {
            open.push(Stream::open_from(&world, "/v1/events", None, Some(client)).await);
        }
        // What the client writes of itself makes no other of it.
        let reply = refusal(&world, at(client), "198.51.100.7").await;
        assert_eq!(reply.status, 429);
        assert!(reply.headers.contains_key("retry-after"));
        let detail = reply.json()["detail"].to_string();
        assert!(detail.contains("at most 16 streams"), "{detail}");
    }
    let reply = refusal(&world, at(9), "").await;
    assert_eq!(reply.status, 503);
    assert!(reply.headers.contains_key("retry-after"));
    // A consumer that goes away makes room.
    open.pop();
    let mut waited = 0;
    loop {
        let again = Request::get("/v1/events").extension(at(3));
        let again = again.body(Body::empty()).unwrap();
        let response = world.respond(again).await;
        if response.status() == 200 {
            break;
        }
        waited += 1;
        assert!(waited < 100);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.projection.end_streams();
    for stream in &mut open {
        assert_eq!(stream.next().await, None);
    }
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_a_share_each() {
    let proxies = Proxies::new(["192.0.2.1".parse().unwrap()]);
    let world = World::behind(proxies).await;
    let ask = async |client: &'static str| {
        let request = Request::get("/v1/events").extension(at(1));
        let request = request.header("x-forwarded-for", client);
        world.respond(request.body(Body::empty()).unwrap()).await
    };
    let mut open = Vec::new();
    for client in ["203.0.113.1", "203.0.113.2"] {
        for _ in 0..16 {
            let response = ask(client).await;
            assert_eq!(response.status(), 200, "{client}");
            open.push(response);
        }
    }
    assert_eq!(ask("203.0.113.1").await.status(), 429);
    assert_eq!(ask("203.0.113.3").await.status(), 200);
}

#[tokio::test]
async fn a_consumer_that_leaves_its_events_waiting_is_told_and_goes_on_by_id() {
    let world = World::new().await;
    let mut slow = Stream::open(&world, "/v1/events", Some("0.0")).await;
    let mut written = Vec::new();
    for n in 1..=80 {
        written.push(anchor(&world, n).await);
    }
    // Longer than the node waits for it.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let (mut seen, mut last) = (Vec::new(), String::new());
    loop {
        let said = slow.next().await.unwrap();
        if said.event == "lagged" {
            break;
        }
        seen.push(said.data["hash"].as_str().unwrap().to_owned());
        last = said.id;
    }
    assert_eq!(slow.next().await, None);
    assert!(seen.len() < 80);
    let mut again = Stream::open(&world, "/v1/events", Some(&last)).await;
    seen.extend(again.hashes(80 - seen.len()).await);
    assert_eq!(seen, written);
}

#[tokio::test]
async fn goes_on_behind_an_event_that_another_node_had_first() {
    let world = World::new().await;
    anchor(&world, 1).await;
    // A block without transactions follows each with some.
    let ahead = format!("{}.0", world.engine.head().height + 3);
    let mut by_header = Stream::open(&world, "/v1/events?after=0.0", Some(&ahead)).await;
    let mut by_query = Stream::open(&world, &format!("/v1/events?after={ahead}"), None).await;
    for n in 2..=3 {
        anchor(&world, n).await;
    }
    let next = anchor(&world, 4).await;
    assert_eq!(by_header.hashes(1).await, std::slice::from_ref(&next));
    assert_eq!(by_query.hashes(1).await, [next]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_begins_before_its_database_is_there_hears_of_everything() {
    let world = World::without_database().await;
    let before = anchor(&world, 1).await;
    let mut live = Stream::open(&world, "/v1/events", None).await;
    let mut all = Stream::open(&world, "/v1/events", Some("0.0")).await;
    world.bring_database();
    let after = anchor(&world, 2).await;
    assert_eq!(live.hashes(1).await, std::slice::from_ref(&after));
    assert_eq!(all.hashes(2).await, [before, after]);
}

#[tokio::test]
async fn refuses_ids_that_are_none_or_of_another_ledger() {
    let world = World::new().await;
    for bad in ["x", "1", "1.x", "9999999.0", "-1.0"] {
        let asked = world.get(&format!("/v1/events?after={bad}")).await;
        assert_eq!(asked.status, 400, "{bad}");
        let request = Request::get("/v1/events").header("last-event-id", bad);
        let response = world.respond(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_are_not_known_any_more_are_named_and_never_passed_over() {
    let world = World::without_database_keeping(4).await;
    for n in 1..=9 {
        anchor(&world, n).await;
    }
    // Opened before it was known where the model begins.
    let mut early = Stream::open(&world, "/v1/events", Some("2.0")).await;
    world.bring_database();
    let gap = early.next().await.unwrap();
    let first = gap.data["first"].as_u64().unwrap();
    assert_eq!(gap.event, "gap");
    assert!(first > 3, "{gap:?}");
    let told = early.next().await.unwrap();
    assert_eq!(told.event, "transaction");
    assert!(told.data["height"].as_u64().unwrap() >= first, "{told:?}");

    // Block `first - 1` may have had more events than the one that was seen.
    for gone in ["1.0".to_owned(), format!("{}.0", first - 1)] {
        let refused = world.get(&format!("/v1/events?after={gone}")).await;
        assert_eq!(refused.status, 410, "{gone}");
        assert_eq!(refused.json()["firstHeight"], first);
    }
    for known in ["0.0", &gap.id] {
        let mut again = Stream::open(&world, "/v1/events", Some(known)).await;
        assert_eq!(again.next().await.as_ref(), Some(&told), "{known}");
    }
}
