use super::*;
use crate::fixtures::changing::{Changing, keys_at, root_at};
use crate::fixtures::{Part, sign};

/// Another header 12, signed by the same validators: `parts` says how each takes part.
fn forked(ledger: &Changing, parts: [Part; 4]) -> LightBlock {
    let mut block = ledger.block(12).clone();
    let mut header = block.signed_header.header.clone();
    header.app_hash = vec![9; 32].try_into().unwrap();
    let keys = keys_at(12);
    let signers: Vec<_> = keys
        .iter()
        .zip(parts)
        .map(|(key, part)| (key, 1, part))
        .collect();
    block.signed_header = sign(&header, &signers);
    block
}

fn fork(ledger: &Changing, other: &LightBlock) -> Fork {
    let mut second = ledger.encoded(&[5, 9]);
    second.push(EncodedLightBlock::from(other));
    Fork {
        ledger: root_at(1).ledger().to_owned(),
        handover: None,
        first: ledger.encoded(&[1, 5, 9, 12]),
        second,
    }
}

#[test]
fn shows_a_fork_and_who_signed_both() {
    let ledger = Changing::new();
    let other = forked(
        &ledger,
        [Part::Signs, Part::Signs, Part::Signs, Part::Absent],
    );
    let fork = fork(&ledger, &other);
    let text = serde_json::to_string(&fork).unwrap();
    let proven = serde_json::from_str::<Fork>(&text)
        .unwrap()
        .verify(&root_at(1))
        .unwrap();
    assert_eq!(proven.height, 12);
    assert_eq!(
        proven.hashes.map(Some),
        [ledger.block(12).hash(), other.hash()]
    );
    assert_eq!(proven.signed_both.len(), 3);
    let absent = chop_keys::Signer::public_key(&keys_at(12)[3]).multikey();
    for signer in proven.signed_both {
        assert!(signer.same_round);
        assert_ne!(signer.validator, absent);
    }
}

#[test]
fn accuses_nobody_of_a_header_that_too_few_signed() {
    let ledger = Changing::new();
    let other = forked(
        &ledger,
        [Part::Signs, Part::Signs, Part::Absent, Part::Absent],
    );
    let refused = fork(&ledger, &other).verify(&root_at(1)).unwrap_err();
    assert_eq!(refused.code(), "proof.too-little-power");
}

#[test]
fn one_history_twice_is_no_fork() {
    let ledger = Changing::new();
    let same = fork(&ledger, ledger.block(12));
    assert_eq!(
        same.verify(&root_at(1)).unwrap_err().code(),
        "proof.no-fork"
    );
    let shorter = Fork {
        first: ledger.encoded(&[1, 5, 9, 11]),
        ..same.clone()
    };
    assert_eq!(
        shorter.verify(&root_at(1)).unwrap_err().code(),
        "proof.no-fork"
    );
    let empty = Fork {
        first: Vec::new(),
        ..same
    };
    assert_eq!(
        empty.verify(&root_at(1)).unwrap_err().code(),
        "proof.no-fork"
    );
}

#[test]
fn refuses_a_branch_that_the_trust_root_does_not_lead_to() {
    let ledger = Changing::new();
    let other = forked(&ledger, [Part::Signs; 4]);
    let mut fork = fork(&ledger, &other);
    fork.second = vec![EncodedLightBlock::from(&other)];
    let refused = fork.verify(&root_at(1)).unwrap_err();
    assert_eq!(refused.code(), "proof.untrusted-validators");
}
