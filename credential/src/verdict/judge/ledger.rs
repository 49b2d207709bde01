//! The checks that rest on the ledger: anchor, accreditation, status.

use super::super::accreditation::{Standing, accredited};
use super::super::{AnchorState, Evidence, Finding as Sought, Mark, Policy};
use super::{Case, Finding};
use crate::problem::ProblemType;
use crate::securing::SecuredCredential;
use crate::status::{BitstringEntry, StatusEntry, StatusError};
use chop_integrity::Timestamp;
use serde_json::json;

/// Reads the time that the ledger proves: of the issuer's own anchor, not after the judgement.
pub(super) fn anchored(
    credential: &SecuredCredential,
    evidence: &Evidence,
    policy: &Policy,
) -> Option<Timestamp> {
    evidence
        .anchor
        .found()
        .filter(|anchor| anchor.issuer == credential.credential().issuer())
        .map(|anchor| anchor.time)
        .filter(|time| *time <= policy.as_of)
}

pub(super) fn anchor(case: &Case<'_>) -> Finding {
    let fact = match &case.evidence.anchor {
        Sought::Found(fact) => fact,
        Sought::Absent => {
            return Finding::failed("the ledger does not anchor it", ProblemType::Anchor);
        }
        Sought::Unreachable { reason } => {
            return Finding::unknown(
                format!("the ledger could not be asked: {reason}"),
                ProblemType::EvidenceUnavailable,
            );
        }
        Sought::NotSought => {
            return Finding::unknown("nobody asked the ledger", ProblemType::EvidenceUnavailable);
        }
    };
    let issuer = case.credential.credential().issuer();
    let evidence = json!({
        "issuer": fact.issuer,
        "time": fact.time,
        "height": fact.height,
        "proof": fact.proof,
    });
    let finding = if fact.issuer != issuer {
        Finding::failed(
            format!("anchored by {}, the issuer is {issuer}", fact.issuer),
            ProblemType::Anchor,
        )
    } else if fact.time > case.policy.as_of {
        Finding::failed(
            format!("anchored at {}, after the time of the judgement", fact.time),
            ProblemType::Anchor,
        )
    } else {
        Finding::passed(format!(
            "anchored at {} in block {}",
            fact.time, fact.height
        ))
    };
    finding.with(evidence)
}

/// The issuer is accredited for every type that says what the credential is, as of the act.
pub(super) fn accreditation(case: &Case<'_>, marks: &mut Vec<Mark>) -> Finding {
    let unavailable = |detail: String| Finding::unknown(detail, ProblemType::EvidenceUnavailable);
    let facts = match &case.evidence.accreditations {
        Sought::Found(facts) => facts.as_slice(),
        Sought::Absent => &[],
        Sought::Unreachable { reason } => {
            return unavailable(format!("the ledger could not be asked: {reason}"));
        }
        Sought::NotSought => return unavailable("nobody asked the ledger".to_owned()),
    };
    let credential = case.credential.credential();
    let created: Vec<Timestamp> = case
        .reports
        .iter()
        .filter_map(|report| report.created)
        .collect();
    let mut evidence = Vec::new();
    let mut details = Vec::new();
    for credential_type in credential.specific_types() {
        match accredited(
            facts,
            credential_type,
            &created,
            case.anchored,
            case.policy.as_of,
        ) {
            Ok(Standing::Live(fact)) => {
                details.push(format!(
                    "accredited for {credential_type} by {}",
                    fact.accreditor
                ));
                evidence.push(evidence_of(fact));
            }
            Ok(Standing::Lapsed {
                fact,
                since,
                reason,
                anchored,
            }) => {
                details.push(format!(
                    "was accredited for {credential_type} by {} when it anchored at {anchored}; lapsed at {since}",
                    fact.accreditor
                ));
                evidence.push(evidence_of(fact));
                let mark = Mark::AccreditationLapsed {
                    reason,
                    since,
                    anchored,
                };
                if !marks.contains(&mark) {
                    marks.push(mark);
                }
            }
            Err(fault) => return Finding::failed(fault.to_string(), fault.problem()),
        }
    }
    if details.is_empty() {
        return Finding::failed(
            "it has no type beside VerifiableCredential for which anybody could be accredited",
            ProblemType::NotAccredited,
        );
    }
    Finding::passed(details.join("; ")).with(json!(evidence))
}

fn evidence_of(fact: &super::super::AccreditationFact) -> serde_json::Value {
    json!({
        "id": fact.id,
        "accreditor": fact.accreditor,
        "credentialType": fact.credential_type,
        "proof": fact.proof,
    })
}

