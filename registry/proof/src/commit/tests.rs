use tendermint::block::CommitSig;
use tendermint::block::signed_header::SignedHeader;

use crate::build::Draft;
use crate::fixtures::{GENESIS, PAIRS, Part, START_MS, Tree, key, root_of, sign};
use crate::{Freshness, ProofError, StateProof, TrustRoot, verify_header, verify_inclusion};

fn now() -> Freshness {
    Freshness::within(START_MS + 1_000, 60_000)
}

/// Four validators of unequal power, in the set's order.
fn four() -> (TrustRoot, [chop_keys::PrivateKey; 4]) {
    let keys = [key(1), key(2), key(3), key(4)];
    let root = root_of(
        GENESIS,
        &[(&keys[0], 10), (&keys[1], 7), (&keys[2], 7), (&keys[3], 3)],
    );
    (root, keys)
}

fn committed(parts: [Part; 4]) -> (TrustRoot, SignedHeader, Vec<u8>) {
    let (root, keys) = four();
    let (tree, app_hash) = Tree::with(&PAIRS);
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
    .header()
    .unwrap();
    let signed = sign(
        &header,
        &[
            (&keys[0], 10, parts[0]),
            (&keys[1], 7, parts[1]),
            (&keys[2], 7, parts[2]),
            (&keys[3], 3, parts[3]),
        ],
    );
    (root, signed, tree.path("did/a2"))
}

#[test]
fn accepts_more_than_two_thirds_of_the_power_and_no_less() {
    use Part::{Absent, Signs, SignsNil};
    for (parts, signed) in [
        ([Signs, Signs, Signs, Signs], Ok(4)),
        ([Signs, Signs, Signs, Absent], Ok(3)),
        ([Signs, Signs, Absent, Signs], Ok(3)),
        ([Signs, Signs, Signs, SignsNil], Ok(3)),
        // 10 + 7 of 27 is under 18, 7 + 7 + 3 too.
        ([Signs, Signs, Absent, Absent], Err(17)),
        ([Absent, Signs, Signs, Signs], Err(17)),
        ([SignsNil, Signs, Signs, Signs], Err(17)),
        ([Absent, Absent, Absent, Absent], Err(0)),
    ] {
        let (root, header, path) = committed(parts);
        let proof = StateProof::new(header, root.validators(), path);
        let found = verify_inclusion(&root, &proof, "did/a2", b"{}", &now());
        match signed {
            Ok(signed) => assert_eq!(found.unwrap().signed, signed),
            Err(power) => assert_eq!(
                found.unwrap_err(),
                ProofError::TooLittlePower {
                    signed: power,
                    total: 27
                }
            ),
        }
    }
}

#[test]
fn refuses_exactly_two_thirds() {
    let keys = [key(1), key(2), key(3)];
    let root = root_of(GENESIS, &[(&keys[0], 1), (&keys[1], 1), (&keys[2], 1)]);
    let header = Draft {
        chain_id: root.tendermint_chain_id(),
        height: 1,
        time_ms: START_MS,
        previous: None,
        txs: &[],
        app_hash: [0; 32],
        last_results: &[],
        validators: root.validators(),
        next_validators: root.validators(),
    }
    .header()
    .unwrap();
    let signed = sign(
        &header,
        &[
            (&keys[0], 1, Part::Signs),
            (&keys[1], 1, Part::Signs),
            (&keys[2], 1, Part::Absent),
        ],
    );
    let refused = verify_header(
        &root,
        &StateProof::new(signed, root.validators(), vec![]),
        &now(),
    )
    .unwrap_err();
    assert_eq!(
        refused,
        ProofError::TooLittlePower {
            signed: 2,
            total: 3
        }
    );
}

