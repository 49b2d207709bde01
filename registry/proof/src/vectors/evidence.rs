//! The golden files under `conformance/vectors/{valid,invalid}/evidence/`: statements that verify without a network.

use std::fs;

use serde::{Deserialize, Serialize};

use crate::fixtures::changing::{CHANGES, Changing, root_at, time_at};
use crate::fixtures::promoted::Promoted;
use crate::{Checkpoint, Direction, Evidence, ProofError, TrustRoot, VerifiedEvidence};

use super::{compare, file};

mod handover;

/// Five years after the first header.
const NOW_MS: i64 = crate::fixtures::START_MS + 5 * 365 * 86_400_000;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    description: String,
    trust_root: TrustRoot,
    now_ms: i64,
    evidence: Evidence,
    /// The code of the refusal; absent in valid cases.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    refused: Option<String>,
    /// What a valid case shows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    shown: Option<Shown>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Shown {
    height: u64,
    direction: String,
    /// Height of the checkpoint, or null.
    checkpoint: Option<u64>,
}

impl From<VerifiedEvidence> for Shown {
    fn from(verified: VerifiedEvidence) -> Self {
        let direction = match verified.direction {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        };
        Self {
            height: verified.header.height,
            direction: direction.to_owned(),
            checkpoint: verified.checkpoint.map(|header| header.height),
        }
    }
}

fn evidence(ledger: &Changing, changes: &[u64], height: u64) -> Evidence {
    Evidence {
        handover: None,
        headers: ledger.encoded(changes),
        proof: ledger.batch(height, &["did/a1", "did/a3"]),
        checkpoint: None,
        timestamp: None,
    }
}

fn confirmed(ledger: &Changing, changes: &[u64], height: u64, head: u64) -> Evidence {
    let links: Vec<_> = (height + 1..head)
        .map(|between| ledger.signed(between).header.clone())
        .collect();
    Evidence {
        checkpoint: Some(Checkpoint::new(&links, ledger.block(head))),
        ..evidence(ledger, changes, height)
    }
}

type Filed = (&'static str, &'static str, Case);

fn case(description: &str, root: TrustRoot, evidence: Evidence) -> Case {
    Case {
        description: description.to_owned(),
        trust_root: root,
        now_ms: NOW_MS,
        evidence,
        refused: None,
        shown: None,
    }
}

fn accepted(name: &'static str, direction: &str, checkpoint: Option<u64>, case: Case) -> Filed {
    let height = case.evidence.proof.height().unwrap();
    let direction = direction.to_owned();
    let shown = Some(Shown {
        height,
        direction,
        checkpoint,
    });
    ("valid", name, Case { shown, ..case })
}

fn refused(name: &'static str, code: &str, case: Case) -> Filed {
    let refused = Some(format!("proof.{code}"));
    ("invalid", name, Case { refused, ..case })
}

fn valid_cases(ledger: &Changing) -> Vec<Filed> {
    vec![
        accepted(
            "two-changes",
            "forward",
            None,
            case(
                "two changes of validators since the trust root, years ago",
                root_at(1),
                evidence(ledger, &CHANGES, 12),
            ),
        ),
        accepted(
            "no-change",
            "forward",
            None,
            case(
                "the pinned validators signed the header",
                root_at(1),
                evidence(ledger, &[], 5),
            ),
        ),
        accepted(
            "newer-root",
            "forward",
            None,
            case(
                "the trust root pins validators of the middle",
                root_at(6),
                evidence(ledger, &CHANGES, 12),
            ),
        ),
        accepted(
            "checkpoint",
            "forward",
            Some(15),
            case(
                "a later header confirms the first one",
                root_at(1),
                confirmed(ledger, &CHANGES, 12, 15),
            ),
        ),
        accepted(
            "checkpoint-after-a-change",
            "forward",
            Some(12),
            case(
                "the validators change between the header and the later one",
                root_at(1),
                confirmed(ledger, &CHANGES, 8, 12),
            ),
        ),
        accepted(
            "backward",
            "backward",
            Some(8),
            case(
                "the pinned validators signed the later header only",
                root_at(6),
                confirmed(ledger, &[], 4, 8),
            ),
        ),
    ]
}

fn invalid_cases(ledger: &Changing) -> Vec<Filed> {
    let mut unlinked = confirmed(ledger, &CHANGES, 12, 15);
    if let Some(checkpoint) = &mut unlinked.checkpoint {
        checkpoint.links.swap(0, 1);
    }
    let mut repeated = evidence(ledger, &CHANGES, 12);
    let again = repeated.proof.statements.first().unwrap().clone();
    repeated.proof.statements.push(again);
    let mut untrue = evidence(ledger, &CHANGES, 12);
    untrue.proof.statements.first_mut().unwrap().value = None;
    let mut other_next = evidence(ledger, &CHANGES, 12);
    other_next.headers.first_mut().unwrap().next_validators =
        ledger.encoded(&[12]).remove(0).validators;
    vec![
        refused(
            "missing-change",
            "untrusted-validators",
            case(
                "the second change is left out",
                root_at(1),
                evidence(ledger, &[5], 12),
            ),
        ),
        refused(
            "no-path",
            "untrusted-validators",
            case(
                "the pinned validators signed nothing of it",
                root_at(10),
                evidence(ledger, &[5], 8),
            ),
        ),
        refused(
            "idle-header",
            "not-advancing",
            case(
                "a header that changes no validators",
                root_at(1),
                evidence(ledger, &[3, 5, 9], 12),
            ),
        ),
        refused(
            "exchanged-next-set",
            "other-validators",
            case(
                "the first change hands over to others than its header names",
                root_at(1),
                other_next,
            ),
        ),
        refused(
            "unlinked-checkpoint",
            "checkpoint",
            case(
                "the links of the checkpoint are in another order",
                root_at(1),
                unlinked,
            ),
        ),
        refused(
            "repeated-key",
            "repeated-key",
            case("two statements about one key", root_at(1), repeated),
        ),
        refused(
            "untrue-absence",
            "path-mismatch",
            case("a key that is there, called absent", root_at(1), untrue),
        ),
        refused(
            "future-change",
            "from-the-future",
            Case {
                now_ms: time_at(1) - 60_000,
                ..case(
                    "everything is dated ahead of the clock",
                    root_at(1),
                    evidence(ledger, &CHANGES, 12),
                )
            },
        ),
    ]
}

fn every_case() -> Vec<Filed> {
    let (changing, promoted) = (Changing::new(), Promoted::new());
    let mut cases = valid_cases(&changing);
    cases.extend(invalid_cases(&changing));
    cases.extend(handover::valid(&promoted));
    cases.extend(handover::invalid(&promoted));
    cases
}

#[test]
fn every_evidence_vector_is_what_the_builder_makes() {
    for (folder, name, case) in every_case() {
        compare(&file("evidence", folder, name), &case);
    }
}

#[test]
fn every_evidence_vector_is_judged_as_it_says() {
    for (folder, least) in [("valid", 11), ("invalid", 22)] {
        let mut judged = 0;
        for entry in fs::read_dir(file("evidence", folder, "x").parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            let case: Case = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let outcome = case.evidence.verify(&case.trust_root, case.now_ms);
            assert_eq!(
                outcome.as_ref().err().map(ProofError::code),
                case.refused.as_deref(),
                "{}",
                path.display()
            );
            assert_eq!(
                outcome.ok().map(Shown::from),
                case.shown,
                "{}",
                path.display()
            );
            judged += 1;
        }
        assert!(judged >= least, "{judged} in {folder}");
    }
}
