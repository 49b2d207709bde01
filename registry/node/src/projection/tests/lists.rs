//! Lists page by page, filters, events, and search.

use std::collections::BTreeSet;
use std::sync::Arc;

use chop_integrity::Timestamp;
use chop_protocol::Standing;
use chop_protocol::http::listed::{Hit, ListedResult, ListedTransaction};
use tokio::task::JoinSet;

use super::world::digest;
use super::{World, moment, open};
use crate::projection::{Accredited, Facets, Place, Position, Projection, Search};

pub(super) async fn are_whole_and_bounded(world: &World, projection: &Projection) {
    let all = transactions(projection, &Facets::default(), 100).await;
    assert!(all.len() > 30);
    assert!(all.windows(2).all(|pair| {
        let place = |listed: &ListedTransaction| (listed.height, listed.index);
        place(&pair[0]) > place(&pair[1])
    }));
    for limit in [1, 3] {
        let paged = transactions(projection, &Facets::default(), limit).await;
        assert_eq!(paged, all, "in pages of {limit}");
    }
    for facets in facets(world) {
        let wanted: Vec<_> = all
            .iter()
            .filter(|listed| matches(&facets, listed))
            .cloned()
            .collect();
        let found = transactions(projection, &facets, 2).await;
        assert_eq!(found, wanted, "{facets:?}");
        assert!(!found.is_empty(), "{facets:?}");
        assert!(found.len() < all.len(), "{facets:?}");
        let mut events = events(projection, &facets).await;
        events.reverse();
        if facets.committed.is_none() && facets.from.is_none() && facets.to.is_none() {
            assert_eq!(events, wanted, "{facets:?}");
        }
    }
    blocks_and_dids(world, projection).await;
    accreditations_and_proposals(world, projection).await;
}

fn facets(world: &World) -> Vec<Facets> {
    let none = Facets::default();
    let did = |seed| Some(world.did(seed).to_string());
    let action = |name: &str| Some(name.to_owned());
    vec![
        Facets {
            actor: did(3),
            ..none.clone()
        },
        Facets {
            did: did(4),
            ..none.clone()
        },
        Facets {
            action: action("did.update"),
            ..none.clone()
        },
        Facets {
            committed: Some(false),
            ..none.clone()
        },
        Facets {
            committed: Some(true),
            ..none.clone()
        },
        Facets {
            from: Some(5),
            to: Some(12),
            ..none.clone()
        },
        Facets {
            actor: did(3),
            committed: Some(true),
            from: Some(4),
            ..none.clone()
        },
        Facets {
            did: did(4),
            actor: did(3),
            ..none.clone()
        },
        Facets {
            did: did(3),
            action: action("did.update"),
            committed: Some(false),
            ..none
        },
    ]
}

/// The filters, said once more.
fn matches(facets: &Facets, listed: &ListedTransaction) -> bool {
    let actor = listed.actor.to_string();
    let mut about = listed.actions.iter().flat_map(|action| &action.dids);
    let committed = listed.result == ListedResult::Committed;
    facets.actor.as_ref().is_none_or(|wanted| *wanted == actor)
        && facets
            .did
            .as_ref()
            .is_none_or(|wanted| *wanted == actor || about.any(|did| did.to_string() == *wanted))
        && facets
            .action
            .as_ref()
            .is_none_or(|wanted| listed.actions.iter().any(|action| action.kind == *wanted))
        && facets.committed.is_none_or(|wanted| wanted == committed)
        && facets.from.is_none_or(|from| listed.height >= from)
        && facets.to.is_none_or(|to| listed.height <= to)
}

async fn transactions(
    projection: &Projection,
    facets: &Facets,
    limit: usize,
) -> Vec<ListedTransaction> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let mut reading = projection.reading().await.unwrap();
        let page = reading.transactions(facets, before, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        all.extend(page.items);
        match page.next {
            None => return all,
            Some(next) => before = Some(Position::parse(&next).unwrap()),
        }
    }
}

