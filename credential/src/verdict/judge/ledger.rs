//! The checks that rest on the ledger: anchor, accreditation.

use super::super::accreditation::{Standing, accredited};
use super::super::{Evidence, Finding as Sought, Mark, Policy};
use super::{Case, Finding};
use crate::problem::ProblemType;
use crate::securing::SecuredCredential;
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
