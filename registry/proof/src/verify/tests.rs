use super::*;
use crate::build::Draft;
use crate::fixtures::{
    GENESIS, OTHER_GENESIS, PAIRS, Part, START_MS, Solo, Tree, key, root_of, sign,
};

fn now() -> Freshness {
    Freshness::within(START_MS + 1_000, 60_000)
}

#[test]
fn shows_that_a_key_holds_its_value() {
    let ledger = Solo::new();
    for (name, value) in PAIRS {
        let header = verify_inclusion(
            &ledger.root,
            &ledger.proof(name),
            name,
            value.as_bytes(),
            &now(),
        )
        .unwrap();
        assert_eq!(header.height, 2);
        assert_eq!(header.app_hash, ledger.app_hash);
        assert_eq!(header.time_ms, START_MS + 1);
        assert_eq!((header.validators, header.signed), (1, 1));
    }
}

#[test]
fn shows_that_a_key_is_absent() {
    let ledger = Solo::new();
    for name in ["did/a3", "", "anchor/three", "zzz"] {
        verify_absence(&ledger.root, &ledger.proof(name), name, &now()).unwrap();
    }
}

#[test]
fn shows_absence_in_an_empty_tree_and_presence_in_a_tree_of_one() {
    let signer = key(7);
    let root = root_of(GENESIS, &[(&signer, 1)]);
    let (tree, app_hash) = Tree::with(&[("only", "value")]);
    let header = Draft {
        chain_id: root.tendermint_chain_id(),
        height: 1,
        time_ms: START_MS,
        previous: None,
        txs: &[],
        app_hash,
        last_results: &[],
        validators: root.validators(),
        next_validators: root.validators(),
    }
    .seal(0, &signer)
    .unwrap();
    let proof = |name: &str| StateProof::new(header.clone(), root.validators(), tree.path(name));
    verify_inclusion(&root, &proof("only"), "only", b"value", &now()).unwrap();
    verify_absence(&root, &proof("other"), "other", &now()).unwrap();
}

