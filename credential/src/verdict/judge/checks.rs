//! The checks that need no ledger.

use super::super::{
    CheckOutcome, Evidence, Finding as Sought, KeyFact, KeyStanding, Mark, Policy, key_holds,
};
use super::{Case, Finding};
use crate::contexts::{ContextError, Contexts};
use crate::problem::ProblemType;
use crate::securing::{ProofReport, ProofTerms, SecuredCredential};
use chop_integrity::Timestamp;
use serde_json::{Map, Value, json};

pub(crate) fn contexts(result: Result<(), ContextError>) -> Finding {
    match result {
        Ok(()) => Finding::passed("every term and type is defined"),
        Err(error @ ContextError::Unknown { .. }) => {
            Finding::unknown(error.to_string(), error.problem())
        }
        Err(error) => Finding::failed(error.to_string(), error.problem()),
    }
}

pub(super) fn reports(
    credential: &SecuredCredential,
    evidence: &Evidence,
    policy: &Policy,
    contexts: &Contexts,
) -> Vec<ProofReport> {
    let terms = ProofTerms {
        purpose: "assertionMethod",
        contexts,
        as_of: policy.as_of,
        clock_skew_ms: policy.clock_skew_ms,
    };
    credential.secured().verify(&evidence.keys, &terms)
}

/// Every proof of a set must verify, unless the policy names the suites of which one suffices.
pub(crate) fn proof(reports: &[ProofReport], policy: &Policy) -> Finding {
    let counting: Vec<&ProofReport> = reports
        .iter()
        .filter(|report| {
            policy
                .sufficient_suites
                .as_ref()
                .is_none_or(|suites| suites.contains(&report.suite))
        })
        .collect();
    if counting.is_empty() {
        let detail = if reports.is_empty() {
            "nobody signed it"
        } else {
            "none of its proofs is of a suite that the policy takes as sufficient"
        };
        return Finding::failed(detail, ProblemType::CryptographicSecurity);
    }
    let errors = || {
        counting
            .iter()
            .filter_map(|report| report.result.as_ref().err())
    };
    let finding = if let Some(error) = errors().find(|error| !error.is_undecided()) {
        Finding::failed(error.to_string(), error.problem())
    } else if let Some(error) = errors().next() {
        Finding::unknown(error.to_string(), error.problem())
    } else {
        match (counting.len(), reports.len()) {
            (1, 1) => Finding::passed("1 of 1 proofs verified"),
            (verified, all) => Finding::passed(format!("{verified} of {all} proofs verified")),
        }
    };
    finding.with(Value::Array(reports.iter().map(evidence_of).collect()))
}

fn evidence_of(report: &ProofReport) -> Value {
    let text = |text: &str| Value::String(text.to_owned());
    let mut evidence = Map::new();
    evidence.insert("suite".to_owned(), text(&report.suite));
    evidence.insert(
        "verificationMethod".to_owned(),
        text(&report.verification_method),
    );
    evidence.insert("verified".to_owned(), Value::Bool(report.result.is_ok()));
    if let Some(created) = report.created {
        evidence.insert("created".to_owned(), Value::String(created.to_string()));
    }
    if let Some(disclosed) = report.disclosed {
        evidence.insert(
            "selectiveDisclosure".to_owned(),
            json!({
                "mandatoryStatements": disclosed.mandatory,
                "chosenStatements": disclosed.chosen,
                "boundToHolder": disclosed.bound,
            }),
        );
    }
    if let Err(error) = &report.result {
        evidence.insert("rule".to_owned(), json!(error.rule()));
        evidence.insert("detail".to_owned(), json!(error.to_string()));
    }
    Value::Object(evidence)
}

/// At least one proof that verifies is by a key of the issuer's own document.
pub(super) fn issuer_binding(case: &Case<'_>) -> Finding {
    let issuer = case.issuer;
    if let Some((report, _)) = case.bound.first() {
        return Finding::passed(report.verification_method.clone() + " is a key of the issuer");
    }
    if case.reports.iter().any(|report| report.result.is_ok()) {
        return Finding::failed(
            format!("no proof is by a key of the issuer, {issuer}"),
            ProblemType::IssuerBinding,
        );
    }
    let undecided = case.reports.iter().any(|report| {
        report
            .result
            .as_ref()
            .is_err_and(crate::securing::SecuringError::is_undecided)
    });
    if undecided {
        Finding::unknown(
            "no proof could be verified",
            ProblemType::EvidenceUnavailable,
        )
    } else {
        Finding::failed("no proof verifies", ProblemType::IssuerBinding)
    }
}

/// Lists the verified proofs by the signer's own keys.
pub(super) fn bound<'a>(
    reports: &'a [ProofReport],
    evidence: &'a Evidence,
    signer: &str,
) -> Vec<(&'a ProofReport, &'a KeyFact)> {
    let verified = reports.iter().filter(|report| report.result.is_ok());
    with_keys(verified, evidence)
        .filter(|(_, fact)| fact.belongs_to(signer))
        .collect()
}

