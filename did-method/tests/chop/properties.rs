//! Properties: a log explains the state, the end is the end, and no bit of a signed operation is free.

use crate::common::{DELAY, World, commitment, key, keys_of, set, sign};
use chop_did::build::{self, Draft, GenesisDraft};
use chop_did::{ChopDid, Class, Did, DidState, DidUrl, SignedOperation, UpdateKeys};
use proptest::prelude::*;
use serde_json::Value;

/// A step that a sequence may try; many are refused, which is part of the point.
#[derive(Clone, Debug)]
enum Step {
    Update { service: u8 },
    Retire,
    Compromise { ago: i64 },
    AskRecovery { seed: u8 },
    Veto,
    Rotate { honest: bool },
    Recover { honest: bool },
    Deactivate,
    Wait { ms: i64 },
    Replay { index: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u8..4).prop_map(|service| Step::Update { service }),
        1 => Just(Step::Retire),
        1 => (0_i64..1_000_000).prop_map(|ago| Step::Compromise { ago }),
        2 => (0_u8..4).prop_map(|seed| Step::AskRecovery { seed }),
        2 => Just(Step::Veto),
        3 => any::<bool>().prop_map(|honest| Step::Rotate { honest }),
        2 => any::<bool>().prop_map(|honest| Step::Recover { honest }),
        1 => Just(Step::Deactivate),
        2 => (0..2 * DELAY).prop_map(|ms| Step::Wait { ms }),
        2 => (0_usize..20).prop_map(|index| Step::Replay { index }),
    ];
    prop::collection::vec(step, 1..25)
}

/// A holder who remembers which keys come next.
struct Holder {
    did: ChopDid,
    update: u8,
    next: u8,
    recovery: Vec<u8>,
    fresh: u8,
}

impl Holder {
    fn new(world: &mut World) -> Self {
        let keys = UpdateKeys {
            current: set(&[1], 1),
            next: Some(commitment(&[2], 1)),
        };
        let genesis = GenesisDraft::own_keys(Class::Organisation, keys, [9; 16])
            .with_recovery(commitment(&[3], 1))
            .with_document(crate::common::document(200))
            .build(&world.ledger)
            .unwrap();
        world
            .act(&sign(build::create(&genesis), &[key(1)]))
            .unwrap();
        Self {
            did: genesis.did(),
            update: 1,
            next: 2,
            recovery: vec![3],
            fresh: 10,
        }
    }

    fn fresh(&mut self) -> u8 {
        self.fresh += 1;
        self.fresh
    }

    /// Tries a step; a refusal leaves the world as it was.
    fn try_step(&mut self, world: &mut World, step: &Step) {
        let state = world.state(&self.did).clone();
        match step {
            Step::Wait { ms } => world.now += ms,
            Step::Replay { index } => {
                let replayed = world.log.get(*index).map(|(_, signed)| signed.clone());
                if let Some(signed) = replayed {
                    assert!(
                        world.act(&signed).is_err(),
                        "an operation was applied twice"
                    );
                }
            }
            Step::Rotate { honest } => self.rotate(world, &state, *honest),
            Step::Recover { honest } => self.recover(world, &state, *honest),
            other => {
                if let Some(draft) = self.ordinary(&state, world, other) {
                    let _ = world.act(&sign(draft, &[key(self.update)]));
                }
            }
        }
    }

    fn ordinary(&mut self, state: &DidState, world: &World, step: &Step) -> Option<Draft> {
        let document = state.document();
        Some(match step {
            Step::Update { service } => {
                let wider =
                    document.with_service(&format!("#s{service}"), "Site", "https://example.com/");
                build::update(state, &wider.unwrap_or_else(|_| document.clone()))
            }
            Step::Retire => build::update(
                state,
                &document
                    .with_revoked("#key-1", world.time().plus_ms(1))
                    .ok()?,
            ),
            Step::Compromise { ago } => build::update(
                state,
                &document
                    .with_compromised("#key-1", world.time().minus_ms(*ago))
                    .ok()?,
            ),
            Step::AskRecovery { seed } => {
                self.recovery.push(220 + seed);
                build::update(state, document).with_recovery(&commitment(&[220 + seed], 1))
            }
            Step::Veto => build::veto(state, state.pending_recovery_at(world.time())?),
            Step::Deactivate => build::deactivate(state),
            _ => return None,
        })
    }

