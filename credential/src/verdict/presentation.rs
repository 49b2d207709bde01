//! Judging a presentation and the credentials in it.

use super::judge::{Finding, Sheet, contexts, judge, judge_signed, outcome, proof, unparsed};
use super::{Check, CheckName, Evidence, Mark, Outcome, Policy, Verdict, key_holds};
use crate::contexts::Contexts;
use crate::problem::ProblemType;
use crate::securing::{ProofReport, ProofTerms, SecuredCredential, SecuredPresentation, Securing};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Is the judgement of a presentation and of every credential in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresentationVerdict {
    /// What follows from the presentation's checks and its credentials' verdicts.
    pub outcome: Outcome,
    /// The presentation's own checks.
    pub checks: Vec<Check>,
    /// The verdicts of its credentials, in their order.
    pub credentials: Vec<Verdict>,
}

impl PresentationVerdict {
    /// Refuses bytes that are no presentation.
    pub fn unparsed(error: &crate::securing::ParseError, policy: &Policy) -> Self {
        let mut sheet = Sheet::new(policy);
        sheet.enter(CheckName::Structure, || {
            Finding::failed(error.to_string(), error.problem())
        });
        for name in CheckName::PRESENTATION.iter().skip(1) {
            sheet.skip(*name, "the presentation did not parse");
        }
        Self {
            outcome: Outcome::Refused,
            checks: sheet.close().checks,
            credentials: Vec::new(),
        }
    }

    /// Finds the result of one of the presentation's own checks.
    pub fn check(&self, name: CheckName) -> Option<&Check> {
        self.checks.iter().find(|check| check.check == name)
    }
}

/// Judges a presentation from evidence about itself and about each of its credentials, in their order.
///
/// A credential without evidence is judged without any.
pub fn judge_presentation(
    presentation: &SecuredPresentation,
    own: &Evidence,
    credentials: &[Evidence],
    policy: &Policy,
    known: &Contexts,
) -> PresentationVerdict {
    let terms = ProofTerms {
        purpose: "authentication",
        contexts: known,
        as_of: policy.as_of,
        clock_skew_ms: policy.clock_skew_ms,
    };
    let reports = presentation.secured().verify(&own.keys, &terms);
    let mut sheet = Sheet::new(policy);
    sheet.enter(CheckName::Structure, || {
        Finding::passed("strict JSON, and the data model's rules hold")
    });
    sheet.enter(CheckName::Contexts, || {
        contexts(known.check_document(&without_credentials(presentation)))
    });
    sheet.enter(CheckName::Proof, || proof(&reports, policy));
    sheet.enter(CheckName::IssuerBinding, || {
        presenter_binding(presentation, own, &reports)
    });
    sheet.enter(CheckName::KeyValidity, || {
        key_validity(own, &reports, policy)
    });
    sheet.enter(CheckName::Domain, || domain(presentation, policy));
    sheet.enter(CheckName::Challenge, || challenge(presentation, policy));
    sheet.enter(CheckName::Audience, || audience(presentation, policy));
    sheet.enter_marked(CheckName::HolderBinding, |_: &mut Vec<Mark>| {
        holder_binding(presentation, own, &reports, policy)
    });
    let nothing = Evidence::default();
    let verdicts: Vec<Verdict> = presentation
        .credentials()
        .iter()
        .enumerate()
        .map(|(index, credential)| match credential {
            Ok(credential) => {
                let evidence = credentials.get(index).unwrap_or(&nothing);
                match credential.securing() {
                    Securing::Unsecured => {
                        let evidence = Evidence {
                            keys: own.keys.clone(),
                            ..evidence.clone()
                        };
                        self_asserted(credential, &evidence, policy, known, &reports)
                    }
                    Securing::DataIntegrity(_) | Securing::Jose(_) | Securing::Cose(_) => {
                        judge(credential, evidence, policy, known)
                    }
                    Securing::SdJwt(sd_jwt) if sd_jwt.key_binding().is_some() => {
                        judge(credential, evidence, policy, known)
                    }
                    Securing::SdJwt(_) => judge(credential, evidence, &policy.held(), known),
                }
            }
            Err(error) => unparsed(&error.to_string(), error.problem(), policy),
        })
        .collect();
    let outcomes = verdicts
        .iter()
        .map(|verdict| verdict.outcome)
        .chain([outcome(&sheet.checks)]);
    let outcome = outcomes.max_by_key(|outcome| match outcome {
        Outcome::Accepted => 0,
        Outcome::Indeterminate => 1,
        Outcome::Refused => 2,
    });
    PresentationVerdict {
        outcome: outcome.unwrap_or(Outcome::Indeterminate),
        checks: sheet.checks,
        credentials: verdicts,
    }
}

