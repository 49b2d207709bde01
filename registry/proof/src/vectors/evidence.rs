//! The golden files under `conformance/vectors/{valid,invalid}/evidence/`: statements that verify without a network.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::fixtures::changing::{CHANGES, Changing, root_at, time_at};
use crate::fixtures::promoted::{LAST, Promoted, consortium_root, solo_key, solo_root};
use crate::fixtures::{Part, key, set_of, sign};
use crate::{
    Checkpoint, Direction, EncodedLightBlock, Evidence, Handover, LightBlock, ProofError,
    TrustRoot, VerifiedEvidence,
};
use tendermint::block::Header;

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

fn across(
    ledger: &Promoted,
    handover: Option<Handover>,
    headers: &[u64],
    header: &LightBlock,
) -> Evidence {
    let headers = headers.iter().map(|height| ledger.block(*height));
    Evidence {
        handover,
        headers: headers.map(EncodedLightBlock::from).collect(),
        proof: ledger.batch(header),
        checkpoint: None,
        timestamp: None,
    }
}

fn valid_handovers(ledger: &Promoted) -> Vec<Filed> {
    let whole = |height| across(ledger, Some(ledger.handover()), &[], ledger.block(height));
    let alone = |height| across(ledger, None, &[], ledger.block(height));
    [
        (
            "handover",
            "from a solo ledger's root across its promotion",
            solo_root(),
            whole(10),
        ),
        (
            "handover-first",
            "the header itself that a promotion leads to",
            solo_root(),
            whole(LAST + 1),
        ),
        (
            "handover-newer-root",
            "the trust root pins the validators after the promotion",
            consortium_root(),
            whole(10),
        ),
        (
            "handover-before",
            "a header of the solo ledger, years after its promotion",
            solo_root(),
            alone(3),
        ),
        (
            "first-after-promotion",
            "the first header after a promotion under a trust root that pins its validators",
            consortium_root(),
            alone(LAST + 1),
        ),
    ]
    .into_iter()
    .map(|(name, description, root, evidence)| {
        accepted(name, "forward", None, case(description, root, evidence))
    })
    .collect()
}

fn invalid_handovers(ledger: &Promoted) -> Vec<Filed> {
    let tenth = ledger.block(10);
    let with = |handover| across(ledger, Some(handover), &[], tenth);
    let first = |change: fn(&mut Header)| with(ledger.handover_with(&ledger.changed_first(change)));
    let strangers: Vec<_> = (6..=9).map(key).collect();
    let by_strangers = {
        let powers: Vec<_> = strangers.iter().map(|key| (key, 1)).collect();
        let set = set_of(&powers);
        let mut header = ledger.block(LAST + 1).signed_header.header.clone();
        header.validators_hash = set.hash();
        header.next_validators_hash = set.hash();
        let signers: Vec<_> = strangers.iter().map(|key| (key, 1, Part::Signs)).collect();
        sign(&header, &signers)
    };
    let mut without_record = ledger.handover();
    without_record.record.value = None;
    let mut untrue_record = ledger.handover();
    untrue_record.record.value = Some(r#"{"height":5,"x":1}"#.to_owned());
    let mut solo_above = ledger.block(LAST).clone();
    solo_above.signed_header = {
        let mut header = ledger.block(LAST).signed_header.header.clone();
        header.height = (LAST + 2).try_into().unwrap();
        header.next_validators_hash = header.validators_hash;
        sign(&header, &[(&solo_key(), 1, Part::Signs)])
    };
    let other_first = LightBlock {
        signed_header: ledger.changed_first(|header| header.data_hash = None),
        ..ledger.block(LAST + 1).clone()
    };
    let elsewhere = Promoted::with_record(r#"{"height":4}"#);
    [
        (
            "handover-skipped",
            "handover",
            "the last header of the solo ledger as if it were any change of validators",
            across(ledger, None, &[LAST], tenth),
        ),
        (
            "handover-missing",
            "untrusted-validators",
            "a header after the promotion with nothing that leads to it",
            across(ledger, None, &[], tenth),
        ),
        (
            "handover-other-set",
            "other-validators",
            "a first header by validators to whom the solo ledger did not hand over",
            with(ledger.handover_with(&by_strangers)),
        ),
        (
            "handover-other-state",
            "handover",
            "a first header with another state root",
            first(|header| header.app_hash = vec![9; 32].try_into().unwrap()),
        ),
        (
            "handover-gap",
            "handover",
            "a first header two heights above the last one",
            first(|header| header.height = (LAST + 2).try_into().unwrap()),
        ),
        (
            "handover-with-parent",
            "handover",
            "a first header that names a parent",
            with(ledger.handover_with(&ledger.block(LAST + 2).signed_header)),
        ),
        (
            "handover-not-later",
            "handover",
            "a first header that is not later than the last one",
            first(|header| header.time = tendermint::Time::from_unix_timestamp(1, 0).unwrap()),
        ),
        (
            "handover-other-chain",
            "other-chain",
            "a first header of another chain",
            first(|header| header.chain_id = "chop-other".parse().unwrap()),
        ),
        (
            "handover-without-record",
            "handover",
            "no promotion record",
            with(without_record),
        ),
        (
            "handover-untrue-record",
            "path-mismatch",
            "a promotion record that the state does not hold",
            with(untrue_record),
        ),
        (
            "handover-other-block",
            "handover",
            "a last header that is not the one after the block which promoted",
            across(
                &elsewhere,
                Some(elsewhere.handover()),
                &[],
                elsewhere.block(10),
            ),
        ),
        (
            "handover-twice",
            "handover",
            "the last header of the solo ledger a second time, among the changes",
            across(ledger, None, &[LAST, 10], tenth),
        ),
        (
            "solo-above-promotion",
            "untrusted-validators",
            "a header by the solo key above the promotion",
            across(ledger, Some(ledger.handover()), &[], &solo_above),
        ),
        (
            "other-first-after-promotion",
            "handover",
            "another first header than that of the handover",
            across(ledger, Some(ledger.handover()), &[], &other_first),
        ),
    ]
    .into_iter()
    .map(|(name, code, description, evidence)| {
        refused(name, code, case(description, solo_root(), evidence))
    })
    .collect()
}

fn every_case() -> Vec<Filed> {
    let (changing, promoted) = (Changing::new(), Promoted::new());
    let mut cases = valid_cases(&changing);
    cases.extend(invalid_cases(&changing));
    cases.extend(valid_handovers(&promoted));
    cases.extend(invalid_handovers(&promoted));
    cases
}

fn file(folder: &str, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../conformance/vectors")
        .join(folder)
        .join("evidence")
        .join(format!("{name}.json"))
}

#[test]
fn every_evidence_vector_is_what_the_builder_makes() {
    for (folder, name, case) in every_case() {
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
fn every_evidence_vector_is_judged_as_it_says() {
    for (folder, least) in [("valid", 11), ("invalid", 22)] {
        let mut judged = 0;
        for entry in fs::read_dir(file(folder, "x").parent().unwrap()).unwrap() {
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
