//! Another version of the rules comes into force at a height, and a program that does not know it stops before.

use super::council::Council;
use chop_ledger::{Block, ExecuteError, KNOWN_RULES, check_rules, execute, unknown_rules};
use chop_protocol::governance::{RulesChange, RulesRecord};
use chop_protocol::{Change, keys};

fn rules(version: u32, height: u64) -> Change {
    Change::SetRules(RulesChange { version, height })
}

/// Has members decide on the version after the one in force; its first height.
fn decided(council: &mut Council, version: u32) -> u64 {
    let from = council.world.height + 10;
    council.pass(rules(version, from), &[1, 2]);
    let record: RulesRecord = council.world.read(keys::RULES).unwrap();
    assert_eq!((record.version, record.from), (version, from));
    from
}

/// Makes empty blocks up to a height.
fn wait_until(council: &mut Council, height: u64) {
    while council.world.height < height {
        council.world.block(&[]);
    }
}

#[test]
fn a_known_version_comes_into_force_at_its_height_and_the_ledger_goes_on() {
    let mut council = Council::of(4);
    let from = decided(&mut council, KNOWN_RULES);
    wait_until(&mut council, from + 2);
    assert_eq!(unknown_rules(&council.world.state).unwrap(), None);
    council.newcomer(20);
    let again = council.world.replayed();
    assert_eq!(again.root, council.world.root);
}

#[test]
fn an_unknown_version_stops_every_node_right_before_its_height() {
    let mut council = Council::of(4);
    let known = decided(&mut council, KNOWN_RULES);
    wait_until(&mut council, known);
    let from = decided(&mut council, KNOWN_RULES + 1);
    let coming = unknown_rules(&council.world.state).unwrap().unwrap();
    assert_eq!(coming.from, from, "it is seen coming");
    wait_until(&mut council, from - 1);
    let suspend = Change::Suspend(council.change_of(3));
    let envelope = council.proposing(0, suspend);
    for envelopes in [&[][..], &[envelope]] {
        let block = Block {
            height: from,
            time: council.world.now(),
            founding: &council.world.genesis.terms().validators,
            envelopes,
        };
        let stopped = execute(&council.world.state, &block).unwrap_err();
        let ExecuteError::Rules {
            version,
            from: first,
            known,
        } = stopped
        else {
            panic!("{stopped:?}")
        };
        assert_eq!(
            (version, first, known),
            (KNOWN_RULES + 1, from, KNOWN_RULES)
        );
    }
    assert!(check_rules(&council.world.state, from - 1).is_ok());
    assert!(check_rules(&council.world.state, from).is_err());
}

#[test]
fn refuses_a_version_that_is_not_the_next() {
    let mut council = Council::of(4);
    for version in [0, 1, 3] {
        assert_eq!(council.refusal(0, rules(version, 100)), "rules.version");
    }
}

#[test]
fn refuses_a_height_that_nobody_sees_coming() {
    let mut council = Council::of(4);
    let next = council.world.height + 1;
    for height in [0, next, next + 2] {
        assert_eq!(council.refusal(0, rules(2, height)), "rules.height");
    }
    assert_eq!(
        council.refusal(0, rules(2, u64::from(u32::MAX))),
        "rules.height"
    );
}

#[test]
fn refuses_a_second_change_before_the_first_is_in_force() {
    let mut council = Council::of(4);
    let from = decided(&mut council, 2);
    assert_eq!(council.refusal(0, rules(3, from + 10)), "rules.pending");
    wait_until(&mut council, from);
    decided(&mut council, 3);
}
