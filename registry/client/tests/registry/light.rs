//! The light client: changes of validators, nodes that lie, and forks.

use chop_client::light::{LightClient, LightError, Place, Step};
use chop_client::{HttpRegistry, ReadError, Registry as _};
use chop_proof::build::hash_bytes;
use chop_proof::{Evidence, ProofError};

use crate::chain::{Chain, root};

/// Every fifty heights one of four leaves and another comes: the last four are none of the first.
fn one_by_one(height: u64) -> Vec<u8> {
    let first = u8::try_from(height / 50).unwrap() + 1;
    (first..first + 4).collect()
}

/// At height 300 all hand over to others.
fn all_at_once(height: u64) -> Vec<u8> {
    if height <= 300 {
        vec![1, 2, 3, 4]
    } else {
        vec![11, 12, 13, 14]
    }
}

fn strangers(_: u64) -> Vec<u8> {
    vec![66, 67, 68]
}

#[tokio::test]
async fn skips_over_gradual_changes_with_few_requests() {
    let chain = Chain::new(500, one_by_one);
    let (node, served) = chain.serve().await;
    let client = LightClient::new(node, root(&one_by_one(1)));
    let trail = client.walk(None, Place::Latest, Step::Skip).await.unwrap();
    assert_eq!(trail.reached.height(), 500);
    assert_eq!(trail.reached.hash(), chain.hash(500));
    let requests = served.requests();
    assert!(requests <= 16, "{requests} requests");
}

#[tokio::test]
async fn finds_the_header_that_hands_over_to_everybody_else() {
    let chain = Chain::new(500, all_at_once);
    let (node, served) = chain.serve().await;
    let client = LightClient::new(node, root(&all_at_once(1)));
    let trail = client
        .walk(None, Place::Height(480), Step::Skip)
        .await
        .unwrap();
    assert_eq!(
        trail.reached.own_trust_root().unwrap(),
        root(&all_at_once(480))
    );
    assert!(trail.blocks.iter().any(|block| block.height() == 300));
    let requests = served.requests();
    assert!(requests <= 20, "{requests} requests");
}

#[tokio::test]
async fn lists_every_change_for_evidence_that_needs_no_overlap() {
    let chain = Chain::new(260, one_by_one);
    let (node, _) = chain.serve().await;
    let pinned = root(&one_by_one(1));
    let client = LightClient::new(node, pinned.clone());
    let trail = client
        .walk(None, Place::Height(255), Step::Change)
        .await
        .unwrap();
    let headers = trail.way_below(255).headers;
    let heights: Vec<_> = headers
        .iter()
        .map(|header| header.decode().unwrap().height())
        .collect();
    assert_eq!(heights, [49, 99, 149, 199, 249]);
    let (later, checkpoint) = client.checkpoint(255).await.unwrap().unwrap();
    assert!(later.handover.is_none());
    assert_eq!(later.headers, headers);
    assert_eq!(checkpoint.height().unwrap(), 260);
    assert_eq!(checkpoint.links.len(), 4);
    let last = chain.blocks[254].clone();
    let sealed = chop_proof::StateProof::new(last.signed_header, &last.validators, Vec::new());
    let evidence = Evidence {
        handover: None,
        headers,
        proof: chop_proof::BatchProof {
            signed_header: sealed.signed_header,
            validators: sealed.validators,
            statements: Vec::new(),
        },
        checkpoint: Some(checkpoint),
        timestamp: None,
    };
    let verified = evidence
        .verify(&pinned, chop_http::clock::now_ms())
        .unwrap();
    assert_eq!(verified.header.height, 255);
    assert_eq!(verified.checkpoint.unwrap().height, 260);
    assert!(client.checkpoint(260).await.unwrap().is_none());
}

