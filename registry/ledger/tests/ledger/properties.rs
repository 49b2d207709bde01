//! Whatever is asked in whatever order, these hold.

use super::story::{Story, step};
use super::world::World;
use chop_protocol::{
    Accredit, Action, AnchorCredential, CredentialType, ExecutionResult, SignedEnvelope,
    anchor_digest,
};
use proptest::prelude::*;
use proptest::sample::Index;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_story_breaks_the_rules_that_hold_for_all(steps in proptest::collection::vec(step(), 1..80)) {
        let mut story = Story::begin();
        for step in &steps {
            story.tell(step);
        }
        story.check_replay();
    }

    #[test]
    fn one_block_of_many_envelopes_and_many_blocks_of_one_refuse_the_same_replays(
        order in proptest::collection::vec(0..6_usize, 1..16),
    ) {
        let mut world = World::new();
        let envelopes: Vec<_> = (0..6_u8)
            .map(|n| world.by_party(vec![Action::Anchor(AnchorCredential {
                digest: anchor_digest(&[n / 2]),
                credential_type: None,
                subject: None,
            })]))
            .collect();
        let block: Vec<_> = order.iter().map(|index| envelopes[*index].clone()).collect();
        let outcomes = world.block(&block).outcomes;
        for (place, outcome) in outcomes.iter().enumerate() {
            let index = order[place];
            let seen = order[..place].contains(&index);
            let twin_first = order[..place].contains(&(index ^ 1));
            let expected = match (seen, twin_first) {
                (true, _) => "envelope.replayed",
                (_, true) => "anchor.exists",
                _ => "",
            };
            let rule = match &outcome.result {
                ExecutionResult::Committed => "",
                ExecutionResult::Refused { rule, .. } => rule,
            };
            prop_assert_eq!(rule, expected);
        }
    }
}

/// JSON values that a sender might put anywhere.
fn junk() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "\\PC{0,20}".prop_map(Into::into),
        Just("did:chop:aaaaaaaaaaaaaaaa:aaaa".into()),
        Just("2026-11-02T08:00:00.000Z".into()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map("[a-z]{1,8}", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every place in a JSON value, as JSON pointers.
fn places(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        serde_json::Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| places(member, &format!("{at}/{name}"), found));
        }
        serde_json::Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| places(item, &format!("{at}/{index}"), found));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_altered_envelope_passes_the_door_or_breaks_it(place in any::<Index>(), junk in junk(), kind in 0..3_u8) {
        let mut world = World::new();
        let (_, create) = world.product(&world.party, 1);
        let grant = Accredit {
            subject: world.party.did,
            credential_type: CredentialType::parse("Organic").unwrap(),
            jurisdiction: None,
            valid_from: Some(world.now()),
            valid_until: None,
            depth: 0,
            parent: None,
        };
        let whole = world.by_party(vec![create, Action::Accredit(grant)]).to_value();
        let mut altered = whole.clone();
        let mut found = vec![];
        places(&whole, "", &mut found);
        let target = altered.pointer_mut(&found[place.index(found.len())]).unwrap();
        match (kind, &mut *target) {
            (0, serde_json::Value::Object(members)) => { members.insert("extra".to_owned(), junk); }
            (1, serde_json::Value::Object(members)) => { let first = members.keys().next().cloned(); first.map(|name| members.remove(&name)); }
            _ => *target = junk,
        }
        prop_assume!(altered != whole);
        let text = serde_json::to_vec(&altered).unwrap();
        match SignedEnvelope::try_from(text.as_slice()) {
            // A proof may be left out or carry a time: the rest is signed, and the ledger asks for what is missing.
            Ok(envelope) => {
                prop_assert_eq!(envelope.hash(), SignedEnvelope::try_from(whole).unwrap().hash());
                world.block(&[envelope]);
            }
            Err(error) => prop_assert!(!error.rule().is_empty()),
        }
    }

    #[test]
    fn no_bytes_break_the_door(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(SignedEnvelope::try_from(bytes.as_slice()).is_err());
    }
}
