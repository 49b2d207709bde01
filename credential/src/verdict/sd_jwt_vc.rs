//! Judging an SD-JWT VC: the same checks, the same verdict.

use super::judge::{Finding, Sheet, checks, ledger, proof, status};
use super::{CheckName, Evidence, Mark, Policy, Verdict, key_binding};
use crate::problem::ProblemType;
use crate::sd_jwt_vc::{KeySource, SdJwtVc, TypeError, effective_rules};
use crate::securing::ProofReport;
use crate::securing::x5c::{TrustAnchor, X5cError};
use serde_json::json;

/// Judges an SD-JWT VC, and its key binding, from gathered evidence (draft-ietf-oauth-sd-jwt-vc-19 §2.4).
pub fn judge_sd_jwt_vc(credential: &SdJwtVc, evidence: &Evidence, policy: &Policy) -> Verdict {
    let mut sheet = Sheet::new(policy);
    let report = credential.verify(&evidence.keys, policy.as_of, policy.clock_skew_ms);
    let case = Case {
        credential,
        evidence,
        policy,
        report: &report,
    };
    let reports = std::slice::from_ref(&report);
    sheet.enter(CheckName::Structure, || {
        Finding::passed("strict JSON, and the rules of SD-JWT VC hold")
    });
    sheet.enter(CheckName::Contexts, || {
        Finding::not_applicable("an SD-JWT VC has no contexts")
    });
    sheet.enter(CheckName::Proof, || proof(reports, policy));
    sheet.enter(CheckName::IssuerBinding, || case.issuer_binding());
    sheet.enter_marked(CheckName::KeyValidity, |marks| case.key_validity(marks));
    sheet.enter(CheckName::Validity, || case.validity());
    sheet.enter_marked(CheckName::Status, |marks| case.status(marks));
    sheet.enter(CheckName::Schema, || case.type_metadata());
    sheet.enter(CheckName::RelatedResource, || {
        Finding::not_applicable("an SD-JWT VC names no related resource")
    });
    sheet.enter_marked(CheckName::Accreditation, |marks| {
        let act = ledger::Act {
            types: credential.types().collect(),
            created: credential.issued_at().into_iter().collect(),
            anchored: case.anchored(),
        };
        ledger::accreditation(&act, evidence, policy, marks)
    });
    sheet.enter(CheckName::Anchor, || {
        ledger::anchor(credential.issuer(), evidence, policy)
    });
    sheet.enter(CheckName::Transcribed, || {
        Finding::not_applicable("it is the issuer's own")
    });
    let confirmation = credential.confirmation();
    key_binding::enter(
        &mut sheet,
        credential.sd_jwt(),
        confirmation,
        evidence,
        policy,
    );
    sheet.close()
}

struct Case<'a> {
    credential: &'a SdJwtVc,
    evidence: &'a Evidence,
    policy: &'a Policy,
    report: &'a ProofReport,
}

impl<'a> Case<'a> {
    fn anchored(&self) -> Option<chop_integrity::Timestamp> {
        ledger::anchored(self.credential.issuer(), self.evidence, self.policy)
    }