/// Judges a credential without a proof of its own by the presentation's (VC Data Model 2.0 §4.13.4).
fn self_asserted(
    credential: &SecuredCredential,
    evidence: &Evidence,
    policy: &Policy,
    known: &Contexts,
    reports: &[ProofReport],
) -> Verdict {
    let mut verdict = judge_signed(credential, evidence, policy, known, reports);
    verdict.marks.push(Mark::SelfAsserted {
        by: credential.credential().issuer().to_owned(),
    });
    verdict
}

/// The credentials are checked under their own contexts.
fn without_credentials(presentation: &SecuredPresentation) -> serde_json::Map<String, Value> {
    presentation
        .presentation()
        .json()
        .iter()
        .filter(|(name, _)| *name != "verifiableCredential")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Names who presents, as the verified proofs show it: the controller of the keys, if it is one.
fn presenter<'a>(own: &'a Evidence, reports: &[ProofReport]) -> Option<&'a str> {
    let mut controllers = reports
        .iter()
        .filter(|report| report.result.is_ok())
        .filter_map(|report| own.keys.get(&report.verification_method)?.found())
        .filter(|fact| fact.belongs_to(&fact.controller))
        .map(|fact| fact.controller.as_str());
    let first = controllers.next()?;
    controllers.all(|other| other == first).then_some(first)
}

fn presenter_binding(
    presentation: &SecuredPresentation,
    own: &Evidence,
    reports: &[ProofReport],
) -> Finding {
    match (presenter(own, reports), presentation.holder()) {
        (Some(presenter), Some(holder)) if presenter == holder => {
            Finding::passed(format!("signed by its holder, {holder}"))
        }
        (Some(presenter), None) => {
            Finding::passed(format!("signed by {presenter}; it names no holder"))
        }
        (Some(presenter), Some(holder)) => Finding::failed(
            format!("signed by {presenter}, its holder is {holder}"),
            ProblemType::IssuerBinding,
        ),
        (None, _) => Finding::failed(
            "no one presenter's proof verifies",
            ProblemType::IssuerBinding,
        ),
    }
}

fn key_validity(own: &Evidence, reports: &[ProofReport], policy: &Policy) -> Finding {
    let mut seen = false;
    for report in reports {
        if let Some(fact) = own
            .keys
            .get(&report.verification_method)
            .and_then(|found| found.found())
        {
            seen = true;
            // A presentation speaks for the present moment: a key that has ended does not present, whatever the proof says of its date.
            if let Err(fault) = key_holds(&fact.history, None, None, policy.as_of) {
                return Finding::failed(format!("{}: {fault}", fact.id), fault.problem());
            }
        }
    }
    if seen {
        Finding::passed("the signing keys are valid")
    } else {
        Finding::unknown(
            "no signing key is at hand",
            ProblemType::EvidenceUnavailable,
        )
    }
}

fn domain(presentation: &SecuredPresentation, policy: &Policy) -> Finding {
    let Some(expected) = &policy.expected.domain else {
        return Finding::not_applicable("no domain is expected");
    };
    match presentation.securing() {
        Securing::DataIntegrity(proofs) => {
            let names = |value: Option<&Value>| match value {
                Some(Value::String(one)) => one == expected,
                Some(Value::Array(items)) => {
                    items.iter().any(|item| item.as_str() == Some(expected))
                }
                _ => false,
            };
            if proofs.iter().all(|proof| names(proof.get("domain"))) {
                Finding::passed("the proof names the domain")
            } else {
                Finding::failed(
                    "the proof does not name the expected domain",
                    ProblemType::InvalidDomain,
                )
            }
        }
        Securing::Jose(_) | Securing::SdJwt(_) | Securing::Cose(_) => {
            Finding::not_applicable("a token names an audience")
        }
        Securing::Unsecured => Finding::failed("nobody signed it", ProblemType::InvalidDomain),
    }
}