    fn rotate(&mut self, world: &mut World, state: &DidState, honest: bool) {
        let revealed = if honest { self.next } else { self.fresh() };
        let next = self.fresh();
        let keys = UpdateKeys {
            current: set(&[revealed], 1),
            next: Some(commitment(&[next], 1)),
        };
        let verdict = world.act(&sign(
            build::rotate(state, state.document(), &keys),
            &[key(revealed)],
        ));
        assert!(
            honest || verdict.is_err(),
            "a rotation to a key that nobody committed to was taken"
        );
        if verdict.is_ok() {
            (self.update, self.next) = (revealed, next);
        }
    }

    fn recover(&mut self, world: &mut World, state: &DidState, honest: bool) {
        let candidates = if honest {
            self.recovery.clone()
        } else {
            vec![self.fresh()]
        };
        for old in candidates {
            let (update, next, recovery) = (self.fresh(), self.fresh(), self.fresh());
            let keys = UpdateKeys {
                current: set(&[update], 1),
                next: Some(commitment(&[next], 1)),
            };
            let draft = build::recover(
                state,
                state.document(),
                &keys_of(&[old]),
                &keys,
                &commitment(&[recovery], 1),
            );
            let verdict = world.act(&sign(draft, &[key(old)]));
            assert!(
                honest || verdict.is_err(),
                "a recovery by a stranger was taken"
            );
            if verdict.is_ok() {
                (self.update, self.next, self.recovery) = (update, next, vec![recovery]);
                return;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_sequence_of_operations_reaches_a_state_that_its_log_does_not_explain(steps in steps()) {
        let mut world = World::new();
        let mut holder = Holder::new(&mut world);
        let mut ended: Option<DidState> = None;
        for step in &steps {
            holder.try_step(&mut world, step);
            let state = world.state(&holder.did).clone();
            if let Some(end) = &ended {
                prop_assert_eq!(end, &state, "a deactivated DID changed");
            } else if state.deactivated() {
                ended = Some(state);
            }
        }
        let mut replayed = World::new();
        for (time, signed) in &world.log {
            // What is replayed has been through JSON.
            let text = serde_json::to_string(signed).unwrap();
            let again: SignedOperation = serde_json::from_str(&text).unwrap();
            replayed.now = time - crate::common::HOUR;
            replayed.act(&again).unwrap();
        }
        prop_assert_eq!(&replayed.states, &world.states);
        prop_assert_eq!(&replayed.records, &world.records);
    }

    #[test]
    fn a_state_reads_back_as_it_was_written(steps in steps()) {
        let mut world = World::new();
        let mut holder = Holder::new(&mut world);
        for step in &steps {
            holder.try_step(&mut world, step);
        }
        let state = world.state(&holder.did);
        let bytes = chop_integrity::canonicalize(state).unwrap();
        let again: DidState = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(&chop_integrity::canonicalize(&again).unwrap(), &bytes);
        prop_assert_eq!(&again, state);
    }

    #[test]
    fn any_change_to_a_signed_operation_is_refused(at in 0_usize..2_000, byte in any::<u8>()) {
        let mut world = World::new();
        let did = world.organisation(10);
        let state = world.state(&did).clone();
        let wider = state.document().with_also_known_as("https://example.com/").unwrap();
        let signed = sign(build::update(&state, &wider), &[key(10)]);
        let mut bytes = serde_json::to_vec(&signed).unwrap();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        let Ok(value) = serde_json::from_slice::<Value>(&bytes) else { return Ok(()) };
        prop_assume!(&value != signed.value());
        prop_assert!(SignedOperation::try_from(value).is_err());
    }

    #[test]
    fn parsing_and_printing_a_did_round_trips(text in "did:[a-z0-9]{1,8}:[A-Za-z0-9._:%-]{0,60}") {
        if let Ok(did) = Did::parse(&text) {
            prop_assert_eq!(did.to_string(), text.clone());
            if let Ok(chop) = ChopDid::try_from(&did) {
                prop_assert_eq!(chop.to_string(), text);
            }
        }
    }

    #[test]
    fn parsing_any_text_never_panics_and_never_normalises(text in any::<String>()) {
        if let Ok(url) = DidUrl::parse(&text) {
            prop_assert_eq!(url.to_string(), text.clone());
        }
        let _ = ChopDid::parse(&text);
    }

    #[test]
    fn every_did_has_one_spelling(seed in any::<[u8; 32]>(), at in 0_usize..79, letter in "[a-zA-Z0-9=]") {
        let scid = chop_did::Scid::of_genesis(chop_integrity::Hash::from_bytes(seed));
        let did = ChopDid::new(crate::common::ledger("one").short(), scid);
        let text = did.to_string();
        let mut other = text.clone();
        other.replace_range(at..=at, &letter);
        prop_assume!(other != text);
        prop_assert_ne!(ChopDid::parse(&other).ok(), Some(did));
    }
}