/// Pairs proofs with the keys that they name, as far as these are at hand.
fn with_keys<'a>(
    reports: impl Iterator<Item = &'a ProofReport>,
    evidence: &'a Evidence,
) -> impl Iterator<Item = (&'a ProofReport, &'a KeyFact)> {
    reports.filter_map(|report| {
        let key = evidence.keys.get(&report.verification_method)?;
        Some((report, key.found()?))
    })
}

/// The keys were valid when they signed: the issuer's, or all if none is the issuer's.
pub(super) fn key_validity(case: &Case<'_>, marks: &mut Vec<Mark>) -> Finding {
    if !case.bound.is_empty() {
        return standing(&case.bound, case.anchored, case.policy.as_of, marks);
    }
    let keys: Vec<_> = with_keys(case.reports.iter(), case.evidence).collect();
    standing(&keys, case.anchored, case.policy.as_of, marks)
}

/// Weighs keys that are at hand by what has happened to them since they signed.
pub(in crate::verdict) fn standing(
    keys: &[(&ProofReport, &KeyFact)],
    anchored: Option<Timestamp>,
    as_of: Timestamp,
    marks: &mut Vec<Mark>,
) -> Finding {
    if keys.is_empty() {
        return Finding::unknown(
            "no signing key is at hand",
            ProblemType::EvidenceUnavailable,
        );
    }
    let mut details = Vec::new();
    for (report, fact) in keys {
        match key_holds(&fact.history, report.created, anchored, as_of) {
            Ok(KeyStanding::Live) => {}
            Ok(KeyStanding::Retired {
                since,
                self_declared,
            }) => {
                let date = if self_declared {
                    "by its own word"
                } else {
                    "by the ledger's anchor"
                };
                details.push(format!(
                    "{} was retired at {since}; it signed before, {date}",
                    fact.id
                ));
                marks.push(Mark::KeyRetired {
                    verification_method: fact.id.clone(),
                    since,
                    self_declared,
                });
            }
            Err(fault) => return Finding::failed(format!("{}: {fault}", fact.id), fault.problem()),
        }
    }
    if details.is_empty() {
        Finding::passed("the signing keys are valid")
    } else {
        Finding::passed(details.join("; "))
    }
}

pub(super) fn validity(case: &Case<'_>) -> Finding {
    let credential = case.credential.credential();
    let as_of = case.policy.as_of;
    let claims = case.credential.claims();
    if let Some(from) = credential.valid_from()
        && from > as_of.plus_ms(case.policy.clock_skew_ms)
    {
        return Finding::failed(
            format!("valid from {from}, it is judged as of {as_of}"),
            ProblemType::OutsideValidity,
        );
    }
    match [credential.valid_until(), claims.expires]
        .into_iter()
        .flatten()
        .min()
    {
        Some(until) if until < as_of => Finding::failed(
            format!("valid until {until}, it is judged as of {as_of}"),
            ProblemType::OutsideValidity,
        ),
        Some(until) => Finding::passed(format!("valid until {until}")),
        None => Finding::passed("valid without end"),
    }
}

pub(super) fn related_resource(case: &Case<'_>) -> Finding {
    let mut unknown = None;
    let mut count = 0_usize;
    for resource in case.credential.credential().related_resources() {
        count += 1;
        let bytes = case
            .evidence
            .resources
            .get(resource.id)
            .and_then(Sought::found);
        for digest in &resource.digests {
            let holds = digest
                .published(resource.id)
                .or_else(|| bytes.map(|bytes| digest.matches(bytes)));
            match holds {
                Some(true) => {}
                Some(false) => {
                    return Finding::failed(
                        format!(
                            "{} has not the digest that the credential names",
                            resource.id
                        ),
                        ProblemType::RelatedResource,
                    );
                }
                None => unknown = Some(resource.id),
            }
        }
    }
    match unknown {
        Some(id) => Finding::unknown(
            format!("the bytes of {id} are not at hand"),
            ProblemType::EvidenceUnavailable,
        ),
        None if count == 0 => Finding::not_applicable("it names no related resource"),
        None => Finding::passed(format!("{count} related resources have their digests")),
    }
}

pub(super) fn transcribed(case: &Case<'_>, marks: &mut Vec<Mark>) -> Finding {
    let Some((by, of)) = case.credential.credential().transcription() else {
        return Finding::not_applicable("it is the issuer's own");
    };
    marks.push(Mark::Transcribed {
        by: by.to_owned(),
        of: of.map(str::to_owned),
    });
    let detail = match of {
        Some(of) => format!("copied by {by} from a document of {of}"),
        None => format!("copied by {by}"),
    };
    let accepted = case.policy.accept_transcribed;
    Finding {
        outcome: if accepted {
            CheckOutcome::Passed
        } else {
            CheckOutcome::Failed
        },
        detail: detail.into(),
        problem: (!accepted).then_some(ProblemType::Transcribed),
        evidence: None,
    }
}