fn challenge(presentation: &SecuredPresentation, policy: &Policy) -> Finding {
    let Some(expected) = &policy.expected.challenge else {
        return Finding::not_applicable("no challenge is expected");
    };
    let answers = match presentation.securing() {
        Securing::DataIntegrity(proofs) => proofs
            .iter()
            .all(|proof| proof.get("challenge").and_then(Value::as_str) == Some(expected)),
        Securing::Jose(_) | Securing::SdJwt(_) | Securing::Cose(_) => {
            presentation.claims().nonce.as_ref() == Some(expected)
        }
        Securing::Unsecured => false,
    };
    if answers {
        Finding::passed("the proof answers the challenge")
    } else {
        Finding::failed(
            "the proof does not answer the expected challenge",
            ProblemType::InvalidChallenge,
        )
    }
}

fn audience(presentation: &SecuredPresentation, policy: &Policy) -> Finding {
    let expected = policy
        .expected
        .audience
        .as_ref()
        .or(policy.expected.domain.as_ref());
    match (presentation.securing(), expected) {
        (Securing::Jose(_) | Securing::SdJwt(_) | Securing::Cose(_), Some(expected)) => {
            if presentation.claims().audience.contains(expected) {
                Finding::passed("the token is for the expected audience")
            } else {
                Finding::failed(
                    "the token is not for the expected audience",
                    ProblemType::InvalidDomain,
                )
            }
        }
        (Securing::Jose(_) | Securing::SdJwt(_) | Securing::Cose(_), None) => {
            Finding::not_applicable("no audience is expected")
        }
        _ => Finding::not_applicable("only tokens name an audience"),
    }
}

/// The presenter is a subject of every credential, or signs with the key that it confirms, unless the policy lets whoever bears
/// it present it.
fn holder_binding(
    presentation: &SecuredPresentation,
    own: &Evidence,
    reports: &[ProofReport],
    policy: &Policy,
) -> Finding {
    let credentials = presentation.credentials();
    if credentials.is_empty() {
        return Finding::not_applicable("it holds no credential");
    }
    let presenter = presenter(own, reports);
    let stranger = credentials.iter().find_map(|credential| {
        let secured = credential.as_ref().ok()?;
        let credential = secured.credential();
        let own = presenter
            .is_some_and(|presenter| credential.subject_ids().any(|id| id == presenter))
            || confirmed(secured, own, reports);
        (!own).then(|| {
            credential
                .subject_ids()
                .next()
                .unwrap_or("nobody by id")
                .to_owned()
        })
    });
    match stranger {
        None => {
            Finding::passed("the presenter is the subject of every credential, or confirmed by it")
        }
        Some(_) if policy.accept_bearer => Finding::passed(
            "the presenter is not the subject of every credential; the policy lets a bearer present",
        ),
        Some(subject) => Finding::failed(
            format!(
                "presented by {}, a credential is about {subject}",
                presenter.unwrap_or("nobody")
            ),
            ProblemType::HolderBinding,
        ),
    }
}

/// Says whether a verified proof of the presentation is by the key that a credential confirms (`cnf`, RFC 7800).
fn confirmed(credential: &SecuredCredential, own: &Evidence, reports: &[ProofReport]) -> bool {
    let Some(confirmation) = &credential.claims().confirmation else {
        return false;
    };
    reports
        .iter()
        .filter(|report| report.result.is_ok())
        .filter_map(|report| own.keys.get(&report.verification_method)?.found())
        .any(|fact| confirmation.confirms(&fact.id, &fact.key))
}
