use super::*;
use chop_did::{LedgerId, Scid};
use chop_keys::{KeyType, PrivateKey, Signer};
use proptest::prelude::*;

fn did(byte: u8) -> ChopDid {
    let hash = |byte| Hash::from_bytes([byte; 32]);
    ChopDid::new(LedgerId::new(hash(0)).short(), Scid::of_genesis(hash(byte)))
}

fn key(seed: usize) -> PublicKey {
    let seed = [u8::try_from(seed).unwrap(); 32];
    let key = PrivateKey::from_seed(KeyType::Ed25519, &seed).unwrap();
    key.public_key().clone()
}

/// A set in which validator `n` has the power at place `n`; 0 leaves it out.
fn set(powers: &[u64]) -> ValidatorSet {
    let listed = powers.iter().enumerate().filter(|(_, power)| **power > 0);
    ValidatorSet::new(listed.map(|(n, power)| Validator {
        public_key: key(n),
        power: *power,
        member: did(1),
    }))
}

/// The least power of `before` in any commit of `after`: tried by every set of signers.
fn least_overlap(before: &ValidatorSet, after: &ValidatorSet) -> u64 {
    let listed = after.validators();
    let signed = |mask: u32, n: usize| mask & (1 << n) != 0;
    (0..1_u32 << listed.len())
        .filter(|mask| {
            let by = (0..listed.len()).filter(|n| signed(*mask, *n));
            3 * by.map(|n| listed[n].power).sum::<u64>() > 2 * after.power()
        })
        .map(|mask| {
            let by = (0..listed.len()).filter(|n| signed(mask, *n));
            by.filter_map(|n| before.find(&listed[n].public_key))
                .map(|validator| validator.power)
                .sum()
        })
        .min()
        .unwrap_or(0)
}

#[test]
fn one_of_four_may_come_or_go_and_half_of_them_may_be_added() {
    for (before, after) in [
        (&[1, 1, 1, 1][..], &[1, 1, 1][..]),
        (&[1, 1, 1, 1], &[1, 1]),
        (&[1, 1, 1, 1], &[1, 1, 1, 1, 1]),
        (&[1, 1, 1, 1], &[1, 1, 1, 0, 1]),
        (&[1], &[1, 1]),
    ] {
        assert_eq!(
            set(before).check_step(&set(after)),
            Ok(()),
            "{before:?} {after:?}"
        );
    }
}

#[test]
fn refuses_a_step_that_leaves_light_clients_behind() {
    for (before, after) in [
        (&[1, 1, 1, 1][..], &[1][..]),
        (&[1, 1, 1, 1], &[1, 1, 0, 0, 1, 1]),
        (&[1, 1, 1, 1], &[1, 1, 1, 1, 9]),
        (&[1], &[0, 1]),
        (&[5, 1, 1, 1], &[0, 1, 1, 1]),
    ] {
        assert!(
            set(before).check_step(&set(after)).is_err(),
            "{before:?} {after:?}"
        );
    }
}

#[test]
fn an_engine_is_told_exactly_what_differs() {
    let told: Vec<_> = set(&[1, 2, 3])
        .updates_to(&set(&[1, 5, 0, 7]))
        .into_iter()
        .map(|update| (update.public_key, update.power))
        .collect();
    let mut expected = vec![(key(1), 5), (key(2), 0), (key(3), 7)];
    expected.sort();
    assert_eq!(told, expected);
    assert!(set(&[1, 2]).updates_to(&set(&[1, 2])).is_empty());
}

#[test]
fn a_standing_is_what_the_last_event_by_then_says() {
    let at = Timestamp::from_unix_ms;
    let event = |kind, ms| MemberEvent {
        kind,
        time: at(ms),
        height: 1,
        proposal: Hash::from_bytes([0; 32]),
    };
    let mut member = Member::founder(did(1), at(10));
    member.events = vec![
        event(MemberEventKind::Suspended, 20),
        event(MemberEventKind::Reinstated, 30),
        event(MemberEventKind::Removed, 40),
    ];
    for (ms, expected) in [
        (9, None),
        (10, Some(MemberStanding::Live)),
        (20, Some(MemberStanding::Suspended)),
        (39, Some(MemberStanding::Live)),
        (40, Some(MemberStanding::Removed)),
    ] {
        assert_eq!(member.standing_at(at(ms)), expected, "{ms}");
    }
    assert!(!member.is_live());
}

proptest! {
    #[test]
    fn whoever_signs_after_an_allowed_step_a_light_client_may_skip_it(
        before in proptest::collection::vec(0..6_u64, 1..7),
        after in proptest::collection::vec(0..6_u64, 1..7),
    ) {
        let (before, after) = (set(&before), set(&after));
        prop_assume!(before.power() > 0 && after.power() > 0);
        if before.check_step(&after).is_ok() {
            prop_assert!(3 * least_overlap(&before, &after) > before.power());
        }
    }
}