/// Every event, as a stream reads them: from the beginning, some at a time.
async fn events(projection: &Projection, facets: &Facets) -> Vec<ListedTransaction> {
    let mut all = Vec::new();
    let mut after = Position {
        height: 0,
        index: 0,
    };
    loop {
        let mut reading = projection.reading().await.unwrap();
        let found = reading.events(facets, after, 3).await.unwrap();
        all.extend(found.transactions);
        if !found.more {
            return all;
        }
        after = found.until;
    }
}

/// What waits together comes into one block.
#[tokio::test]
async fn a_last_block_of_more_events_than_are_read_at_once_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let world = Arc::new(World::new());
    let projection = open(&world, &Place::file(folder.path().join("model"))).await;
    let projection = projection.unwrap();
    for crowd in 0..50 {
        let mut many = JoinSet::new();
        for n in crowd * 20..(crowd + 1) * 20 {
            let world = Arc::clone(&world);
            many.spawn(async move { world.anchor(n).await });
        }
        many.join_all().await;
        // Without the empty block that proves it.
        let mut moment = moment(&world);
        moment.height -= 1;
        projection.catch_up(&moment, |_| {}).await.unwrap();
        let mut reading = projection.reading().await.unwrap();
        let last = reading.block(reading.as_of.height).await.unwrap().unwrap();
        if last.envelopes > 3 {
            let all = events(&projection, &Facets::default()).await;
            assert_eq!(all.len() as u64, (crowd + 1) * 20);
            return;
        }
    }
    panic!("no last block has many");
}

async fn blocks_and_dids(world: &World, projection: &Projection) {
    let top = world.engine.view().last_block();
    let (mut heights, mut below) = (Vec::new(), None);
    loop {
        let mut reading = projection.reading().await.unwrap();
        let page = reading.blocks(below, 7).await.unwrap();
        heights.extend(page.items.iter().map(|block| block.height));
        match page.next {
            None => break,
            Some(next) => below = next.parse().ok(),
        }
    }
    assert_eq!(heights, (1..=top).rev().collect::<Vec<_>>());
    let (three, four) = (world.did(3).to_string(), world.did(4).to_string());
    let by = |did: &str| ("controller", Some(did.to_owned()));
    let class = |name: &str| ("class", Some(name.to_owned()));
    for (filters, wanted) in [
        (vec![], 10),
        (vec![class("organisation")], 4),
        (vec![class("product")], 6),
        (vec![by(&three)], 4),
        (vec![by(&four), class("product")], 1),
        (vec![by(&three), class("organisation")], 0),
    ] {
        let (mut found, mut after) = (BTreeSet::new(), None);
        loop {
            let mut reading = projection.reading().await.unwrap();
            let page = reading.dids(&filters, after.as_deref(), 2).await.unwrap();
            for did in page.items {
                assert!(found.insert(did.did), "{filters:?}");
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), wanted, "{filters:?}");
    }
    let mut reading = projection.reading().await.unwrap();
    let all = reading.dids(&[], None, 100).await.unwrap().items;
    assert_eq!(all.iter().filter(|did| did.deactivated).count(), 1);
    let rotated = all.iter().find(|did| did.did == world.did(3)).unwrap();
    assert_eq!(rotated.versions, 7);
    assert!(rotated.updated > rotated.created);
}

