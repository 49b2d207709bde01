use chop_keys::PrivateKey;

use super::*;
use crate::fixtures::changing::{Changing, keys_at, root_at, set_at, time_at};
use crate::fixtures::{GENESIS, Part, START_MS, Solo, header_after, key, root_of, set_of, sign};

const DAY: Duration = Duration::from_hours(24);
const NOW_MS: i64 = START_MS + 600_000;

fn block(
    signed_header: SignedHeader,
    validators: &validator::Set,
    next: &validator::Set,
) -> LightBlock {
    LightBlock {
        signed_header,
        validators: validators.clone(),
        next_validators: next.clone(),
    }
}

fn signed_by(header: &block::Header, keys: &[&PrivateKey]) -> SignedHeader {
    sign(
        header,
        &keys
            .iter()
            .map(|key| (*key, 1, Part::Signs))
            .collect::<Vec<_>>(),
    )
}

/// A trusted first header by validator 7, and what it takes to make the next ones.
fn start() -> (TrustedHeader, SignedHeader, validator::Set) {
    let ledger = Solo::of(GENESIS, 7);
    let set = ledger.root.validators().clone();
    let trusted =
        TrustedHeader::first(&ledger.root, &block(ledger.first.clone(), &set, &set)).unwrap();
    (trusted, ledger.first, set)
}

#[test]
fn follows_a_change_of_validators_block_by_block() {
    let (trusted, first, old) = start();
    let (seven, eight) = (key(7), key(8));
    let new = set_of(&[(&seven, 1), (&eight, 1)]);
    let second = signed_by(&header_after(&first, 2, &old, &new), &[&seven]);
    let at_second = trusted
        .advance(&block(second.clone(), &old, &new), NOW_MS, DAY)
        .unwrap();
    let third = signed_by(&header_after(&second, 3, &new, &new), &[&seven, &eight]);
    let at_third = at_second
        .advance(&block(third, &new, &new), NOW_MS, DAY)
        .unwrap();
    assert_eq!(at_third.height(), 3);
    assert_eq!(
        at_third.trust_root().unwrap(),
        root_of(GENESIS, &[(&seven, 1), (&eight, 1)])
    );
}

#[test]
fn refuses_a_next_set_that_the_trusted_header_does_not_name() {
    let ledger = Solo::of(GENESIS, 7);
    let set = ledger.root.validators();
    let attackers = set_of(&[(&key(66), 1)]);
    let refused =
        TrustedHeader::first(&ledger.root, &block(ledger.first, set, &attackers)).unwrap_err();
    assert_eq!(refused.code(), "proof.other-validators");
}

#[test]
fn the_library_alone_would_believe_such_a_set() {
    // Shows why `checked` looks: skipping from a trusted header with an attacker's set in `next_validators` succeeds.
    let ledger = Solo::of(GENESIS, 7);
    let attacker = key(66);
    let attackers = set_of(&[(&attacker, 1)]);
    let forged = signed_by(
        &header_after(&ledger.second, 9, &attackers, &attackers),
        &[&attacker],
    );
    let verdict = ProdVerifier::default().verify_update_header(
        UntrustedBlockState {
            signed_header: &forged,
            validators: &attackers,
            next_validators: Some(&attackers),
        },
        TrustedBlockState {
            chain_id: ledger.root.tendermint_chain_id(),
            header_time: ledger.first.header.time,
            height: ledger.first.header.height,
            next_validators: &attackers,
            next_validators_hash: ledger.first.header.next_validators_hash,
        },
        &Options {
            trust_threshold: TrustThreshold::ONE_THIRD,
            trusting_period: DAY,
            clock_drift: Duration::ZERO,
        },
        time_from_ms(NOW_MS).unwrap(),
    );
    assert_eq!(verdict, Verdict::Success);

    let (trusted, _, _) = start();
    let refused = trusted
        .advance(&block(forged, &attackers, &attackers), NOW_MS, DAY)
        .unwrap_err();
    assert_eq!(refused.code(), "proof.too-little-trust");
}

