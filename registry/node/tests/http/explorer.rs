//! Lists and search over HTTP: what they show, where they speak of, which questions they refuse.

use std::collections::BTreeSet;

use chop_http::Metrics;
use chop_protocol::keys;
use serde_json::Value;

use crate::world::{World, digest, key};

/// Anchors so many digests as the operator; the hashes of the envelopes.
async fn anchored(world: &World, from: u8, count: u8) -> Vec<String> {
    let mut hashes = Vec::new();
    for n in from..from + count {
        let envelope = world.anchoring(n, world.operator).sign(&[&key(2)]).unwrap();
        let reply = world
            .post("/v1/transactions", envelope.bytes().to_vec())
            .await;
        assert_eq!(reply.status, 201);
        hashes.push(envelope.hash().to_string());
    }
    hashes
}

/// Every item of a list, page by page.
async fn walk(world: &World, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("{path}limit={limit}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", String::from_utf8_lossy(&page.bytes));
        let page = page.json();
        assert_eq!(page["proven"], false);
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

#[tokio::test]
async fn an_answer_shows_what_was_written_before_it_was_asked() {
    let world = World::new().await;
    for n in 1..20 {
        let hash = anchored(&world, n, 1).await.remove(0);
        let newest = world.get("/v1/transactions?limit=1").await.json();
        assert_eq!(newest["items"][0]["hash"], hash, "{newest}");
        assert_eq!(newest["asOf"]["height"], world.engine.head().height);
        assert_eq!(newest["asOf"]["from"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keyed_reads_go_on_while_the_database_of_the_lists_is_away_and_lists_come_with_it() {
    let world = World::without_database().await;
    let hash = anchored(&world, 1, 1).await.remove(0);
    let height = world.engine.head().height;
    let metrics = Metrics::new();
    world.app.register(&metrics);
    let lists = [
        "blocks",
        "transactions",
        "dids",
        "accreditations",
        "proposals/all",
        "search?q=farm",
    ];
    for list in lists {
        let reply = world.get(&format!("/v1/{list}")).await;
        assert_eq!(reply.status, 503, "{list}");
        assert!(reply.headers.contains_key("retry-after"), "{list}");
    }
    let anchor = keys::anchor(&digest(1));
    for keyed in [
        &format!("/v1/state/{anchor}?proof=true"),
        &format!("/v1/transactions/{hash}"),
        &format!("/v1/blocks/{height}"),
        "/v1/members",
    ] {
        assert_eq!(world.get(keyed).await.status, 200, "{keyed}");
    }
    assert_eq!(
        world.get("/v1/status").await.json()["readModel"],
        Value::Null
    );
    let told = metrics.render();
    assert!(
        told.contains(&format!("\nchopmark_ledger_height {height}\n")),
        "{told}"
    );
    assert!(told.contains("\nchopmark_read_model_height 0\n"), "{told}");

    world.bring_database();
    let since = std::time::Instant::now();
    while world.get("/v1/status").await.json()["readModel"] != height {
        assert!(since.elapsed().as_secs() < 30, "the model does not come");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for list in lists {
        assert_eq!(
            world.get(&format!("/v1/{list}")).await.status,
            200,
            "{list}"
        );
    }
    let told = metrics.render();
    let shown = format!("\nchopmark_read_model_height {height}\n");
    assert!(told.contains(&shown), "{told}");
}

#[tokio::test]
async fn pages_hold_everything_once_while_more_is_written() {
    let world = World::new().await;
    let mut hashes = anchored(&world, 1, 7).await;
    let first = world.get("/v1/transactions?limit=3").await.json();
    anchored(&world, 100, 2).await;
    let next = first["next"].as_str().unwrap();
    let rest = world
        .get(&format!("/v1/transactions?limit=100&cursor={next}"))
        .await
        .json();
    let seen: Vec<_> = [first, rest]
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap().clone())
        .map(|item| item["hash"].as_str().unwrap().to_owned())
        .collect();
    hashes.reverse();
    assert_eq!(seen, hashes);
    let heights: Vec<_> = walk(&world, "/v1/blocks?", 4)
        .await
        .iter()
        .map(|block| block["height"].as_u64().unwrap())
        .collect();
    let top = world.engine.head().height;
    assert_eq!(heights, (1..=top).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_listed_is_what_the_keys_say() {
    let world = World::new().await;
    anchored(&world, 1, 2).await;
    let operator = world.operator.to_string();
    let dids = walk(&world, "/v1/dids?class=service&", 5).await;
    let listed: BTreeSet<_> = dids
        .iter()
        .map(|did| did["did"].as_str().unwrap())
        .collect();
    assert_eq!(listed, BTreeSet::from([operator.as_str()]));
    let by = walk(&world, &format!("/v1/transactions?actor={operator}&"), 1).await;
    assert_eq!(by.len(), 2);
    assert_eq!(by[0]["actions"][0]["type"], "credential.anchor");
    assert_eq!(by[0]["actions"][0]["about"], digest(2).to_string());
    let shown = world
        .get(&format!("/v1/blocks/{}", by[0]["height"]))
        .await
        .json();
    assert_eq!(shown["transactions"][0]["hash"], by[0]["hash"]);
    let block = &walk(&world, "/v1/blocks?", 100).await;
    let block = block
        .iter()
        .find(|block| block["height"] == by[0]["height"])
        .unwrap();
    assert_eq!(
        (&block["hash"], &block["envelopes"], &block["refused"]),
        (&shown["hash"], &Value::from(1), &Value::from(0))
    );
}

#[tokio::test]
async fn search_finds_and_says_where_it_is_shown() {
    let world = World::new().await;
    let hash = anchored(&world, 1, 1).await.remove(0);
    for (asked, kind) in [
        (hash.as_str(), "transaction"),
        (&digest(1).to_string(), "anchor"),
        (&world.operator.to_string(), "did"),
        ("1", "block"),
    ] {
        let found = world.get(&format!("/v1/search?q={asked}")).await.json();
        assert_eq!(found["proven"], false);
        let hits = found["hits"].as_array().unwrap();
        let hit = hits.iter().find(|hit| hit["kind"] == kind);
        let path = hit.unwrap()["path"].as_str().unwrap();
        assert_eq!(world.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn refuses_malformed_questions() {
    let world = World::new().await;
    anchored(&world, 1, 3).await;
    let page = world.get("/v1/transactions?limit=1").await.json();
    let cursor = page["next"].as_str().unwrap();
    let mut changed = cursor.to_owned();
    changed.replace_range(..1, if cursor.starts_with('A') { "B" } else { "A" });
    let long = "x".repeat(201);
    for bad in [
        "blocks?limit=0",
        "blocks?limit=101",
        "blocks?limit=-1",
        "blocks?limit=1&limit=1",
        "blocks?before=7",
        "blocks?cursor=7",
        &format!("blocks?cursor={cursor}"),
        &format!("transactions?cursor={changed}"),
        &format!("transactions?cursor={cursor}&outcome=committed"),
        "transactions?actor=nobody",
        "transactions?did=did:web:a.example",
        "transactions?action=everything",
        "transactions?outcome=maybe",
        "transactions?from=x",
        "dids?class=animal",
        "dids?controller=did:chop:x",
        "accreditations?live_at=yesterday",
        "accreditations?type=a%20b",
        "accreditations?issuer=x",
        "search",
        "search?q=",
        "search?q=%00",
        "search?q=a&limit=51",
        &format!("search?q={long}"),
        "events?actor=x",
        "events?outcome=committed",
    ] {
        let reply = world.get(&format!("/v1/{bad}")).await;
        assert_eq!(reply.status, 400, "{bad}");
        assert!(reply.json()["detail"].as_str().unwrap().len() > 10, "{bad}");
    }
    let reply = world
        .get(&format!("/v1/transactions?cursor={changed}"))
        .await;
    let detail = reply.json()["detail"].to_string();
    assert!(detail.contains("`next` of an earlier answer"), "{detail}");
    for (missing, status) in [("99999", 404), ("0", 404), ("x", 400)] {
        let reply = world.get(&format!("/v1/blocks/{missing}")).await;
        assert_eq!(reply.status, status, "{missing}");
    }
}
