//! Cases under one validator: what a statement may say, and what a header may not.

use tendermint::block::CommitSig;

use super::{Case, Filed, accepted, refused};
use crate::StateProof;
use crate::fixtures::{GENESIS, OTHER_GENESIS, START_MS, Solo};

pub(super) fn cases() -> Vec<Filed> {
    let mut cases = statements();
    cases.extend(headers());
    cases
}

fn case(description: &str, key: &str, value: Option<&str>) -> Case {
    let ledger = Solo::new();
    Case {
        description: description.to_owned(),
        key: key.to_owned(),
        value: value.map(str::to_owned),
        now_ms: START_MS + 1_000,
        max_age_ms: 60_000,
        proof: ledger.proof(key),
        trust_root: ledger.root,
        refused: None,
        height: None,
    }
}

fn present(description: &str) -> Case {
    case(description, "did/a2", Some("{}"))
}

/// Cases about the statement.
fn statements() -> Vec<Filed> {
    let with_proof_of = |description: &str, ledger: &Solo, key: &str| Case {
        proof: ledger.proof(key),
        ..present(description)
    };
    vec![
        accepted("inclusion", 2, present("a key with its value")),
        accepted(
            "absence",
            2,
            case("a key that the ledger does not hold", "did/a3", None),
        ),
        refused(
            "other-value",
            "path-mismatch",
            case("another value than the ledger holds", "did/a2", Some("{ }")),
        ),
        refused(
            "present-called-absent",
            "path-mismatch",
            case("a key that the ledger holds, called absent", "did/a2", None),
        ),
        refused(
            "other-keys-path",
            "path-mismatch",
            with_proof_of("the path of another key", &Solo::new(), "did/a1"),
        ),
        refused(
            "other-ledger",
            "other-chain",
            with_proof_of(
                "a proof of another ledger under the same validator",
                &Solo::of(OTHER_GENESIS, 7),
                "did/a2",
            ),
        ),
        refused(
            "strange-validator",
            "untrusted-validators",
            with_proof_of(
                "a consistent chain by a validator that nobody pinned",
                &Solo::of(GENESIS, 8),
                "did/a2",
            ),
        ),
    ]
}

/// Cases in which the statement is right and the header is not.
fn headers() -> Vec<Filed> {
    let mut trailing = present("protobuf with an unknown field appended");
    trailing.proof.signed_header.extend([0x7a, 0x01, 0x00]);
    vec![
        refused(
            "bad-signature",
            "bad-signature",
            with_bad_signature(present("the precommit's signature altered")),
        ),
        refused(
            "stale-header",
            "stale",
            Case {
                now_ms: START_MS + 3_600_000,
                ..present("a header older than accepted")
            },
        ),
        refused(
            "future-header",
            "from-the-future",
            Case {
                now_ms: START_MS - 3_600_000,
                ..present("a header dated ahead of the clock")
            },
        ),
        refused("not-canonical", "not-canonical", trailing),
    ]
}

fn with_bad_signature(mut case: Case) -> Case {
    let ledger = Solo::new();
    let mut header = ledger.second.clone();
    if let Some(CommitSig::BlockIdFlagCommit {
        signature: Some(signature),
        ..
    }) = header.commit.signatures.first_mut()
    {
        let mut bytes = signature.clone().into_bytes();
        bytes[63] ^= 1;
        *signature = bytes.try_into().unwrap();
    }
    case.proof = StateProof::new(
        header,
        ledger.root.validators(),
        ledger.tree.path(&case.key),
    );
    case
}