    fn trust(&self) -> Option<Result<&'a TrustAnchor, X5cError>> {
        match self.credential.key_source() {
            KeySource::Chain(chain) => Some(chain.anchor(&self.policy.trust_anchors)),
            _ => None,
        }
    }

    /// The key is the issuer's by the way of finding it that the credential itself determines (§2.5).
    fn issuer_binding(&self) -> Finding {
        if let Err(error) = &self.report.result {
            return if error.is_undecided() {
                Finding::unknown(
                    "its proof could not be verified",
                    ProblemType::EvidenceUnavailable,
                )
            } else {
                Finding::failed("its proof does not verify", ProblemType::IssuerBinding)
            };
        }
        let issuer = self.credential.issuer();
        match (self.credential.key_source(), self.trust()) {
            (KeySource::Chain(chain), Some(anchor)) => {
                let named = self.credential.named_issuer();
                let bound = anchor.and_then(|anchor| {
                    named.map_or(Ok(()), |issuer| chain.is_for(issuer))?;
                    Ok(anchor)
                });
                match bound {
                    Ok(anchor) => Finding::passed(format!(
                        "{} certifies the key of {issuer}",
                        anchor.subject()
                    )),
                    Err(error) => refused(&error, ProblemType::IssuerBinding),
                }
            }
            (KeySource::Metadata { method, .. } | KeySource::Method(method), _) => {
                let fact = self
                    .evidence
                    .keys
                    .get(&method)
                    .and_then(|found| found.found());
                if fact.is_some_and(|fact| fact.belongs_to(issuer)) {
                    Finding::passed(format!("{method} is a key of the issuer"))
                } else {
                    Finding::failed(
                        format!("the key is not one of the issuer, {issuer}"),
                        ProblemType::IssuerBinding,
                    )
                }
            }
            _ => Finding::failed(
                "nothing binds its key to an issuer",
                ProblemType::IssuerBinding,
            ),
        }
    }

    fn key_validity(&self, marks: &mut Vec<Mark>) -> Finding {
        let as_of = self.policy.as_of;
        match (self.credential.key_source(), self.trust()) {
            (KeySource::Chain(chain), Some(Ok(anchor))) => match chain.valid_at(anchor, as_of) {
                Ok(()) => Finding::passed("every certificate is within its term"),
                Err(error) => refused(&error, ProblemType::KeyNotValid),
            },
            (KeySource::Metadata { method, .. } | KeySource::Method(method), _) => {
                let fact = self
                    .evidence
                    .keys
                    .get(&method)
                    .and_then(|found| found.found());
                let keys: Vec<_> = fact.map(|fact| (self.report, fact)).into_iter().collect();
                checks::standing(&keys, self.anchored(), as_of, marks)
            }
            _ => Finding::unknown(
                "no signing key is at hand that anybody vouches for",
                ProblemType::EvidenceUnavailable,
            ),
        }
    }

    fn validity(&self) -> Finding {
        let as_of = self.policy.as_of;
        let outside = |detail| Finding::failed(detail, ProblemType::OutsideValidity);
        if let Some(from) = self.credential.not_before()
            && from > as_of.plus_ms(self.policy.clock_skew_ms)
        {
            return outside(format!("valid from {from}, it is judged as of {as_of}"));
        }
        match self.credential.expires() {
            Some(until) if until <= as_of => {
                outside(format!("valid until {until}, it is judged as of {as_of}"))
            }
            Some(until) => Finding::passed(format!("valid until {until}")),
            None => Finding::passed("valid without end"),
        }
    }

    fn status(&self, marks: &mut Vec<Mark>) -> Finding {
        let issuer = self.credential.issuer();
        if let Some(finding) = status::on_ledger(issuer, self.evidence, self.policy) {
            return finding;
        }
        let referrer = status::Referrer {
            issuer,
            evidence: self.evidence,
            policy: self.policy,
        };
        referrer.lists(&[], self.credential.status(), marks)
    }

    /// The claims are as the type's metadata says (§6.7). Without `vct#integrity` nobody promised that there is any.
    fn type_metadata(&self) -> Finding {
        let credential = self.credential;
        let rules = match effective_rules(credential, &self.evidence.type_metadata) {
            Ok(rules) => rules,
            Err(TypeError::Unavailable { vct, .. })
                if vct == credential.vct() && credential.integrity().is_none() =>
            {
                return Finding::not_applicable("no metadata of its type is at hand");
            }
            Err(error @ TypeError::Unavailable { .. }) => {
                return Finding::unknown(error.to_string(), ProblemType::EvidenceUnavailable)
                    .with(json!({"rule": error.rule()}));
            }
            Err(error) => return misfit(&error),
        };
        match rules
            .iter()
            .try_for_each(|rule| rule.check(credential.sd_jwt()))
        {
            Ok(()) => Finding::passed(format!("{} rules of its type hold", rules.len())),
            Err(error) => misfit(&error),
        }
    }
}

fn refused(error: &X5cError, problem: ProblemType) -> Finding {
    Finding::failed(error.to_string(), problem).with(json!({"rule": error.rule()}))
}

fn misfit(error: &TypeError) -> Finding {
    Finding::failed(error.to_string(), ProblemType::Schema).with(json!({"rule": error.rule()}))
}