#[test]
fn refuses_a_next_header_that_links_to_another_parent() {
    let (trusted, first, set) = start();
    let seven = key(7);
    // A fork under the same key: its own first header, and a second one on top of that.
    let mut other_first = first.header.clone();
    other_first.app_hash = vec![9; 32].try_into().unwrap();
    let other_first = signed_by(&other_first, &[&seven]);
    let forked = signed_by(&header_after(&other_first, 2, &set, &set), &[&seven]);
    let refused = trusted
        .advance(&block(forked, &set, &set), NOW_MS, DAY)
        .unwrap_err();
    assert_eq!(refused.code(), "proof.unlinked");
}

#[test]
fn skips_only_with_enough_trusted_power() {
    let keys = [key(1), key(2), key(3), key(4), key(5), key(6), key(9)];
    let old: Vec<(&PrivateKey, u64)> = keys[..4].iter().map(|key| (key, 1)).collect();
    let root = root_of(GENESIS, &old);
    let old_set = root.validators().clone();
    let first = Solo::of(GENESIS, 7).first;
    let first = signed_by(
        &block::Header {
            validators_hash: old_set.hash(),
            next_validators_hash: old_set.hash(),
            ..first.header
        },
        &[&keys[0], &keys[1], &keys[2], &keys[3]],
    );
    let trusted = TrustedHeader::first(&root, &block(first.clone(), &old_set, &old_set)).unwrap();
    // Two of four trusted ones is more than a third, one of four is not.
    for (members, enough) in [(&keys[2..6], true), (&keys[3..7], false)] {
        let members: Vec<&PrivateKey> = members.iter().collect();
        let set = set_of(&members.iter().map(|key| (*key, 1)).collect::<Vec<_>>());
        let tenth = signed_by(&header_after(&first, 10, &set, &set), &members);
        let outcome = trusted.advance(&block(tenth, &set, &set), NOW_MS, DAY);
        assert_eq!(outcome.is_ok(), enough, "{outcome:?}");
    }
}

#[test]
fn refuses_to_advance_from_an_expired_header() {
    let (trusted, first, set) = start();
    let second = signed_by(&header_after(&first, 2, &set, &set), &[&key(7)]);
    let refused = trusted
        .advance(&block(second, &set, &set), NOW_MS, Duration::from_secs(1))
        .unwrap_err();
    assert_eq!(refused.code(), "proof.not-advancing");
}

#[test]
fn refuses_to_go_back() {
    let (trusted, first, set) = start();
    let second = signed_by(&header_after(&first, 2, &set, &set), &[&key(7)]);
    let at_second = trusted
        .advance(&block(second, &set, &set), NOW_MS, DAY)
        .unwrap();
    let refused = at_second
        .advance(&block(first, &set, &set), NOW_MS, DAY)
        .unwrap_err();
    assert_eq!(refused.code(), "proof.not-advancing");
}

#[test]
fn follows_from_validators_to_those_that_they_hand_over_to_at_any_age() {
    let ledger = Changing::new();
    let first = TrustedHeader::first(&root_at(1), ledger.block(2)).unwrap();
    // Over a gap within one set, at the change itself, and over the next gap.
    let at_change = first.follow(ledger.block(5)).unwrap();
    let later = at_change.follow(ledger.block(8)).unwrap();
    assert_eq!(later.height(), 8);
    assert_eq!(later.own_trust_root().unwrap(), root_at(8));
    assert_eq!(later.time_ms(), time_at(8));
    for (from, to, refusal) in [
        (&first, 6, "proof.untrusted-validators"),
        (&at_change, 4, "proof.untrusted-validators"),
        (&later, 7, "proof.not-advancing"),
        (&later, 8, "proof.not-advancing"),
        (&later, 10, "proof.untrusted-validators"),
    ] {
        let refused = from.follow(ledger.block(to)).unwrap_err();
        assert_eq!(refused.code(), refusal, "{} to {to}", from.height());
    }
}

#[test]
fn does_not_follow_to_a_next_header_with_another_parent() {
    let ledger = Changing::new();
    let first = TrustedHeader::first(&root_at(1), ledger.block(2)).unwrap();
    let keys = keys_at(3);
    let keys: Vec<_> = keys.iter().collect();
    let header = header_after(ledger.signed(1), 3, &set_at(3), &set_at(4));
    let refused = first
        .follow(&block(signed_by(&header, &keys), &set_at(3), &set_at(4)))
        .unwrap_err();
    assert_eq!(refused.code(), "proof.unlinked");
}