async fn accreditations_and_proposals(world: &World, projection: &Projection) {
    let mut reading = projection.reading().await.unwrap();
    let none = Accredited::default();
    let all = reading
        .accreditations(&none, None, 100)
        .await
        .unwrap()
        .items;
    let standings: Vec<_> = all.iter().map(|listed| listed.standing).collect();
    assert_eq!(
        standings,
        [Standing::Voided, Standing::Live, Standing::Live],
        "newest first"
    );
    let first = all.last().unwrap().accreditation.time;
    let suspended = all[1].accreditation.events[0].time;
    for (asked, wanted) in [
        (
            Accredited {
                live_at: Some(suspended),
                ..none.clone()
            },
            1,
        ),
        (
            Accredited {
                live_at: Some(first),
                ..none.clone()
            },
            1,
        ),
        (
            Accredited {
                live_at: Some(first.minus_ms(1)),
                ..none.clone()
            },
            0,
        ),
        (
            Accredited {
                subject: Some(world.did(4).to_string()),
                ..none.clone()
            },
            1,
        ),
        (
            Accredited {
                issuer: Some(world.did(1).to_string()),
                credential_type: Some("QualityInspection".to_owned()),
                ..none.clone()
            },
            2,
        ),
        (
            Accredited {
                credential_type: Some("Other".to_owned()),
                ..none.clone()
            },
            0,
        ),
    ] {
        let found = reading.accreditations(&asked, None, 100).await.unwrap();
        assert_eq!(found.items.len(), wanted, "{asked:?}");
    }
    let page = reading.accreditations(&none, None, 2).await.unwrap();
    let rest = reading.accreditations(&none, page.next.as_deref(), 2).await;
    let rest = rest.unwrap();
    assert_eq!(
        (page.items.len(), rest.items.len(), rest.next),
        (2, 1, None)
    );
    let proposals = reading.proposals(None, None, 100).await.unwrap().items;
    assert_eq!(proposals.len(), 2);
    assert!(proposals[0].height > proposals[1].height);
    assert!(proposals[1].decision.is_some());
    let own = Some(world.did(2).to_string());
    let own = reading.proposals(own, None, 100).await.unwrap().items;
    assert_eq!(own.len(), 1);
    assert!(reading.time().await.unwrap() > Timestamp::from_unix_ms(0));
}

pub(super) async fn find_what_was_sought(world: &World, projection: &Projection) {
    let (three, four) = (world.did(3).to_string(), world.did(4).to_string());
    let newest = transactions(projection, &Facets::default(), 1).await;
    let newest = newest[0].hash.to_string();
    let anchored = digest(1).to_string();
    let identifier = three.rsplit(':').next().unwrap();
    for (asked, kind, id) in [
        (three.as_str(), "did", three.as_str()),
        (&three[..30], "did", &three),
        (&identifier[..12], "did", &three),
        ("SOUTH.ex", "did", &three),
        ("öl", "member", &four),
        ("fruit", "member", &four),
        ("compan", "member", &four),
        ("inspection", "schema", "orchard-inspection"),
        ("quality", "type", "QualityInspection"),
        ("inspec", "type", "QualityInspection"),
        (&newest, "transaction", &newest),
        (&newest[..10], "transaction", &newest),
        (&anchored, "anchor", &anchored),
        ("7", "block", "7"),
    ] {
        let hits = search(world, projection, asked, 20).await;
        assert!(
            hits.iter().any(|hit| hit.kind == kind && hit.id == id),
            "{asked}: {hits:?}"
        );
    }
    // Names that a later version of the document no longer has, and what only looks like a pattern.
    for asked in [
        "north-farm",
        "%",
        "_",
        "a\\b",
        "99999999",
        "'; DROP TABLE terms",
    ] {
        let hits = search(world, projection, asked, 20).await;
        assert!(hits.is_empty(), "{asked}: {hits:?}");
    }
    let (hits, more) = searched(world, projection, "did:chop:", 2).await;
    assert_eq!((hits.len(), more), (2, true));
    // One name of seven equal words is one hit, and hides no other.
    let (hits, more) = searched(world, projection, "lot", 3).await;
    let kinds: Vec<_> = hits.iter().map(|hit| hit.kind.as_str()).collect();
    assert_eq!((kinds, more), (vec!["did", "schema"], false), "{hits:?}");
}

async fn search(world: &World, projection: &Projection, asked: &str, limit: usize) -> Vec<Hit> {
    searched(world, projection, asked, limit).await.0
}

async fn searched(
    world: &World,
    projection: &Projection,
    asked: &str,
    limit: usize,
) -> (Vec<Hit>, bool) {
    let view = world.engine.view();
    let search = Search {
        asked,
        ledger: world.ledger(),
        state: view.snapshot(),
        item: None,
        limit,
    };
    let mut reading = projection.reading().await.unwrap();
    search.run(&mut reading).await.unwrap()
}
