//! The golden files under `conformance/vectors/{valid,invalid}/state-proof/`: one case each.
//!
//! Signatures with Ed25519 are deterministic, so every file can be made again byte for byte; a file that is missing or
//! differs fails the test. `CHOP_WRITE_VECTORS=1` writes them, which takes an ADR once they are published.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tendermint::block::CommitSig;

use crate::fixtures::{GENESIS, OTHER_GENESIS, START_MS, Solo};
use crate::{
    Freshness, ProofError, StateProof, TrustRoot, VerifiedHeader, verify_absence, verify_inclusion,
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    description: String,
    trust_root: TrustRoot,
    key: String,
    /// The claimed value as text, or null for "absent".
    value: Option<String>,
    now_ms: i64,
    max_age_ms: i64,
    proof: StateProof,
    /// The code of the refusal; absent in valid cases.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    refused: Option<String>,
    /// Height of the header; absent in invalid cases.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    height: Option<u64>,
}

impl Case {
    fn check(&self) -> Result<VerifiedHeader, ProofError> {
        let freshness = Freshness::within(self.now_ms, self.max_age_ms);
        match &self.value {
            Some(value) => verify_inclusion(
                &self.trust_root,
                &self.proof,
                &self.key,
                value.as_bytes(),
                &freshness,
            ),
            None => verify_absence(&self.trust_root, &self.proof, &self.key, &freshness),
        }
    }
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

fn refused(code: &str, case: Case) -> Case {
    Case {
        refused: Some(format!("proof.{code}")),
        ..case
    }
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

/// Cases about the statement: (folder, file name without extension, case).
fn statement_cases() -> Vec<(&'static str, &'static str, Case)> {
    let present = || case("a key with its value", "did/a2", Some("{}"));
    let valid = |case: Case| Case {
        height: Some(2),
        ..case
    };
    vec![
        ("valid", "inclusion", valid(present())),
        (
            "valid",
            "absence",
            valid(case("a key that the ledger does not hold", "did/a3", None)),
        ),
        (
            "invalid",
            "other-value",
            refused(
                "path-mismatch",
                case("another value than the ledger holds", "did/a2", Some("{ }")),
            ),
        ),
        (
            "invalid",
            "present-called-absent",
            refused(
                "path-mismatch",
                case("a key that the ledger holds, called absent", "did/a2", None),
            ),
        ),
        (
            "invalid",
            "other-keys-path",
            refused(
                "path-mismatch",
                Case {
                    description: "the path of another key".to_owned(),
                    proof: Solo::new().proof("did/a1"),
                    ..present()
                },
            ),
        ),
        (
            "invalid",
            "other-ledger",
            refused(
                "other-chain",
                Case {
                    description: "a proof of another ledger under the same validator".to_owned(),
                    proof: Solo::of(OTHER_GENESIS, 7).proof("did/a2"),
                    ..present()
                },
            ),
        ),
        (
            "invalid",
            "strange-validator",
            refused(
                "untrusted-validators",
                Case {
                    description: "a consistent chain by a validator that nobody pinned".to_owned(),
                    proof: Solo::of(GENESIS, 8).proof("did/a2"),
                    ..present()
                },
            ),
        ),
    ]
}

/// Cases in which the statement is right and the header is not.
fn header_cases() -> Vec<(&'static str, &'static str, Case)> {
    let present = || case("a key with its value", "did/a2", Some("{}"));
    let trailing = {
        let mut case = case(
            "protobuf with an unknown field appended",
            "did/a2",
            Some("{}"),
        );
        case.proof.signed_header.extend([0x7a, 0x01, 0x00]);
        case
    };
    vec![
        (
            "invalid",
            "bad-signature",
            refused(
                "bad-signature",
                with_bad_signature(case(
                    "the precommit's signature altered",
                    "did/a2",
                    Some("{}"),
                )),
            ),
        ),
        (
            "invalid",
            "stale-header",
            refused(
                "stale",
                Case {
                    description: "a header older than accepted".to_owned(),
                    now_ms: START_MS + 3_600_000,
                    ..present()
                },
            ),
        ),
        (
            "invalid",
            "future-header",
            refused(
                "from-the-future",
                Case {
                    description: "a header dated ahead of the clock".to_owned(),
                    now_ms: START_MS - 3_600_000,
                    ..present()
                },
            ),
        ),
        (
            "invalid",
            "not-canonical",
            refused("not-canonical", trailing),
        ),
    ]
}

fn file(folder: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors")
        .join(folder)
        .join("state-proof")
        .join(format!("{name}.json"))
}

#[test]
fn every_vector_is_what_the_builder_makes() {
    for (folder, name, case) in statement_cases().into_iter().chain(header_cases()) {
        let path = file(folder, name);
        let text = serde_json::to_string_pretty(&case).unwrap() + "\n";
        if std::env::var_os("CHOP_WRITE_VECTORS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            text,
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_vector_file_is_judged_as_it_says() {
    for folder in ["valid", "invalid"] {
        let mut judged = 0;
        for entry in fs::read_dir(file(folder, "x").parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            let case: Case = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let outcome = case.check();
            assert_eq!(
                outcome.as_ref().err().map(ProofError::code),
                case.refused.as_deref(),
                "{}",
                path.display()
            );
            assert_eq!(
                outcome.ok().map(|header| header.height),
                case.height,
                "{}",
                path.display()
            );
            judged += 1;
        }
        assert!(judged >= 2);
    }
}