/// Every status entry is fetched, signed, fresh and clear, and the ledger holds nothing against the credential.
pub(super) fn status(case: &Case<'_>, marks: &mut Vec<Mark>) -> Finding {
    let ledger = ledger_status(case);
    if let Some(finding) = ledger {
        return finding;
    }
    let entries = match case.credential.credential().status_entries() {
        Ok(entries) => entries,
        Err(error) => return Finding::failed(error.to_string(), error.problem()),
    };
    let mut unknown = None;
    let mut clear = Vec::new();
    for entry in &entries {
        match entry {
            StatusEntry::Other { kind } => {
                unknown.get_or_insert(Finding::unknown(
                    format!("status type {kind} is not supported"),
                    ProblemType::StatusVerification,
                ));
            }
            StatusEntry::Bitstring(entry) => match bitstring(case, entry) {
                Ok(value) => match meaning(entry, value) {
                    Meaning::Clear => clear.push(entry.purpose),
                    Meaning::Message(message) => marks.push(Mark::StatusMessage { message }),
                    Meaning::Set(detail) => return Finding::failed(detail, ProblemType::StatusSet),
                    Meaning::Unknown(detail) => {
                        unknown.get_or_insert(Finding::unknown(
                            detail,
                            ProblemType::StatusVerification,
                        ));
                    }
                },
                Err(finding) if finding.outcome == super::CheckOutcome::Failed => return finding,
                Err(finding) => {
                    unknown.get_or_insert(finding);
                }
            },
        }
    }
    match unknown {
        Some(finding) => finding,
        None if entries.is_empty() => Finding::not_applicable("it names no status"),
        None if clear.is_empty() => Finding::passed("its status lists are read"),
        None => Finding::passed(format!("clear: {}", clear.join(", "))),
    }
}

/// What the ledger's own record of the credential says against it.
fn ledger_status(case: &Case<'_>) -> Option<Finding> {
    let fact = case.evidence.anchor.found()?;
    if fact.issuer != case.credential.credential().issuer() {
        return None;
    }
    let (word, since) = match fact.state {
        AnchorState::Active => return None,
        AnchorState::Suspended(since) => ("suspended", since),
        AnchorState::Revoked(since) => ("revoked", since),
    };
    (since <= case.policy.as_of).then(|| {
        Finding::failed(
            format!("{word} on the ledger since {since}"),
            ProblemType::StatusSet,
        )
    })
}

/// Reads an entry's value from its list; an unreachable list is not clear.
fn bitstring(case: &Case<'_>, entry: &BitstringEntry<'_>) -> Result<u16, Finding> {
    let retrieval = |detail: String| Err(Finding::unknown(detail, ProblemType::StatusRetrieval));
    let list = match case.evidence.status_lists.get(entry.list) {
        Some(Sought::Found(Ok(list))) => list,
        Some(Sought::Found(Err(error))) => return Err(refused(error)),
        Some(Sought::Unreachable { reason }) => {
            return retrieval(format!(
                "status list {} could not be fetched: {reason}",
                entry.list
            ));
        }
        Some(Sought::Absent) => {
            return retrieval(format!("status list {} does not exist", entry.list));
        }
        Some(Sought::NotSought) | None => {
            return retrieval(format!("status list {} was not fetched", entry.list));
        }
    };
    list.status(
        entry,
        case.credential.credential().issuer(),
        &case.policy.status_delegates,
        case.policy.as_of,
    )
    .map_err(|error| refused(&error))
}

/// A list that is out of date may be replaced by a fresh one; any other fault is the issuer's.
fn refused(error: &StatusError) -> Finding {
    match error {
        StatusError::Stale { .. } | StatusError::Validity { .. } => {
            Finding::unknown(error.to_string(), error.problem())
        }
        _ => Finding::failed(error.to_string(), error.problem()),
    }
}

enum Meaning {
    Clear,
    Message(String),
    Set(String),
    Unknown(String),
}

/// What a value means for a purpose (Bitstring Status List 1.0 §2.1); an unknown purpose is never clear.
fn meaning(entry: &BitstringEntry<'_>, value: u16) -> Meaning {
    match entry.purpose {
        "revocation" | "suspension" | "refresh" if value == 0 => Meaning::Clear,
        "revocation" => Meaning::Set("its issuer has revoked it".to_owned()),
        "suspension" => Meaning::Set("its issuer has suspended it".to_owned()),
        // A newer one is to be had; this one holds.
        "refresh" => {
            Meaning::Message("a newer credential is to be had from its refresh service".to_owned())
        }
        "message" => Meaning::Message(
            entry
                .messages
                .get(usize::from(value))
                .map_or_else(|| format!("{value:#x}"), |message| (*message).to_owned()),
        ),
        other => Meaning::Unknown(format!("status purpose {other:?} is not known here")),
    }
}