#[test]
fn reads_the_signatures_past_two_thirds() {
    let (root, mut header, path) = committed([Part::Signs; 4]);
    // The first three have 24 of 27; the fourth is not needed, but it is listed.
    if let CommitSig::BlockIdFlagCommit { signature, .. } = &mut header.commit.signatures[3] {
        let mut bytes = signature.clone().unwrap().into_bytes();
        bytes[40] ^= 1;
        *signature = Some(bytes.try_into().unwrap());
    }
    let proof = StateProof::new(header, root.validators(), path);
    let refused = verify_header(&root, &proof, &now()).unwrap_err();
    assert!(
        matches!(refused, ProofError::BadSignature { index: 3, .. }),
        "{refused}"
    );
}

#[test]
fn reads_the_signatures_for_nil() {
    let (root, mut header, path) =
        committed([Part::Signs, Part::Signs, Part::Signs, Part::SignsNil]);
    if let CommitSig::BlockIdFlagNil { signature, .. } = &mut header.commit.signatures[3] {
        let mut bytes = signature.clone().unwrap().into_bytes();
        bytes[40] ^= 1;
        *signature = Some(bytes.try_into().unwrap());
    }
    let proof = StateProof::new(header, root.validators(), path);
    let refused = verify_header(&root, &proof, &now()).unwrap_err();
    assert!(
        matches!(refused, ProofError::BadSignature { index: 3, .. }),
        "{refused}"
    );
}

#[test]
fn refuses_signatures_out_of_the_order_of_the_set() {
    let (root, mut header, path) = committed([Part::Signs; 4]);
    header.commit.signatures.swap(1, 2);
    let proof = StateProof::new(header, root.validators(), path);
    let refused = verify_header(&root, &proof, &now()).unwrap_err();
    assert!(
        matches!(refused, ProofError::OutOfOrder { index: 1, .. }),
        "{refused}"
    );
}

#[test]
fn refuses_one_validator_in_all_places() {
    let (root, mut header, path) = committed([Part::Signs; 4]);
    let first = header.commit.signatures[0].clone();
    header.commit.signatures = vec![first; 4];
    let proof = StateProof::new(header, root.validators(), path);
    let refused = verify_header(&root, &proof, &now()).unwrap_err();
    assert!(
        matches!(refused, ProofError::OutOfOrder { index: 1, .. }),
        "{refused}"
    );
}

#[test]
fn refuses_a_commit_with_a_place_too_few_or_too_many() {
    let (root, header, path) = committed([Part::Signs; 4]);
    let mut short = header.clone();
    short.commit.signatures.pop();
    let mut long = header;
    long.commit.signatures.push(CommitSig::BlockIdFlagAbsent);
    for (header, signatures) in [(short, 3), (long, 5)] {
        let proof = StateProof::new(header, root.validators(), path.clone());
        let refused = verify_header(&root, &proof, &now()).unwrap_err();
        assert_eq!(
            refused,
            ProofError::CommitLength {
                signatures,
                validators: 4
            }
        );
    }
}

#[test]
fn a_vote_follows_zip_215_where_the_strict_rule_would_refuse() {
    // A validator whose key is of small order: ZIP-215 accepts R = identity, S = 0 over any message (that is why such
    // a key never gets into a trust root), and the strict rule refuses it. CometBFT does as ZIP-215 says.
    let identity = {
        let mut bytes = [0_u8; 32];
        bytes[0] = 1;
        bytes
    };
    let mut signature = [0_u8; 64];
    signature[0] = 1;
    let public = tendermint::PublicKey::from_raw_ed25519(&identity).unwrap();
    let info = tendermint::validator::Info::new(public, 1_u32.into());
    let signature = tendermint::Signature::try_from(&signature[..]).unwrap();
    info.verify_signature(
        &tendermint::crypto::default::signature::Verifier,
        b"any message",
        &signature,
    )
    .unwrap();
    let strict = chop_keys::PublicKey::from_raw(chop_keys::KeyType::Ed25519, &identity);
    assert!(
        strict.is_err()
            || strict
                .unwrap()
                .verify_strict(b"any message", signature.as_bytes())
                .is_err()
    );
}
