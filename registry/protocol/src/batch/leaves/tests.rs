use super::*;
use crate::terms::Nonce;
use crate::{Batch, ItemProof, ItemProofError};
use chop_did::{ChopDid, LedgerId, Scid};
use chop_integrity::Timestamp;
use chop_proof::leaves::PathError;
use serde_json::json;

fn template() -> Template {
    Template::parse(json!({"class": "product", "fields": ["serial"], "document": {}})).unwrap()
}

fn terms(count: u32) -> BatchTerms {
    let ledger = LedgerId::new(Hash::from_bytes([3; 32]));
    BatchTerms {
        ledger,
        controller: ChopDid::new(ledger.short(), Scid::of_genesis(Hash::from_bytes([4; 32]))),
        nonce: Nonce::new([5; 16]),
        template: template().digest(),
        count,
        root: Hash::from_bytes([0; 32]),
        leaves: Hash::from_bytes([0; 32]),
        activation: None,
    }
}

/// Sorted lines of `count` items, with the terms that fit them.
fn made(count: u32) -> (BatchTerms, Vec<Vec<u8>>) {
    let mut terms = terms(count);
    let context = ItemContext {
        batch: terms.id().unwrap(),
        template: terms.template,
    };
    let mut leaves: Vec<(Hash, Vec<u8>, u32)> = (0..count)
        .map(|n| {
            let item = Item {
                data: vec![format!("S{n}")],
                key: None,
            }
            .bytes()
            .unwrap();
            let mut line = Vec::new();
            write_line(
                &mut line,
                Line {
                    ordinal: n,
                    item: &item,
                },
            );
            (context.hash(&item), line, n)
        })
        .collect();
    leaves.sort();
    let nodes: Vec<Node> = leaves
        .iter()
        .map(|(hash, _, n)| tree::leaf(hash.as_bytes(), *n))
        .collect();
    terms.root = Hash::from_bytes(tree::root(&nodes).unwrap());
    let mut hash = hasher();
    let lines: Vec<Vec<u8>> = leaves.into_iter().map(|(_, line, _)| line).collect();
    for line in &lines {
        hash.update(line);
    }
    terms.leaves = digest(hash);
    (terms, lines)
}

fn checked(terms: &BatchTerms, lines: &[Vec<u8>]) -> Result<Vec<Node>, LeafError> {
    let mut check = LeafCheck::new(terms.clone(), template())?;
    for run in lines.chunks(RUN as usize) {
        check.run(&run.concat())?;
    }
    check.finish()
}

#[test]
fn takes_the_leaves_of_the_terms_run_by_run() {
    for count in [1, 5, 1_024, 1_025, 3_000] {
        let (terms, lines) = made(count);
        let roots = checked(&terms, &lines).unwrap();
        assert_eq!(u32::try_from(roots.len()), Ok(runs(count)), "{count}");
    }
}

#[test]
fn refuses_leaves_that_are_not_sorted_or_stand_twice() {
    let (terms, mut lines) = made(5);
    lines.swap(1, 2);
    assert_eq!(checked(&terms, &lines), Err(LeafError::Order { index: 2 }));
    let (terms, mut lines) = made(5);
    // The same item under another ordinal.
    let (_, item) = (lines[1][0], lines[1][2..].to_vec());
    lines[2] = [lines[2][..2].to_vec(), item].concat();
    assert_eq!(checked(&terms, &lines), Err(LeafError::Order { index: 2 }));
}

#[test]
fn refuses_ordinals_twice_or_beyond_the_count() {
    let (terms, mut lines) = made(5);
    lines[3][0] = lines[0][0];
    assert!(matches!(
        checked(&terms, &lines),
        Err(LeafError::Ordinal { index: 3, .. })
    ));
    let (terms, mut lines) = made(5);
    lines[0][0] = b'5';
    assert_eq!(
        checked(&terms, &lines),
        Err(LeafError::Ordinal {
            index: 0,
            ordinal: 5
        })
    );
}

#[test]
fn refuses_more_or_fewer_leaves_than_the_count() {
    let (terms, lines) = made(5);
    assert_eq!(
        checked(&terms, &lines[..4]),
        Err(LeafError::RunLength {
            run: 0,
            found: 4,
            expected: 5
        })
    );
    let mut more = lines.clone();
    more.push(lines[0].clone());
    assert_eq!(
        checked(&terms, &more),
        Err(LeafError::RunLength {
            run: 0,
            found: 6,
            expected: 5
        })
    );
    let check = LeafCheck::new(terms.clone(), template()).unwrap();
    assert_eq!(
        check.finish(),
        Err(LeafError::Incomplete {
            found: 0,
            expected: 5
        })
    );
    let mut check = LeafCheck::new(terms, template()).unwrap();
    let mut run = lines.concat();
    run.pop();
    assert!(matches!(check.run(&run), Err(LeafError::RunLength { .. })));
}

