//! No altered proof verifies, for its own statement or any other.

use proptest::prelude::*;

use super::*;
use crate::fixtures::{PAIRS, START_MS, Solo};

fn now() -> Freshness {
    Freshness::within(START_MS + 1_000, 60_000)
}

/// Every statement that somebody might want to prove with this proof.
fn shows_anything(ledger: &Solo, proof: &StateProof) -> Option<&'static str> {
    let header = verify_header(&ledger.root, proof, &now()).ok()?;
    PAIRS
        .iter()
        .map(|(name, _)| *name)
        .chain(["did/a3"])
        .find(|name| {
            let values = PAIRS
                .iter()
                .map(|(_, value)| Some(value.as_bytes()))
                .chain([None, Some(&b"other"[..])]);
            values
                .into_iter()
                .any(|value| header.confirm(&proof.path, name, value).is_ok())
        })
}

#[test]
fn no_proof_with_one_bit_flipped_verifies_for_any_statement() {
    let ledger = Solo::new();
    for name in ["did/a2", "did/a3"] {
        let good = ledger.proof(name);
        assert_eq!(shows_anything(&ledger, &good), Some(name));
        let parts: [fn(&mut StateProof) -> &mut Vec<u8>; 3] = [
            |proof| &mut proof.signed_header,
            |proof| &mut proof.validators,
            |proof| &mut proof.path,
        ];
        for part in parts {
            let mut proof = good.clone();
            for index in 0..part(&mut proof).len() {
                for bit in 0..8 {
                    part(&mut proof)[index] ^= 1 << bit;
                    assert_eq!(
                        shows_anything(&ledger, &proof),
                        None,
                        "byte {index}, bit {bit}"
                    );
                    part(&mut proof)[index] ^= 1 << bit;
                }
            }
        }
    }
}

#[test]
fn no_proof_cut_short_or_lengthened_verifies_for_any_statement() {
    let ledger = Solo::new();
    let good = ledger.proof("did/a2");
    let parts: [fn(&mut StateProof) -> &mut Vec<u8>; 3] = [
        |proof| &mut proof.signed_header,
        |proof| &mut proof.validators,
        |proof| &mut proof.path,
    ];
    for part in parts {
        for length in 0..part(&mut good.clone()).len() {
            let mut proof = good.clone();
            part(&mut proof).truncate(length);
            assert_eq!(shows_anything(&ledger, &proof), None, "cut to {length}");
        }
        for byte in 0..=255 {
            let mut proof = good.clone();
            part(&mut proof).push(byte);
            assert_eq!(
                shows_anything(&ledger, &proof),
                None,
                "with {byte} appended"
            );
        }
    }
}

#[test]
fn no_base64_character_can_be_changed_unnoticed() {
    let ledger = Solo::new();
    let good = ledger.proof("did/a2");
    let json = serde_json::to_string(&good).unwrap();
    for (index, old) in json.char_indices() {
        let new = if old == 'A' { 'B' } else { 'A' };
        let mut changed = json.clone();
        changed.replace_range(index..=index, &new.to_string());
        let shown = serde_json::from_str::<StateProof>(&changed)
            .ok()
            .and_then(|proof| shows_anything(&ledger, &proof));
        assert_eq!(shown, None, "{old:?} at {index}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_randomly_altered_proof_verifies_for_any_statement(
        part in 0_usize..3,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let ledger = Solo::new();
        let good = ledger.proof("did/a2");
        let mut proof = good.clone();
        for (index, byte) in edits {
            let bytes = match part {
                0 => &mut proof.signed_header,
                1 => &mut proof.validators,
                _ => &mut proof.path,
            };
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        prop_assume!(proof != good);
        prop_assert_eq!(shows_anything(&ledger, &proof), None);
    }

    #[test]
    fn a_path_shows_only_what_is_so(
        pairs in proptest::collection::btree_map("[a-d]{1,4}", "[x-z]{0,3}", 1..40),
        asked in "[a-d]{1,4}",
    ) {
        let borrowed: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let (tree, app_hash) = crate::fixtures::Tree::with(&borrowed);
        let header = VerifiedHeader { height: 2, time_ms: 0, app_hash, hash: [0; 32], validators: 1, signed: 1 };
        let path = tree.path(&asked);
        for (name, value) in &pairs {
            // A path may show its neighbour too, but only what is so.
            prop_assert!(*name != asked || header.confirm(&path, name, Some(value.as_bytes())).is_ok());
            prop_assert!(header.confirm(&path, name, Some(b"untrue")).is_err());
            prop_assert!(header.confirm(&path, name, None).is_err());
        }
        prop_assert_eq!(header.confirm(&path, &asked, None).is_ok(), !pairs.contains_key(&asked));
    }
}