#[test]
fn refuses_another_value_under_the_same_key() {
    let ledger = Solo::new();
    let proof = ledger.proof("did/a2");
    let refused = verify_inclusion(&ledger.root, &proof, "did/a2", b"{ }", &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.path-mismatch");
}

#[test]
fn refuses_the_path_of_another_key() {
    let ledger = Solo::new();
    let refused = verify_inclusion(
        &ledger.root,
        &ledger.proof("did/a1"),
        "did/a2",
        b"{}",
        &now(),
    )
    .unwrap_err();
    assert_eq!(refused.code(), "proof.path-mismatch");
}

#[test]
fn refuses_to_call_a_present_key_absent() {
    let ledger = Solo::new();
    for (name, _) in PAIRS {
        // Its own path, the paths of all its neighbours, and those of keys that are really absent.
        for other in PAIRS
            .iter()
            .map(|(name, _)| *name)
            .chain(["did/a3", "zzz", "x", "y"])
        {
            let refused =
                verify_absence(&ledger.root, &ledger.proof(other), name, &now()).unwrap_err();
            assert_eq!(
                refused.code(),
                "proof.path-mismatch",
                "{name} by the path of {other}"
            );
        }
    }
}

#[test]
fn refuses_an_exclusion_path_that_was_cut_short() {
    let ledger = Solo::new();
    let name = "did/a1";
    let siblings = siblings(&ledger.tree.path(name));
    let mut forged = 0;
    // The topmost siblings only, under no leaf: "the subtree where the key would be is empty".
    for kept in 0..=siblings.len() {
        let mut bytes = vec![0_u8];
        bytes.extend(u32::try_from(kept).unwrap().to_le_bytes());
        bytes.extend(siblings[siblings.len() - kept..].concat());
        let proof = StateProof {
            path: bytes,
            ..ledger.proof(name)
        };
        let refused = verify_absence(&ledger.root, &proof, name, &now()).unwrap_err();
        assert_eq!(refused.code(), "proof.path-mismatch");
        forged += 1;
    }
    assert!(forged > 1);
}

/// Takes a borsh path of a present key apart: 1 + 64 bytes of leaf, a count, then 1 or 65 bytes per sibling.
fn siblings(path: &[u8]) -> Vec<Vec<u8>> {
    let (count, mut rest) = path[65..].split_first_chunk::<4>().unwrap();
    let siblings: Vec<Vec<u8>> = (0..u32::from_le_bytes(*count))
        .map(|_| {
            let (sibling, after) = rest.split_at(if rest[0] == 0 { 1 } else { 65 });
            rest = after;
            sibling.to_vec()
        })
        .collect();
    assert!(rest.is_empty());
    siblings
}

#[test]
fn refuses_a_header_of_another_ledger_with_the_same_validator() {
    let ours = Solo::of(GENESIS, 7);
    let theirs = Solo::of(OTHER_GENESIS, 7);
    let refused =
        verify_inclusion(&ours.root, &theirs.proof("did/a2"), "did/a2", b"{}", &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.other-chain");
}

#[test]
fn refuses_a_header_relabelled_for_this_ledger() {
    let ours = Solo::of(GENESIS, 7);
    let theirs = Solo::of(OTHER_GENESIS, 7);
    let mut header = theirs.second.clone();
    header.header.chain_id = ours.root.tendermint_chain_id().clone();
    let proof = StateProof::new(
        header.clone(),
        ours.root.validators(),
        theirs.tree.path("did/a2"),
    );
    let refused = verify_header(&ours.root, &proof, &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.other-block");

    // Also with the commit pointed at the relabelled header: the vote signs the chain id.
    header.commit.block_id.hash = header.header.hash();
    let proof = StateProof::new(header, ours.root.validators(), theirs.tree.path("did/a2"));
    let refused = verify_header(&ours.root, &proof, &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.bad-signature");
}

#[test]
fn refuses_a_stranger_with_a_consistent_chain_of_their_own() {
    let ours = Solo::of(GENESIS, 7);
    let strangers = Solo::of(GENESIS, 8);
    let refused = verify_inclusion(
        &ours.root,
        &strangers.proof("did/a2"),
        "did/a2",
        b"{}",
        &now(),
    )
    .unwrap_err();
    assert_eq!(refused.code(), "proof.untrusted-validators");
}

#[test]
fn refuses_a_validator_set_that_the_header_does_not_name() {
    let ours = Solo::of(GENESIS, 7);
    let proof = StateProof {
        validators: Solo::of(GENESIS, 8).proof("did/a2").validators,
        ..ours.proof("did/a2")
    };
    let refused = verify_header(&ours.root, &proof, &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.other-validators");
}

#[test]
fn refuses_a_stale_header_unless_any_age_will_do() {
    let ledger = Solo::new();
    let proof = ledger.proof("did/a2");
    let later = START_MS + 1 + 60_000;
    verify_header(&ledger.root, &proof, &Freshness::within(later, 60_000)).unwrap();
    let refused =
        verify_header(&ledger.root, &proof, &Freshness::within(later + 1, 60_000)).unwrap_err();
    assert_eq!(
        refused,
        ProofError::Stale {
            age_ms: 60_001,
            limit_ms: 60_000
        }
    );
    verify_header(&ledger.root, &proof, &Freshness::at_any_age(later + 1)).unwrap();
}

#[test]
fn refuses_a_header_from_the_future() {
    let ledger = Solo::new();
    let proof = ledger.proof("did/a2");
    let earlier = START_MS + 1 - Freshness::MAX_AHEAD_MS;
    verify_header(&ledger.root, &proof, &Freshness::within(earlier, 60_000)).unwrap();
    for freshness in [
        Freshness::within(earlier - 1, 60_000),
        Freshness::at_any_age(earlier - 1),
    ] {
        let refused = verify_header(&ledger.root, &proof, &freshness).unwrap_err();
        assert_eq!(
            refused,
            ProofError::FromTheFuture {
                ahead_ms: 10_001,
                limit_ms: 10_000
            }
        );
    }
}

#[test]
fn refuses_an_encoding_that_is_not_the_canonical_one() {
    let ledger = Solo::new();
    let good = ledger.proof("did/a2");
    // Protobuf: an unknown field 15 and a repeated `total_voting_power` decode to the same domain value.
    let unknown_field = [0x7a, 0x01, 0x00];
    let repeated_power = [0x18, 0x01];
    let mut header = good.clone();
    header.signed_header.extend(unknown_field);
    let mut validators = good.clone();
    validators.validators.extend(repeated_power);
    for (proof, part) in [(header, "signed header"), (validators, "validator set")] {
        let refused = verify_header(&ledger.root, &proof, &now()).unwrap_err();
        assert_eq!(refused, ProofError::NotCanonical { part });
    }
    let mut path = good;
    path.path.push(0);
    let refused = verify_inclusion(&ledger.root, &path, "did/a2", b"{}", &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.malformed");
}

#[test]
fn refuses_a_proposer_or_a_priority_that_no_hash_covers() {
    use tendermint_proto::Protobuf;
    use tendermint_proto::v0_38::types::ValidatorSet;
    let ledger = Solo::new();
    let mut with_proposer = ledger.root.validators().clone();
    with_proposer.proposer = with_proposer.validators.first().cloned();
    let mut with_priority = ledger.root.validators().clone();
    with_priority.validators[0].proposer_priority = 5.into();
    for set in [with_proposer, with_priority] {
        let proof = StateProof {
            validators: Protobuf::<ValidatorSet>::encode_vec(set),
            ..ledger.proof("did/a2")
        };
        let refused = verify_header(&ledger.root, &proof, &now()).unwrap_err();
        assert_eq!(
            refused,
            ProofError::NotCanonical {
                part: "validator set"
            }
        );
    }
}

#[test]
fn refuses_parts_that_are_too_long_before_it_reads_them() {
    let ledger = Solo::new();
    let mut header = ledger.proof("did/a2");
    header.signed_header = vec![0; 128 * 1024 + 1];
    let refused = verify_header(&ledger.root, &header, &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.too-long");
    let mut path = ledger.proof("did/a2");
    path.path = vec![0; 20 * 1024 + 1];
    let refused = verify_absence(&ledger.root, &path, "x", &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.too-long");
}

#[test]
fn the_first_header_names_no_parent_and_every_other_names_its_own() {
    let ledger = Solo::new();
    assert_eq!(ledger.first.header.last_block_id, None);
    assert_eq!(
        ledger.second.header.last_block_id,
        Some(ledger.first.commit.block_id)
    );
    let signer = key(7);
    let orphan = sign(
        &block::Header {
            last_block_id: None,
            ..ledger.second.header.clone()
        },
        &[(&signer, 1, Part::Signs)],
    );
    let proof = StateProof::new(orphan, ledger.root.validators(), ledger.tree.path("did/a2"));
    let refused = verify_header(&ledger.root, &proof, &now()).unwrap_err();
    assert_eq!(refused.code(), "proof.inconsistent-header");
}

#[test]
fn a_proof_with_one_validator_stays_small() {
    let pairs: Vec<(String, String)> = (0..4_096)
        .map(|n| (format!("did/{n}"), n.to_string()))
        .collect();
    let borrowed: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let (tree, _) = Tree::with(&borrowed);
    let ledger = Solo::new();
    let proof = StateProof::new(
        ledger.second.clone(),
        ledger.root.validators(),
        tree.path("did/77"),
    );
    let length = proof.signed_header.len() + proof.validators.len() + proof.path.len();
    assert!(
        length <= 2_048,
        "{length} bytes: {} + {} + {}",
        proof.signed_header.len(),
        proof.validators.len(),
        proof.path.len()
    );
}

#[test]
fn a_trust_root_goes_through_json_and_contradictions_are_refused() {
    let keys = [key(1), key(2)];
    let root = root_of(GENESIS, &[(&keys[0], 10), (&keys[1], 7)]);
    let json = serde_json::to_value(&root).unwrap();
    assert_eq!(
        serde_json::from_value::<TrustRoot>(json.clone()).unwrap(),
        root
    );
    assert_eq!(json["chainId"], format!("chop-{}", root.ledger()));
    for (member, value) in [
        ("ledger", serde_json::json!("aaaaaaaaaaaaaaaa")),
        ("chainId", serde_json::json!("chop-aaaaaaaaaaaaaaaa")),
        ("genesis", serde_json::json!(GENESIS.to_uppercase())),
        ("genesis", serde_json::json!(GENESIS.replace('2', "1"))),
        ("validators", serde_json::json!([])),
        (
            "validators",
            serde_json::json!([{"publicKey": "z6Mk", "power": 1}]),
        ),
        (
            "validators",
            serde_json::json!([json["validators"][0], json["validators"][0]]),
        ),
        ("surplus", serde_json::json!(1)),
    ] {
        let mut changed = json.clone();
        changed[member] = value;
        assert!(
            serde_json::from_value::<TrustRoot>(changed.clone()).is_err(),
            "{changed}"
        );
    }
    let mut powerless = json;
    powerless["validators"][0]["power"] = 0.into();
    assert!(serde_json::from_value::<TrustRoot>(powerless).is_err());
}
