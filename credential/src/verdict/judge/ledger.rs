//! The checks that rest on the ledger: anchor, accreditation.

use super::super::accreditation::{Standing, accredited};
use super::super::{Evidence, Finding as Sought, Mark, Policy};
use super::Finding;
use crate::problem::ProblemType;
use chop_integrity::Timestamp;
use serde_json::json;

/// Reads the time that the ledger proves: of the issuer's own anchor, not after the judgement.
pub(in crate::verdict) fn anchored(
    issuer: &str,
    evidence: &Evidence,
    policy: &Policy,
) -> Option<Timestamp> {
    evidence
        .anchor
        .found()
        .filter(|anchor| anchor.issuer == issuer)
        .map(|anchor| anchor.time)
        .filter(|time| *time <= policy.as_of)
}

pub(in crate::verdict) fn anchor(issuer: &str, evidence: &Evidence, policy: &Policy) -> Finding {
    let fact = match &evidence.anchor {
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
    let shown = json!({
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
    } else if fact.time > policy.as_of {
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
    finding.with(shown)
}

/// Is what an issuer must have been accredited for.
pub(in crate::verdict) struct Act<'a> {
    /// The types that say what the credential is.
    pub(in crate::verdict) types: Vec<&'a str>,
    /// When the signers say that they signed.
    pub(in crate::verdict) created: Vec<Timestamp>,
    /// When the issuer anchored it.
    pub(in crate::verdict) anchored: Option<Timestamp>,
}

/// The issuer is accredited for every type that says what the credential is, as of the act.
pub(in crate::verdict) fn accreditation(
    act: &Act<'_>,
    evidence: &Evidence,
    policy: &Policy,
    marks: &mut Vec<Mark>,
) -> Finding {
    let unavailable = |detail: String| Finding::unknown(detail, ProblemType::EvidenceUnavailable);
    let facts = match &evidence.accreditations {
        Sought::Found(facts) => facts.as_slice(),
        Sought::Absent => &[],
        Sought::Unreachable { reason } => {
            return unavailable(format!("the ledger could not be asked: {reason}"));
        }
        Sought::NotSought => return unavailable("nobody asked the ledger".to_owned()),
    };
    let mut shown = Vec::new();
    let mut details = Vec::new();
    for credential_type in &act.types {
        match accredited(
            facts,
            credential_type,
            &act.created,
            act.anchored,
            policy.as_of,
        ) {
            Ok(Standing::Live(fact)) => {
                details.push(format!(
                    "accredited for {credential_type} by {}",
                    fact.accreditor
                ));
                shown.push(evidence_of(fact));
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
                shown.push(evidence_of(fact));
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
    Finding::passed(details.join("; ")).with(json!(shown))
}

fn evidence_of(fact: &super::super::AccreditationFact) -> serde_json::Value {
    json!({
        "id": fact.id,
        "accreditor": fact.accreditor,
        "credentialType": fact.credential_type,
        "proof": fact.proof,
    })
}