#[tokio::test]
async fn refuses_a_chain_of_strangers() {
    let (node, _) = Chain::new(20, strangers).serve().await;
    let client = LightClient::new(node, root(&one_by_one(1)));
    let refused = client.walk(None, Place::Latest, Step::Skip).await;
    assert!(
        matches!(refused, Err(LightError::NoBeginning { height: 1 })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn refuses_strangers_who_continue_an_honest_chain() {
    let honest = Chain::new(100, |_| vec![1, 2, 3, 4]);
    let hijacked = honest.forked(60, 100, strangers);
    let (node, _) = hijacked.serve().await;
    let client = LightClient::new(node, root(&[1, 2, 3, 4]));
    let refused = client.walk(None, Place::Latest, Step::Skip).await;
    assert!(
        matches!(refused, Err(LightError::Untrusted { height: 61, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_registry_reads_on_when_the_validators_change_and_never_goes_back() {
    let chain = Chain::new(320, all_at_once);
    let (node, served) = chain.serve().await;
    let registry = HttpRegistry::new(node, root(&all_at_once(1)));
    for _ in 0..3 {
        let read = registry.read("did/nobody").await.unwrap();
        assert_eq!((read.value, read.header.height), (None, 320));
    }
    let walked = served.requests();
    assert!(walked <= 16, "{walked} requests for three reads");

    // Those who handed over at 300 write a newer history of their own: who has seen the others does not believe it.
    let usurped = chain.forked(299, 330, |_| vec![1, 2, 3, 4]);
    served.switch(&usurped);
    let refused = registry.read("did/nobody").await;
    assert!(
        matches!(
            refused,
            Err(ReadError::Header(_) | ReadError::Unproven { .. })
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_witness_confirms_lags_or_shows_a_fork() {
    let chain = Chain::new(320, all_at_once);
    let pinned = root(&all_at_once(1));
    let (node, _) = chain.serve().await;
    let (agreeing, _) = chain.serve().await;
    let agreed = HttpRegistry::new(node.clone(), pinned.clone()).with_witness(agreeing);
    assert!(agreed.read("did/nobody").await.is_ok());

    let forked = chain.forked(310, 320, all_at_once);
    let (other, _) = forked.serve().await;
    let doubted = HttpRegistry::new(node.clone(), pinned.clone()).with_witness(other);
    let Err(ReadError::Header(LightError::Forked { height, evidence })) =
        doubted.read("did/nobody").await
    else {
        panic!("the fork is not reported")
    };
    let proven = evidence.verify(&pinned).unwrap();
    assert_eq!((height, proven.height), (320, 320));
    let hashes = [chain.hash(320), forked.hash(320)].map(|hash| hash_bytes(hash).unwrap());
    assert_eq!(proven.hashes, hashes);
    assert_eq!(proven.signed_both.len(), 4);

    // What nobody signed is no fork, and no confirmation either.
    let (liar, _) = chain.forked(310, 320, strangers).serve().await;
    let unconfirmed = HttpRegistry::new(node, pinned).with_witness(liar);
    let refused = unconfirmed.read("did/nobody").await;
    assert!(
        matches!(
            refused,
            Err(ReadError::Header(LightError::NoWitness { height: 320, .. }))
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn two_promotions_of_one_ledger_are_shown_to_anybody_with_the_old_root() {
    // One history ends the solo ledger at height 6, the other one at height 10.
    let early = Chain::promoted(14, 5, |height| match height {
        ..=6 => vec![1],
        _ => vec![2, 3, 4, 5],
    });
    let late = Chain::promoted(14, 9, |height| match height {
        ..=10 => vec![1],
        _ => vec![6, 7, 8, 9],
    });
    for (ours, theirs) in [(&early, &late), (&late, &early)] {
        let (node, _) = ours.serve().await;
        let (witness, _) = theirs.serve().await;
        let client = LightClient::new(node, root(&[1]));
        let trail = client
            .walk(None, Place::Height(13), Step::Skip)
            .await
            .unwrap();
        assert!(trail.handover.is_some());
        let hash = hash_bytes(ours.hash(13)).unwrap();
        let refused = client.confirm(&witness, 13, hash).await;
        let Err(LightError::Forked { height, evidence }) = refused else {
            panic!("{refused:?}");
        };
        let proven = evidence.verify(&root(&[1])).unwrap();
        assert_eq!((height, proven.height), (6, 6));
        assert_eq!(proven.signed_both.len(), 1, "the solo key signed both");
    }
}

#[tokio::test]
async fn refuses_an_answer_for_another_height() {
    let chain = Chain::new(5, |_| vec![1]);
    let mut shifted = chain.clone();
    shifted.blocks.remove(0);
    let (node, _) = shifted.serve().await;
    let client = LightClient::new(node, root(&[1]));
    let refused = client.walk(None, Place::Height(3), Step::Skip).await;
    assert!(
        matches!(refused, Err(LightError::OtherHeight { asked: 3, found: 4 })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn names_what_is_wrong_with_a_header() {
    let mut chain = Chain::new(3, |_| vec![1]);
    chain.blocks[2].signed_header.commit.signatures.clear();
    let (node, _) = chain.serve().await;
    let client = LightClient::new(node, root(&[1]));
    let refused = client.walk(None, Place::Latest, Step::Skip).await;
    assert!(
        matches!(
            refused,
            Err(LightError::Untrusted {
                height: 3,
                source: ProofError::CommitLength { .. }
            })
        ),
        "{refused:?}"
    );
}
