//! The leaves of a batch, as whoever brings them writes them.

use chop_did::{ChopDid, Item, ItemContext, LedgerId, Scid, Template};
use chop_integrity::Hash;
use chop_proof::leaves as tree;
use chop_protocol::batch::leaves::{Line, digest, hasher, lines, read_line, write_line};
use chop_protocol::{BatchTerms, LeafCheck, Nonce};
use serde_json::json;
use sha2::Digest as _;
use std::sync::LazyLock;

/// Items of the honest batch.
const COUNT: u32 = 5;

/// A batch with the one run of its leaves.
struct Honest {
    terms: BatchTerms,
    template: Template,
    run: Vec<u8>,
}

/// The input is a run when it begins with a digit, else a list of changes of the honest one: how, where (two bytes), and the
/// new byte.
pub(super) fn leaves(input: &[u8]) {
    let Some(honest) = HONEST.as_ref() else {
        return;
    };
    let run = match input.first() {
        Some(b'0'..=b'9') => input.to_vec(),
        _ => changed(&honest.run, input),
    };
    for line in lines(&run).into_iter().flatten() {
        if let Some(read) = read_line(line) {
            let mut written = Vec::new();
            write_line(&mut written, read);
            assert_eq!(
                written.strip_suffix(b"\n"),
                Some(line),
                "a line has one spelling"
            );
        }
    }
    let Ok(mut check) = LeafCheck::new(honest.terms.clone(), honest.template.clone()) else {
        return;
    };
    let kept = check.run(&run).is_ok() && check.is_complete() && check.finish().is_ok();
    assert_eq!(
        kept,
        run == honest.run,
        "exactly the leaves of the terms are kept"
    );
}

fn changed(run: &[u8], input: &[u8]) -> Vec<u8> {
    let mut run = run.to_vec();
    for edit in input.chunks_exact(4) {
        let &[how, high, low, byte] = edit else {
            continue;
        };
        let place = usize::from(u16::from_be_bytes([high, low])) % (run.len() + 1);
        match (how % 5, run.get_mut(place)) {
            (0, _) => run.truncate(place),
            (1, _) => run.insert(place, byte),
            (2, _) => run.rotate_left(place),
            (3, _) => run.extend_from_within(place..),
            (_, Some(old)) => *old = byte,
            (_, None) => run.push(byte),
        }
        run.truncate(8 * 1024);
    }
    run
}

static HONEST: LazyLock<Option<Honest>> = LazyLock::new(|| {
    let template = Template::parse(json!({"class": "product", "fields": ["serial"],
        "document": {"alsoKnownAs": ["https://id.example/21/{serial}"]}}))
    .ok()?;
    let ledger = LedgerId::new(Hash::from_bytes([3; 32]));
    let mut terms = BatchTerms {
        ledger,
        controller: ChopDid::new(ledger.short(), Scid::of_genesis(Hash::from_bytes([4; 32]))),
        nonce: Nonce::new([7; 16]),
        template: template.digest(),
        count: COUNT,
        root: Hash::from_bytes([0; 32]),
        leaves: Hash::from_bytes([0; 32]),
        activation: None,
    };
    let context = ItemContext {
        batch: terms.id().ok()?,
        template: terms.template,
    };
    let mut leaves = Vec::new();
    for ordinal in 0..COUNT {
        let data = vec![format!("S{ordinal}")];
        let item = Item { data, key: None }.bytes().ok()?;
        leaves.push((context.hash(&item), ordinal, item));
    }
    leaves.sort();
    let mut run = Vec::new();
    let mut nodes = Vec::new();
    for (hash, ordinal, item) in &leaves {
        let (ordinal, item) = (*ordinal, item.as_slice());
        write_line(&mut run, Line { ordinal, item });
        nodes.push(tree::leaf(hash.as_bytes(), ordinal));
    }
    terms.root = Hash::from_bytes(tree::root(&nodes)?);
    terms.leaves = digest(hasher().chain_update(&run));
    Some(Honest {
        terms,
        template,
        run,
    })
});

#[cfg(test)]
pub(super) fn has_template() -> bool {
    HONEST.is_some()
}