#[test]
fn refuses_leaves_that_were_altered_on_the_way() {
    let (terms, mut lines) = made(3_000);
    // Another item that happens to keep the order would still be another digest; this one keeps everything but its ordinal.
    let (first, second) = (lines[0].clone(), lines[1].clone());
    let split = |line: &[u8]| line.iter().position(|byte| *byte == b' ').unwrap();
    lines[0] = [&second[..split(&second)], &first[split(&first)..]].concat();
    lines[1] = [&first[..split(&first)], &second[split(&second)..]].concat();
    assert!(matches!(
        checked(&terms, &lines),
        Err(LeafError::Digest { .. })
    ));
}

#[test]
fn refuses_terms_with_another_root_or_template() {
    let (mut terms, lines) = made(5);
    terms.root = Hash::from_bytes([9; 32]);
    assert!(matches!(
        checked(&terms, &lines),
        Err(LeafError::Root { .. })
    ));
    terms.template = Hash::from_bytes([9; 32]);
    assert!(matches!(
        checked(&terms, &lines),
        Err(LeafError::Template { .. })
    ));
}

#[test]
fn refuses_lines_and_items_in_another_spelling() {
    for line in [
        "01 {}\n",
        "+1 {}\n",
        "1{}\n",
        " {}\n",
        "4294967296 {}\n",
        "x {}\n",
    ] {
        assert_eq!(read_line(line.trim_end().as_bytes()), None, "{line}");
    }
    let (terms, mut lines) = made(2);
    lines[0] = b"0 {\"data\": [\"S0\"]}\n".to_vec();
    assert!(matches!(
        checked(&terms, &lines),
        Err(LeafError::Item {
            index: 0,
            reason: ItemError::NotCanonical
        })
    ));
}

#[test]
fn an_item_is_of_its_batch_at_its_place_and_nowhere_else() {
    let (terms, lines) = made(3_000);
    let batch = Batch {
        terms: terms.clone(),
        time: Timestamp::from_unix_ms(0),
        height: 1,
    };
    let proof = |at: usize| {
        let context = ItemContext {
            batch: terms.id().unwrap(),
            template: terms.template,
        };
        let nodes: Vec<Node> = lines
            .iter()
            .map(|line| {
                let line = read_line(&line[..line.len() - 1]).unwrap();
                tree::leaf(context.hash(line.item).as_bytes(), line.ordinal)
            })
            .collect();
        let line = read_line(&lines[at][..lines[at].len() - 1]).unwrap();
        ItemProof {
            batch: terms.id().unwrap(),
            index: u32::try_from(at).unwrap(),
            ordinal: line.ordinal,
            item: serde_json::from_slice(line.item).unwrap(),
            path: tree::path(&nodes, at)
                .unwrap()
                .into_iter()
                .map(Hash::from_bytes)
                .collect(),
        }
    };
    let good = proof(1_500);
    assert!(good.check(&batch).is_ok());
    let altered = |change: &dyn Fn(&mut ItemProof)| {
        let mut proof = good.clone();
        change(&mut proof);
        proof.check(&batch).unwrap_err()
    };
    let path = ItemProofError::Path(PathError::Root);
    assert_eq!(altered(&|p| p.ordinal += 1), path);
    assert_eq!(altered(&|p| p.index += 1), path);
    assert_eq!(altered(&|p| p.item.data[0].push('x')), path);
    assert_eq!(altered(&|p| p.path[3] = p.batch), path);
    assert!(matches!(
        altered(&|p| p.path.truncate(3)),
        ItemProofError::Path(PathError::Length { .. })
    ));
    assert!(matches!(
        altered(&|p| p.index = 3_000),
        ItemProofError::Path(PathError::Index { .. })
    ));
    assert!(matches!(
        altered(&|p| p.batch = terms.root),
        ItemProofError::OtherBatch { .. }
    ));
    // Another batch of the same items: the nonce is in every item's hash.
    let other = Batch {
        terms: BatchTerms {
            nonce: Nonce::new([6; 16]),
            ..terms.clone()
        },
        ..batch.clone()
    };
    assert!(matches!(
        good.check(&other),
        Err(ItemProofError::OtherBatch { .. })
    ));
}
